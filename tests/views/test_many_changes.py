"""Plans of many changes stay readable: what holds for several of them is said once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from deployer.models.plan import Change, Effect, FieldChange, Plan, Reason, Value
from deployer.views.plan_effects import SEVERAL
from deployer.views.plan_json import plan_to_json
from deployer.views.plan_markdown import plan_to_markdown
from deployer.views.plan_text import plan_to_text
from deployer.views.plan_words import MOST_HAVE
from deployer.views.result_text import result_to_json, result_to_text
from tests.views import samples

STEPS = ("start", "end")
PAUSED = Effect("created paused")


def new(
    name: str, *values: Value, image: str = "acme/base:1", tags: Sequence[str] = ("growth",), **more: Any
) -> Change:
    """A new deployment of two steps, with the values that all have and some of its own."""
    common = (
        *(Value("retries", f"retries.{step}.{key}", value) for step in STEPS for key, value in samples.RETRIES),
        *(Value("image", f"resources.{step}.image", image) for step in STEPS),
        Value("settings", "settings.datastore", "s3://acme/prod"),
        *((Value("settings", "settings.tags", list(tags)),) if tags else ()),
    )
    after = samples.described(samples.LINE)
    effects = more.pop("effects", (PAUSED,))
    return samples.change(
        name, "create", Reason("new"), after=after, values=(*values, *common), effects=effects, **more
    )


def text(*changes: Change, width: int = 100) -> str:
    return plan_to_text(plan_to_json(Plan(changes, targets=samples.TARGETS)), width=width)


def markdown(*changes: Change) -> str:
    return plan_to_markdown(plan_to_json(Plan(changes, targets=samples.TARGETS)))


def of_change(plan: str, name: str) -> list[str]:
    """The lines of one change in a plan as text."""
    return plan.partition(f" prod/{name} ")[2].partition("\n\n")[0].splitlines()[1:]


def test_a_hundred_new_deployments_take_little_more_than_two_lines_each() -> None:
    plan = text(*(new(f"flow{number:03}") for number in range(100)), width=80)
    assert len(plan.splitlines()) < 3 * 100 + 20
    assert of_change(plan, "flow042") == ["      new  not deployed yet, 2 steps, no schedule"]
    assert plan.count("acme/base:1") == plan.count("paused: false") == 1
    assert "  - all 100 new DAGs: created paused" in plan


def test_what_most_have_is_said_once_and_others_say_what_they_have() -> None:
    memory = Value("compute", "resources.end.memory", "32000")
    plan = text(*(new(name) for name in "abc"), new("big", memory, image="acme/gpu:3"), new("bare", tags=()))
    shared = plan.partition(f"{MOST_HAVE}\n")[2].partition("\n\n")[0]
    assert [" ".join(line.split()) for line in shared.splitlines()] == [
        "retries all steps: 3 times, 2 minutes apart, then 1 to record the failure",
        "image acme/base:1",
        'settings datastore s3://acme/prod, tags ["growth"]',
    ]
    assert [" ".join(line.split()) for line in of_change(plan, "big")[1:]] == [
        "compute end: memory 32000",
        "image acme/gpu:3",
    ]
    assert [" ".join(line.split()) for line in of_change(plan, "bare")[1:]] == ["settings tags (not set)"]


def test_of_few_each_says_everything() -> None:
    plan = text(new("a"), new("b"))
    assert MOST_HAVE not in plan
    assert plan.count("image     acme/base:1") == 2


def test_each_environment_has_its_own() -> None:
    others = (new(name, environment="staging", image="acme/base:2") for name in "abc")
    plan = text(*(new(name) for name in "abc"), *others)
    assert plan.count(MOST_HAVE) == 2
    assert plan.count("acme/base:1") == plan.count("acme/base:2") == 1


def update(name: str, *effects: Effect, reason: Reason | None = None) -> Change:
    return samples.change(name, "update", reason or Reason("settings"), effects=effects)


CODE = Effect("code")


@pytest.mark.parametrize("view", [text, markdown])
def test_an_effect_of_several_changes_is_said_once(view: Any) -> None:
    plan = view(
        update("a", CODE, Effect("parameters", ("x",))), update("b", CODE), update("c", Effect("retries", ("s",)))
    )
    assert plan.count("pick up the new code") == 1
    assert "prod/a and prod/b: running and cleared DAG runs pick up" in plan.partition(SEVERAL)[2]
    # What is said of one change stands with it.
    assert "scheduled runs use the new default of x from" in plan
    assert "get new ones (s)" in " ".join(plan.replace("\\", "").split())


def test_an_effect_of_all_updates_names_none() -> None:
    plan = text(*(update(f"flow{number}", CODE) for number in range(6)), new("other"))
    assert "  - all 6 updates: running and cleared DAG runs" in plan


def test_an_effect_of_many_of_more_names_the_first_ones() -> None:
    plan = text(*(update(f"flow{number}", CODE) for number in range(8)), update("quiet"))
    assert "prod/flow0, prod/flow1, prod/flow2, prod/flow3 and 4 more: running" in " ".join(plan.split())


def test_the_names_stand_beside_the_changes() -> None:
    plan = text(update("a", Effect("steps removed", ("x", "y"))), update("b", Effect("steps removed", ("z",))))
    said = " ".join(plan.partition(SEVERAL)[2].split())
    assert (
        "prod/a (x, y) and prod/b (z): running and cleared DAG runs no longer include steps that were removed" in said
    )


@pytest.mark.parametrize("view", [text, markdown])
def test_deletes_and_upgrades_of_the_tools_are_explained_once(view: Any) -> None:
    upgrade = Reason("metaflow version", (FieldChange("metaflow.version", "2.19.1", "2.19.39"),))
    deletes = [samples.change(name, "delete", Reason("removed")) for name in "ab"]
    plan = view(*deletes, update("c", reason=upgrade), update("d", reason=upgrade))
    assert plan.count("Airflow stops running it") == plan.count("Only the tools changed here") == 1


def test_a_field_that_follows_from_another_is_not_shown() -> None:
    reason = Reason(
        "settings",
        (
            FieldChange("settings.owner", "ada", "grace"),
            FieldChange("settings.variables.USER", "ada", "grace", follows="settings.owner"),
        ),
    )
    plan = text(update("a", reason=reason))
    assert 'owner: "ada" -> "grace"' in plan
    assert "USER" not in plan


def test_a_reason_of_nothing_but_such_fields_is_not_shown() -> None:
    named = Reason("code", (FieldChange("code.flow", "Train", "Fit"),))
    follows = Reason("settings", (FieldChange("settings.variables.METAFLOW_FLOW_NAME", "a", "b", follows="code.flow"),))
    change = samples.change("a", "update", named, follows)
    for plan in (text(change), markdown(change)):
        assert "code" in plan
        assert "settings" not in plan


def test_all_steps_are_called_so() -> None:
    of = [FieldChange(f"retries.{step}.times", 1, 3) for step in samples.GRAPH["steps"]]
    assert "times of all steps: 1 -> 3" in text(update("a", reason=Reason("retries", tuple(of))))
    assert "times of end, evaluate, fit, evaluate_one and 4 more: 1 -> 3" in text(
        update("a", reason=Reason("retries", tuple(of[:-1])))
    )


@pytest.mark.parametrize(
    ("field", "before", "after", "shown"),
    [
        ("resources.fit.cpu", "4", "8", "fit.cpu: 4 -> 8"),
        ("resources.fit.cpu", "0.5", "500m", 'fit.cpu: 0.5 -> "500m"'),
        ("resources.fit", None, {"memory": "4096", "image": "1"}, 'fit: (not set) -> {"memory": 4096, "image": "1"}'),
        ("resources.fit.image", "1", "2", 'fit.image: "1" -> "2"'),
        ("retries.fit.minutes_between", 0, 2.0, "fit.minutes_between: 0 -> 2"),
        ("resources.fit.cpu", "4", 4, 'fit.cpu: "4" -> 4'),
        ("parameters.a.default", "1", 1, 'a.default: "1" -> 1'),
        ("parameters.a.default", 1, 1.0, "a.default: 1 -> 1.0"),
    ],
)
def test_numbers_look_like_numbers(field: str, before: Any, after: Any, shown: str) -> None:
    reason = Reason("resources", (FieldChange(field, before, after),))
    assert shown in text(update("a", reason=reason))


def test_an_apply_says_how_new_dags_are_unpaused() -> None:
    def result(*done: Change) -> str:
        return result_to_text(result_to_json(done, (), ()))

    assert result(new("a")).endswith(
        "Airflow creates the new DAG paused. Unpause it there, or with:\n    airflow dags unpause growth.prod.A\n"
    )
    assert result(new("a"), new("b"), new("c", effects=())).endswith(
        "Airflow creates 2 new DAGs paused. Unpause each there, or with:\n    airflow dags unpause DAG_ID\n"
    )
    assert "paused" not in result(new("c", effects=()))
