"""Values that are given when the run is triggered."""

from metaflow import FlowSpec, JSONType, Parameter, step

CASE = {
    "shows": ["a value given at trigger time, unchanged"],
    "runs": [
        {
            "conf": {
                "text": '"it\'s" $(HOME) $$ $HOME `id` $(id) {{ ds }} {% raw %} \\ ä\n漢字 ${METAFLOW_RUN_ID}',
                "whole": -7,
                "real": 1e-9,
                "flag": True,
                "document": {"a": ["$HOME", None, {"b": False}]},
                "words": "x|y, z",
                "needed": "",
            }
        }
    ],
    "artifacts": {
        "start": {
            "text": '"it\'s" $(HOME) $$ $HOME `id` $(id) {{ ds }} {% raw %} \\ ä\n漢字 ${METAFLOW_RUN_ID}',
            "whole": -7,
            "real": 1e-9,
            "flag": True,
            "document": {"a": ["$HOME", None, {"b": False}]},
            "words": ["x", "y, z"],
            "needed": "",
        }
    },
}


class ParametersGivenFlow(FlowSpec):
    text = Parameter("text", default="")
    whole = Parameter("whole", default=0)
    real = Parameter("real", default=0.0)
    flag = Parameter("flag", default=False)
    document = Parameter("document", type=JSONType, default="{}")
    words = Parameter("words", separator="|", default="")
    needed = Parameter("needed", default="given by nobody")

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ParametersGivenFlow()
