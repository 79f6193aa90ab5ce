"""A flow whose step kills what started its task, as Airflow's process may be killed, or what watches the step."""

import os
import signal
import time
from pathlib import Path

from metaflow import FlowSpec, step


class OrphanedFlow(FlowSpec):
    @step
    def start(self):
        watching = os.getppid()
        above = Path(f"/proc/{watching}/stat").read_text().rpartition(")")[2].split()[1]
        # Whoever reads from it learns when this process has ended.
        self.ends = os.open(os.environ["ENDS"], os.O_WRONLY)
        os.kill(watching if os.environ["KILLED"] == "watching" else int(above), signal.SIGKILL)
        time.sleep(60)
        Path(os.environ["METAFLOW_DATASTORE_SYSROOT_LOCAL"], "went-on").touch()
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    OrphanedFlow()
