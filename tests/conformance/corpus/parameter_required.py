"""A parameter without a default, which the manifest gives."""

from metaflow import FlowSpec, Parameter, step

CASE = {
    "shows": ["required", "defaults that the manifest gives"],
    "entry": {"parameters": {"needed": "$HOME {{ ds }} 'x'", "rate": 0.25}},
    "artifacts": {"start": {"needed": "$HOME {{ ds }} 'x'", "rate": 0.25, "other": 1}},
}


class ParameterRequiredFlow(FlowSpec):
    needed = Parameter("needed", required=True)
    rate = Parameter("rate", default=1.0)
    other = Parameter("other", default=1)

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ParameterRequiredFlow()
