"""The same flows as processes of the worker and as pods: sensors, packages, secrets and cards."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import tarfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from tests.computes.conftest import BUCKETS, CREDENTIALS, DAGS, PASSWORD, SERVICE_KEY, Aws, Ran

pytestmark = [
    pytest.mark.airflow,
    # Twelve DAGs on three environments take minutes; what each shows on its own is also shown by shorter tests.
    pytest.mark.skipif(not os.environ.get("MFDEPLOY_CONFORMANCE"), reason="make conformance runs it"),
]
BOTH = ("worker", "pods")
ALL = ("laptop", *BOTH)


def test_runs_end_as_they_should(ran: Ran) -> None:
    states = {dag: outcome["state"] for dag, outcome in ran.outcomes.items()}
    assert states == {dag: "failed" if dag == "LateFlow.worker" else "success" for dag in DAGS}


class TestSensors:
    @pytest.mark.parametrize("environment", BOTH)
    def test_a_run_waits_for_a_dag_a_task_and_keys(self, ran: Ran, environment: str) -> None:
        tasks = ["late", "loads", "of-the-day", "only", "only-of-loads"]
        assert ran.states(f"WaitingFlow.{environment}") == dict.fromkeys(tasks, "success")
        assert ran.task(f"WaitingFlow.{environment}", "only")["artifacts"]["waited"]

    def test_a_key_that_is_not_there_yet_is_asked_for_again(self, ran: Ran) -> None:
        assert [path.rpartition("/")[2] for path in ran.missed] == ["WaitingFlow.worker", "WaitingFlow.pods"]

    def test_what_never_comes_fails_the_run_before_its_first_step(self, ran: Ran) -> None:
        assert ran.states("LateFlow.worker") == {
            "never": "failed",
            "start": "upstream_failed",
            "end": "upstream_failed",
        }
        assert "LateFlow" not in ran.flows or not ran.flows["LateFlow"]

    def test_a_soft_failure_skips_the_run(self, ran: Ran) -> None:
        states = ran.states("OptionalFlow.worker")
        assert states.pop("there") == "success"
        assert set(states.values()) == {"skipped"} and len(states) == 5


class TestPackages:
    @pytest.mark.parametrize("environment", BOTH)
    def test_each_step_runs_with_its_packages(self, ran: Ran, environment: str) -> None:
        start, fit = (ran.task(f"PackagedFlow.{environment}", step)["artifacts"] for step in ("start", "fit"))
        assert {"numpy-1.26.4-0.conda", "python-3.11.7-0.conda"} <= set(start["packages"])
        assert set(fit["packages"]) - set(start["packages"]) == {"pandas-2.2.0-0.conda"}
        assert Path(start["prefix"]).name != Path(fit["prefix"]).name

    @pytest.mark.parametrize("environment", BOTH)
    def test_a_step_without_packages_runs_with_the_interpreter_that_is_there(self, ran: Ran, environment: str) -> None:
        assert ran.task(f"PackagedFlow.{environment}", "end")["artifacts"]["plain"] is True

    @pytest.mark.parametrize("environment", BOTH)
    def test_wheels_are_installed_on_top(self, ran: Ran, environment: str) -> None:
        assert (
            "tiny_thing-1.0-py3-none-any.whl" in ran.task(f"WheelsFlow.{environment}", "only")["artifacts"]["packages"]
        )

    @pytest.mark.parametrize("environment", BOTH)
    def test_the_id_in_the_dag_is_that_in_the_code_package(self, ran: Ran, aws: Aws, environment: str) -> None:
        ids = {
            Path(ran.task(f"PackagedFlow.{environment}", step)["artifacts"]["prefix"]).name for step in ("start", "fit")
        }
        text = (ran.project.dags / f"PackagedFlow.{environment}.py").read_text()
        assert all(f'metaflow.plugins.pypi.bootstrap "PackagedFlow" {one}' in text for one in ids)
        manifest = environments_in(package_of(aws, text))
        assert set(manifest) == ids
        urls = {package["url"] for one in manifest.values() for package in one["linux-64"]["conda"]}
        assert "https://conda.example/conda-forge/linux-64/numpy-1.26.4-0.conda" in urls

    def test_the_packages_are_in_the_datastore(self, ran: Ran, aws: Aws) -> None:
        names = {Path(key).name for key in aws.stored() if "/conda/" in key}
        assert {"numpy-1.26.4-0.conda", "pandas-2.2.0-0.conda", "tiny_thing-1.0-py3-none-any.whl"} <= names

    def test_nothing_is_left_where_the_flows_are(self, ran: Ran) -> None:
        below = {path.name for path in (ran.project.folder / "deployments").rglob("*")}
        assert not {".metaflow", "conda.manifest"} & below
        assert not Path("/nonexistent").exists()

    def test_a_plan_after_it_is_empty(self, ran: Ran, solver: Path) -> None:
        before = (solver.parent / "root" / "calls.log").read_text()
        done = ran.project.run("plan", "--format", "json", timeout=900)
        assert SERVICE_KEY not in done.stdout + done.stderr
        plan = json.loads(done.stdout)
        assert {change["action"] for change in plan["changes"]} == {"none"}
        assert (solver.parent / "root" / "calls.log").read_text() == before


class TestSecrets:
    @pytest.mark.parametrize("environment", ALL)
    def test_a_step_gets_its_secrets(self, ran: Ran, environment: str) -> None:
        start = ran.task(f"GuardedFlow.{environment}")["artifacts"]
        assert (start["inline"], start["digest"]) == ("open sesame", hashlib.sha256(PASSWORD.encode()).hexdigest())
        assert ran.task(f"GuardedFlow.{environment}", "end")["artifacts"]["gone"] is True

    def test_no_credential_is_in_a_dag_a_manifest_of_a_pod_or_a_log(self, ran: Ran) -> None:
        dags = [path.read_text() for path in sorted(ran.project.dags.rglob("*")) if path.is_file()]
        assert len(dags) >= len(DAGS)
        for secret in (CREDENTIALS["AWS_SECRET_ACCESS_KEY"], SERVICE_KEY, PASSWORD):
            for text in (*dags, ran.said, ran.pods):
                assert secret not in text


class TestCards:
    @pytest.mark.parametrize("environment", ALL)
    def test_a_card_is_in_the_datastore(self, ran: Ran, environment: str) -> None:
        [html] = ran.task(f"GuardedFlow.{environment}")["cards"]
        # The page draws itself from its data, which is in it as JSON in base64.
        texts = re.findall(r'"([A-Za-z0-9+/]{100,})={0,2}"', html)
        data = [base64.b64decode(text + "=" * (-len(text) % 4)) for text in texts if len(text) % 4 != 1]
        assert any(b"Forty-two orders" in each for each in data)


def package_of(aws: Aws, dag: str) -> bytes:
    """The code package that a DAG file names."""
    url = next(line.split('"')[3] for line in dag.splitlines() if line.strip().startswith('"METAFLOW_CODE_URL"'))
    body = aws.client("s3").get_object(Bucket=BUCKETS[0], Key=url.split("/", 3)[3])["Body"]
    return bytes(body.read())


def environments_in(package: bytes) -> dict[str, Any]:
    with tarfile.open(fileobj=BytesIO(package), mode="r:gz") as archive:
        name = next(name for name in archive.getnames() if name.endswith("conda.manifest"))
        member = archive.extractfile(name)
        assert member is not None
        return dict(json.load(member))
