"""The hint on flow files that no manifest lists."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from deployer.commands.plan import plan
from deployer.commands.validate import validate
from deployer.models.selection import Selection
from tests.contexts import context
from tests.sources import two_steps

from .conftest import edit_manifest

ALL = Selection(Path("deployments"))


def hints(selection: Selection = ALL) -> list[str]:
    found = validate(selection, context(), flows=False).diagnostics
    return [f"{each.message}; {each.hint}" for each in found if each.code == "unlisted-flow"]


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_a_flow_that_was_forgotten_is_a_hint_of_plan_and_validate(project: Path) -> None:
    assert hints() == []
    write(project / "flows" / "tidy.py", two_steps("TidyFlow"))
    assert hints() == ["1 flow file is in no manifest: flows/tidy.py; `mfdeploy init` adds it"]
    assert [each.code for each in plan(ALL, context()).warnings] == ["unlisted-flow"]


def test_several_are_one_hint(project: Path) -> None:
    for number in range(8):
        write(project / "flows" / f"f{number}.py", two_steps(f"Flow{number}"))
    first = ", ".join(f"flows/f{number}.py" for number in range(5))
    assert hints() == [f"8 flow files are in no manifest: {first} and 3 more; `mfdeploy init` adds them"]


def test_a_flow_in_a_folder_of_its_own_beside_those_of_others(project: Path) -> None:
    (project / "flows" / "train").mkdir()
    (project / "flows" / "train.py").rename(project / "flows" / "train" / "train.py")
    edit_manifest(project, "../flows/train.py", "../flows/train/train.py")
    write(project / "flows" / "tidy" / "tidy.py", two_steps("TidyFlow"))
    assert len(hints()) == 1


def in_a_hidden_folder(project: Path) -> None:
    write(project / "flows" / ".old" / "f.py", two_steps("OldFlow"))


def in_a_virtual_environment(project: Path) -> None:
    write(project / "flows" / "env3" / "pyvenv.cfg", "")
    write(project / "flows" / "env3" / "f.py", two_steps("TheirFlow"))


def ignored_by_git(project: Path) -> None:
    subprocess.run(["git", "init", "--quiet", project], check=True)
    write(project / ".gitignore", "scratch*\n")
    write(project / "flows" / "scratch.py", two_steps("ScratchFlow"))


def a_base_of_others(project: Path) -> None:
    write(project / "flows" / "base.py", two_steps("Base").partition("    @step\n    def end")[0])


def a_module_that_is_no_flow(project: Path) -> None:
    write(project / "flows" / "tools.py", "from metaflow import FlowSpec, step\n# @step class A(FlowSpec)\n")


def a_file_that_python_cannot_read(project: Path) -> None:
    write(project / "flows" / "odd.py", f"{two_steps('OddFlow')}\n)")


def a_flow_of_another_environment(project: Path) -> None:
    write(project / "flows" / "tidy.py", two_steps("TidyFlow"))
    entry = "flows:\n  tidy: {file: ../flows/tidy.py, environments: [guarded]}\n"
    edit_manifest(project, "flows:\n", entry)


def a_link_to_a_flow_that_is_listed(project: Path) -> None:
    (project / "flows" / "link.py").symlink_to("train.py")


NOTHING = (
    in_a_hidden_folder,
    in_a_virtual_environment,
    ignored_by_git,
    a_base_of_others,
    a_module_that_is_no_flow,
    a_file_that_python_cannot_read,
    a_flow_of_another_environment,
    a_link_to_a_flow_that_is_listed,
)


@pytest.mark.parametrize("add", NOTHING)
def test_no_hint(add: Callable[[Path], None], project: Path) -> None:
    add(project)
    assert hints(Selection(Path("deployments"), environments=("local",))) == []


def test_no_hint_in_a_plan_of_a_part(project: Path) -> None:
    write(project / "flows" / "tidy.py", two_steps("TidyFlow"))
    assert hints(Selection(Path("deployments"), flows=("train",))) == []


def test_a_module_that_is_made_to_be_slow_to_search(project: Path) -> None:
    write(project / "flows" / "slow.py", f"# FlowSpec step\nclass A{'(' * 300_000}\n")
    assert hints() == []
