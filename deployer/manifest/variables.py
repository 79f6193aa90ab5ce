"""`${var.x}` and `${env.X}`: replaced in values after the document is read, so that no value changes its structure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from deployer.errors import nearest
from deployer.manifest.fields import secret_paths
from deployer.manifest.keys import ManifestFile
from deployer.manifest.nodes import Entry, Items, Map, Node, Path, Report, Scalar, SecretText, shorten
from deployer.manifest.parse import MAX_BYTES
from deployer.manifest.scalars import resolve

MAY_BE_SECRET: Final = frozenset(secret_paths(ManifestFile))
ENVIRON_PREFIX: Final = "MFDEPLOY_VAR_"
_REFERENCE: Final = re.compile(r"\$\$\{|\$\{([^}]*)\}|\$\{")
_VARIABLE: Final = re.compile(r"var\.([a-zA-Z][a-zA-Z0-9_-]*)\Z")
_ENVIRON: Final = re.compile(r"env\.([a-zA-Z_][a-zA-Z0-9_]*)(:-(.*))?\Z", re.DOTALL)
_FORMS: Final = "write ${var.NAME}, ${env.NAME} or ${env.NAME:-default}; $${ stands for the text ${"


class Variable(NamedTuple):
    """A variable's value, and its text as it stands in the middle of another text."""

    value: str | int | float | bool | None
    text: str


def read_variables(
    section: Node | None, given: Mapping[str, str], environ: Mapping[str, str], complete: bool, report: Report
) -> dict[str, Variable]:
    """The variables' values: as declared, else from MFDEPLOY_VAR_<name>, else (strongest) as given.

    `complete` is False when a file could not be read, and a declaration may be missing with it.
    """
    declared = section.entries if isinstance(section, Map) else {}
    values = {name: _declare(name, entry, report) for name, entry in declared.items()}
    outside: dict[str, tuple[str, str]] = {}
    for key, text in environ.items():
        if key.startswith(ENVIRON_PREFIX):
            outside[key.removeprefix(ENVIRON_PREFIX)] = (text, key)
    outside |= {name: (text, f"--var {name}") for name, text in given.items()}
    for name, (text, origin) in outside.items():
        if name in declared:
            values[name] = _convert(text, values[name], name, origin, report)
        elif not complete:
            continue
        elif name in given:
            hint = nearest(name, declared) or "declare it under `variables:`"
            report.error("unknown-variable", f"{origin}: the manifests declare no variable {name!r}", None, hint=hint)
        else:
            message = f"{origin} is set, but the manifests declare no variable {name!r}"
            report.warn("unknown-variable", message, None, hint=nearest(name, declared))
    return values


def changed_variables(section: Node | None, values: Mapping[str, Variable]) -> dict[str, Variable]:
    """The declared values of the variables that somebody gave other values."""
    declared = section.entries if isinstance(section, Map) else {}
    known = {name: _declare(name, entry, Report()) for name, entry in declared.items()}
    return {name: variable for name, variable in known.items() if variable.value != values[name].value}


def _declare(name: str, entry: Entry, report: Report) -> Variable:
    node = entry.node
    if not isinstance(node, Scalar):  # reported by the validation of the document
        return Variable("", "")
    if isinstance(node.value, str) and "${" in node.value:
        message = "a variable's value cannot refer to others"
        report.error("bad-reference", message, node.location, ("variables", name), "set it with --var or MFDEPLOY_VAR_")
    return Variable(node.value, node.text)


def _convert(text: str, declared: Variable, name: str, origin: str, report: Report) -> Variable:
    if declared.value is None or isinstance(declared.value, str):
        return Variable(text, text)
    try:
        value = resolve(text)
    except ValueError:
        value = None
    wanted: tuple[type, ...] = (float, int) if isinstance(declared.value, float) else (type(declared.value),)
    if type(value) in wanted:
        return Variable(value, text)
    kind = {bool: "true or false", int: "a whole number", float: "a number"}[wanted[0]]
    message = f"{origin} is {shorten(text)!r}, expected {kind} like the declared value {declared.text}"
    report.error("wrong-type", message, None, ("variables", name))
    return declared


@dataclass
class Substitution:
    """Replaces references in a tree of nodes.

    `values` are those of the variables, `declared` those that the manifests declare, where they differ.
    `is_asked` says whether a path belongs to an environment that is to be resolved: only there must `${env.X}` be set.
    """

    values: Mapping[str, Variable]
    environ: Mapping[str, str]
    complete: bool
    report: Report
    declared: Mapping[str, Variable] = field(default_factory=dict)
    is_asked: Callable[[Path], bool] = lambda path: True
    may_be_secret: frozenset[str] = MAY_BE_SECRET
    characters: int = 0

    def replace(self, node: Node, path: Path) -> Node:
        """The node with every reference replaced; what cannot be replaced is reported and marked broken."""
        if isinstance(node, Scalar):
            if isinstance(node.value, str) and "${" in node.value:
                return self._noted(node.value, self._replace_scalar(node, node.value, path))
            return node
        if isinstance(node, Items):
            items = tuple(self.replace(item, (*path, at)) for at, item in enumerate(node.nodes))
            return node if all(map(_same, items, node.nodes)) else Items(items, node.location)
        entries = {
            name: Entry(entry.key, self.replace(entry.node, (*path, name))) for name, entry in node.entries.items()
        }
        same = all(entries[name].node is entry.node for name, entry in node.entries.items())
        return node if same else replace(node, entries=entries)

    def _noted(self, text: str, node: Scalar) -> Scalar:
        """The scalar that `text` became, with the text of the declared values where somebody gave others."""
        names = [
            found.group(1) for each in _REFERENCE.finditer(text) if (found := _VARIABLE.match(each.group(1) or ""))
        ]
        if node.broken or not any(name in self.declared for name in names):
            return node
        known = {name: self.declared.get(name, self.values[name]) for name in names}
        if any(variable.value is None for variable in known.values()):
            return replace(node, varies=True)

        def put_in(match: re.Match[str]) -> str:
            found = _VARIABLE.match(match.group(1) or "")
            return known[found.group(1)].text if found else match.group().removeprefix("$")

        return replace(node, varies=True, declared=_REFERENCE.sub(put_in, text))

    def _replace_scalar(self, node: Scalar, text: str, path: Path) -> Scalar:
        whole = _REFERENCE.fullmatch(text)
        variable = _VARIABLE.match(whole.group(1) or "") if whole else None
        if variable:
            found = self._variable(variable.group(1), node, path)
            if found is None:
                return replace(node, broken=True)
            return replace(node, value=found.value, text=found.text, plain=False)
        parts: list[str] = []
        written: list[str] = []
        secrets: dict[str, str] = {}
        end = 0
        for match in _REFERENCE.finditer(text):
            part = self._reference(match, node, path)
            if part is None:
                return replace(node, broken=True)
            before = text[end : match.start()]
            parts += (before, part)
            written += (before, part.written if isinstance(part, SecretText) else part)
            secrets.update(part.references if isinstance(part, SecretText) else ())
            end = match.end()
        if not self._takes(parts, node, path):
            return replace(node, broken=True)
        joined, shown = "".join([*parts, text[end:]]), "".join([*written, text[end:]])
        value = SecretText(joined, shown, tuple(secrets.items())) if secrets else joined
        return replace(node, value=value, text=shown, plain=False)

    def _takes(self, parts: Sequence[str], node: Scalar, path: Path) -> bool:
        """Whether the texts put in are, with all before them, no more than a file may hold."""
        self.characters += sum(map(len, parts))
        if self.characters > MAX_BYTES:
            message = f"variables put in more than {MAX_BYTES:,} characters"
            self.report.error("too-large", message, node.location, path)
        return self.characters <= MAX_BYTES

    def _reference(self, match: re.Match[str], node: Scalar, path: Path) -> str | None:
        """The text that a reference stands for; None when it has none."""
        if match.group() == "$${":
            return "${"
        inner = match.group(1)
        if inner is None:
            self.report.error("bad-reference", "a ${ without its }", node.location, path, _FORMS)
            return None
        if variable := _VARIABLE.match(inner):
            found = self._variable(variable.group(1), node, path)
            return None if found is None else found.text
        if environ := _ENVIRON.match(inner):
            return self._from_environ(environ.group(1), environ.group(3), node, path)
        self.report.error("bad-reference", f"unknown reference {shorten(match.group())}", node.location, path, _FORMS)
        return None

    def _variable(self, name: str, node: Scalar, path: Path) -> Variable | None:
        found = self.values.get(name)
        if found is None:
            if self.complete:
                hint = nearest(name, self.values) or "declare it under `variables:`"
                self.report.error("unknown-variable", f"no variable {name!r} is declared", node.location, path, hint)
            return None
        if found.value is None:
            hint = f"set it with --var {name}=... or {ENVIRON_PREFIX}{name}"
            self.report.error("unset-variable", f"the variable {name!r} has no value", node.location, path, hint)
            return None
        return found

    def _from_environ(self, name: str, default: str | None, node: Scalar, path: Path) -> SecretText | None:
        # Refused by its path in the document and not by its value: who plans must not matter.
        if not any(_matches(pattern, path) for pattern in self.may_be_secret):
            self.report.error(
                "secret-in-dag",
                f"${{env.{name}}} is treated as a secret, and this value ends in plans, records or DAG files",
                node.location,
                path,
                f"for a value that is not secret use a variable: ${{var.NAME}}, set with --var or {ENVIRON_PREFIX}NAME",
            )
            return None
        text = self.environ.get(name) or default
        if text is None and self.is_asked(path):
            message = f"the environment variable {name} is not set"
            self.report.error("unset-variable", message, node.location, path, f"set it, or write ${{env.{name}:-...}}")
            return None
        # Of an environment that is not resolved, the reference itself is a good stand-in.
        reference = f"${{env.{name}}}"
        value = reference if text is None else text
        return SecretText(value, reference, ((reference, value),))


def _same(one: Node, other: Node) -> bool:
    return one is other


def _matches(pattern: str, path: Path) -> bool:
    parts = pattern.split(".")
    return len(parts) == len(path) and all(part in ("*", name) for part, name in zip(parts, path, strict=True))
