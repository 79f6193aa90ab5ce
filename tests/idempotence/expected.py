"""What a plan must say, told from the project alone and in no way by the code that plans."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.idempotence.project import Code, Project

CRONS = {"hourly": "0 * * * *", "daily": "0 0 * * *", "weekly": "0 0 * * 0", "0 10 * * ? *": "0 10 * * *"}
SAME = ("namespace", "workflow_timeout", "worker_pool", "paused", "description")
ACCESS = ("context", "kubeconfig", "connection", "in_cluster")
POD = {"cpu": "1", "disk": "10240", "memory": "4096", "namespace": "default", "qos": "burstable"}


@dataclass(frozen=True)
class Wanted:
    """One address: where its DAG is, and what decides it, by section."""

    name: str
    target: str
    sections: Mapping[str, Any]


@dataclass(frozen=True)
class Told:
    """One change as a plan tells it: fields as ``{word: {path: (before, after)}}``, files by what became of them."""

    action: str
    name: str
    fields: Mapping[str, Mapping[str, tuple[Any, Any]]]
    files: Mapping[str, tuple[str, ...]]


def wanted(project: Project) -> dict[str, Wanted]:
    """All that should be deployed, by address."""
    return {
        f"{environment}/{name}": _one(project, name, environment)
        for name, entry in project.entries.items()
        for environment in entry.get("environments", project.environments)
    }


def changes(before: Mapping[str, Wanted], after: Mapping[str, Wanted]) -> list[tuple[str, Told]]:
    """Address and change of all that the plan must name, sorted."""
    return sorted(_changes(before, after), key=lambda item: (item[0], item[1].action))


def _changes(before: Mapping[str, Wanted], after: Mapping[str, Wanted]) -> Iterator[tuple[str, Told]]:
    for address in {*before, *after}:
        old, new = before.get(address), after.get(address)
        if old and new and (old.name, old.target) == (new.name, new.target):
            told = _update(old, new)
            if told.fields or told.files:
                yield address, told
            continue
        if new:
            yield address, Told("create", new.name, {"new": {}}, {})
        # What is at a target that no environment has any more is not looked at.
        if old and (new is None or old.target == new.target):
            yield address, Told("delete", old.name, {"removed": {}}, {})


def _update(old: Wanted, new: Wanted) -> Told:
    steps = set(old.sections["graph"]["steps"]) & set(new.sections["graph"]["steps"])
    fields: dict[str, dict[str, tuple[Any, Any]]] = {}
    for section in ("graph", "schedule", "parameters", "retries", "resources", "settings"):
        found = dict(_leaves(section, *_said(section, old.sections[section], new.sections[section], steps)))
        found = {path: values for path, values in found.items() if _is_told(path, steps)}
        if found:
            fields[section] = found
    old_code, new_code = old.sections["code"], new.sections["code"]
    if old_code["file"] != new_code["file"]:
        fields["moved"] = {"code.file": (old_code["file"], new_code["file"])}
    files = _files(old_code["files"], new_code["files"])
    if files:
        fields["code"] = {}
    return Told("update", new.name, fields, files)


def _said(section: str, old: Any, new: Any, steps: set[str]) -> tuple[Any, Any]:
    """Both sides in the words of the manifest: no defaults of a schedule, and `with` for what it gives to steps."""
    if section == "schedule":
        bare = {"cron": None, "timezone": "UTC", "catchup": False, "start_date": None}
        return {**bare, **old}, {**bare, **new}
    if section == "settings":
        given = _with(old, steps), _with(new, steps)
        changed = {*given[0]} ^ {*given[1]}
        if changed:
            return _with_told(old, given[0], changed), _with_told(new, given[1], changed)
    return old, new


def _with(settings: Mapping[str, Any], steps: set[str]) -> list[str]:
    found: list[str] = []
    for step in sorted(steps):
        for option in settings["steps"][step]["options"]:
            if option.startswith("--with=") and option != "--with=kubernetes" and option[7:] not in found:
                found.append(option[7:])
    return found


def _with_told(settings: Mapping[str, Any], given: list[str], changed: set[str]) -> dict[str, Any]:
    steps = {
        name: {**step, "options": [each for each in step["options"] if each[7:] not in changed]}
        for name, step in settings["steps"].items()
    }
    return {**settings, "steps": steps, "with": given or None}


def _leaves(path: str, old: Any, new: Any) -> Iterator[tuple[str, tuple[Any, Any]]]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in {*old, *new}:
            yield from _leaves(f"{path}.{key}", old.get(key), new.get(key))
    elif old != new:
        yield path, (old, new)


def _is_told(path: str, steps: set[str]) -> bool:
    """Of steps that come or go, the graph alone tells."""
    names = path.split(".")
    if names[0] in ("retries", "resources"):
        return names[1] in steps
    return names[:2] != ["settings", "steps"] or names[2] in steps


def _files(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    found = {
        "added": tuple(sorted(set(new) - set(old))),
        "removed": tuple(sorted(set(old) - set(new))),
        "changed": tuple(sorted(name for name in set(old) & set(new) if old[name] != new[name])),
    }
    return found if any(found.values()) else {}


def _one(project: Project, name: str, environment: str) -> Wanted:
    place, entry, code = project.environments[environment], project.entries[name], project.code[name]
    own = {key: value for key, value in entry.items() if key not in ("environments", "overrides")}
    merged: dict[str, Any] = {}
    for layer in (project.defaults, place, own, entry.get("overrides", {}).get(environment, {})):
        merged = _merged(merged, {key: _long(key, value) for key, value in layer.items()})
    merged["name"] = environment
    sections = {
        "code": {"file": f"flows/{code.folder}/flow.py", "files": _packaged(code, merged)},
        "graph": _graph(code),
        "schedule": _schedule(code, merged),
        "parameters": _parameters(code, merged),
        "retries": {step: _retries(code, step, merged) for step in code.steps},
        "resources": {step: _pod(step, merged) for step in code.steps} if environment == "kube" else {},
        "settings": _settings(code, merged),
    }
    return Wanted(_dag_id(code, merged, environment), place["target"], sections)


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    both = {key: _merged(below[key], above[key]) for key in below if key in above and _are_maps(below, above, key)}
    return {**below, **above, **both}


def _are_maps(below: Mapping[str, Any], above: Mapping[str, Any], key: str) -> bool:
    return isinstance(below[key], dict) and isinstance(above[key], dict)


def _long(key: str, value: Any) -> Any:
    short = {"schedule": "cron", "retries": "times"}
    return {short[key]: value} if key in short and not isinstance(value, dict) else value


def _dag_id(code: Code, merged: Mapping[str, Any], environment: str) -> str:
    production = merged.get("production", False)
    own = "" if production or not merged.get("branch") else f".{merged['branch']}"
    if merged.get("dag_id"):
        return f"{merged['dag_id']}{own}"
    if code.project:
        given = merged.get("branch", "" if production else environment)
        branch = ".".join(filter(None, ["prod" if production else "test", given]))
        return f"{code.project}.{branch}.{code.name}"
    return code.name if production else f"{code.name}.{environment}{own}"


def _packaged(code: Code, merged: Mapping[str, Any]) -> dict[str, str]:
    suffixes = (".py", *merged.get("package_suffixes", ()))
    texts = {name: text for name, text in code.files().items() if name.endswith(suffixes)}
    return {name: hashlib.sha256(text.encode()).hexdigest()[:16] for name, text in texts.items()}


def _graph(code: Code) -> dict[str, Any]:
    after = dict(zip(code.steps, code.steps[1:], strict=False))
    steps = {
        step: {"kind": "linear" if step in after else "end", "next": [after[step]] if step in after else []}
        for step in code.steps
    }
    return {"start": "start", "end": "end", "steps": steps}


def _schedule(code: Code, merged: Mapping[str, Any]) -> dict[str, Any]:
    said = merged.get("schedule", {"cron": code.schedule})
    cron = None if merged.get("schedules") is False or said["cron"] == "none" else said["cron"]
    if cron is None:
        return {"cron": None}
    return {
        "cron": CRONS.get(cron, cron),
        "timezone": said.get("timezone", "UTC"),
        "catchup": merged.get("catchup", False),
        "start_date": merged.get("start_date"),
    }


def _parameters(code: Code, merged: Mapping[str, Any]) -> dict[str, Any]:
    given = merged.get("parameters", {})
    types = {str: "string", int: "integer", float: "number", bool: "boolean"}
    return {
        name: {"type": types[type(value)], "required": False, "help": "", "default": given.get(name, value)}
        for name, value in code.parameters.items()
    }


def _retries(code: Code, step: str, merged: Mapping[str, Any]) -> dict[str, Any]:
    said = merged.get("retries", {"times": 0})
    times, minutes = (
        (code.retries[step], 2) if step in code.retries else (said["times"], said.get("minutes_between", 2))
    )
    return {"times": times, "minutes_between": minutes if times else 0, "fallback": 0}


def _pod(step: str, merged: Mapping[str, Any]) -> dict[str, Any]:
    # What a step says of a key stands instead of what all pods have; maps are merged by key.
    given = _merged(merged.get("kubernetes", {}), merged.get("steps", {}).get(step, {}))
    pod = {key: value for key, value in given.items() if key not in ACCESS}
    for amount in {"cpu", "memory", "disk", "gpu"} & set(pod):
        pod[amount] = str(pod[amount])
    if "qos" in pod:
        pod["qos"] = pod["qos"].lower()
    vendor = {"gpu_vendor": "nvidia"} if "gpu" in pod else {}
    return {**POD, **vendor, **pod}


def _settings(code: Code, merged: Mapping[str, Any]) -> dict[str, Any]:
    on_kubernetes = merged["compute"] == "kubernetes"
    owner = merged.get("owner", "growth")
    return {
        **{key: merged.get(key) for key in SAME},
        "max_workers": merged.get("max_workers", 100),
        "max_active_runs": merged.get("max_active_runs", 16),
        "tags": sorted(set(merged.get("tags", ()))),
        "owner": owner,
        "python": merged.get("python"),
        "package_suffixes": sorted(merged.get("package_suffixes", ())),
        "configs": {"settings": _config(merged)},
        "datastore": merged["datastore"],
        "cluster": {key: value for key, value in merged.get("kubernetes", {}).items() if key in ACCESS},
        "variables": {
            **dict.fromkeys(("METAFLOW_OWNER", "METAFLOW_USER", "USER"), owner),
            **{key: str(value) for key, value in merged.get("metaflow", {}).items()},
            **({"METAFLOW_DATASTORE_SYSROOT_S3": merged["datastore"]} if on_kubernetes else {}),
        },
        "steps": {step: _step(code, step, merged) for step in code.steps},
    }


def _config(merged: Mapping[str, Any]) -> Any:
    if "config_files" in merged:
        return {"from": "a file"}
    return merged.get("config_values", {}).get("settings", {"a": 1})


def _step(code: Code, step: str, merged: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    options = []
    for text in merged.get("with", ()):
        name, _, value = text.partition(":")
        if name == "timeout" and step not in code.timeouts:
            found["timeout_seconds"] = int(value.partition("=")[2])
            options.append(f"--with={text}")
        if name == "environment":
            found["environment"] = {"A": value.split('"')[3]}
            options.append(f"--with={text}")
    if step in code.timeouts:
        found["timeout_seconds"] = code.timeouts[step]
    if merged["compute"] == "kubernetes":
        options.append("--with=kubernetes")
    if code.project:
        options += _branch(merged)
    return {**found, "options": [*options, "--environment=local"]}


def _branch(merged: Mapping[str, Any]) -> list[str]:
    """The options of @project."""
    if not merged.get("production"):
        return [f"--branch={merged.get('branch', merged['name'])}"]
    return [*([f"--branch={merged['branch']}"] if merged.get("branch") else []), "--production"]
