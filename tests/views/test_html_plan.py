from __future__ import annotations

from dataclasses import replace

import pytest

from deployer.models.plan import Change, Effect, FieldChange, Known, Plan, Reason, Value
from deployer.views.html.plan import plan_to_html
from deployer.views.plan_json import plan_to_json
from deployer.views.source_diff import source_diffs
from tests.views import samples
from tests.views.reading import Read, without_assets
from tests.views.test_golden import compare

SCRIPTS = (
    "<script>alert(1)</script>",
    "\"' onload=alert(1) x='",
    "]]> -->",
    "</style></title>",
    "{{ 7 * 7 }}",
    "\u202e\x00",
)


def page_of(*changes: Change, **more: object) -> Read:
    return Read(plan_to_html(plan_to_json(replace(Plan(changes, targets=samples.TARGETS), **more))))  # type: ignore[arg-type]


def test_plan_page(request: pytest.FixtureRequest) -> None:
    diffs = source_diffs({"prod/growth.prod.Score.py": ("a = 1\n</pre>\n", "a = 2\n</pre>\n")})
    compare(
        "plan_everything.html", without_assets(plan_to_html(plan_to_json(samples.EVERYTHING), sources=diffs)), request
    )


@pytest.mark.parametrize(
    "plan", [samples.EVERYTHING, samples.NOTHING, samples.HOSTILE, samples.AGAINST, samples.VIOLATING]
)
def test_a_page_is_well_formed_and_its_ids_are_its_own(plan: Plan) -> None:
    page = Read(plan_to_html(plan_to_json(plan)))
    assert page.open == []
    ids = page.attributes("id")
    assert sorted(set(ids)) == sorted(ids)
    assert set(page.attributes("aria-labelledby")) <= set(ids)


@pytest.mark.parametrize("text", SCRIPTS)
def test_what_users_write_stays_text(text: str) -> None:
    evil = samples.change(
        "evil",
        "update",
        Reason("parameters", (FieldChange(f"parameters.{text}", text, "x", text),), note=text, sentences=(text,)),
        address=f"prod/{text}",
        id=text,
        known=(Known("airflow", text, serious=True),),
        after=samples.described(
            {"start": text, "end": text, "steps": {text: {"kind": "switch", "next": [text], "cases": {text: text}}}},
            settings={**samples.described().settings.model_dump(), "owner": text, "tags": [text]},
        ),
    )
    clean = page_of(samples.change("fine", "update", Reason("parameters", (FieldChange("parameters.a", 1, 2, "a:1"),))))
    page = page_of(evil, targets={"prod": text})
    allowed = {name for _, each in clean.tags for name in each} | {"data-facets"}
    assert {name for _, each in page.tags for name in each} <= allowed
    assert [tag for tag, _ in page.tags].count("script") == 3
    assert page.policy == clean.policy
    assert "49" not in page.texts["h3"]
    assert page.texts["h3"] == [f"prod/{text}".replace("\u202e", "\\u202e").replace("\x00", "\\x00")]


def test_a_change_can_be_found_by_what_it_is() -> None:
    settings = {**samples.described().settings.model_dump(), "owner": "ada", "tags": ["nightly", "team:growth"]}
    page = page_of(
        samples.change(
            "train", "update", Reason("code"), Reason("schedule"), after=samples.described(settings=settings)
        ),
        samples.change("old", "delete", Reason("removed"), environment="staging"),
    )
    assert page.facets == [
        {
            "environment": ["prod"],
            "action": ["update"],
            "reason": ["code", "schedule"],
            "owner": ["ada"],
            "tag": ["nightly", "team:growth"],
        },
        {"environment": ["staging"], "action": ["delete"], "reason": ["removed"]},
    ]
    assert page.attributes("name")[-6:] == ["words", "environment", "action", "reason", "owner", "tag"]
    assert "=team:growth" in page.attributes("value")


def test_a_filter_that_would_change_nothing_is_left_out() -> None:
    page = page_of(samples.change("train", "update", Reason("code")))
    assert page.attributes("name")[-1] == "words"


def test_fields_have_the_line_of_the_manifest() -> None:
    page = page_of(
        samples.change("score", "update", Reason("retries", (FieldChange("retries.fit.times", 3, 5, "a.yaml:12"),)))
    )
    assert page.texts["code"][-3:] == ["3", "5", "a.yaml:12"]
    (graph,) = page.graphs
    assert [node[0] for node in graph["nodes"] if node[4] == "added"]


def test_values_of_a_new_deployment_that_steps_share_are_one_row() -> None:
    values = tuple(Value("compute", f"resources.{step}.memory", "4096", "a.yaml:3") for step in ("fit", "evaluate"))
    page = page_of(samples.change("train", "create", Reason("new"), values=values))
    assert "memory of fit and evaluate" in page.texts["th"]
    assert page.texts["code"].count("a.yaml:3") == 1


def test_steps_whose_settings_differ_are_marked_in_the_graph() -> None:
    graph = samples.described()
    fields = (FieldChange("resources.fit", None, {"cpu": 8}), FieldChange("retries.report.times", 1, 2))
    page = page_of(samples.change("train", "update", Reason("resources", fields), before=graph, after=graph))
    assert [node[0] for node in page.graphs[0]["nodes"] if node[4] == "changed"] == ["fit", "report"]
    assert " resources" in page.texts["td"]


def test_many_changes_are_folded_and_few_are_not() -> None:
    few, many = (
        page_of(*(samples.change(f"flow{n}", "update", Reason("code")) for n in range(number))) for number in (2, 40)
    )
    opened = [[each for tag, each in page.tags if tag == "details" and "open" in each] for page in (few, many)]
    assert len(opened[0]) == 2 * 2  # each with the table of its steps
    assert len(opened[1]) == 40


def test_violations_of_policies_come_first_and_with_their_changes() -> None:
    page = plan_to_html(plan_to_json(samples.VIOLATING))
    assert page.index("2 policy violations: an apply is refused.") < page.index('id="warnings"')
    assert "3 problems<" in page
    assert page.count("gpu-limit: a step has at most two GPUs (until 2026-12-31: the new nodes come)") == 2
    assert 'class="notes errors" aria-labelledby="policies"' in page


def test_a_plan_that_is_not_of_the_manifests_says_so() -> None:
    assert Read(plan_to_html(plan_to_json(replace(samples.NOTHING, rollback="20261121T083000000Z-beef")))).texts[
        "h1"
    ] == ["Rollback to 20261121T083000000Z-beef for prod and staging"]
    assert "destroy" in page_of(destroy=True).texts["h1"][0]
    assert "Against what origin/main" in " ".join(Read(plan_to_html(plan_to_json(samples.AGAINST))).texts["p"])


def test_flows_that_start_each_other_are_drawn() -> None:
    page = page_of(
        samples.change(
            "train",
            "create",
            Reason("new"),
            effects=(Effect("started by", ("prod/load", "sales_ready")), Effect("starts", ("prod/report",))),
        )
    )
    graph = page.graphs[0]
    assert graph["title"] == "Which flow starts which"
    assert [(node[0], node[1]) for node in graph["nodes"]] == [
        ("prod/load", ""),
        ("prod/report", ""),
        ("prod/train", ""),
        ("sales_ready", "event"),
    ]
    assert [edge[:2] for edge in graph["edges"]] == [[0, 2], [2, 1], [3, 2]]
