"""The JSON Schema for editors: valid, and of one mind with the loader."""

from __future__ import annotations

import re
from collections.abc import Iterator
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
    validator = jsonschema.Draft7Validator(manifest_schema())
    return [error.json_path for error in validator.iter_errors(document)]


def test_it_is_a_schema_and_takes_valid_manifests() -> None:
    jsonschema.Draft7Validator.check_schema(manifest_schema())
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
    models = [schema, *schema["definitions"].values()]
    for model in models:
        for part in [model, *model.get("anyOf", [])]:
            for name, field in part.get("properties", {}).items():
                assert field.get("description"), name


def parts(part: object) -> Iterator[dict[str, Any]]:
    """Each schema within a schema."""
    if isinstance(part, dict):
        yield part
    for each in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from parts(each)


def test_it_is_in_the_form_that_schemastore_takes() -> None:
    schema = manifest_schema()
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert schema["$id"] == "https://json.schemastore.org/mfdeploy.json"
    # Titles name types: nouns, without an article, and not like a sentence.
    titles = [each["title"] for each in [schema, *schema["definitions"].values()]]
    assert [title for title in titles if not re.fullmatch(r"(?!an? |the )[a-z][A-Za-z ]+", title)] == []
    assert len(set(titles)) == len(titles)
    # Of a later draft, or ignored in this one.
    found = list(parts(schema))
    assert not [each for each in found if {"$defs", "prefixItems", "unevaluatedProperties"} & each.keys()]
    assert not [each for each in found if isinstance(each.get("$ref"), str) and len(each) > 1]
    assert {each["$ref"].rpartition("/")[0] for each in found if isinstance(each.get("$ref"), str)} == {"#/definitions"}


def test_defaults_are_values_that_it_takes() -> None:
    found = [each for each in parts(manifest_schema()) if "default" in each and not isinstance(each["default"], dict)]
    assert len(found) > 10
    for each in found:
        whole = {**each, "definitions": manifest_schema()["definitions"]}
        jsonschema.Draft7Validator(whole).validate(each["default"])
