"""`package:` chooses the files of a code package: what the flow imports, and what patterns add and take away."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import Any

import pytest

from deployer.compiler.worker.patterns import matches
from deployer.errors import DeployError
from deployer.manifest.keys import PackageSettings
from deployer.manifest.pod_keys import PodSettings
from deployer.models.deployment import Deployment
from tests.compiler.by_hand import Operator
from tests.compiler.compiling import KUBERNETES, deployment, local
from tests.compiling import build_packages, compile_flows

FLOW = """\
from typing import TYPE_CHECKING

from metaflow import FlowSpec, step

import importlib
import near
from pkg.sub import used

if TYPE_CHECKING:
    import for_types

importlib.import_module("plugins." + "one")


class OneFlow(FlowSpec):
    @step
    def start(self):
        import inside
        self.next(self.end)

    @step
    def end(self):
        {end}


if __name__ == "__main__":
    import started

    OneFlow()
"""
FILES = {
    "near.py": "def call():\n    import through\n",
    "through.py": "from . import nothing\n",
    "inside.py": "import colorsys\nfrom starred import *\n",
    "starred.py": "__all__ = ['call']\ncall = 1\n",
    "started.py": "",
    "for_types.py": "",
    "unused.py": "import lonely\n",
    "lonely.py": "",
    "colorsys.py": "",
    "plugins/__init__.py": "",
    "plugins/one.py": "",
    "plugins/two.py": "",
    "pkg/__init__.py": "",
    "pkg/sub/__init__.py": "",
    "pkg/sub/used.py": "from ..other import name\n",
    "pkg/sub/unused.py": "",
    "pkg/other.py": "name = 1\n",
    "sql/a.sql": "select 1",
    "sql/deep/b.sql": "select 2",
    "sql/.hidden.sql": "",
    "sql/__pycache__/c.sql": "",
    "f.yaml": "",
}
CLOSURE = {
    *("flow.py", "near.py", "through.py", "inside.py", "starred.py", "started.py", "plugins/__init__.py"),
    *("plugins/one.py", "pkg/__init__.py", "pkg/sub/__init__.py", "pkg/sub/used.py", "pkg/other.py"),
    "colorsys.py",  # perhaps before that of Python: a task has other modules loaded
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    code = tmp_path / "flows"
    for name, text in {**FILES, "flow.py": FLOW.format(end="pass")}.items():
        (code / name).parent.mkdir(parents=True, exist_ok=True)
        (code / name).write_text(text)
    return code


def flow(folder: Path, environment: Any = None, **package: Any) -> Deployment:
    pods: dict[str, Any] = {"kubernetes": PodSettings(image="a:1")} if environment is KUBERNETES else {}
    return deployment(folder / "flow.py", environment=environment, package=PackageSettings(**package), **pods)


def described(one: Deployment) -> tuple[set[str], list[str]]:
    """The packaged files, and what is said."""
    compiled = compile_flows([one])
    files = compiled.flows[one.address].code.files if compiled.flows else ()
    return set(files), [f"{found.severity.value}: {found.message}" for found in compiled.diagnostics]


def test_only_what_the_flow_imports(folder: Path) -> None:
    assert described(flow(folder)) == ({"flow.py"} | {name for name in FILES if name.endswith(".py")}, [])
    assert described(flow(folder, only="imports")) == (CLOSURE, [])


@pytest.mark.parametrize("compute", ["local", "kubernetes"])
def test_what_is_described_is_what_is_packaged(compute: str, folder: Path, tmp_path: Path) -> None:
    environment = local(tmp_path / "store") if compute == "local" else KUBERNETES
    one = flow(folder, environment, only="imports", include=("sql",))
    assert described(one) == (CLOSURE | {"sql/a.sql", "sql/deep/b.sql"}, [])
    if compute == "local":
        [package] = build_packages([one], upload=True, user="ann").values()
        with tarfile.open(package.url) as archive:
            names = {name for name in archive.getnames() if not name.startswith((".mf", "metaflow", "INFO", "CONFIG"))}
        assert names == CLOSURE | {"sql/a.sql", "sql/deep/b.sql"}


def test_a_package_of_imports_does_not_depend_on_the_other_files(folder: Path, tmp_path: Path) -> None:
    one = flow(folder, local(tmp_path / "store"), only="imports")
    before = build_packages([one], upload=False, user="ann")
    (folder / "lonely.py").write_text("# edited\n")
    (folder / "new.py").write_text("")
    assert build_packages([one], upload=False, user="ann") == before
    (folder / "through.py").write_text("# edited\n")
    assert build_packages([one], upload=False, user="ann") != before


@pytest.mark.parametrize(
    ("package", "expected"),
    [
        ({"include": ("sql/*.sql",)}, {"sql/a.sql"}),
        ({"include": ("**/*.sql", "f.yaml")}, {"sql/a.sql", "sql/deep/b.sql", "f.yaml"}),
        ({"include": ("sql",), "exclude": ("sql/deep",)}, {"sql/a.sql"}),
        ({"include": ("./sql/",), "exclude": ("**/b.*",)}, {"sql/a.sql"}),
        ({"include": ("sql/.hidden.sql",)}, {"sql/.hidden.sql"}),
        ({"only": "imports", "include": ("unused.py",)}, {"unused.py"}),
        ({"only": "imports", "include": ("plugins",), "exclude": ("lonely.py",)}, {"plugins/two.py"}),
    ],
)
def test_patterns(package: dict[str, Any], expected: set[str], folder: Path) -> None:
    whole = CLOSURE if "only" in package else {"flow.py"} | {name for name in FILES if name.endswith(".py")}
    assert described(flow(folder, **package)) == (whole | expected, [])


def test_exclude_takes_files_away(folder: Path) -> None:
    found, said = described(flow(folder, exclude=("pkg/sub/unused.py", "lonely.py", "unused.py")))
    assert not found & {"pkg/sub/unused.py", "lonely.py", "unused.py"} and found >= CLOSURE
    assert said == []


def test_a_pattern_that_matches_nothing(folder: Path) -> None:
    found, said = described(flow(folder, only="imports", include=("sqll/*.sql",), exclude=("tests",)))
    assert found == CLOSURE
    assert said == [
        "warning: package.exclude: no file matches 'tests'",
        "warning: package.include: no file matches 'sqll/*.sql'",
    ]


@pytest.mark.parametrize("only", [{}, {"only": "imports"}])
def test_an_exclude_that_removes_what_the_flow_imports(
    only: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent)
    _, said = described(flow(folder, **only, exclude=("*.py", "pkg/**")))
    assert said == [
        "error: package.exclude: '*.py' removes colorsys.py, which is imported at flows/inside.py:1",
        "error: package.exclude: '*.py' removes flow.py, which is the flow's own file",
        "error: package.exclude: '*.py' removes inside.py, which is imported at flows/flow.py:18",
        "error: package.exclude: '*.py' removes near.py, which is imported at flows/flow.py:6",
        "error: package.exclude: '*.py' removes starred.py, which is imported at flows/inside.py:2",
        "error: package.exclude: '*.py' removes started.py, which is imported at flows/flow.py:27",
        "error: package.exclude: '*.py' removes through.py, which is imported at flows/near.py:2",
        "error: package.exclude: 'pkg/**' removes pkg/__init__.py, which is imported at flows/flow.py:7",
        "error: package.exclude: 'pkg/**' removes pkg/other.py, which is imported at flows/pkg/sub/used.py:1",
        "error: package.exclude: 'pkg/**' removes pkg/sub/__init__.py, which is imported at flows/flow.py:7",
        "error: package.exclude: 'pkg/**' removes pkg/sub/used.py, which is imported at flows/flow.py:7",
    ]
    with pytest.raises(DeployError):
        build_packages([flow(folder, **only, exclude=("flow.py",))], upload=False, user="ann")
    _, said = described(flow(folder, **only, exclude=("plugins/one.py",)))
    assert said == [
        "error: package.exclude: 'plugins/one.py' removes plugins/one.py, which the flow imports when it is loaded"
    ]


def test_a_link_out_of_the_project(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("x")
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    _, [said] = described(flow(folder, include=("*.txt",)))
    assert said == f"error: package.include: link.txt is a link to {tmp_path}/secret.txt, which is out of the project"


def test_suffixes_beside_only_imports(folder: Path) -> None:
    one = deployment(folder / "flow.py", package=PackageSettings(only="imports"), package_suffixes=(".sql",))
    _, said = described(one)
    assert said == ["error: package_suffixes has no effect beside `package: {only: imports}`"]


def test_a_file_that_the_flow_opens_when_it_is_loaded_and_that_is_left_out(folder: Path) -> None:
    file = folder / "flow.py"
    file.write_text(f"{file.read_text()}\nTEXT = open('lonely.py').read()\n")
    found, said = described(flow(folder, only="imports"))
    assert found == CLOSURE
    assert said == [
        "warning: the flow opens lonely.py when it is loaded, which `package:` leaves out: tasks will not find it"
    ]
    assert described(flow(folder, only="imports", include=("lonely.py",))) == (CLOSURE | {"lonely.py"}, [])


def test_modules_that_ask_to_be_packaged(folder: Path, tmp_path: Path) -> None:
    for name in ("__init__", "used", "unused", "extra"):
        file = tmp_path / "above" / "shared" / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text('METAFLOW_PACKAGE_POLICY = "include"\n' if name == "__init__" else "")
    file = folder / "flow.py"
    head = f"import sys; sys.path.insert(0, {str(tmp_path / 'above')!r})\nimport shared.used\n"
    file.write_text(head + file.read_text().replace("def end(self):", "def end(self):\n        print(shared.used)"))
    one = flow(folder, local(tmp_path / "store"), only="imports", include=("shared/extra.py",))
    shared = {f".mf_code/shared/{name}.py" for name in ("__init__", "used", "extra")}
    assert described(one) == (CLOSURE | shared, [])
    assert described(flow(folder))[0] > shared | {".mf_code/shared/unused.py"}
    [package] = build_packages([one], upload=True, user="ann").values()
    with tarfile.open(package.url) as archive:
        assert {name for name in archive.getnames() if name.startswith(".mf_code/shared")} == shared
    operator = Operator(compile_flows([one]).flows[one.address], package, tmp_path / "work")
    (tmp_path / "above").rename(tmp_path / "elsewhere")
    assert operator.task("start").returncode == 0


@pytest.mark.parametrize(
    ("head", "end", "exclude"),
    [
        ("", "importlib.import_module('un' + 'used')", {}),
        ("", "importlib.import_module('un' + 'used')", {"exclude": ("unused.py",)}),
        ("import sys, importlib\nif 'mfdeploy_task' in sys.argv[0] or 'step' in sys.argv:\n"
         "    importlib.import_module('un' + 'used')\n", "pass", {}),
    ],
)  # fmt: skip
def test_a_run_that_misses_a_module_names_the_key(
    head: str, end: str, exclude: dict[str, Any], folder: Path, tmp_path: Path
) -> None:
    (folder / "flow.py").write_text(head + FLOW.format(end="pass").replace("import inside", end))
    one = flow(folder, local(tmp_path / "store"), **(exclude or {"only": "imports"}))
    compiled = compile_flows([one])
    [package] = build_packages([one], upload=True, user="ann").values()
    operator = Operator(compiled.flows[one.address], package, tmp_path / "work")
    done = operator.task("start")
    assert done.returncode == 1
    log = done.stdout + done.stderr
    assert "ModuleNotFoundError: No module named 'unused'" in log
    key = "`package: {exclude: [unused.py]}`" if exclude else "`package: {include: [unused.py]}`"
    assert log.count("No module named 'unused': the code package ") == 1 and key in log


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("*.sql", "a.sql", True),
        ("*.sql", "sql/a.sql", False),
        ("**/*.sql", "a.sql", True),
        ("**/*.sql", "sql/deep/a.sql", True),
        ("sql", "sql/deep/a.sql", True),
        ("sql/", "sql/a.sql", True),
        ("sql/**", "sql/deep/a.sql", True),
        ("sql/**", "sql", False),
        ("sql/**/a.sql", "sql/a.sql", True),
        ("sql/?.sql", "sql/a.sql", True),
        ("sql/?.sql", "sql/ab.sql", False),
        ("a?b", "a/b", False),
        ("*", ".env", False),
        ("**", "a/.git/config", False),
        (".env", ".env", True),
        ("[a].py", "[a].py", True),
        ("[a].py", "a.py", False),
        ("a+(b", "a+(b", True),
    ],
)
def test_what_a_pattern_stands_for(pattern: str, path: str, expected: bool) -> None:
    assert matches(pattern, path) is expected
