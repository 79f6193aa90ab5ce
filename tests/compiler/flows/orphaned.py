"""A flow whose step kills the process that started its task, as Airflow's own may be killed."""

import os
import signal
import time
from pathlib import Path

from metaflow import FlowSpec, step


class OrphanedFlow(FlowSpec):
    @step
    def start(self):
        above = Path(f"/proc/{os.getppid()}/stat").read_text().rpartition(")")[2].split()[1]
        os.kill(int(above), signal.SIGKILL)
        time.sleep(60)
        Path(os.environ["METAFLOW_DATASTORE_SYSROOT_LOCAL"], "went-on").touch()
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    OrphanedFlow()
