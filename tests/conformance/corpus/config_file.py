"""Configs from files: one that the code names, and one that the manifest does."""

from metaflow import Config, FlowSpec, step

CASE = {
    "cold": True,
    "shows": ["`Config` with a file from the manifest"],
    "files": {"model.json": '{"name": "from the code"}', "other.json": '{"name": "$HOME {{ ds }}"}'},
    "entry": {"config_files": {"other": "flows/config_file/other.json"}},
    "artifacts": {"end": {"names": ["from the code", "$HOME {{ ds }}"]}},
}


class ConfigFileFlow(FlowSpec):
    model = Config("model", default="model.json")
    other = Config("other", default="model.json")

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        self.names = [self.model.name, self.other.name]


if __name__ == "__main__":
    ConfigFileFlow()
