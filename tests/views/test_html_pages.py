from __future__ import annotations

from typing import Any

from deployer.views.history import history_to_json
from deployer.views.html.pages import history_to_html, list_to_html, status_to_html
from deployer.views.list_view import ListJson
from tests.views import samples
from tests.views.reading import Read

LIVE = {
    "version": "0123456789ab",
    "paused": False,
    "stale": False,
    "active_runs": 1,
    "next_run": "2026-11-24T03:00:00+00:00",
    "last_run": {"state": "failed", "started_at": "2026-11-23T03:00:00+00:00", "ended_at": None},
}
FLOW: dict[str, Any] = {
    "address": "prod/train",
    "environment": "prod",
    "name": "growth.prod.Train",
    "state": "behind",
    "version": "abcdef012345",
    "applied_by": "ada <script>",
    "applied_at": "2026-11-22T08:30:00+00:00",
    "commit": "0123456789abcdef0123456789abcdef01234567",
    "drifted": True,
    "airflow": LIVE,
    "import_error": None,
}


def test_history_has_an_article_for_each_apply() -> None:
    environment = samples.DEPLOYMENT.environment
    data = history_to_json(environment, samples.ENTRIES, 7, samples.UNRECORDED)
    page = Read(history_to_html(data))
    assert page.open == []
    assert page.texts["h1"] == ["History of prod"]
    assert [entry["id"] for entry in data["entries"]] == page.texts["h2"][: len(data["entries"])]
    assert "7 older not shown." in page.texts["p"]
    assert "Deployed by an apply that has no entry" in page.texts["h2"]
    assert {"command", "by", "action", "reason", "outcome"} == set().union(*page.facets)
    assert "No entries." in history_to_html(history_to_json(environment, (), 0, ()))


def test_only_a_web_page_becomes_a_link() -> None:
    for url, links in (("https://ci.example/1", ["https://ci.example/1"]), ("javascript:alert(1)", [])):
        data = history_to_json(samples.DEPLOYMENT.environment, samples.ENTRIES[:1], 0, ())
        data["entries"][0]["ci_url"] = url
        page = Read(history_to_html(data))
        assert page.attributes("href")[1:] == links


def test_status_has_a_row_for_each_flow() -> None:
    broken = {
        **FLOW,
        "address": "prod/score",
        "state": "broken",
        "airflow": None,
        "import_error": "Traceback\nboom <b>",
    }
    unknown = {**FLOW, "drifted": False, "state": "current", "applied_by": None, "applied_at": None, "commit": None}
    page = Read(status_to_html({"flows": [FLOW, broken, unknown]}))
    assert page.open == []
    assert page.texts["p"][0] == "3 flows: 1 behind, 1 broken, 1 current."
    assert page.facets[0] == {"environment": ["prod"], "state": ["behind"], "last run": ["failed"]}
    assert "Airflow has another version (0123456789ab)" in page.texts["div"]
    assert "its file was edited by hand: mfdeploy plan shows how" in page.texts["div"]
    assert "Traceback\nboom <b>\n" in page.texts["pre"]
    assert "ada <script>" in page.texts["td"]
    assert "Nothing is deployed." in status_to_html({"flows": []})


def test_list_has_a_row_for_each_deployment() -> None:
    rows: ListJson = {
        "deployments": [
            {
                "address": "prod/train",
                "environment": "prod",
                "flow": "train",
                "dag_id": "growth.prod.Train",
                "schedule": {"cron": "0 3 * * *", "timezone": "Europe/Helsinki"},
                "file": "deployments/a.yaml",
                "compiled": True,
            },
            {
                "address": "dev/<b>",
                "environment": "dev",
                "flow": "<b>",
                "dag_id": None,
                "schedule": None,
                "file": "deployments/a.yaml",
                "compiled": False,
            },
        ]
    }
    page = Read(list_to_html(rows))
    assert page.open == []
    assert "0 3 * * * Europe/Helsinki" in page.texts["td"]
    assert "<b>" in page.texts["th"]
    assert [each["schedule"] for each in page.facets] == [["has times"], ["not known"]]
    assert "No deployments." in list_to_html({"deployments": []})
