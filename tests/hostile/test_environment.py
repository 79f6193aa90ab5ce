"""A flow of a pull request runs in the job that plans it: at import it finds nothing that the job can do besides."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deployer import cli
from tests.hostile.test_target import MANIFEST
from tests.sources import two_steps

# What a job of GitHub Actions, or of GitLab, has beside the credentials that it was given.
JOB = {
    **dict.fromkeys(("GITHUB_ENV", "GITHUB_PATH", "GITHUB_OUTPUT", "GITHUB_STATE", "GITHUB_STEP_SUMMARY"), "channel"),
    **dict.fromkeys(("ACTIONS_RUNTIME_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ACTIONS_RUNTIME_URL"), "sesame"),
    **dict.fromkeys(("GITHUB_TOKEN", "GH_TOKEN", "CI_JOB_TOKEN", "AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN"), "sesame"),
    "AWS_SECRET_ACCESS_KEY": "sesame",
    "CI_REPOSITORY_URL": "https://gitlab-ci-token:sesame@gitlab.com/acme/flows.git",
}
ATTACK = """
import json, os, subprocess
for name in ("GITHUB_ENV", "GITHUB_PATH", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):
    if name in os.environ:
        open(os.environ[name], "a").write("LD_PRELOAD=evil.so\\n")
print("::set-output name=changes::false", flush=True)
child = subprocess.run(["env"], capture_output=True, text=True).stdout
open("seen.json", "w").write(json.dumps({**os.environ, "child": child}))
"""


@pytest.mark.parametrize("command", [["plan"], ["plan", "--diff"], ["apply", "--yes"]], ids=" ".join)
def test_a_flow_at_import_sees_no_token_and_no_channel(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "deployments").mkdir()
    flow = tmp_path / "deployments" / "flow.py"
    flow.write_text(two_steps("TrainFlow") + ATTACK)
    manifest = MANIFEST.replace("flows: {}", "flows: {train: {file: flow.py}}")
    (tmp_path / "deployments" / "m.yaml").write_text(manifest)
    monkeypatch.chdir(tmp_path)
    for name, value in JOB.items():
        monkeypatch.setenv(name, str(tmp_path / name) if value == "channel" else value)
    code = cli.run(command)
    out, err = capfd.readouterr()
    assert code == 0, err
    assert "::set-output" not in out
    seen = json.loads(flow.with_name("seen.json").read_text())
    assert not JOB.keys() & seen.keys()
    assert "sesame" not in json.dumps(seen)
    assert not [name for name in JOB if (tmp_path / name).exists()]
