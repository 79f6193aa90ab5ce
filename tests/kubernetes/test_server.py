"""The server of these tests by itself: what it makes of selectors, references, and a pod that is told to end."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.kubernetes.cluster import Kubernetes, running
from tests.kubernetes.containers import moved_to
from tests.kubernetes.expressions import expanded, matches

LABELS = {"a": "1", "b": "2"}


@pytest.mark.parametrize(
    ("selector", "fits"),
    [
        ("", True),
        ("a=1,b==2", True),
        ("a=1,b!=2", False),
        ("c!=3", True),
        ("!c", True),
        ("!a", False),
        ("a", True),
        ("c", False),
        ("a in (0, 1),b notin (3)", True),
        ("a notin (1)", False),
    ],
)
def test_selectors(selector: str, fits: bool) -> None:
    assert matches(selector, LABELS) is fits


@pytest.mark.parametrize(
    ("text", "value"),
    [("$(A)", "x"), ("$$(A)", "$(A)"), ("$$$(A)", "$x"), ("$(B) $A $", "$(B) $A $"), ("$(A", "$(A")],
)
def test_references(text: str, value: str) -> None:
    assert expanded(text, {"A": "x"}) == value


def test_without_namespaces_variables_lead_to_the_volumes() -> None:
    variables = {"FILE": "/airflow/xcom/return.json", "FOLDER": "/airflow/xcom", "OTHER": "/airflow/xcoms"}
    moved = {"FILE": "/v/return.json", "FOLDER": "/v", "OTHER": "/airflow/xcoms"}
    assert moved_to(variables, {"/airflow/xcom": Path("/v")}) == moved


def ended_with(cluster: Kubernetes, name: str) -> dict[str, Any]:
    """How the API says that a pod's container ended."""
    wait(cluster, name)
    (status,) = ask(cluster, "GET", f"/api/v1/namespaces/jobs/pods/{name}")["status"]["containerStatuses"]
    return dict(status["state"]["terminated"])


def test_a_container_leaves_a_message(tmp_path: Path) -> None:
    pods = "/api/v1/namespaces/jobs/pods"
    at = [{"name": "FILE", "value": "/dev/termination-log"}]
    there = [{"name": "FILE", "value": "/messages/last"}]
    falls_back = {"terminationMessagePolicy": "FallbackToLogsOnError"}
    long = "for i in $(seq 2000); do printf '%4d' $i; done"
    with running(tmp_path / "cluster", {}) as cluster:
        for name, script, container in (
            ("nothing", "echo said", {}),
            ("file", 'printf "the end" > "$FILE"', {"env": at}),
            ("other", 'printf "the end" > "$FILE"; exit 1', {"env": there, "terminationMessagePath": "/messages/last"}),
            ("long", f'{long} > "$FILE"', {"env": at}),
            ("failed", "echo said; exit 1", {}),
            ("log", "for i in $(seq 100); do echo $i; done; exit 1", falls_back),
            ("good", "echo said", falls_back),
        ):
            ask(cluster, "POST", pods, pod(name, script, **container))
        assert "message" not in ended_with(cluster, "nothing")
        assert ended_with(cluster, "file")["message"] == "the end"
        assert ended_with(cluster, "other")["message"] == "the end"
        message = ended_with(cluster, "long")["message"]
        assert (len(message), message[-4:]) == (4096, "2000")
        assert "message" not in ended_with(cluster, "failed")
        assert ended_with(cluster, "log")["message"] == "".join(f"{number}\n" for number in range(21, 101))
        assert "message" not in ended_with(cluster, "good")


def ask(cluster: Kubernetes, method: str, path: str, body: Any = None) -> Any:
    request = urllib.request.Request(f"{cluster.url}{path}", json.dumps(body).encode() if body else None, method=method)
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
        return json.load(answer)


def pod(name: str, script: str, **container: Any) -> dict[str, Any]:
    base = {"name": "base", "image": "any", "command": ["bash", "-c"], "args": [script], **container}
    metadata = {"name": name, "labels": {"name": name}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [base]}}


def wait(cluster: Kubernetes, name: str) -> dict[str, Any]:
    """The record of a pod whose process ended."""
    for _ in range(200):
        for record in cluster.recorded()["pods"]:
            if record["manifest"]["metadata"]["name"] == name and record["exit_code"] is not None:
                return dict(record)
        time.sleep(0.05)
    raise AssertionError(f"{name} did not end")


def test_a_pod_is_a_process(tmp_path: Path) -> None:
    pods = "/api/v1/namespaces/jobs/pods"
    variables = [
        {"name": "ONE", "value": "1"},
        {"name": "TEXT", "value": "$(ONE) $$(ONE) $(TWO)"},
        {"name": "ME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "key"}}},
    ]
    with running(tmp_path / "cluster", {"keys": {"key": "hidden"}}) as cluster:
        ask(cluster, "POST", pods, pod("says", "echo $TEXT, $ME, $KEY; exit 3", env=variables))
        ended = wait(cluster, "says")
        assert (ended["exit_code"], ended["log"]) == (3, "1 $(ONE) $(TWO), says, hidden\n")
        assert ask(cluster, "GET", f"{pods}/says")["status"]["phase"] == "Failed"
        handler = "trap 'echo told; exit 5' TERM; echo ready; while true; do sleep 0.05; done"
        ask(cluster, "POST", pods, pod("waits", handler))
        assert len(ask(cluster, "GET", f"{pods}?labelSelector=name%3Dwaits")["items"]) == 1
        time.sleep(0.5)
        ask(cluster, "DELETE", f"{pods}/waits")
        told = wait(cluster, "waits")
        assert (told["exit_code"], told["deleted"], told["log"]) == (5, True, "ready\ntold\n")
        with pytest.raises(urllib.error.HTTPError, match="400"):
            ask(cluster, "POST", pods, pod("wrong", "true", ports=[{"port": 1}]))
        (refused,) = cluster.recorded()["refused"]
        assert refused.startswith("wrong: ")
