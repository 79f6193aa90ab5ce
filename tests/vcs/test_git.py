"""How git is run: nothing that leads it elsewhere, nobody is asked, and it always ends."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from deployer.vcs.git import Git, GitError
from deployer.vcs.process import Limits, OutputLimitError, ProcessTimeoutError, run

LIMITS = Limits(seconds=20, output=1000, errors=100)


def shell(script: str, stdin: bytes = b"", limits: Limits = LIMITS) -> tuple[int, bytes, bytes]:
    return run(["sh", "-c", script], stdin, os.environ, limits)


def test_a_process_gives_its_code_and_both_streams() -> None:
    assert shell("cat; echo bad >&2; exit 3", b"given") == (3, b"given", b"bad\n")
    assert shell("kill -9 $$") == (-9, b"", b"")


def test_a_process_need_not_read_what_it_is_given() -> None:
    assert shell("exec 0<&-; echo done", b"x" * 1_000_000) == (0, b"done\n", b"")


def test_large_streams_go_through_in_both_directions() -> None:
    content = os.urandom(2_000_000)
    assert shell("tee /dev/stderr", content, Limits(20, len(content), 100)) == (0, content, content[:100])


def test_a_process_that_writes_too_much_is_killed() -> None:
    with pytest.raises(OutputLimitError):
        shell("yes")


def test_a_process_that_takes_too_long_is_killed_with_its_children(tmp_path: Path) -> None:
    with pytest.raises(ProcessTimeoutError):
        shell(f"(sleep 1; touch {tmp_path}/late) & sleep 60", limits=Limits(0.2, 1000, 100))
    subprocess.run(["sleep", "1.2"], check=True)
    assert list(tmp_path.iterdir()) == []


def variables(environ: dict[str, str], tmp_path: Path, **given: str) -> dict[str, str]:
    """The variables that git is started with; `git` is a script here that prints them."""
    (tmp_path / "git").write_text("#!/bin/sh\n/usr/bin/env -0\n")
    (tmp_path / "git").chmod(0o755)
    printed = Git({"PATH": str(tmp_path), **environ}).run(tmp_path, "version", variables=given).stdout.decode()
    lines = (line.partition("=") for line in printed.split("\0") if line)
    return {name: value for name, _, value in lines if name not in ("PATH", "PWD", "OLDPWD", "SHLVL", "_")}


ALWAYS = {
    "GIT_ASKPASS": "",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "SSH_ASKPASS_REQUIRE": "never",
    "GCM_INTERACTIVE": "never",
    "LC_ALL": "C",
    "LANGUAGE": "C",
}


def test_identity_and_access_of_the_user_stay(tmp_path: Path) -> None:
    kept = {
        "HOME": "/home/ada",
        "HTTPS_PROXY": "http://proxy:3128",
        "SSH_AUTH_SOCK": "/run/agent",
        "GIT_AUTHOR_NAME": "Ada",
        "GIT_SSH_COMMAND": "ssh -i key",
        "GIT_SSL_CAINFO": "/etc/ca.pem",
        "GIT_CONFIG_GLOBAL": "/etc/git",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "safe.directory",
        "GIT_CONFIG_VALUE_0": "*",
        "GIT_CEILING_DIRECTORIES": "/home",
        "GIT_ASKPASS": "/ci/askpass",
    }
    assert variables(kept, tmp_path) == {**ALWAYS, **kept}


def test_what_leads_elsewhere_or_asks_goes_unless_it_is_given_for_the_call(tmp_path: Path) -> None:
    gone = dict.fromkeys(
        [
            *("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR", "GIT_PREFIX"),
            *("GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_NAMESPACE", "GIT_CONFIG_PARAMETERS", "GIT_AUTHOR_DATE"),
            *("GIT_CONFIG", "GIT_EXTERNAL_DIFF", "GIT_PAGER", "GIT_EDITOR", "GIT_ATTR_SOURCE", "SSH_ASKPASS"),
        ],
        "/elsewhere",
    )
    assert variables({**gone, "LC_ALL": "de_DE"}, tmp_path) == ALWAYS
    assert variables(gone, tmp_path, GIT_DIR="/here") == {**ALWAYS, "GIT_DIR": "/here"}


def test_what_git_says_is_in_the_error(tmp_path: Path) -> None:
    with pytest.raises(GitError, match="git rev-parse failed: fatal: not a git repository") as caught:
        Git({**os.environ, "GIT_CEILING_DIRECTORIES": str(tmp_path.parent)}).run(tmp_path, "rev-parse", "HEAD")
    assert caught.value.result is not None
    assert caught.value.result.code == 128


def test_without_git_there_is_an_error_without_a_result(tmp_path: Path) -> None:
    with pytest.raises(GitError, match="git is not installed") as caught:
        Git({"PATH": str(tmp_path)}).run(tmp_path, "version")
    assert caught.value.result is None


def test_nobody_is_asked_on_a_terminal(tmp_path: Path) -> None:
    (tmp_path / "ssh").write_text("#!/bin/sh\n(: </dev/tty) 2>/dev/null && echo asked >&2\nexit 1\n")
    (tmp_path / "ssh").chmod(0o755)
    git = Git({**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"})
    with pytest.raises(GitError) as caught:
        git.run(tmp_path, "ls-remote", "ssh://host/a.git")
    assert caught.value.result is not None
    assert "asked" not in caught.value.result.stderr
