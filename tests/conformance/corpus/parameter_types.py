"""A parameter of every type, with the defaults of the code."""

from metaflow import FlowSpec, JSONType, Parameter, step

CASE = {
    "shows": ["str, int, float, bool, JSONType", "`separator`", "default None"],
    "artifacts": {
        "end": {
            "text": "a 'b' \"c\"",
            "whole": 3,
            "real": 0.5,
            "yes": True,
            "no": False,
            "document": {"a": [1, None, "ä"]},
            "words": ["x", "y"],
            "nothing": None,
        }
    },
}


class ParameterTypesFlow(FlowSpec):
    text = Parameter("text", default="a 'b' \"c\"", help="Any text.")
    whole = Parameter("whole", default=3)
    real = Parameter("real", default=0.5)
    yes = Parameter("yes", default=True)
    no = Parameter("no", default=False)
    document = Parameter("document", type=JSONType, default='{"a": [1, null, "ä"]}')
    words = Parameter("words", separator=",", default="x,y")
    nothing = Parameter("nothing", type=str)

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        self.all = [self.text, self.whole, self.real, self.yes, self.no, self.document, self.words, self.nothing]


if __name__ == "__main__":
    ParameterTypesFlow()
