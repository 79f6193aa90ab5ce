"""Write the schemas and the pages that are made from the models and from the tests: ``python docs/generate.py``."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from deployer.compiler.versions import TESTED, show_version
from deployer.manifest.schema import manifest_schema, projects_schema
from deployer.models.metaflow_settings import READ, REFUSED
from deployer.policies.inputs import input_schema
from deployer.views.forecast_words import forecast_schema
from deployer.views.history import history_schema
from deployer.views.inventory import inventory_schema
from deployer.views.plan_json import plan_schema
from deployer.views.result_text import result_schema
from deployer.views.site_json import site_schema

PAGE = Path(__file__).with_name("manifest-reference.md")
PROJECTS = Path(__file__).with_name("projects-file.md")
SETTINGS = Path(__file__).with_name("metaflow-settings.md")
SUPPORT = Path(__file__).with_name("metaflow-support.md")
RESULTS = Path(__file__).parents[1] / "tests" / "conformance" / "results.json"
SCHEMAS = Path(__file__).parents[1] / "schemas"

_SECTIONS = {
    "": ("The document", "Any key may stand in any file of the manifest folder; a name may be defined once."),
    "EnvironmentEntry": ("`environments.<name>`", "Also takes all the settings of a flow, for all flows there."),
    "FlowEntry": ("`flows.<name>`", "Also takes all the settings of a flow."),
    "RemovedEntry": ("`removed.<name>`", "See [deleting](lifecycle.md#deleting)."),
    "PolicyEntry": ("`policies.<name>`", "See [policies](policies.md)."),
    "PolicyScope": ("`applies_to`", ""),
    "PolicyExample": ("`examples`", "One item of the list."),
    "ExemptionEntry": ("`exemptions.<name>`", "See [exemptions](policies.md#exemptions)."),
    "FlowExemption": ("`exemptions.<policy>` of a flow", "See [exemptions](policies.md#exemptions)."),
    "FlowSettings": (
        "Settings of a flow",
        "In `defaults`, an environment, a flow's entry and its `overrides.<environment>`.",
    ),
    "Retries": ("`retries`", "A bare number is `times`."),
    "Schedule": ("`schedule`", "A bare text is `cron`."),
    "TriggerSettings": ("`triggers`", "One item of the list, see [events](events.md)."),
    "NotifySettings": ("`notify`", "See [notifications](notifications.md). `none` is for nobody."),
    "LateSettings": ("`notify.late`", "From Airflow 3.3 on."),
    "NotifierSettings": ("Notifiers", "One item of a list below `notify`, with a single key."),
    "SlackMessage": ("`slack`", "See [Slack](notifications.md#slack)."),
    "SlackWebhookMessage": ("`slack_webhook`", "See [Slack](notifications.md#slack)."),
    "Email": ("`email`", "See [email](notifications.md#email)."),
    "PagerdutyAlert": ("`pagerduty`", "See [PagerDuty](notifications.md#pagerduty)."),
    "WebhookRequest": ("`webhook`", "See [a webhook](notifications.md#a-webhook)."),
    "PackageSettings": ("`package`", "Patterns start at the folder of the flow's file, see [packages](packages.md)."),
    "PodSettings": ("Settings of pods: `kubernetes` and `steps.<step>`", "What Metaflow's `@kubernetes` takes."),
    "ClusterSettings": ("`environments.<name>.kubernetes`", "Also takes the settings of pods, for all pods there."),
    "AirflowAccess": ("`environments.<name>.airflow`", "How the running Airflow is reached."),
    "Toleration": ("`tolerations`", "One item of the list."),
    "SecurityContext": ("`security_context`", ""),
}
# What a value of another section is called in a table.
_LINKS = {
    "EnvironmentEntry": "[environment](#environmentsname)",
    "FlowEntry": "[flow](#flowsname)",
    "FlowSettings": "[settings of a flow](#settings-of-a-flow)",
    "Override": "[settings of a flow](#settings-of-a-flow) and `dag_id`",
    "RemovedEntry": "[removed flow](#removedname)",
    "ProjectLimits": "[limits](#projectsname)",
    "PolicyEntry": "[policy](#policiesname)",
    "PolicyScope": "[what it is about](#applies_to)",
    "PolicyExample": "[example](#examples)",
    "ExemptionEntry": "[exemption](#exemptionsname)",
    "FlowExemption": "[exemption](#exemptionspolicy-of-a-flow)",
    "Retries": "[retries](#retries)",
    "Schedule": "[schedule](#schedule)",
    "TriggerSettings": "[trigger](#triggers)",
    "NotifySettings": "[notify](#notify)",
    "LateSettings": "[late](#notifylate)",
    "NotifierSettings": "[notifier](#notifiers)",
    "SlackMessage": "[slack](#slack)",
    "SlackWebhookMessage": "[slack_webhook](#slack_webhook)",
    "Email": "[email](#email)",
    "PagerdutyAlert": "[pagerduty](#pagerduty)",
    "WebhookRequest": "[webhook](#webhook)",
    "PackageSettings": "[package](#package)",
    "PodSettings": "[settings of pods](#settings-of-pods-kubernetes-and-stepsstep)",
    "ClusterSettings": "[cluster](#environmentsnamekubernetes)",
    "AirflowAccess": "[running Airflow](#environmentsnameairflow)",
    "Toleration": "[toleration](#tolerations)",
    "SecurityContext": "[security context](#security_context)",
}


def schemas() -> dict[str, str]:
    """The JSON Schemas that come with the package, as text: draft-07 for editors, 2020-12 for programs."""
    documents = {
        "plan": plan_schema(),
        "policy": input_schema(),
        "history": history_schema(),
        "result": result_schema(),
        "site": site_schema(),
        "inventory": inventory_schema(),
        "forecast": forecast_schema(),
    }
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    made = {
        name: {**dialect, "$id": f"urn:mfdeploy:{name}", **schema, "title": f"mfdeploy {name}"}
        for name, schema in documents.items()
    }
    files = {"manifest": manifest_schema(), "projects": projects_schema()}
    return {name: json.dumps(each, indent=2) + "\n" for name, each in {**files, **made}.items()}


def manifest_reference(schema: dict[str, Any]) -> str:
    """The page of all keys of a manifest (Markdown), from the JSON Schema of the registry of settings."""
    lines = [
        "# All keys of a manifest",
        "",
        "Made from the registry of settings (`deployer/manifest/keys.py`) by `docs/generate.py`.",
        "See [the manifest](manifest.md) for how they work.",
        "",
    ]
    shared = {name: set(schema["definitions"][name]["properties"]) for name in ("FlowSettings", "PodSettings")}
    inherited = {
        "EnvironmentEntry": shared["FlowSettings"],
        "FlowEntry": shared["FlowSettings"],
        "ClusterSettings": shared["PodSettings"],
    }
    for name, (title, note) in _SECTIONS.items():
        part = schema["definitions"][name] if name else schema
        lines += [f"## {title}", ""]
        lines += [note, ""] if note else []
        lines += _table(part, inherited.get(name, set()))
    return "\n".join(lines)


def projects_reference(schema: dict[str, Any]) -> str:
    """The page of all keys of a projects file (Markdown), from its JSON Schema."""
    lines = [_PROJECTS_HEAD, "## The document", "", *_table(schema, set()), "## `projects.<name>`", ""]
    return "\n".join([*lines, *_table(schema["definitions"]["ProjectLimits"], set())])


_PROJECTS_HEAD = """\
# All keys of a projects file

What a platform writes into `mfdeploy-projects.yaml`. Made from the model (`deployer/manifest/projects.py`) by
`docs/generate.py`. See [many teams](many-teams.md) for how it works.

Each list has names and shell patterns (`*`, `?`, `[a-z]`), which are compared letter by letter: case counts. A list
that is absent limits nothing; an empty one allows nothing.
"""


def _table(part: dict[str, Any], inherited: set[str]) -> Iterator[str]:
    part = next((each for each in part.get("anyOf", ()) if "properties" in each), part)
    yield "| key | value | |"
    yield "|---|---|---|"
    for key, value in part["properties"].items():
        # An environment's `kubernetes` takes more than that of a flow does, and is told again for it.
        if key not in inherited or (key == "kubernetes" and "ClusterSettings" in str(value)):
            required = " **required**" if key in part.get("required", ()) else ""
            default = f" Default: {_value(value['default'])}." if "default" in value else ""
            yield f"| `{key}` | {_type(value)} | {value.get('description', '')}{default}{required} |"
    yield ""


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _type(value: dict[str, Any]) -> str:
    if "$ref" in value:
        return _LINKS[value["$ref"].rpartition("/")[2]]
    if "allOf" in value:
        return _type(value["allOf"][0])
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
        of_patterns = value.get("patternProperties", {})
        inner: dict[str, Any] = value.get("additionalProperties") or next(iter(of_patterns.values()), {})
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


def support_page(results: Mapping[str, Any]) -> str:
    """The page of what works (Markdown), from the results of `make conformance` (`tests/conformance/results.py`)."""
    *others, newest = (show_version(version) for version in TESTED)
    lines = [_SUPPORT_HEAD.format(oldest=others[0], newest=newest, versions=f"{', '.join(others)} and {newest}")]
    columns = list(next(iter(results.values()))["columns"])
    for area in dict.fromkeys(row["area"] for row in results.values()):
        lines += [f"## {area.capitalize()}", ""]
        lines += ["| | " + " | ".join(columns) + " | shown by | the stock command |"]
        lines += ["|---" * (len(columns) + 3) + "|"]
        for title, row in results.items():
            if row["area"] == area:
                lines.append(_support_row(title, row))
        lines.append("")
    return "\n".join(lines)


_SUPPORT_HEAD = """\
# Metaflow on Airflow

What becomes of each thing that Metaflow can say, on each Airflow and compute. Made by `docs/generate.py` from the
results of `make conformance`, which deploys flows with `mfdeploy apply`, runs them in real Airflows and looks at the
runs through Metaflow's Client. With `compute: kubernetes` they are run by the unmodified KubernetesPodOperator, against
a server of the tests that speaks the Kubernetes API and runs each pod's container as a process; code packages and
artifacts are in an S3.

- **works**: deployed, run, and checked by the tests that are named.
- **refused**: `plan` refuses it by name, with the flow's file and line and with what to do instead. Nothing is dropped
  without a word.
- **not run**: no test has shown it there yet. Tasks and schedulers are killed only where a person asks for that, on a
  machine that has nothing else to do.
- An empty field: it has no meaning there. With `compute: local` a step's `@kubernetes` has no effect, and the plan
  warns of it.

The last column is what was measured of
`python flow.py airflow create` of Metaflow 2.19.39. Whatever it writes, no current Airflow imports it.

## Versions of Metaflow

Metaflow {oldest} to {newest} are supported, in mfdeploy's own interpreter and in one that `python:` names.
`tests/versions` compiles, packages and runs flows with {versions}, each in an
environment of its own, and compares graphs, parameters, retries and results with those of the newest. The tables below
are of {newest}.

- An older Metaflow lacks what came later: decorators and mutators of your own came with 2.16, `switch` with 2.18, names
  of your own for the first and last steps with a late 2.19. A flow that uses them there is refused as Metaflow itself
  refuses it.
- A Metaflow older than {oldest} is an error, once for each interpreter.
- One that is newer than {newest} is a warning: Metaflow changes internals in patch releases, too.
"""


_SETTINGS_HEAD = """\
# Settings of Metaflow

What becomes of each METAFLOW_* setting below `metaflow:` of an environment, or in the profile that it names. Made from
the table in `deployer/models/metaflow_settings.py` by `docs/generate.py`; tests look for each setting of Metaflow
{oldest} to {newest} in it. What each setting means is Metaflow's to say, in its
[configuration](https://docs.metaflow.org/getting-started/infrastructure) and in its metaflow_config.py.

- **compile**: read when a plan or an apply describes a flow, builds its code package or stores it.
- **task**: a variable of each task, which Metaflow reads there.
- A setting of pods has no effect with `compute: local`, and the plan warns of it. It does not for a profile, which
  several environments may share.
- A name that is in none of these tables, and that the Metaflow that compiles the flow does not know, is a warning with
  the nearest one that it knows. Settings of its extensions it knows. Variables for the code of a flow are better off in
  `@environment`, or in `with:`.
"""


def settings_page() -> str:
    """The page of Metaflow's settings (Markdown), from the table of them."""
    head = _SETTINGS_HEAD.format(oldest=show_version(TESTED[0]), newest=show_version(TESTED[-1]))
    lines = [head, "## Read", "", "| about | read by | settings |", "|---|---|---|"]
    for rule in READ:
        by = {"both": "compile, task"}.get(rule.by, rule.by)
        lines.append(f"| {rule.about} | {by}{', pods only' if rule.pods else ''} | {', '.join(rule.names)} |")
    lines += ["", "## Refused", "", "`*` stands for any end of the name.", ""]
    lines += ["| about | settings | what to do |", "|---|---|---|"]
    lines += [f"| {rule.about} | {', '.join(rule.names)} | {rule.instead} |" for rule in REFUSED]
    return "\n".join(lines) + "\n"


def _support_row(title: str, row: Mapping[str, Any]) -> str:
    cells = row["columns"].values()
    statuses = ["" if cell["status"] == "no meaning" else cell["status"] for cell in cells]
    shown = dict.fromkeys(_test_link(test) for cell in cells for test in cell["tests"])
    return f"| {title} | {' | '.join(statuses)} | {', '.join(shown)} | {row['stock']} |"


def _test_link(test: str) -> str:
    """A test's file, under the name of the flow that it runs or else its own, without the Airflow and the compute."""
    file, _, name = test.partition("::")
    flow = re.fullmatch(r"test_a_flow\[(.*)\]", name)
    if flow:
        return f"[{flow[1]}](../tests/conformance/corpus/{flow[1]}.py)"
    name = re.sub(r"\[[\d.]+(-\w+)?\]$", "", name.rpartition("::")[2])
    return f"[{name.removeprefix('test_').replace('_', ' ')}](../{file})"


if __name__ == "__main__":
    SUPPORT.write_text(support_page(json.loads(RESULTS.read_text(encoding="utf-8"))), encoding="utf-8")
    SETTINGS.write_text(settings_page(), encoding="utf-8")
    PROJECTS.write_text(projects_reference(projects_schema()), encoding="utf-8")
    PAGE.write_text(manifest_reference(manifest_schema()), encoding="utf-8")
    for name, text in schemas().items():
        (SCHEMAS / f"{name}.schema.json").write_text(text, encoding="utf-8")
