"""A repository that others write to, and its server: names, links, attributes and branches are data, and no more."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from deployer import cli
from tests.hostile.payloads import CANARY, payloads, ran
from tests.hostile.test_target import a_record, assert_inert, dag
from tests.sources import two_steps
from tests.targets.repositories import Remote, make_remote

MANIFEST = """\
version: 1
project: growth
environments:
  prod: {{target: "{target}", compute: local, datastore: ../data, production: true}}
flows:
  train: {{file: train.py}}
"""
COMMANDS = (
    ["plan", "--diff"],
    ["plan", "--format", "json"],
    ["plan", "--format", "markdown"],
    ["apply", "--yes", "--allow-mass-change"],
    ["history", "--env", "prod"],
    ["destroy", "--env", "prod", "--yes", "--allow-mass-change"],
)
OURS = dag(a_record(owner="growth", environment="prod", address="prod/gone", name="Gone")).encode()
MINE = dag(a_record(owner="growth", environment="prod", address="prod/train", name="TrainFlow")).encode()
SCRIPT = f"touch {CANARY}"


@pytest.fixture
def remote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Remote:
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    (tmp_path / "deployments").mkdir()
    (tmp_path / "deployments" / "train.py").write_text(two_steps("TrainFlow"))
    monkeypatch.chdir(tmp_path)
    return make_remote(tmp_path / "remote.git")


def tree(remote: Remote, *entries: tuple[str, bytes, str]) -> str:
    """The id of a tree with these (mode, name, id), whatever git itself would say of it."""
    content = b"".join(mode.encode() + b" " + name + b"\0" + bytes.fromhex(oid) for mode, name, oid in entries)
    return remote.git("hash-object", "-t", "tree", "-w", "--literally", "--stdin", stdin=content)


def commit(remote: Remote, dags: str) -> None:
    """Make this tree the folder `dags` of the branch."""
    top = tree(remote, ("40000", b"dags", dags))
    made = remote.git("commit-tree", top, "-p", remote.tip(), "-m", "by hand")
    (remote.path / "refs" / "heads" / "main").write_text(f"{made}\n")


def blob(remote: Remote, content: bytes) -> str:
    return remote.git("hash-object", "-w", "--stdin", stdin=content)


NAMES = [text.encode() for text in payloads().values() if "/" not in text and "\0" not in text and len(text) < 200]
NAMES += [b"\xff\xfe", b"-x", b"--output=x", b"a\nb", b"\x1b[31m", b'"', b"\\", b" ", b".", b"x" * 250, b"$(id)"]
SLASHES = [b"../../evil.py", b"/tmp/evil.py", b"../x.py", b"a/b.py", b"..", b".", b".git", b".git/hooks/x.py"]


def with_names(remote: Remote) -> None:
    """Files with such names: foreign ones, some with a DAG that is no more, some with one that is deployed."""
    contents = {b"a": b"# airflow dag\n", b"b": OURS, b"c": MINE}
    named = {name + end + b".py": blob(remote, content) for name in NAMES for end, content in contents.items()}
    commit(remote, tree(remote, *(("100644", name, named[name]) for name in sorted(named))))


def with_tree(*entries: tuple[str, bytes, bytes]) -> Callable[[Remote], object]:
    def change(remote: Remote) -> None:
        commit(remote, tree(remote, *((mode, name, blob(remote, content)) for mode, name, content in entries)))

    return change


def files(**content: bytes) -> Callable[[Remote], object]:
    return lambda remote: remote.push({f"dags/{name}": text for name, text in content.items()})


def missing(mode: str) -> Callable[[Remote], object]:
    return lambda remote: commit(remote, tree(remote, (mode, b"TrainFlow.py", "ab" * 20)))


def wrong_kind(remote: Remote) -> None:
    """A file that is a folder, and a folder that is a file."""
    inner = tree(remote, ("100644", b"x.py", blob(remote, b"x")))
    commit(remote, tree(remote, ("100644", b"TrainFlow.py", inner), ("40000", b"b.py", blob(remote, b"y"))))


def attributes(remote: Remote) -> None:
    remote.push(
        {
            ".gitattributes": b"* filter=evil ident eol=crlf working-tree-encoding=UTF-16 export-subst diff=evil\n",
            ".gitmodules": f'[submodule "x"]\n path = dags/x\n url = ext::{SCRIPT}\n update = !{SCRIPT}\n'.encode(),
            ".gitconfig": f"[core]\n fsmonitor = {SCRIPT}\n".encode(),
            "dags/a.py": b"$Id$ $Format:%H$\n",
            "dags/.gitattributes": b"* filter=evil\n",
            "dags/sitecustomize.py": f"import os; os.system({SCRIPT!r})\n".encode(),
        }
    )
    submodule = f"160000 commit {remote.tip()}\tx.py\n"
    remote.git("mktree", "--missing", stdin=submodule.encode())


def server_settings(remote: Remote) -> None:
    for name in ("uploadpack.packObjectsHook", "core.fsmonitor", "core.sshCommand", "core.gitProxy"):
        remote.git("config", name, f"touch {remote.path.parent / CANARY}; cat")


def branch(name: str) -> Callable[[Remote], object]:
    """The remote's HEAD names this branch."""

    def change(remote: Remote) -> None:
        file = remote.path / "refs" / "heads" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{remote.tip()}\n")
        (remote.path / "HEAD").write_text(f"ref: refs/heads/{name}\n")

    return change


def saying(text: str) -> Callable[[Remote], object]:
    return lambda remote: remote.hook("pre-receive", f"printf %s {shlex.quote(text)} >&2; exit 1")


CHANGES: dict[str, Callable[[Remote], object]] = {
    "names": with_names,
    "names that lead out": with_tree(*(("100644", name, OURS) for name in SLASHES)),
    "no name": with_tree(("100644", b"", OURS)),
    "twice": with_tree(("100644", b"TrainFlow.py", MINE), ("100644", b"TrainFlow.py", OURS)),
    "odd modes": with_tree(("100777", b"TrainFlow.py", MINE), ("000000", b"b.py", OURS), ("7777777", b"c.py", OURS)),
    "links": with_tree(
        ("120000", b"TrainFlow.py", b"/etc/passwd"), ("120000", b"a.py", b"../secret.txt"), ("120000", b"b.py", OURS)
    ),
    "a submodule": with_tree(("160000", b"TrainFlow.py", b"x")),
    "a missing file": missing("100644"),
    "a missing folder": missing("40000"),
    "wrong kinds": wrong_kind,
    "attributes": attributes,
    "settings of the server": server_settings,
    "a large file": files(**{"a.py": b"# airflow dag\n" * 800_000, "b.py": b"\xff" * 10_000_000}),
    **{f"branch {name!r}": branch(name) for name in ("--upload-pack=x", "\u202ea'b$(id)\x1b[31m")},
    "a server that speaks": saying("\n".join(text for text in payloads().values() if "\0" not in text)),
    "a server that never ends a word": saying("a" * 2_000_000 + "[rejected] (" * 100_000),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_repository_of_somebody_else(
    change: str, remote: Remote, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = remote.address.partition("?")[0] if change.startswith("branch") else remote.address
    (tmp_path / "deployments" / "m.yaml").write_text(MANIFEST.format(target=target))
    (tmp_path / "secret.txt").write_text("of somebody else")
    CHANGES[change](remote)
    before = {path.name for path in tmp_path.iterdir()}
    for command in COMMANDS if change == "names" else COMMANDS[1:4:2]:
        code = cli.run(command)
        said = capsys.readouterr()
        assert code in (0, 1), said.err
        assert_inert(said.out + said.err)
        assert len(said.err) < 50_000
    assert ran(tmp_path) == []
    assert (tmp_path / "secret.txt").read_text() == "of somebody else"
    assert {path.name for path in tmp_path.iterdir()} - before <= {"data"}
