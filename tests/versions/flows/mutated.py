"""Parameters and variables that a mutator of the user's own adds and changes."""

import os

import metaflow
from metaflow import Config, FlowSpec, JSONType, Parameter, environment, step

IS_NEW = hasattr(metaflow, "FlowMutator")
# Before 2.16 it was called so, and had one method for both times.
FlowMutator = metaflow.FlowMutator if IS_NEW else metaflow.CustomFlowDecorator


class Nothing(FlowMutator):
    def evaluate(self, mutable_flow):
        pass


class Add(FlowMutator):
    def init(self, field):
        self.field = field

    def pre_mutate(self, mutable_flow):
        for name, default in mutable_flow.config[self.field].items():
            mutable_flow.add_parameter(name, Parameter(name, type=str, default=default), overwrite=True)
        mutable_flow.add_parameter("options", Parameter("options", type=JSONType, default='{"a": [1]}'))
        for _, each in mutable_flow.steps:
            variables = {"vars": {"LEVEL": "3"}}
            each.add_decorator(environment, **({"deco_kwargs": variables} if IS_NEW else variables))

    evaluate = pre_mutate


@Nothing
@Add("parameters")
class MutatedFlow(FlowSpec):
    config = Config("config", default_value={"parameters": {"first": "41", "changed": "42"}})
    changed = Parameter("changed", type=int, default=1)

    @step
    def start(self):
        self.found = [self.first, self.changed, self.options, os.environ["LEVEL"]]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    MutatedFlow()
