"""Mutators that a Config decides on: parameters, variables, schedule and project."""

import os

from metaflow import (
    Config,
    FlowMutator,
    FlowSpec,
    Parameter,
    StepMutator,
    config_expr,
    environment,
    project,
    schedule,
    step,
)

CONFIG = {
    "parameters": [{"name": "one", "default": "41"}, {"name": "two", "default": "42"}],
    "of_the_step": {"STEP": "2"},
    "of_the_flow": {"FLOW": "4"},
    "cron": "5 4 * * *",
    "project": "configured",
}


class OfTheFlow(FlowMutator):
    """Checks what mutators are shown, and adds variables to those that a step has."""

    def pre_mutate(self, mutable_flow):
        cron = {"cron": mutable_flow.config.cron}
        mutable_flow.add_decorator(schedule, deco_kwargs=cron, duplicates=mutable_flow.OVERRIDE)

    def mutate(self, mutable_flow):
        assert sorted(name for name, _ in mutable_flow.steps) == ["end", "start"]
        assert [name for name, _ in mutable_flow.configs] == ["config"]
        added = [each["name"] for each in mutable_flow.config.parameters]
        assert sorted(name for name, _ in mutable_flow.parameters) == sorted([*added, "fixed"])
        for _, each in mutable_flow.steps:
            found = [kwargs["vars"] for name, _, _, kwargs in each.decorator_specs if name == "environment"]
            variables = {**(found[0] if found else {}), **mutable_flow.config.of_the_flow.to_dict()}
            each.add_decorator(environment, deco_kwargs={"vars": variables}, duplicates=each.OVERRIDE)


class Parameters(FlowMutator):
    def init(self, *args, **kwargs):
        self.field = args[0]

    def pre_mutate(self, mutable_flow):
        for each in mutable_flow.config.get(self.field, []):
            parameter = Parameter(each["name"], type=str, default=each["default"])
            mutable_flow.add_parameter(each["name"], parameter, overwrite=True)


class OfTheStep(StepMutator):
    def pre_mutate(self, mutable_step):
        mutable_step.remove_decorator("environment")
        assert all(name != "environment" for name, *_ in mutable_step.decorator_specs)
        mutable_step.add_decorator(environment, deco_kwargs={"vars": mutable_step.flow.config.of_the_step.to_dict()})


@OfTheFlow
@Parameters("parameters")
@schedule(daily=True)
@project(name=config_expr("config.project"))
class ConfiguredFlow(FlowSpec):
    fixed = Parameter("fixed", default="")
    config = Config("config", default_value=CONFIG)

    @OfTheStep
    @environment(vars={"REMOVED": "1"})
    @step
    def start(self):
        self.values = [getattr(self, each["name"]) for each in self.config.parameters]
        self.variables = [os.environ.get(name) for name in ("REMOVED", "STEP", "FLOW")]
        self.next(self.end)

    @step
    def end(self):
        self.variables = [os.environ.get(name) for name in ("REMOVED", "STEP", "FLOW")]


if __name__ == "__main__":
    ConfiguredFlow()
