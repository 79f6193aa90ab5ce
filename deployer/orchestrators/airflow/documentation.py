"""What Airflow shows of a DAG: its documentation (Markdown) from the flow, the manifest and the apply."""

from __future__ import annotations

import re
from typing import Final

import yaml

from deployer.models.deployment import Deployment
from deployer.models.flow import Flow
from deployer.models.markdown import block_fence, code_span
from deployer.models.plain_data import plain
from deployer.models.record import Origin
from deployer.orchestrators.airflow.variables import one_line

# Characters that end no <autolink>, and begin nothing else: any other URL is shown as code.
VERSION_LINE: Final = "Version `{version}`"
_VERSION: Final = re.compile(r"^Version `([0-9a-f]{12})`\s*\Z", re.MULTILINE)
_LINK: Final = re.compile(r"https?://[A-Za-z0-9._~:/?#@!$&'*+,;=%-]+")


def documentation(deployment: Deployment, flow: Flow, origin: Origin) -> str:
    """The flow's docstring, the manifest entry, and who applied it. Only the docstring is read as Markdown."""
    entry = yaml.safe_dump(
        {deployment.name: plain(deployment.entry)}, sort_keys=False, allow_unicode=True, width=100
    ).rstrip("\n")
    fence = block_fence(entry)
    head = f"{flow.doc.strip()}\n\n" if flow.doc.strip() else ""
    where = f"Deployed by mfdeploy as `{deployment.address}`, from {code_span(deployment.file.written)}:"
    version = f"\n{VERSION_LINE.format(version=origin.version)}\n" if origin.version else ""
    return f"{head}{where}\n\n{fence}yaml\n{entry}\n{fence}\n{_applied(origin)}{version}"


def version_in(documentation: object) -> str | None:
    """The version that the documentation of a DAG ends with; None if there is none."""
    found = _VERSION.search(documentation) if isinstance(documentation, str) else None
    return found.group(1) if found else None


def _applied(origin: Origin) -> str:
    found = [
        f"by {code_span(one_line(origin.applied_by))}" if origin.applied_by else "",
        f"from commit {code_span(one_line(origin.commit))}" if origin.commit else "",
        f"in {_link(origin.ci_url)}" if origin.ci_url else "",
    ]
    return f"\nApplied {' '.join(filter(None, found))}\n" if any(found) else ""


def _link(url: str) -> str:
    return f"<{url}>" if _LINK.fullmatch(url) else code_span(one_line(url))
