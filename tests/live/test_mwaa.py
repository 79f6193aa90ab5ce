"""An Airflow behind Amazon MWAA: its service carries each request, and wraps each answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from deployer.manifest.airflow_keys import AirflowAccess
from deployer.models.live import LiveError, NotAllowedError, UnknownError
from deployer.models.waiting import WaitPolicy
from deployer.orchestrators.airflow.live.access import connect
from deployer.orchestrators.airflow.live.client import LiveAirflow
from tests.live.stand_in import Reply, Request, StandIn, standing_in

DAG = {"dag_id": "a", "is_paused": True, "doc_md": "Version `0123456789ab`\n"}
# The shapes of botocore's model of the service: `GetEnvironment` and `InvokeRestApi`.
HOST = "abc.airflow.eu-west-1.on.aws"
ENVIRONMENT = {"Environment": {"Name": "jobs", "WebserverUrl": HOST, "AirflowVersion": "3.0.6"}}


class Mwaa:
    """The service, in front of an Airflow 3: `answers` by method and path."""

    def __init__(self) -> None:
        self.answers: dict[tuple[str, str], tuple[int, Any]] = {
            ("GET", "/version"): (200, {"version": "3.0.6"}),
            ("GET", "/dags/a/details"): (200, DAG),
            ("PATCH", "/dags/a"): (200, DAG),
            ("GET", "/dags/b/details"): (404, {"detail": "no DAG"}),
            ("GET", "/dags/c/details"): (403, {"detail": "Forbidden"}),
            ("GET", "/dags/d/details"): (500, {"title": "Internal"}),
            ("GET", "/dags/d"): (200, DAG),
        }
        self.given: list[dict[str, Any]] = []

    def answer(self, request: Request) -> Reply:
        if request.path == "/environments/jobs":
            return Reply(200, ENVIRONMENT)
        if request.path.startswith("/environments/"):
            error = {"message": "no such environment"}
            return Reply(404, error, {"x-amzn-ErrorType": "ResourceNotFoundException"})
        assert request.path == "/restapi/jobs"
        assert request.headers["Authorization"].startswith("AWS4-HMAC-SHA256 ")
        self.given.append(request.body)
        status, data = self.answers.get((request.body["Method"], request.body["Path"]), (404, {"detail": "no page"}))
        wrapped = {"RestApiStatusCode": status, "RestApiResponse": data}
        if status < 400:
            return Reply(200, wrapped)
        kind = "RestApiClientException" if status < 500 else "RestApiServerException"
        return Reply(400, wrapped, {"x-amzn-ErrorType": kind})


@pytest.fixture
def mwaa(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Mwaa, StandIn]]:
    service = Mwaa()
    with standing_in(service.answer, None) as server:
        for name, value in {
            "AWS_ENDPOINT_URL_MWAA": server.url,
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": "eu-west-1",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
            "AWS_CONFIG_FILE": "/nonexistent",
        }.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("AWS_PROFILE", raising=False)
        yield service, server


def airflow(name: str = "jobs") -> LiveAirflow:
    return connect(AirflowAccess(mwaa=name), WaitPolicy(5))


def test_requests_are_carried(mwaa: tuple[Mwaa, StandIn]) -> None:
    service, _ = mwaa
    live = airflow()
    found = live.deployment("a")
    assert found is not None
    assert (found.version, found.paused) == ("0123456789ab", True)
    live.pause("a", paused=False)
    assert live.page("a") == f"https://{HOST}/dags/a"
    assert service.given[-1] == {"Path": "/dags/a", "Method": "PATCH", "Body": {"is_paused": False}}


def test_refusals_are_those_of_airflow(mwaa: tuple[Mwaa, StandIn]) -> None:
    live = airflow()
    assert live.deployment("b") is None
    with pytest.raises(NotAllowedError, match="the account may not read the DAG c: Forbidden"):
        live.deployment("c")
    with pytest.raises(LiveError, match="does not read the DAG d: 500: Internal"):
        live.deployment("d")
    with pytest.raises(UnknownError):
        live.run("a", "r")


def test_an_airflow_2_has_the_other_dialect(mwaa: tuple[Mwaa, StandIn]) -> None:
    service, _ = mwaa
    service.answers["GET", "/version"] = (200, {"version": "2.10.3"})
    service.answers["POST", "/dags/a/dagRuns"] = (200, {"dag_run_id": "r", "state": "queued"})
    airflow().start("a", "r", {"x": 1})
    assert service.given[-1]["Body"] == {"dag_run_id": "r", "conf": {"x": 1}}


def test_an_environment_that_does_not_exist(mwaa: tuple[Mwaa, StandIn]) -> None:
    with pytest.raises(LiveError, match=r"MWAA environment jabs: .*no such environment") as caught:
        airflow("jabs")
    assert "airflow:GetEnvironment" in caught.value.hint
