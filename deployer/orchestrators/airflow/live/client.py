"""A running Airflow, as the rest of the program sees it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from itertools import islice
from typing import Any
from urllib.parse import quote

from deployer.models.live import (
    AfterApply,
    LiveDeployment,
    LiveError,
    LiveEvent,
    LiveImportError,
    LiveRun,
    LiveSummary,
    LiveTask,
    LogLine,
    Needs,
    NotAllowedError,
    Product,
    Published,
    UnknownError,
)
from deployer.orchestrators.airflow.assets import EVENT_KEY, TOGETHER
from deployer.orchestrators.airflow.documentation import version_in
from deployer.orchestrators.airflow.first_versions import is_older
from deployer.orchestrators.airflow.live.dialects import Dialect, Version1, Version2
from deployer.orchestrators.airflow.live.transport import Answer, Method, Parameters, Request, Transport
from deployer.orchestrators.airflow.names import project_tag

_PAGE = 100
_MOST_TASKS = 200_000
_NOTHING = AfterApply()


class LiveAirflow:
    """An Airflow behind a transport. Its version is asked for once, by the first request."""

    def __init__(self, transport: Transport, after_apply: AfterApply = _NOTHING) -> None:
        self._transport = transport
        self.after_apply = after_apply

    def product(self) -> Product:
        return self._probed[0]

    def deployment(self, name: str) -> LiveDeployment | None:
        answer = self._send("GET", f"/dags/{_quoted(name)}/details")
        if answer.status == 404 or (answer.status == 500 and self._is_half_known(name)):
            return None
        dag = self._expect(answer, f"read the DAG {name}")
        return LiveDeployment(
            **asdict(self._summary(name, dag)),
            version=version_in(dag.get("doc_md")),
            active_runs=dag.get("active_runs_count"),
        )

    def deployments(self, project: str) -> Mapping[str, LiveSummary]:
        parameters = {**self._dialect.also_stale, "tags": [project_tag(project)]}
        dags = self._all("/dags", "dags", f"list the DAGs of {project}", parameters)
        return {name: self._summary(name, dag) for dag in dags if (name := str(dag.get("dag_id")))}

    def _summary(self, name: str, dag: Mapping[str, Any]) -> LiveSummary:
        return LiveSummary(
            name=name,
            paused=bool(dag.get("is_paused")),
            stale=self._dialect.is_stale(dag),
            next_run=dag.get("next_dagrun_run_after") or dag.get("next_dagrun_create_after"),
            parsed_at=dag.get("last_parsed_time"),
            file_token=dag.get("file_token"),
            file=self._dialect.file_of(dag),
            tags=frozenset(str(tag.get("name")) for tag in dag.get("tags") or () if isinstance(tag, dict)),
        )

    def lacks(self, needs: Needs) -> Needs:
        installed: set[str] = set()
        if needs.providers or needs.notifiers:
            found = self._all("/providers", "providers", "list the providers")
            installed = {str(each.get("package_name")) for each in found}
        return Needs(
            pools=frozenset(name for name in needs.pools if not self._has(f"/pools/{_quoted(name)}", "see pools")),
            connections=self._no_connections(needs.connections),
            providers=needs.providers - installed,
            told_by=self._no_connections(needs.told_by),
            notifiers=needs.notifiers - installed,
            versions=frozenset(each for each in needs.versions if is_older(self.product().version, each[1])),
        )

    def _no_connections(self, names: frozenset[str]) -> frozenset[str]:
        """Those of some connections that are not there."""
        return frozenset(name for name in names if not self._has(f"/connections/{_quoted(name)}", "see connections"))

    def _has(self, path: str, what: str) -> bool:
        answer = self._send("GET", path)
        if answer.status == 404:
            return False
        self._expect(answer, what)
        return True

    def most_items(self) -> int | None:
        return self._number_in_core("max_map_length")

    def most_tasks(self) -> int | None:
        return self._number_in_core("parallelism")

    def pools(self) -> Mapping[str, int]:
        found = {str(each.get("name")): each.get("slots") for each in self._all("/pools", "pools", "see pools")}
        # -1 slots are no limit.
        return {name: slots for name, slots in found.items() if isinstance(slots, int) and slots >= 0}

    def _number_in_core(self, option: str) -> int | None:
        answer = self._send("GET", f"/config/section/core/option/{option}")
        # By default nobody may see the configuration.
        if answer.status != 200 or not isinstance(answer.data, dict):
            return None
        options = (each for section in answer.data.get("sections", ()) for each in section.get("options", ()))
        value = next((str(each.get("value")) for each in options if each.get("key") == option), "")
        return int(value) if value.isdecimal() else None

    def import_errors(self) -> Sequence[LiveImportError]:
        return [
            LiveImportError(str(each.get("filename", "")), str(each.get("stack_trace", "")), each.get("timestamp"))
            for each in self._all("/importErrors", "import_errors", "read the import errors")
        ]

    def parse(self, deployment: LiveSummary) -> None:
        if deployment.file_token is None:
            return
        answer = self._send("PUT", f"/parseDagFile/{_quoted(deployment.file_token)}")
        # 409: it was asked for already, which is as good. A success has no content.
        if answer.status not in (200, 201, 204, 409):
            self._expect(answer, f"read the file of {deployment.name} now")

    def runs(self, name: str, limit: int, states: Sequence[str] = ()) -> Sequence[LiveRun]:
        parameters: Parameters = {"limit": min(limit, _PAGE), "order_by": self._dialect.newest_first}
        if states:
            parameters = {**parameters, "state": list(states)}
        path = f"/dags/{_quoted(name)}/dagRuns"
        found = self._expect(self._send("GET", path, parameters), f"read the runs of {name}")
        return [_run(name, each) for each in found.get("dag_runs", ())]

    def run(self, name: str, run_id: str) -> LiveRun:
        return _run(name, self._expect(self._send("GET", _run_path(name, run_id)), f"read the run {run_id} of {name}"))

    def start(self, name: str, run_id: str, parameters: Mapping[str, Any]) -> LiveRun:
        path, body = f"/dags/{_quoted(name)}/dagRuns", self._dialect.new_run(run_id, parameters)
        answer = self._send("POST", path, body=body)
        if answer.status == 409:
            return self.run(name, run_id)
        return _run(name, self._expect(answer, f"start a run of {name}"))

    def publish(self, event: LiveEvent) -> Published:
        content = {"name": event.name, "id": event.id, "timestamp": event.at, "payload": dict(event.payload)}
        # An asset would start one run for several events that come together. A run with an id of its own does not.
        alone = self._asset(event.name)
        runs = [
            self.start(name, f"event__{event.name}__{event.id}", {EVENT_KEY: content}) for name in _consumers(alone)
        ]
        together = self._asset(f"{event.name}{TOGETHER}")
        waiting = _consumers(together)
        if together is not None and waiting and not self._has_event(together, event.id):
            body = self._dialect.new_event(together, content)
            answer = self._send("POST", f"/{self._dialect.assets}/events", body=body)
            self._expect(answer, f"publish the event {event.name}")
        return Published(event, runs, waiting)

    def awaited_events(self) -> Sequence[str]:
        assets = self._all(f"/{self._dialect.assets}", self._dialect.assets, "list what DAGs wait for")
        names = {self._dialect.asset_name(each).removesuffix(TOGETHER) for each in assets if _consumers(each)}
        return sorted(name for name in names if not name.startswith("metaflow."))

    def _asset(self, name: str) -> Mapping[str, Any] | None:
        """The asset of this name; None where no DAG file names it."""
        key = self._dialect.assets
        parameters: Parameters = {"uri_pattern": name, "limit": _PAGE}
        found = self._expect(self._send("GET", f"/{key}", parameters), f"look for the event {name}").get(key, ())
        return next((each for each in found if self._dialect.asset_name(each) == name), None)

    def _has_event(self, asset: Mapping[str, Any], event_id: str) -> bool:
        """Whether an event with this id was published lately: Airflow itself takes one several times."""
        kind = self._dialect.assets
        parameters: Parameters = {f"{kind[:-1]}_id": asset["id"], "order_by": "-timestamp", "limit": _PAGE}
        answer = self._expect(self._send("GET", f"/{kind}/events", parameters), "look for earlier events")
        return any((each.get("extra") or {}).get("id") == event_id for each in answer.get(f"{kind[:-1]}_events", ()))

    def tasks(self, name: str, run_id: str, most: int | None = None) -> Sequence[LiveTask]:
        path = f"{_run_path(name, run_id)}/taskInstances"
        found = self._all(path, "task_instances", f"read the tasks of the run {run_id}")
        return [_task(each) for each in islice(found, most)]

    def log(self, name: str, run_id: str, task: LiveTask) -> Iterator[LogLine]:
        path = f"{_run_path(name, run_id)}/taskInstances/{_quoted(task.step)}/logs/{max(task.attempt, 1)}"
        parameters: Parameters = {"map_index": task.index, "full_content": True}
        answer = self._send("GET", path, parameters, accept=self._dialect.log_accepts)
        if not 200 <= answer.status < 300:
            self._expect(answer, f"read the log of {task.step}")
        return self._dialect.log_lines(answer.text, answer.data)

    def retry(self, name: str, run_id: str, tasks: Sequence[LiveTask]) -> int:
        body = self._dialect.to_clear(run_id, tasks)
        answer = self._send("POST", f"/dags/{_quoted(name)}/clearTaskInstances", body=body)
        return len(self._expect(answer, f"run tasks of {run_id} again").get("task_instances", ()))

    def stop(self, name: str, run_id: str) -> None:
        answer = self._send("PATCH", _run_path(name, run_id), body={"state": "failed"})
        self._expect(answer, f"stop the run {run_id} of {name}")

    def pause(self, name: str, *, paused: bool) -> None:
        answer = self._send("PATCH", f"/dags/{_quoted(name)}", body={"is_paused": paused})
        self._expect(answer, f"{'pause' if paused else 'unpause'} {name}")

    def forget(self, name: str) -> None:
        answer = self._send("DELETE", f"/dags/{_quoted(name)}")
        if answer.status not in (204, 404):
            self._expect(answer, f"delete what it has of {name}")

    def page(self, name: str, run_id: str = "") -> str:
        url = self._transport.url
        if self.product().version.startswith("2."):
            query = f"?dag_run_id={quote(run_id, safe='')}" if run_id else ""
            return f"{url}/dags/{_quoted(name)}/grid{query}"
        return f"{url}/dags/{_quoted(name)}/runs/{_quoted(run_id)}" if run_id else f"{url}/dags/{_quoted(name)}"

    def _is_half_known(self, name: str) -> bool:
        """Whether Airflow 2 has a DAG in one of its two tables: it is being added, and asking for it is an error."""
        return self._send("GET", f"/dags/{_quoted(name)}").status == 404

    @cached_property
    def _probed(self) -> tuple[Product, Dialect]:
        answer = self._transport.send(Request("GET", "/api/v2/version"))
        if answer.status in (404, 405):
            answer = self._transport.send(Request("GET", "/api/v1/version"))
        if answer.status in (404, 405):
            hint = "the url of `airflow:` is that of its pages, with the path below which they are"
            raise LiveError(f"there is no Airflow at {self._transport.url}", hint)
        version = str(self._expect(answer, "say its version").get("version", ""))
        dialect: Dialect = Version1() if version.startswith("2.") else Version2()
        return Product(version, self._transport.url), dialect

    @property
    def _dialect(self) -> Dialect:
        return self._probed[1]

    def _send(
        self,
        method: Method,
        path: str,
        parameters: Parameters | None = None,
        body: Any = None,
        accept: str = "application/json",
    ) -> Answer:
        return self._transport.send(Request(method, f"{self._dialect.prefix}{path}", parameters, body, accept))

    def _all(self, path: str, key: str, what: str, parameters: Parameters | None = None) -> Iterator[Mapping[str, Any]]:
        offset = 0
        while offset < _MOST_TASKS:
            answer = self._send("GET", path, {**(parameters or {}), "limit": _PAGE, "offset": offset})
            page = self._expect(answer, what).get(key, ())
            yield from (each for each in page if isinstance(each, dict))
            offset += len(page)
            if len(page) < _PAGE:
                return

    def _expect(self, answer: Answer, what: str) -> Mapping[str, Any]:
        """The JSON object of an answer that grants a request. Raises LiveError for any other."""
        airflow = f"Airflow at {self._transport.url}"
        if 200 <= answer.status < 300 and isinstance(answer.data, dict):
            return answer.data
        if answer.status == 204:
            return {}
        detail = f": {answer.detail}" if answer.detail else ""
        if answer.status == 401:
            raise NotAllowedError(f"{airflow} does not accept the login{detail}", "see `airflow:` of the environment")
        if answer.status == 403:
            # Airflow 2 says the same to whoever is not logged in.
            hint = "the account needs more rights, or the login below `airflow:` is wrong"
            raise NotAllowedError(f"{airflow}: the account may not {what}{detail}", hint)
        if answer.status == 404:
            raise UnknownError(f"{airflow} cannot {what}: it does not know that{detail}")
        if answer.data is None:
            hint = "a login page or a proxy answers in its place: see `airflow:` of the environment"
            raise LiveError(f"{airflow} answers with a page ({answer.status}) when asked to {what}", hint)
        raise LiveError(f"{airflow} does not {what}: {answer.status}{detail}")


def _run_path(name: str, run_id: str) -> str:
    return f"/dags/{_quoted(name)}/dagRuns/{_quoted(run_id)}"


def _consumers(asset: Mapping[str, Any] | None) -> list[str]:
    """The DAGs that wait for an asset."""
    # The name since 3.1, and the one before it.
    found = (asset or {}).get("scheduled_dags") or (asset or {}).get("consuming_dags") or ()
    return sorted({str(each["dag_id"]) for each in found})


def _quoted(part: str) -> str:
    return quote(part, safe="")


def _run(name: str, found: Mapping[str, Any]) -> LiveRun:
    return LiveRun(
        name=name,
        run_id=str(found.get("dag_run_id") or found.get("run_id")),
        state=str(found.get("state") or "queued"),
        kind=str(found.get("run_type") or ""),
        queued_at=found.get("queued_at"),
        started_at=found.get("start_date"),
        ended_at=found.get("end_date"),
        logical_date=found.get("logical_date") or found.get("execution_date"),
    )


def _task(found: Mapping[str, Any]) -> LiveTask:
    rendered = found.get("rendered_fields")
    pathspec = rendered.get("metaflow_pathspec") if isinstance(rendered, dict) else None
    index = found.get("map_index")
    return LiveTask(
        step=str(found.get("task_id")),
        index=index if isinstance(index, int) else -1,
        state=str(found.get("state") or "none"),
        attempt=int(found.get("try_number") or 0),
        started_at=found.get("start_date"),
        ended_at=found.get("end_date"),
        pathspec=pathspec or None,
    )
