"""Helpers that start before it is known what they will be asked, as for somebody who edits."""

from __future__ import annotations

import os
from pathlib import Path

from deployer.compiler import client
from deployer.models.deployment import Deployment, Environment
from deployer.models.progress import silent
from deployer.models.waiting import DEFAULT_WAITS
from tests.compiler.compiling import deployment, local

OTHER_SETTINGS = {"METAFLOW_DEBUG_SUBCOMMAND": "1"}


def at(folder: Path) -> Environment:
    return local(folder / "metaflow")


def fan(environment: Environment, **settings: object) -> Deployment:
    return deployment("fan.py", "fan", environment, **settings)


def linear(environment: Environment, **settings: object) -> Deployment:
    return deployment("linear.py", "linear", environment, **settings)


def with_settings(environment: Environment) -> Environment:
    return environment.model_copy(update={"metaflow": OTHER_SETTINGS})


def test_a_compiler_takes_over_what_was_edited_since(tmp_path: Path) -> None:
    before = [linear(at(tmp_path)), fan(with_settings(at(tmp_path)))]
    with client.starting(before, os.environ) as compiler:
        assert not compiler.take_over([linear(at(tmp_path), compile_environment=("TOKEN",))])
        # One of its two helpers has nothing to do now.
        after = [linear(at(tmp_path), tags=("edited",)), fan(at(tmp_path))]
        assert compiler.take_over(after)
        assert [*compiler.deployments] == after
        compiler.begin(silent)
        assert not compiler.take_over(before)
        found = compiler.result()
    assert found.diagnostics == ()
    assert found.flows.keys() == {each.address for each in after}


def test_a_packager_stores_what_is_needed_of_what_it_could(tmp_path: Path) -> None:
    before = [linear(at(tmp_path)), fan(at(tmp_path))]
    with client.packaging(before, os.environ, "ada", DEFAULT_WAITS) as packager:
        after = [linear(at(tmp_path), tags=("edited",)), fan(at(tmp_path))]
        assert not packager.can_store(after)
        assert packager.take_over(after)
        assert packager.can_store(after[:1])
        packages = packager.store(after[:1], {}, {}, silent, client.do_nothing)
        assert not packager.can_store(after)
    assert packages.keys() == {after[0].address}
