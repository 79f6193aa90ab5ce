"""The namespace of a run, as its tasks see it."""

from metaflow import FlowSpec, current, step

CASE = {
    "shows": ["`namespace()` finds the runs"],
    "entry": {"namespace": "team:growth"},
    "artifacts": {"start": {"namespace": "team:growth"}},
}


class NamespacesFlow(FlowSpec):
    @step
    def start(self):
        self.namespace = current.namespace
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    NamespacesFlow()
