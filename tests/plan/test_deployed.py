"""What is deployed, read after it was listed."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployer.errors import DeployError
from deployer.models.deployment import ResolvedPath
from deployer.orchestrators.airflow import record
from deployer.state.survey import survey
from tests.contexts import context

from . import made


def test_a_file_that_is_gone_since_the_target_was_listed_is_told(tmp_path: Path) -> None:
    file = tmp_path / "Train.py"
    file.write_text(record.write("# a dag of airflow\n", made.record_of(made.desired())))
    environment = made.environment(target=ResolvedPath(str(tmp_path), str(tmp_path)))
    state = survey([environment], context().connect, ())
    assert state.body("prod", "Train.py") == "# a dag of airflow\n"
    file.unlink()
    with pytest.raises(DeployError, match=r"Train\.py") as refused:
        state.body("prod", "Train.py")
    (problem,) = refused.value.diagnostics
    assert (problem.path, problem.location) == ("environments.prod.target", environment.location)
