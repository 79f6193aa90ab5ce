"""A value that is longer than one variable of a process may be."""

from metaflow import FlowSpec, Parameter, step

CASE = {
    "shows": ["a value of more than 100 KB"],
    "artifacts": {"start": {"size": 142500, "same": True}},
}


class ParameterLongFlow(FlowSpec):
    text = Parameter("text", default="$(HOME) ä`'\n\"{{ }}\\" * 7500)

    @step
    def start(self):
        self.size, self.same = len(self.text), self.text == "$(HOME) ä`'\n\"{{ }}\\" * 7500
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ParameterLongFlow()
