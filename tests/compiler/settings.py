"""The settings that a Metaflow reads, other values for them, and what a flow sees of these."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deployer.models.deployment import ResolvedPath
from deployer.models.metaflow_settings import READ
from tests.compiler.by_hand import Operator
from tests.compiler.compiling import deployment, local
from tests.compiling import build_packages, compile_flows

WALK = Path(__file__).with_name("walk_settings.py")
# Where not any text will do.
_VALUES = {
    "METAFLOW_AZURE_STORAGE_WORKLOAD_TYPE": "high_throughput",
    "METAFLOW_DEFAULT_EVENT_LOGGER": "debugLogger",
    "METAFLOW_DEFAULT_METADATA": "local",
    "METAFLOW_DEFAULT_MONITOR": "debugMonitor",
    "METAFLOW_GS_STORAGE_WORKLOAD_TYPE": "high_throughput",
    "METAFLOW_KUBERNETES_ANNOTATIONS": "note=text",
    "METAFLOW_KUBERNETES_LABELS": "team=growth",
    "METAFLOW_KUBERNETES_TOLERATIONS": "[]",
    # Metaflow takes one exporter of traces at a time.
    "METAFLOW_OTEL_ENDPOINT": "",
    "METAFLOW_ZIPKIN_ENDPOINT": "",
    "METAFLOW_S3_TEST_RETRYABLE_FAILURES": "1",
    "METAFLOW_DEFAULT_PACKAGE_SUFFIXES": ".py,.toml",
}


@dataclass(frozen=True)
class Walked:
    """The settings of one Metaflow: those of its configuration with their defaults, and all others by name."""

    configuration: Mapping[str, Any]
    options: list[str]
    variables: list[str]

    @property
    def names(self) -> set[str]:
        return {*self.configuration, *self.options, *self.variables}


def walk(python: str) -> Walked:
    """The settings of the Metaflow that an interpreter has."""
    environ = {"PATH": os.environ["PATH"], "METAFLOW_HOME": "/nonexistent", "USER": "ada"}
    done = subprocess.run([python, str(WALK)], env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return Walked(**json.loads(done.stdout))


def unread(python: str, walked: Walked, folder: Path) -> dict[str, tuple[str, object, str]]:
    """The settings that the compile or a task does not see as they were set, with what it sees and should see.

    Those of pods are left out.
    """
    samples = {name: _sample(name, walked.configuration.get(name), folder) for name in _names(walked)}
    compiled, task = seen_by_a_flow(python, {name: text for name, (text, _) in samples.items()}, folder)
    found: dict[str, tuple[str, object, str]] = {}
    for rule in READ:
        for name in set(rule.names) & set(samples):
            for by, seen in (("compile", compiled), ("task", task)):
                expected = samples[name][1]
                # Metaflow adds to some maps.
                if rule.by in (by, "both") and not str(seen.get(name)).startswith(expected.rstrip("}")):
                    found[name] = (by, seen.get(name), expected)
    return found


def _names(walked: Walked) -> set[str]:
    return {
        name for rule in READ if not rule.pods for name in rule.names if name in walked.configuration or rule.variables
    }


def _sample(name: str, default: object, folder: Path) -> tuple[str, str]:
    if name in _VALUES:
        return _VALUES[name], _VALUES[name]
    if isinstance(default, bool):
        return ("0" if default else "1"), str(not default)
    if isinstance(default, int):
        return str(default + 1), str(default + 1)
    if isinstance(default, dict):
        return '{"a": "b"}', '{"a": "b"}'
    text = str(folder / name.lower())
    return text, text


def seen_by_a_flow(python: str, settings: Mapping[str, str], folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    """What Metaflow's configuration and the environment say when the flow is compiled and in a task of it."""
    one = deployment("settings_seen.py", environment=local(folder / "datastore", metaflow=settings))
    one = one.model_copy(update={"python": ResolvedPath("../python", python)})
    compiled = compile_flows([one])
    assert compiled.diagnostics == (), compiled.diagnostics
    [package] = build_packages([one], upload=True, user="ann").values()
    operator = Operator(compiled.flows[one.address], package, folder / "work")
    done = operator.task("start", variables={"MFDEPLOY_PYTHON": python})
    assert done.returncode == 0, done.stdout + done.stderr
    seen = "print(json.dumps(Task(sys.argv[1])['seen'].data))"
    code = f"import json, sys; from metaflow import Task, namespace; namespace(None); {seen}"
    environ = {
        "PATH": os.environ["PATH"],
        "METAFLOW_USER": "reader",
        "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(folder / "datastore"),
    }
    path = f"SettingsSeenFlow/{operator.path('start')}"
    read = subprocess.run([python, "-c", code, path], env=environ, cwd=folder, capture_output=True, text=True)
    assert read.returncode == 0, read.stderr
    return json.loads(compiled.flows[one.address].doc), json.loads(read.stdout)
