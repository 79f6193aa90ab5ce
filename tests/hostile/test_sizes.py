"""Values of millions of characters, and files that grow when they are read: refused or taken, and never for hours.

Nothing here measures time: what looks at a text again from each of its letters on would take days.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deployer import cli
from deployer.errors import DeployError, Diagnostic, Location
from deployer.kubernetes.client import Refusal
from deployer.kubernetes.refusals import explain
from deployer.manifest.formats import check_cron
from deployer.manifest.nodes import Report, Scalar
from deployer.manifest.paths import check_datastore, check_target
from deployer.models.credentials import holds_credential
from deployer.orchestrators.airflow.dag_file import read
from deployer.state import history
from deployer.targets import store_errors
from deployer.targets.git.explain import explain as explain_git
from deployer.vcs.git import GitResult
from deployer.views.diagnostics import diagnostics_to_json, diagnostics_to_text
from deployer.views.plan_json import plan_from_text
from tests.hostile.test_target import entry, written

MANY = 2_000_000
LONG: dict[str, str] = {
    "letters": "a" * MANY,
    "words": "a " * (MANY // 2),
    "quotes": '"' * MANY,
    "keys": "'a_" * (MANY // 3),
    "names": "?token" * (MANY // 6),
    "one name": "s3://b?" + "token" * (MANY // 5),
    "colons": "s3://" + "a:" * (MANY // 2),
    "schemes": "a://b:" * (MANY // 6),
    "tags": "<Code>" * (MANY // 6),
    "rejected": "[rejected] (" * (MANY // 12),
    "quota": "exceeded quota: a, requested: b, used: c" * (MANY // 40),
    "ratio": "a" * MANY + " max limit to request ratio",
}


def look_at_cron(text: str) -> object:
    try:
        return check_cron(text)
    except ValueError as refused:
        return refused


def place(check: Callable[..., Any]) -> Callable[[str], object]:
    def look(text: str) -> object:
        found = Report()
        node = Scalar(text, Location("m.yaml", 1), text, False, False)
        check(node, ("environments", "a"), found)
        return found

    return look


LOOKS: dict[str, Callable[[str], object]] = {
    "credential": holds_credential,
    "target": place(check_target),
    "datastore": place(lambda node, path, report: check_datastore(node, "local", path, report)),
    "cron": look_at_cron,
    "store": lambda text: store_errors.explain(ValueError(text), "s3://b"),
    "cluster": lambda text: explain(Refusal(403, text), {"name": "p", "namespace": "n"}),
    "git": lambda text: explain_git(GitResult(1, b"", text), "https://host/dags.git"),
}


@pytest.mark.parametrize("text", LONG)
@pytest.mark.parametrize("look", LOOKS)
def test_a_long_text_is_looked_at_once(look: str, text: str) -> None:
    LOOKS[look](LONG[text])


RECORDS = {
    "list": "[" + "0," * 600_000 + "]",
    "map": "{" + "'a':0," * 300_000 + "}",
    "lists": "[" + "[]," * 300_000 + "]",
    "sum": "1" + "+1j" * 300_000,
    "attributes": "a" + ".a" * 300_000,
    "calls": "a" + "()" * 300_000,
    "f-strings": "f'{1}'" * 100_000,
}


@pytest.mark.parametrize("value", RECORDS)
def test_a_record_that_would_fill_the_memory_is_not_read(value: str) -> None:
    found = read("TrainFlow.py", written(owner=RECORDS[value]).encode(), "1")
    assert found.record is None
    assert found.problem == (
        "TrainFlow.py cannot be read: the record is damaged: it has more than 500,000 words and signs"
    )


def test_a_native_file_that_would_fill_the_memory_is_not_read() -> None:
    for text in (native_text("[" + "0," * 600_000 + "]"), "x = 1\n" * 200_000 + native_text("{}")):
        assert read("TrainFlow.py", text.encode(), "1").native is None


def native_text(config: str) -> str:
    return f"# airflow dag\nCONFIG = {config}\nWorkflow.from_dict(CONFIG)\n"


def test_files_of_others_may_be_of_any_size() -> None:
    for content in (b"# airflow dag\n" * 2_000_000, b"\xff" * 30_000_000, b"MFDEPLOY_RECORD_\n" * 1_000_000):
        assert read("theirs.py", content, "1").record is None


def packed(data: bytes) -> str:
    return base64.b64encode(zlib.compress(data, 9)).decode()


@pytest.mark.parametrize("texts", [packed(b'{"a":"' + b"x" * 250_000_000 + b'"}'), packed(b"[" * 20_000_000)])
def test_dag_files_in_the_history_that_grow_are_not_unpacked(texts: str) -> None:
    with pytest.raises(DeployError, match="the DAG files in it are damaged"):
        history.unpack(entry(texts=texts))


@pytest.mark.parametrize("more", [{"changes": [{}] * 300_000}, {f"key{number}": 1 for number in range(50_000)}])
def test_of_a_history_entry_one_problem_is_told(more: dict[str, Any]) -> None:
    content = json.dumps({**entry().model_dump(), **more}).encode()
    with pytest.raises(DeployError) as refused:
        history.parse_entry(content, "entry.json")
    assert len(str(refused.value)) < 300


HEAD = {"format": 2, "tool_version": "1", "targets": {}, "against": None, "rollback": "", "summary": {}}
HEAD |= {name: [] for name in ("flows", "exclude", "adopt", "changes")}
PLANS = {
    "changes": json.dumps({**HEAD, "changes": [{}] * 300_000}),
    "flows": json.dumps({**HEAD, "flows": [1] * 1_000_000}),
    "keys": json.dumps({**HEAD, **{f"key{number}": 1 for number in range(20_000)}}),
    "deep": "[" * 1_000_000,
    "deep value": json.dumps({**HEAD, "changes": 0}).replace('"changes": 0', f'"changes": {"[" * 900}{"]" * 900}'),
    "long number": '{"format": ' + "1" * 5_000 + "}",
    "long format": '{"format": ' + "1" * 4_000 + "}",
    "not a number": json.dumps({**HEAD, "format": float("nan")}),
    "infinite": json.dumps({**HEAD, "changes": [float("inf")]}),
    "a long key twice": '{"' + "a" * MANY + '": 1, "' + "a" * MANY + '": 2}',
    "nul": "\0",
    "no text": "\udcff",
}


@pytest.mark.parametrize("plan", PLANS)
def test_a_saved_plan_is_refused_in_few_words(plan: str) -> None:
    with pytest.raises(DeployError) as refused:
        plan_from_text(PLANS[plan], "plan.json")
    said = diagnostics_to_text(refused.value.diagnostics)
    assert len(said.splitlines()) <= 51
    assert len(said) < 10_000


def test_a_message_with_a_long_value_is_cut_off() -> None:
    long = Diagnostic("bad", "x" * MANY, path="y" * MANY, hint="z" * MANY)
    text = diagnostics_to_text([long])
    assert len(text) < 10_000
    assert f"... ({MANY:,} characters) ..." in text
    assert "zzz" in text
    assert len(json.dumps(diagnostics_to_json([long]))) < 10_000


FLOW = """from metaflow import Config, FlowSpec, Parameter, environment, step

def long(context):
    return "x" * {many}

class TrainFlow(FlowSpec):
    {doc!r}
    {member}
    {decorator}
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
"""
MANIFEST = """version: 1
project: growth
environments:
  prod: {{target: ../dags, compute: local, datastore: ../data, production: true}}
flows:
  train: {{file: flow.py{setting}}}
"""
X = "x" * 4_500_000
# What is written where, and what is said of it; nothing where it is deployed.
VALUES: dict[str, tuple[dict[str, str], str]] = {
    "docstring": ({"doc": "x y\n" * 1_000_000}, ""),
    "default of the code": ({"member": f"alpha = Parameter('alpha', default={X!r})"}, "at most 1,000,000 are allowed"),
    "default": (
        {"member": "alpha = Parameter('alpha', default='a')", "setting": f", parameters: {{alpha: {X}}}"},
        "flows.train.parameters.alpha: the defaults have 4,500,002 characters",
    ),
    "default of a function": (
        {"member": "alpha = Parameter('alpha', default=long)"},
        "the deploy-time values have 4,500,002 characters",
    ),
    "help": ({"member": f"alpha = Parameter('alpha', default='a', help={X!r})"}, "most of them in its parameters"),
    "description": ({"setting": f", description: {X}"}, "most of them in its settings"),
    "namespace": ({"setting": f", namespace: {X}"}, "most of them in its settings"),
    "tag": ({"setting": f", tags: [{X}]"}, "expected at most 100 characters"),
    "cron": ({"setting": f", schedule: '{'1,' * 2_000_000}1 * * * *'"}, "a cron has at most 1,000 characters"),
    "variable": ({"decorator": f"@environment(vars={{'A': {X!r}}})"}, "too many for an environment variable"),
    "config": (
        {
            "member": "cfg = Config('cfg', default_value='{}')",
            "setting": f", config_values: {{cfg: {{a: {X}}}}}",
        },
        "most of them in its settings",
    ),
    "unknown key": ({"setting": f", {X[:900]}: 1"}, "unknown key"),
}


@pytest.mark.parametrize("value", VALUES)
def test_a_long_value_is_deployed_or_refused(
    value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    parts, refusal = VALUES[value]
    of_flow = {"doc": "", "member": "pass", "decorator": "", **parts}
    (tmp_path / "deployments").mkdir()
    (tmp_path / "deployments" / "flow.py").write_text(FLOW.format(many=len(X), **of_flow))
    (tmp_path / "deployments" / "m.yaml").write_text(MANIFEST.format(setting=parts.get("setting", "")))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    code = cli.run(["apply", "--yes"])
    said = capsys.readouterr()
    assert len(said.out + said.err) < 10_000
    if refusal:
        assert (code, refusal in said.err) == (1, True), said.err
        assert not (tmp_path / "dags").exists()
    else:
        assert code == 0, said.err
        assert cli.run(["plan", "--detailed-exitcode"]) == 0
