"""What a package is made of: deploy-time values, scripts, and what goes wrong while it is built."""

from __future__ import annotations

import subprocess
import tarfile
from pathlib import Path

import pytest

from deployer.errors import DeployError
from tests.compiler.compiling import KUBERNETES, deployment, local
from tests.compiling import build_packages

BROKEN = """from metaflow import FlowSpec, Parameter, step


def today(context):
    raise LookupError(f"no calendar for {context.parameter_name}")


def wrong(context):
    return "seven"


class BrokenFlow(FlowSpec):
    day = Parameter("day", default=today)
    count = Parameter("count", type=int, default=wrong)

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
"""


def test_deploy_time_functions_that_fail_are_all_said_and_nothing_is_stored(tmp_path: Path) -> None:
    flow = tmp_path / "flow.py"
    flow.write_text(BROKEN)
    store = tmp_path / "store"
    one = deployment(flow, environment=local(store))
    assert build_packages([one], upload=False, user="ann")[one.address].parameters == {
        "day": "(known at apply)",
        "count": "(known at apply)",
    }
    with pytest.raises(DeployError) as refused:
        build_packages([one], upload=True, user="ann")
    lines = {found.location.line: found.message for found in refused.value.diagnostics if found.location}
    assert lines[13] == "parameter day: its deploy-time function failed: LookupError: no calendar for day"
    assert "count" in lines[14]
    assert not store.exists()


def test_the_script_of_a_pod_is_bash_and_the_same_for_every_step() -> None:
    one = deployment("decorated.py", environment=KUBERNETES, kubernetes={"image": "acme/base:1"})
    package = build_packages([one], upload=False, user="ann")[one.address]
    assert package.url.startswith("s3://acme/metaflow/DecoratedFlow/data/")
    assert set(package.scripts) == {"start", "fit", "end"}
    [script] = set(package.scripts.values())
    assert subprocess.run(["bash", "-n", "-c", script], check=False).returncode == 0
    assert 'download_file("acme", "metaflow/DecoratedFlow/data/' in script
    assert "METAFLOW_DATASTORE_SYSROOT_LOCAL" not in package.environment


def test_an_archive_is_sorted_and_anonymous(tmp_path: Path) -> None:
    one = deployment("linear.py", environment=local(tmp_path))
    package = build_packages([one], upload=True, user="ann")[one.address]
    with tarfile.open(package.url) as archive:
        members = archive.getmembers()
        info = archive.extractfile(".mf_meta/INFO")
        assert info is not None
        said = info.read().decode()
    names = [member.name for member in members]
    assert names == sorted(names)
    assert ".mf_code/mfdeploy_task/__main__.py" in names
    assert {(member.uid, member.gid, member.uname, member.mode, member.mtime) for member in members} == {
        (0, 0, "", 0o644, 1575360000)
    }
    assert "ann" not in said and "python_version" not in said
    assert '"script": "linear.py"' in said


def test_a_store_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    one = deployment("linear.py", environment=local(tmp_path / "file" / "store"))
    with pytest.raises(DeployError) as refused:
        build_packages([one], upload=True, user="ann")
    [problem] = refused.value.diagnostics
    assert problem.code == "upload-failed"


def test_a_package_that_was_cut_off_in_the_store_is_stored_anew(tmp_path: Path) -> None:
    item = deployment("linear.py", environment=local(tmp_path))
    built = build_packages([item], upload=True, user="u")[item.address]
    whole = Path(built.url).read_bytes()
    Path(built.url).write_bytes(whole[: len(whole) // 2])
    assert build_packages([item], upload=True, user="u")[item.address].url == built.url
    assert Path(built.url).read_bytes() == whole


_KILLS = """import os
import signal
from pathlib import Path

from metaflow import FlowSpec, Parameter, step


def kill_the_others(context):
    parent = os.getppid()
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    for child in {int(child) for child in children} - {os.getpid()}:
        os.kill(child, signal.SIGKILL)
    return "done"


class KillsFlow(FlowSpec):
    killed = Parameter("killed", default=kill_the_others)

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    KillsFlow()
"""


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="its processes are found in /proc")
def test_that_the_storing_process_was_killed_is_said(tmp_path: Path) -> None:
    (tmp_path / "kills.py").write_text(_KILLS)
    one = deployment(tmp_path / "kills.py", environment=local(tmp_path / "store"))
    with pytest.raises(DeployError, match="the process that stores code packages was killed"):
        build_packages([one], upload=True, user="ann")
    assert not (tmp_path / "store").exists()


def test_many_packages_are_stored_side_by_side_and_one_of_them_twice(tmp_path: Path) -> None:
    items = [deployment("linear.py", f"flow{number}", local(tmp_path)) for number in range(40)]
    built = build_packages(items, upload=True, user="ann", dag_ids={item.address: item.name for item in items})
    assert len({package.url for package in built.values()}) == 1
    assert len({package.environment["METAFLOW_PRODUCTION_TOKEN"] for package in built.values()}) == 40
    stored = [path for path in (tmp_path / ".metaflow").glob("*/data/*/*") if path.suffix != ".json"]
    assert {str(path) for path in stored if "_meta" not in path.name} == {built[items[0].address].url}
