"""A stand-in for an Airflow 3 that reads a folder of DAG files when it is told to, as a DAG processor does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

from deployer.models.description import version_of
from deployer.orchestrators.airflow import dag_file
from tests.live.stand_in import Reply, Request

TRACEBACK = 'Traceback (most recent call last):\n  File "/dags/%s", line 3, in <module>\nValueError: %s\n'


@dataclass
class FolderAirflow:
    """What it knows: DAGs and import errors, as of the last reading of each file.

    `breaks` says which texts cannot be imported, and why. `finds_new` is whether a list finds new and deleted files.
    `before` is called before each answer: what happens meanwhile.
    """

    folder: Path
    breaks: dict[str, str] = field(default_factory=dict)
    finds_new: bool = True
    may_parse: bool = True
    before: Callable[[Request], Reply | None] = lambda request: None
    dags: dict[str, dict[str, Any]] = field(default_factory=dict)
    errors: dict[str, dict[str, Any]] = field(default_factory=dict)
    ticks: int = 0

    def answer(self, request: Request) -> Reply:
        instead = self.before(request)
        if instead is not None:
            return instead
        path = unquote(request.path.removeprefix("/api/v2"))
        if path == "/dags":
            if self.finds_new:
                self.find_new()
            asked = parse_qs(request.query)
            limit, offset = int(asked["limit"][0]), int(asked["offset"][0])
            listed = [_listed(dag) for dag in self.dags.values()]
            return Reply(200, {"dags": listed[offset : offset + limit]})
        if path == "/importErrors":
            return Reply(200, {"import_errors": list(self.errors.values())})
        if path.startswith("/parseDagFile/"):
            if not self.may_parse:
                return Reply(403, {"detail": "Forbidden"})
            self.parse(path.removeprefix("/parseDagFile/"))
            return Reply(201, {})
        if request.method == "DELETE":
            self.dags.pop(path.split("/")[2])
            return Reply(204, {})
        if path.endswith("/details"):
            dag = self.dags.get(path.split("/")[2])
            return Reply(200, dag) if dag else Reply(404, {"detail": "no DAG"})
        return Reply(404, {"detail": "no such page"})

    def find_new(self) -> None:
        files = {path.name for path in self.folder.glob("[!.]*.py")}
        for file in files - {dag["file_token"] for dag in self.dags.values()} - self.errors.keys():
            self.parse(file)
        for dag in self.dags.values():
            dag["is_stale"] = dag["file_token"] not in files

    def parse(self, file: str) -> None:
        self.ticks += 1
        text = (self.folder / file).read_text()
        at = f"2026-01-01T00:00:{self.ticks:02}Z"
        for broken, why in self.breaks.items():
            if broken in text:
                self.errors[file] = {"filename": file, "stack_trace": TRACEBACK % (file, why), "timestamp": at}
                return
        self.errors.pop(file, None)
        found = dag_file.read(file, text.encode(), "").record
        assert found
        self.dags[found.name] = {
            "dag_id": found.name,
            "is_paused": False,
            "is_stale": False,
            "doc_md": f"Version `{version_of(found.description)}`",
            "last_parsed_time": at,
            "file_token": file,
            "tags": [{"name": f"env:{found.environment}"}, {"name": f"project:{found.owner}"}],
        }


def _listed(dag: dict[str, Any]) -> dict[str, Any]:
    """A DAG as lists have it: without its documentation."""
    return {name: value for name, value in dag.items() if name != "doc_md"}
