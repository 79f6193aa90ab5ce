"""What users install: the wheel carries the package whole, and works without the checkout."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[1]
SCHEMAS = sorted((ROOT / "schemas").glob("*.json"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built with the hatchling that the lock names: offline, and without an isolated environment."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], cwd=ROOT, check=True)
    return next(folder.glob("*.whl"))


def test_it_carries_each_file_of_the_package(wheel: Path) -> None:
    """The modules, the templates, and the runtime that travels in code packages."""
    package = ROOT / "deployer"
    there = {path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    with ZipFile(wheel) as archive:
        carried = {name for name in archive.namelist() if name.startswith("deployer/")}
        assert carried - {f"deployer/schemas/{path.name}" for path in SCHEMAS} == {
            path.relative_to(ROOT).as_posix() for path in there
        }
        assert [path for path in there if archive.read(path.relative_to(ROOT).as_posix()) != path.read_bytes()] == []


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda path: path.name)
def test_it_carries_the_schemas(wheel: Path, schema: Path) -> None:
    with ZipFile(wheel) as archive:
        assert archive.read(f"deployer/schemas/{schema.name}") == schema.read_bytes()


def test_its_command_line_works(wheel: Path, tmp_path: Path) -> None:
    scratch = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "uv", "venv", "--quiet", "--python", sys.executable, scratch], check=True)
    install = ("pip", "install", "--quiet", "--offline", "--no-deps", "--python", str(scratch), str(wheel))
    subprocess.run([sys.executable, "-m", "uv", *install], check=True)
    # The dependencies are those of the running environment. Its checkout is not: a path in a .pth file adds the
    # packages of that folder, and does not read the .pth files there.
    site_packages = next(scratch.glob("lib/python*/site-packages"))
    (site_packages / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    imported = output_of([scratch / "bin" / "python", "-c", "import deployer; print(deployer.__file__)"], tmp_path)
    assert Path(imported.strip()).is_relative_to(scratch)
    printed = output_of([scratch / "bin" / "mfdeploy", "schema", "plan"], tmp_path)
    assert printed == (ROOT / "schemas" / "plan.schema.json").read_text()


def output_of(command: Sequence[str | Path], cwd: Path) -> str:
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=True).stdout
