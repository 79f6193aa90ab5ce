"""Metaflow's settings of an environment: METAFLOW_* values and the named profile below them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final, NamedTuple

from deployer.errors import Location
from deployer.manifest.files import shown
from deployer.manifest.nodes import Items, Map, Node, Report, Scalar, shorten, to_data
from deployer.manifest.nodes import Path as NodePath
from deployer.models.credentials import HINT, holds_credential, names_credential
from deployer.models.metaflow_settings import Refused, rule_of
from deployer.models.regular_file import read_regular

_DEFAULT_DATASTORE: Final = "METAFLOW_DEFAULT_DATASTORE"
_SYSROOT: Final = "METAFLOW_DATASTORE_SYSROOT_"
_SETTING: Final = re.compile(r"METAFLOW_[A-Z0-9_]+\Z")
_MAX_BYTES: Final = 1_000_000
_LONGEST: Final = 131_000  # bytes: Linux takes some more in one variable of a process


class Datastore(NamedTuple):
    """What `datastore:` says, to compare a profile's settings with."""

    kind: str
    root: str


class MetaflowSetting(NamedTuple):
    """A setting's value as Metaflow reads it from the process environment, and its location."""

    text: str
    location: Location


def read_settings(
    node: Node | None, datastore: Datastore | None, path: NodePath, report: Report
) -> dict[str, MetaflowSetting]:
    """The METAFLOW_* settings of an environment's `metaflow:`, the profile's read in below them.

    Without a `datastore` (it could not be read) its settings are not compared with it.
    """
    if not isinstance(node, Map):
        return {}
    settings: dict[str, MetaflowSetting] = {}
    profile = node.entries.get("profile")
    if profile is not None:
        settings = _read_profile(profile.node, datastore, (*path, "profile"), report)
    for name, entry in node.entries.items():
        if name == "profile" or (isinstance(entry.node, Scalar) and entry.node.broken):
            continue
        if names_credential(name):
            _refuse(name, entry.key, (*path, name), report)
            continue
        if not _SETTING.match(name):
            message = f"unknown key {shorten(name)!r}, expected profile or Metaflow's settings (METAFLOW_...)"
            full = f"METAFLOW_{name.upper().removeprefix('METAFLOW_')}"
            hint = f"did you mean {full!r}?" if _SETTING.match(full) else ""
            report.error("unknown-key", message, entry.key, (*path, name), hint)
            continue
        _refuse(name, entry.key, (*path, name), report)
        text = _text(entry.node)
        if text is None:
            message = "expected text, a number, true or false"
            report.error("wrong-type", message, entry.node.location, (*path, name), "leave the key out for the default")
        elif not _refuse_value(name, text, entry.node.location, (*path, name), report):
            settings[name] = MetaflowSetting(text, entry.node.location)
    return settings


def _text(node: Node) -> str | None:
    if isinstance(node, Items | Map):
        return json.dumps(to_data(node))
    if node.value is None:
        return None
    # As written: a number's text says more than its value (1.10), and Metaflow converts from text itself.
    return str(node.value).lower() if isinstance(node.value, bool) else node.text


def _refuse(name: str, location: Location, path: NodePath, report: Report) -> None:
    if names_credential(name):
        message = f"{shorten(name)} is a credential and would be written into DAG files"
        report.error("secret-in-dag", message, location, path, HINT)
    elif isinstance(rule := rule_of(name), Refused):
        report.error("refused-setting", f"{name} cannot be set here", location, path, rule.instead)


def _refuse_value(name: str, text: str, location: Location, path: NodePath, report: Report) -> bool:
    if holds_credential(text):
        message = f"the value of {name} holds a credential and would be written into DAG files"
        report.error("secret-in-dag", message, location, path, HINT)
    elif "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        report.error("bad-text", f"the value of {name} holds a character that no process takes", location, path)
    elif len(text.encode()) > _LONGEST:
        message = f"the value of {name} has {len(text):,} characters, more than a process takes in a variable"
        report.error("bad-text", message, location, path)
    else:
        return False
    return True


def _read_profile(
    node: Node, datastore: Datastore | None, path: NodePath, report: Report
) -> dict[str, MetaflowSetting]:
    name = node.value if isinstance(node, Scalar) else None
    if isinstance(node, Scalar) and node.broken:
        return {}
    if not isinstance(name, str) or not re.match(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\Z", name):
        report.error("wrong-type", "expected the name of a profile", node.location, path)
        return {}
    folder = Path(node.location.file).parent
    candidates = [folder / ".metaflowconfig" / f"config_{name}.json", folder / f"config_{name}.json"]
    file = next((path for path in candidates if path.is_file()), None)
    if file is None:
        message = f"no profile {name!r}; looked for {' and '.join(shown(candidate) for candidate in candidates)}"
        hint = "profiles are never read from the home folder; copy it there"
        report.error("bad-path", message, node.location, path, hint)
        return {}
    return _read_profile_file(file, datastore, report)


def _read_profile_file(file: Path, datastore: Datastore | None, report: Report) -> dict[str, MetaflowSetting]:
    location = Location(shown(file))
    try:
        text = read_regular(file, _MAX_BYTES).decode("utf-8-sig")
        values = json.loads(text)
    except json.JSONDecodeError as error:
        report.error("bad-profile", f"not JSON: {error.msg}", Location(location.file, error.lineno, error.colno))
        return {}
    except (OSError, ValueError, RecursionError) as error:
        report.error("bad-profile", f"the profile cannot be read: {error}", location)
        return {}
    if not isinstance(values, dict):
        report.error("bad-profile", "expected a JSON object of METAFLOW_* settings", location)
        return {}
    settings: dict[str, MetaflowSetting] = {}
    for name, value in values.items():
        setting = _profile_setting(name, value, _find_key(text, name, location.file), datastore, report)
        if setting is not None:
            settings[name] = setting
    return settings


def _profile_setting(
    name: str, value: Any, location: Location, datastore: Datastore | None, report: Report
) -> MetaflowSetting | None:
    if not _SETTING.match(name) and not names_credential(name):
        report.error("unknown-key", f"unknown setting {shorten(name)!r}, expected METAFLOW_...", location)
        return None
    if name == _DEFAULT_DATASTORE or name.startswith(_SYSROOT):
        # Profiles that Metaflow itself wrote name the datastore: fine as long as both say the same.
        if datastore is None:
            return None
        root = datastore.root.removeprefix("azure://")  # Metaflow writes this one without the scheme
        said = {_DEFAULT_DATASTORE: datastore.kind, f"{_SYSROOT}{datastore.kind.upper()}": root}
        if said.get(name) != str(value).rstrip("/"):
            message = f"{name} is {shorten(str(value))!r}, but the environment's datastore is {datastore.root!r}"
            report.error("refused-setting", message, location, hint="remove it here, or change `datastore:`")
        return None
    before = report.errors
    _refuse(name, location, (), report)
    if report.errors > before:
        return None
    if value is None:
        report.error("wrong-type", f"{name}: expected a value, found null", location, hint="remove the line")
        return None
    written = value if isinstance(value, str) else json.dumps(value)
    return None if _refuse_value(name, written, location, (), report) else MetaflowSetting(written, location)


def _find_key(text: str, name: str, file: str) -> Location:
    at = text.find(json.dumps(name))
    if at < 0:
        return Location(file)
    return Location(file, text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at))
