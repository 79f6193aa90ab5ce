"""Who may start a run gives an IncludeFile a value: it is not to be any file and object that the worker can read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from deployer.models.flow import Parameter
from deployer.orchestrators.airflow.variables import step_variables
from tests.compiler.by_hand import Operator, deployed
from tests.renderer import flows
from tests.versions.metaflows import VERSIONS, interpreter

ROOT = Path(__file__).parents[2]
FLOW = """from metaflow import FlowSpec, IncludeFile, step

class TableFlow(FlowSpec):
    table = IncludeFile("table", default="table.csv")

    @step
    def start(self):
        print(self.table)
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    TableFlow()
"""
DEPLOYED = '{"type": "uploader-v2", "sub-type": "uploaded", "url": "s3://other/deployed", "is_text": true, "size": 3}'
REFUSED = (
    "s3://other/root/a",
    "s3://bucket/root-evil/a",
    "s3://bucket/root",
    "s3://bucket/root/",
    "s3://bucket/root/../secret",
    "s3://bucket/root/./a",
    "s3://bucket/root//a",
    "s3://bucket/root/%2e%2e/secret",
    "s3://bucket/root/a%2Fb",
    "s3://bucket/root/a?versionId=1",
    "s3://bucket/root/a#b",
    "s3://bucket/root/..\\secret",
    "s3://bucket/root/a\n",
    "S3://bucket/root/a",
    "s3://bucket@other/root/a",
    "s3n://bucket/root/a",
    "https://bucket/root/a",
    "file:///etc/passwd",
    "local:///etc/passwd",
    "local://etc/passwd",
    "local:////etc/passwd",
    "/etc/passwd",
    "//etc/passwd",
    "~/.aws/credentials",
    "table.csv",
    "",
    "{",
    "{" * 100_000,
    '{"type": "external"}',
    '"{\\"type\\": \\"external\\", \\"url\\": \\"s3://other/a\\"}"',
    5,
    True,
    ["s3://bucket/root/a"],
    {"type": "external", "url": ["s3://bucket/root/a"]},
    {"type": "pickle", "url": "s3://bucket/root/a"},
    {"type": "uploader-v2", "url": "s3://bucket/root/a"},
    {"type": ["external"], "url": "s3://bucket/root/a"},
    {"type": "external", "url": "s3://lake/tables/a.txt"},
    {"type": "external", "url": "s3://lake/tables/b/a.csv"},
    {"type": "external", "url": "s3://lake/tables/../a.csv"},
    {"type": "external", "url": "s3://lake/deep-down/a.csv"},
)


def ask(python: str, datastore: str, folder: Path, asked: dict[str, Any], **settings: str) -> list[Any]:
    file = folder / "asked.json"
    file.write_text(json.dumps(asked))
    kept = {name: value for name, value in os.environ.items() if not name.startswith("METAFLOW_")}
    done = subprocess.run(
        [python, str(Path(__file__).parent / "included.py"), datastore, str(file)],
        env={**kept, **settings, "PYTHONPATH": str(ROOT / "deployer" / "runtime"), "METAFLOW_USER": "ann"},
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout))


def test_objects_below_the_datastore_and_those_that_patterns_name(tmp_path: Path) -> None:
    objects(sys.executable, tmp_path)


@pytest.mark.versions
@pytest.mark.parametrize("version", VERSIONS)
def test_with_each_metaflow(version: str, tmp_path: Path) -> None:
    objects(interpreter(version), tmp_path)


def objects(python: str, folder: Path) -> None:
    below = "s3://bucket/root/uploads/a b.csv"
    v2 = {"type": "uploader-v2", "sub-type": "uploaded", "url": below, "is_text": False, "encoding": "utf-8", "size": 3}
    accepted = [
        DEPLOYED,
        json.dumps(json.loads(DEPLOYED), indent=2),
        json.loads(DEPLOYED),
        below,
        {"type": "uploader-v1", "url": below, "note": "x", "more": "y"},
        json.dumps(v2),
        json.dumps(json.dumps(v2)),
        "s3://lake/tables/a.csv",
        "s3://lake/deep/a/b/c.csv",
        "s3://lake/deep/c.csv",
    ]
    asked = {
        "deployed": {"table": DEPLOYED},
        "allowed": ["s3://lake/tables/*.csv", "s3://lake/deep/**/*.csv", "/data/*.csv"],
        "values": [*accepted, None, *REFUSED],
    }
    found = ask(python, "s3", folder, asked, METAFLOW_DATASTORE_SYSROOT_S3="s3://bucket/root")
    texts, missing, refused = found[: len(accepted)], found[len(accepted)], found[len(accepted) + 1 :]
    assert [value for value, text in zip(REFUSED, refused, strict=True) if text is not None] == []
    assert (missing, texts[:3]) == (DEPLOYED, [DEPLOYED] * 3)
    told = [json.loads(text) for text in texts[3:]]
    plain = {"type": "external", "is_text": True, "encoding": "utf-8"}
    assert told[0] == {**plain, "url": below}
    assert told[1] == {**plain, "type": "uploader-v1", "url": below}
    assert told[2] == told[3] == v2
    assert [each["url"] for each in told[4:]] == accepted[7:]


@pytest.mark.parametrize(("kind", "root"), [("azure", "box/root"), ("gs", "gs://box/root")])
def test_other_stores(kind: str, root: str, tmp_path: Path) -> None:
    values = [
        f"{kind}://box/root/a",
        f"{kind}://box/rooted/a",
        f"{kind}://other/root/a",
        "s3://box/root/a",
        "/etc/passwd",
    ]
    found = ask(
        sys.executable, kind, tmp_path, {"values": values}, **{f"METAFLOW_DATASTORE_SYSROOT_{kind.upper()}": root}
    )
    assert [text is not None for text in found] == [True, False, False, False, False]


def test_files_of_a_local_datastore_and_those_that_patterns_name(tmp_path: Path) -> None:
    root = tmp_path / "store"
    for file in ("store/a", "store-evil/a", "secret/a", "secret/b.csv", "real/b.csv", "real/c.txt", "real/d/b.csv"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    (root / "link").symlink_to(tmp_path / "secret" / "a")
    (root / "folder").symlink_to(tmp_path / "secret")
    (tmp_path / "real" / "link.csv").symlink_to(tmp_path / "secret" / "b.csv")
    (tmp_path / "data").symlink_to(tmp_path / "real")
    os.mkfifo(root / "pipe")
    plain = [str(root / "a"), f"local://{root}/a", f"{root}//a", f"{tmp_path}/data/b.csv"]
    accepted = [*plain, json.dumps({"type": "external", "url": f"local://{root}/a"})]
    refused = [
        *(str(root / name) for name in ("link", "folder/a", "pipe", "../secret/a", "missing", ".")),
        *(f"{tmp_path}/{name}" for name in ("store-evil/a", "data/c.txt", "data/link.csv", "data/d/b.csv")),
        f"local://{tmp_path}/secret/a",
        f"file://{root}/a",
        str(root / "a\0b"),
    ]
    asked = {"allowed": [f"{tmp_path}/data/*.csv"], "values": [*accepted, *refused]}
    found = ask(sys.executable, "local", tmp_path, asked, METAFLOW_DATASTORE_SYSROOT_LOCAL=str(root))
    texts, others = found[: len(accepted)], found[len(accepted) :]
    assert dict(zip(refused, others, strict=True)) == dict.fromkeys(refused)
    assert texts[:4] == [*[str(root / "a")] * 3, f"{tmp_path}/real/b.csv"]
    url = f"local://{root}/a"
    assert json.loads(texts[4]) == {"type": "external", "url": url, "is_text": True, "encoding": "utf-8"}


def test_the_start_task_alone_is_told_what_was_deployed() -> None:
    table = Parameter("table", "file", 3, deploy_time=True)
    flow = flows.linear(parameters=(table,))
    package = flows.package(flow, parameters={"table": DEPLOYED})
    manifest = flows.deployment(include_from=("/b/*", "/a/*", "/b/*"))
    told = [step_variables(manifest, flow, step, package, ()).get("MFDEPLOY_INCLUDES") for step in flow.steps]
    assert told[1:] == [None] * (len(flow.steps) - 1)
    assert json.loads(told[0] or "") == {"deployed": {"table": DEPLOYED}, "allowed": ["/a/*", "/b/*"]}
    without = step_variables(manifest, flows.linear(), flow.steps[0], package, ())
    assert "MFDEPLOY_INCLUDES" not in without


def test_a_run_ends_with_one_error_at_its_start(tmp_path: Path) -> None:
    (tmp_path / "flow").mkdir()
    (tmp_path / "flow" / "flow.py").write_text(FLOW)
    (tmp_path / "flow" / "table.csv").write_text("a,b")
    (tmp_path / "secret").write_text("x")
    operator = deployed(tmp_path, tmp_path / "flow" / "flow.py")
    _refused(operator, str(tmp_path / "secret"))
    # What lies in the datastore, and what was deployed.
    given = tmp_path / "datastore" / "uploads" / "given.csv"
    given.parent.mkdir()
    given.write_text("c")
    rules = {"MFDEPLOY_INCLUDES": json.dumps({"deployed": operator.package.parameters})}
    for run, (value, content) in enumerate(((f"local://{given}", "c"), (None, "a,b"))):
        operator.run = f"airflow-{run:012}"
        done = operator.task("start", parameters={"table": value}, variables=rules)
        assert (done.returncode, done.stdout.strip()) == (0, content), done.stderr


def _refused(operator: Operator, value: str) -> None:
    done = operator.task("start", parameters={"table": value})
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith(
        "the parameter 'table' of TableFlow: an IncludeFile takes the deployed file or an object below"
    )
    assert "include_from" in line
