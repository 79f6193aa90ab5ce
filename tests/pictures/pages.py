"""The pages of which pictures are taken: a plan that changes the graph of a flow, as a reviewer sees it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from deployer.models.plan import (
    Effect,
    FieldChange,
    FileChanges,
    Known,
    Mark,
    Plan,
    PlanWarning,
    Reason,
    Violation,
)
from deployer.views.html.plan import plan_to_html
from deployer.views.plan_json import plan_to_json
from tests.views.samples import change, described

_BEFORE: dict[str, Any] = {
    "start": {"kind": "linear", "next": ["load"]},
    "load": {"kind": "foreach", "next": ["fit"], "foreach_over": "shops"},
    "fit": {"kind": "linear", "next": ["join_shops"]},
    "join_shops": {"kind": "join", "next": ["report"], "joins": "load"},
    "report": {"kind": "linear", "next": ["end"]},
    "end": {"kind": "end", "next": []},
}
_AFTER: dict[str, Any] = {
    "start": {"kind": "linear", "next": ["read_sales"]},
    "read_sales": {"kind": "foreach", "next": ["fit"], "foreach_over": "shops"},
    "fit": {"kind": "linear", "next": ["join_shops"]},
    "join_shops": {"kind": "join", "next": ["check"], "joins": "read_sales"},
    "check": {
        "kind": "switch",
        "next": ["publish", "alert"],
        "condition": "verdict",
        "cases": {"good": "publish", "poor": "alert"},
    },
    "publish": {"kind": "linear", "next": ["end"]},
    "alert": {"kind": "linear", "next": ["end"]},
    "end": {"kind": "end", "next": []},
}


def _graph(steps: dict[str, Any]) -> dict[str, Any]:
    return {"start": "start", "end": "end", "steps": steps}


FORECAST = change(
    "forecast",
    "update",
    Reason("code", files=FileChanges(changed=("forecast.py",))),
    Reason(
        "graph",
        (FieldChange("graph.steps.check", None, {"kind": "switch"}),),
        sentences=(
            "step load renamed read_sales",
            "step check, a switch, added between join_shops and publish and alert",
        ),
    ),
    Reason("schedule", (FieldChange("schedule.cron", "0 0 * * *", "20 5 * * *", "deployments/sales.yaml:14"),)),
    Reason(
        "resources",
        (
            FieldChange("resources.fit.memory", "4096", "16384", "deployments/sales.yaml:21"),
            FieldChange("resources.fit.gpu", None, "1", "deployments/sales.yaml:22"),
        ),
    ),
    before=described(_graph(_BEFORE)),
    after=described(_graph(_AFTER)),
    effects=(
        Effect(
            "next runs",
            before=("2026-11-27T00:00:00+00:00", "2026-11-28T00:00:00+00:00"),
            after=("2026-11-27T05:20:00+00:00", "2026-11-28T05:20:00+00:00"),
        ),
        Effect("steps added", ("check", "publish", "alert")),
    ),
    marks=(Mark("gpu", ("fit",), 1),),
    known=(
        Known("airflow", "2 runs are active; the last one succeeded on 2026-11-26 at 00:14"),
        Known("evidence", "staging runs the same code since 2026-11-24, 3 of 3 runs succeeded"),
    ),
    id="sales.prod.forecast",
)
PLAN = Plan(
    (
        FORECAST,
        change("prices", "create", Reason("new"), after=described(_graph(_BEFORE)), id="sales.prod.prices"),
        change(
            "old_report",
            "delete",
            Reason("removed", note="the manifests no longer list it"),
            id="sales.prod.old_report",
        ),
    ),
    targets={"prod": "s3://acme-airflow/dags"},
    tool_version="0.1.0",
    warnings=(
        PlanWarning(
            "protected",
            "prod/old_report: prod is protected, and an apply would delete sales.prod.old_report",
            "allow it with --allow-delete prod/old_report",
        ),
    ),
)


REFUSED = replace(
    PLAN,
    warnings=(),
    violations=(
        Violation(
            "images-by-digest",
            "prod/forecast",
            "error",
            "an image in production is named by its digest",
            field="resources.fit.image",
            origin="deployments/sales.yaml:23:9",
        ),
        Violation(
            "mfdeploy-projects.yaml",
            "prod/prices",
            "error",
            "the pool 'shared-gpu' is not allowed to the project 'sales' (pools: sales)",
            "use an allowed one, or ask whoever owns s3://acme-airflow/dags/mfdeploy-projects.yaml:6:5 to add it",
            "settings.worker_pool",
            "deployments/sales.yaml:31:18",
        ),
        Violation(
            "retries-in-prod",
            "prod/forecast",
            "warning",
            "each step is tried again at least once",
            field="retries.times",
            origin="deployments/sales.yaml:12:3",
        ),
        Violation(
            "gpu-limit",
            "prod/forecast",
            "error",
            "a step has no GPU of its own",
            field="resources.fit.gpu",
            origin="deployments/sales.yaml:22",
            exempted="until the shared nodes are there",
            until="2026-12-31",
        ),
    ),
)


def plan_page() -> str:
    """The page of that plan."""
    return plan_to_html(plan_to_json(PLAN))


def refused_page() -> str:
    """The page of a plan that policies, and the limits of a project, let nobody apply."""
    return plan_to_html(plan_to_json(REFUSED))
