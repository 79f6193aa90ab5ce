"""Everything at some targets as a page: a table with a row for each file, whoever deployed it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from deployer.views.history import who_text
from deployer.views.html.facets import Facets, facets_json, filters
from deployer.views.html.page import render
from deployer.views.inventory import total_text

_FACETS = ("owner", "project", "environment", "target", "known")


def inventory_to_html(inventory: Mapping[str, Any]) -> str:
    """A row for each file. `inventory` is the result of `inventory_to_json`."""
    rows = [row for target in inventory["targets"] for row in _rows(target)]
    return render(
        "inventory.html",
        title="What lies at the targets",
        total=total_text(inventory),
        rows=[{**row, "facets": facets_json(row["facets"])} for row in rows],
        filters=filters(_FACETS, [row["facets"] for row in rows]),
    )


def _rows(target: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for project in target["projects"]:
        for dag in project["dags"]:
            words = [mark["word"] for mark in dag["marks"]]
            yield {
                **dag,
                "target": target["target"],
                "project": project["project"],
                "applied": who_text(dag) if dag["applied_at"] else "",
                "said": [mark["text"] for mark in dag["marks"]],
                "facets": _facets(
                    target, "nobody any more" if dag["orphaned"] else "a project", project["project"], words, dag
                ),
            }
    for other in target["others"]:
        yield {
            **other,
            "target": target["target"],
            **dict.fromkeys(("project", "address", "branch", "applied", "git_branch", "orphaned"), ""),
            "said": [other["text"]],
            "facets": _facets(target, "no project", "", [other["kind"]], {}),
        }


def _facets(target: Mapping[str, Any], owner: str, project: str, known: list[str], dag: Mapping[str, Any]) -> Facets:
    return {
        "owner": [owner],
        "project": [project] if project else [],
        "environment": [dag["environment"]] if dag else [],
        "target": [target["target"]],
        "known": known,
    }
