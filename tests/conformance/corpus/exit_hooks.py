"""What is called when a run has ended: of the functions for each end one works, and one does not."""

from metaflow import FlowSpec, Parameter, exit_hook, step

CASE = {
    "shows": [
        "`@exit_hook` on success: called with the run, which it does not change",
        "`@exit_hook` on error: called with the run, which it does not change",
    ],
    "runs": [{}, {"conf": {"breaks": True}, "minute": 1}],
    "tasks": {"work": 2, "end": 1},
    "states": {
        "on-success-tell": ["success"],
        "on-success-stumble": ["failed"],
        "on-error-tell": ["skipped"],
        "on-error-stumble": ["skipped"],
    },
}


def tell(run):
    print(f"told of {run.pathspec}, {sorted(step.id for step in run)}")


def stumble():
    raise ValueError("the hook stumbles")


@exit_hook(on_success=[tell, stumble], on_error=[tell, "stumble"])
class ExitHooksFlow(FlowSpec):
    breaks = Parameter("breaks", type=bool, default=False)

    @step
    def start(self):
        self.items = [1, 2]
        self.next(self.work, foreach="items")

    @step
    def work(self):
        if self.breaks and self.input == 2:
            raise ValueError("the step breaks")
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ExitHooksFlow()
