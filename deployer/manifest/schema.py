"""The JSON Schema of a manifest, for editors."""

from __future__ import annotations

from typing import Any, Final

from deployer.models.manifest import Manifest

_REFERENCE: Final = {"type": "string", "pattern": r"\$\{var\."}


def manifest_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of one manifest file, made from the models.

    A file alone need not be complete, so no top-level key is required.
    """
    schema = Manifest.model_json_schema(by_alias=True)
    clean: dict[str, Any] = _clean(schema)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **clean}


def _clean(node: Any, is_properties: bool = False) -> Any:
    if isinstance(node, list):
        return [_clean(item) for item in node]
    if not isinstance(node, dict):
        return node
    cleaned = {
        name: _clean(value, name in ("properties", "$defs", "patternProperties"))
        for name, value in node.items()
        # Titles repeat the key's name, and a default of null says only that a key may be absent.
        if is_properties or (name != "title" and (name, value) != ("default", None))
    }
    if is_properties:
        return cleaned
    if "patternProperties" in cleaned:
        cleaned["additionalProperties"] = False  # pydantic leaves names that do not match open
    return _allow_reference(cleaned)


def _allow_reference(node: dict[str, Any]) -> dict[str, Any]:
    """A number, true/false or a closed word may also come from a variable."""
    closed = "enum" in node and "const" not in node
    if node.get("type") not in ("integer", "number", "boolean") and not closed:
        return node
    described = {"description": node["description"]} if "description" in node else {}
    plain = {name: value for name, value in node.items() if name != "description"}
    return {**described, "anyOf": [plain, _REFERENCE]}
