"""Write the pages that are made from the models: ``python docs/generate.py``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from deployer.manifest import manifest_schema

PAGE = Path(__file__).with_name("manifest-reference.md")

_SECTIONS = {
    "": ("The document", "Any key may stand in any file of the manifest folder; a name may be defined once."),
    "Environment": ("`environments.<name>`", "Also takes all the settings of a flow, for all flows there."),
    "FlowEntry": ("`flows.<name>`", "Also takes all the settings of a flow."),
    "FlowSettings": (
        "Settings of a flow",
        "In `defaults`, an environment, a flow's entry and its `overrides.<environment>`.",
    ),
    "Retries": ("`retries`", "A bare number is `times`."),
    "Schedule": ("`schedule`", "A bare text is `cron`."),
    "PodSettings": ("Settings of pods: `kubernetes` and `steps.<step>`", "What Metaflow's `@kubernetes` takes."),
    "ClusterSettings": ("`environments.<name>.kubernetes`", "Also takes the settings of pods, for all pods there."),
    "Toleration": ("`tolerations`", "One item of the list."),
    "SecurityContext": ("`security_context`", ""),
}
# What a value of another section is called in a table.
_LINKS = {
    "JsonValue": "any value",
    "Environment": "[environment](#environmentsname)",
    "FlowEntry": "[flow](#flowsname)",
    "FlowSettings": "[settings of a flow](#settings-of-a-flow)",
    "Override": "[settings of a flow](#settings-of-a-flow) and `dag_id`",
    "Retries": "[retries](#retries)",
    "Schedule": "[schedule](#schedule)",
    "PodSettings": "[settings of pods](#settings-of-pods-kubernetes-and-stepsstep)",
    "ClusterSettings": "[cluster](#environmentsnamekubernetes)",
    "Toleration": "[toleration](#tolerations)",
    "SecurityContext": "[security context](#security_context)",
}


def manifest_reference(schema: dict[str, Any]) -> str:
    """The page of all keys of a manifest (Markdown), from its JSON Schema."""
    lines = [
        "# All keys of a manifest",
        "",
        "Made from the models by `docs/generate.py`. See [the manifest](manifest.md) for how they work.",
        "",
    ]
    shared = {name: set(schema["$defs"][name]["properties"]) for name in ("FlowSettings", "PodSettings")}
    inherited = {
        "Environment": shared["FlowSettings"],
        "FlowEntry": shared["FlowSettings"],
        "ClusterSettings": shared["PodSettings"],
    }
    for name, (title, note) in _SECTIONS.items():
        part = schema["$defs"][name] if name else schema
        lines += [f"## {title}", ""]
        lines += [note, ""] if note else []
        lines += _table(part, inherited.get(name, set()))
    return "\n".join(lines)


def _table(part: dict[str, Any], inherited: set[str]) -> Iterator[str]:
    part = next((each for each in part.get("anyOf", ()) if "properties" in each), part)
    yield "| key | value | |"
    yield "|---|---|---|"
    for key, value in part["properties"].items():
        # An environment's `kubernetes` takes more than that of a flow does, and is told again for it.
        if key not in inherited or (key == "kubernetes" and "ClusterSettings" in str(value)):
            required = " **required**" if key in part.get("required", ()) else ""
            yield f"| `{key}` | {_type(value)} | {value.get('description', '')}{required} |"
    yield ""


def _type(value: dict[str, Any]) -> str:
    if "$ref" in value:
        return _LINKS[value["$ref"].rpartition("/")[2]]
    if "anyOf" in value:
        kinds = [
            _type(each) for each in value["anyOf"] if "$\\{var" not in each.get("pattern", "").replace("\\$", "$", 1)
        ]
        return " or ".join(dict.fromkeys(kinds))
    if "enum" in value or "const" in value:
        return ", ".join(f"`{word}`" for word in value.get("enum", [value.get("const")]))
    if value.get("type") == "array":
        return f"list of {_type(value['items'])}"
    if value.get("type") == "object":
        inner = value.get("additionalProperties") or next(iter(value.get("patternProperties", {}).values()), {})
        return f"map of {_type(inner)}" if isinstance(inner, dict) and inner else "map"
    words = {
        "string": "text",
        "integer": "whole number",
        "number": "number",
        "boolean": "true or false",
        "null": "null",
    }
    kinds = value.get("type", ())
    return (
        " or ".join(words[kind] for kind in ([kinds] if isinstance(kinds, str) else kinds) if kind in words)
        or "any value"
    )


if __name__ == "__main__":
    PAGE.write_text(manifest_reference(manifest_schema()), encoding="utf-8")
