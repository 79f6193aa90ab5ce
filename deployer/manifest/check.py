"""Holds nodes against the models of what users may write, and says in short words what is wrong where."""

from __future__ import annotations

from typing import Any, Final, get_args, get_origin

from pydantic import BaseModel, ValidationError

from deployer.errors import Location, nearest
from deployer.manifest.nodes import Items, Map, Node, Path, Report, Scalar, describe, shorten, to_data
from deployer.manifest.scalars import looks_like
from deployer.models import manifest as written
from deployer.models.manifest import SHORT_FORMS

_EXPECTED: Final = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "text",
    "list_type": "a list",
    "dict_type": "a map",
    "model_type": "a map",
    "model_attributes_type": "a map",
}
_SHORT: Final = {"Schedule": "a cron, hourly, daily, weekly, none or a map", "Retries": "a whole number or a map"}
_BOUNDS: Final = {
    "greater_than": ("gt", "more than {}"),
    "greater_than_equal": ("ge", "at least {}"),
    "less_than": ("lt", "less than {}"),
    "less_than_equal": ("le", "at most {}"),
    "string_too_long": ("max_length", "at most {} characters"),
}
_PATTERNS: Final = {
    written.NAME: "a name: a letter, then letters, digits, _ or -",
    r"^[A-Za-z0-9_.-]+$": "a DAG id: letters, digits, _, . or -",
}
# Keys of manifests to come, by the model that will have them: refused in words, not as if they were misspelt.
_NOT_YET: Final = {
    ("Environment", "airflow"): "mfdeploy publishes DAG files and does not talk to Airflow's API",
}


def check(model: type[BaseModel], node: Node, key: Location, path: Path, report: Report) -> None:
    """Report everything in `node` that `model` does not allow. `key` is where the node's own key stands."""
    try:
        model.model_validate(to_data(node))
    except ValidationError as error:
        for problem in error.errors(include_url=False, include_input=False):
            _report(problem, model, node, key, path, report)


def _report(problem: Any, model: type[BaseModel], node: Node, key: Location, path: Path, report: Report) -> None:
    kind: str = problem["type"]
    place = _Place(node, key, path)
    for part in problem["loc"]:
        if not place.enter(part):
            break
    if isinstance(place.node, Scalar) and place.node.broken:
        return
    if kind == "extra_forbidden":
        name = str(problem["loc"][-1])
        known = known_keys(model, problem["loc"][:-1])
        if why := _NOT_YET.get((model.__name__, name)):
            report.error("unsupported-key", f"the key {name!r} is not supported yet", place.key, place.path, why)
            return
        # A key that is right elsewhere comes before one that is like it here.
        hint = _belongs(name, problem["loc"], model) or nearest(name, known) or _list_keys(known)
        report.error("unknown-key", f"unknown key {name!r}", place.key, place.path, hint)
    elif kind == "missing":
        name = str(problem["loc"][-1])
        report.error("missing-key", f"the key {name!r} is missing", place.key, place.path, _purpose(model, problem))
    else:
        code, message, hint = _explain(kind, problem, place.node)
        report.error(code, message, place.node.location, place.path, hint)


class _Place:
    """Walks from a node along a pydantic error's location, as far as the document goes."""

    def __init__(self, node: Node, key: Location, path: Path) -> None:
        self.node, self.key, self.path = node, key, path
        self.short = False

    def enter(self, part: str | int) -> bool:
        if isinstance(self.node, Items) and isinstance(part, int) and part < len(self.node.nodes):
            self.node = self.node.nodes[part]
            self.key = self.node.location
            self.path = (*self.path, part)
            return True
        if not isinstance(self.node, Map) or part not in self.node.entries:
            return False
        entry = self.node.entries[str(part)]
        if not self.node.short:
            self.path = (*self.path, str(part))
        self.node, self.key = entry.node, entry.key
        return True


def _explain(kind: str, problem: Any, node: Node) -> tuple[str, str, str]:
    """Code, message and hint of a value that is wrong in itself."""
    context = problem.get("ctx") or {}
    if kind in _EXPECTED:
        expected = _SHORT.get(context.get("class_name", ""), _EXPECTED[kind])
        return "wrong-type", f"expected {expected}, found {describe(node)}", _type_hint(kind, node)
    if kind in _BOUNDS:
        name, words = _BOUNDS[kind]
        return "bad-value", f"expected {words.format(f'{context[name]:g}')}, found {describe(node)}", ""
    if kind == "string_too_short":
        return "bad-value", "expected text, found an empty one", "leave the key out"
    if kind == "literal_error":
        hint = _choice_hint(node, context["expected"])
        return "bad-value", f"expected {context['expected']}, found {describe(node)}", hint
    if kind == "string_pattern_mismatch":
        wanted = _PATTERNS.get(context["pattern"], f"text like {context['pattern']}")
        return "bad-value", f"expected {wanted}; found {describe(node)}", ""
    if "message" in context:  # our own validators name their code
        return kind, problem["msg"], context.get("hint", "")
    return "bad-value", f"{problem['msg']}; found {describe(node)}", ""


def _type_hint(kind: str, node: Node) -> str:
    if not isinstance(node, Scalar):
        return ""
    if node.value is None:
        return "give it a value, or leave the key out"
    if kind == "string_type":
        if node.plain:
            return f'put it in quotes: "{shorten(node.text)}"'
        return f'declare the variable as text: "{node.text}"'
    other = looks_like(node.text)
    if kind == "bool_type":
        return f"write {other}" if other in ("true", "false") else ""
    if kind in ("int_type", "float_type") and other not in ("", "true", "false"):
        return f"write {other}" + ("" if node.plain else " without quotes")
    if kind in ("int_type", "float_type") and isinstance(node.value, str) and node.value.strip().isdigit():
        return f"write {node.value.strip()} without quotes"
    if kind == "list_type" and isinstance(node.value, str):
        return f"write [{shorten(node.text)}]"
    return ""


def _choice_hint(node: Node, expected: str) -> str:
    if isinstance(node, Scalar) and isinstance(node.value, str):
        choices = [part.strip("' ") for part in expected.replace(" or ", ", ").split(",")]
        same = [choice for choice in choices if choice.lower() == node.value.lower()]
        return f"did you mean {same[0]!r}?" if same else nearest(node.value, choices)
    return ""


def known_keys(model: type[BaseModel], loc: tuple[str | int, ...] = ()) -> list[str]:
    """The keys that may be written at a place below a model."""
    found = _model_at(model, loc)
    return [field.alias or name for name, field in found.model_fields.items()] if found else []


def _model_at(model: type[BaseModel], loc: tuple[str | int, ...]) -> type[BaseModel] | None:
    current: Any = model
    for part in loc:
        if isinstance(current, type) and issubclass(current, BaseModel):
            fields = {field.alias or name: field.annotation for name, field in current.model_fields.items()}
            current = fields.get(str(part))
        elif get_origin(current) in (list, dict):
            current = get_args(current)[-1]
    return current if isinstance(current, type) and issubclass(current, BaseModel) else None


def _belongs(name: str, loc: tuple[str | int, ...], model: type[BaseModel]) -> str:
    """Where a key that is known elsewhere should have been written."""
    if not issubclass(_model_at(model, loc[:-1]) or model, written.FlowSettings):
        return ""
    if name in known_keys(written.PodSettings):
        return "pod settings go under `kubernetes:`, or under `steps:` for one step"
    if name in known_keys(written.Schedule):
        return "it goes under `schedule:`"
    if name in known_keys(written.Retries):
        return "it goes under `retries:`"
    if name in known_keys(written.Environment):
        return "it belongs to an environment"
    if name in known_keys(written.ClusterSettings):
        return "it goes under an environment's `kubernetes:`"
    if name in known_keys(written.FlowEntry):
        return "it belongs to a flow"
    return ""


def _list_keys(known: list[str]) -> str:
    return f"the keys here are {', '.join(known)}" if 0 < len(known) <= 8 else ""


def _purpose(model: type[BaseModel], problem: Any) -> str:
    found = _model_at(model, problem["loc"][:-1])
    if found is None:
        return ""
    for name, field in found.model_fields.items():
        if (field.alias or name) == problem["loc"][-1] and field.description:
            text = field.description.rstrip(".")
            return text if text.startswith("Metaflow") else text[0].lower() + text[1:]
    return ""


def expand(settings: Map) -> Map:
    """The settings with short forms written out, so that they merge by key: `retries: 3` as `retries: {times: 3}`."""
    entries = dict(settings.entries)
    for name, first in SHORT_FORMS.items():
        entry = entries.get(name)
        if entry is not None and isinstance(entry.node, Scalar):
            whole = Map({first: entry}, entry.node.location, short=True)
            entries[name] = entry._replace(node=whole)
    return Map(entries, settings.location) if entries != settings.entries else settings
