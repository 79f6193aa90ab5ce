"""The namespace that a run is in, and the one that its tasks look for other runs in, which the manifest names."""

from metaflow import FlowSpec, current, get_namespace, step

CASE = {
    "shows": ["`namespace()` finds the runs"],
    "entry": {"namespace": "team:growth"},
    "artifacts": {"start": {"looks_in": "team:growth"}},
}


class NamespacesFlow(FlowSpec):
    @step
    def start(self):
        self.own, self.looks_in = current.namespace, get_namespace()
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    NamespacesFlow()
