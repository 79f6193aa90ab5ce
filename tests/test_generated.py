"""Files that are made from others: the lock holds what pyproject.toml asks for, the schemas are the models'."""

from __future__ import annotations

import ast
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from tests.conformance.cases import corpus
from tests.conformance.results import kept, results
from tests.interpreters import SUPPORTED

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
LOCK = (ROOT / "requirements.lock").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def asked_for() -> list[Requirement]:
    return [Requirement(line) for line in PROJECT["project"]["dependencies"] + PROJECT["dependency-groups"]["dev"]]


def locked() -> list[Requirement]:
    return [Requirement(line.rstrip(" \\")) for line in LOCK.splitlines() if re.match(r"[a-z0-9]", line)]


def holds(requirement: Requirement, python: str) -> bool:
    # Markers write the full version (python_full_version < '3.11'), so any patch release does.
    environment = {"python_version": python, "python_full_version": f"{python}.0"}
    return requirement.marker is None or requirement.marker.evaluate(environment)


@pytest.mark.parametrize("python", SUPPORTED)
def test_the_lock_satisfies_the_project(python: str) -> None:
    pins = {pin.name: next(iter(pin.specifier)).version for pin in locked() if holds(pin, python)}
    wanted = [requirement for requirement in asked_for() if holds(requirement, python)]
    unmet = [str(r) for r in wanted if r.name not in pins or not r.specifier.contains(pins[r.name])]
    assert not unmet, "run `make lock`"


def test_each_pin_of_the_lock_has_hashes() -> None:
    blocks = re.split(r"\n(?=[a-z0-9])", LOCK.rstrip())
    assert [block.split()[0] for block in blocks if "--hash=sha256:" not in block] == []


def test_the_lock_names_no_place_to_download_from() -> None:
    assert re.findall(r"(?i)\S*://\S*|--(?:extra-)?index\S*|--find-links\S*", LOCK) == []


def test_the_supported_pythons_are_the_same_everywhere() -> None:
    classifiers = PROJECT["project"]["classifiers"]
    assert tuple(re.findall(r"Python :: (3\.\d+)", "\n".join(classifiers))) == SUPPORTED
    assert PROJECT["project"]["requires-python"] == f">={SUPPORTED[0]}"
    steps = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())["jobs"]["check"]["steps"]
    versions = next(step["with"]["python-version"] for step in steps if "setup-python" in step.get("uses", ""))
    assert set(versions.split()) == set(SUPPORTED)
    for page in ("README.md", "CONTRIBUTING.md"):
        assert f"Python {SUPPORTED[0]} to {SUPPORTED[-1]}" in (ROOT / page).read_text()


@pytest.mark.parametrize("name", ["manifest", "plan", "history", "result", "projects", "inventory", "site"])
def test_the_schemas_are_fresh(name: str, request: pytest.FixtureRequest) -> None:
    names = runpy.run_path(str(ROOT / "docs" / "generate.py"))
    made, kept = names["schemas"]()[name], names["SCHEMAS"] / f"{name}.schema.json"
    if request.config.getoption("--rewrite"):
        kept.write_text(made)
    assert made == kept.read_text(), "run `make rewrite`"
    command = [str(Path(sys.executable).with_name("mfdeploy")), "schema", name]
    assert subprocess.run(command, check=True, cwd=ROOT, capture_output=True, text=True).stdout == made


def test_the_page_of_metaflows_settings_is_that_of_the_table(request: pytest.FixtureRequest) -> None:
    names = runpy.run_path(str(ROOT / "docs" / "generate.py"))
    made = names["settings_page"]()
    if request.config.getoption("--rewrite", default=False):
        names["SETTINGS"].write_text(made)
    assert made == names["SETTINGS"].read_text(), "run `make rewrite`"


def test_the_reference_of_the_manifest_is_fresh(request: pytest.FixtureRequest) -> None:
    names = runpy.run_path(str(ROOT / "docs" / "generate.py"))
    made = names["manifest_reference"](names["manifest_schema"]())
    if request.config.getoption("--rewrite"):
        names["PAGE"].write_text(made)
    assert made == names["PAGE"].read_text(), "run `make rewrite`"


def test_the_page_of_the_projects_file_is_fresh(request: pytest.FixtureRequest) -> None:
    names = runpy.run_path(str(ROOT / "docs" / "generate.py"))
    made = names["projects_reference"](names["projects_schema"]())
    if request.config.getoption("--rewrite"):
        names["PROJECTS"].write_text(made)
    assert made == names["PROJECTS"].read_text(), "run `make rewrite`"


def test_the_page_of_what_works_is_fresh(request: pytest.FixtureRequest) -> None:
    names = runpy.run_path(str(ROOT / "docs" / "generate.py"))
    made = names["support_page"](kept())
    if request.config.getoption("--rewrite"):
        names["SUPPORT"].write_text(made)
    assert made == names["SUPPORT"].read_text(), "run `make rewrite`"


def test_the_results_are_of_the_declared_rows() -> None:
    """A new row, and a row that is shown by other tests, has its results from `make conformance`."""
    assert results({}, kept()) == kept(), "run `make conformance`, or for part of it `python -m tests.conformance FILE`"


def test_no_row_fails() -> None:
    statuses = {title: [cell["status"] for cell in row["columns"].values()] for title, row in kept().items()}
    assert [title for title, found in statuses.items() if "fails" in found] == []


def test_each_test_that_a_row_names_exists() -> None:
    named = {test for row in kept().values() for cell in row["columns"].values() for test in cell["tests"]}
    assert [test for test in sorted(named) if not _exists(test)] == []


def test_each_flow_of_the_corpus_is_in_a_row() -> None:
    shown = {title for case in corpus().values() for title in case.shows}
    assert shown - set(kept()) == set()


def _exists(test: str) -> bool:
    """Whether the file of a node id has the function that it names, and the corpus the flow."""
    file, *names = test.split("::")
    name, _, parameters = names[-1].rstrip("]").partition("[")
    if name == "test_a_flow" and parameters not in corpus():
        return False
    here: list[ast.stmt] = ast.parse((ROOT / file).read_text()).body if (ROOT / file).exists() else []
    for part in (*names[:-1], name):
        found = [one for one in here if isinstance(one, (ast.ClassDef, ast.FunctionDef)) and one.name == part]
        if not found:
            return False
        here = found[0].body
    return True
