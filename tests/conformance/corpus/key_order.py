"""Values of JSON whose keys have an order: in code, manifest and files, and given when the run is triggered."""

from metaflow import Config, FlowSpec, JSONType, Parameter, step

CASE = {
    "cold": True,
    "shows": ["the order of keys in JSON parameters and Configs"],
    "files": {"stages.json": '{"load": 1, "clean": 2, "fit": 3}'},
    "entry": {
        "parameters": {"written": {"load": 1, "clean": 2, "fit": 3}},
        "config_values": {"settings": {"load": 1, "clean": 2, "fit": 3}},
        "config_files": {"other": "flows/key_order/stages.json"},
    },
    "runs": [{"conf": {"given": {"load": 1, "clean": 2, "fit": 3}}}],
    "artifacts": {"start": {"orders": ["load, clean, fit"], "count": 9}},
}
VALUE = {"load": 1, "clean": 2, "fit": 3}


class KeyOrderFlow(FlowSpec):
    stages = Parameter("stages", type=JSONType, default=VALUE)
    as_text = Parameter("as_text", type=JSONType, default='{"load": 1, "clean": 2, "fit": 3}')
    made = Parameter("made", type=JSONType, default=lambda context: VALUE)
    written = Parameter("written", type=JSONType, default="{}")
    given = Parameter("given", type=JSONType, default="{}")
    settings = Config("settings", default_value={})
    file = Config("file", default="stages.json")
    other = Config("other", default_value={})
    value = Config("value", default_value=VALUE)

    @step
    def start(self):
        values = [self.stages, self.as_text, self.made, self.written, self.given]
        orders = [", ".join(each) for each in [*values, self.settings, self.file, self.other, self.value]]
        self.orders, self.count = sorted(set(orders)), len(orders)
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    KeyOrderFlow()
