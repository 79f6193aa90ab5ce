"""A project as data that edits change: manifests, flows, and the files that they are written as."""

from __future__ import annotations

import json
import random
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

Settings = dict[str, Any]


@dataclass
class Code:
    """A flow's folder: its steps in line, what each carries, its parameters, and modules beside it."""

    number: int
    folder: str
    steps: list[str]
    bodies: dict[str, int] = field(default_factory=dict)
    retries: dict[str, int] = field(default_factory=dict)
    timeouts: dict[str, int] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    modules: dict[str, int] = field(default_factory=dict)
    note: int = 0
    schedule: str | None = None
    project: str | None = None

    @property
    def name(self) -> str:
        return f"Flow{self.number}"

    def files(self) -> dict[str, str]:
        """Text by path in the flow's folder. `notes.md` is in the package only where its suffix is asked for."""
        modules = {f"{name}.py": f"VALUE = {value}\n" for name, value in self.modules.items()}
        return {"flow.py": self.source(), "notes.md": f"Note {self.note}\n", **modules}

    def source(self) -> str:
        lines = ["from metaflow import Config, FlowSpec, Parameter, project, retry, schedule, step, timeout"]
        lines += [f"import {name}" for name in sorted(self.modules)]
        lines += [""]
        lines += [f"@schedule(cron={self.schedule!r})"] if self.schedule else []
        lines += [f"@project(name={self.project!r})"] if self.project else []
        lines += [f"class {self.name}(FlowSpec):", '    settings = Config("settings", default_value={"a": 1})']
        lines += [f"    {name} = Parameter({name!r}, default={value!r})" for name, value in self.parameters.items()]
        for step, after in zip(self.steps, [*self.steps[1:], None], strict=True):
            lines += [f"    @retry(times={self.retries[step]})"] if step in self.retries else []
            lines += [f"    @timeout(seconds={self.timeouts[step]})"] if step in self.timeouts else []
            lines += ["    @step", f"    def {step}(self):", f"        self.value = {self.bodies.get(step, 0)}"]
            lines += [f"        self.next(self.{after})"] if after else []
        return "\n".join([*lines, "", 'if __name__ == "__main__":', f"    {self.name}()", ""])


@dataclass
class Project:
    """Manifests: `defaults`, environments and flow entries by name, and the code of each flow.

    `style` decides how it is written (order of keys, quotes, which file holds which entry) and nothing else.
    """

    defaults: Settings
    environments: dict[str, Settings]
    entries: dict[str, Settings]
    code: dict[str, Code]
    style: int = 0

    def write(self, folder: Path) -> None:
        """Everything below `folder`, without anything that was there before."""
        shutil.rmtree(folder, ignore_errors=True)
        for name, code in self.code.items():
            for file, text in code.files().items():
                path = folder / "flows" / code.folder / file
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            self.entries[name]["file"] = f"flows/{code.folder}/flow.py"
        (folder / "values.json").write_text('{"from": "a file"}')
        head = {"version": 1, "project": "growth", "defaults": self.defaults, "environments": self.environments}
        documents: dict[str, Settings] = {"mfdeploy.yaml": head}
        style = random.Random(self.style)
        # One manifest for each flow; entries may share a file with the next ones when the style says so.
        for name, entry in self.entries.items():
            file = f"{name}.yaml" if style.random() < 0.8 or len(documents) == 1 else list(documents)[-1]
            documents.setdefault(file, {}).setdefault("flows", {})[name] = entry
        for file, document in documents.items():
            (folder / file).write_text(f"# Style {self.style}\n" + _text(document, style))


def _text(document: Settings, style: random.Random) -> str:
    if style.random() < 0.3:
        return json.dumps(_shuffled(document, style), indent=1)
    flow = style.choice([None, False])
    return yaml.safe_dump(_shuffled(document, style), sort_keys=False, default_flow_style=flow, allow_unicode=True)


def _shuffled(node: Any, style: random.Random) -> Any:
    """The same with keys in another order."""
    if isinstance(node, dict):
        keys = list(node)
        style.shuffle(keys)
        return {key: _shuffled(node[key], style) for key in keys}
    return [_shuffled(item, style) for item in node] if isinstance(node, list) else node


def generate(rng: random.Random, count: int) -> Project:
    """A project of `count` manifests, each with one flow that goes to one or two of three environments."""
    environments: dict[str, Settings] = {
        "prod": {"production": True, "target": "../dags/prod", "compute": "local", "datastore": "../store"},
        "dev": {"target": "../dags/dev", "compute": "local", "datastore": "../store"},
        "kube": {
            "target": "../dags/kube",
            "compute": "kubernetes",
            "datastore": "s3://bucket/metaflow",
            "kubernetes": {"image": "python:3.11"},
            "metaflow": {"METAFLOW_DEFAULT_METADATA": "local"},
        },
    }
    entries: dict[str, Settings] = {}
    code: dict[str, Code] = {}
    for number in range(count):
        name = f"flow{number}"
        where = rng.sample(list(environments), rng.choice([1, 1, 2]))
        entries[name] = {"environments": where}
        code[name] = Code(
            number,
            f"{name}_0",
            ["start", *(["middle"] if rng.random() < 0.3 else []), "end"],
            retries={"end": 2} if rng.random() < 0.2 else {},
            parameters={"text": "a", "number": 1},
            schedule="0 6 * * *" if rng.random() < 0.3 else None,
            project=f"team{number}" if rng.random() < 0.2 else None,
        )
    return Project({}, environments, entries, code)
