"""Parameters, variables and retries that mutators add, change and remove, as a Config says."""

import os

from metaflow import Config, FlowMutator, FlowSpec, JSONType, Parameter, StepMutator, current, environment, retry, step

CASE = {
    "cold": True,
    "shows": ["parameters and decorators that mutators add, change and remove"],
    "entry": {"config_values": {"config": {"parameters": {"first": "$HOME {{ ds }}"}, "level": "3"}}},
    "runs": [{"conf": {"second": [1, {"b": None}]}}],
    "artifacts": {
        "start": {
            "values": ["$HOME {{ ds }}", [1, {"b": None}], 7, "kept"],
            "has_removed": False,
            "variables": ["3", None],
        },
        "end": {"variables": [None, "removed"]},
    },
    "attempts": {"start": 1, "end": 0},
}


class Nothing(FlowMutator):
    """Written without brackets, and outermost: it stands in the place of the flow's class."""


class Parameters(FlowMutator):
    def init(self, field, **others):
        self.field, self.others = field, others

    def pre_mutate(self, mutable_flow):
        for name, default in mutable_flow.config[self.field].items():
            mutable_flow.add_parameter(name, Parameter(name, type=str, default=default))
        for name, kind in self.others.items():
            mutable_flow.add_parameter(name, Parameter(name, type=kind, default="7"), overwrite=True)
        mutable_flow.remove_parameter("removed")


class Variables(StepMutator):
    def pre_mutate(self, mutable_step):
        kwargs = {"vars": {"LEVEL": mutable_step.flow.config.level}}
        mutable_step.add_decorator(environment, deco_kwargs=kwargs, duplicates=mutable_step.OVERRIDE)

    def mutate(self, mutable_step):
        # Over the one that the manifest gives to steps without their own.
        kwargs = {"times": 1, "minutes_between_retries": 0}
        mutable_step.add_decorator(retry, deco_kwargs=kwargs, duplicates=mutable_step.OVERRIDE)


@Nothing
@Parameters("parameters", second=JSONType, changed=int)
class MutatedFlow(FlowSpec):
    config = Config("config", default_value={"parameters": {}, "level": "0"})
    changed = Parameter("changed", default="text")
    kept = Parameter("kept", default="kept")
    removed = Parameter("removed", default="removed")

    @Variables
    @environment(vars={"OTHER": "removed"})
    @step
    def start(self):
        self.values = [self.first, self.second, self.changed, self.kept]
        self.has_removed = hasattr(type(self), "removed")
        self.variables = [os.environ.get("LEVEL"), os.environ.get("OTHER")]
        if current.retry_count == 0:
            raise ValueError("the mutator's @retry runs the step again")
        self.next(self.end)

    @environment(vars={"OTHER": "removed"})
    @step
    def end(self):
        self.variables = [os.environ.get("LEVEL"), os.environ.get("OTHER")]


if __name__ == "__main__":
    MutatedFlow()
