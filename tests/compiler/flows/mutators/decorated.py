"""Flows that get other decorators from mutators than their code says."""

from metaflow import FlowMutator, FlowSpec, StepMutator, batch, current, project, schedule, step, trigger


class Project(FlowMutator):
    def pre_mutate(self, mutable_flow):
        mutable_flow.add_decorator(project, deco_kwargs={"name": "added"})


class Nowhere(FlowMutator):
    def pre_mutate(self, mutable_flow):
        for name in ("project", "schedule", "trigger"):
            mutable_flow.remove_decorator(name)


class Waits(FlowMutator):
    def pre_mutate(self, mutable_flow):
        mutable_flow.add_decorator("trigger", deco_kwargs={"event": "anything"})


class NoBatch(StepMutator):
    def mutate(self, mutable_step):
        mutable_step.remove_decorator("batch")


class Batch(StepMutator):
    def mutate(self, mutable_step):
        mutable_step.add_decorator("batch")


class Replace(StepMutator):
    """Gives other attributes to a decorator, if the step has it by then."""

    def init(self, name, **attributes):
        self.name, self.attributes = name, attributes

    def mutate(self, mutable_step):
        for name, _, _, kwargs in mutable_step.decorator_specs:
            if name == self.name:
                given = {**kwargs, **self.attributes}
                mutable_step.add_decorator(name, deco_kwargs=given, duplicates=mutable_step.OVERRIDE)


class NoPod(StepMutator):
    def mutate(self, mutable_step):
        mutable_step.remove_decorator("kubernetes")


@Project
class ProjectedFlow(FlowSpec):
    @step
    def start(self):
        self.branch = current.branch_name


@Nowhere
@project(name="gone")
@schedule(daily=True)
@trigger(event="anything")
class FreeFlow(FlowSpec):
    @NoBatch
    @batch
    @step
    def start(self):
        pass


@Waits
class WaitingFlow(FlowSpec):
    @step
    def start(self):
        pass


class BatchFlow(FlowSpec):
    @Batch
    @step
    def start(self):
        pass


class ReplacedFlow(FlowSpec):
    @Replace("catch", var="failure")
    @Replace("kubernetes", cpu=2, memory=8192)
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


class PodlessFlow(FlowSpec):
    @NoPod
    @step
    def start(self):
        pass
