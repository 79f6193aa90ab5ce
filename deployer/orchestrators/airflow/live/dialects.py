"""Where the two versions of Airflow's REST API differ: paths, bodies of requests, and fields of answers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

from deployer.models.live import LiveTask, LogLine
from deployer.orchestrators.airflow.live.transport import Parameters

_ALSO_STALE_1: Final[Parameters] = {"only_active": False}
_ALSO_STALE_2: Final[Parameters] = {"exclude_stale": False}


class Dialect(Protocol):
    """One version of the API. The fields of answers that both have are read in `client`."""

    @property
    def prefix(self) -> str:
        """The beginning of every path."""

    @property
    def newest_first(self) -> str:
        """The order of runs in which the newest comes first."""

    @property
    def also_stale(self) -> Parameters:
        """The parameters with which a list of DAGs has also those whose file is gone."""

    @property
    def log_accepts(self) -> str:
        """The content type that logs are read as."""

    def new_run(self, run_id: str, conf: Mapping[str, Any]) -> Mapping[str, Any]:
        """The body of a request that starts a run."""

    @property
    def assets(self) -> str:
        """What assets are called in paths and answers."""

    def asset_name(self, asset: Mapping[str, Any]) -> str:
        """The name of an asset, as DAG files have it."""

    def new_event(self, asset: Mapping[str, Any], extra: Mapping[str, Any]) -> Mapping[str, Any]:
        """The body of a request that publishes an event of an asset."""

    def to_clear(self, run_id: str, tasks: Sequence[LiveTask]) -> Mapping[str, Any]:
        """The body of a request that resets tasks and all that come after them."""

    def is_stale(self, dag: Mapping[str, Any]) -> bool:
        """Whether the DAG's file is gone."""

    def file_of(self, dag: Mapping[str, Any]) -> str | None:
        """The DAG's file, as import errors name it."""

    def log_lines(self, text: str, data: Any) -> Iterator[LogLine]:
        """The lines of a log."""


class Version2:
    """``/api/v2``: Airflow 3."""

    prefix = "/api/v2"
    assets = "assets"
    newest_first = "-run_after"
    also_stale = _ALSO_STALE_2
    log_accepts = "application/x-ndjson"

    def new_run(self, run_id: str, conf: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"dag_run_id": run_id, "logical_date": None, "conf": dict(conf)}

    def asset_name(self, asset: Mapping[str, Any]) -> str:
        return str(asset.get("name"))

    def new_event(self, asset: Mapping[str, Any], extra: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"asset_id": asset["id"], "extra": dict(extra)}

    def to_clear(self, run_id: str, tasks: Sequence[LiveTask]) -> Mapping[str, Any]:
        names = [[task.step, task.index] if task.index >= 0 else task.step for task in tasks]
        return {**_TO_CLEAR, "dag_run_id": run_id, "task_ids": names, "only_failed": False}

    def is_stale(self, dag: Mapping[str, Any]) -> bool:
        return bool(dag.get("is_stale"))

    def file_of(self, dag: Mapping[str, Any]) -> str | None:
        return dag.get("relative_fileloc") or dag.get("fileloc")

    def log_lines(self, text: str, data: Any) -> Iterator[LogLine]:
        for line in text.splitlines():
            try:
                found = json.loads(line)
            except ValueError:
                continue
            if isinstance(found, dict) and isinstance(found.get("event"), str):
                event = found["event"]
                # The frame that Airflow puts around the lines of older logs.
                if not event.startswith(("::group::", "::endgroup::")):
                    yield LogLine(_with_error(event, found), found.get("timestamp"), found.get("level"))


class Version1:
    """``/api/v1``: Airflow 2."""

    prefix = "/api/v1"
    assets = "datasets"
    newest_first = "-execution_date"
    also_stale = _ALSO_STALE_1
    log_accepts = "text/plain"

    def new_run(self, run_id: str, conf: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"dag_run_id": run_id, "conf": dict(conf)}

    def asset_name(self, asset: Mapping[str, Any]) -> str:
        return str(asset.get("uri"))

    def new_event(self, asset: Mapping[str, Any], extra: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"dataset_uri": asset["uri"], "extra": dict(extra)}

    def to_clear(self, run_id: str, tasks: Sequence[LiveTask]) -> Mapping[str, Any]:
        # It takes no indexes: of the items of a foreach only those that failed are to run again.
        names = sorted({task.step for task in tasks})
        return {**_TO_CLEAR, "dag_run_id": run_id, "task_ids": names, "only_failed": True}

    def is_stale(self, dag: Mapping[str, Any]) -> bool:
        return dag.get("is_active") is False

    def file_of(self, dag: Mapping[str, Any]) -> str | None:
        return dag.get("fileloc")

    def log_lines(self, text: str, data: Any) -> Iterator[LogLine]:
        for line in text.splitlines():
            yield LogLine(line)


_TO_CLEAR: Final = {"dry_run": False, "include_downstream": True, "reset_dag_runs": True}


def _with_error(event: str, found: Mapping[str, Any]) -> str:
    """The text of a line with the error that Airflow keeps beside it."""
    details = found.get("error_detail")
    if not isinstance(details, list):
        return event
    kinds = [f"{each.get('exc_type')}: {each.get('exc_value')}" for each in details if isinstance(each, dict)]
    return "\n".join([event, *kinds])
