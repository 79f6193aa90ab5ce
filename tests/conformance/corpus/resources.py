"""A step that asks for more, and the manifest for more still."""

from metaflow import FlowSpec, resources, step

CASE = {
    "shows": ["`@resources`"],
    "entry": {"steps": {"end": {"cpu": 3}}},
}


class ResourcesFlow(FlowSpec):
    @resources(cpu=2, memory=5000)
    @step
    def start(self):
        self.next(self.end)

    @resources(cpu=2, memory=700)
    @step
    def end(self):
        pass


if __name__ == "__main__":
    ResourcesFlow()
