"""Gets the plan that was reviewed in the pull request of the checked-out commit, and verifies whose plan it is.

What is taken for true is what GitHub's API says: which pull request was merged as this commit, and which run of this
workflow belongs to its last commit. The artifact of that run must agree.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
import urllib.parse
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))  # `python -I` leaves the folder of the script out

from github import Api, ApiError, fail

_MOST_BYTES = 200_000_000
_BY_HAND = "start the workflow by hand to plan again, read that plan and apply it"


class NotReviewed(Exception):
    """There is no plan of this commit that somebody could have read."""


@dataclass(frozen=True)
class Pull:
    """The pull request that was merged as a commit."""

    number: int
    head: str
    base_ref: str
    repository: str


def main(environ: Mapping[str, str]) -> None:
    try:
        plan = find(Api(environ), environ)
    except NotReviewed as error:
        fail(f"{error}; {_BY_HAND}")
    except (ApiError, KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        fail(f"the reviewed plan cannot be read ({type(error).__name__}: {error}); {_BY_HAND}")
    Path(environ["PLAN"]).parent.mkdir(parents=True, exist_ok=True)
    Path(environ["PLAN"]).write_bytes(plan)


def find(api: Api, environ: Mapping[str, str]) -> bytes:
    """The reviewed plan. Raises NotReviewed, or whatever a damaged answer or artifact gives."""
    pull = _merged_as(api, environ["GITHUB_SHA"], environ["GITHUB_REF_NAME"])
    if pull.repository != environ["GITHUB_REPOSITORY"]:
        raise NotReviewed(f"pull request {pull.number} came from a fork, of which no plan is made")
    refused = []
    for artifact in _artifacts(api, pull, environ):
        content = api.download(f"actions/artifacts/{int(artifact['id'])}/zip", _MOST_BYTES)
        about, plan = _unpack(content, environ["ENVIRONMENT"])
        problem = _mismatch(about, plan, pull, environ["ENVIRONMENT"]) or _not_before(api, about, environ["GITHUB_SHA"])
        if not problem:
            return plan
        refused.append(problem)
    if refused:
        raise NotReviewed(f"the plan of pull request {pull.number} is not what was reviewed: {refused[0]}")
    raise NotReviewed(f"the last commit of pull request {pull.number}, {pull.head}, has no reviewed plan")


def _merged_as(api: Api, commit: str, branch: str) -> Pull:
    for found in api.pages(f"commits/{commit}/pulls"):
        if found["merged_at"] and found["merge_commit_sha"] == commit and found["base"]["ref"] == branch:
            source = (found["head"]["repo"] or {}).get("full_name", "")
            return Pull(int(found["number"]), found["head"]["sha"], branch, source)
    raise NotReviewed(f"{commit} is not the merge of a pull request into {branch}: no plan of it was reviewed")


def _artifacts(api: Api, pull: Pull, environ: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """The artifacts with reviewed plans of the pull request's last commit, those of the newest run first."""
    # OWNER/REPOSITORY/.github/workflows/FILE@REF
    workflow = environ["GITHUB_WORKFLOW_REF"].partition("@")[0].removeprefix(f"{environ['GITHUB_REPOSITORY']}/")
    name = urllib.parse.quote(workflow.rpartition("/")[2], safe="")
    query = {"event": "pull_request", "status": "success", "head_sha": pull.head}
    runs = [
        run
        for run in api.pages(f"actions/workflows/{name}/runs", "workflow_runs", **query)
        if (run["event"], run["conclusion"], run["head_sha"]) == ("pull_request", "success", pull.head)
        and run["path"].partition("@")[0] == workflow
        and (run["head_repository"] or {}).get("full_name") == pull.repository
    ]
    for run in sorted(runs, key=lambda run: int(run["run_number"]), reverse=True):
        found = api.pages(f"actions/runs/{int(run['id'])}/artifacts", "artifacts", name=environ["ARTIFACT"])
        usable = [each for each in found if each["name"] == environ["ARTIFACT"] and not each["expired"]]
        yield from sorted(usable, key=lambda each: int(each["id"]), reverse=True)[:1]


def _unpack(content: bytes, environment: str) -> tuple[dict[str, Any], bytes]:
    """What the archive says of the plan of an environment, and the plan. No file is written by an archived name."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = {info.filename: info.file_size for info in archive.infolist()}
        wanted = (f"{environment}.review.json", f"{environment}.json")
        missing = [name for name in wanted if name not in names]
        if missing:
            raise NotReviewed(f"the artifact has no {missing[0]}")
        if sum(names[name] for name in wanted) > _MOST_BYTES:
            raise ValueError(f"more than {_MOST_BYTES} bytes")
        return dict(json.loads(archive.read(wanted[0]))), archive.read(wanted[1])


def _mismatch(about: Mapping[str, Any], plan: bytes, pull: Pull, environment: str) -> str:
    expected = {
        "environment": environment,
        "number": pull.number,
        "head": pull.head,
        "base_ref": pull.base_ref,
        "sha256": hashlib.sha256(plan).hexdigest(),
    }
    wrong = [
        f"its {key} is {about.get(key)!r}, not {value!r}" for key, value in expected.items() if about.get(key) != value
    ]
    return "; ".join(wrong)


def _not_before(api: Api, about: Mapping[str, Any], commit: str) -> str:
    """Why the plan's base is not a commit of this branch; empty if it is."""
    base = urllib.parse.quote(str(about["base"]), safe="")
    status = api.get(f"compare/{base}...{commit}", per_page=1)["status"]
    return "" if status in ("ahead", "identical") else f"its base {about['base']} is not before {commit}"


if __name__ == "__main__":
    main(os.environ)
