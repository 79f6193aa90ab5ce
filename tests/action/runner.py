"""GitHub's runner in small: jobs of a workflow file and the steps of the action, each script in bash.

The token of a job may do what the job's `permissions` say. Of other actions only those that keep and get artifacts do
something; checking out, installing and signing in is done already, or not needed.
"""

from __future__ import annotations

import json
import subprocess
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

from tests.action.api import REPOSITORY, WORKFLOW, State
from tests.action.expressions import condition, fill
from tests.action.repository import ACTION, Repository, load

OURS = "acme/mfdeploy/.github/actions/mfdeploy@"


@dataclass
class Step:
    """What a step printed, and how it ended."""

    name: str
    output: str = ""
    failed: bool = False


@dataclass
class Job:
    """A job that has run; `outputs` are those of its last use of the action."""

    steps: list[Step] = field(default_factory=list)
    outputs: dict[str, str] = field(default_factory=dict)
    result: str = "success"

    @property
    def output(self) -> str:
        return "".join(step.output for step in self.steps)


def succeeded(job: Job) -> Job:
    """The job, which must have ended well."""
    assert job.result == "success", job.output
    return job


@dataclass
class Runner:
    """Runs what one event starts. `state` is the repository on GitHub, `repository` what is checked out."""

    repository: Repository
    state: State
    event: Mapping[str, Any]
    name: str  # of the event
    ref: str
    run: int = 1
    attempt: int = 1
    variables: Mapping[str, str] = field(default_factory=dict)
    results: dict[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """Of the runner: what is outside of the checkout, one for each run."""
        folder = self.repository.home / f"run-{self.run}-{self.attempt}"
        folder.mkdir(exist_ok=True)
        return folder

    @property
    def summary(self) -> str:
        path = self.folder / "summary"
        return path.read_text() if path.exists() else ""

    def job(self, workflow: Path, name: str, **matrix: str) -> Job:
        """Run a job of a workflow file, if its condition says so."""
        job = load(workflow)["jobs"][name]
        needed = job.get("needs", [])
        needs = {need: {"result": self.results[need]} for need in ([needed] if isinstance(needed, str) else needed)}
        failed = any(need["result"] != "success" for need in needs.values())
        token = f"token of {name} in {self.run}.{self.attempt}"
        context = {**self._context(token), "needs": needs, "matrix": matrix, "failed": failed}
        done = Job(result="skipped")
        if condition(job, context):
            self.state.tokens[token] = {f"{key}: {value}" for key, value in job["permissions"].items()}
            done = Job()
            for step in job["steps"]:
                self._step(step, {**context, "failed": done.result == "failure"}, done)
        self.results[name] = done.result
        return done

    def use(self, **inputs: str) -> Job:
        """Run the action alone, with a token that may do everything; ``_`` of an input's name stands for ``-``."""
        self.state.tokens["all"] = {"pull-requests: write", "actions: read", "contents: read"}
        done = Job()
        given = {name.replace("_", "-"): value for name, value in inputs.items()}
        self._use({"with": given}, {**self._context("all"), "failed": False}, done)
        return done

    def _context(self, token: str) -> dict[str, Any]:
        github = {"event_name": self.name, "event": self.event, "ref": self.ref, "repository": REPOSITORY}
        inputs = self.event.get("inputs", {})
        return {"github": {**github, "token": token}, "vars": self.variables, "inputs": inputs}

    def _step(self, step: Mapping[str, Any], context: Mapping[str, Any], job: Job) -> None:
        if not condition(step, context):
            return
        uses = str(step.get("uses", ""))
        if uses.startswith(OURS):
            self._use(step, context, job)
        elif uses.startswith("actions/upload-artifact@"):
            self._upload(step["with"])
        elif uses.startswith("actions/download-artifact@"):
            self._download(step, job)
        elif "run" in step:
            self._bash(step, context, job, {})

    def _use(self, step: Mapping[str, Any], context: Mapping[str, Any], job: Job) -> None:
        action = load(ACTION)
        given = {name: fill(value, context) for name, value in step["with"].items()}
        assert given.keys() <= action["inputs"].keys(), given
        defaults = {name: fill(value.get("default", ""), context) for name, value in action["inputs"].items()}
        inside: dict[str, Any] = {**context, "inputs": {**defaults, **given}, "steps": {}, "failed": False}
        for each in action["runs"]["steps"]:
            if not condition(each, inside):
                continue
            if "uses" in each:
                outputs = self._upload({name: fill(value, inside) for name, value in each["with"].items()})
            else:
                outputs = self._bash(each, inside, job, {"GITHUB_ACTION_PATH": str(ACTION.parent)})
            inside["steps"][each.get("id", "")] = {"outputs": outputs}
            inside["failed"] = inside["failed"] or job.steps[-1].failed
        steps = {name: inside["steps"].get(name, {"outputs": {}}) for name in ("plan", "comment", "upload")}
        values = {name: fill(each["value"], {"steps": steps}) for name, each in action["outputs"].items()}
        job.outputs = {name: value for name, value in values.items() if value}

    def _bash(
        self, step: Mapping[str, Any], context: Mapping[str, Any], job: Job, more: Mapping[str, str]
    ) -> dict[str, str]:
        output = self.folder / "output"
        output.write_text("")
        given = {name: fill(value, context) for name, value in step.get("env", {}).items()}
        done: subprocess.CompletedProcess[str] = self.repository.bash(
            step["run"], **{**self._environ(), **more, "GITHUB_OUTPUT": str(output), **given}
        )
        job.steps.append(Step(step.get("name", ""), done.stdout + done.stderr, done.returncode != 0))
        if done.returncode:
            job.result = "failure"
        return dict(line.split("=", 1) for line in output.read_text().splitlines())

    def _environ(self) -> dict[str, str]:
        event = self.folder / "event.json"
        event.write_text(json.dumps(self.event))
        return {
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTOR": "grace",
            "GITHUB_API_URL": self.state.url,
            "GITHUB_SERVER_URL": "https://github.example",
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_WORKFLOW_REF": f"{REPOSITORY}/{WORKFLOW}@{self.ref}",
            "GITHUB_EVENT_NAME": self.name,
            "GITHUB_EVENT_PATH": str(event),
            "GITHUB_REF": self.ref,
            "GITHUB_REF_NAME": self.ref.removeprefix("refs/heads/").removeprefix("refs/pull/"),
            "GITHUB_SHA": self.repository.git("rev-parse", "HEAD"),
            "GITHUB_RUN_ID": str(self.run),
            "GITHUB_RUN_NUMBER": str(self.run),
            "GITHUB_RUN_ATTEMPT": str(self.attempt),
            "GITHUB_ENV": str(self.folder / "environ"),
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary"),
            "RUNNER_TEMP": str(self.folder),
            "no_proxy": "127.0.0.1",  # where the tests' GitHub is
        }

    def _upload(self, given: Mapping[str, Any]) -> dict[str, str]:
        path = self.repository.folder / given["path"]
        if not path.exists() and given.get("if-no-files-found") == "ignore":
            return {}
        number = self.state.upload(self.run, given["name"], path, overwrite=bool(given.get("overwrite")))
        return {"artifact-url": f"https://github.example/{REPOSITORY}/actions/runs/{self.run}/artifacts/{number}"}

    def _download(self, step: Mapping[str, Any], job: Job) -> None:
        name, path = step["with"]["name"], step["with"]["path"]
        found = [each for each in self.state.artifacts if (each["run"], each["name"]) == (self.run, name)]
        if found:
            zipfile.ZipFile(BytesIO(found[0]["content"])).extractall(self.repository.folder / path)
        elif not step.get("continue-on-error"):
            job.result = "failure"
