import functools

from metaflow import FlowSpec, step
from metaflow.decorators import _base_step_decorator
from metaflow.plugins.parallel_decorator import ParallelDecorator


class Torchrun(ParallelDecorator):  # as metaflow-torchrun has it
    name = "torchrun"


torchrun = functools.partial(_base_step_decorator, Torchrun)


class BadFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.train, num_parallel=2)

    @torchrun
    @step
    def train(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass
