"""A step decorator and a flow mutator of the user's own."""

from metaflow import FlowMutator, FlowSpec, retry, step, user_step_decorator


@user_step_decorator
def counted(step_name, flow, inputs=None, attributes=None):
    flow.counted = attributes["by"]
    yield


class retried(FlowMutator):
    def mutate(self, mutable_flow):
        for _, each in mutable_flow.steps:
            each.add_decorator(retry, deco_kwargs={"times": 2})


@retried
class DecoratedFlow(FlowSpec):
    @counted(by=3)
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        print("done")


if __name__ == "__main__":
    DecoratedFlow()
