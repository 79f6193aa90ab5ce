"""mfdeploy site on flows that Metaflow compiles: what the manifests ask for beside what is deployed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from deployer import cli
from deployer.models.site import Site

FLOWS = {
    "features": '''\
from metaflow import FlowSpec, Parameter, retry, step


class FeaturesFlow(FlowSpec):
    """Makes the features."""

    day = Parameter("day", help="Of the orders.", default="today")

    @retry(times=2)
    @step
    def start(self):
        """Reads the orders."""
        self.next(self.end)

    @step
    def end(self):
        pass
''',
    "train": '''\
from metaflow import FlowSpec, step, trigger_on_finish


@trigger_on_finish(flow="FeaturesFlow")
class TrainFlow(FlowSpec):
    """Trains on the features."""

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
''',
}
MANIFEST = """\
version: 1
project: growth
defaults: {owner: growth-team}
environments:
  local: {target: ../dags, compute: local, datastore: ../datastore}
flows:
  features:
    file: features.py
    description: Features of orders
    schedule: {cron: "0 3 * * 1-5", timezone: Europe/Helsinki}
  train:
    file: train.py
    tags: [nightly]
"""
AT = ("--at", "2026-01-01T00:00Z")


def run(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    capsys.readouterr()
    assert cli.run([*arguments]) == code, capsys.readouterr()
    said = capsys.readouterr()
    return said.out + said.err


def flows(folder: Path) -> dict[str, dict[str, Any]]:
    """The only deployment of each flow, with what is of the flow."""
    text = (folder / "site" / "site.json").read_text()
    assert Site.model_validate_json(text).project == "growth"
    return {each["name"]: {**each, **each["deployments"][0]} for each in json.loads(text)["flows"]}


@pytest.mark.slow
def test_a_catalogue_follows_manifests_and_targets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "deployments"
    folder.mkdir()
    for name, source in FLOWS.items():
        (folder / f"{name}.py").write_text(f'{source}\n\nif __name__ == "__main__":\n    {name.title()}Flow()\n')
    manifest = folder / "a.yaml"
    manifest.write_text(MANIFEST)
    monkeypatch.chdir(tmp_path)
    options = ("--out", "site", *AT)

    assert run(capsys, "site", *options) == "site/index.html: 2 flows.\n"
    new = flows(tmp_path)
    features, train = new["features"], new["train"]
    assert (features["state"], features["deployed"]) == ("new", None)
    assert (features["doc"], features["description"]) == ("Makes the features.", "Features of orders")
    assert features["schedule"]["text"] == "At 03:00, Monday through Friday"
    assert features["schedule"]["next_runs"][0] == "2026-01-01T03:00+02:00"
    (parameter,) = features["parameters"]
    assert (parameter["name"], parameter["required"], parameter["default"]) == ("day", False, "today")
    steps = {each["name"]: each for each in features["steps"]}
    assert (steps["start"]["doc"], steps["start"]["retries"]) == ("Reads the orders.", 2)
    assert features["file"] == {"file": "deployments/features.py", "line": 4, "url": ""}
    assert features["manifest"]["file"] == "deployments/a.yaml"
    assert [each["address"] for each in features["starts"]] == ["local/train"]
    assert [each["address"] for each in train["started_by"]] == ["local/features"]
    assert (train["owner"], train["tags"]) == ("growth-team", ["nightly"])

    run(capsys, "apply", "--env", "local", "--yes")
    run(capsys, "site", *options)
    applied = flows(tmp_path)
    # Nothing was compiled this time, and nothing is missing for it.
    kept = [key for key in features if key not in ("state", "deployed", "deployments")]
    assert {key: applied["features"][key] for key in kept} == {key: features[key] for key in kept}
    assert applied["features"]["state"] == "deployed"
    assert applied["features"]["deployed"]["version"] == features["version"]

    manifest.write_text(MANIFEST.replace("[nightly]", "[nightly, gpu]").replace("  features:", "  renamed:"))
    (folder / "features.py").write_text("import sklaern\n")
    said = run(capsys, "site", *options, code=1)
    assert "sklaern" in said
    assert "site/index.html: 3 flows." in said
    changed = flows(tmp_path)
    assert {name: each["state"] for name, each in changed.items()} == {
        "features": "unlisted",
        "renamed": "broken",
        "train": "changed",
    }
    assert "sklaern" in changed["renamed"]["problems"][0]
    assert [each["address"] for each in changed["train"]["started_by"]] == ["local/features"]
    assert not (tmp_path / "site" / "flows" / "gone.html").exists()

    # What is wrong in the manifests themselves leaves the others whole, too.
    manifest.write_text(MANIFEST.replace("tags: [nightly]", "tgas: [nightly]"))
    (folder / "features.py").write_text("import sklaern\n")
    said = run(capsys, "site", *options, "--flow", "train", code=1)
    assert "did you mean 'tags'?" in said
    assert flows(tmp_path)["train"]["state"] == "broken"
    assert "did you mean 'tags'?" in flows(tmp_path)["train"]["problems"][0]
    # It is shown as it is deployed.
    assert flows(tmp_path)["train"]["flow_class"] == "TrainFlow"
