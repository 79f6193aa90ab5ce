"""Ask a cluster for pods: what they name is looked up, and each is sent as a dry run. Side by side, and bounded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any, TypeVar

from deployer.errors import Severity
from deployer.kubernetes.access import Access, configuration
from deployer.kubernetes.client import Answer, Cluster, Refusal
from deployer.kubernetes.references import Reference, references
from deployer.kubernetes.refusals import Problem, explain
from deployer.models.progress import Progress

# Requests at once: enough to be quick, too few for an API server to mind.
WORKERS = 8
# What a dry run tells by itself, so that it need not be readable.
_TOLD_BY_DRY_RUN = ("namespace", "service account", "priority class")

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Finding:
    """A problem, and the positions (in what was asked) of the pods that have it, each with the field that names it."""

    problem: Problem
    pods: tuple[tuple[int, str], ...]


def check_pods(
    access: Access, environ: Mapping[str, str], pods: Sequence[Mapping[str, Any]], progress: Progress
) -> list[Finding]:
    """What a cluster has against pods (manifests of the Kubernetes API). Nothing is made or changed there.

    Raises ClusterError when it cannot be asked: not reached in time, no such context, bad credentials.
    """
    made, name = configuration(access, environ)
    cluster = Cluster(made, name, WORKERS)
    used = _used(pods)
    # One alone first: what fails for every request is then waited for once.
    first, *others = sorted(used, key=lambda reference: (reference.kind != "namespace", reference))
    answers = {first: cluster.look_up(first.kind, first.namespace, first.name)}
    answers |= _all(others, lambda one: cluster.look_up(one.kind, one.namespace, one.name), lambda _: None)
    found = [*_missing(used, answers, cluster.name), *_unreadable(used, answers)]
    gone = _gone(answers)
    asked = [number for number, pod in enumerate(pods) if pod["metadata"]["namespace"] not in gone]
    refusals = _all(
        asked,
        lambda number: cluster.dry_run(pods[number]),
        lambda done: progress(f"asking {cluster.name} for pods", done, len(asked)),
    )
    told = {place for finding in found for place in finding.pods if place[1]}
    return [*found, *(each for each in _refused(pods, refusals) if each.pods[0] not in told)]


def _refused(pods: Sequence[Mapping[str, Any]], refusals: Mapping[int, Refusal | None]) -> Iterator[Finding]:
    for number, refusal in sorted(refusals.items()):
        if refusal is not None:
            for problem in explain(refusal, pods[number]["metadata"]):
                yield Finding(problem, ((number, problem.field),))


def _gone(answers: Mapping[Reference, Answer]) -> set[str]:
    """The namespaces that are not there."""
    return {one.name for one, answer in answers.items() if one.kind == "namespace" and answer == "missing"}


def _used(pods: Sequence[Mapping[str, Any]]) -> dict[Reference, list[tuple[int, str]]]:
    """Everything that pods name, each with the pods and fields that do."""
    used: dict[Reference, list[tuple[int, str]]] = {}
    for number, pod in enumerate(pods):
        for reference, field in references(pod):
            used.setdefault(reference, []).append((number, field))
    return used


def _missing(
    used: Mapping[Reference, Sequence[tuple[int, str]]], answers: Mapping[Reference, Answer], cluster: str
) -> Iterator[Finding]:
    gone = _gone(answers)
    for one, answer in sorted(answers.items()):
        # What a namespace lacks that is not there goes without saying.
        if answer == "missing" and one.namespace not in gone:
            where = f"in the namespace {one.namespace!r} of {cluster}" if one.namespace else f"in {cluster}"
            problem = Problem(f"missing-{one.kind.replace(' ', '-')}", f"no {one.kind} {one.name!r} {where}")
            yield Finding(problem, tuple(used[one]))


def _unreadable(
    used: Mapping[Reference, Sequence[tuple[int, str]]], answers: Mapping[Reference, Answer]
) -> Iterator[Finding]:
    """One warning for each kind and namespace: the account's rights are about these."""
    groups: dict[tuple[str, str], list[Reference]] = {}
    for one, answer in sorted(answers.items()):
        if answer == "forbidden" and one.kind not in _TOLD_BY_DRY_RUN:
            groups.setdefault((one.kind, one.namespace), []).append(one)
    for (kind, namespace), unread in groups.items():
        names = ", ".join(repr(one.name) for one in unread)
        message = (
            f"could not be checked: the account of this machine may not read any {kind} in the namespace"
            f" {namespace!r}, so whether {names} {'is' if len(unread) == 1 else 'are'} there is not known"
        )
        hint = f"grant it `get` on {kind.replace(' ', '')}s there"
        problem = Problem("cluster-unchecked", message, hint=hint, severity=Severity.WARNING)
        yield Finding(problem, tuple((number, "") for one in unread for number, _ in used[one]))


def _all(items: Sequence[Item], ask: Callable[[Item], Result], progress: Callable[[int], None]) -> dict[Item, Result]:
    """Answers by item, asked for side by side. The first error ends it: requests that wait are not made."""
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
