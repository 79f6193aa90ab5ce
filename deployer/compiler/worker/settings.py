"""The METAFLOW_* settings of an environment, held against the Metaflow that is installed here."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator

from metaflow.plugins import METADATA_PROVIDERS

from ..protocol import FlowData, Job, Problem
from .metaflow_compat import configuration, get_version
from .problems import FlowError, nearest

_PREFIX = "METAFLOW_"
_PROVIDER, _SERVICE = "METAFLOW_DEFAULT_METADATA", "METAFLOW_SERVICE_URL"


def unknown_settings(job: Job) -> Iterator[Problem]:
    """A warning for each setting that only the configuration of Metaflow could read and that is not in it."""
    known = configuration()
    for name in job.configuration:
        if name not in known:
            hint = _nearest(name, known) or "remove it, unless the flow's own code reads it"
            message = f"Metaflow {get_version()} does not know {name}"
            yield Problem("unknown-setting", message, setting=f"metaflow.{name}", hint=hint, severity="warning")


def _nearest(name: str, known: Iterable[str]) -> str:
    """The most similar setting, compared without the prefix that all of them have."""
    short = {each.removeprefix(_PREFIX): each for each in sorted(known)}
    close = difflib.get_close_matches(name.removeprefix(_PREFIX), short, n=1, cutoff=0.7)
    return f"did you mean {short[close[0]]!r}?" if close else ""


def check_metadata(job: Job, flow: FlowData) -> None:
    """Raises FlowError for a metadata provider that Metaflow does not have, and for pods that would not find theirs."""
    provider = flow["environment"][_PROVIDER]
    known = [each.TYPE for each in METADATA_PROVIDERS]
    setting = f"metaflow.{_PROVIDER}"
    if provider not in known:
        message = f"Metaflow has no metadata provider {provider!r}"
        hint = nearest(provider, known) or f"expected one of {', '.join(sorted(known))}"
        raise FlowError(Problem("bad-value", message, setting=setting, hint=hint))
    if provider != "service" or not job.on_kubernetes or _SERVICE in flow["environment"]:
        return
    common = job.settings.get("METAFLOW_KUBERNETES_SECRETS")
    without = [
        step["name"]
        for step in flow["steps"]
        if not (common or step["pod"].get("secrets") or _SERVICE in step["environment"])
    ]
    if without:
        # The same words for every flow: then it is one problem of the environment.
        steps = f" of {flow['name']} ({', '.join(without)})" if len(without) < len(flow["steps"]) else ""
        message = (
            f"the pods{steps} have no metadata service: no {_SERVICE}, and no Kubernetes secret that could hold it"
        )
        hint = f"set {_SERVICE} below `metaflow:`, or name the secret: `kubernetes: {{secrets: [...]}}`"
        raise FlowError(Problem("no-metadata", message, setting=setting, hint=hint))
