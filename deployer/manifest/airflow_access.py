"""Rules for the keys below `airflow:` that belong together: where Airflow is, and one way to log in."""

from __future__ import annotations

from deployer.errors import Location
from deployer.manifest.nodes import Map, Report
from deployer.manifest.nodes import Path as NodePath

# The keys that begin a way to log in.
_WAYS = ("token", "user", "google", "mwaa")


def check_airflow_access(environment: Map, path: NodePath, report: Report) -> None:
    """Report what is missing below an environment's `airflow:`, and what does not go together."""
    entry = environment.entries.get("airflow")
    if entry is None or not isinstance(entry.node, Map):
        return
    given, path = entry.node.entries, (*path, "airflow")

    def refuse(code: str, message: str, hint: str, location: Location = entry.key) -> None:
        report.error(code, message, location, path, hint)

    if not given.keys() & {"url", "mwaa"} and given.keys() != {"version"}:
        refuse("missing-key", "`airflow:` does not say where Airflow is", "add url, or mwaa for Amazon MWAA")
    if "url" in given and "mwaa" in given:
        refuse("bad-airflow", "url and mwaa do not go together", "MWAA is found by its name", given["mwaa"].key)
    ways = [name for name in _WAYS if name in given]
    if len(ways) > 1:
        hint = "one is enough"
        refuse("bad-airflow", f"there are several ways to log in: {', '.join(ways)}", hint, given[ways[1]].key)
    for name, other in (("user", "password"), ("password", "user")):
        if name in given and other not in given:
            refuse("missing-key", f"{name} needs {other} beside it", f"add {other}", given[name].key)
