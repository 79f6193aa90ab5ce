"""Writes the plan of a pull request into its comment, and keeps the plan that it wrote as the reviewed one.

Runs in a job that loads no flow and holds the token that may write. What the job that planned left is data: its plan is
shown by `mfdeploy plan --from`, which makes the Markdown anew, so that the comment says what the saved plan says.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))  # `python -I` leaves the folder of the script out

from github import Api, ApiError, annotate, fail, fenced, page_of_run, read_event, set_output

_MOST_OF_AN_ERROR = 20_000
_RUN = re.compile(r"head=([0-9a-f]+) run=(\d+) attempt=(\d+) -->")


@dataclass(frozen=True)
class Review:
    """Whose plan it is: the pull request as the event has it, and the run that planned it."""

    name: str  # of the files: the environment, with ".against" for a plan against a revision
    number: int
    head: str
    base: str
    base_ref: str
    from_fork: bool
    run: int
    attempt: int

    @property
    def marker(self) -> str:
        return f"<!-- mfdeploy plan of {self.name}; "

    @property
    def first_line(self) -> str:
        return f"{self.marker}head={self.head} run={self.run} attempt={self.attempt} -->"

    def is_older_than(self, comment: str) -> bool:
        """Whether a comment was written by a later run for the same commit."""
        found = _RUN.match(comment[len(self.marker) :])
        if not found or found[1] != self.head:
            return False
        return (int(found[2]), int(found[3])) > (self.run, self.attempt)


def main(environ: Mapping[str, str]) -> None:
    pull = read_event(environ).get("pull_request")
    if not pull:
        fail("the command comment is for events of a pull request")
    review = _review(pull, environ)
    plan = Path(environ["FOLDER"], f"{review.name}.json")
    shown, problem = _plan_as_markdown(plan, environ)
    body = f"{review.first_line}\n{shown}\n{_footer(review, environ)}"
    with Path(environ["GITHUB_STEP_SUMMARY"]).open("a", encoding="utf-8") as summary:
        summary.write(body)
    posted = _post(Api(environ), review, body)
    set_output(environ, "posted", str(posted).lower())
    if problem:
        fail(problem)
    if posted and plan.is_file():
        _keep(review, plan, Path(environ["REVIEWED"]))


def _review(pull: Mapping[str, Any], environ: Mapping[str, str]) -> Review:
    head, base = pull["head"], pull["base"]
    source = (head["repo"] or {}).get("full_name")  # none where the fork was deleted
    return Review(
        name=name_of_plan(environ),
        number=int(pull["number"]),
        head=head["sha"],
        base=base["sha"],
        base_ref=base["ref"],
        from_fork=source != environ["GITHUB_REPOSITORY"],
        run=int(environ["GITHUB_RUN_NUMBER"]),
        attempt=int(environ["GITHUB_RUN_ATTEMPT"]),
    )


def _plan_as_markdown(plan: Path, environ: Mapping[str, str]) -> tuple[str, str]:
    """What the comment shows, and what is wrong with what the job left. A plan that was refused failed that job."""
    environment = environ["ENVIRONMENT"]
    error = plan.with_suffix(".error.txt")
    if error.is_file():
        plan.unlink(missing_ok=True)
        return _failed(environment, "It was refused:", error.read_text(encoding="utf-8", errors="replace")), ""
    if not plan.is_file():
        return _failed(environment, "The job ended before there was one."), f"there is no plan of {environment}"
    done = show(plan, "markdown", environ)
    if done.returncode:
        return _failed(environment, "What the job left cannot be read:", done.stderr), f"{plan} is not a plan"
    if problem := other_plan(json.loads(plan.read_text(encoding="utf-8")), environment):
        return _failed(environment, problem), problem
    return done.stdout, ""


def show(plan: Path, format: str, environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run mfdeploy, which shows a saved plan, without the token: what runs there needs none."""
    clean = {name: value for name, value in environ.items() if name != "TOKEN"}
    command = ["mfdeploy", "plan", "--from", str(plan), "--format", format]
    return subprocess.run(command, env=clean, capture_output=True, encoding="utf-8", check=False)


def name_of_plan(environ: Mapping[str, str]) -> str:
    """Of its files: the environment, with ``.against`` for a plan against a revision."""
    return f"{environ['ENVIRONMENT']}{'.against' if environ['AGAINST'] else ''}"


def other_plan(plan: Mapping[str, Any], environment: str) -> str:
    """Why this saved plan is not one of what the manifests say of the environment; empty if it is."""
    changed = {change["address"].partition("/")[0] for change in plan["changes"]}
    others = sorted({*plan.get("targets", ()), *changed} - {environment})
    if others:
        return f"The job left a plan of {', '.join(others)} as that of {environment}."
    if plan.get("rollback") or plan.get("destroy"):
        return f"The job left a plan of {environment} that is a rollback or a destroy."
    return ""


def _failed(environment: str, why: str, said: str = "") -> str:
    block = f"\n{fenced(said, _MOST_OF_AN_ERROR)}" if said.strip() else ""
    return f"### mfdeploy plan\n\n**The plan of {environment} failed: there is nothing to review.**\n\n{why}\n{block}"


def _footer(review: Review, environ: Mapping[str, str]) -> str:
    page = page_of_run(environ)
    where = f"[run {review.run}, attempt {review.attempt}]({page})"
    made = environ.get("PAGE_URL", "")
    link = f"**[The plan as a page]({made})**, with its graphs, to search and to filter.\n\n" if made else ""
    return f"{link}<sub>Commit {review.head}, merged into {review.base[:12]} of the base branch; {where}.</sub>\n"


def _post(api: Api, review: Review, body: str) -> bool:
    """Write the comment of this environment. False if a newer commit or run has one, or if a fork may not write."""
    try:
        current = api.get(f"pulls/{review.number}")["head"]["sha"]
        if current != review.head:
            annotate("notice", f"the pull request is at {current} now: its comment is not replaced by {review.head}")
            return False
        found = _own_comment(api, review)
        if found and review.is_older_than(found["body"]):
            annotate("notice", "a later run has written the comment: it is not replaced")
            return False
        if found:
            api.send("PATCH", f"issues/comments/{found['id']}", {"body": body})
        else:
            api.send("POST", f"issues/{review.number}/comments", {"body": body})
    except ApiError as error:
        message = f"the plan could not be written to the pull request, see the summary of this run: {error}"
        if not review.from_fork:
            fail(message)
        annotate("warning", message)
        return False
    return True


def _own_comment(api: Api, review: Review) -> dict[str, Any] | None:
    for comment in api.pages(f"issues/{review.number}/comments"):
        # Anybody may write a comment that starts like ours.
        if comment["user"]["type"] == "Bot" and comment["body"].startswith(review.marker):
            return comment
    return None


def _keep(review: Review, plan: Path, folder: Path) -> None:
    """Keep the plan that the comment shows, with the pull request that it was shown to."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / plan.name
    shutil.copyfile(plan, kept)
    about = {
        "environment": review.name,
        "number": review.number,
        "head": review.head,
        "base": review.base,
        "base_ref": review.base_ref,
        "sha256": hashlib.sha256(kept.read_bytes()).hexdigest(),
    }
    (folder / f"{review.name}.review.json").write_text(f"{json.dumps(about, indent=2)}\n", encoding="utf-8")


if __name__ == "__main__":
    main(os.environ)
