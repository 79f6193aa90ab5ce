"""Hand-made plans: every action, every reason, and texts that would do harm if they were printed as they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from deployer.errors import Location
from deployer.models import deployment as manifests
from deployer.models.deployment import Deployment, Environment, PodSettings, ResolvedPath, Schedule
from deployer.models.description import Description
from deployer.models.flow import Code, Decorator, Flow, FlowSchedule, Parameter, Retries, Step
from deployer.models.history import Entry, EntryReason, KeptChange, Outcome, Unrecorded
from deployer.models.plan import (
    Action,
    Baseline,
    Change,
    Edit,
    Effect,
    FieldChange,
    FileChanges,
    Mark,
    Plan,
    PlanWarning,
    Reason,
    Replaced,
    Value,
    Violation,
)
from deployer.models.record import Provenance
from deployer.views.graph import Graph, GraphStep

GRAPH: dict[str, Any] = {
    "start": "start",
    "end": "end",
    "steps": {
        "end": {"kind": "end", "next": []},
        "evaluate": {"kind": "linear", "next": ["report"]},
        "fit": {"kind": "foreach", "next": ["evaluate_one"], "foreach_over": "folds"},
        "evaluate_one": {"kind": "linear", "next": ["gather"]},
        "gather": {"kind": "join", "next": ["report"], "joins": "fit"},
        "report": {"kind": "join", "next": ["publish"], "joins": "start"},
        "publish": {
            "kind": "switch",
            "next": ["end", "alert"],
            "condition": "quality",
            "cases": {"good": "end", "bad": "alert"},
        },
        "alert": {"kind": "linear", "next": ["end"]},
        "start": {"kind": "split", "next": ["fit", "evaluate"]},
    },
}
LINE: dict[str, Any] = {
    "start": "start",
    "end": "end",
    "steps": {"start": {"kind": "linear", "next": ["end"]}, "end": {"kind": "end", "next": []}},
}


def described(graph: Mapping[str, Any] = GRAPH, **sections: Any) -> Description:
    """A description with these sections, and nothing else that a view shows."""
    return Description.model_validate(
        {
            "code": {"flow": "TrainFlow", "file": "train.py", "files": {}},
            "graph": graph,
            "schedule": {"kind": "none"},
            "parameters": {},
            "retries": {},
            "resources": {},
            "settings": {
                "compute": "local",
                "datastore": "../data",
                "cluster": {},
                "variables": {},
                "configs": {},
                "steps": {},
            },
            "metaflow": {"version": "2.19.39", "digest": "f" * 64},
            "renderer": {"version": 1, "runtime": "r" * 16},
            **sections,
        }
    )


def change(name: str, action: Action, *reasons: Reason, environment: str = "prod", id: str = "", **more: Any) -> Change:
    values: dict[str, Any] = {
        "address": f"{environment}/{name}",
        "environment": environment,
        "action": action,
        "name": id or f"growth.{environment}.{name.title()}",
        "file": f"growth.{environment}.{name.title()}.py",
        "reasons": reasons,
        "before": None if action == "create" else described(LINE),
        "after": None if action == "delete" else described(),
        "version": None if action == "create" else "v1",
    }
    return Change(**(values | more))


TARGETS = {
    "prod": "git+ssh://git@example.com/acme/airflow-dags.git//dags?ref=main",
    "staging": "s3://acme-airflow-staging/dags",
}

POD = (("cpu", "0.5"), ("gpu", "8"), ("memory", "32000"))
RETRIES = (("times", 3), ("minutes_between", 2.0), ("fallback", 1))
STEPS = ("a", "b", "c", "d", "e", "f", "g")
NEXT_RUNS = {
    "prod/train": ("2026-11-23T03:00:00+02:00", "2026-11-24T03:00:00+02:00", "2026-11-25T03:00:00+02:00"),
    "prod/score": ("2026-11-23T04:00:00+00:00", "2026-11-24T04:00:00+00:00", "2026-11-25T04:00:00+00:00"),
}

VALUES = (
    Value("schedule", "schedule.cron", "0 3 * * *", "a.yaml:7"),
    Value("parameters", "parameters.alpha.default", 0.05, "a.yaml:8"),
    Value("parameters", "parameters.customer.default", "acme"),
    *(Value("compute", f"resources.{step}.{name}", amount) for step in ("fit", "evaluate") for name, amount in POD),
    Value("compute", "resources.report.memory", "8000"),
    *(Value("retries", f"retries.{step}.{name}", n) for step in GRAPH["steps"] for name, n in RETRIES),
    Value("limits", "settings.max_workers", 500),
    Value("limits", "settings.steps.fit.timeout_seconds", 600),
    *(Value("image", f"resources.{step}.image", "acme/gpu:3") for step in GRAPH["steps"]),
    Value("settings", "settings.datastore", "s3://acme-metaflow/prod"),
    Value("settings", "settings.tags", ["team:growth", "nightly"]),
    *(Value("settings", f"resources.{step}.namespace", "ml") for step in GRAPH["steps"]),
    Value("settings", "settings.steps.fit.environment", {"TEMPERATURE": "0.5"}),
)

EVERYTHING = Plan(
    changes=(
        change("quiet", "none"),
        change("absent", "create", Reason("missing", note="the DAG file was removed by hand")),
        change(
            "train",
            "create",
            Reason("new"),
            after=described(
                parameters={"day": {"type": "string", "required": False, "help": "", "default": "(known at apply)"}},
                schedule={
                    "kind": "cron",
                    "cron": "0 3 * * *",
                    "timezone": "Europe/Helsinki",
                    "catchup": True,
                    "start_date": "2026-01-01",
                },
            ),
            effects=(
                Effect("next runs", after=NEXT_RUNS["prod/train"]),
                Effect("catch-up", after=("2026-01-01T03:00+02:00",), count=1000, more=True, at_a_time=16),
                Effect("created paused"),
            ),
            values=VALUES,
            marks=(
                Mark("frequent", value=5),
                Mark("gpu", ("fit", "evaluate"), 8),
                Mark("image", tuple(GRAPH["steps"]), "acme/gpu:3"),
            ),
        ),
        change(
            "score",
            "update",
            Reason("schedule", (FieldChange("schedule.cron", "0 3 * * *", "0 4 * * *", "a.yaml:7"),)),
            Reason("code", files=FileChanges(("lib/new.py",), ("lib/old.py",), ("score.py", "lib/model.py"))),
            Reason(
                "parameters",
                (
                    FieldChange("parameters.alpha.default", None, 0.05, "flows/score.py:12"),
                    FieldChange(
                        "parameters.query.default",
                        "select 1",
                        "select *\nfrom " + "x" * 90,
                        "deployments/features.yaml:120",
                    ),
                ),
            ),
            Reason(
                "retries", (FieldChange("retries.fit.times", 3, 5, "deployments/a/manifest/with/a/long/name.yaml:12"),)
            ),
            Reason(
                "resources",
                (
                    FieldChange("resources.fit", None, {"cpu": 8, "memory": 32000}),
                    *(
                        FieldChange(f"resources.{step}.image", "acme/base:1", "acme/base:2", "a.yaml:9")
                        for step in STEPS
                    ),
                    *(FieldChange(f"resources.{step}.memory", "4096", "32000") for step in GRAPH["steps"]),
                    FieldChange("resources.load.image", "acme/load:1", "acme/base:2", "a.yaml:9"),
                ),
            ),
            Reason(
                "settings",
                (
                    *(FieldChange(f"settings.steps.{step}.timeout_seconds", 60, 90) for step in "ab"),
                    FieldChange("settings.owner", "ada", "grace", "a.yaml:4"),
                    FieldChange("settings.variables.USER", "ada", "grace", follows="settings.owner"),
                ),
            ),
            Reason(
                "drifted",
                note="the DAG file was edited by hand; the edit would be lost",
                edit=Edit(
                    "growth.prod.Score.py",
                    ("@@ -3,2 +3,2 @@", " import os", "-retries = 3", "+retries = 5", "+```", "+" + "x" * 150),
                    left_out=12,
                ),
            ),
            effects=(
                Effect("next runs", before=NEXT_RUNS["prod/train"], after=NEXT_RUNS["prod/score"]),
                Effect("starts now", after=("2026-11-22T04:00+00:00",)),
                Effect("code"),
                Effect("parameters", ("alpha", "query")),
                Effect("steps removed", ("load",)),
                Effect("steps added", ("fit", "gather")),
                Effect("retries", ("fit",)),
                Effect("paused"),
            ),
        ),
        change(
            "adopted",
            "update",
            Reason(
                "adopted",
                (FieldChange("schedule.cron", "0 3 * * *", None),),
                note="Metaflow's airflow create wrote dag.py; the DAG keeps its id and its history",
            ),
            replaces=(Replaced("dag.py", "v3"),),
        ),
        change("relocated", "update", Reason("moved", (FieldChange("code.file", "a.py", "b/a.py"),))),
        change(
            "upgrade",
            "update",
            Reason("metaflow version", (FieldChange("metaflow.version", "2.19.1", "2.19.39"),)),
            Reason("renderer version", (FieldChange("renderer.version", 1, 2),)),
        ),
        change("renamed", "create", Reason("new"), id="growth.prod.Renamed2"),
        change(
            "renamed",
            "delete",
            Reason("removed", note="the DAG id is now growth.prod.Renamed2; the history stays behind"),
        ),
        change(
            "taken",
            "conflict",
            Reason("conflict", note="taken.py was not written by mfdeploy", hint="to replace it: --adopt prod/taken"),
        ),
        change(
            "wide",
            "update",
            Reason("restored", note="rolled back to 20261121T083000000Z-beef by ada at T; an apply undoes that"),
            Reason("code", files=FileChanges(changed=("wide.py",))),
            Reason(
                "graph",
                (FieldChange("graph.steps.fit.kind", "linear", "foreach"),),
                sentences=("step fit is now a foreach over folds, before: a step with one next step",),
            ),
            effects=(Effect("code"), Effect("parameters", ("beta",))),
        ),
        change("old", "delete", Reason("removed", note="the manifests no longer list it"), environment="staging"),
        change(
            "many",
            "update",
            Reason("code", files=FileChanges(changed=tuple(f"lib/part_{n:02}.py" for n in range(30)))),
            environment="staging",
        ),
    ),
    targets=TARGETS,
    exclude=("staging/slow_*",),
    tool_version="0.1.0",
    warnings=(
        PlanWarning(
            "protected",
            "staging/old: staging is protected, and an apply would delete growth.staging.Old",
            "allow it with --allow-delete staging/old",
        ),
        PlanWarning(
            "other-branch",
            "staging can be applied only from main, but the current branch is pr_12",
            "merge first, or allow it once with --allow-branch",
            "environments.staging.branches",
            "deployments/a.yaml:8:15",
        ),
    ),
)

NOTHING = Plan((change("quiet", "none"), change("calm", "none")), targets=TARGETS, tool_version="0.1.0")

AGAINST = Plan(
    (change("train", "update", Reason("schedule", (FieldChange("schedule.cron", None, "0 3 * * *", "a.yaml:3"),))),),
    targets=TARGETS,
    adopt=("prod/*",),
    against=Baseline("origin/main", "0123456789abcdef0123456789abcdef01234567"),
    tool_version="0.1.0",
)

VIOLATING = replace(
    AGAINST,
    adopt=(),
    against=None,
    warnings=(PlanWarning("exemption-ended", "the exemption from team-tag ended on 2026-01-31"),),
    policies="0" * 64,
    violations=(
        Violation(
            "owner-in-prod",
            "prod/train",
            "error",
            "a flow names its owner",
            field="settings.owner",
            origin="a.yaml:3:12",
        ),
        Violation(
            "retries",
            "prod/train",
            "error",
            "division by zero (column 2 of the expression)",
            failed=True,
            origin="p.yaml:9:14",
        ),
        *(Violation("many", f"prod/flow_{number}", "warning", "it is one of many") for number in range(1_012)),
        Violation("team-tag", "prod/quiet", "warning", "a tag says which team", "its message_expression gave no text"),
        Violation(
            "gpu-limit",
            "prod/train",
            "error",
            "a step has at most two GPUs",
            origin="a.yaml:4",
            exempted="the new nodes come",
            until="2026-12-31",
        ),
    ),
)

EVIL = "\x1b[31m@everyone </details> | `tick` ``` \u202e\n# heading [x](http://evil) ${{ }} #1 \\| --> \x9b2J"
HOSTILE = Plan(
    (
        change(
            "evil",
            "update",
            Reason("parameters", (FieldChange(f"parameters.{EVIL}", EVIL, "sesame"),), note=EVIL),
            Reason("code", files=FileChanges(added=(EVIL,))),
            Reason("drifted", edit=Edit(EVIL, (f"+{EVIL}", "-sesame", "+````"), exact=False)),
            Reason("graph", note="the graph changed"),
            id=EVIL,
            after=described(
                {
                    "start": EVIL,
                    "end": "end",
                    "steps": {
                        EVIL: {"kind": "foreach", "next": ["end"], "foreach_over": EVIL},
                        "end": {"kind": "end", "next": []},
                    },
                }
            ),
        ),
    ),
    targets={"prod": f"s3://sesame/{EVIL}"},
    tool_version="0.1.0",
    warnings=(PlanWarning("not-packaged", EVIL, EVIL, EVIL, EVIL),),
    violations=(
        Violation(EVIL, "prod/evil", "error", EVIL, EVIL, EVIL, EVIL),
        Violation(EVIL, "prod/evil", "error", EVIL, EVIL, EVIL, EVIL, exempted=EVIL, until=EVIL),
    ),
)


def _large() -> Graph:
    steps: dict[str, GraphStep] = {"start": {"kind": "linear", "next": ["load"]}}
    steps["load"] = {"kind": "split", "next": [f"source_{n}" for n in range(4)]}
    for n in range(4):
        steps[f"source_{n}"] = {"kind": "foreach", "next": [f"clean_{n}"], "foreach_over": "pages"}
        steps[f"clean_{n}"] = {"kind": "linear", "next": [f"check_{n}"]}
        steps[f"check_{n}"] = {"kind": "linear", "next": [f"collect_{n}"]}
        steps[f"collect_{n}"] = {"kind": "join", "next": ["merge"], "joins": f"source_{n}"}
    steps["merge"] = {"kind": "join", "next": ["decide"], "joins": "load"}
    steps["decide"] = {
        "kind": "switch",
        "next": ["load_more", "end"],
        "condition": "enough",
        "cases": {"no": "load_more", "yes": "end"},
    }
    steps["load_more"] = {"kind": "linear", "next": ["decide"]}
    steps["end"] = {"kind": "end", "next": []}
    return {"start": "start", "end": "end", "steps": dict(sorted(steps.items()))}


LARGE_GRAPH = _large()

FLOW = Flow(
    name="TrainFlow",
    file="flows/train.py",
    line=4,
    doc="Trains.",
    start="start",
    end="end",
    steps=(
        Step("start", "foreach", 12, next=("fit",), foreach_over="folds"),
        Step(
            "fit",
            "linear",
            20,
            next=("gather",),
            previous=("start",),
            foreaches=("start",),
            retries=Retries(3, 2),
            timeout_seconds=600,
            decorators=(Decorator("retry", {"times": 3}), Decorator("kubernetes", {})),
            pod={"cpu": 8, "memory": 32000, "gpu": 1, "image": "acme/gpu:3", "disk": None},
        ),
        Step("gather", "join", 30, next=("end",), previous=("fit",), joins="start"),
        Step("end", "end", 40, previous=("gather",)),
    ),
    parameters=(
        Parameter("alpha", "number", 6, default=0.05, help="Learning rate"),
        Parameter("day", "string", 7, deploy_time=True),
        Parameter("customer", "string", 8, required=True, help="Whose model to train, by its short name in the CRM"),
        Parameter("token", "string", 9, default="sesame"),
    ),
    code=Code({"train.py": "0123456789abcdef"}, "2.19.39", "fedcba9876543210"),
    schedule=FlowSchedule("daily", None, 3),
)

_FILE = "deployments/train.yaml"
DEPLOYMENT = Deployment(
    name="train",
    environment=Environment(
        name="prod",
        project="growth",
        target=ResolvedPath(TARGETS["prod"], TARGETS["prod"]),
        compute="kubernetes",
        datastore=ResolvedPath("s3://acme-metaflow/prod", "s3://acme-metaflow/prod"),
        datastore_type="s3",
        production=True,
        metaflow={"METAFLOW_SERVICE_URL": "https://metaflow.acme.example"},
        location=Location(_FILE, 8),
    ),
    file=ResolvedPath("flows/train.py", "/somewhere/flows/train.py"),
    location=Location(_FILE, 20, 3),
    schedule=Schedule(cron="0 3 * * *", timezone="Europe/Helsinki"),
    parameters={"alpha": 0.01},
    retries=manifests.Retries(times=3, minutes_between=2.0),
    max_workers=500,
    tags=("team:growth", "nightly"),
    kubernetes=PodSettings(namespace="ml", image="python:3.12"),
    steps={"fit": PodSettings(cpu=8, image="acme/gpu:3")},
    sources={
        "target": Location(_FILE, 9, 13),
        "compute": Location(_FILE, 10, 14),
        "datastore": Location(_FILE, 11, 16),
        "production": Location(_FILE, 12, 17),
        "file": Location(_FILE, 21, 5),
        "schedule.cron": Location(_FILE, 22, 5),
        "schedule.timezone": Location(_FILE, 22, 30),
        "parameters.alpha": Location(_FILE, 30, 5),
        "retries.times": Location("deployments/defaults.yaml", 4, 5),
        "max_workers": Location(_FILE, 23, 5),
        "tags": Location("deployments/defaults.yaml", 6, 5),
        "kubernetes.namespace": Location(_FILE, 13, 20),
        "kubernetes.image": Location(_FILE, 13, 40),
        "steps.fit.cpu": Location(_FILE, 25, 5),
        "steps.fit.image": Location(_FILE, 25, 20),
    },
)


def kept(of: Change, outcome: Outcome = "done", message: str = "") -> KeptChange:
    """What an entry says of one of the changes above."""
    reasons = tuple(EntryReason(word=each.word, fields=(), files=None, note=each.note) for each in of.reasons)
    plain: dict[str, Any] = {"address": of.address, "action": of.action, "name": of.name, "file": of.file}
    return KeptChange(**plain, reasons=reasons, outcome=outcome, message=message, before=None, after=None)


def entry(id: str, *changes: KeptChange, **values: Any) -> Entry:
    provenance = Provenance("ada", "2026-11-21T08:30:00+00:00", "0123456789abcdef" * 2 + "01234567", "0.1.0")
    made: dict[str, Any] = {
        "format": 2,
        "id": id,
        "project": "growth",
        "environment": "prod",
        "target": TARGETS["prod"],
        "command": "apply",
        "restored": None,
        **asdict(provenance),
        "changes": list(changes),
        "texts": "",
    }
    return Entry(**{**made, **values})


_ADOPTED = change("adopted", "update", Reason("adopted"))
_CHANGES = [each for each in EVERYTHING.pending if each.action != "conflict"]
ENTRIES = (
    entry(
        "20261122T101500000Z-c0de",
        kept(change("train", "update", Reason("rollback"), Reason("code"))),
        command="rollback",
        restored="20261121T083000000Z-beef",
        applied_at="2026-11-22T10:15:00+00:00",
        commit=f"{'9' * 40}-dirty",
    ),
    entry("20261121T083000000Z-beef", *map(kept, _CHANGES), ci_url="https://github.com/acme/flows/actions/runs/17"),
    entry(
        "20261120T000000000Z-0001",
        kept(_CHANGES[0]),
        kept(change(EVIL, "update", Reason("settings")), "failed", f"sesame {EVIL}"),
        kept(_CHANGES[2], "not done"),
        applied_by=EVIL,
        applied_at="2026-11-20T00:00:00+00:00",
        commit=None,
    ),
    # The file that a DAG was taken over from is another one than that it is in now.
    entry("20261119T000000000Z-0002", kept(_ADOPTED), kept(replace(_ADOPTED, action="delete", file="dag.py"))),
)
UNRECORDED = (
    Unrecorded(
        address="prod/lost",
        name="growth.prod.Lost",
        applied_by="grace",
        applied_at="2026-11-22T11:00:00+00:00",
        commit="f" * 40,
        tool_version="0.1.0",
    ),
)
