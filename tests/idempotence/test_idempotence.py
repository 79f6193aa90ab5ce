"""Plan, apply, plan again: nothing. After edits a plan names what they change and no more; applied, nothing again."""

from __future__ import annotations

import copy
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deployer.applying.executor import apply_changes
from deployer.applying.publication import Publication
from deployer.applying.recording import begin
from deployer.commands.apply import execute, prepare
from deployer.commands.plan import make_plan
from deployer.models.digest import digest_text
from deployer.models.flow import Package
from deployer.models.plan import Change
from deployer.models.progress import silent
from deployer.models.record import Provenance, Record
from deployer.models.selection import Selection
from deployer.orchestrators.airflow.record import write as write_record
from deployer.pipeline.rendering import render
from deployer.plan_context import PlanContext
from deployer.planning.guards import Permissions
from tests.contexts import context
from tests.idempotence import expected
from tests.idempotence.edits import edit_everywhere, edit_flow
from tests.idempotence.expected import Told, wanted
from tests.idempotence.project import Project, generate

# MFDEPLOY_ALL_EDITS=1: 200 manifests and 51 edits of each, 17 at once. In each turn a quarter of them stays as it was.
ALL = bool(os.environ.get("MFDEPLOY_ALL_EDITS"))
SEED = int(os.environ.get("MFDEPLOY_EDIT_SEED", "20261122"))
MANIFESTS, ROUNDS, AT_ONCE = (200, 4, 17) if ALL else (10, 2, 6)
SINCE = "2026-01-01T00:00:00+00:00"


@pytest.fixture(autouse=True)
def somebody(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("METAFLOW_USER", "ada")
    yield


def plan(folder: Path) -> PlanContext:
    return make_plan(Selection(folder), context())


def told(planning: PlanContext) -> list[tuple[str, Told]]:
    """What the plan would change, as the expectation is written."""
    return sorted(((each.address, _told(each)) for each in planning.plan.pending), key=lambda x: (x[0], x[1].action))


def _told(change: Change) -> Told:
    fields: dict[str, dict[str, tuple[Any, Any]]] = {
        each.word: {field.field: (field.before, field.after) for field in each.fields} for each in change.reasons
    }
    files = {
        word: tuple(getattr(reason.files, word))
        for reason in change.reasons
        if reason.files
        for word in ("added", "removed", "changed")
    }
    return Told(change.action, change.name, fields, files)


def apply(planning: PlanContext) -> None:
    """Publish as the command does, but for code packages: a package is a third of a second and decides no plan."""
    provenance = Provenance("ada", SINCE, None, "0.1.0")
    content = {
        (change.environment, change.file): _dag_file(planning, change, provenance)
        for change in planning.plan.pending
        if change.action in ("create", "update")
    }
    publication = Publication(planning, context(user="ada"), content, begin(planning, "apply", provenance))
    applied = apply_changes(planning.plan.pending, planning.deployed.targets, content, publication, silent)
    assert not applied.failed and not applied.not_done and not publication.warnings
    assert [change.address for change, _ in applied.done] and len(applied.done) == len(planning.plan.pending)


def _dag_file(planning: PlanContext, change: Change, provenance: Provenance) -> bytes:
    item = planning.item(change.environment, change.file)
    scripts = {step.name: f"echo {step.name}\n" for step in item.flow.steps}
    package = Package("s3://bucket/package", "0" * 40, scripts, dict(item.flow.environment))
    body = render(item, package, context(), planning.deployed.since(change))
    record = Record(
        "growth",
        change.environment,
        change.address,
        item.name,
        item.description,
        digest_text(body),
        SINCE,
        provenance,
        branch=item.deployment.owner_branch.name or None,
    )
    return write_record(body, record).encode()


def edit(rng: random.Random, project: Project, turn: int) -> list[str]:
    """Edits of most manifests, and sometimes one of all; returns what was done, for whoever reads a failure."""
    project.style += 1
    done = [edit_everywhere(rng, project)] if rng.random() < 0.7 else []
    edited = [name for number, name in enumerate(project.entries) if number % 4 != turn % 4]
    return done + [f"{name}: {edit_flow(rng, project, name)}" for name in edited for _ in range(AT_ONCE)]


def test_a_plan_names_what_was_edited_and_nothing_else(tmp_path: Path) -> None:
    print(f"MFDEPLOY_EDIT_SEED={SEED}")
    rng = random.Random(SEED)
    project = generate(rng, MANIFESTS)
    folder = tmp_path / "deployments"
    before: dict[str, expected.Wanted] = {}
    edits = 0
    for turn in range(ROUNDS + 1):
        done = edit(rng, project, turn) if turn else []
        project.write(folder)
        after = wanted(project)
        planning = plan(folder)
        compare(told(planning), expected.changes(before, after), done)
        apply(planning)
        assert told(plan(folder)) == []
        before, edits = copy.deepcopy(after), edits + len(done)
        print(f"turn {turn}: {len(planning.plan.pending)} changes of {len(after)} addresses, {edits} edits so far")


# Pairs of settings that ask for the same.
SAME: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {"kubernetes": {"qos": "Burstable"}}),
    ({}, {"kubernetes": {"cpu": 1, "memory": 4096, "disk": 10240, "namespace": "default"}}),
    ({}, {"kubernetes": {"use_tmpfs": False, "labels": {}, "tolerations": [], "secrets": []}}),
    ({}, {"steps": {"start": {"cpu": 1.0, "image": "python:3.11"}}}),
    ({}, {"schedule": "none", "catchup": True, "start_date": "2026-01-31"}),
    ({}, {"retries": {"times": 0, "minutes_between": 5}}),
    ({}, {"max_workers": 100, "max_active_runs": 16, "owner": "growth", "package_environment": "local"}),
    ({}, {"parameters": {"text": "a", "number": 1}}),
    ({}, {"environments": ["kube", "dev", "prod"], "overrides": {"prod": {}}, "tags": []}),
    ({}, {"config_values": {"settings": {"a": 1}}}),
    ({"kubernetes": {"cpu": 2}}, {"kubernetes": {"cpu": 2.0}}),
    ({"retries": 2}, {"retries": {"times": 2, "minutes_between": 2.0}}),
    ({"schedule": "daily"}, {"schedule": {"cron": "0  0 * * *", "timezone": "UTC"}, "catchup": False}),
    ({"schedule": "0 10 ? * 2-6 *"}, {"schedule": "0 10 * * 1-5"}),
    ({"tags": ["a", "b"]}, {"tags": ["b", "a", "a"]}),
    ({"package_suffixes": [".md", ".txt"]}, {"package_suffixes": [".txt", ".md"]}),
    ({"config_values": {"settings": {"from": "a file"}}}, {"config_files": {"settings": "values.json"}}),
    ({"max_workers": 5}, {"overrides": {name: {"max_workers": 5} for name in ("dev", "kube", "prod")}}),
]


def test_the_same_in_other_words_is_no_change(tmp_path: Path) -> None:
    project = generate(random.Random(0), len(SAME))
    for code in project.code.values():
        code.schedule = None
    folder = tmp_path / "deployments"
    for entry, (before, _) in zip(project.entries.values(), SAME, strict=True):
        entry.clear()
        entry.update(before)
    project.write(folder)
    apply(plan(folder))
    for entry, (_, after) in zip(project.entries.values(), SAME, strict=True):
        entry.clear()
        entry.update(after)
    project.write(folder)
    compare(told(plan(folder)), [], [f"flow{number}: {pair}" for number, pair in enumerate(SAME)])


def test_the_commands_themselves(tmp_path: Path) -> None:
    """With code packages, and the time and the user of the moment."""
    project = generate(random.Random(SEED), 2)
    for entry in project.entries.values():
        entry["environments"] = ["prod"]
    folder = tmp_path / "deployments"
    before: dict[str, expected.Wanted] = {}
    for turn in range(2):
        for code in project.code.values():
            code.bodies["start"] = turn
        project.write(folder)
        after = wanted(project)
        prepared = prepare(Selection(folder), context())
        compare(told(prepared.context), expected.changes(before, after), [])
        result = execute(prepared, Permissions(mass_change=True), context())
        assert len(result.done) == 2 and not result.warnings
        assert told(plan(folder)) == []
        before = after


def compare(found: list[tuple[str, Told]], right: list[tuple[str, Told]], done: list[str]) -> None:
    if found == right:
        return
    wrong = [each for each in (*found, *right) if each not in found or each not in right]
    names = {address.partition("/")[2] for address, _ in wrong}
    lines = [
        f"{address} {'told' if (address, each) in found else 'due '}{line}"
        for address, each in wrong
        for line in _lines(each)
    ]
    both = {line.replace(" told", " due ") for line in lines if " told" in line} & set(lines)
    lines = [line for line in lines if line.replace(" told", " due ") not in both]
    why = [line for line in done if line.split(":")[0] in names or not line.startswith("flow")]
    pytest.fail("\n".join([*sorted(lines), *why]))


def _lines(each: Told) -> Iterator[str]:
    yield f" {each.action} {each.name} {sorted(each.fields)} {dict(each.files)}"
    for word, fields in each.fields.items():
        for path, values in sorted(fields.items()):
            yield f" {word} {path} {values!r}"
