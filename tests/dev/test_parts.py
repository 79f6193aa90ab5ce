"""The parts of a private Airflow: where it is kept, what it is started with, who uses it, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from deployer.models.live import LiveError
from deployer.orchestrators.airflow.server import install, ports, state
from deployer.orchestrators.airflow.server.folders import cache_folder, environments_folder, state_folder
from deployer.orchestrators.airflow.server.processes import Program, running
from deployer.orchestrators.airflow.server.settings import base_variables, server_variables
from deployer.orchestrators.airflow.server.versions import python_for, pythons, requirements
from tests.dev.conftest import write_python

ROOT = Path("/srv/cache")


def test_the_cache_folder_is_the_one_that_is_named_or_that_of_the_user() -> None:
    assert cache_folder({"MFDEPLOY_CACHE": "/srv/cache", "XDG_CACHE_HOME": "/x"}) == ROOT
    assert cache_folder({"XDG_CACHE_HOME": "/x", "HOME": "/home/ada"}) == Path("/x/mfdeploy")
    assert cache_folder({"XDG_CACHE_HOME": "relative", "HOME": "/home/ada"}).is_relative_to("/home/ada")
    assert cache_folder({}).name == "mfdeploy"
    assert environments_folder({"MFDEPLOY_CACHE": "/srv/cache"}) == ROOT / "airflow"


def test_each_folder_of_dag_files_has_a_state_of_its_own() -> None:
    environ = {"MFDEPLOY_CACHE": "/srv/cache"}
    one, other = (state_folder(Path(folder), environ) for folder in ("/srv/dags", "/srv/other"))
    assert one != other
    assert one == state_folder(Path("/srv/x/../dags"), environ)
    assert one.parent == ROOT / "dev"


def test_the_running_python_is_taken_where_airflow_runs_on_it() -> None:
    assert python_for("3.3.2", "3.13") == "3.13"
    assert python_for("3.3.2", "3.14") == pythons("3.3.2")[0]
    assert python_for("2.11.2", "3.13") == "3.11"


def test_pods_need_a_provider() -> None:
    assert requirements("3.3.2", "local") == ("apache-airflow==3.3.2",)
    assert requirements("2.11.2", "kubernetes")[1:] == ("apache-airflow-providers-cncf-kubernetes",)


def test_the_environment_is_said_and_not_inherited() -> None:
    shell = {
        "HOME": "/home/ada",
        "PATH": "/bin",
        "AIRFLOW_HOME": "/srv/other",
        "AIRFLOW__CORE__FERNET_KEY": "of another",
        "AIRFLOW_CONN_LAKE": "aws://",
        "AWS_PROFILE": "ml",
        "HTTPS_PROXY": "http://proxy",
        "GITHUB_TOKEN": "secret",
        "PYTHONPATH": "/srv/code",
        "MFDEPLOY_CACHE": "/srv/cache",
    }
    base = base_variables("3.3.2", Path("/venv/bin/python"), Path("/home"), Path("/dags"), shell)
    assert base["AIRFLOW_HOME"] == "/home"
    assert base["PATH"] == "/venv/bin:/bin"
    assert base.keys() >= {"AIRFLOW_CONN_LAKE", "AWS_PROFILE", "HTTPS_PROXY"}
    assert not base.keys() & {"AIRFLOW__CORE__FERNET_KEY", "GITHUB_TOKEN", "PYTHONPATH"}
    assert base["AIRFLOW__CORE__EXECUTOR"] == "LocalExecutor"
    old = base_variables("2.11.2", Path("/venv/bin/python"), Path("/home"), Path("/dags"), shell)
    assert old["AIRFLOW__CORE__EXECUTOR"] == "SequentialExecutor"


def test_the_server_listens_and_talks_on_this_machine_alone() -> None:
    found = server_variables({"no_proxy": "acme.example"}, 8081, "signature", schedules=False)
    assert found["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://127.0.0.1:8081/execution/"
    assert found["no_proxy"] == found["NO_PROXY"] == "acme.example,127.0.0.1,localhost"
    assert found["AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE"] == "False"


def test_a_port_that_is_taken_is_said_or_passed_over() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        taken = server.getsockname()[1]
        with pytest.raises(LiveError, match=f"port {taken} of this machine is taken"):
            ports.choose(taken)
        assert ports.is_answered(taken)
    assert ports.choose(taken) == taken
    assert not ports.is_answered(taken)
    assert ports.choose(None) >= ports.PREFERRED


def test_a_state_has_one_user_at_a_time(tmp_path: Path) -> None:
    assert state.found(tmp_path / "nowhere") is None
    with state.in_use(tmp_path, "dev"):
        state.write(tmp_path, state.Server(os.getpid(), "dev", "http://127.0.0.1:8080"))
        assert state.found(tmp_path) == state.Server(os.getpid(), "dev", "http://127.0.0.1:8080")
        with pytest.raises(LiveError, match="already runs an Airflow for it at http"):
            state.in_use(tmp_path, "run").__enter__()
        (tmp_path / "server.json").write_text("{")
        assert state.found(tmp_path) is None
        with pytest.raises(LiveError, match="another mfdeploy uses"):
            state.in_use(tmp_path, "run").__enter__()
    # Whoever was killed leaves a file, and its process id may be somebody else's by now.
    state.write(tmp_path, state.Server(os.getpid(), "dev", "http://127.0.0.1:8080"))
    assert state.found(tmp_path) is None


# Starts a process that leaves its session, and says its id; the second one waits for its own end, too.
PARENT = """
import subprocess, sys, time
child = subprocess.Popen(["sleep", "600"], start_new_session=True)
print(child.pid, flush=True)
"""
STAYING = f"{PARENT}time.sleep(600)\n"
KILLED = """
import sys
from pathlib import Path
from deployer.orchestrators.airflow.server.processes import Program, running
log = Path(sys.argv[1])
with running([Program("stays", [sys.executable, "-c", sys.argv[2]], log)], {}, log.parent):
    sys.stdin.read()
"""


def program(tmp_path: Path, name: str, code: str) -> Program:
    return Program(name, [sys.executable, "-c", code], tmp_path / f"{name}.log")


def until_written(path: Path) -> str:
    while not path.exists() or not path.read_text().endswith("\n"):
        pass
    return path.read_text()


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_nothing_is_left_of_programs_that_run(tmp_path: Path) -> None:
    programs = [program(tmp_path, "stays", STAYING), program(tmp_path, "goes", PARENT)]
    with running(programs, {"PATH": os.environ["PATH"]}, tmp_path) as found:
        children = [int(until_written(each.log).split()[0]) for each in programs]
        while found.ended is None:
            pass
        assert found.ended == (programs[1], 0)
        assert all(map(is_alive, children))
    assert not any(map(is_alive, children))


@pytest.mark.slow
def test_nothing_is_left_when_this_process_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path / "program.log"), STAYING]
    process = subprocess.Popen(command, stdin=subprocess.PIPE)
    child = int(until_written(tmp_path / "program.log"))
    process.send_signal(signal.SIGKILL)
    process.wait()
    while is_alive(child):
        pass


UV = """\
#!/bin/sh
echo "$@" >> {log}
[ "$1" = --version ] && exit 0
[ "$1" = pip ] && exit {code}
shift $(($# - 1))
mkdir -p "$1/bin" && cp {python} "$1/bin/python"
"""


def environ_with_uv(folder: Path, code: int = 0) -> dict[str, str]:
    """The variables of a user whose uv is a stand-in, which notes what it is asked for."""
    write_python(folder / "stand-in")
    uv = folder / "bin" / "uv"
    uv.parent.mkdir()
    uv.write_text(UV.format(log=folder / "uv.log", code=code, python=folder / "stand-in"))
    uv.chmod(0o755)
    return {"MFDEPLOY_CACHE": str(folder / "cache"), "PATH": f"{uv.parent}:{os.environ['PATH']}"}


def test_an_airflow_is_installed_once(tmp_path: Path) -> None:
    environ, told = environ_with_uv(tmp_path), list[str]()
    found = install.install("3.3.2", "local", environ, told.append)
    assert found.empty_database.exists()
    assert len(told) == 1
    again = install.install("3.3.2", "local", environ, told.append)
    assert again == found
    assert len(told) == 1
    install.install("3.3.2", "kubernetes", environ, told.append)
    calls = [line for line in (tmp_path / "uv.log").read_text().splitlines() if line != "--version"]
    assert [line.split()[0] for line in calls] == ["venv", "pip", "pip"]
    assert calls[-1].endswith("apache-airflow==3.3.2 apache-airflow-providers-cncf-kubernetes")


def test_an_old_airflow_gets_the_packages_of_its_day(tmp_path: Path) -> None:
    install.install("3.0.6", "local", environ_with_uv(tmp_path), lambda _: None)
    assert "--exclude-newer 2025-09-15 apache-airflow==3.0.6" in (tmp_path / "uv.log").read_text()


def test_what_uv_cannot_do_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(LiveError, match="pip install` failed with exit code 2"):
        install.install("3.3.2", "local", environ_with_uv(tmp_path, code=2), lambda _: None)


def test_without_uv_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(LiveError, match="uv is not installed"):
        install.find_uv({"PATH": "/nowhere"})


def test_a_server_file_is_json(tmp_path: Path) -> None:
    with state.in_use(tmp_path, "run"):
        assert json.loads((tmp_path / "server.json").read_text()) == {"pid": os.getpid(), "doing": "run", "url": ""}
    assert tmp_path.stat().st_mode & 0o777 == 0o700
