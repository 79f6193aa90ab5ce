"""Decorators that the flow's own file defines."""

import os

from metaflow import FlowMutator, FlowSpec, environment, step, user_step_decorator

CASE = {
    "shows": ["step decorators and flow mutators of your own"],
    "artifacts": {"start": {"trail": ["before", "start", "after"], "told": "by a mutator"}},
}


@user_step_decorator
def around(step_name, flow, inputs=None, attributes=None):
    """Code before and after a step."""
    flow.trail = ["before"]
    yield
    flow.trail.append("after")


class Tell(FlowMutator):
    """Gives a variable to each step."""

    def mutate(self, mutable_flow):
        for _, one in mutable_flow.steps:
            one.add_decorator(environment, deco_kwargs={"vars": {"TOLD": "by a mutator"}})


@Tell
class OwnDecoratorsFlow(FlowSpec):
    @around
    @step
    def start(self):
        self.trail.append("start")
        self.told = os.environ["TOLD"]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    OwnDecoratorsFlow()
