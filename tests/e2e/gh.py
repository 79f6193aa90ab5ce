"""Stands for GitHub's command line in tests: just the calls that the examples make, on a state kept in a file."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

STATE = Path(os.environ["FAKE_GITHUB"])
OURS = '.[] | select(.user.type == "Bot" and (.body | startswith(env.MARKER))) | .id'


def main(words: list[str]) -> None:
    assert os.environ["GH_TOKEN"] == "a token"
    state = json.loads(STATE.read_text()) if STATE.exists() else {"comments": [], "pulls": {}, "plans": {}}
    options: dict[str, str] = {}
    places: list[str] = []
    while words:
        word = words.pop(0)
        if word in ("--paginate", "--silent"):
            continue
        if word.startswith("-"):
            options[word] = words.pop(0)
        else:
            places.append(word)
    if state.get("forbidden") and "--method" in options:
        sys.exit("gh: Resource not accessible by integration (HTTP 403)")
    answer = COMMANDS[places[0]](state, places[1:], options)
    if answer is not None:
        sys.stdout.write(f"{answer}\n")
    STATE.write_text(json.dumps(state))


def api(state: dict[str, Any], places: list[str], options: dict[str, str]) -> str | None:
    owner, *rest = places[0].removeprefix("repos/acme/flows/").split("/")
    if owner == "commits":
        assert options["--jq"] == ".[0].head.sha // empty"
        return str(state["pulls"].get(rest[0], ""))
    if options.get("--method") == "POST":
        assert rest[1:] == ["comments"]
        state["comments"].append({"id": len(state["comments"]) + 1, "type": "Bot", "body": body(options)})
        return None
    if options.get("--method") == "PATCH":
        comment = next(each for each in state["comments"] if each["id"] == int(rest[1]))
        comment["body"] = body(options)
        return None
    assert options["--jq"] == OURS
    marker = os.environ["MARKER"]
    found = [each for each in state["comments"] if each["type"] == "Bot" and each["body"].startswith(marker)]
    return "\n".join(str(each["id"]) for each in found)


def body(options: dict[str, str]) -> str:
    name, _, path = options["-F"].partition("=@")
    assert name == "body"
    text = Path(path).read_text()
    assert len(text) <= 65_536
    return text


def run(state: dict[str, Any], places: list[str], options: dict[str, str]) -> str | None:
    assert options["--repo"] == "acme/flows"
    if places[0] == "list":
        assert (options["--event"], options["--status"]) == ("pull_request", "success")
        return "7" if options["--commit"] in state["plans"] else ""
    assert places == ["download", "7"]
    assert options["--name"] == "mfdeploy-plan-prod"
    shutil.copy(next(iter(state["plans"].values())), "mfdeploy-plan.json")
    return None


COMMANDS = {"api": api, "run": run}
main(sys.argv[1:])
