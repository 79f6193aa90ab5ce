import subprocess
import sys

from metaflow import FlowSpec, step

print('{"id": "fooled", "result": {}}')
print("to the other stream", file=sys.stderr)
subprocess.run(["echo", "from a process"], check=True)


class NoisyFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
