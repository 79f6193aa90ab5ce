"""Manifests to deployments, with values."""

from __future__ import annotations

import os
import re
import textwrap
from pathlib import Path
from typing import Any

import pytest

from deployer.errors import DeployError, Location
from deployer.manifest.keys import TriggerSettings
from deployer.manifest.load import load
from deployer.models.deployment import ClusterAccess, Deployment, ResolvedPath, Retries, Schedule
from deployer.models.manifests import Manifests

HEAD = "version: 1\nproject: growth\n"
PROD = "environments:\n  prod: {target: dags, compute: local, datastore: data}\n"
TWO = (
    "environments:\n"
    "  staging: {target: s3://acme-dags/a, compute: kubernetes, datastore: s3://acme/staging, tags: [staging],"
    " metaflow: {METAFLOW_DEFAULT_METADATA: local}}\n"
    "  prod: {target: s3://acme-dags/b, compute: kubernetes, datastore: s3://acme/prod, production: true,"
    " metaflow: {METAFLOW_DEFAULT_METADATA: local}}\n"
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    found = tmp_path / "deployments"
    found.mkdir()
    (found / "train.py").touch()
    return Path("deployments")


def read(folder: Path, *documents: str, **options: Any) -> Manifests:
    for number, text in enumerate(documents):
        (folder / f"{number}.yaml").write_text(text)
    return load(folder, **{"variables": {}, "environ": {}, **options})


def one(folder: Path, settings: str, environment: str = PROD, more: str = "", **options: Any) -> Deployment:
    flow = "flows:\n  train:\n    file: train.py\n" + "".join(f"    {line}\n" for line in settings.splitlines())
    return read(folder, HEAD + environment + flow + more, **options).deployments[0]


def codes(folder: Path, *documents: str, **options: Any) -> list[str]:
    with pytest.raises(DeployError) as raised:
        read(folder, *documents, **options)
    return [found.code for found in raised.value.diagnostics]


def test_what_holds_when_nothing_is_said(folder: Path) -> None:
    found = one(folder, "")
    assert found == Deployment(
        name="train",
        environment=found.environment,
        file=ResolvedPath("train.py", str(Path("deployments/train.py").absolute())),
        location=Location("deployments/0.yaml", 6, 3),
        branch="prod",
        owner="growth",
        sources=found.sources,
        entry={"file": "train.py"},
        project_folder=Path().resolve(),
    )
    assert (found.retries, found.schedule, found.max_workers, found.max_active_runs) == (None, None, 100, 16)
    assert found.address == "prod/train"
    assert found.base == Path("deployments")


def test_every_setting_arrives(folder: Path) -> None:
    (folder / "config.json").touch()
    found = one(
        folder,
        """schedule: {cron: "0 3 * * *", timezone: Europe/Helsinki}
triggers: [{flow: LoadFlow}, {dag_id: other.load}, {event: orders, parameters: {alpha: share}}]
parameters: {alpha: 0.05, none: null, many: [1, {a: b}]}
retries: {times: 3, minutes_between: 0.5}
max_workers: 5
max_active_runs: 1
catchup: true
tags: [a, b]
with: ["retry:times=2"]
namespace: user:x
workflow_timeout: 60
worker_pool: big
priority: 5
paused: false
display_name: Training
show_items: false
notify:
  failure: [{email: {to: [a@example.com], from: b@example.com}}]
  late: {after: 2h, notify: [{pagerduty: {connection: pd}}]}
description: Trains
owner: me
package_environment: conda
package_suffixes: [.csv]
package: {only: imports, include: [sql/*.sql], exclude: [tests]}
config_values: {c: {d: 1}}
config_files: {e: config.json}
include_files: {f: config.json}
include_from: [/data/*.csv]
package_limit: 500
branch: b
python: ../venv/bin/python
class: Train
dag_id: my.train
compile_environment: [WAREHOUSE_TOKEN]
kubernetes: {image: "x:1", cpu: 2, tolerations: [{key: a, operator: Exists}], startup_timeout_seconds: 60}
steps:
  fit: {gpu: 1, security_context: {run_as_user: 0}, startup_timeout_seconds: 7200, on_finish_action: keep_pod}""",
        environment=TWO,
    )
    assert found.schedule == Schedule(cron="0 3 * * *", timezone="Europe/Helsinki")
    assert found.notify.written() == {
        "failure": [{"email": {"to": ["a@example.com"], "from": "b@example.com"}}],
        "late": {"after": "2h", "notify": [{"pagerduty": {"connection": "pd"}}]},
    }
    assert found.triggers == (
        TriggerSettings(flow="LoadFlow"),
        TriggerSettings(dag_id="other.load"),
        TriggerSettings(event="orders", parameters={"alpha": "share"}),
    )
    assert found.parameters == {"alpha": 0.05, "none": None, "many": [1, {"a": "b"}]}
    assert found.retries == Retries(times=3, minutes_between=0.5)
    assert (found.max_workers, found.max_active_runs, found.catchup, found.paused) == (5, 1, True, False)
    assert (found.tags, found.decorators, found.package_suffixes) == (("a", "b"), ("retry:times=2",), (".csv",))
    assert found.package.written() == {"only": "imports", "include": ["sql/*.sql"], "exclude": ["tests"]}
    assert found.source("package.exclude").line == found.source("package.only").line > 0
    assert (found.namespace, found.workflow_timeout, found.worker_pool) == ("user:x", 60, "big")
    assert (found.priority, found.display_name, found.show_items) == (5, "Training", False)
    assert (found.description, found.owner, found.package_environment) == ("Trains", "me", "conda")
    assert found.config_values == {"c": {"d": 1}}
    assert found.config_files == {"e": ResolvedPath("config.json", str(Path("deployments/config.json").absolute()))}
    assert found.include_files == {"f": found.config_files["e"]}
    assert found.include_from == ("/data/*.csv",)
    assert found.package_limit == 500
    assert (found.branch, found.class_name, found.dag_id) == ("b", "Train", "my.train")
    assert found.compile_environment == ("WAREHOUSE_TOKEN",)
    assert found.python == ResolvedPath("../venv/bin/python", str(Path("venv/bin/python").absolute()))
    pods = {"image": "x:1", "cpu": 2, "tolerations": [{"key": "a", "operator": "Exists"}]}
    assert found.kubernetes.attributes() == pods
    assert found.steps["fit"].attributes() == {"gpu": 1, "security_context": {"run_as_user": 0}}
    assert found.pod_handling("fit") == {"startup_timeout_seconds": 7200, "on_finish_action": "keep_pod"}
    assert found.pod_handling("other") == {"startup_timeout_seconds": 60}
    assert list(found.entry)[:4] == ["file", "class", "dag_id", "schedule"]
    assert "environments" not in found.entry


def test_strength_and_where_each_value_is_from(folder: Path) -> None:
    manifests = read(
        folder,
        HEAD
        + TWO
        + """
defaults:
  retries: {times: 1, minutes_between: 7}
  tags: [default]
  parameters: {a: {x: 1, y: 1}, b: 1}
  kubernetes: {labels: {team: growth}, cpu: 1}
flows:
  train:
    file: train.py
    retries: 2
    parameters: {a: {y: 2}}
    overrides:
      prod: {retries: 3, tags: [], parameters: {a: {z: 3}}, kubernetes: {labels: {team: prod}}, dag_id: Train}
""",
    )
    prod, staging = manifests.deployments
    assert (prod.address, staging.address) == ("prod/train", "staging/train")
    assert prod.retries == Retries(times=3, minutes_between=7)
    assert staging.retries == Retries(times=2, minutes_between=7)
    assert (prod.tags, staging.tags) == ((), ("staging",))
    assert prod.parameters == {"a": {"x": 1, "y": 2, "z": 3}, "b": 1}
    assert staging.parameters == {"a": {"x": 1, "y": 2}, "b": 1}
    assert prod.kubernetes.written() == {"labels": {"team": "prod"}, "cpu": 1}
    assert (prod.dag_id, staging.dag_id) == ("Train", None)
    lines = {path: place.line for path, place in prod.sources.items()}
    assert lines == {
        "target": 5,
        "compute": 5,
        "datastore": 5,
        "production": 5,
        "metaflow.METAFLOW_DEFAULT_METADATA": 5,
        "file": 14,
        "retries.times": 18,
        "retries.minutes_between": 8,
        "tags": 18,
        "parameters.a.x": 10,
        "parameters.a.y": 16,
        "parameters.a.z": 18,
        "parameters.b": 10,
        "kubernetes.labels.team": 18,
        "kubernetes.cpu": 11,
        "dag_id": 18,
    }
    assert staging.source("tags") == Location("deployments/0.yaml", 4, 96)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("none", Schedule(cron=None)),
        ("", Schedule(cron=None)),
        ("{cron: none, timezone: UTC}", Schedule(cron=None, timezone="UTC")),
        ("hourly", Schedule(cron="hourly")),
        ("0 3 * * *", Schedule(cron="0 3 * * *")),
        ("'0 10 * * ? *'", Schedule(cron="0 10 * * ? *")),
        ("{cron: daily, timezone: UTC}", Schedule(cron="daily", timezone="UTC")),
        ("[0 3 * * *, daily]", Schedule(cron=("0 3 * * *", "daily"))),
        ("[daily]", Schedule(cron=("daily",))),
        ("{cron: [0 3 * * *, daily], timezone: UTC}", Schedule(cron=("0 3 * * *", "daily"), timezone="UTC")),
    ],
)
def test_schedules(folder: Path, text: str, expected: Schedule) -> None:
    assert one(folder, f"schedule: {text}").schedule == expected


def test_a_cron_alone_keeps_the_timezone_of_a_weaker_layer(folder: Path) -> None:
    defaults = "defaults: {schedule: {cron: daily, timezone: Asia/Tokyo}}\n"
    assert one(folder, "schedule: hourly", more=defaults).schedule == Schedule(cron="hourly", timezone="Asia/Tokyo")
    several = one(folder, "schedule: [hourly, 0 3 * * 1]", more=defaults.replace("daily", "[weekly, daily]"))
    assert several.schedule == Schedule(cron=("hourly", "0 3 * * 1"), timezone="Asia/Tokyo")


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("{success: [{webhook: {connection: b}}]}", {"failure": ["a"], "success": ["b"]}),
        ("{failure: [{webhook: {connection: b}}, {webhook: {connection: c}}]}", {"failure": ["b", "c"]}),
        ("{failure: []}", {}),
        ("none", {}),
        ("{}", {"failure": ["a"]}),
    ],
)
def test_who_is_told_merges_by_event(folder: Path, written: str, told: dict[str, list[str]]) -> None:
    defaults = "defaults: {notify: {failure: [{webhook: {connection: a}}]}}\n"
    found: Any = one(folder, f"notify: {written}", more=defaults).notify.written()
    assert {event: [each["webhook"]["connection"] for each in found[event]] for event in found} == told
    undone = one(folder, f"notify: none\noverrides: {{prod: {{notify: {written}}}}}", more=defaults).notify.written()
    assert undone.get("failure") != [{"webhook": {"connection": "a"}}]


def test_no_schedules_in_an_environment(folder: Path) -> None:
    environment = PROD.replace("}", ", schedules: false}")
    for settings in ("schedule: hourly", ""):
        found = one(folder, settings, environment)
        assert found.schedule == Schedule(cron=None)
        assert found.entry["schedule"] == "none"
        assert found.source("schedule").line == 4
        assert "schedule.cron" not in found.sources


def test_files_are_one_document(folder: Path) -> None:
    (folder / "more" / "deep").mkdir(parents=True)
    (folder / "more" / "deep" / "score.yml").write_text("flows: {score: {file: score.py, config_files: {c: c.yaml}}}")
    (folder / "more" / "deep" / "score.py").touch()
    (folder / "more" / "deep" / "c.yaml").touch()
    for hidden in (".hidden", "build"):
        (folder / hidden).mkdir()
        (folder / hidden / "x.yaml").write_text("not: [a manifest")
    (folder / ".x.yaml").write_text("not: [a manifest")
    (folder / "link.yaml").symlink_to("0.yaml")
    manifests = read(folder, HEAD, "defaults: {tags: [a]}\nvariables: \n", PROD, "flows: {train: {file: train.py}}")
    assert [found.address for found in manifests.deployments] == ["prod/score", "prod/train"]
    score = manifests.deployments[0]
    assert score.tags == ("a",)
    assert score.location == Location("deployments/more/deep/score.yml", 1, 9)
    assert score.file == ResolvedPath("score.py", str(Path("deployments/more/deep/score.py").absolute()))
    assert score.base == Path("deployments/more/deep")
    assert manifests.environments["prod"].target.resolved == str(Path("deployments/dags").absolute())
    assert manifests.folder == folder


def test_links_out_of_the_folder_are_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "outside.yaml").write_text("flows: {}")
    (tmp_path / "outside.py").touch()
    (folder / "link.yaml").symlink_to(tmp_path / "outside.yaml")
    assert codes(folder, HEAD) == ["bad-path"]
    (folder / "link.yaml").unlink()
    (folder / "etc.py").symlink_to("/etc/hostname")
    assert codes(folder, HEAD + PROD + "flows: {a: {file: etc.py}}") == ["bad-path"]
    (folder / "up.py").symlink_to(tmp_path / "outside.py")
    assert read(folder, HEAD + PROD + "flows: {a: {file: up.py}}").deployments[0].file.written == "up.py"


def test_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(DeployError, match="does not exist; name it with --manifests DIR; `mfdeploy init` writes"):
        load(tmp_path / "none", {}, {})


def test_an_unreadable_file_is_reported(folder: Path) -> None:
    (folder / "dangling.yaml").symlink_to("nothing.yaml")
    os.mkfifo(folder / "pipe.yaml")
    assert codes(folder, HEAD) == ["bad-path", "bad-path"]


def test_environments(folder: Path) -> None:
    (folder / ".metaflowconfig").mkdir()
    (folder / ".metaflowconfig" / "config_prod.json").write_text(
        '{"METAFLOW_SERVICE_URL": "http://a", "METAFLOW_X": "1", "METAFLOW_B": true, "METAFLOW_L": [1, "a"],'
        ' "METAFLOW_DEFAULT_DATASTORE": "azure", "METAFLOW_DATASTORE_SYSROOT_AZURE": "box/pre/",'
        ' "METAFLOW_AZURE_STORAGE_BLOB_SERVICE_ENDPOINT": "https://acme.blob.core.windows.net"}'
    )
    (folder / "config_prod.json").write_text('{"METAFLOW_SERVICE_URL": "not this one"}')
    manifests = read(
        folder,
        HEAD
        + """
environments:
  a:
    target: git+ssh://git@example.com/acme/dags.git//dags?ref=main
    compute: kubernetes
    datastore: azure://box/pre/
    protect: true
    metaflow: {profile: prod, METAFLOW_X: 2.10, METAFLOW_C: false}
    kubernetes: {context: c, in_cluster: false, connection: k8s, kubeconfig: /k, image: x}
  b: {target: /abs/dags, compute: local, datastore: ../data}
""",
    )
    a, b = manifests.environments["a"], manifests.environments["b"]
    assert a.target.resolved == a.target.written == "git+ssh://git@example.com/acme/dags.git//dags?ref=main"
    assert (a.datastore, a.datastore_type) == (ResolvedPath("azure://box/pre/", "azure://box/pre"), "azure")
    assert a.metaflow == {
        "METAFLOW_AZURE_STORAGE_BLOB_SERVICE_ENDPOINT": "https://acme.blob.core.windows.net",
        "METAFLOW_B": "true",
        "METAFLOW_C": "false",
        "METAFLOW_L": '[1, "a"]',
        "METAFLOW_SERVICE_URL": "http://a",
        "METAFLOW_X": "2.10",
    }
    assert a.kubernetes == ClusterAccess(context="c", in_cluster=False, connection="k8s", kubeconfig="/k")
    assert (a.protect, a.production, b.protect) == (True, False, False)
    assert b.target == ResolvedPath("/abs/dags", "/abs/dags")
    assert (b.datastore, b.datastore_type) == (ResolvedPath("../data", str(Path("data").absolute())), "local")
    assert b.location == Location("deployments/0.yaml", 12, 3)
    assert manifests.deployments == ()


def test_only_the_environments_that_were_asked_for(folder: Path) -> None:
    manifests = read(folder, HEAD + TWO + "flows: {train: {file: train.py}}", environments=["staging"])
    assert [found.address for found in manifests.deployments] == ["staging/train"]
    assert sorted(manifests.environments) == ["prod", "staging"]


def test_variables(folder: Path) -> None:
    settings = """max_workers: ${var.workers}
catchup: ${var.catchup}
branch: pr-${var.workers}-${var.catchup}
description: $${var.x} and $ and ${var.text}
tags: ["${var.version}", "a${var.version}"]"""
    variables = 'variables: {workers: 4, catchup: true, text: "a: [b", version: "1.10"}\n'
    found = one(folder, settings, more=variables)
    assert (found.max_workers, found.catchup, found.branch) == (4, True, "pr-4-true")
    assert found.description == "${var.x} and $ and a: [b"
    assert found.tags == ("1.10", "a1.10")
    assert found.sources["max_workers"].line == 8

    environ = {"MFDEPLOY_VAR_workers": "5", "MFDEPLOY_VAR_version": "no"}
    given: dict[str, Any] = {"environ": environ, "variables": {"workers": "6"}}
    found = one(folder, settings, more=variables, **given)
    assert (found.max_workers, found.branch, found.tags) == (6, "pr-6-true", ("no", "ano"))


def test_values_that_other_readers_take_for_something_else(folder: Path) -> None:
    found = one(folder, "parameters: {flag: yes, time: 12:30, day: 2024-01-01, n: 017, v: '1_0'}\ndescription: no")
    assert found.parameters == {"flag": "yes", "time": "12:30", "day": "2024-01-01", "n": "017", "v": "1_0"}
    assert found.description == "no"
    warnings = load(folder, {}, {}).diagnostics
    assert [(warning.code, warning.path) for warning in warnings] == [
        ("ambiguous-value", "flows.train.parameters.flag"),
        ("ambiguous-value", "flows.train.parameters.n"),
    ]


def test_warnings_refuse_nothing(folder: Path) -> None:
    manifests = read(
        folder, HEAD + PROD.replace("}", ", kubernetes: {cpu: 1}}"), environ={"MFDEPLOY_VAR_other": "1", "OTHER": "2"}
    )
    assert [warning.code for warning in manifests.diagnostics] == ["unknown-variable", "unused-setting"]


def test_a_file_that_does_not_parse_hides_no_other_and_makes_no_followers(folder: Path) -> None:
    broken = "environments: {prod: [\n"
    flow = "flows: {a: {file: train.py, environments: [prod], branch: '${var.x}', retires: 1, overrides: {prod: {}}}}"
    assert codes(folder, flow, broken) == ["unknown-key", "yaml-syntax"]


def test_order_of_files_and_keys_does_not_matter(folder: Path) -> None:
    flows = ["  a: {file: train.py, tags: [x]}\n", "  b: {file: train.py, retries: 3}\n"]
    first = read(folder, HEAD + TWO + "flows:\n" + "".join(flows))
    second = read(folder, HEAD + TWO + "flows:\n" + "".join(reversed(flows)))
    assert [found.entry for found in first.deployments] == [found.entry for found in second.deployments]
    assert [found.address for found in first.deployments] == ["prod/a", "prod/b", "staging/a", "staging/b"]


def warnings_of(folder: Path, environment: str) -> list[str]:
    manifests = read(folder, f"{HEAD}environments:\n  prod: {environment}\nflows: {{train: {{file: train.py}}}}\n")
    return [f"{found.path}: {found.message}" for found in manifests.diagnostics]


def test_runs_that_only_a_worker_would_know_of_are_said(folder: Path) -> None:
    stored = "target: dags, compute: local, datastore: s3://acme/metaflow"
    [warning] = warnings_of(folder, f"{{{stored}}}")
    assert warning.startswith("environments.prod.metaflow: no metadata service: the Client will not find these runs")
    for settings in (
        "METAFLOW_SERVICE_URL: x",
        "METAFLOW_DEFAULT_METADATA: local",
        "METAFLOW_DEFAULT_METADATA: service",
    ):
        assert warnings_of(folder, f"{{{stored}, metaflow: {{{settings}}}}}") == []
    assert warnings_of(folder, "{target: dags, compute: local, datastore: data}") == []


def test_a_url_that_is_not_known_here_may_be_that_of_a_service(folder: Path) -> None:
    pods = "{target: dags, compute: kubernetes, datastore: s3://acme/x, metaflow: {METAFLOW_SERVICE_URL: '${var.url}'}}"
    assert codes(folder, f"{HEAD}variables: {{url: null}}\nenvironments:\n  prod: {pods}\n") == ["unset-variable"]


def test_a_setting_of_pods_where_there_are_none_is_said(folder: Path) -> None:
    (folder / "config_shared.json").write_text('{"METAFLOW_KUBERNETES_CPU": "2"}')
    settings = "{profile: shared, METAFLOW_KUBERNETES_NAMESPACE: ml, METAFLOW_S3_RETRY_COUNT: 2}"
    found = warnings_of(folder, f"{{target: dags, compute: local, datastore: data, metaflow: {settings}}}")
    said = "nothing reads this setting: with `compute: local` there are no pods"
    assert found == [f"environments.prod.metaflow.METAFLOW_KUBERNETES_NAMESPACE: {said}"]


def test_settings_of_metaflow_know_where_they_were_written(folder: Path) -> None:
    (folder / "config_shared.json").write_text('{\n  "METAFLOW_CARD_NO_WARNING": "1"\n}')
    environment = "{target: dags, compute: local, datastore: data, metaflow: {profile: shared, METAFLOW_UI_URL: x}}"
    found = one(folder, "", f"environments:\n  prod: {environment}\n")
    assert found.source("metaflow.METAFLOW_CARD_NO_WARNING") == Location("deployments/config_shared.json", 2, 3)
    assert found.source("metaflow.METAFLOW_UI_URL").line == 4


@pytest.mark.parametrize("page", ["README.md", "docs/manifest.md"])
def test_the_manifests_of_the_docs_load_without_a_warning(page: str, folder: Path) -> None:
    text = (Path(__file__).parents[2] / page).read_text(encoding="utf-8")
    [block] = re.findall(r"^    version: 1\n(?:    .*\n|\n)*", text, re.MULTILINE)
    (folder / "flows").mkdir()
    (folder / "flows" / "train.py").touch()
    manifests = read(folder, textwrap.dedent(block))
    assert [deployment.address for deployment in manifests.deployments] == ["local/train", "prod/train"]
    assert manifests.diagnostics == ()


def test_flows_with_an_id_of_their_own_are_known_to_the_others_by_their_class(folder: Path) -> None:
    (folder / "train.py").write_text("class Base:\n    pass\n\n\nclass TrainFlow(FlowSpec):\n    pass\n")
    assert dict(one(folder, "dag_id: nightly").flow_dag_ids) == {"Base": "nightly", "TrainFlow": "nightly"}
    assert dict(one(folder, "dag_id: nightly\nclass: TrainFlow").flow_dag_ids) == {"TrainFlow": "nightly"}
    assert dict(one(folder, "").flow_dag_ids) == {}
    again = "  again: {file: train.py, class: TrainFlow, dag_id: other}\n"
    assert dict(one(folder, "dag_id: nightly\nclass: TrainFlow", more=again).flow_dag_ids) == {"TrainFlow": ""}


def test_no_schedules_means_no_triggers(folder: Path) -> None:
    quiet = PROD.replace("datastore: data", "datastore: data, schedules: false")
    found = one(folder, "triggers: [{event: orders}]", environment=quiet)
    assert found.triggers == ()
    assert "triggers" not in found.entry
    assert one(folder, "triggers: []").triggers == ()
    assert one(folder, "").triggers is None
