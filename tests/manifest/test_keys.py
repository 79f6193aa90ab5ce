"""Each setting of the registry is declared in full, read by the program, shown, and compared."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import Field

from deployer.description import describe, to_json
from deployer.manifest.airflow_keys import AirflowAccess
from deployer.manifest.fields import ByName, Omissible, ResolvedPath, Setting, Settings, names_of, secret_paths, setting
from deployer.manifest.keys import (
    EnvironmentSettings,
    FlowIdentity,
    FlowSettings,
    ManifestFile,
    PackageSettings,
    Retries,
    Schedule,
    TriggerSettings,
)
from deployer.manifest.notify_keys import NotifierSettings, NotifySettings, WebhookRequest
from deployer.manifest.pod_keys import ClusterAccess, ClusterSettings, PodSettings
from deployer.models.deployment import Deployment, Environment, described_settings
from deployer.views.show_json import show_to_json
from tests.plan import made

PACKAGE = Path(__file__).parents[2] / "deployer"
# Where settings are declared, resolved, shown and compared all alike: to be there is not to be used.
ALL_ALIKE = ("manifest", "models/deployment.py", "views/show_json.py", "description")
# Read by the room of manifests itself, and needed nowhere else.
RESOLVED_AWAY = {"schedules"}

# A value of each setting that is not its default.
FLOW: dict[str, Any] = {
    "schedule": Schedule(cron="0 3 * * *", timezone="Europe/Helsinki"),
    "triggers": (TriggerSettings(event="orders", parameters={"alpha": "share"}),),
    "parameters": {"alpha": 0.5},
    "retries": Retries(times=4),
    "max_workers": 7,
    "max_active_runs": 7,
    "catchup": True,
    "start_date": "2026-01-31",
    "tags": ("b", "a"),
    "decorators": ("card",),
    "namespace": "user:ada",
    "workflow_timeout": 60,
    "worker_pool": "big",
    "priority": 7,
    "paused": True,
    "display_name": "Training ♥",
    "show_items": False,
    "notify": NotifySettings(failure=(NotifierSettings(webhook=WebhookRequest(connection="hooks")),)),
    "description": "Trains.",
    "owner": "ada",
    "package_environment": "conda",
    "package_suffixes": (".txt", ".csv"),
    "package": PackageSettings(only="imports", include=("sql",)),
    "package_limit": 500,
    "config_values": {"config": {"a": 1}},
    "config_files": {"config": ResolvedPath("config.json", "/srv/config.json")},
    "include_files": {"table": ResolvedPath("table.csv", "/srv/table.csv")},
    "include_from": ("s3://lake/*.csv",),
    "branch": "blue",
    "python": ResolvedPath("../venv/bin/python", "/srv/venv/bin/python"),
    "compile_environment": ("WAREHOUSE_TOKEN",),
    "kubernetes": PodSettings(cpu=3),
    "steps": {"start": PodSettings(cpu=5)},
}
ENVIRONMENT: dict[str, Any] = {
    "target": ResolvedPath("../other", "/srv/other"),
    "compute": "kubernetes",
    "datastore": ResolvedPath("s3://acme/metaflow", "s3://acme/metaflow"),
    "orchestrator": "other",
    "production": True,
    "protect": True,
    "branches": ("main",),
    "airflow": AirflowAccess(url="https://airflow.example", version="3.3.2"),
    "promotes_from": "staging",
    "schedules": False,
    "metaflow": {"METAFLOW_SERVICE_URL": "http://metaflow"},
}
DECLARED: tuple[tuple[type[Settings], dict[str, Any]], ...] = ((FlowSettings, FLOW), (EnvironmentSettings, ENVIRONMENT))
SETTINGS = [(model, name) for model, values in DECLARED for name in values]


def with_setting(model: type[Settings], name: str) -> Deployment:
    """A deployment in which one setting is not as the program has it by itself."""
    if model is FlowSettings:
        return made.deployment(**{name: FLOW[name]})
    return made.deployment(environment=made.environment(**{name: ENVIRONMENT[name]}))


def shown(deployment: Deployment) -> dict[str, Any]:
    found = show_to_json(deployment, made.flow(), "TrainFlow", deployment.schedule)
    parameters = [{"name": f"parameters.{each['name']}", "value": each["default"]} for each in found["parameters"]]
    listed = [*found["settings"], *found["environment"]["settings"], *parameters]
    return {str(each["name"]): each["value"] for each in listed}


def read_settings() -> set[str]:
    """What the program reads of a deployment or an environment, outside of what treats all settings alike."""
    found: set[str] = set()
    for path in PACKAGE.rglob("*.py"):
        if not path.relative_to(PACKAGE).as_posix().startswith(ALL_ALIKE):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            found |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and holds_settings(node)}
    for path in PACKAGE.rglob("*.jinja"):
        found |= set(re.findall(r'page\.settings\["(\w+)"\]', path.read_text(encoding="utf-8")))
    return found


def holds_settings(node: ast.Attribute) -> bool:
    words = re.findall(r"\w+", ast.unparse(node.value).partition("[")[0])
    return words[-1:] in (["deployment"], ["environment"], ["environments"])


def test_each_setting_is_in_these_tests() -> None:
    for model, values in DECLARED:
        assert list(model.model_fields) == list(values)


@pytest.mark.parametrize(("model", "name"), SETTINGS)
def test_each_setting_says_where_a_change_shows_or_why_it_does_not(model: type[Settings], name: str) -> None:
    declaration = setting(model, name)
    assert declaration.purpose.endswith(".")
    assert declaration.section or declaration.note


@pytest.mark.parametrize(
    "model",
    [FlowIdentity, PackageSettings, PodSettings, ClusterAccess, ClusterSettings, Schedule, Retries, TriggerSettings],
)
def test_each_key_has_a_purpose(model: type[Settings]) -> None:
    assert all(setting(model, name).purpose for name in model.model_fields)


def test_each_setting_is_read_by_the_program() -> None:
    read = read_settings()
    named = {name for model in (FlowSettings, EnvironmentSettings, FlowIdentity) for name in model.model_fields}
    assert named - read - RESOLVED_AWAY == set(), "nothing uses the setting"


@pytest.mark.parametrize(("model", "name"), SETTINGS)
def test_show_prints_each_setting(model: type[Settings], name: str) -> None:
    key = names_of(model)[name]
    before, after = shown(made.deployment()), shown(with_setting(model, name))
    changed = {path for path in {*before, *after} if before.get(path) != after.get(path)}
    assert changed, "show leaves the setting out"
    assert {path.partition(".")[0] for path in changed} == {key}


@pytest.mark.parametrize(("model", "name"), SETTINGS)
def test_the_description_holds_each_setting_that_is_compared_by_value(model: type[Settings], name: str) -> None:
    before, after = (described_settings(each) for each in (made.deployment(), with_setting(model, name)))
    changed = {path for path in {*before, *after} if before.get(path) != after.get(path)}
    assert changed == ({name} if setting(model, name).is_described_by_value else set())
    flow = made.flow()
    described = to_json(describe(with_setting(model, name), flow, None, 1, "r"))["settings"]
    assert described.items() >= after.items()


def test_what_is_compared_of_a_list_and_a_path() -> None:
    found = described_settings(
        made.deployment(tags=("b", "a", "b"), package_suffixes=(".txt", ".csv", ".txt"), python=FLOW["python"])
    )
    assert found["tags"] == ["a", "b"]
    assert found["package_suffixes"] == [".csv", ".txt", ".txt"]
    assert found["python"] == "../venv/bin/python"


class Access(Settings):
    """Where a server is, and what lets us in."""

    url: Annotated[str, Setting("Where it is.")] = ""
    token: Annotated[str, Setting("What lets us in.", may_be_secret=True)] = ""


class Place(Settings):
    """A model that holds another, and some of them by name."""

    airflow: Annotated[Omissible[Access], Setting("The server.")] = None
    others: Annotated[ByName[Access], Setting("More of them.")] = Field(default_factory=dict)


def test_a_declaration_says_that_a_value_may_be_secret() -> None:
    assert list(secret_paths(Place)) == ["airflow.token", "others.*.token"]
    below = "environments.*.airflow"
    assert set(secret_paths(ManifestFile)) == {
        "environments.*.target",
        "environments.*.kubernetes.check_context",
        f"{below}.token",
        f"{below}.password",
    }


def test_a_resolved_environment_keeps_the_keys_of_its_declaration() -> None:
    assert set(EnvironmentSettings.model_fields) < set(Environment.model_fields)
    assert {*FlowSettings.model_fields, *FlowIdentity.model_fields} < set(Deployment.model_fields)


def test_what_becomes_of_a_pod_shows_with_its_resources() -> None:
    """By step, and only where a manifest says something: records of earlier versions stay equal."""
    steps = tuple(replace(step, pod={"cpu": "1"}) for step in made.flow().steps)
    deployment = made.deployment(
        kubernetes=PodSettings(cpu=1, on_finish_action="keep_pod"),
        steps={"end": PodSettings(startup_timeout_seconds=60, on_finish_action="delete_pod")},
    )
    described = to_json(describe(deployment, made.flow(steps=steps), None, 1, "r"))["resources"]
    assert described == {
        "start": {"cpu": "1", "on_finish_action": "keep_pod"},
        "end": {"cpu": "1", "on_finish_action": "delete_pod", "startup_timeout_seconds": 60},
    }
    plain = to_json(describe(made.deployment(), made.flow(steps=steps), None, 1, "r"))["resources"]
    assert plain == {"start": {"cpu": "1"}, "end": {"cpu": "1"}}
