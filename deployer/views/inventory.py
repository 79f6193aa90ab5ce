"""What lies at targets, whoever deployed it, as JSON and as text made from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deployer.models.inventory import Inventory
from deployer.models.visible import escape_controls
from deployer.views.history import who_text
from deployer.views.page import Page
from deployer.views.words import count, listed

_STYLES = {"preview": "dim", "edited": "yellow"}


def inventory_to_json(inventory: Inventory) -> dict[str, Any]:
    """The inventory as JSON values."""
    return inventory.model_dump(mode="json")


def inventory_schema() -> dict[str, Any]:
    """The JSON Schema of what `list --all-projects --format json` prints."""
    return Inventory.model_json_schema()


def inventory_to_text(inventory: Mapping[str, Any], *, width: int = 80, colour: bool = False) -> str:
    """One paragraph for each project at each target. `inventory` is the result of `inventory_to_json`."""
    page = Page(width, colour)
    for target in inventory["targets"]:
        _target(page, target)
        page.blank()
    page.line((total_text(inventory), "bold"))
    return page.text()


def _target(page: Page, target: Mapping[str, Any]) -> None:
    here = f"  {listed(target['environments'])}"
    page.line((escape_controls(target["target"]), "bold"), (escape_controls(here), "dim"))
    for project in target["projects"]:
        page.blank()
        page.line((escape_controls(project["project"]), "bold"), (_of_project(project), "dim"), indent=2)
        for dag in project["dags"]:
            _dag(page, dag)
    if target["others"]:
        page.blank()
        page.line(("no project", "bold"), indent=2)
    for other in target["others"]:
        name = f"  {other['name']}" if other["name"] else ""
        page.line(escape_controls(other["file"]), (escape_controls(name), "dim"), indent=4, hang=4)
        page.line(escape_controls(other["text"]), indent=8)


def _of_project(project: Mapping[str, Any]) -> str:
    words = [count(len(project["dags"]), "DAG"), *(["these manifests"] if project["own"] else [])]
    if project["listed"] is False:
        words.append("not in the projects file")
    return f"  {', '.join(words)}"


def _dag(page: Page, dag: Mapping[str, Any]) -> None:
    branch = f"  branch {dag['branch']}" if dag["branch"] else ""
    page.line(
        escape_controls(dag["address"]),
        (escape_controls(f"  {dag['name']}{branch}  {dag['file']}"), "dim"),
        indent=4,
        hang=4,
    )
    if dag["applied_at"]:
        git_branch = f"  git branch {dag['git_branch']}" if dag["git_branch"] else ""
        page.line((escape_controls(f"applied {who_text(dag)}{git_branch}"), "dim"), indent=8)
    for mark in dag["marks"]:
        page.line((escape_controls(mark["text"]), _STYLES.get(mark["word"], "red")), indent=8)


def total_text(inventory: Mapping[str, Any]) -> str:
    """How much there is, and how much of it nobody owns any more."""
    targets = inventory["targets"]
    projects = [project for target in targets for project in target["projects"]]
    dags = [dag for project in projects for dag in project["dags"]]
    names = {project["project"] for project in projects}
    orphaned = sum(dag["orphaned"] for dag in dags)
    others = sum(len(target["others"]) for target in targets)
    rest = f", {count(others, 'file')} of no project" if others else ""
    owners = f"Nobody owns {orphaned} of them any more" if orphaned else "Each DAG has an owner"
    return f"{count(len(dags), 'DAG')} of {count(len(names), 'project')}{rest}. {owners}, as far as is known."
