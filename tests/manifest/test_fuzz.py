"""Whatever a manifest holds, load returns or says where what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deployer.errors import DeployError
from deployer.manifest.load import load
from deployer.models.manifests import Manifests

VALID = """version: 1
project: growth
variables: {branch: dev, n: 3, must: null}
defaults:
  retries: {times: 3, minutes_between: 2}
  tags: &tags [team:growth]
environments:
  local: {target: ../dags, compute: local, datastore: ../data, kubernetes: {context: x}}
  prod:
    target: s3://acme-dags/prod
    compute: kubernetes
    datastore: s3://acme/prod
    branch: ${var.branch}
    metaflow: {profile: prod, METAFLOW_X: 1.0}
    kubernetes: {namespace: ml, image: "python:3.12", labels: {a: b}}
flows:
  train:
    file: train.py
    environments: [local, prod]
    schedule: {cron: "0 3 * * *", timezone: Europe/Helsinki}
    max_workers: ${var.n}
    parameters: {alpha: 0.05, deep: {a: [1, 2]}}
    config_files: {c: train.py}
    steps: {fit: {cpu: 8, tolerations: [{key: a, operator: Exists}]}}
    overrides:
      prod: {parameters: {alpha: 0.01}, retries: 4, schedule: none, tags: *tags}
"""
# What is likely to meet a special case: YAML's own signs, references, other types, odd texts.
PIECES = [
    *["", "~", "null", "true", "yes", "0", "-1", "1_000", "017", "1e999", ".nan", "99999999999999999999", "{}", "[]"],
    *[
        "[[",
        "{",
        "}",
        "]",
        "&a",
        "*a",
        "*tags",
        "<<: *tags",
        "!!python/object:os.system x",
        "!x",
        "---",
        "...",
        "%YAML 1.1",
    ],
    *[
        "'",
        '"',
        "|",
        ">",
        "\t",
        "#",
        ": ",
        "- ",
        "? ",
        "${",
        "${var.n}",
        "${var.must}",
        "${env.HOME}",
        "$${",
        "${var.x}",
    ],
    *["none", "hourly", "@daily", "* * * * *", "0 0 30 2 *", "0 10 * * ? *", "a b c d e f", "Europe", "..", "~/x", "/"],
    *[
        "\x00",
        "\x85",
        "\u2028",
        "\ufeff",
        "ü",
        "😀",
        "x" * 5000,
        "s3://",
        "://",
        "a@b:c",
        "http://u:p@h/",
        "METAFLOW_USER",
    ],
]


def lines(text: str) -> st.SearchStrategy[str]:
    """`text` with some of its lines taken out, doubled, moved or indented anew."""
    start = text.splitlines(keepends=True)

    @st.composite
    def changed(draw: st.DrawFn) -> str:
        kept = list(start)
        for _ in range(draw(st.integers(0, 4))):
            at = draw(st.integers(0, len(kept) - 1)) if kept else 0
            action = draw(st.sampled_from(["drop", "double", "indent", "outdent", "move"]))
            if not kept:
                break
            line = kept.pop(at) if action in ("drop", "move") else kept[at]
            if action == "double":
                kept.insert(at, line)
            elif action == "move":
                kept.insert(draw(st.integers(0, len(kept))), line)
            elif action == "indent":
                kept[at] = "  " + line
            elif action == "outdent":
                kept[at] = line.removeprefix("  ")
        return "".join(kept)

    return changed()


@st.composite
def broken(draw: st.DrawFn) -> bytes:
    text = draw(lines(VALID))
    for _ in range(draw(st.integers(0, 4))):
        words = [at for at, letter in enumerate(text) if letter in " :{}[],\n"] or [0]
        start = draw(st.sampled_from(words))
        end = min(len(text), start + draw(st.integers(0, 12)))
        text = (
            text[:start]
            + draw(st.sampled_from(["", " "]))
            + draw(st.sampled_from(PIECES) | st.text(max_size=8))
            + text[end:]
        )
    data = text.encode("utf-8", "surrogatepass")
    if draw(st.integers(0, 9)) == 0:
        at = draw(st.integers(0, len(data)))
        data = data[:at] + draw(st.binary(min_size=1, max_size=4)) + data[at + 1 :]
    return data


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("fuzz") / "deployments"
    (found / ".metaflowconfig").mkdir(parents=True)
    (found / "train.py").touch()
    (found / ".metaflowconfig" / "config_prod.json").write_text('{"METAFLOW_SERVICE_URL": "http://x"}')
    return found


def attempt(folder: Path, data: bytes) -> None:
    (folder / "a.yaml").write_bytes(data)
    try:
        found = load(folder, {}, {"HOME": "hunter2"})
    except DeployError as error:
        assert error.diagnostics
        for diagnostic in error.diagnostics:
            # Only what the whole folder lacks has no line.
            assert diagnostic.location is not None
            assert diagnostic.location.line >= 1
            assert Path(diagnostic.location.file).name in ("a.yaml", "config_prod.json")
            assert diagnostic.message
        assert "hunter2" not in str(error)
    else:
        assert isinstance(found, Manifests)


def test_the_start_is_valid(folder: Path) -> None:
    (folder / "a.yaml").write_text(VALID)
    assert len(load(folder, {}, {}).deployments) == 2


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=broken())
def test_mutations(folder: Path, data: bytes) -> None:
    attempt(folder, data)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=200))
def test_bytes(folder: Path, data: bytes) -> None:
    attempt(folder, data)
