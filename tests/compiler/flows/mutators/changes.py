"""Mutators, and a flow that others derive from, in a module of their own."""

from metaflow import (
    Config,
    FlowMutator,
    FlowSpec,
    JSONType,
    Parameter,
    StepMutator,
    environment,
    retry,
)


class Nothing(FlowMutator):
    """Changes nothing; written without brackets, it still stands in the place of the flow's class."""


class Add(FlowMutator):
    def init(self, name, default, **settings):
        self.name, self.default, self.settings = name, default, settings

    def pre_mutate(self, mutable_flow):
        parameter = Parameter(self.name.replace("_", "-"), default=self.default, **self.settings)
        mutable_flow.add_parameter(self.name, parameter, overwrite=True)


class AddEachType(FlowMutator):
    def pre_mutate(self, mutable_flow):
        mutable_flow.add_parameter("number", Parameter("number", type=int, default=3))
        mutable_flow.add_parameter("share", Parameter("share", type=float, default=0.5))
        mutable_flow.add_parameter("flag", Parameter("flag", type=bool, default=False))
        mutable_flow.add_parameter("columns", Parameter("columns", separator="|", default="a|b"))
        mutable_flow.add_parameter("options", Parameter("options", type=JSONType, default='["z", {"a": 1}]'))
        mutable_flow.add_parameter("later", Parameter("later", type=str, default=lambda context: context.flow_name))
        mutable_flow.add_parameter("absent", Parameter("absent", type=str))
        mutable_flow.add_parameter("unwanted", Parameter("unwanted", default="unwanted"))


class Remove(FlowMutator):
    def init(self, *names):
        self.names = names

    def pre_mutate(self, mutable_flow):
        for name in self.names:
            mutable_flow.remove_parameter(name)


class Variables(StepMutator):
    def init(self, **variables):
        self.variables = variables

    def pre_mutate(self, mutable_step):
        kwargs = {"vars": self.variables}
        mutable_step.add_decorator(environment, deco_kwargs=kwargs, duplicates=mutable_step.OVERRIDE)


class NoVariables(StepMutator):
    def pre_mutate(self, mutable_step):
        mutable_step.remove_decorator("environment")


class Tries(StepMutator):
    def mutate(self, mutable_step):
        kwargs = {"times": 3, "minutes_between_retries": 0}
        mutable_step.add_decorator(retry, deco_kwargs=kwargs, duplicates=mutable_step.OVERRIDE)


@Nothing
@AddEachType
class BaseFlow(FlowSpec):
    kept = Parameter("kept", default="of the base")
    other = Parameter("other", default="of the base")
    settings = Config("settings", default_value={"level": 1})
