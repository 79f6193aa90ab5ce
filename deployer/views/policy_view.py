"""Policies, and what became of their examples, as JSON and as text made from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from deployer.models.policies import Policy
from deployer.models.visible import escape_controls
from deployer.policies.examples import Tested
from deployer.views.page import Page
from deployer.views.words import count

_STYLES = {True: "green", False: "bold red"}


def policies_to_json(policies: Sequence[Policy]) -> dict[str, Any]:
    """Each policy, without its examples."""
    return {"policies": [_policy(each) for each in policies]}


def _policy(policy: Policy) -> dict[str, Any]:
    return {
        "name": policy.name,
        "description": policy.description,
        "rule": policy.rule.text,
        "message": policy.message,
        "severity": policy.severity.value,
        "environments": [*policy.environments],
        "flows": [*policy.flows],
        "actions": [*policy.actions],
        "field": policy.field,
        "exemptions": "allowed" if policy.may_be_exempted else "refused",
        "examples": len(policy.examples),
        "origin": str(policy.location),
        "platform": policy.from_platform,
    }


def policies_to_text(data: Mapping[str, Any], /, *, width: int, colour: bool) -> str:
    """One entry for each policy."""
    page = Page(width, colour)
    for each in data["policies"]:
        style = "bold red" if each["severity"] == "error" else "bold yellow"
        page.line((each["severity"], style), " ", (escape_controls(each["name"]), "bold"), f"  {_about(each)}")
        page.line(escape_controls(each["description"] or each["message"]), indent=6, hang=0)
        page.line((escape_controls(each["origin"]), "dim"), indent=6, hang=0)
    page.line(f"{len(data['policies'])} {'policy' if len(data['policies']) == 1 else 'policies'}.")
    return page.text()


def _about(policy: Mapping[str, Any]) -> str:
    parts = [" and ".join(policy["actions"])]
    parts += [f"in {' and '.join(policy['environments'])}"] if policy["environments"] else []
    parts += [f"of {' and '.join(policy['flows'])}"] if policy["flows"] else []
    parts += ["of the platform"] if policy["platform"] else []
    return escape_controls(", ".join(parts))


def tested_to_json(tested: Sequence[Tested], without: Sequence[str]) -> dict[str, Any]:
    """Each example with its outcome, and the policies without examples."""
    return {
        "passed": all(each.passed for each in tested),
        "examples": [_example(each) for each in tested],
        "without_examples": [*without],
    }


def _example(tested: Tested) -> dict[str, Any]:
    outcome = tested.outcome
    return {
        "policy": tested.policy.name,
        "example": tested.example.name or f"example {tested.number}",
        "passed": tested.passed,
        "expected": "pass" if tested.example.passes else "violation",
        "found": {"holds": "pass", "violated": "violation", "failed": "failed"}[outcome.verdict],
        "message": outcome.message,
        "origin": str(tested.example.location),
    }


def tested_to_text(data: Mapping[str, Any], /, *, width: int, colour: bool) -> str:
    """One line for each example, and the totals."""
    page = Page(width, colour)
    for each in data["examples"]:
        mark = ("ok    " if each["passed"] else "FAILED", _STYLES[each["passed"]])
        page.line(mark, " ", (escape_controls(each["policy"]), "bold"), f"  {escape_controls(each['example'])}", hang=7)
        if not each["passed"]:
            found = f"expected {each['expected']}, found {each['found']}"
            said = f": {each['message']}" if each["message"] else ""
            page.line(escape_controls(f"{found}{said}"), indent=7, hang=0)
            page.line((escape_controls(each["origin"]), "dim"), indent=7, hang=0)
    for name in data["without_examples"]:
        page.line(("none  ", "yellow"), " ", (escape_controls(name), "bold"), "  no examples", hang=7)
    failed = sum(not each["passed"] for each in data["examples"])
    page.line(f"{count(len(data['examples']), 'example')}, {failed} failed.")
    return page.text()
