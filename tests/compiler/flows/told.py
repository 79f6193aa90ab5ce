"""A flow that is told to end, as Kubernetes and Airflow do it, once what it said is in the datastore."""

import os
import signal
import time
from pathlib import Path

from metaflow import FlowSpec, step


class ToldFlow(FlowSpec):
    @step
    def start(self):
        print("said at once", flush=True)
        root = Path(os.environ["METAFLOW_DATASTORE_SYSROOT_LOCAL"])
        for _ in range(200):
            if any("said at once" in path.read_text() for path in root.rglob("0.task_stdout.log")):
                print("kept while it runs", flush=True)
                break
            time.sleep(0.05)
        # What is process 1 in a pod.
        os.kill(os.getppid(), signal.SIGTERM)
        time.sleep(60)
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ToldFlow()
