"""`mfdeploy apply` where Metaflow's datastore is in Google Cloud Storage or in Azure, and tasks that start there."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from deployer.models.deployment import Compute, DatastoreType, Environment, ResolvedPath
from tests.clouds import BUCKET, STORES, Store
from tests.compiler.by_hand import Operator
from tests.compiler.compiling import deployment
from tests.compiling import build_packages, compile_flows
from tests.e2e.project import OFFLINE, Project
from tests.sources import two_steps
from tests.targets.wire import Answer

MANIFEST = """version: 1
project: growth
environments:
  prod:
    production: true
    target: ../build/dags
    compute: local
    datastore: {root}
    metaflow: {settings}
flows:
  one: {{file: one/one.py}}
  two: {{file: two/two.py}}
  again: {{file: one/one.py, dag_id: Again}}
"""
LOCAL = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
WHERE = "deployments/m.yaml:8:16: error: environments.prod.datastore: code packages cannot be stored in"


@pytest.fixture(scope="module", params=sorted(STORES))
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with STORES[request.param](tmp_path_factory.mktemp(request.param)) as store:
        yield store


@pytest.fixture
def store(running: Store) -> Store:
    running.wire.requests.clear()
    running.wire.spoilers.clear()
    return running


@pytest.fixture
def project(tmp_path: Path, store: Store) -> Project:
    manifests = tmp_path / "deployments"
    manifests.mkdir()
    root = f"{store.root}/{tmp_path.name}"
    manifests.joinpath("m.yaml").write_text(MANIFEST.format(root=root, settings=json.dumps(dict(store.settings))))
    for name in ("one", "two"):
        (manifests / name).mkdir()
        (manifests / name / f"{name}.py").write_text(two_steps(f"{name.title()}Flow"))
    return Project(tmp_path, tmp_path / "home", variables={**OFFLINE, **LOCAL, **store.variables})


def error_of(project: Project) -> str:
    done = project.run("apply", "--env", "prod", "--yes")
    assert done.returncode == 1, done.stdout + done.stderr
    [line] = [line for line in done.stderr.splitlines() if ": error: " in line]
    assert not list(project.dags.glob("*.py"))
    return line


def test_packages_are_stored_once_and_before_any_dag(project: Project, store: Store) -> None:
    dags: list[Path] = []
    store.wire.spoilers.append(lambda method, path: dags.extend(project.dags.glob("*.py")))
    project.do("apply", "--env", "prod", "--yes")
    assert dags == []
    # Of two flows, one of them twice; and a token for each DAG.
    assert len(store.wire.seen(*store.upload)) == 2 + 3
    tokens = {path.stem: production_token(path) for path in project.dags.glob("*.py")}
    assert sorted(tokens) == ["Again", "OneFlow", "TwoFlow"]
    assert project.pending(env="prod") == {}

    # Changed in its settings, the code as it was: nothing is stored again, and the token is kept.
    project.edit("m.yaml", "{file: two/two.py}", "{file: two/two.py, tags: [new]}")
    (project.dags / "OneFlow.py").unlink()
    store.wire.requests.clear()
    project.do("apply", "--env", "prod", "--yes")
    assert store.wire.seen(*store.upload) == []
    assert tokens == {path.stem: production_token(path) for path in project.dags.glob("*.py")}


def production_token(dag: Path) -> str:
    [found] = {
        node.value.value
        for tree in ast.walk(ast.parse(dag.read_text()))
        if isinstance(tree, ast.Dict)
        for key, value in zip(tree.keys, tree.values, strict=True)
        if isinstance(key, ast.Constant) and key.value == "METAFLOW_PRODUCTION_TOKEN"
        for node in [ast.Expr(value)]
        if isinstance(node.value, ast.Constant)
    }
    return str(found)


def test_no_account_is_one_error(project: Project, store: Store) -> None:
    stranger = replace(project, variables={**OFFLINE, **LOCAL, **store.strangers})
    line = error_of(stranger)
    assert line.startswith(f"{WHERE} {store.root}/{project.folder.name}: no valid credentials"), line


def test_a_bucket_that_is_not_there_is_one_error(project: Project, store: Store) -> None:
    project.edit("m.yaml", BUCKET, "nothing-of-tests")
    line = error_of(project)
    assert f"{WHERE} {store.root.replace(BUCKET, 'nothing-of-tests')}" in line
    assert "there is no such bucket or container" in line


def test_access_denied_is_one_error(project: Project, store: Store) -> None:
    store.wire.spoil(1000, Answer(403, "AuthorizationPermissionMismatch", "This request is not authorized."))
    line = error_of(project)
    assert line.startswith(f"{WHERE} {store.root}/{project.folder.name}: access denied"), line


def test_an_included_file_that_gets_no_answer_is_one_error(project: Project, store: Store) -> None:
    """A flow's IncludeFiles are stored before its package is, by Metaflow's own clients."""
    for name in ("one", "two"):
        folder = project.folder / "deployments" / name
        (folder / "table.csv").write_text(name)
        text = (folder / f"{name}.py").read_text().replace("FlowSpec, step", "FlowSpec, IncludeFile, step")
        included = '    table = IncludeFile("table", default="table.csv")\n\n    @step\n    def start'
        (folder / f"{name}.py").write_text(text.replace("    @step\n    def start", included))
    store.wire.spoil(1000, Answer(wait=True))
    line = error_of(replace(project, variables={**project.variables, "MFDEPLOY_TIMEOUT": "2"}))
    root = f"{store.root}/{project.folder.name}"
    assert f"environments.prod.datastore: included files cannot be stored in {root}: no answer within 2 seconds" in line
    assert "MFDEPLOY_TIMEOUT sets how many seconds to wait" in line


def test_clients_that_are_not_installed_are_named(project: Project, store: Store, tmp_path: Path) -> None:
    python = bare_interpreter(tmp_path / "bare")
    project.edit("m.yaml", "{file: one/one.py}", "{file: one/one.py, python: ../bare/bin/python}")
    project.edit("m.yaml", "dag_id: Again}", "dag_id: Again, python: ../bare/bin/python}")
    line = error_of(project)
    packages = {"gs": "google-cloud-storage google-auth", "azure": "azure-storage-blob azure-identity"}
    needed = packages[store.root.partition(":")[0]]
    assert f"error: environments.prod.datastore: {python} lacks {needed.replace(' ', ' and ')}" in line
    assert line.endswith(f"pip install {needed}"), line
    assert store.wire.requests == []


def bare_interpreter(folder: Path) -> Path:
    """A virtual environment that has Metaflow and the client of S3, and none of another cloud."""
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    command = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    packages = Path(subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip())
    names = ("metaflow", "boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six.py", "urllib3", "requests")
    names += ("certifi", "idna", "charset_normalizer", *(("tomli",) if sys.version_info < (3, 11) else ()))
    for name in names:
        (packages / name).symlink_to(Path(sysconfig.get_path("purelib"), name))
    return python


def environment_in(store: Store, compute: Compute, root: str) -> Environment:
    """A production environment whose datastore is at `root` in that store."""
    kinds: dict[str, DatastoreType] = {"s3": "s3", "gs": "gs", "azure": "azure"}
    return Environment(
        name="prod",
        project="growth",
        target=ResolvedPath("../dags", "/nowhere/dags"),
        compute=compute,
        datastore=ResolvedPath(root, root),
        datastore_type=kinds[root.partition(":")[0]],
        production=True,
        metaflow=store.settings,
    )


def test_tasks_fetch_the_package_and_run(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**LOCAL, **store.variables}.items():
        monkeypatch.setenv(name, value)
    one = deployment("linear.py", environment=environment_in(store, "local", f"{store.root}/by-hand"))
    compiled = compile_flows([one])
    [package] = build_packages([one], upload=True, user="ann").values()
    operator = Operator(compiled.flows[one.address], package, tmp_path / "work")
    # Where a worker keeps Metaflow's runs when no service does.
    worker = {**LOCAL, **store.variables, "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(tmp_path)}
    started = operator.task("start", parameters={"needed": 1, "title": "from afar"}, variables=worker)
    assert (started.returncode, started.stderr) == (0, "")
    # Stored by the one process, and read by the next: where a run's parameters are.
    assert started.stdout.splitlines()[-1] == "title is from afar"


def test_a_pod_installs_only_what_is_missing(store: Store) -> None:
    environment = environment_in(store, "kubernetes", store.root)
    one = deployment("linear.py", environment=environment, kubernetes={"image": "acme/base:1"})
    package = build_packages([one], upload=False, user="ann")[one.address]
    script = package.scripts["start"]
    assert subprocess.run(["bash", "-n", "-c", script], check=False).returncode == 0
    [install] = [line for line in script.splitlines() if "pip install" in line]
    known, install = install.split(" || ", 1)[1].split(" 2>/dev/null || ")
    for name in known.split("version('")[1:]:
        assert f" {name.split(chr(39))[0]}" in install
