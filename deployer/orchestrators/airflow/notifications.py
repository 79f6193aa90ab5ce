"""Who is told of the runs of a DAG: what of `notify:` gets into its file, and what a running Airflow needs for it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from pydantic import JsonValue

from deployer.manifest.formats import seconds_of
from deployer.manifest.notify_keys import EMAIL_CONNECTION
from deployer.models.deployment import Deployment
from deployer.models.flow import Flow
from deployer.orchestrators.airflow.literals import Source, constant, duration, literal
from deployer.orchestrators.airflow.names import dag_id

# Names that a DAG file with notifications uses itself, in addition to those of every DAG file.
# fmt: off
RESERVED: Final = frozenset((
    "ADDRESS", "AIRFLOW", "AIRFLOW_VERSION", "as_html", "as_slack", "base_url", "DeadlineAlert", "DeadlineReference",
    "error_of", "facts_of", "failed_tasks", "html", "importlib", "LATE", "lines_of", "load", "logging", "MOST_TEXT",
    "NOTIFY", "notify_failure", "notify_late", "notify_retry", "notify_success", "OWNER", "pages_of", "pathspec_of",
    "quote", "send", "SyncCallback", "tell", "WORDS",
))
# fmt: on
_PROVIDERS: Final[Mapping[str, str]] = {
    "email": "apache-airflow-providers-smtp",
    "pagerduty": "apache-airflow-providers-pagerduty",
    "slack": "apache-airflow-providers-slack",
    "slack_webhook": "apache-airflow-providers-slack",
    "webhook": "apache-airflow-providers-http",
}
_CALLBACKS: Final = {"failure": "on_failure_callback", "success": "on_success_callback"}


@dataclass(frozen=True)
class Notifications:
    """Who is told of runs: the events and how, and what the messages say of the deployment."""

    table: Source
    events: tuple[Source, ...]
    late_after: Source | None
    address: Source
    owner: Source
    dag_id: Source


def table(deployment: Deployment) -> dict[str, list[JsonValue]]:
    """Each event that somebody is told of, with how: maps of one key, as in the manifest."""
    found: dict[str, Any] = dict(deployment.notify.written())
    if "late" in found:
        found["late"] = found["late"]["notify"]
    return found


def of(deployment: Deployment, flow: Flow) -> Notifications | None:
    """What the DAG file has of `notify:`; None where nobody is told."""
    told = table(deployment)
    if not told:
        return None
    late = deployment.notify.late
    after = duration(timedelta(seconds=seconds_of(late.after))) if late and "late" in told else None
    return Notifications(
        table=literal(told),
        events=tuple(constant(event) for event in deployment.notify.events()),
        late_after=after,
        address=literal(deployment.address),
        owner=literal(deployment.owner or deployment.environment.project),
        dag_id=literal(dag_id(deployment, flow)),
    )


def reserved(deployment: Deployment) -> Collection[str]:
    """The names that the DAG file uses for this."""
    return RESERVED if table(deployment) else ()


def dag_arguments(deployment: Deployment) -> dict[str, Source]:
    """Arguments of the DAG that call somebody."""
    named = deployment.notify.events()
    return {_CALLBACKS[event]: constant(f"notify_{event}") for event in named if event in _CALLBACKS}


def default_arguments(deployment: Deployment) -> dict[str, Source]:
    """Arguments of each task that call somebody."""
    return {"on_retry_callback": constant("notify_retry")} if "retry" in deployment.notify.events() else {}


def needed(written: object) -> tuple[frozenset[str], frozenset[str]]:
    """The connections and the packages of providers for `notify` of a description, which anybody may have edited."""
    notifiers = list(_notifiers(written))
    connections = frozenset(str(given.get("connection", EMAIL_CONNECTION)) for _, given in notifiers)
    return connections, frozenset(_PROVIDERS[kind] for kind, _ in notifiers)


def _notifiers(written: object) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for told in written.values() if isinstance(written, dict) else ():
        if isinstance(told, dict):  # late
            yield from _notifiers({"": told.get("notify")})
        for notifier in told if isinstance(told, list) else ():
            for kind, given in notifier.items() if isinstance(notifier, dict) else ():
                if kind in _PROVIDERS and isinstance(given, dict):
                    yield kind, given
