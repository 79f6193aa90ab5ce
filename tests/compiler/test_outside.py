"""Modules that a flow imports and that its tasks will not find: told at the import, with what to do."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from deployer.compiler import client
from deployer.compiler.worker.imports import imports_of, possible_imports_of
from deployer.errors import Diagnostic
from deployer.models.deployment import Deployment, ResolvedPath
from tests.compiler.by_hand import Operator
from tests.compiling import build_packages, compile_flows

from .compiling import deployment, local

FLOW = """\
{head}
from metaflow import FlowSpec, step

{imports}


class NestedFlow(FlowSpec):
    @step
    def start(self):
        {inside}
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    {main}
    NestedFlow()
"""
HEAD = "import sys; from pathlib import Path; sys.path.insert(0, str(Path(__file__).resolve().parents[2]))"
LINE = 4  # of the imports
PROJECT = {
    "pkg/__init__.py": "",
    "pkg/util/__init__.py": "",
    "pkg/util/common.py": 'COMMON = "common of the package"\n',
    "pkg/flows/__init__.py": "",
    "lonely.py": "",
    "spaced/inner/deep.py": "",
}


def project(
    folder: Path, imports: str = "", inside: str = "pass", head: str = HEAD, main: str = "", **files: str
) -> Path:
    """A flow in pkg/flows below a folder of modules, and its file."""
    flow = FLOW.format(head=head, imports=imports, inside=inside, main=main)
    written = {**PROJECT, **{name.replace("__", "/") + ".py": text for name, text in files.items()}}
    for name, text in {**written, "pkg/flows/nested.py": flow}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder / "pkg" / "flows" / "nested.py"


def warnings(file: Path, **changes: Any) -> list[Diagnostic]:
    compiled = compile_flows([deployment(file, **changes)])
    assert {found.severity for found in compiled.diagnostics} <= {"warning"}
    return [found for found in compiled.diagnostics if found.code == "not-packaged"]


def told(file: Path, **changes: Any) -> list[tuple[str, int, str]]:
    """Name of the file and line of each warning, and the module."""
    return [
        (Path(found.location.file).name, found.location.line, found.message.partition(" is imported from ")[0])
        for found in warnings(file, **changes)
        if found.location
    ]


def test_an_import_from_above_the_flow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (found,) = warnings(project(tmp_path, "from pkg.util.common import COMMON"))
    assert str(found) == (
        "pkg/flows/nested.py:4: warning: pkg.util.common is imported from pkg/util/common.py, which is not in the code "
        'package: tasks will not find it; write METAFLOW_PACKAGE_POLICY = "include" into pkg/__init__.py, move it '
        "below pkg/flows, or install it as a distribution where the tasks run"
    )


def test_the_task_finds_what_the_hint_puts_into_the_package(tmp_path: Path) -> None:
    file = project(tmp_path / "code", "from pkg.util.common import COMMON", 'print("ALL", COMMON)')
    policy = 'METAFLOW_PACKAGE_POLICY = "include"\n'
    (tmp_path / "code/pkg/__init__.py").write_text(policy)
    flow = deployment(file, environment=local(tmp_path / "store"))
    compiled = compile_flows([flow])
    assert compiled.diagnostics == ()
    [package] = build_packages([flow], upload=True, user="ann").values()
    operator = Operator(compiled.flows[flow.address], package, tmp_path / "work")
    (tmp_path / "code").rename(tmp_path / "elsewhere")
    done = operator.task("start")
    assert "ALL common of the package" in done.stdout + done.stderr and done.returncode == 0


IMPORTS: dict[str, tuple[Mapping[str, str], list[tuple[str, int, str]]]] = {
    "a module": ({"imports": "import lonely"}, [("nested.py", LINE, "lonely")]),
    "of several": ({"imports": "import json, lonely"}, [("nested.py", LINE, "lonely")]),
    "the package": ({"imports": "import pkg"}, [("nested.py", LINE, "pkg")]),
    "a module of it": ({"imports": "from pkg.util import common"}, [("nested.py", LINE, "pkg.util.common")]),
    "all of it": ({"imports": "from pkg.util.common import *"}, [("nested.py", LINE, "pkg.util.common")]),
    "without __init__": ({"imports": "import spaced.inner.deep"}, [("nested.py", LINE, "spaced.inner.deep")]),
    "by name": (
        {"imports": 'import importlib\nimportlib.import_module("lonely")'},
        [("nested.py", LINE + 1, "lonely")],
    ),
    "by a name in a keyword": (
        {"inside": 'import importlib; importlib.import_module(name="lonely")'},
        [("nested.py", 10, "lonely")],
    ),
    "by a name in a package": (
        {"inside": 'import importlib; importlib.import_module(".common", "pkg.util")'},
        [("nested.py", 10, "pkg.util.common")],
    ),
    "by a name that is put together": (
        {"imports": "import importlib\nNAME = 'lone'\nimportlib.import_module(NAME + 'ly')"},
        [("nested.py", LINE + 2, "lonely")],
    ),
    "by a function of another name": (
        {"imports": "from importlib import import_module as load\nload('pkg.util.common')"},
        [("nested.py", LINE, "pkg.util.common")],
    ),
    "in a module that is not packaged": (
        {"imports": "import importlib\nimportlib.import_module('outer' + '')", "outer": "import lonely\n"},
        [("nested.py", LINE + 1, "outer")],
    ),
    "if it is there": (
        {"imports": "try:\n    import lonely\nexcept ImportError:\n    pass"},
        [("nested.py", 5, "lonely")],
    ),
    "in a step": ({"inside": "import lonely"}, [("nested.py", 10, "lonely")]),
    "twice": ({"imports": "import pkg.util\nimport pkg.util.common"}, [("nested.py", LINE, "pkg.util")]),
    "two": ({"imports": "import pkg\nimport lonely"}, [("nested.py", 4, "pkg"), ("nested.py", 5, "lonely")]),
    "in a packaged module": (
        {"imports": "import near", "pkg__flows__near": "import os\nimport lonely\n"},
        [("near.py", 2, "lonely")],
    ),
    "in a package beside the flow": (
        {
            "imports": "from tools import first",
            "pkg__flows__tools____init__": "",
            "pkg__flows__tools__first": "from .second import this\n",
            "pkg__flows__tools__second": "from . import third\nthis = 1\n",
            "pkg__flows__tools__third": "def later():\n    import lonely\n",
        },
        [("third.py", 2, "lonely")],
    ),
    "beside the flow, by another name": (
        {"imports": "import pkg.flows.near", "pkg__flows__near": ""},
        [("nested.py", LINE, "pkg.flows.near")],
    ),
    "found no more": (
        {"head": f"{HEAD}; import lonely; sys.path.pop(0)", "imports": "import lonely"},
        [("nested.py", 1, "lonely")],
    ),
    "for types": (
        {"imports": "import typing\nif typing.TYPE_CHECKING:\n    import lonely"},
        [],
    ),
    "by who starts it": ({"main": "import lonely"}, []),
    "not there": ({"inside": "import not_there_at_all.either"}, []),
    "standard": ({"imports": "import json, xml.etree.ElementTree, __future__\nfrom concurrent import futures"}, []),
    "installed": ({"imports": "import boto3\nfrom yaml import safe_load\nimport metaflow.plugins"}, []),
    "below the flow": (
        {"imports": "import lib.near\nfrom lib import near", "pkg__flows__lib__near": "import lib.near\n"},
        [],
    ),
    "below the flow, by a path of its own": (
        {
            "head": "import sys; from pathlib import Path; sys.path.insert(0, str(Path(__file__).parent / 'lib'))",
            "imports": "import near",
            "pkg__flows__lib__near": "",
        },
        [],
    ),
}


@pytest.fixture(scope="module")
def all_told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[str, int, str]]]:
    """All of IMPORTS, compiled at once."""
    folder = tmp_path_factory.mktemp("imports")
    flows = [
        deployment(project(folder / str(number), **files), f"f{number}")
        for number, (files, _) in enumerate(IMPORTS.values())
    ]
    compiled = compile_flows(flows)
    found: dict[str, list[tuple[str, int, str]]] = {name: [] for name in IMPORTS}
    for one in compiled.diagnostics:
        assert one.location and one.code == "not-packaged", one
        number = int(Path(one.location.file).relative_to(folder).parts[0])
        module = one.message.partition(" is imported from ")[0]
        found[list(IMPORTS)[number]].append((Path(one.location.file).name, one.location.line, module))
    return found


@pytest.mark.parametrize("name", IMPORTS)
def test_imports(name: str, all_told: dict[str, list[tuple[str, int, str]]]) -> None:
    assert all_told[name] == IMPORTS[name][1]


def test_a_module_that_asks_to_be_packaged(tmp_path: Path) -> None:
    file = project(tmp_path, "import lonely", lonely='METAFLOW_PACKAGE_POLICY = "include"\n')
    assert told(file) == []


def test_a_module_with_another_suffix(tmp_path: Path) -> None:
    """It lies beside the flow and is not packaged until the manifest says so."""
    file = project(tmp_path, inside="import fast")
    (file.parent / "fast.so").write_bytes(b"")
    (found,) = warnings(file)
    assert found.hint.startswith("add .so to package_suffixes")
    assert told(file, package_suffixes=(".so",)) == []


def test_a_module_in_an_archive(tmp_path: Path) -> None:
    head = "import sys; from pathlib import Path; sys.path.insert(0, str(Path(__file__).resolve().parent / 'more.zip'))"
    file = project(tmp_path, "import zipped", head=head)
    with zipfile.ZipFile(file.parent / "more.zip", "w") as archive:
        archive.writestr("zipped.py", "")
    (found,) = warnings(file)
    assert found.hint.startswith("add .zip to package_suffixes")
    assert told(file, package_suffixes=(".zip",)) == []


def test_a_module_that_only_the_process_environment_names(tmp_path: Path) -> None:
    file = project(tmp_path / "project", "import shared", head="import sys")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "shared.py").write_text("")
    environ = {**os.environ, "PYTHONPATH": str(tmp_path / "more")}
    (found,) = client.compile_flows([deployment(file)], environ).diagnostics
    assert found.code == "not-packaged" and found.message.startswith("shared is imported from ")


@pytest.fixture
def interpreter(tmp_path: Path) -> ResolvedPath:
    """An interpreter with Metaflow and two editable installs: one by a path, one by a finder."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")], check=True)
    (packages,) = (tmp_path / "venv" / "lib").glob("python*/site-packages")
    theirs = [entry for entry in sys.path if entry.endswith("site-packages")]
    for name in ("by_path", "by_finder"):
        (tmp_path / name / name).mkdir(parents=True)
        (tmp_path / name / name / "__init__.py").write_text("from . import inner\n")
        (tmp_path / name / name / "inner.py").write_text("")
    (packages / "others.pth").write_text("\n".join([*theirs, str(tmp_path / "by_path")]))
    (packages / "finder.pth").write_text("import by_finder_finder\n")
    finder = f"""
        import sys
        from importlib.util import spec_from_file_location

        class Finder:
            @classmethod
            def find_spec(cls, name, path=None, target=None):
                if name == "by_finder":
                    return spec_from_file_location(name, {str(tmp_path / "by_finder/by_finder/__init__.py")!r})

        sys.meta_path.append(Finder)
    """
    (packages / "by_finder_finder.py").write_text(textwrap.dedent(finder))
    python = str(tmp_path / "venv" / "bin" / "python")
    return ResolvedPath(python, python)


def test_editable_installs_are_installs(tmp_path: Path, interpreter: ResolvedPath) -> None:
    imports = "import by_path.inner\nfrom by_finder import inner\nimport lonely"
    file = project(tmp_path / "project", imports, "import by_finder.inner; import by_path")
    assert told(file, python=interpreter) == [("nested.py", 6, "lonely")]


def described_again(flow: Deployment, known: Mapping[str, Any]) -> bool:
    return flow.address not in compile_flows([flow], known=known).unchanged


def test_the_warning_is_given_each_time(tmp_path: Path) -> None:
    flow = deployment(project(tmp_path, inside="import shared", head="import sys"))
    noted = compile_flows([flow], note_inputs=True)
    assert noted.diagnostics == () and not described_again(flow, noted.inputs)
    # Imported in a step only: nothing else tells that it is used.
    flow = deployment(project(tmp_path, inside="import lonely"))
    for _ in range(2):
        compiled = compile_flows([flow], note_inputs=True)
        assert [found.code for found in compiled.diagnostics] == ["not-packaged"]
        assert compiled.inputs == {}


def test_a_flow_without_such_imports_is_remembered(tmp_path: Path) -> None:
    flow = deployment(
        project(tmp_path, "import near", "import json", head="import os", pkg__flows__near="import yaml\n")
    )
    noted = compile_flows([flow], note_inputs=True)
    assert noted.diagnostics == () and not described_again(flow, noted.inputs)


def test_a_link_below_the_flow_is_packaged(tmp_path: Path) -> None:
    file = project(tmp_path / "code", "import linked.common", head="import sys")
    (file.parent / "linked").symlink_to(tmp_path / "code" / "pkg" / "util")
    assert told(file) == []


def test_a_flow_that_is_reached_by_a_link(tmp_path: Path) -> None:
    """It resolves its own path, so that its modules have another one."""
    head = "import sys; from pathlib import Path; sys.path.insert(0, str(Path(__file__).resolve().parent))"
    file = project(tmp_path / "code", "import near", head=head, pkg__flows__near="")
    (tmp_path / "link").symlink_to(tmp_path / "code")
    assert told(tmp_path / "link" / file.relative_to(tmp_path / "code")) == []


def test_a_module_beside_the_flow_by_another_name(tmp_path: Path) -> None:
    (found,) = warnings(project(tmp_path, "import pkg.flows.near", pkg__flows__near=""))
    assert f"import it as near, by its path from {tmp_path}/pkg/flows on" in found.hint and "move" not in found.hint


SOURCES = sorted((Path(__file__).parents[2] / "deployer").rglob("*.py"))


def test_what_is_found_without_parsing_is_all_of_it(tmp_path: Path) -> None:
    forms = tmp_path / "forms.py"
    forms.write_text(
        "import a, b as c, \\\n  d\nfrom . import (  # one (\n    e,\n    f as g,  # two)\n)\n"
        "if a: import h; import i\n"
        "from importlib_like import (\n    j\n)\nfrom .k.l import *\nimport_module('m.n')\n"
        "import_module(name='o')\nimport_module('.p', 'q.r')\n"
        "import_module('..s', package='q.r')\nimport_module('.t')\n"
    )
    for file in (forms, *SOURCES):
        exact = {found.name for found in imports_of(str(file), "x.y")}
        possible = {found.name for found in possible_imports_of(str(file), "x.y")}
        assert exact <= possible, file
    found = {each.name for each in imports_of(str(forms), "x.y")}
    assert found == {
        "a",
        "b",
        "d",
        "x.y.e",
        "x.y.f",
        "h",
        "i",
        "importlib_like.j",
        "x.y.k.l",
        "m.n",
        "o",
        "q.r.p",
        "q.s",
        "x.y.t",
    }
