"""What lies at a target may be written by anybody: it is read as data, shown inert, and refused with a word."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from deployer import cli
from deployer.models.digest import digest_text
from deployer.models.history import Entry, KeptChange
from deployer.models.record import Provenance, Record
from deployer.orchestrators.airflow import record
from deployer.state import history
from tests.hostile.payloads import payloads, ran
from tests.plan import made

MANIFEST = """\
version: 1
project: growth
environments:
  prod: {target: ../dags, compute: local, datastore: ../data, production: true}
flows: {}
"""
ENTRY = "20260101T000000000Z-abcd"
COMMANDS = [
    ["plan"],
    ["plan", "--format", "json"],
    ["plan", "--format", "markdown"],
    ["plan", "--diff"],
    ["history", "--env", "prod"],
    ["history", "--env", "prod", "--format", "json"],
    ["rollback", ENTRY, "--env", "prod", "--yes"],
    ["destroy", "--env", "prod", "--yes", "--allow-mass-change"],
]
Put = Callable[[Path], object]


def a_record(**values: Any) -> Record:
    return made.record_of(made.desired(), **values)


def dag(found: Record) -> str:
    body = "# a dag of airflow\n"
    return record.write(body, replace(found, body_digest=digest_text(body)))


def written(**values: str) -> str:
    """A DAG file whose record has these fields, each given as Python source."""
    text = dag(a_record())
    start = text.index("MFDEPLOY_RECORD = ") + len("MFDEPLOY_RECORD = ")
    fields = {key: repr(value) for key, value in ast.literal_eval(text[start:]).items()} | values
    lines = "".join(f"    {key!r}: {value},\n" for key, value in fields.items())
    return f"{text[:start]}{{\n{lines}}}\n"


def nested(depth: int, opening: str = "[", closing: str = "]") -> str:
    return opening * depth + closing * depth


def index(entries: Any) -> bytes:
    """An index whose digest is right."""
    lines = "\n".join(
        f"{name} {json.dumps(entries[name], sort_keys=True, separators=(',', ':'))}" for name in sorted(entries)
    )
    digest = hashlib.sha256(lines.encode()).hexdigest()
    return json.dumps({"format": 2, "digest": digest, "dags": entries}).encode()


def entry(**values: Any) -> Entry:
    fields: dict[str, Any] = {
        "id": ENTRY,
        "command": "apply",
        "restored": None,
        "applied_by": "ada",
        "applied_at": "2026-01-01T00:00:00+00:00",
        "commit": None,
        "tool_version": "0.1.0",
        "format": 2,
        "project": "growth",
        "environment": "prod",
        "target": "dags",
        "changes": [],
        "texts": history.pack([]),
        **values,
    }
    return Entry(**fields)


def change(**values: Any) -> KeptChange:
    fields: dict[str, Any] = {
        "address": "prod/train",
        "action": "create",
        "name": "TrainFlow",
        "file": "TrainFlow.py",
        "reasons": [],
        "outcome": "done",
        "message": "",
        "before": None,
        "after": "a" * 64,
        **values,
    }
    return KeptChange(**fields)


def later(**values: Any) -> Entry:
    return entry(id="20260102T000000000Z-abcd", **values)


def put_file(content: str | bytes, name: str = "TrainFlow.py") -> Put:
    data = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
    return lambda dags: (dags / name).write_bytes(data)


def put_index(entries: Any) -> Put:
    return put_file(index(entries), ".mfdeploy.growth.prod.json")


def put_entries(*entries: Entry) -> Put:
    def put(dags: Path) -> None:
        for each in entries:
            (dags / f".mfdeploy.growth.prod.{each.id}.json").write_text(each.model_dump_json(), errors="surrogatepass")

    return put


def put_link(to: str, name: str = "TrainFlow.py") -> Put:
    return lambda dags: (dags / name).symlink_to(to)


def native(config: str) -> Put:
    return put_file(f"# airflow dag\nCONFIG = {config}\nWorkflow.from_dict(CONFIG)\n")


ODD_VALUES = {
    "none": "None",
    "number": "5",
    "true": "True",
    "bytes": "b'x'",
    "set": "{1, 'a', b'x', ...}",
    "infinity": "1e999",
    "complex": "1j",
    "keys": "{1: 2, None: 3, (4,): 5, b'x': {...}}",
    "huge number": "9" * 10_000,
    "hex number": "0x" + "f" * 50_000,
    "deep": nested(150),
    "too deep": nested(20_000),
    "minus": "-" * 20_000 + "1",
    "sum": "1+" * 20_000 + "1",
    "call": "__import__('os').system('touch mfdeploy-canary')",
    "surrogate": r"'\ud800'",
    "nul": r"'\x00'",
}
FIELDS = ("owner", "environment", "address", "name", "description", "since", "provenance", "inputs", "format")
PARTS = ("code", "graph", "schedule", "parameters", "retries", "resources", "settings", "metaflow", "unknown")

PLACES: Mapping[str, Put] = {
    **{
        f"record {field} {name}": put_file(written(**{field: value}))
        for field in FIELDS
        for name, value in ODD_VALUES.items()
    },
    **{
        f"description {part} {name}": put_file(written(description=f"{{{part!r}: {value}}}"))
        for part in PARTS
        for name, value in ODD_VALUES.items()
    },
    **{
        f"provenance {name}": put_file(
            written(provenance=f"{{'applied_by': {value}, 'applied_at': {value}, 'tool_version': {value}}}")
        )
        for name, value in ODD_VALUES.items()
    },
    **{
        f"inputs {name}": put_file(written(inputs=f"{{'production_token': {value}, 'parameters': {value}}}"))
        for name, value in ODD_VALUES.items()
    },
    **{
        f"native {name}": native(
            f"{{'dag_instantiation_params': {{'dag_id': 'TrainFlow', 'schedule_interval': {value}}},"
            f"'states': {{'start': {{'operator_args': {value}}}}}, 'metadata': {{'flow_name': 'TrainFlow'}},"
            f"'metaflow_params': [{{'name': 'alpha', 'default': {value}}}]}}"
        )
        for name, value in ODD_VALUES.items()
    },
    **{f"native config {name}": native(value) for name, value in ODD_VALUES.items()},
    **{
        f"text {name}": put_file(dag(a_record(owner="growth", environment="prod", address=f"prod/{text}", name=text)))
        for name, text in payloads().items()
    },
    **{
        f"who {name}": put_file(dag(a_record(provenance=Provenance(text, text, text, text))))
        for name, text in payloads().items()
    },
    **{f"foreign {name}": put_file(f"airflow dag\n{text}", f"{name}.py") for name, text in payloads().items()},
    **{f"index {name}": put_index(value) for name, value in {"list": {"a.py": []}, "text": {"a.py": "x"}}.items()},
    "index null": put_index({"a.py": None}),
    "index address": put_index({"TrainFlow.py": {"address": 5}, "x.py": {"address": {"a": []}}}),
    "index record": put_index({"TrainFlow.py": {"version": "x", "record": 5, "intact": "no"}}),
    "index path": put_index({"../../x.py": {"address": "prod/train"}, "/etc/passwd": {"address": "prod/x"}}),
    "index deep": put_file(
        b'{"format": 2, "digest": "", "dags": ' + nested(20_000).encode() + b"}", ".mfdeploy.growth.prod.json"
    ),
    "index list": put_file(b'{"format": 2, "digest": "", "dags": []}', ".mfdeploy.growth.prod.json"),
    "index binary": put_file(b"\xff\xfe\x00", ".mfdeploy.growth.prod.json"),
    "index a pipe": lambda dags: os.mkfifo(dags / ".mfdeploy.growth.prod.json"),
    "index a device": put_link("/dev/zero", ".mfdeploy.growth.prod.json"),
    "index a folder": lambda dags: (dags / ".mfdeploy.growth.prod.json").mkdir(),
    "a folder": lambda dags: (dags / "TrainFlow.py").mkdir(),
    "link loop": put_link("TrainFlow.py"),
    "link outside": put_link("../secret.txt"),
    "link to a device": put_link("/dev/zero"),
    **{
        f"history who {name}": put_entries(entry(applied_by=text, applied_at=text, commit=text, tool_version=text))
        for name, text in payloads().items()
    },
    **{
        f"history change {name}": put_entries(
            entry(changes=[change(address=text, name=text, file=text, message=text, outcome="failed")])
        )
        for name, text in payloads().items()
    },
    **{
        f"history file {name}": put_entries(
            entry(),
            later(
                changes=[
                    change(file=text, before=history.digest(dag(a_record()).encode()), after=None, action="delete")
                ],
                texts=history.pack([dag(a_record()).encode()]),
            ),
        )
        for name, text in payloads().items()
    },
    "history deep": put_file(nested(20_000), f".mfdeploy.growth.prod.{ENTRY}.json"),
    "history deep value": put_file(
        entry().model_dump_json().replace('"changes":[]', f'"changes":{nested(20_000)}'),
        f".mfdeploy.growth.prod.{ENTRY}.json",
    ),
    "history name": put_file("{}", ".mfdeploy.growth.prod.\x1b[31m$(x).json"),
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "dags").mkdir()
    (tmp_path / "deployments").mkdir()
    (tmp_path / "deployments" / "a.yaml").write_text(MANIFEST)
    (tmp_path / "secret.txt").write_text("of somebody else")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files(kind: str) -> list[str]:
    """The places of a kind that are one DAG file each: they can lie in one folder."""
    return [place for place in PLACES if place.split()[0] == kind]


@pytest.mark.parametrize("kind", ["record", "description", "provenance", "inputs", "native", "text", "who", "foreign"])
def test_no_dag_file_is_taken_for_more_than_data(kind: str, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number, place in enumerate(files(kind)):
        PLACES[place](project / "dags")
        for written_now in list((project / "dags").glob("[!0-9]*.py")):
            written_now.rename(project / "dags" / f"{number}.py")
    assert len(list((project / "dags").iterdir())) == len(files(kind))
    assert_nothing_happens(COMMANDS, project, capsys)


OTHERS = [place for place in PLACES if place.split()[0] in ("index", "history", "a", "link")]


@pytest.mark.parametrize("place", OTHERS)
def test_nothing_beside_dag_files_is_taken_for_more_than_data(
    place: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    PLACES[place](project / "dags")
    commands = [COMMANDS[0], *COMMANDS[-2:]]
    if place.startswith("history"):
        commands = COMMANDS[6:7] if place.startswith("history file") else COMMANDS[4:6]
    assert_nothing_happens(commands, project, capsys)


def assert_nothing_happens(commands: list[list[str]], project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each command does its work or refuses; nothing of what lies at the target runs, or gets out of its place."""
    for command in commands:
        code = cli.run(command)
        said = capsys.readouterr()
        assert code in (0, 1), said.err
        assert_inert(said.out + said.err)
        if "json" in command and code == 0:
            json.loads(said.out, parse_constant=lambda word: pytest.fail(word))
    assert ran(project) == []
    assert (project / "secret.txt").read_text() == "of somebody else"
    assert sorted(path.name for path in project.iterdir()) == ["dags", "deployments", "secret.txt"]
    strays = [path.name for path in (project / "dags").iterdir() if path.suffix not in (".py", ".json")]
    assert strays == []


def assert_inert(text: str) -> None:
    """No character that steers a terminal, but for ends of lines."""
    assert not {unicodedata.category(c) for c in text if c != "\n"} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
