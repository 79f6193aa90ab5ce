"""Checks pods against a cluster: looks up the objects that they refer to, and sends each pod as a dry run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any, TypeVar

from deployer.errors import Severity
from deployer.kubernetes.access import Access, load_configuration
from deployer.kubernetes.client import Answer, Cluster, Refusal
from deployer.kubernetes.references import Reference, references
from deployer.kubernetes.refusals import Problem, explain
from deployer.models.progress import Progress
from deployer.models.waiting import DEFAULT_WAITS, WaitPolicy

# Requests at once: enough to be fast, too few to burden an API server.
WORKERS = 8
# A dry run reports these by itself, so a missing right to read them does not matter.
_CHECKED_BY_DRY_RUN = ("namespace", "service account", "priority class")

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Finding:
    """A problem, and the pods that have it: pairs of an index into the checked pods and the field that causes it."""

    problem: Problem
    pods: tuple[tuple[int, str], ...]


def check_pods(
    access: Access,
    environ: Mapping[str, str],
    pods: Sequence[Mapping[str, Any]],
    progress: Progress,
    waits: WaitPolicy = DEFAULT_WAITS,
) -> list[Finding]:
    """The problems that a cluster reports for pods (manifests of the Kubernetes API). Nothing is created or changed.

    Raises ClusterError if the cluster cannot be used: not reachable, no such context, wrong credentials.
    """
    loaded, name = load_configuration(access, environ, waits)
    cluster = Cluster(loaded, name, WORKERS, waits)
    used = _collect_references(pods)
    # The first request runs alone: an error that every request would get then costs one timeout.
    first, *others = sorted(used, key=lambda reference: (reference.kind != "namespace", reference))
    answers = {first: cluster.look_up(first.kind, first.namespace, first.name)}
    answers |= _ask_all(others, lambda one: cluster.look_up(one.kind, one.namespace, one.name), lambda _: None)
    found = [*_missing(used, answers, cluster.name), *_unreadable(used, answers)]
    missing_namespaces = _missing_namespaces(answers)
    checked = [number for number, pod in enumerate(pods) if pod["metadata"]["namespace"] not in missing_namespaces]
    refusals = _ask_all(
        checked,
        lambda number: cluster.dry_run(pods[number]),
        lambda done: progress(f"checking pods with {cluster.name}", done, len(checked)),
    )
    reported = {pod for finding in found for pod in finding.pods if pod[1]}
    return [*found, *(each for each in _refused(pods, refusals) if each.pods[0] not in reported)]


def _refused(pods: Sequence[Mapping[str, Any]], refusals: Mapping[int, Refusal | None]) -> Iterator[Finding]:
    for number, refusal in sorted(refusals.items()):
        if refusal is not None:
            for problem in explain(refusal, pods[number]["metadata"]):
                yield Finding(problem, ((number, problem.field),))


def _missing_namespaces(answers: Mapping[Reference, Answer]) -> set[str]:
    """The namespaces that do not exist."""
    return {one.name for one, answer in answers.items() if one.kind == "namespace" and answer == "missing"}


def _collect_references(pods: Sequence[Mapping[str, Any]]) -> dict[Reference, list[tuple[int, str]]]:
    """Everything that pods refer to, each with the pods and fields that refer to it."""
    used: dict[Reference, list[tuple[int, str]]] = {}
    for number, pod in enumerate(pods):
        for reference, field in references(pod):
            used.setdefault(reference, []).append((number, field))
    return used


def _missing(
    used: Mapping[Reference, Sequence[tuple[int, str]]], answers: Mapping[Reference, Answer], cluster: str
) -> Iterator[Finding]:
    missing_namespaces = _missing_namespaces(answers)
    for one, answer in sorted(answers.items()):
        # For a missing namespace only the namespace is reported, not each object in it.
        if answer == "missing" and one.namespace not in missing_namespaces:
            where = f"in the namespace {one.namespace!r} of {cluster}" if one.namespace else f"in {cluster}"
            problem = Problem(f"missing-{one.kind.replace(' ', '-')}", f"no {one.kind} {one.name!r} {where}")
            yield Finding(problem, tuple(used[one]))


def _unreadable(
    used: Mapping[Reference, Sequence[tuple[int, str]]], answers: Mapping[Reference, Answer]
) -> Iterator[Finding]:
    """One warning for each kind and namespace, because an account's rights are granted by these."""
    groups: dict[tuple[str, str], list[Reference]] = {}
    for one, answer in sorted(answers.items()):
        if answer == "forbidden" and one.kind not in _CHECKED_BY_DRY_RUN:
            groups.setdefault((one.kind, one.namespace), []).append(one)
    for (kind, namespace), unread in groups.items():
        names = ", ".join(repr(one.name) for one in unread)
        message = (
            f"not checked: the account of this machine may not read {kind}s in the namespace {namespace!r}, so it is"
            f" unknown whether {names} {'exists' if len(unread) == 1 else 'exist'}"
        )
        hint = f"grant the account `get` on {kind.replace(' ', '')}s in that namespace"
        problem = Problem("cluster-unchecked", message, hint=hint, severity=Severity.WARNING)
        yield Finding(problem, tuple((number, "") for one in unread for number, _ in used[one]))


def _ask_all(
    items: Sequence[Item], ask: Callable[[Item], Result], progress: Callable[[int], None]
) -> dict[Item, Result]:
    """The result of `ask` for each item, WORKERS at a time. The first error cancels the requests that still wait."""
    results: dict[Item, Result] = {}
    pool = ThreadPoolExecutor(WORKERS)
    try:
        futures = {pool.submit(ask, item): item for item in items}
        for future in as_completed(futures):
            results[futures[future]] = future.result()
            progress(len(results))
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return results
