import json
import os
import signal

from metaflow import FlowSpec, JSONType, Parameter, current, environment, kubernetes, resources, step, timeout


class ShapedFlow(FlowSpec):
    """Parameters of every kind, and pods of different shapes."""

    title = Parameter("title", default="plain", help="Any text.")
    long = Parameter("long", default="")
    count = Parameter("count", default=3)
    fast = Parameter("fast", default=False)
    options = Parameter("options", type=JSONType, default="{}")

    @step
    def start(self):
        print(f"title is {self.title}")
        self.size = len(self.long)
        self.variables = {name: value for name, value in os.environ.items() if not name.startswith("METAFLOW_PARAM")}
        self.next(self.shaped)

    @timeout(minutes=3)
    @resources(cpu=2, memory=700)
    @environment(vars={"PLAIN": "$(HOME) $$ $(id) `id` 'it\"s' \\ {{ ds }}\nä漢"})
    @kubernetes(tmpfs_size=64, tmpfs_path="/scratch", labels={"team": "growth"}, shared_memory=32, port=8080)
    @step
    def shaped(self):
        self.alarm = signal.alarm(0)
        self.plain = os.environ["PLAIN"]
        self.tempdir = current.tempdir
        self.scratch_is_mounted = os.path.ismount("/scratch")
        self.shared_memory_is_mounted = os.path.ismount("/dev/shm")
        self.next(self.end)

    @kubernetes(labels={"app": "shaped"})
    @step
    def end(self):
        print(json.dumps(self.options))
        self.tempdir = current.tempdir
        self.tmpfs_is_mounted = os.path.ismount("/from-manifest")


if __name__ == "__main__":
    ShapedFlow()
