"""Where the benchmark works: a folder, an S3 server, and commands whose wall time is taken."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench import corpus
from tests.s3 import CREDENTIALS

MFDEPLOY = Path(sys.executable).with_name("mfdeploy")
# What a user would run instead, in the folder of `flow.py`.
_STOCK = (
    *(sys.executable, "flow.py", "--datastore=s3", "--no-pylint", "--with=kubernetes"),
    *("airflow", "create", "dag.py"),
)


@dataclass(frozen=True)
class Workbench:
    """A folder of its own, and the environment of its commands (an S3 server among it)."""

    folder: Path
    environ: Mapping[str, str]
    endpoint: str

    def seconds(self, *command: str | Path, cwd: Path | None = None, codes: Sequence[int] = (0,)) -> float:
        """The wall time of one command, which must end with one of the codes."""
        start = time.perf_counter()
        done = subprocess.run(
            [str(word) for word in command], cwd=cwd or self.folder, env=self.environ, capture_output=True, text=True
        )
        taken = time.perf_counter() - start
        if done.returncode not in codes:
            raise SystemExit(f"{command} ended with {done.returncode}:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
        return taken

    def seconds_of_python(self, code: str) -> float:
        """The wall time of a process that runs this code and nothing else."""
        return self.seconds(sys.executable, "-c", code)

    def seconds_on_terminal(self, *command: str | Path) -> float:
        """The wall time of one command whose standard output is a terminal of 120 columns."""
        terminal, output = pty.openpty()
        fcntl.ioctl(output, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        reader = threading.Thread(target=_drain, args=[terminal])
        reader.start()
        environ = {**self.environ, "TERM": "xterm-256color"}
        start = time.perf_counter()
        done = subprocess.run([str(word) for word in command], cwd=self.folder, env=environ, stdout=output)
        taken = time.perf_counter() - start
        os.close(output)
        reader.join()
        os.close(terminal)
        if done.returncode:
            raise SystemExit(f"{command} ended with {done.returncode}")
        return taken

    def project(self, count: int, name: str = "flows") -> Path:
        """Manifests of `count` flows, with a prefix of their own at the S3 target."""
        folder = self.folder / f"{name}{count}"
        if not folder.exists():
            settings = {"METAFLOW_S3_ENDPOINT_URL": self.endpoint}
            target, datastore = f"s3://{corpus.BUCKET}/dags-{name}{count}", f"s3://{corpus.BUCKET}/metaflow{count}"
            corpus.write(folder, count, target, datastore, settings)
        return folder

    def plan(self, folder: Path) -> float:
        return self.seconds(MFDEPLOY, "plan", "--manifests", folder)

    def apply(self, folder: Path) -> float:
        return self.seconds(MFDEPLOY, "apply", "--yes", "--manifests", folder)

    def site(self, folder: Path) -> float:
        return self.seconds(MFDEPLOY, "site", "--manifests", folder, "--out", folder.with_name(f"{folder.name}-pages"))

    def stock_compile(self, flow: Path) -> float:
        """`airflow create` of one flow file, which leaves `dag.py` beside it."""
        command = [flow.name if word == "flow.py" else word for word in _STOCK]
        return self.seconds(*command, cwd=flow.parent)


def _drain(terminal: int) -> None:
    try:
        while os.read(terminal, 65536):
            pass
    except OSError:  # what Linux answers once nobody has the other end open
        return


def environment(home: Path, endpoint: str) -> dict[str, str]:
    """The variables of all commands: nothing of the shell's but the search path."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "USER": "bench",
        "AWS_ENDPOINT_URL_S3": endpoint,
        "METAFLOW_S3_ENDPOINT_URL": endpoint,
        "METAFLOW_DATASTORE_SYSROOT_S3": f"s3://{corpus.BUCKET}/stock",
        "METAFLOW_KUBERNETES_CONTAINER_IMAGE": "python:3.11",
        "METAFLOW_DEFAULT_METADATA": "local",
        "no_proxy": "127.0.0.1",
        **CREDENTIALS,
    }
