"""The previews of an environment, as JSON and as text made from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from deployer.models.deployment import Environment
from deployer.models.previews import Preview, Previews
from deployer.models.visible import escape_controls
from deployer.views.page import Page
from deployer.views.words import count

_STYLES = {"exists": "green", "gone": "red", "unknown": "yellow"}


def previews_to_json(environment: Environment, previews: Sequence[Preview]) -> dict[str, Any]:
    """The previews of an environment."""
    return Previews(
        project=environment.project,
        environment=environment.name,
        target=environment.target.written,
        previews=tuple(previews),
    ).model_dump(mode="json")


def previews_to_text(previews: Mapping[str, Any], *, width: int = 80, colour: bool = False) -> str:
    """One paragraph for each preview. `previews` is the result of `previews_to_json`."""
    page = Page(width, colour)
    page.line((escape_controls(previews["environment"]), "bold"), (f"  {escape_controls(previews['target'])}", "dim"))
    for preview in previews["previews"]:
        page.blank()
        _preview(page, preview)
    page.blank()
    _total(page, previews)
    return page.text()


def _preview(page: Page, preview: Mapping[str, Any]) -> None:
    applied = f"  applied {preview['applied_at']} by {preview['applied_by']}" if preview["applied_at"] else ""
    page.line("  ", (escape_controls(preview["branch"]), "bold"), (escape_controls(applied), "dim"), hang=6)
    named = ", ".join(map(escape_controls, preview["git_branches"]))
    git_branch = f"git branch {named}: " if named else "git branch: "
    state = preview["state"]
    page.line(git_branch, (state, _STYLES[state]), f" ({escape_controls(preview['found'])})", indent=6, hang=2)
    for dag in preview["dags"]:
        page.line(escape_controls(dag["address"]), (f"  {escape_controls(dag['name'])}", "dim"), indent=6, hang=2)


def _total(page: Page, previews: Mapping[str, Any]) -> None:
    found = previews["previews"]
    gone = [preview for preview in found if preview["state"] == "gone"]
    if not found:
        page.line(("No previews.", "bold"))
        return
    page.line((f"{count(len(found), 'preview')}, {len(gone)} gone.", "bold"))
    if gone:
        page.line(f"To destroy what is gone: mfdeploy previews --env {previews['environment']} --destroy-gone")
