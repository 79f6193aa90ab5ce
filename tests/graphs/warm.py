"""A Python that has Metaflow imported already: each of its processes is forked from one that did that once.

For runs of very many small tasks, which else spend nearly all of their time importing Metaflow. What a task does is
the same, but its Metaflow is the one of this virtual environment and not the equal one of the code package.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

# Metaflow's own command line binds a flow's options when it is imported, so each process imports that itself.
PRELOADED = (
    "metaflow.metaflow_config",
    "metaflow.plugins",
    "metaflow.task",
    "metaflow.runtime",
    "metaflow.datastore.task_datastore",
    "metaflow.mflog.save_logs",
    "metaflow.package",
    "metaflow.plugins.datastores.local_storage",
    "metaflow.plugins.metadata_providers.local",
)
# Stands for `python`, and is one for everything but tasks and flows.
CLIENT = """#!{python} -IS
import json, os, socket, sys
if not sys.argv[1:2] or not sys.argv[1].endswith(".py") and sys.argv[1:3] != ["-m", "mfdeploy_task"]:
    os.execv({python!r}, [{python!r}, *sys.argv[1:]])
body = json.dumps(dict(arguments=sys.argv[1:], variables=dict(os.environ), folder=os.getcwd())).encode()
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    socket.send_fds(server, [len(body).to_bytes(4, "big")], [0, 1, 2])
    server.sendall(body)
    answer = server.recv(4)
sys.exit(int(answer) if answer else 1)
"""


@contextlib.contextmanager
def warm_python(folder: Path, variables: Mapping[str, str]) -> Iterator[Path]:
    """The interpreter's path, in `folder`. Metaflow reads its settings when it is imported: from `variables`."""
    folder.mkdir(parents=True, exist_ok=True)
    address, client = folder / "socket", folder / "python"
    client.write_text(CLIENT.format(python=sys.executable, address=str(address)))
    client.chmod(0o755)
    command = [sys.executable, __file__, str(address), str(client)]
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(command, env=dict(variables), cwd=folder, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 60
        while not address.exists():
            assert server.poll() is None and time.monotonic() < deadline, (folder / "server.log").read_text()
            time.sleep(0.05)
        yield client
    finally:
        server.kill()
        server.wait()


def serve(address: str, client: str) -> None:
    for name in PRELOADED:
        importlib.import_module(name)
    sys.executable = client
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"{address}.new")
    listener.listen(64)
    os.rename(f"{address}.new", address)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            _answer(connection)
            os._exit(0)
        connection.close()


def _answer(connection: socket.socket) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    head, files, _, _ = socket.recv_fds(connection, 4, 3)
    size, body = int.from_bytes(head, "big"), b""
    while len(body) < size:
        body += connection.recv(size - len(body))
    child = os.fork()
    if child == 0:
        connection.close()
        os._exit(_process(json.loads(body), files))
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    connection.sendall(str(code if code >= 0 else 128 - code).encode())


def _process(asked: Mapping[str, Any], files: list[int]) -> int:
    """What ``python ARGUMENTS`` does. Returns the exit code."""
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["variables"])
    is_module = asked["arguments"][0] == "-m"
    program, *arguments = asked["arguments"][is_module:]
    sys.argv = [program, *arguments]
    sys.path[1:1] = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    # Metaflow pickles it as a name of the main module, and puts it into that when it is imported.
    names = {"ForeachFrame": importlib.import_module("metaflow.tuple_util").ForeachFrame}
    try:
        if is_module:
            sys.path[0] = os.getcwd()
            runpy.run_module(program, names, "__main__", alter_sys=True)
        else:
            sys.path[0] = str(Path(program).resolve().parent)
            runpy.run_path(program, names, "__main__")
        code: Any = 0
    except SystemExit as stop:
        code = stop.code
    except BaseException:
        traceback.print_exc()
        code = 1
    if isinstance(code, str):
        print(code, file=sys.stderr)
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return code or 0


if __name__ == "__main__":
    serve(*sys.argv[1:])
