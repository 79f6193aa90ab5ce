"""A repository on GitHub and its runs: what tests of the action and of its example workflow do with it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from typing import Any

from tests.action.api import REPOSITORY, WORKFLOW, State
from tests.action.repository import EXAMPLES, Repository
from tests.action.runner import Job, Runner, succeeded

EXAMPLE = EXAMPLES / "github-workflow.yml"
PLAN_JOBS = ("validate", "plan", "comment")


@dataclass
class Project:
    """A repository on GitHub. The merge commit of a pull request is its head, as if nothing else were on main."""

    repository: Repository
    state: State
    runs: int = 0
    base: str = field(default="", init=False)

    def __post_init__(self) -> None:
        self.base = self.repository.git("rev-parse", "HEAD")

    def open(self, number: int = 12, source: str = REPOSITORY) -> dict[str, Any]:
        """A pull request of what is checked out."""
        head = self.repository.git("rev-parse", "HEAD")
        pull = {
            "number": number,
            "head": {"sha": head, "repo": {"full_name": source}},
            "base": {"sha": self.base, "ref": "main"},
            "merged_at": None,
            "merge_commit_sha": None,
            "commits": [head],
        }
        self.state.pulls[number] = pull
        self.state.ancestors[head] = {self.base}
        return pull

    def push(self, number: int = 12) -> str:
        """One more commit of a pull request. Returns the one before."""
        pull = self.state.pulls[number]
        before = str(pull["head"]["sha"])
        pull["head"] = {**pull["head"], "sha": self.repository.commit()}
        pull["commits"].append(pull["head"]["sha"])
        self.state.ancestors[pull["head"]["sha"]] = {self.base, before}
        return before

    def merge(self, number: int = 12) -> str:
        """Squash a pull request: a new commit on main, with what is checked out now."""
        pull = self.state.pulls[number]
        self.clean()
        self.repository.git("commit", "--quiet", "--allow-empty", "--all", "--message", f"Merge #{number}")
        commit = self.repository.git("rev-parse", "HEAD")
        pull.update(merged_at="2026-01-01T00:00:00Z", merge_commit_sha=commit, commits=[*pull["commits"], commit])
        self.state.ancestors[commit] = {self.base}
        return commit

    def clean(self) -> None:
        """Each job has a checkout of its own."""
        for name in ("mfdeploy-plan", "mfdeploy-reviewed"):
            shutil.rmtree(self.repository.folder / name, ignore_errors=True)

    def on_pull(self, number: int = 12, *, run: int = 0, attempt: int = 1) -> Runner:
        self.runs += 1
        event = {"action": "synchronize", "pull_request": dict(self.state.pulls[number])}
        ref = f"refs/pull/{number}/merge"
        return Runner(self.repository, self.state, event, "pull_request", ref, run or self.runs, attempt)

    def on_main(self, name: str = "push", **inputs: str) -> Runner:
        self.runs += 1
        event = {"inputs": inputs} if name == "workflow_dispatch" else {}
        return Runner(self.repository, self.state, event, name, "refs/heads/main", run=self.runs)

    def review(self, runner: Runner) -> dict[str, Job]:
        """The jobs of the example that a pull request starts, each in a checkout of its own; the run is kept."""
        done = {}
        for name in PLAN_JOBS:
            self.clean()
            done[name] = runner.job(EXAMPLE, name)
        failed = any(job.result == "failure" for job in done.values())
        self.end(runner, "failure" if failed else "success")
        return done

    def end(self, runner: Runner, conclusion: str = "success") -> None:
        """A run has ended: GitHub lists it."""
        head = runner.event["pull_request"]["head"]
        run = {"id": runner.run, "run_number": runner.run, "event": "pull_request", "path": WORKFLOW}
        more = {"conclusion": conclusion, "head_sha": head["sha"], "head_repository": head["repo"]}
        self.state.runs.append({**run, **more})

    def keep(self, runner: Runner) -> None:
        """What the example does after the comment; then the run has ended well."""
        self.state.upload(runner.run, "mfdeploy-reviewed", self.repository.folder / "mfdeploy-reviewed")
        self.end(runner)

    def reviewed(self, number: int = 12) -> Runner:
        """A pull request of what is checked out, planned and commented."""
        self.open(number)
        runner = self.on_pull(number)
        for job in self.review(runner).values():
            succeeded(job)
        return runner

    def edit(self, old: str = "time is", new: str = "the time is") -> None:
        """Edit the flow."""
        flow = self.repository.flow
        assert old in flow.read_text()
        flow.write_text(flow.read_text().replace(old, new))

    def apply(self, runner: Runner, environment: str, job: str = "apply") -> Job:
        self.clean()
        return runner.job(EXAMPLE, job, environment=environment)
