"""Each setting of each supported Metaflow belongs to one class, and those that are said to be read are read."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployer.models.metaflow_settings import READ, REFUSED, rule_of
from tests.compiler.settings import unread, walk
from tests.versions.metaflows import VERSIONS, interpreter

pytestmark = pytest.mark.versions

# Variables that mfdeploy gives its tasks, and what Metaflow makes the name of when it runs.
NOT_IN_THE_SOURCE = {
    f"METAFLOW_{name}"
    for name in (
        *("ATTEMPT_NUMBER", "FLOW_BRANCH", "FLOW_NAME", "FLOW_PRODUCTION", "INPUT_PATHS", "JOINED_ITEMS"),
        *("MAX_USER_CODE_RETRIES", "RETRY_COUNT", "STEP_NAME", "TAGS", "TASK_NAMESPACE", "TASK_OPTIONS", "VERSION"),
    )
}


@pytest.mark.parametrize("version", VERSIONS)
def test_each_setting_has_a_class_and_is_read_if_that_says_so(version: str, tmp_path: Path) -> None:
    python = interpreter(version)
    walked = walk(python)
    assert {name for name in walked.names if rule_of(name) is None} == set()
    assert unread(python, walked, tmp_path) == {}


def test_each_name_is_in_some_metaflow() -> None:
    found = {name for version in VERSIONS for name in walk(interpreter(version)).names}
    names = {name for rule in (*READ, *REFUSED) for name in rule.names if not name.endswith("*")}
    assert names - found == NOT_IN_THE_SOURCE
