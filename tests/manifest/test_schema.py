"""The JSON Schema for editors: valid, and of one mind with the loader."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
import yaml

from deployer.manifest.schema import manifest_schema

VALID = """
version: 1
project: growth
variables: {n: 3, text: a, must_be_set: null}
defaults: {retries: 3, tags: [a]}
environments:
  prod:
    target: s3://a/b
    compute: kubernetes
    datastore: s3://a/c
    protect: ${var.protect}
    schedule: none
    metaflow: {profile: prod, METAFLOW_X: 1}
    kubernetes: {context: x, cpu: 0.5}
flows:
  train:
    file: a.py
    class: A
    with: ["retry:times=2"]
    schedule: {cron: "0 3 * * *", timezone: UTC}
    max_workers: ${var.n}
    parameters: {a: [1, {b: null}]}
    steps: {fit: {gpu: 1, qos: Guaranteed}}
    overrides: {prod: {retries: {times: 2}, dag_id: x}}
"""


def problems(document: Any) -> list[str]:
    validator = jsonschema.Draft202012Validator(manifest_schema())
    return [error.json_path for error in validator.iter_errors(document)]


def test_it_is_a_schema_and_takes_valid_manifests() -> None:
    jsonschema.Draft202012Validator.check_schema(manifest_schema())
    assert problems(yaml.safe_load(VALID)) == []
    assert problems({"flows": {}}) == []


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("defaults", {"retires": 3}),
        ("defaults", {"max_workers": "many"}),
        ("defaults", {"tags": None}),
        ("environments", {"prod": {}}),
        ("environments", {"prod": {"target": "a", "compute": "pod", "datastore": "b"}}),
        ("environments", {"prod": {"target": "a", "compute": "local", "datastore": "b", "metaflow": {"X": 1}}}),
        ("flows", {"1st": {"file": "a"}}),
        ("flows", {"train": {"file": "a", "steps": {"fit": {"gpus": 1}}}}),
        ("version", 2),
    ],
)
def test_it_refuses_what_the_loader_refuses(place: str, value: object) -> None:
    assert problems({**yaml.safe_load(VALID), place: value})


def test_every_key_is_described() -> None:
    schema = manifest_schema()
    models = [schema, *schema["$defs"].values()]
    for model in models:
        for part in [model, *model.get("anyOf", [])]:
            for name, field in part.get("properties", {}).items():
                assert field.get("description"), name
