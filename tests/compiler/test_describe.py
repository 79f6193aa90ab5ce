"""What the compiler says of flows, against values written by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deployer.compiler.client import Compiled
from deployer.errors import Severity
from deployer.models.flow import Flow, FlowSchedule, Hook, Parameter, ProjectNames, Retries, Sensor
from tests.compiler.compiling import KUBERNETES, deployment, local
from tests.compiling import compile_flows


@pytest.fixture(scope="module")
def compiled() -> Compiled:
    """All flows of this page, compiled together."""
    service = {"METAFLOW_SERVICE_URL": "http://mf", "METAFLOW_SERVICE_AUTH_KEY": "hush", "METAFLOW_S3_RETRY_COUNT": "4"}
    return compile_flows(
        [
            deployment("linear.py", "linear"),
            deployment("graphs.py", "graphs"),
            deployment("fan.py", "fan", local(metaflow=service)),
            deployment(
                "decorated.py",
                "decorated",
                retries={"times": 3, "minutes_between": 2.5},
                decorators=("card:type=blank",),
            ),
            deployment("package_flow/flow.py", "package", config_values={"words": {"hello": "moi"}}),
            deployment("include_flow/flow.py", "include"),
            deployment("waiting.py", "waiting"),
            deployment("hooked.py", "hooked"),
            deployment(
                "decorated.py",
                "pods",
                KUBERNETES,
                kubernetes={"image": "acme/base:1", "namespace": "ml"},
                steps={"fit": {"cpu": 8, "gpu": 1, "use_tmpfs": True, "memory": 9000, "tmpfs_tempdir": False}},
            ),
        ]
    )


def flow(compiled: Compiled, name: str) -> Flow:
    return next(found for address, found in compiled.flows.items() if address.endswith(f"/{name}"))


def test_all_compile_and_only_what_has_no_effect_is_said(compiled: Compiled) -> None:
    assert len(compiled.flows) == 9
    assert {warning.severity for warning in compiled.diagnostics} == {Severity.WARNING}
    assert sorted(warning.message for warning in compiled.diagnostics) == [
        "@kubernetes has no effect on step fit: the environment's compute is local",
        "the image of @exit_hook has no effect: the environment's compute is local",
    ]


def test_docstrings_and_lines(compiled: Compiled) -> None:
    linear = flow(compiled, "linear")
    assert (linear.name, linear.file, linear.line) == ("LinearFlow", "linear.py", 6)
    assert linear.doc == "Adds things up.\n\nIn two steps."
    assert linear.step("start").doc == "First."
    assert linear.step("start").line == 22


def test_parameters_of_every_type(compiled: Compiled) -> None:
    assert flow(compiled, "linear").parameters == (
        Parameter("alpha", "number", 12, 0.01, help="Learning rate"),
        Parameter("rounds", "integer", 13, 3),
        Parameter("title", "string", 14, "plain"),
        Parameter("fast", "boolean", 15, False),
        Parameter("options", "json", 16, {"depth": 2}),
        Parameter("columns", "string", 17, "a,b", separator=","),
        Parameter("needed", "integer", 18, required=True),
        Parameter("maybe", "string", 19),
    )


def test_deploy_time_parameters_are_not_evaluated(compiled: Compiled) -> None:
    info, rounds, limit = flow(compiled, "package").parameters
    assert (info.name, info.type, info.default, info.deploy_time) == ("info", "json", None, True)
    assert (rounds.name, rounds.type, rounds.deploy_time) == ("rounds", "integer", True)
    assert (limit.default, limit.type) == (21, "integer")


def test_an_included_file_is_known_at_apply_and_its_content_is_compared(compiled: Compiled) -> None:
    include = flow(compiled, "include")
    assert [(one.name, one.type, one.deploy_time) for one in include.parameters] == [("table", "file", True)]
    assert set(include.code.files) == {"flow.py", "table.csv"}


def test_graph_with_nested_foreach(compiled: Compiled) -> None:
    graphs = flow(compiled, "graphs")
    places = {step.name: (step.kind, step.next, step.previous, step.foreaches, step.joins) for step in graphs.steps}
    assert places == {
        "start": ("foreach", ("body",), (), (), None),
        "body": ("split", ("left", "right"), ("start",), ("start",), None),
        "left": ("foreach", ("inner",), ("body",), ("start",), None),
        "inner": ("linear", ("collect",), ("left",), ("start", "left"), None),
        "collect": ("join", ("both",), ("inner",), ("start",), "left"),
        "right": ("linear", ("both",), ("body",), ("start",), None),
        "both": ("join", ("done",), ("collect", "right"), ("start",), "body"),
        "done": ("join", ("end",), ("both",), (), "start"),
        "end": ("end", (), ("done",), (), None),
    }
    assert (graphs.start, graphs.end, graphs.steps[0].name) == ("start", "end", "start")
    assert graphs.step("left").foreach_over == "numbers"


def test_switch(compiled: Compiled) -> None:
    choose = flow(compiled, "fan").step("choose")
    assert (choose.kind, choose.condition, choose.next) == ("switch", "size", ("big", "small"))
    assert choose.cases == {"big": "big", "small": "small"}


def test_retries_of_the_manifest_leave_the_code_alone(compiled: Compiled) -> None:
    decorated = flow(compiled, "decorated")
    assert decorated.step("start").retries == Retries(0, 0, 0)
    assert decorated.step("fit").retries == Retries(3, 2.5, 0)
    assert decorated.step("end").retries == Retries(2, 5, 3)


def test_schedule_project_timeout_environment(compiled: Compiled) -> None:
    decorated = flow(compiled, "decorated")
    assert decorated.schedule == FlowSchedule("0 10 * * ? *", "Europe/Helsinki", 6)
    assert decorated.project == ProjectNames("growth", "test.dev", "growth.test.dev.DecoratedFlow")
    assert flow(compiled, "pods").project == ProjectNames("growth", "prod", "growth.prod.DecoratedFlow")
    assert decorated.step("fit").timeout_seconds == 120
    assert decorated.step("start").timeout_seconds is None
    assert decorated.step("fit").environment == {"LEVEL": "3", "MODE": "deep $x"}


def test_a_branch_of_production_is_what_metaflow_calls_it() -> None:
    named = deployment("decorated.py", "named", KUBERNETES, branch="blue", kubernetes={"image": "acme/base:1"})
    found = compile_flows([named])
    assert found.diagnostics == ()
    flow = found.flows[named.address]
    assert flow.project == ProjectNames("growth", "prod.blue", "growth.prod.blue.DecoratedFlow")
    assert flow.step("fit").options[:2] == ("--production", "--branch=blue")


def test_options_of_a_step(compiled: Compiled) -> None:
    assert flow(compiled, "decorated").step("fit").options == (
        "--with=card:type=blank",
        "--with=retry:minutes_between_retries=2.5,times=3",
        "--branch=dev",
        "--environment=local",
    )
    pods = flow(compiled, "pods")
    assert pods.step("start").options == ("--with=kubernetes", "--production", "--environment=local")
    assert pods.step("fit").options == ("--production", "--environment=local")


def test_pods_are_the_code_then_the_manifest(compiled: Compiled) -> None:
    pods = flow(compiled, "pods")
    assert pods.step("start").pod == {
        "cpu": "1",
        "disk": "10240",
        "image": "acme/base:1",
        "memory": "4096",
        "namespace": "ml",
        "qos": "burstable",
    }
    assert pods.step("fit").pod == {
        "cpu": "8",
        "disk": "10240",
        "gpu": "1",
        "gpu_vendor": "nvidia",
        "image": "acme/base:1",
        "memory": "9000",
        "namespace": "ml",
        "node_selector": {"disk": "ssd"},
        "qos": "burstable",
        "secrets": ["one", "two"],
        "tmpfs_path": "/metaflow_temp",
        "tmpfs_size": 4500,
        "tmpfs_tempdir": False,
        "tolerations": [{"key": "gpu"}],
        "use_tmpfs": True,
    }
    assert flow(compiled, "decorated").step("fit").pod == {}


def test_configs_reach_the_steps_through_the_package(compiled: Compiled) -> None:
    package = flow(compiled, "package")
    assert package.configs == {"settings": {"depth": "9", "limit": 21}, "words": {"hello": "moi"}}
    assert package.step("start").environment == {"DEPTH": "9"}
    names = json.loads(package.environment["METAFLOW_FLOW_CONFIG_VALUE"])
    assert names == {"settings": "kv.settings", "words": "kv.words"}


def test_code_holds_the_user_s_files_alone(compiled: Compiled) -> None:
    code = flow(compiled, "package").code
    assert set(code.files) == {"flow.py", "helper.py", "lib/__init__.py", "lib/numbers.py"}
    assert all(len(digest) == 16 for digest in code.files.values())
    assert len(code.metaflow_digest) == 64


def test_environment_has_settings_and_no_credentials(compiled: Compiled) -> None:
    environment = flow(compiled, "fan").environment
    assert environment["METAFLOW_SERVICE_URL"] == "http://mf"
    assert environment["METAFLOW_DEFAULT_METADATA"] == "service"
    assert environment["METAFLOW_S3_RETRY_COUNT"] == "4"
    assert environment["METAFLOW_OWNER"] == environment["METAFLOW_USER"] == "growth"
    assert "hush" not in json.dumps(dict(environment))
    assert "METAFLOW_KUBERNETES_WORKLOAD" not in environment
    pods = flow(compiled, "pods").environment
    assert pods["METAFLOW_DATASTORE_SYSROOT_S3"] == "s3://acme/metaflow"
    assert pods["METAFLOW_KUBERNETES_WORKLOAD"] == "1"
    assert pods["METAFLOW_RUNTIME_ENVIRONMENT"] == "kubernetes"


def test_a_mutator_without_brackets_hides_no_flow() -> None:
    """Metaflow then puts the mutator where the flow's name was."""
    corpus = Path(__file__).parents[1] / "conformance" / "corpus"
    compiled = compile_flows([deployment(corpus / "own_decorators.py", "own")])
    assert flow(compiled, "own").name == "OwnDecoratorsFlow"
    assert flow(compiled, "own").step("end").environment["TOLD"] == "by a mutator"


COMMON = {"timeout": 3600, "poke_interval": 60, "mode": "reschedule", "exponential_backoff": True, "soft_fail": False}


def test_sensors_with_their_arguments_and_lines(compiled: Compiled) -> None:
    waiting = flow(compiled, "waiting")
    first, second, third = sorted(waiting.sensors, key=lambda sensor: sensor.line)
    assert first == Sensor(
        name="wait-for-upstream",
        kind="external_task",
        line=6,
        arguments={
            **COMMON,
            "external_dag_id": "upstream",
            "external_task_ids": ["end"],
            "allowed_states": ["success", "skipped"],
            "failed_states": ["failed"],
            "execution_delta": 5400,
            "check_existence": True,
        },
    )
    key = "s3://acme/{{ ds }}/_SUCCESS"
    given = {**COMMON, "bucket_key": key, "wildcard_match": False, "mode": "poke", "timeout": 30}
    assert (second.kind, second.line, second.arguments) == ("s3_key", 14, given)
    several = {"bucket_key": ["a", "b"], "bucket_name": "acme", "wildcard_match": False}
    of_third = {**COMMON, **several, "description": "Two of them", "soft_fail": True}
    assert (third.line, third.arguments) == (15, of_third)


def test_sensors_without_a_name_get_that_of_metaflow(compiled: Compiled) -> None:
    names = [sensor.name for sensor in flow(compiled, "waiting").sensors if sensor.kind == "s3_key"]
    assert len(set(names)) == 2
    assert all(name.startswith("S3KeySensor-") for name in names)


def test_flow_decorators_are_told_once(compiled: Compiled) -> None:
    assert [one.name for one in flow(compiled, "waiting").decorators] == ["project", "schedule"]


def test_exit_hooks_of_several_decorators_with_their_lines(compiled: Compiled) -> None:
    hooked = flow(compiled, "hooked")
    assert hooked.hooks == (
        Hook("basename", "error", line=14),
        Hook("page", "error", image="acme/tell:1", line=15),
        Hook("tell", "error", line=14),
        Hook("os.path.basename", "success", line=14),
        Hook("page", "success", image="acme/tell:1", line=15),
        Hook("tell", "success", image="acme/tell:1", line=15),
    )
    assert hooked.decorators == ()


def test_maps_of_a_pod_merge_by_key() -> None:
    kubernetes = {"image": "acme/base:1", "labels": {"team": "growth", "tier": "low"}, "node_selector": {"zone": "a"}}
    steps = {"fit": {"labels": {"tier": "high"}, "node_selector": {"zone": "b"}, "tolerations": []}}
    one = deployment("decorated.py", "merged", KUBERNETES, kubernetes=kubernetes, steps=steps)
    pods = {step.name: step.pod for step in flow(compile_flows([one]), "merged").steps}
    assert pods["end"]["labels"] == {"team": "growth", "tier": "low"}
    assert pods["fit"]["labels"] == {"team": "growth", "tier": "high"}
    assert pods["fit"]["node_selector"] == {"disk": "ssd", "zone": "b"}
    assert "tolerations" not in pods["fit"]
