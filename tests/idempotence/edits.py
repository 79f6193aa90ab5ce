"""Edits of a project: every key of a manifest at every level where it may stand, and the code of flows."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Mapping
from typing import Any

from tests.idempotence.project import Project, Settings

Rng = random.Random
Make = Callable[[Rng], Any]


def _word(rng: Rng) -> str:
    return rng.choice(["alpha", "beta's", 'the "third"', "déjà {{ vu }}", "$HOME `id`", "null", "on"]) + str(
        rng.randint(0, 99)
    )


def _name(rng: Rng) -> str:
    return f"{rng.choice(['red', 'blue', 'green'])}-{rng.randint(0, 99)}"


def _number(rng: Rng) -> int:
    return rng.randint(1, 500)


def _flag(rng: Rng) -> bool:
    return rng.random() < 0.5


def _cron(rng: Rng) -> str:
    fixed = ["none", "hourly", "daily", "weekly", "0 10 * * ? *"]
    return rng.choice([*fixed, *[f"{rng.randint(0, 59)} {rng.randint(0, 23)} * * 1-5"] * 5])


def _schedule(rng: Rng) -> Any:
    if rng.random() < 0.5:
        return _cron(rng)
    return {"cron": _cron(rng), "timezone": rng.choice(["Europe/Helsinki", "UTC", "Asia/Tokyo"])}


def _retries(rng: Rng) -> Any:
    times = rng.randint(0, 4)  # Metaflow's limit
    return times if rng.random() < 0.5 else {"times": times, "minutes_between": rng.randint(0, 20) / 2}


def _with(rng: Rng) -> list[str]:
    found = [f"timeout:seconds={rng.randint(60, 999)}"] if _flag(rng) else []
    return [*found, *([f'environment:vars={{"A": "{_name(rng)}"}}'] if _flag(rng) or not found else [])]


# Each makes a value that its key may have; the labels of what Kubernetes and Airflow take differ.
SETTINGS: Mapping[str, Make] = {
    "schedule": _schedule,
    "retries": _retries,
    "max_workers": _number,
    "max_active_runs": _number,
    "catchup": _flag,
    "start_date": lambda rng: f"2026-01-{rng.randint(10, 28)}",
    "tags": lambda rng: rng.sample(["a", "b", "c:1", "d e", "ö"], rng.randint(0, 3)),
    "with": _with,
    "namespace": lambda rng: f"user:{_name(rng)}",
    "workflow_timeout": lambda rng: rng.randint(60, 9999),
    "worker_pool": _name,
    "paused": _flag,
    "description": _word,
    "owner": _name,
    "package_suffixes": lambda rng: rng.choice([[".md"], [".txt"], [".md", ".txt"], [".txt", ".md"]]),
}
# Of one flow, since others may have no such parameter or step.
OF_A_FLOW: Mapping[str, Make] = {
    "parameters": lambda rng: rng.choice([{"text": _word(rng)}, {"number": _number(rng)}, {"text": "", "number": 0}]),
    "config_values": lambda rng: {"settings": {"a": _number(rng), "b": [_word(rng)]}},
    "steps": lambda rng: {rng.choice(["start", "end"]): {"memory": _number(rng)}},
    "branch": lambda rng: f"b{_number(rng)}",
}
POD: Mapping[str, Make] = {
    "cpu": lambda rng: rng.randint(1, 64),
    "memory": _number,
    "disk": _number,
    "image": lambda rng: f"python:3.{rng.randint(8, 13)}",
    "image_pull_policy": lambda rng: rng.choice(["Always", "IfNotPresent", "Never"]),
    "image_pull_secrets": lambda rng: [_name(rng)],
    "service_account": _name,
    "secrets": lambda rng: [_name(rng), "other"],
    "node_selector": lambda rng: {"pool": _name(rng)},
    "namespace": _name,
    "gpu": lambda rng: rng.randint(1, 8),
    "tolerations": lambda rng: [{"key": _name(rng), "operator": "Exists"}],
    "labels": lambda rng: {"team": _name(rng)},
    "annotations": lambda rng: {"note": _word(rng)},
    "persistent_volume_claims": lambda rng: {(name := _name(rng)): f"/{name}"},  # two claims need two paths
    "shared_memory": _number,
    "port": _number,
    "qos": lambda rng: rng.choice(["Guaranteed", "Burstable"]),
    "extended_resources": lambda rng: {"vendor/thing": str(_number(rng))},
    "security_context": lambda rng: {"run_as_user": _number(rng)},
}
ACCESS: Mapping[str, Make] = {"context": _name, "kubeconfig": lambda rng: f"/etc/{_name(rng)}", "connection": _name}


def edit_settings(rng: Rng, settings: Settings, keys: Mapping[str, Make]) -> str:
    """Write one key anew, or take it out."""
    key = rng.choice(list(keys))
    if key in settings and rng.random() < 0.25:
        del settings[key]
        return f"without {key}"
    settings[key] = keys[key](rng)
    return f"{key}: {settings[key]!r}"


def edit_pod(rng: Rng, settings: Settings, keys: Mapping[str, Make] = POD) -> str:
    return "kubernetes." + edit_settings(rng, settings.setdefault("kubernetes", {}), keys)


def edit_everywhere(rng: Rng, project: Project) -> str:
    """One edit of the defaults or of an environment, which concerns many addresses."""
    name, place = rng.choice(list(project.environments.items()))
    choice = rng.random()
    if choice < 0.3:
        return "defaults." + edit_settings(rng, project.defaults, SETTINGS)
    if choice < 0.4:
        return "defaults." + edit_pod(rng, project.defaults)
    if choice < 0.65:
        return f"{name}." + edit_settings(rng, place, SETTINGS)
    if choice < 0.75:
        # The image stays: without one no pod can be described.
        pods = {key: make for key, make in POD.items() if key != "image"}
        return "kube." + edit_pod(rng, project.environments["kube"], {**pods, **ACCESS})
    own: dict[str, Make] = {
        "protect": _flag,
        "branches": lambda rng: ["main"],
        "schedules": _flag,
        "metaflow": lambda rng: {"METAFLOW_DEFAULT_METADATA": "local", "METAFLOW_CARD_NO_WARNING": str(_number(rng))},
    }
    if name == "kube" and rng.random() < 0.25:
        # It always says where its runs are recorded.
        place["metaflow"] = own.pop("metaflow")(rng)
        return f"kube.metaflow: {place['metaflow']!r}"
    if choice < 0.9:
        return f"{name}." + edit_settings(rng, place, own)
    if choice < 0.95:
        place["datastore"] = f"s3://bucket/m{_number(rng)}" if name == "kube" else f"../store{_number(rng)}"
        return f"{name}.datastore: {place['datastore']}"
    if choice < 0.97:
        place["target"] = f"../dags/{name}{rng.random()}"
        return f"{name}.target: {place['target']}"
    return f"{name}." + edit_settings(rng, place, {"production": _flag})


def edit_flow(rng: Rng, project: Project, name: str) -> str:
    """One edit of one flow: its entry, an override, or its code."""
    done = _edit_one(rng, project, name)
    entry = project.entries[name]
    if "config_files" in entry:  # a Config has one source
        for each in (entry, *entry.get("overrides", {}).values()):
            each.pop("config_values", None)
    return done


def _edit_one(rng: Rng, project: Project, name: str) -> str:
    entry = project.entries[name]
    choice = rng.random()
    if choice < 0.25:
        return edit_settings(rng, entry, {**SETTINGS, **OF_A_FLOW})
    if choice < 0.35:
        return edit_pod(rng, entry)
    if choice < 0.4:
        step = entry.setdefault("steps", {}).setdefault(rng.choice(["start", "end"]), {})
        return "steps.*." + edit_settings(rng, step, POD)
    if choice < 0.55:
        where = rng.choice(sorted(set(entry.get("environments", project.environments))))
        override = entry.setdefault("overrides", {}).setdefault(where, {})
        keys = {**SETTINGS, **OF_A_FLOW, "dag_id": lambda rng: f"{name}.{where}.{_number(rng)}"}
        return f"overrides.{where}." + (edit_pod(rng, override) if _flag(rng) else edit_settings(rng, override, keys))
    if choice < 0.65:
        return _edit_structure(rng, project, name)
    return _edit_code(rng, project, name)


def _edit_structure(rng: Rng, project: Project, name: str) -> str:
    entry, code = project.entries[name], project.code[name]
    kind = rng.choice(["environments", "class", "folder", "python", "config_files"])
    if kind == "environments":
        where = set(rng.sample(list(project.environments), rng.randint(1, 2)))
        entry["environments"] = sorted(where | set(entry.get("overrides", {})))
    elif kind == "class":
        entry["class"] = code.name
    elif kind == "folder":
        stem, _, number = code.folder.rpartition("_")
        code.folder = f"{stem}_{int(number) + 1}"
    else:
        value = sys.executable if kind == "python" else {"settings": "values.json"}
        entry.pop(kind) if kind in entry else entry.update({kind: value})
    return f"{kind}: {entry.get(kind, code.folder)!r}"


def _edit_code(rng: Rng, project: Project, name: str) -> str:
    code = project.code[name]
    kind = rng.choice(["body", "module", "retry", "timeout", "default", "parameter", "graph", "notes", "schedule"])
    step = rng.choice(code.steps)
    if kind == "body":
        code.bodies[step] = rng.randint(1, 10**9)
    elif kind == "module":
        code.modules[rng.choice(["first_module", "second_module"])] = _number(rng)
    elif kind == "retry":
        code.retries.pop(step) if step in code.retries else code.retries.update({step: rng.randint(1, 4)})
    elif kind == "timeout":
        code.timeouts.pop(step) if step in code.timeouts else code.timeouts.update({step: rng.randint(60, 999)})
    elif kind == "default":
        code.parameters["number"] = _number(rng)
    elif kind == "parameter":
        code.parameters.pop("more") if "more" in code.parameters else code.parameters.update(
            more=rng.choice([1.5, True])
        )
    elif kind == "graph":
        code.steps.remove("middle") if "middle" in code.steps else code.steps.insert(1, "middle")
        code.bodies.pop("middle", None), code.retries.pop("middle", None), code.timeouts.pop("middle", None)
    elif kind == "notes":
        code.note = _number(rng)
    else:
        code.schedule = rng.choice([None, f"{rng.randint(0, 59)} 5 * * *"])
    return f"code: {kind} of {step}"
