"""A plan against another revision: what this change would change, without a look at any target."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.project import Project

FEW = ("--flow", "hourly", "--flow", "debug", "--flow", "sales_report")


def git(project: Project, *words: str) -> str:
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "init.defaultBranch=main")
    done = subprocess.run(
        ["git", *identity, *words], cwd=project.folder, env=project.environ(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def repository(fresh: Project) -> Project:
    """The examples in a repository, on a branch `change` that is still what `main` is."""
    (fresh.folder / ".gitignore").write_text("build/\n.venv\n")
    git(fresh, "init", "-q")
    git(fresh, "add", ".")
    git(fresh, "commit", "-qm", "All flows")
    git(fresh, "checkout", "-qb", "change")
    return fresh


def plan(project: Project, *options: str, against: str = "main") -> dict[str, dict[str, Any]]:
    found = json.loads(project.do("plan", "--env", "local", "--against", against, "--format", "json", *FEW, *options))
    return {change["address"]: change for change in found["changes"] if change["action"] != "none"}


def state(project: Project) -> tuple[Any, ...]:
    """All that git knows of the repository, its index byte for byte, and every file."""
    tree = {
        path: path.read_bytes() for path in project.folder.rglob("*") if path.is_file() and ".git" not in path.parts
    }
    index = (project.folder / ".git" / "index").read_bytes()
    return tree, index, git(project, "for-each-ref"), git(project, "worktree", "list"), git(project, "stash", "list")


def words(change: dict[str, Any]) -> list[str]:
    return [reason["word"] for reason in change["reasons"]]


def test_nothing_differs_where_nothing_was_changed(repository: Project) -> None:
    assert plan(repository) == {}


def test_only_what_this_change_changes_is_told_with_its_line(repository: Project) -> None:
    repository.edit("features.yaml", "30 6 * * 1-5", "45 6 * * 1-5")
    found = plan(repository)
    assert {address: change["action"] for address, change in found.items()} == {"local/sales_report": "update"}
    (reason,) = found["local/sales_report"]["reasons"]
    line = next(n for n, text in enumerate(read(repository, "features.yaml").splitlines(), 1) if "45 6 * * 1-5" in text)
    assert (reason["word"], reason["fields"][0]["origin"]) == ("schedule", f"deployments/features.yaml:{line}")
    assert [effect["word"] for effect in found["local/sales_report"]["effects"]] == ["next runs"]


def read(project: Project, manifest: str) -> str:
    return (project.folder / "deployments" / manifest).read_text()


def test_the_code_of_the_revision_is_its_own(repository: Project) -> None:
    repository.edit("flows/hourly/hourly.py", "time is", "the time is")
    git(repository, "commit", "-qam", "Say it better")
    assert words(plan(repository)["local/hourly"]) == ["code"]
    assert plan(repository, against="change") == {}
    assert plan(repository, against=git(repository, "rev-parse", "HEAD")) == {}


def test_flows_that_come_go_and_get_another_id(repository: Project) -> None:
    text = read(repository, "scheduling.yaml")
    text = text.replace("    file: flows/hourly/hourly.py\n", "    file: flows/hourly/hourly.py\n    dag_id: clock\n")
    text = text.replace("  debug:\n", "  debugging:\n")
    (repository.folder / "deployments" / "scheduling.yaml").write_text(text)
    found = json.loads(
        repository.do("plan", "--env", "local", "--against", "main", "--format", "json", *FEW, "--flow", "debugging")
    )
    actions = [(each["address"], each["action"]) for each in found["changes"] if each["action"] != "none"]
    assert actions == [("local/debugging", "update"), ("local/hourly", "create"), ("local/hourly", "delete")]


def test_it_says_what_it_is_held_against_in_every_format(repository: Project) -> None:
    repository.edit("features.yaml", "30 6 * * 1-5", "45 6 * * 1-5")
    commit = git(repository, "rev-parse", "main")
    base = ("plan", "--env", "local", "--against", "main", *FEW)
    said = f"Against what main ({commit[:12]}) would deploy, not against what is deployed."
    assert said in re.sub(r"\s+", " ", repository.do(*base))
    assert said in repository.do(*base, "--format", "markdown")
    assert json.loads(repository.do(*base, "--format", "json"))["against"] == {"revision": "main", "commit": commit}
    assert repository.do(*base, "--detailed-exitcode", code=2)


def test_the_source_of_dag_files_is_compared_if_asked_for(repository: Project) -> None:
    repository.edit("features.yaml", "30 6 * * 1-5", "45 6 * * 1-5")
    text = repository.do("plan", "--env", "local", "--against", "main", "--diff", *FEW)
    changed = [line for line in text.splitlines() if re.match(r"[-+] ", line)]
    assert any("30 6 * * 1-5" in line for line in changed)
    assert any("45 6 * * 1-5" in line for line in changed)
    assert not any("mfdeploy-" in line for line in changed)  # no path of the temporary folder


def test_it_leaves_repository_and_temporary_folder_as_they_are(repository: Project, tmp_path: Path) -> None:
    repository.edit("features.yaml", "30 6 * * 1-5", "45 6 * * 1-5")
    (repository.folder / "new.txt").write_text("staged")
    git(repository, "add", "new.txt")
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    before = state(repository)
    careful = repository.as_user("ada", repository.home, TMPDIR=str(temporary))
    assert plan(careful)
    assert state(repository) == before
    assert list(temporary.iterdir()) == []


def test_no_target_is_read(repository: Project) -> None:
    manifest = repository.folder / "deployments" / "mfdeploy.yaml"
    manifest.write_text(manifest.read_text().replace("target: ../build/dags", "target: nosuch://place/dags", 1))
    git(repository, "commit", "-qam", "Elsewhere")
    assert repository.run("plan", "--env", "local", *FEW).returncode == 1
    assert plan(repository, against="change") == {}
    done = repository.run("plan", "--env", "local", "--against", "main", *FEW)
    assert "warning: local: the target changes from ../build/dags to nosuch://place/dags" in done.stderr


def test_an_interpreter_that_git_ignores_is_the_one_of_this_machine(repository: Project) -> None:
    (repository.folder / ".venv").symlink_to(sys.prefix)
    repository.edit(
        "scheduling.yaml", "flows/debug/debug.py\n", "flows/debug/debug.py\n    python: ../.venv/bin/python\n"
    )
    git(repository, "commit", "-qam", "With an interpreter of its own")
    repository.edit("flows/hourly/hourly.py", "time is", "the time is")
    assert list(plan(repository, against="change")) == ["local/hourly"]


class TestRefused:
    def test_outside_a_repository(self, fresh: Project) -> None:
        self.refused(fresh, "is not in a git repository")

    def test_an_unknown_revision(self, repository: Project) -> None:
        self.refused(repository, "unknown git revision 'nowhere'; fetch it first", against="nowhere")

    def test_a_revision_that_looks_like_an_option(self, repository: Project) -> None:
        self.refused(repository, "unknown git revision '--all'", against="--all")

    def test_a_revision_that_is_broken_is_named_with_its_file(self, repository: Project) -> None:
        repository.edit("graphs.yaml", "max_workers: 2", "max_worker: 2")
        git(repository, "commit", "-qam", "Break it")
        repository.edit("graphs.yaml", "max_worker: 2", "max_workers: 2")
        self.refused(repository, "change:deployments/graphs.yaml:10:", against="change")

    def test_a_flow_that_is_broken_there(self, repository: Project) -> None:
        repository.edit("flows/hourly/hourly.py", "class HourlyFlow", "import nothing_there\n\n\nclass HourlyFlow")
        git(repository, "commit", "-qam", "Break it")
        repository.edit("flows/hourly/hourly.py", "import nothing_there\n\n\nclass HourlyFlow", "class HourlyFlow")
        self.refused(repository, "change:deployments/flows/hourly/hourly.py:", against="change")

    def test_to_be_saved_or_applied(self, repository: Project) -> None:
        self.refused(repository, "--out does not go with --against", "--out", "plan.json")
        text = repository.do("plan", "--env", "local", "--against", "main", "--format", "json", *FEW)
        (repository.folder / "plan.json").write_text(text)
        done = repository.run("apply", "plan.json")
        assert (done.returncode, done.stdout) == (1, "")
        assert "a plan against a revision" in done.stderr

    def refused(self, project: Project, message: str, *options: str, against: str = "main") -> None:
        done = project.run("plan", "--env", "local", f"--against={against}", *FEW, *options)
        assert done.returncode == 1
        assert message in done.stderr, done.stderr


def test_a_revision_without_manifests_or_the_environment_deploys_nothing(repository: Project) -> None:
    git(repository, "checkout", "-q", "--orphan", "empty")
    git(repository, "commit", "-qm", "Nothing", "--allow-empty")
    git(repository, "rm", "-rq", "--cached", ".")
    git(repository, "commit", "-qm", "Empty", "--allow-empty")
    assert {change["action"] for change in plan(repository, against="empty").values()} == {"create"}
