"""Each answer that an Airflow, or what stands in front of it, may give is told in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from deployer.models.live import LiveError, LiveTask, NotAllowedError, UnknownError
from deployer.models.waiting import WaitPolicy
from deployer.orchestrators.airflow.live.client import LiveAirflow
from deployer.orchestrators.airflow.live.login import BearerLogin, GoogleLogin, PasswordLogin
from deployer.orchestrators.airflow.live.transport import HttpTransport
from tests.live.stand_in import Reply, Request, StandIn, standing_in

DAG = {"dag_id": "a", "is_paused": False, "doc_md": "Trains.\n\nVersion `0123456789ab`\n", "file_token": "t"}


def airflow(server: StandIn, path: str = "", budget: float = 20, token: str = "secret-token") -> LiveAirflow:
    return LiveAirflow(HttpTransport(server.url + path, BearerLogin(token), WaitPolicy(budget)))


def asked(reply: Reply, ask: Callable[[LiveAirflow], Any], budget: float = 20) -> str:
    """What is said of an answer."""
    with standing_in(lambda _: reply) as server, pytest.raises(LiveError) as caught:
        ask(airflow(server, budget=budget))
    assert "secret-token" not in str(caught.value) + caught.value.hint
    return f"{type(caught.value).__name__}: {str(caught.value).replace(server.url, 'URL')}"


def deployment(live: LiveAirflow) -> Any:
    return live.deployment("a")


LOGIN = "NotAllowedError: Airflow at URL does not accept the login: Invalid JWT"
RIGHTS = "NotAllowedError: Airflow at URL: the account may not read the DAG a: Forbidden"
ERROR = "LiveError: Airflow at URL does not read the DAG a: "
PAGE = "LiveError: Airflow at URL answers with a page (%d) when asked to read the DAG a"
REFUSALS = [
    (Reply(401, {"detail": "Invalid JWT"}), LOGIN),
    (Reply(403, {"detail": "Forbidden"}), RIGHTS),
    (Reply(422, {"detail": [{"loc": ["body", "x"], "msg": "missing"}]}), f"{ERROR}422: x: missing"),
    (Reply(500, {"title": "Internal", "detail": None}), f"{ERROR}500: Internal"),
    (Reply(418, {"detail": {"reason": "x", "message": "teapot"}}), f"{ERROR}418: teapot"),
    (Reply(200, "<html>Sign in</html>"), PAGE % 200),
    (Reply(302, "", {"Location": "/login"}), PAGE % 302),
]


@pytest.mark.parametrize(("reply", "told"), REFUSALS)
def test_a_refusal_is_told_in_words(reply: Reply, told: str) -> None:
    assert asked(reply, deployment) == told


def test_what_is_not_known_is_none_or_an_error() -> None:
    with standing_in(lambda _: Reply(404, {"detail": "not found"})) as server:
        live = airflow(server)
        assert live.deployment("a") is None
        with pytest.raises(UnknownError, match="cannot read the run r of a: it does not know that: not found"):
            live.run("a", "r")
        live.forget("a")  # that it is gone is what was asked for


@pytest.mark.parametrize("bad", [Reply(429), Reply(503, "<html>"), Reply(200, DAG, cut=True)])
def test_reading_is_repeated(bad: Reply) -> None:
    replies = [bad, Reply(200, DAG)]
    with standing_in(lambda _: replies.pop(0)) as server:
        found = airflow(server).deployment("a")
    assert found is not None
    assert found.version == "0123456789ab"


@pytest.mark.parametrize("bad", [Reply(503, {"detail": "busy"}), Reply(200, {}, cut=True)])
def test_writing_is_not(bad: Reply) -> None:
    with standing_in(lambda _: bad) as server:
        live = airflow(server)
        with pytest.raises(LiveError):
            live.pause("a", paused=True)
        assert server.paths("PATCH") == ["/api/v2/dags/a"]


def test_no_answer_at_all_ends_by_the_budget() -> None:
    told = asked(Reply(silent=True), deployment, budget=0.3)
    assert told.startswith("LiveError: no answer from Airflow at URL")


def test_nobody_there() -> None:
    with standing_in(lambda _: Reply()) as server:
        pass
    with pytest.raises(LiveError, match="no answer from Airflow at"):
        airflow(server, budget=0.3).product()


def test_another_server() -> None:
    def answers(_: Request) -> Reply:
        return Reply(404, {"error": "not here"})

    with standing_in(answers, None) as server, pytest.raises(LiveError, match="there is no Airflow at"):
        airflow(server, "/x").import_errors()


def test_the_path_of_the_address_is_kept() -> None:
    with standing_in(lambda _: Reply(200, DAG)) as server:
        live = airflow(server, "/dyyyy/")
        live.deployment("a b/c")
        assert server.paths() == ["/dyyyy/api/v2/version", "/dyyyy/api/v2/dags/a%20b%2Fc/details"]
        assert live.page("a b") == f"{server.url}/dyyyy/dags/a%20b"


def logging_in(tokens: list[str]) -> Callable[[Request], Reply]:
    """An Airflow 3 whose tokens expire: only the last one that it gave is good."""

    def answers(request: Request) -> Reply:
        if request.path == "/auth/token":
            if request.body != {"username": "ada", "password": "pw"}:
                return Reply(401, {"detail": "Invalid credentials"})
            tokens.append(f"token{len(tokens)}")
            return Reply(201, {"access_token": tokens[-1]})
        good = request.headers.get("Authorization") == f"Bearer {tokens[-1]}" if tokens else False
        return Reply(200, DAG) if good else Reply(401, {"detail": "expired"})

    return answers


def test_a_token_that_expires_is_renewed() -> None:
    tokens: list[str] = []
    with standing_in(logging_in(tokens)) as server:
        live = LiveAirflow(HttpTransport(server.url, PasswordLogin("ada", "pw")))
        assert live.deployment("a")
        tokens.append("another")  # the first one is good no more
        assert live.deployment("a")
        assert len(server.paths("POST")) == 2


def test_a_wrong_password_is_told_and_not_repeated() -> None:
    with standing_in(logging_in([])) as server:
        live = LiveAirflow(HttpTransport(server.url, PasswordLogin("ada", "hunter2")))
        with pytest.raises(NotAllowedError, match="refuses the user 'ada' and the password") as caught:
            live.deployment("a")
        assert "hunter2" not in str(caught.value) + caught.value.hint


def test_airflow_2_gets_user_and_password_with_each_request() -> None:
    def answers(request: Request) -> Reply:
        if request.path == "/auth/token":
            return Reply(404, "<html>")
        return (
            Reply(200, {"dag_id": "a", "is_active": True, "fileloc": "/dags/a.py"})
            if request.path.startswith("/api/v1/")
            else Reply(404, "<html>")
        )

    with standing_in(answers, {"version": "2.11.2"}) as server:
        live = LiveAirflow(HttpTransport(server.url, PasswordLogin("ada", "pw")))
        found = live.deployment("a")
        assert found is not None
        assert (found.stale, found.file, found.version) == (False, "/dags/a.py", None)
        assert server.asked[-1].headers["Authorization"] == "Basic YWRhOnB3"
        assert live.page("a", "r 1") == f"{server.url}/dags/a/grid?dag_run_id=r%201"


def test_google_gives_another_token_once_one_is_refused() -> None:
    given = iter(["old", "new"])

    def answers(request: Request) -> Reply:
        return Reply(200, DAG) if request.headers["Authorization"] == "Bearer new" else Reply(401)

    with standing_in(answers) as server:
        assert LiveAirflow(HttpTransport(server.url, GoogleLogin(lambda: next(given)))).deployment("a")


def test_the_same_run_id_starts_nothing_new() -> None:
    run = {"dag_run_id": "r", "state": "running", "run_type": "manual"}

    def answers(request: Request) -> Reply:
        return Reply(409, {"detail": "unique"}) if request.method == "POST" else Reply(200, run)

    with standing_in(answers) as server:
        assert airflow(server).start("a", "r", {}).state == "running"


def test_tasks_come_in_pages() -> None:
    everything = [{"task_id": "fit", "map_index": index, "state": "success", "try_number": 1} for index in range(250)]

    def answers(request: Request) -> Reply:
        offset = int(dict(part.split("=") for part in request.query.split("&"))["offset"])
        return Reply(200, {"task_instances": everything[offset : offset + 100]})

    with standing_in(answers) as server:
        assert [task.index for task in airflow(server).tasks("a", "r")] == list(range(250))


def test_a_retry_names_each_item() -> None:
    with standing_in(lambda _: Reply(200, {"task_instances": [{}, {}]})) as server:
        tasks = [LiveTask("fit", 3, "failed", 1), LiveTask("end", -1, "failed", 1)]
        assert airflow(server).retry("a", "r", tasks) == 2
        body = server.asked[-1].body
    assert body["task_ids"] == [["fit", 3], "end"]
    assert (body["dry_run"], body["include_downstream"], body["only_failed"]) == (False, True, False)


def test_an_answer_without_end_is_given_up() -> None:
    with (
        standing_in(lambda _: Reply(200, "x" * (65 * 1024 * 1024))) as server,
        pytest.raises(LiveError, match="64 MiB"),
    ):
        airflow(server).import_errors()
