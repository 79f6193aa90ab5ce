"""Each bad input ends the command line with exit code 1 and just its messages."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployer import cli
from tests.compiler.test_bad_flows import SETTINGS
from tests.sources import two_steps

ERRORS = Path(__file__).parents[1] / "errors"
# Those that need no variables on the command line.
MANIFESTS = [
    path.parent
    for path in sorted((ERRORS / "manifests").glob("*/expected.txt"))
    if not path.with_name("arguments.json").exists()
]
FLOWS = sorted(path for path in (ERRORS / "flows").iterdir() if path.name not in SETTINGS)
MANIFEST = """\
version: 1
project: growth
environments:
  prod: {{target: dags, compute: local, datastore: data}}
flows:
  flow: {{file: {file}}}
"""


@pytest.mark.parametrize("case", MANIFESTS, ids=lambda path: path.name)
def test_a_broken_manifest(case: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(case)
    assert cli.run(["validate", "--no-flows", "--manifests", "."]) == 1
    said = capsys.readouterr()
    # The one absolute path that a message may hold is the checkout's.
    shown = (said.out + said.err).replace(str(case.parent), "<cases>")
    missing = [line for line in (case / "expected.txt").read_text().splitlines() if line not in shown]
    assert missing == []
    assert "Traceback" not in shown


@pytest.mark.parametrize("case", FLOWS, ids=lambda path: path.name)
def test_a_broken_flow(
    case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = (case / "expected.txt").read_text()
    (case_copy := tmp_path / "project" / "flows").mkdir(parents=True)
    for file in case.glob("*.py"):
        (case_copy / file.name).write_bytes(file.read_bytes())
    (tmp_path / "project" / "manifests").mkdir()
    (tmp_path / "project" / "manifests" / "all.yaml").write_text(MANIFEST.format(file="../flows/flow.py"))
    monkeypatch.chdir(tmp_path / "project")
    refused = " error: " in expected
    assert cli.run(["plan", "--manifests", "manifests"]) == int(refused)
    said = capsys.readouterr()
    if refused:
        assert said.out == ""
        # Where a file was looked for depends on the folders, which are others here.
        errors = [line.partition("; looked for in ")[0] for line in expected.splitlines() if " error: " in line]
        assert all(error.partition(" error: ")[2] in said.err for error in errors)
    assert "Traceback" not in said.err
    assert not (tmp_path / "project" / "dags").exists()


def test_errors_of_the_manifest_and_of_the_flow_are_told_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "manifests").mkdir()
    flow = two_steps("TwoFlow").replace("import FlowSpec", "import FlowSpec, kubernetes")
    (tmp_path / "flow.py").write_text(flow.replace("    @step\n", "    @kubernetes(memory='4Gi')\n    @step\n", 1))
    environment = "{target: ../dags, compute: kubernetes, datastore: s3://acme/metaflow, kubernetes: {image: a}}"
    text = f"version: 1\nproject: p\nenvironments:\n  pods: {environment}\nflows: {{two: {{file: ../flow.py}}}}\n"
    (tmp_path / "manifests" / "m.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    for command in (["plan"], ["validate"], ["apply", "--yes"]):
        assert cli.run([*command, "--manifests", "manifests"]) == 1
        said = capsys.readouterr().err
        assert "environments.pods.metaflow: no metadata service" in said
        assert "memory" in said
        assert "2 errors" in said


def test_what_an_environment_names_is_reported_at_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "flow.py").write_text(two_steps("OneFlow"))
    (tmp_path / "m.yaml").write_text(
        "version: 1\nproject: growth\nenvironments:\n"
        "  prod:\n    compute: local\n    datastore: data\n    orchestrator: airflw\n    target: s4://bucket/dags\n"
        "flows:\n  flow: {file: flow.py}\n"
    )
    monkeypatch.chdir(tmp_path)
    assert cli.run(["validate", "--manifests", "."]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(";")[0] for line in lines] == [
        "m.yaml:7:19: error: environments.prod.orchestrator: unknown orchestrator 'airflw'",
        "m.yaml:8:13: error: environments.prod.target: s4:// is not a supported kind of target",
        "2 errors",
    ]


def test_triggers_and_steps_are_reported_at_their_own_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.py").write_text(two_steps(f"{name.title()}Flow"))
    (tmp_path / "m.yaml").write_text(
        "version: 1\nproject: growth\nenvironments:\n  prod: {target: dags, compute: local, datastore: data}\n"
        "flows:\n"
        "  one:\n    file: one.py\n    triggers:\n    - event: a\n    - {}\n    - event: b\n"
        "      parameters:\n        alpha: x\n"
        "  two:\n    file: two.py\n    steps:\n      end: {}\n      strat:\n        cpu: 1\n"
    )
    monkeypatch.chdir(tmp_path)
    assert cli.run(["validate", "--manifests", "."]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(" error: ")[::2] for line in lines if " error: " in line] == [
        (
            "m.yaml:10:7:",
            "flows.one.triggers[1]: expected one of flow, dag_id and event, found none of them; "
            "give each its own item of the list",
        ),
        (
            "m.yaml:13:16:",
            "flows.one.triggers[2].parameters.alpha: the flow OneFlow has no parameter 'alpha'; it has none",
        ),
        ("m.yaml:19:14:", "flows.two: the flow has no step 'strat'; did you mean 'start'?"),
    ]
