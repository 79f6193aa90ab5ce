"""What Airflow shows of a DAG: its documentation (Markdown) from the flow, the manifest and the apply."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import Final

import yaml

from deployer.models.deployment import Deployment
from deployer.models.flow import Flow
from deployer.models.markdown import block_fence, code_span
from deployer.models.plain_data import plain
from deployer.models.record import Origin
from deployer.models.visible import escape_controls
from deployer.orchestrators.airflow.on_call import short_commit
from deployer.orchestrators.airflow.variables import one_line

# Headings, since Airflow 3 puts no space between paragraphs.
_ON_CALL: Final = """\
### When a run fails

The log of the task that failed ends with the error and with the command that resumes the run on your machine. \
To run it again here, clear the task with everything downstream.

### In the manifests of mfdeploy

"""
# A name that means nothing to Markdown.
_NAME: Final = re.compile(r"[^\W_]+(?:[ -][^\W_]+)*")
VERSION_LINE: Final = "Version `{version}`"
_VERSION: Final = re.compile(r"^Version `([0-9a-f]{12})`\s*\Z", re.MULTILINE)
# Characters that end no link, and begin nothing else: any other URL is shown as code.
_LINK: Final = re.compile(r"https?://[A-Za-z0-9._~:/?#@!$&'*+,;=%-]+")


def documentation(deployment: Deployment, flow: Flow, origin: Origin) -> str:
    """The flow's docstring, who deployed it, what to do when a run fails, the manifest entry, and the version.

    Of what others wrote only the docstring is read as Markdown.
    """
    entry = yaml.safe_dump(
        {deployment.name: plain(deployment.entry)}, sort_keys=False, allow_unicode=True, width=100
    ).rstrip("\n")
    fence = block_fence(entry)
    head = f"{flow.doc.strip()}\n\n" if flow.doc.strip() else ""
    where = f"`{deployment.address}`, from {code_span(deployment.file.written)}:"
    version = f"\n{VERSION_LINE.format(version=origin.version)}\n" if origin.version else ""
    return f"{head}{_applied(origin)}{_ON_CALL}{where}\n\n{fence}yaml\n{entry}\n{fence}\n{version}"


def version_in(documentation: object) -> str | None:
    """The version that the documentation of a DAG ends with; None if there is none."""
    found = _VERSION.search(documentation) if isinstance(documentation, str) else None
    return found.group(1) if found else None


def _applied(origin: Origin) -> str:
    """A section: who deployed, when, from which commit of whom, and the pages of these. Empty if nothing is known."""
    pages = origin.pages
    commit = f"from commit {_link(_name(short_commit(origin.commit)), pages.url)}" if origin.commit else ""
    author = f"by {_name(pages.author)}" if pages.author else ""
    found = [
        f"by {_name(origin.applied_by)}" if origin.applied_by else "",
        f"on {_moment(origin.applied_at)}" if origin.applied_at else "",
        f"{commit} {author}".strip(),
    ]
    seen = [
        _link("the pull request", pages.pull_request) if pages.pull_request else "",
        _link("the job that deployed it", origin.ci_url) if origin.ci_url else "",
    ]
    sentences = [
        " ".join(filter(None, found)),
        f"see {' and '.join(filter(None, seen))}" if any(seen) else "",
    ]
    said = " ".join(f"{sentence[0].upper()}{sentence[1:]}." for sentence in sentences if sentence)
    return f"### Deployed\n\n{said}\n\n" if said else ""


def _name(text: str) -> str:
    """A name as it is, or as code where Markdown might read something into it."""
    line = escape_controls(one_line(text))
    return line if _NAME.fullmatch(line) else code_span(line)


def _moment(text: str) -> str:
    """A moment for people, as in 2026-11-26 14:05 UTC."""
    try:
        return f"{datetime.fromisoformat(text).astimezone(timezone.utc):%Y-%m-%d %H:%M} UTC"
    except ValueError:  # a record is a file that anybody may have written
        return code_span(one_line(text))


def _link(text: str, url: str) -> str:
    """A link that shows `text`. A URL that cannot be one is shown as code, and without one there is the text alone."""
    if not url:
        return text
    return f"[{text}](<{url}>)" if _LINK.fullmatch(url) else f"{text} ({code_span(one_line(url))})"
