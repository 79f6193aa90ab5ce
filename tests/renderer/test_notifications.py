"""Notifications in a DAG file: what a message says, that its text stays text, and that one who fails stops no other."""

from __future__ import annotations

import ast
import html
import importlib
import json
import logging
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest

from deployer.description import describe
from deployer.description.explain import explain
from deployer.description.values import values_of
from deployer.manifest.airflow_keys import AirflowAccess
from deployer.manifest.notify_keys import NotifySettings
from deployer.models.deployment import Deployment, Schedule
from deployer.models.description import Description, same_description
from deployer.models.flow import Hook
from deployer.models.live import Needs
from deployer.orchestrators.airflow.check import check
from deployer.orchestrators.airflow.needs import needs
from deployer.orchestrators.airflow.render import render
from deployer.views.show_json import show_to_json
from tests.renderer import flows

HOSTILE = "{{ 1/0 }} <script>alert(1)</script> & <!channel> {% raise %}"
SLACK = {"slack": {"connection": "slack_ml", "channel": "#ml"}}
WEBHOOK = {"webhook": {"connection": "hooks"}}
EMAIL = {"email": {"to": ["ml@example.com"]}}
PAGERDUTY = {"pagerduty": {"connection": "pd"}}
LATE = {"after": "2h", "notify": [WEBHOOK]}


def notifying(**notify: Any) -> Deployment:
    return flows.deployment(notify=NotifySettings.model_validate(notify))


def described(**notify: Any) -> Description:
    return describe(notifying(**notify), flows.linear(), None, 1, "0" * 16)


class Sent:
    """What a DAG file's functions send, in the place of the providers."""

    def __init__(self, version: str = "3.3.2", fails: str = "", **notify: Any) -> None:
        self.messages: list[tuple[str, dict[str, Any]]] = []
        self.fails = fails
        text = render(notifying(**notify), flows.linear(), flows.package(flows.linear()))
        start = text.index("\nNOTIFY = ") + 1
        end = text.find("# An Airflow before 3.3", start)
        names: dict[str, Any] = {
            "html": html,
            "importlib": importlib,
            "json": json,
            "logging": logging,
            "quote": quote,
            "AIRFLOW_VERSION": version,
            "FLOW": "TrainFlow",
            "DEPLOYED": "prod/train, commit abc",
            "RESUME": "resume",
            "MetaflowStep": SimpleNamespace,
            "metaflow_id": lambda *parts: "-".join(parts),
        }
        exec(text[start : end if end > 0 else text.index("\nwith DAG(")], names)
        names["load"], names["base_url"] = self._load, lambda: "https://airflow.example"
        self.names = names

    def _load(self, module: str, name: str) -> Any:
        def make(**given: Any) -> Any:
            def send(*_: Any, **more: Any) -> None:
                if name == self.fails:
                    raise OSError("no answer")
                self.messages.append((name, {**given, **more}))

            return SimpleNamespace(notify=send, run=send)

        return make

    def __call__(self, event: str, context: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
        self.names[f"notify_{event}"](context)
        return self.messages


def context_of(*failed: str, **more: Any) -> dict[str, Any]:
    """What Airflow gives a callback of a DAG."""
    states = dict.fromkeys(failed, "failed") | {"end": "upstream_failed"}
    tasks = {name: SimpleNamespace(dag_id="TrainFlow", task_id=name) for name in ("start", "fit", "end")}
    task = SimpleNamespace(dag=SimpleNamespace(task_dict=tasks), task_id="start")
    ti = SimpleNamespace(
        dag_id="TrainFlow",
        task_id="start",
        map_index=-1,
        state="failed",
        task=task,
        get_task_states=lambda dag_id, run_ids: {run_ids[0]: states},
    )
    return {"run_id": "r1", "dag_run": SimpleNamespace(), "ti": ti, "reason": "task_failure", **more}


class TestText:
    def test_says_what_failed_and_how_to_go_on(self) -> None:
        ((name, sent),) = Sent(failure=[WEBHOOK])("failure", context_of("start"))
        assert (name, sent["http_conn_id"], sent["endpoint"]) == ("HttpHook", "hooks", None)
        assert sent["json"]["text"].splitlines() == [
            "prod/train failed",
            "DAG: TrainFlow, run r1",
            "Failed: start",
            "Airflow says: task_failure",
            'Metaflow: TrainFlow/["r1", "TrainFlow"]/start/r1-start-TrainFlow',
            "Deployed: prod/train, commit abc",
            "Owner: growth",
            "Run: https://airflow.example/dags/TrainFlow/runs/r1",
            "Log: https://airflow.example/dags/TrainFlow/runs/r1/tasks/start",
            'Resume: resume ["r1", "TrainFlow"]',
        ]

    def test_names_the_items_of_a_foreach_and_no_task_of_metaflow(self) -> None:
        ((_, sent),) = Sent(failure=[WEBHOOK])("failure", context_of("fit_0", "fit_12"))
        assert sent["json"]["failed"] == ["fit (item 0)", "fit (item 12)"]
        assert sent["json"]["pathspec"].endswith("/fit")
        assert sent["json"]["log_url"].endswith("/tasks/fit/mapped/0")

    def test_names_no_more_than_the_run_where_several_steps_failed(self) -> None:
        ((_, sent),) = Sent(failure=[WEBHOOK])("failure", context_of("fit", "start"))
        assert sent["json"]["pathspec"] == 'TrainFlow/["r1", "TrainFlow"]'

    def test_of_airflow_2_asks_the_run(self) -> None:
        context = context_of()
        each = SimpleNamespace(task_id="fit", map_index=3, log_url="https://airflow.example/log")
        context["dag_run"] = SimpleNamespace(get_task_instances=lambda state: [each])
        ((_, sent),) = Sent("2.11.2", failure=[WEBHOOK])("failure", context)
        assert (sent["json"]["failed"], sent["json"]["log_url"]) == (["fit (item 3)"], "https://airflow.example/log")
        assert sent["json"]["run_url"] == "https://airflow.example/dags/TrainFlow/grid?dag_run_id=r1"

    def test_of_the_first_airflow_3_names_the_task_that_airflow_names(self) -> None:
        ((_, sent),) = Sent("3.1.0", failure=[WEBHOOK])("failure", context_of())
        assert sent["json"]["failed"] == ["start"]

    def test_is_there_though_airflow_says_next_to_nothing(self) -> None:
        sender = Sent(failure=[WEBHOOK])
        sender.names["base_url"] = lambda: ""
        ((_, sent),) = sender("failure", {"dag": None, "run_id": "r1", "reason": "timed_out"})
        assert (sent["json"]["reason"], sent["json"]["run_id"]) == ("timed_out", "r1")
        assert not {"failed", "run_url", "log_url"} & sent["json"].keys()

    def test_is_there_though_airflow_does_not_answer(self) -> None:
        context = context_of("start")
        context["ti"].get_task_states = None
        ((_, sent),) = Sent(failure=[WEBHOOK])("failure", context)
        assert sent["json"]["pathspec"] == 'TrainFlow/["r1", "TrainFlow"]'

    def test_of_a_late_run_has_its_id(self) -> None:
        ((_, sent),) = Sent(late=LATE)("late", {"dag_run": {"dag_run_id": "r1"}, "deadline": {}})
        assert (sent["json"]["title"], sent["json"]["run_id"]) == ("prod/train is late", "r1")

    def test_of_a_retry_has_the_error_and_the_task(self) -> None:
        context = context_of(exception=ValueError("x" * 5000))
        context["task"] = SimpleNamespace(task_id="start", metaflow_pathspec="TrainFlow/1/start/2")
        ((_, sent),) = Sent(retry=[WEBHOOK])("retry", context)
        assert (len(sent["json"]["error"]), sent["json"]["pathspec"]) == (2000, "TrainFlow/1/start/2")
        assert sent["json"]["text"].splitlines()[2] == "Task: start"

    @pytest.mark.parametrize(
        ("notifier", "field", "shown"),
        [
            (
                SLACK,
                "text",
                "Error: {{ 1/0 }} &lt;script&gt;alert(1)&lt;/script&gt; &amp; &lt;!channel&gt; {% raise %}",
            ),
            (EMAIL, "html_content", f"<br>Error: {html.escape(HOSTILE)}<br>"),
        ],
    )
    def test_is_never_a_template_and_never_markup(self, notifier: dict[str, Any], field: str, shown: str) -> None:
        context = context_of(exception=ValueError(HOSTILE))
        ((_, sent),) = Sent(retry=[notifier])("retry", context)
        assert shown in sent[field]
        assert "<script>" not in sent[field]


class TestNotifiers:
    def test_one_that_fails_stops_no_other(self) -> None:
        sender = Sent(fails="SlackNotifier", failure=[SLACK, WEBHOOK])
        with pytest.raises(
            RuntimeError, match="not everybody was told that prod/train failed: slack by slack_ml: OSErr"
        ):
            sender("failure", context_of("start"))
        assert [name for name, _ in sender.messages] == ["HttpHook"]

    def test_are_those_of_the_providers(self) -> None:
        found = Sent(failure=[SLACK, {"slack_webhook": {"connection": "sw"}}, EMAIL, PAGERDUTY, WEBHOOK])(
            "failure", context_of("start")
        )
        assert [name for name, _ in found] == [
            *("SlackNotifier", "SlackWebhookNotifier", "SmtpNotifier", "PagerdutyNotifier", "HttpHook")
        ]
        by_name = dict(found)
        assert (by_name["SlackNotifier"]["slack_conn_id"], by_name["SlackNotifier"]["channel"]) == ("slack_ml", "#ml")
        assert by_name["SlackWebhookNotifier"]["slack_webhook_conn_id"] == "sw"
        assert (by_name["SmtpNotifier"]["to"], by_name["SmtpNotifier"]["smtp_conn_id"]) == (
            *(["ml@example.com"], "smtp_default"),
        )
        assert by_name["SmtpNotifier"]["subject"] == "prod/train failed"

    def test_a_success_resolves_what_a_failure_raised(self) -> None:
        sender = Sent(failure=[PAGERDUTY], success=[{"pagerduty": {"connection": "pd", "severity": "info"}}])
        sender("failure", context_of("start"))
        sender("success", context_of())
        (_, raised), (_, resolved) = sender.messages
        assert (raised["action"], raised["severity"]) == ("trigger", "error")
        assert (resolved["action"], resolved["severity"]) == ("resolve", "info")
        assert raised["dedup_key"] == resolved["dedup_key"] == "mfdeploy TrainFlow"
        assert raised["links"][0] == {"href": "https://airflow.example/dags/TrainFlow/runs/r1", "text": "run_url"}

    def test_are_imported_when_they_are_used(self) -> None:
        text = render(notifying(failure=[SLACK, EMAIL]), flows.linear(), flows.package(flows.linear()))
        imported = {node.module or "" for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom)}
        assert not {name for name in imported if "slack" in name or "smtp" in name}


class TestDag:
    def test_calls_for_what_somebody_is_told_of_and_nothing_else(self) -> None:
        text = render(notifying(failure=[SLACK], retry=[EMAIL]), flows.linear(), flows.package(flows.linear()))
        assert "    on_failure_callback=notify_failure,\n" in text
        assert '"on_retry_callback": notify_retry' in text
        assert "on_success_callback" not in text
        assert "LATE" not in text

    def test_of_a_late_run_has_a_deadline_where_airflow_can(self) -> None:
        text = render(notifying(late=LATE), flows.linear(), flows.package(flows.linear()))
        assert "interval=timedelta(hours=2)" in text
        assert "    **LATE,\n" in text

    def test_with_hooks_and_pods_is_python(self) -> None:
        """And a hook that fails has no pathspec of Metaflow."""
        flow = flows.with_pods(flows.fan(hooks=(Hook("tell", "success"),)))
        deployment = flows.kubernetes(notify=NotifySettings.model_validate({"failure": [SLACK], "retry": [EMAIL]}))
        text = render(deployment, flow, flows.package(flow))
        assert ast.parse(text)
        assert (
            "    if not isinstance(task, MetaflowStep) or isinstance(task, MetaflowHook):\n        return run\n" in text
        )

    @pytest.mark.parametrize("nothing", [{}, {"failure": []}, {"late": {"after": "none", "notify": [WEBHOOK]}}])
    def test_without_anybody_to_tell_is_as_it_was(self, nothing: dict[str, Any]) -> None:
        plain = render(flows.deployment(), flows.linear(), flows.package(flows.linear()))
        assert render(notifying(**nothing), flows.linear(), flows.package(flows.linear())) == plain
        assert same_description(described(**nothing), describe(flows.deployment(), flows.linear(), None, 1, "0" * 16))


class TestPlan:
    def test_shows_who_is_told(self) -> None:
        (reason,) = explain(described(failure=[SLACK]), described(failure=[SLACK, EMAIL], late=LATE))
        assert {field.field: field.after for field in reason.fields} == {
            "settings.notify.failure": [SLACK, EMAIL],
            "settings.notify.late": LATE,
        }

    def test_of_a_new_deployment_has_them_event_by_event(self) -> None:
        found = {value.field: value.value for value in values_of(described(failure=[SLACK], late=LATE))}
        assert (found["settings.notify.failure"], found["settings.notify.late"]) == ([SLACK], LATE)

    def test_and_show_have_the_lists(self) -> None:
        shown = show_to_json(notifying(failure=[SLACK]), flows.linear(), "TrainFlow", None)
        found = {each["name"]: each["value"] for each in shown["settings"]}
        assert found["notify.failure"] == [SLACK]

    def test_knows_what_airflow_needs_for_it(self) -> None:
        found = needs(described(failure=[SLACK, EMAIL, PAGERDUTY], late=LATE))
        assert found == Needs(
            told_by=frozenset({"slack_ml", "smtp_default", "pd", "hooks"}),
            notifiers=frozenset(f"apache-airflow-providers-{name}" for name in ("slack", "smtp", "pagerduty", "http")),
            versions=frozenset({("the notification of late runs", "3.3")}),
        )

    @pytest.mark.parametrize(
        "odd", [[], "x", {"failure": "x"}, {"failure": [1, {"slack": 2}, {"x": {}}], "late": {"notify": 3}}]
    )
    def test_what_somebody_wrote_into_a_record_needs_nothing(self, odd: Any) -> None:
        plain = described()
        settings = plain.settings.model_validate({**plain.settings.model_dump(), "notify": odd}, strict=False)
        found = needs(plain.model_copy(update={"settings": settings}))
        assert (found.told_by, found.notifiers) == (frozenset(), frozenset())

    @pytest.mark.parametrize(
        ("version", "codes"), [("2.11.2", ["airflow-version"]), ("3.2.1", ["airflow-version"]), ("3.3.2", [])]
    )
    def test_refuses_late_where_the_version_is_known_and_too_old(self, version: str, codes: list[str]) -> None:
        environment = flows.environment(airflow=AirflowAccess(version=version))
        deployment = notifying(late=LATE).model_copy(update={"environment": environment})
        assert [each.code for each in check(deployment, flows.linear())] == codes

    def test_refuses_several_crons_on_airflow_2(self) -> None:
        environment = flows.environment(airflow=AirflowAccess(version="2.11.2"))
        apart = flows.deployment(environment=environment, schedule=Schedule(cron=("0 15 * * *", "30 3 * * *")))
        (found,) = check(apart, flows.linear())
        assert found.message == (
            "a schedule of several crons that one cannot say needs Airflow 3.0, and prod has 2.11.2"
        )
        joined = flows.deployment(environment=environment, schedule=Schedule(cron=("0 15 * * *", "0 3 * * *")))
        assert check(joined, flows.linear()) == []
