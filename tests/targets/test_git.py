"""A git target: one commit for each apply, never over what somebody else pushed, with nothing of ours left behind."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deployer.models.desired import Deployed
from deployer.models.record import Record
from deployer.models.target import MovedError, TargetError, UnpublishedError
from deployer.state.index import index_file, read_index, update_index
from deployer.targets.git import GitTarget
from deployer.vcs.git import Git
from tests.plan import made
from tests.targets.repositories import Remote, make_remote

FOLDER = "dags"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home folder and a folder for temporary files that the test can look into; no git configuration at all."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for name in ("home", "tmp"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    # What was there before is not looked through again after each test.
    gc.freeze()
    yield tmp_path / "home"
    gc.collect()
    gc.unfreeze()
    assert os.listdir(tmp_path / "tmp") == []


@pytest.fixture
def remote(tmp_path: Path) -> Remote:
    return make_remote(tmp_path / "remote.git")


def opened(remote: Remote) -> GitTarget:
    return GitTarget(remote.address, Git(os.environ))


def nothing() -> None:
    pass


def publish(target: GitTarget, message: str = "Deploy", remember: Callable[[], None] = nothing) -> None:
    target.publish(message, "ada", remember)


def deployed(name: str) -> Deployed:
    description = made.desired().description
    record = Record("growth", "prod", f"prod/{name}", name, description, "0" * 64, "2026-01-01T00:00:00+00:00")
    return Deployed(f"{name}.py", "1", record)


def seeded(remote: Remote, **files: bytes) -> GitTarget:
    remote.push({f"{FOLDER}/{name}.py": content for name, content in files.items()}, "seed")
    target = opened(remote)
    target.list()
    return target


class TestOneApply:
    def test_is_one_commit(self, remote: Remote) -> None:
        target = seeded(remote, b=b"two", c=b"three")
        before = remote.tip()
        versions = target.list()
        target.create("a.py", b"one\r\n\x00\xff")
        target.replace("b.py", b"two!", versions["b.py"])
        target.delete("c.py", versions["c.py"])
        assert remote.tip() == before
        publish(target, "Deploy growth to prod\n\ncreate prod/a\n")
        assert remote.files() == {"a.py": b"one\r\n\x00\xff", "b.py": b"two!"}
        assert remote.git("rev-parse", "main^") == before
        assert remote.git("log", "-1", "--format=%B", "main") == "Deploy growth to prod\n\ncreate prod/a"
        assert remote.files("", "main") == {"README.md": b"dags of all\n"}

    def test_says_which_versions_it_made(self, remote: Remote) -> None:
        target = opened(remote)
        made = target.create("a.py", b"one")
        publish(target)
        assert opened(remote).list() == {"a.py": made}
        assert remote.git("rev-parse", f"main:{FOLDER}/a.py") == made
        assert target.list() == {"a.py": made}

    def test_can_be_followed_by_another(self, remote: Remote) -> None:
        target = opened(remote)
        made = target.create("a.py", b"one")
        publish(target)
        target.replace("a.py", b"two", made)
        publish(target)
        assert remote.files() == {"a.py": b"two"}
        assert len(remote.commits()) == 3

    def test_sees_its_own_writes_and_nobody_else_does(self, remote: Remote) -> None:
        target = seeded(remote, b=b"two")
        made = target.create("a.py", b"one")
        target.delete("b.py", target.list()["b.py"])
        assert target.list() == {"a.py": made}
        assert target.read("a.py") == (b"one", made)
        with pytest.raises(MovedError, match="no longer"):
            target.read("b.py")
        assert list(opened(remote).list()) == ["b.py"]

    def test_without_a_write_makes_no_commit(self, remote: Remote) -> None:
        before = remote.tip()
        publish(opened(remote))
        assert remote.tip() == before

    def test_is_by_the_user_when_git_knows_no_name(self, remote: Remote) -> None:
        target = opened(remote)
        target.create("a.py", b"one")
        publish(target)
        assert remote.git("log", "-1", "--format=%an %cn", "main") == "ada ada"

    def test_is_by_whom_git_is_configured_for(self, remote: Remote, home: Path) -> None:
        (home / ".gitconfig").write_text("[user]\n name = Ada Lovelace\n email = ada@example.org\n")
        target = opened(remote)
        target.create("a.py", b"one")
        publish(target)
        assert remote.git("log", "-1", "--format=%an <%ae> %cn <%ce>", "main") == (
            "Ada Lovelace <ada@example.org> Ada Lovelace <ada@example.org>"
        )

    def test_is_signed_when_the_users_commits_are(self, remote: Remote, home: Path) -> None:
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", home / "key"], check=True)
        (home / ".gitconfig").write_text(
            f"[user]\n name = Ada\n email = ada@example.org\n signingkey = {home}/key\n"
            "[gpg]\n format = ssh\n[commit]\n gpgsign = true\n"
        )
        target = opened(remote)
        target.create("a.py", b"one")
        publish(target)
        assert "-----BEGIN SSH SIGNATURE-----" in remote.git("cat-file", "commit", "main")


class TestTheFolder:
    def test_that_is_not_there_is_empty_and_is_made(self, remote: Remote) -> None:
        target = GitTarget(f'git+file://{remote.path}//a%20b/\u00e4"c?ref=main', Git(os.environ))
        assert target.list() == {}
        target.create("a.py", b"one")
        publish(target)
        assert remote.git("-c", "core.quotePath=false", "ls-tree", "-r", "-z", "--name-only", "main").split("\0")[
            :2
        ] == [
            "README.md",
            'a b/\u00e4"c/a.py',
        ]

    def test_can_be_the_root(self, remote: Remote) -> None:
        target = GitTarget(f"git+file://{remote.path}", Git(os.environ))
        target.create("a.py", b"one")
        publish(target)
        assert remote.files("") == {"README.md": b"dags of all\n", "a.py": b"one"}
        assert list(GitTarget(f"git+file://{remote.path}", Git(os.environ)).list()) == ["a.py"]

    def test_lists_dag_files_only(self, remote: Remote) -> None:
        remote.push({"dags/a.py": b"", "dags/notes.txt": b"", "dags/sub.py/b.py": b"", "x.py": b""})
        assert list(opened(remote).list()) == ["a.py"]

    def test_goes_with_its_last_file(self, remote: Remote) -> None:
        target = seeded(remote, a=b"one")
        target.delete("a.py", target.list()["a.py"])
        publish(target)
        assert not remote.has_folder(FOLDER)

    @pytest.mark.parametrize(
        ("mode", "kind"), [("120000", "a symbolic link"), ("160000", "a submodule"), ("100644", "a file")]
    )
    @pytest.mark.parametrize("folder", ["dags", "dags/below"])
    def test_must_be_a_folder(self, remote: Remote, mode: str, kind: str, folder: str) -> None:
        blob = remote.tip() if mode == "160000" else remote.git("hash-object", "-w", "--stdin", stdin=b"../elsewhere")
        tree = remote.git(
            "mktree", "--missing", stdin=f"{mode} {'commit' if mode == '160000' else 'blob'} {blob}\tdags\n".encode()
        )
        remote.git("update-ref", "refs/heads/main", remote.git("commit-tree", tree, "-m", "odd"))
        with pytest.raises(TargetError, match=f"'dags' is {kind} there, and must be a folder"):
            GitTarget(f"git+file://{remote.path}//{folder}", Git(os.environ)).list()

    def test_everything_else_of_the_repository_stays_as_it_is(self, remote: Remote) -> None:
        link = remote.git("hash-object", "-w", "--stdin", stdin=b"../elsewhere")
        script = remote.git("hash-object", "-w", "--stdin", stdin=b"#!/bin/sh\r\n")
        inner = remote.git(
            "mktree", "--missing", stdin=f"120000 blob {link}\tlink.py\n100755 blob {script}\trun\n".encode()
        )
        lines = f"160000 commit {remote.tip()}\tvendored\n040000 tree {inner}\tdags\n100755 blob {script}\trun.sh\n"
        tree = remote.git("mktree", "--missing", stdin=lines.encode())
        remote.git("update-ref", "refs/heads/main", remote.git("commit-tree", tree, "-m", "odd"))
        before = remote.git("ls-tree", "-r", "main").splitlines()
        target = opened(remote)
        made = target.create("a.py", b"one")
        publish(target)
        assert remote.git("ls-tree", "-r", "main").splitlines() == sorted(
            [*before, f"100644 blob {made}\tdags/a.py"], key=lambda line: line.partition("\t")[2]
        )

    def test_is_read_without_the_rest_of_the_repository(self, remote: Remote, tmp_path: Path) -> None:
        remote.push({"dags/a.py": b"one", "huge": os.urandom(3_000_000)})
        target = opened(remote)
        assert target.read("a.py")[0] == b"one"
        there = [path for path in (tmp_path / "tmp").rglob("*") if path.is_file()]
        assert 0 < sum(path.stat().st_size for path in there) < 100_000

    @pytest.mark.parametrize("name", ["../a.py", "/tmp/a.py", "b/a.py", "", "..", "."])
    def test_a_name_cannot_leave_it(self, remote: Remote, name: str) -> None:
        with pytest.raises(TargetError, match="plain file name"):
            opened(remote).create(name, b"")


@pytest.mark.parametrize(("filters", "hash"), [(True, "sha1"), (False, "sha1"), (True, "sha256")])
def test_servers_of_every_kind(tmp_path: Path, filters: bool, hash: str) -> None:
    remote = make_remote(tmp_path / "r.git", filters=filters, hash=hash)
    remote.push({"dags/a.py": b"one", "dags/b.py": b"two", "other/huge": bytes(100_000)})
    target = opened(remote)
    versions = target.list()
    assert target.read_many(["a.py", "b.py"]) == {
        "a.py": (b"one", versions["a.py"]),
        "b.py": (b"two", versions["b.py"]),
    }
    target.replace("a.py", b"one!", versions["a.py"])
    remote.push({"dags/c.py": b"three"})
    publish(target)
    assert remote.files() == {"a.py": b"one!", "b.py": b"two", "c.py": b"three"}


class TestSomebodyElsePushes:
    def test_elsewhere_and_the_commit_goes_on_top(self, remote: Remote) -> None:
        target = seeded(remote, a=b"one", b=b"two")
        target.replace("a.py", b"one!", target.list()["a.py"])
        theirs = remote.push({"dags/b.py": b"theirs", "dags/c.py": b"theirs", "README.md": b"new\n"})
        publish(target)
        assert remote.git("rev-parse", "main^") == theirs
        assert remote.files() == {"a.py": b"one!", "b.py": b"theirs", "c.py": b"theirs"}
        assert sorted(target.list()) == ["a.py", "b.py", "c.py"]

    def test_over_ours_and_nothing_is_published(self, remote: Remote) -> None:
        target = seeded(remote, a=b"one", b=b"two", c=b"three")
        versions = target.list()
        target.replace("a.py", b"one!", versions["a.py"])
        target.delete("b.py", versions["b.py"])
        target.replace("c.py", b"three!", versions["c.py"])
        target.create("d.py", b"four")
        remote.push({"dags/a.py": b"theirs", "dags/b.py": None})
        theirs = remote.push({"dags/d.py": b"theirs"})[:7]
        last = remote.push({"README.md": b"later\n"})
        with pytest.raises(UnpublishedError, match=r"a\.py, b\.py, d\.py moved") as caught:
            publish(target)
        moved = caught.value.moved
        assert set(moved) == {"a.py", "b.py", "d.py"}
        assert "was changed by " in moved["a.py"] and "Grace <grace@example.org>" in moved["a.py"]
        assert "was removed by " in moved["b.py"]
        assert f"appeared by {theirs}" in moved["d.py"]
        assert remote.tip() == last

    def test_over_ours_and_the_clone_is_removed_at_once(self, remote: Remote, tmp_path: Path) -> None:
        def refused() -> bool:
            target = seeded(remote, a=b"one")
            target.replace("a.py", b"one!", target.list()["a.py"])
            remote.push({"dags/a.py": b"theirs"})
            try:
                publish(target)
            except UnpublishedError:
                return True
            return False

        gc.collect()
        gc.disable()  # nothing may keep the clone alive until then: a process may end without removing it
        try:
            assert refused()
            assert os.listdir(tmp_path / "tmp") == []
        finally:
            gc.enable()

    def test_another_history_and_the_branch_is_named(self, remote: Remote) -> None:
        target = seeded(remote, a=b"one")
        target.replace("a.py", b"one!", target.list()["a.py"])
        remote.git("update-ref", "-d", "refs/heads/main")
        tip = remote.push({"dags/a.py": b"rewritten"})
        with pytest.raises(UnpublishedError) as caught:
            publish(target)
        assert f"was changed meanwhile; the branch is now at {tip[:7]}" in caught.value.moved["a.py"]

    def test_the_index_too_and_both_are_remembered(self, remote: Remote) -> None:
        target = opened(remote)
        target.create("a.py", b"one")
        other = opened(remote)
        other.create("b.py", b"two")
        publish(other, remember=lambda: update_index(other, "growth", "prod", {"b.py": deployed("b")}))
        publish(target, remember=lambda: update_index(target, "growth", "prod", {"a.py": deployed("a")}))
        assert read_index(opened(remote), "growth", "prod").remembered == {"a.py": "prod/a", "b.py": "prod/b"}
        assert sorted(remote.files()) == [index_file("growth", "prod"), "a.py", "b.py"]
        assert len(remote.commits()) == 3

    def test_before_the_plan_and_it_is_refused_when_written(self, remote: Remote) -> None:
        target = seeded(remote, a=b"one")
        target.create("b.py", b"two")
        with pytest.raises(MovedError, match="was changed"):
            target.replace("a.py", b"one!", "0" * 40)
        with pytest.raises(UnpublishedError) as caught:
            publish(target)
        assert list(caught.value.moved) == ["a.py"]
        assert list(remote.files()) == ["a.py"]


class TestWhatCannotBePublished:
    def test_no_such_branch(self, remote: Remote) -> None:
        remote.push({"x": b""}, branch="develop")
        with pytest.raises(TargetError, match="there is no branch 'prod' \\(found develop, main\\); push it first"):
            GitTarget(f"git+file://{remote.path}//dags?ref=prod", Git(os.environ)).list()

    def test_a_tag(self, remote: Remote) -> None:
        remote.git("tag", "v1", "main")
        with pytest.raises(TargetError, match="'v1' is a tag"):
            GitTarget(f"git+file://{remote.path}//dags?ref=v1", Git(os.environ)).list()

    def test_a_head_that_is_no_branch(self, remote: Remote) -> None:
        first = remote.tip()
        remote.push({"x": b""})
        remote.git("update-ref", "--no-deref", "HEAD", first)
        with pytest.raises(TargetError, match="HEAD is not a branch there; name one with"):
            GitTarget(f"git+file://{remote.path}//dags", Git(os.environ)).list()

    @pytest.mark.parametrize("query", ["", "?ref=main"])
    def test_an_empty_repository(self, tmp_path: Path, query: str) -> None:
        make_remote(tmp_path / "empty.git", empty=True)
        with pytest.raises(TargetError, match="the repository is empty; push a first commit"):
            GitTarget(f"git+file://{tmp_path}/empty.git//dags{query}", Git(os.environ)).list()

    def test_no_repository(self, tmp_path: Path) -> None:
        with pytest.raises(TargetError, match="check the address") as caught:
            GitTarget(f"git+file://{tmp_path}/none.git", Git(os.environ)).list()
        assert "\n" not in str(caught.value)

    def test_a_repository_that_is_gone_since(self, remote: Remote) -> None:
        target = seeded(remote, a=b"one")
        target.create("b.py", b"two")
        remote.path.rename(remote.path.with_name("elsewhere.git"))
        with pytest.raises(TargetError, match="check the address"):
            publish(target)

    def test_a_branch_that_is_gone_since(self, remote: Remote) -> None:
        target = seeded(remote, a=b"one")
        target.create("b.py", b"two")
        remote.git("update-ref", "-d", "refs/heads/main")
        with pytest.raises(TargetError, match="the branch 'main' is gone"):
            publish(target)
        assert not remote.has("main")

    def test_what_the_servers_hook_declines(self, remote: Remote) -> None:
        remote.hook("pre-receive", "echo 'main is protected: open a pull request' >&2; exit 1")
        target = opened(remote)
        target.create("a.py", b"one")
        before = remote.tip()
        with pytest.raises(TargetError, match=r"hook declined\): main is protected: open a pull request; allow"):
            publish(target)
        assert remote.tip() == before

    def test_a_host_that_does_not_answer(self) -> None:
        with pytest.raises(TargetError, match="this machine can reach the host"):
            GitTarget("git+https://127.0.0.1:9/dags.git", Git(os.environ)).list()

    def test_without_git(self, remote: Remote, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(TargetError, match="git is not installed"):
            opened(remote).list()


class TestACutConnection:
    def test_before_the_server_took_the_commit(self, remote: Remote) -> None:
        remote.hook("pre-receive", "kill -9 $PPID; sleep 0.1; exit 1")
        target = opened(remote)
        target.create("a.py", b"one")
        before = remote.tip()
        with pytest.raises(TargetError, match=r"hung up|disconnect"):
            publish(target)
        assert remote.tip() == before

    def test_after_the_server_took_the_commit(self, remote: Remote) -> None:
        remote.hook("post-receive", "kill -9 $PPID")
        target = opened(remote)
        target.create("a.py", b"one")
        publish(target)
        assert remote.files() == {"a.py": b"one"}

    def test_after_the_server_took_it_and_others_went_on(self, remote: Remote, tmp_path: Path) -> None:
        # What somebody else pushes in the moment between: made before, put on top by the hook.
        script = (
            'new=$(git commit-tree -p main -m theirs "main^{tree}") && git update-ref refs/heads/main "$new"\n'
            "kill -9 $PPID"
        )
        remote.hook(
            "post-receive", script.replace("git commit-tree", "git -c user.name=G -c user.email=g@x commit-tree")
        )
        target = opened(remote)
        made = target.create("a.py", b"one")
        publish(target)
        assert remote.files() == {"a.py": b"one"}
        assert remote.git("log", "-1", "--format=%s", "main") == "theirs"
        assert target.list() == {"a.py": made}


class TestWhoeverCalls:
    def test_may_be_a_git_hook(self, remote: Remote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        own = make_remote(tmp_path / "own.git")
        tip = own.tip()
        for name, value in {
            "GIT_DIR": str(own.path),
            "GIT_WORK_TREE": str(tmp_path),
            "GIT_INDEX_FILE": str(tmp_path / "index"),
            "GIT_OBJECT_DIRECTORY": str(own.path / "objects"),
            "GIT_QUARANTINE_PATH": str(own.path / "objects"),
            "GIT_NAMESPACE": "elsewhere",
            "GIT_PREFIX": "x/",
            "GIT_AUTHOR_DATE": "2001-01-01T00:00:00Z",
            "GIT_DEFAULT_HASH": "sha256",
            "GIT_CONFIG_PARAMETERS": "'core.bare=false'",
        }.items():
            monkeypatch.setenv(name, value)
        target = opened(remote)
        target.create("a.py", b"one")
        publish(target)
        monkeypatch.undo()
        assert remote.files() == {"a.py": b"one"}
        assert not remote.git("log", "-1", "--format=%ad", "--date=format:%Y", "main").startswith("2001")
        assert own.tip() == tip
        assert own.commits() == [tip]

    def test_may_have_hooks_filters_and_line_endings_configured(self, remote: Remote, home: Path) -> None:
        remote.push({".gitattributes": b"*.py text eol=crlf filter=shout ident\n"})
        hooks = home / "hooks"
        hooks.mkdir()
        for name in ("pre-push", "post-commit", "post-index-change", "commit-msg"):
            (hooks / name).write_text(f"#!/bin/sh\ntouch {home}/{name}\nexit 1\n")
            (hooks / name).chmod(0o755)
        (home / ".gitconfig").write_text(
            f"[core]\n hooksPath = {hooks}\n autocrlf = true\n"
            '[filter "shout"]\n clean = tr a-z A-Z\n smudge = tr a-z A-Z\n required = true\n'
            "[push]\n followTags = true\n gpgSign = if-asked\n default = nothing\n[fetch]\n prune = true\n"
            '[remote "origin"]\n mirror = true\n[init]\n templateDir = /nonexistent\n[log]\n showSignature = true\n'
        )
        content = b"one $Id$\r\ntwo\n"
        target = opened(remote)
        made = target.create("a.py", content)
        publish(target)
        assert remote.files() == {"a.py": content}
        assert opened(remote).read("a.py") == (content, made)
        assert sorted(os.listdir(home)) == [".gitconfig", "hooks"]

    def test_is_shown_no_credentials_of_theirs(self, home: Path) -> None:
        (home / ".gitconfig").write_text(
            '[url "https://ada:hunter2@127.0.0.1:9/"]\n insteadOf = https://git.example.org/\n'
        )
        with pytest.raises(TargetError) as caught:
            GitTarget("git+https://git.example.org/dags.git", Git(os.environ)).list()
        assert "hunter2" not in str(caught.value)

    def test_may_interrupt(self, remote: Remote, tmp_path: Path) -> None:
        remote.push({"dags/a.py": b"one"})
        script = (
            "import os, signal, sys, tempfile\n"
            f"tempfile.tempdir = {str(tmp_path / 'tmp')!r}\n"
            "from deployer.targets.git import GitTarget\n"
            "from deployer.vcs.git import Git\n"
            f"target = GitTarget({remote.address!r}, Git(os.environ))\n"
            "target.list()\n"
            "assert os.listdir(tempfile.tempdir)\n"
            "os.kill(os.getpid(), signal.SIGINT)\n"
            "target.read('a.py')\n"
        )
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=os.environ)
        assert "KeyboardInterrupt" in done.stderr
