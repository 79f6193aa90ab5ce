"""Production tokens: where they are kept, what they look like, and that Metaflow finds runs by them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from deployer.errors import DeployError
from deployer.models.deployment import Deployment
from deployer.models.flow import Package
from tests.compiler.by_hand import Operator
from tests.compiler.compiling import KUBERNETES, deployment, local
from tests.compiling import build_packages, compile_flows

TOKENS = Path(".metaflow", "mf.airflow")


def _build(*deployments: Deployment, dag_id: str = "LinearFlow", user: str = "ann", upload: bool = True) -> Package:
    names = {one.address: dag_id for one in deployments}
    packages = build_packages(deployments, upload=upload, user=user, dag_ids=names)
    return packages[deployments[0].address]


def test_a_new_name_gets_the_token_that_metaflow_would_make(tmp_path: Path) -> None:
    from metaflow.plugins.aws.step_functions.production_token import new_token

    package = _build(deployment("linear.py", environment=local(tmp_path)), dag_id="LinearFlow.dev")
    token = package.environment["METAFLOW_PRODUCTION_TOKEN"]
    assert token == new_token("linearflow.dev")
    assert package.namespace == f"production:{token}"
    kept = json.loads((tmp_path / TOKENS / "LinearFlow.dev").read_text())
    assert kept == {"production_token": token, "owner": "ann"}


def test_a_token_is_kept_whoever_applies_again(tmp_path: Path) -> None:
    one = deployment("linear.py", environment=local(tmp_path))
    first = _build(one)
    before = (tmp_path / TOKENS / "LinearFlow").read_text()
    assert _build(one, user="bob").namespace == first.namespace
    assert (tmp_path / TOKENS / "LinearFlow").read_text() == before


def test_a_token_of_the_stock_command_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / TOKENS / "LinearFlow"
    path.parent.mkdir(parents=True)
    path.write_text('{"production_token": "linearflow-3-zzzz", "owner": "eve"}')
    assert _build(deployment("linear.py", environment=local(tmp_path))).namespace == "production:linearflow-3-zzzz"


def test_the_flows_of_a_project_branch_share_a_prefix(tmp_path: Path) -> None:
    one = deployment("decorated.py", environment=local(tmp_path))
    package = _build(one, dag_id="growth.test.dev.DecoratedFlow")
    # What `airflow create` makes of this project and branch.
    assert package.namespace.startswith("production:mfprj-lrxjykel5eerjgrl-0-")
    again = _build(one, dag_id="growth.test.dev.OtherFlow")
    assert again.namespace == package.namespace


def test_without_an_upload_nothing_is_read_or_written(tmp_path: Path) -> None:
    package = _build(deployment("linear.py", environment=local(tmp_path / "store")), upload=False)
    assert package.environment["METAFLOW_PRODUCTION_TOKEN"] == "(known at apply)"
    assert not (tmp_path / "store").exists()
    # There is no such bucket: nobody looked for a token there.
    one = deployment("linear.py", environment=KUBERNETES, kubernetes={"image": "acme/base:1"})
    assert _build(one, upload=False).environment["METAFLOW_PRODUCTION_TOKEN"] == "(known at apply)"


def test_a_token_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    path = tmp_path / TOKENS / "LinearFlow"
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    with pytest.raises(DeployError) as refused:
        _build(deployment("linear.py", environment=local(tmp_path)))
    [problem] = refused.value.diagnostics
    assert problem.code == "token-failed"
    assert str(path) in problem.message


@pytest.mark.parametrize("token", [pytest.param("a\0b", id="null"), pytest.param("x" * 1_000_000, id="long")])
def test_a_token_that_is_no_name_is_neither_taken_nor_kept(token: str, tmp_path: Path) -> None:
    path = tmp_path / TOKENS / "LinearFlow"
    path.parent.mkdir(parents=True)
    one = deployment("linear.py", environment=local(tmp_path))
    names, deployed = {one.address: "LinearFlow"}, {one.address: token}
    [package] = build_packages([one], upload=True, user="ann", dag_ids=names, tokens=deployed).values()
    assert package.namespace.startswith("production:linearflow-0-")
    path.write_text(json.dumps({"production_token": token, "owner": "eve"}))
    with pytest.raises(DeployError, match=r"the production token of LinearFlow in .* is not a valid name"):
        _build(one)


def test_runs_are_found_by_their_namespace(tmp_path: Path) -> None:
    one = deployment("linear.py", environment=local(tmp_path / "datastore"))
    package = _build(one)
    operator = Operator(compile_flows([one]).flows[one.address], package, tmp_path / "work")
    assert operator.task("start", parameters={"needed": 1}).returncode == 0
    assert operator.task("end", operator.path("start")).returncode == 0
    code = (
        "import sys; from metaflow import Flow, namespace; namespace(sys.argv[1]); "
        "run = Flow('LinearFlow').latest_successful_run; print(run.id, sys.argv[1] in run.tags, run['end'].task.id)"
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith("METAFLOW_")}
    settings = {"METAFLOW_DATASTORE_SYSROOT_LOCAL": str(tmp_path / "datastore"), "METAFLOW_USER": "reader"}

    def ask(namespace: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", code, namespace]
        return subprocess.run(command, env={**kept, **settings}, cwd=tmp_path, capture_output=True, text=True)

    found = ask(package.namespace)
    assert found.stdout.split() == [operator.run, "True", "end"], found.stderr
    assert "not in namespace" in ask("production:other-0-abcd").stderr
