"""Flows on a cluster: each step is a pod that really runs, and Metaflow's Client reads what it left in S3."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from tests.kubernetes.compared import comparable, variables_of
from tests.kubernetes.conftest import DAGS, FAILING, HOSTILE, LONG, SERVICE_HEADERS, TRIGGERED, Ran
from tests.s3 import CREDENTIALS

pytestmark = pytest.mark.airflow


def base(pod: Any) -> dict[str, Any]:
    """The container that runs the step."""
    return next(dict(one) for one in pod["manifest"]["spec"]["containers"] if one["name"] == "base")


def test_runs_succeed(ran: Ran) -> None:
    states = {flow: outcome["state"] for flow, outcome in ran.outcomes.items()}
    assert states == {flow: "failed" if flow in FAILING else "success" for flow in DAGS}
    successful = {flow: run["successful"] for flow, run in ran.runs.items()}
    assert successful == {flow: flow not in FAILING for flow in DAGS}


def test_the_server_understood_everything_it_was_asked(ran: Ran) -> None:
    """That is also: each manifest is valid by the schema that Kubernetes publishes."""
    assert ran.refused == []


class TestPods:
    def test_an_attempt_is_one_pod(self, ran: Ran) -> None:
        names = ("flow_name", "run_id", "step_name", "task_id", "attempt")
        attempts = Counter(
            tuple(pod["manifest"]["metadata"]["annotations"][f"metaflow/{name}"] for name in names) for pod in ran.pods
        )
        assert set(attempts.values()) == {1}
        pods = {flow: len(ran.pods_of(flow)) for flow in DAGS}
        assert pods == {"ShapedFlow": 3, "GraphFlow": 13, "AttemptsFlow": 5, "FailingFlow": 1, "ForbiddingFlow": 1}

    def test_each_pod_is_gone_when_its_task_is_done_unless_the_manifest_keeps_it(self, ran: Ran) -> None:
        kept = [pod["manifest"]["metadata"]["annotations"] for pod in ran.pods if not pod["deleted"]]
        steps = {(one["metaflow/flow_name"], one["metaflow/step_name"]) for one in kept}
        assert steps == {("ShapedFlow", "end"), ("FailingFlow", "start")}

    def test_no_secret_is_in_a_manifest(self, ran: Ran) -> None:
        text = json.dumps([pod["manifest"] for pod in ran.pods])
        assert base(ran.pods[0])["envFrom"] == [
            {"secretRef": {"name": "s3-credentials"}},
            {"secretRef": {"name": "shared-metadata"}},
        ]
        for secret in (CREDENTIALS["AWS_SECRET_ACCESS_KEY"], json.loads(SERVICE_HEADERS)["x-api-key"]):
            assert secret not in text
        assert "METAFLOW_SERVICE_HEADERS" not in text

    def test_no_pod_has_a_second_container(self, ran: Ran) -> None:
        """A foreach and a switch say what comes next in the termination message."""
        assert {len(pod["manifest"]["spec"]["containers"]) for pod in ran.pods} == {1}

    def test_a_step_has_the_pod_that_it_asked_for(self, ran: Ran) -> None:
        (pod,) = ran.pods_of("ShapedFlow", "shaped")
        labels = pod["manifest"]["metadata"]["labels"]
        assert (labels["team"], labels["app"], labels["task_id"]) == ("growth", "metaflow", "shaped")
        assert ran.pods_of("ShapedFlow", "end")[0]["manifest"]["metadata"]["labels"]["app"] == "shaped"
        container = base(pod)
        assert container["resources"]["requests"] == {"cpu": "2", "memory": "4096M", "ephemeral-storage": "10240M"}
        assert container["ports"] == [{"containerPort": 8080}]
        assert container["image"] == "registry.example/flows:1"
        assert pod["manifest"]["metadata"]["namespace"] == "jobs"

    def test_what_was_checked_is_what_ran(self, ran: Ran) -> None:
        """Each pod that the apply asked the cluster about was sent by the operator, but for what a run adds."""
        assert ran.checked
        for checked in ran.checked:
            labels = checked["metadata"]["labels"]
            task = {name: labels[name] for name in ("dag_id", "task_id")}
            sent = [
                pod["manifest"] for pod in ran.pods if task.items() <= pod["manifest"]["metadata"]["labels"].items()
            ]
            assert sent, task
            assert [comparable(pod) for pod in sent] == [comparable(checked)] * len(sent)
            assert set(variables_of(checked)) <= set(variables_of(sent[0]))

    def test_volumes_are_where_the_step_looks(self, ran: Ran) -> None:
        shaped = ran.artifacts("ShapedFlow", "shaped")
        if not shaped["tempdir"].endswith("/volumes/tmpfs-ephemeral-volume"):  # where no process can have mounts
            assert (shaped["tempdir"], shaped["scratch_is_mounted"]) == ("/scratch", True)
            assert shaped["shared_memory_is_mounted"]
        (pod,) = ran.pods_of("ShapedFlow", "shaped")
        sizes = {volume["name"]: volume["emptyDir"] for volume in pod["manifest"]["spec"]["volumes"]}
        assert sizes == {
            "tmpfs-ephemeral-volume": {"medium": "Memory", "sizeLimit": "64Mi"},
            "dhsm": {"medium": "Memory", "sizeLimit": "32Mi"},
        }

    def test_the_tmpfs_of_a_manifest_is_that_of_the_decorator_in_the_code(self, ran: Ran) -> None:
        end = ran.artifacts("ShapedFlow", "end")
        assert end["tempdir"] == "/from-manifest"
        assert end["tmpfs_is_mounted"] or not ran.artifacts("ShapedFlow", "shaped")["scratch_is_mounted"]

    def test_nothing_is_installed_where_it_is_there(self, ran: Ran) -> None:
        """The image of these tests has no pip."""
        assert {pod["exit_code"] for pod in ran.pods_of("GraphFlow")} == {0}
        assert not [pod for pod in ran.pods if "No module named pip" in pod["log"]]


class TestGraph:
    def test_a_foreach_has_a_pod_for_each_item(self, ran: Ran) -> None:
        words = {task["index"]: task["artifacts"]["word"] for task in ran.tasks("GraphFlow", "upper")}
        assert words == {0: "A", 1: "B"}
        assert ran.states("GraphFlow")["upper"] == ["success"] * 2

    def test_a_body_of_several_steps_stays_with_its_item(self, ran: Ran) -> None:
        assert sorted(task["artifacts"]["number"] for task in ran.tasks("GraphFlow", "add")) == [20, 41]

    def test_branches_come_together(self, ran: Ran) -> None:
        end = ran.artifacts("GraphFlow", "end")
        assert (end["text"], end["sum"]) == ("AB", 61)
        assert end["run"] == ran.runs["GraphFlow"]["id"]


class TestValues:
    def test_parameters_arrive_unchanged(self, ran: Ran) -> None:
        start = ran.artifacts("ShapedFlow", "start")
        assert {name: start[name] for name in TRIGGERED} == TRIGGERED
        assert start["size"] == len(LONG) > 100_000

    def test_a_name_that_is_no_parameter_starts_no_pod(self, ran: Ran) -> None:
        assert ran.misspelt["state"] == "failed"
        message = "the run was given a value for 'titel', and ShapedFlow has no such parameter: did you mean 'title'?"
        assert message in ran.log
        assert len(ran.pods_of("ShapedFlow", "start")) == 1

    def test_the_environment_of_a_step_arrives_unchanged(self, ran: Ran) -> None:
        plain = "$(HOME) $$ $(id) `id` 'it\"s' \\ {{ ds }}\nä漢"
        assert ran.artifacts("ShapedFlow", "shaped")["plain"] == plain

    def test_a_pod_knows_itself(self, ran: Ran) -> None:
        (pod,) = ran.pods_of("ShapedFlow", "start")
        variables = ran.artifacts("ShapedFlow", "start")["variables"]
        assert variables["METAFLOW_KUBERNETES_POD_NAME"] == pod["manifest"]["metadata"]["name"]
        assert variables["METAFLOW_KUBERNETES_NAMESPACE"] == "jobs"
        metadata = dict(ran.tasks("ShapedFlow", "start")[0]["metadata"])
        assert metadata["kubernetes-pod-name"] == pod["manifest"]["metadata"]["name"]

    def test_the_script_of_the_settings_is_run_first(self, ran: Ran) -> None:
        assert ran.artifacts("ShapedFlow", "start")["variables"]["PREPARED"] == "it's start, 42"

    def test_project_and_config_reach_the_pods(self, ran: Ran) -> None:
        start = ran.artifacts("AttemptsFlow", "start")
        assert start["rate"] == 0.5
        assert start["project"] == ["growth", "test.pods", "growth.test.pods.AttemptsFlow"]
        assert {"project:growth", "project_branch:test.pods"} <= set(ran.runs["AttemptsFlow"]["tags"])
        assert "examples" in ran.runs["AttemptsFlow"]["user_tags"]


class TestFailures:
    def test_attempts_are_airflows(self, ran: Ran) -> None:
        pods = ran.pods_of("AttemptsFlow", "start")
        attempts = [pod["manifest"]["metadata"]["annotations"]["metaflow/attempt"] for pod in pods]
        assert (attempts, [pod["exit_code"] for pod in pods]) == (["0", "1"], [128 + 9, 0])
        (start,) = ran.tasks("AttemptsFlow", "start")
        assert start["attempt"] == start["artifacts"]["attempt"] == 1

    def test_catch_records_what_never_works(self, ran: Ran) -> None:
        assert "this never works" in ran.artifacts("AttemptsFlow", "end")["seen"]
        assert [pod["exit_code"] for pod in ran.pods_of("AttemptsFlow", "hopeless")] == [1, 0]

    def test_an_exit_code_forbids_retries(self, ran: Ran) -> None:
        assert ran.states("ForbiddingFlow")["start"] == ["failed"]
        assert [pod["exit_code"] for pod in ran.pods_of("ForbiddingFlow")] == [202]
        assert "step start ended with exit code 202, by which Metaflow forbids a retry" in ran.log

    def test_a_timeout_is_armed(self, ran: Ran) -> None:
        assert 0 < ran.artifacts("ShapedFlow", "shaped")["alarm"] <= 180

    def test_logs_of_a_failed_step_are_in_airflow_and_in_metaflow(self, ran: Ran) -> None:
        (start,) = ran.tasks("FailingFlow", "start")
        assert "said before the end" in start["stdout"]
        assert "complained before the end" in start["stderr"]
        assert "KeyError: 'nothing is there'" in start["stderr"]
        for said in ("said before the end", "complained before the end", "KeyError: 'nothing is there'"):
            assert said in ran.log
        assert "returned a failure" in ran.log

    def test_the_error_and_what_to_do_come_before_airflows_own(self, ran: Ran) -> None:
        run = ran.runs["FailingFlow"]["id"]
        log = ran.log[ran.log.index(f"FailingFlow/{run}/start/") :]
        lines = (
            ", attempt 1, ",
            "The task fails: step start raised KeyError: 'nothing is there'",
            "Step start failed. This resumes the run on your machine:",
            f"resume --origin-run-id {run}",
            "returned a failure",
        )
        places = [log.index(line) for line in lines]
        assert places == sorted(places)

    def test_logs_of_a_killed_step_are_kept(self, ran: Ran) -> None:
        (start,) = ran.tasks("AttemptsFlow", "start")
        (first,) = start["earlier"]
        assert "attempt 0" in first["stdout"]
        assert "Setting up task environment." in first["stdout"]
        assert "too early" in first["stderr"]

    def test_logs_are_as_they_were_said(self, ran: Ran) -> None:
        (start,) = ran.tasks("ShapedFlow", "start")
        assert f"title is {HOSTILE}" in start["stdout"]
        assert start["stderr"] == ""
