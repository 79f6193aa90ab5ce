"""Settings of Metaflow that the environment has in the manifest (`columns.py`)."""

from metaflow import FlowSpec, metaflow_config, step

CASE = {
    "shows": ["METAFLOW_* settings of the manifest reach the tasks"],
    "artifacts": {"start": {"limit": 31}},
}


class SettingsFlow(FlowSpec):
    @step
    def start(self):
        self.limit = metaflow_config.MAXIMUM_FOREACH_VALUE_CHARS
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    SettingsFlow()
