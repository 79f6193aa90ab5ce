"""Evaluates the policies for the changes of a plan, or for what the manifests describe."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from deployer.context import Context
from deployer.errors import DeployError, Diagnostic, Location, Severity
from deployer.models.description import Description, to_json
from deployer.models.desired import Desired
from deployer.models.manifests import Manifests
from deployer.models.plan import Change, Violation
from deployer.models.policies import Exemption, Policy
from deployer.models.reading import adapter
from deployer.pipeline.origins import location_of, shown_location
from deployer.plan_context import PlanContext

if TYPE_CHECKING:
    # Imported where there are policies: most projects have none.
    from deployer.policies.rules import Outcome, Rule, Values

VIOLATION: Final = "policy"
_ENDED: Final = "exemption-ended"


def compile_policies(manifests: Manifests) -> Sequence[Rule]:
    """The policies of the manifests as rules. Raises DeployError with all that is wrong with their expressions."""
    if not manifests.policies.policies:
        return ()
    from deployer.policies.rules import Rule, compile_policy

    compiled = [compile_policy(policy) for policy in manifests.policies.policies]
    problems = [problem for each in compiled if not isinstance(each, Rule) for problem in each]
    if problems:
        raise DeployError(problems)
    return [each for each in compiled if isinstance(each, Rule)]


def with_violations(plan_context: PlanContext, context: Context) -> PlanContext:
    """The same plan with what its changes violate, and with warnings of exemptions that have ended.

    Raises DeployError as `compile_policies` does.
    """
    manifests = plan_context.desired.manifests
    plan = replace(plan_context.plan, policies=manifests.policies.digest)
    rules = compile_policies(manifests)
    if rules:
        found = _Evaluation(rules, manifests, context.now().astimezone(timezone.utc))
        root = plan_context.folder.resolve().parent
        violations = (
            _violation(each, plan_context, root)
            for change in plan.changes
            for each in found.of_change(change, partial(_minutes, change.after, change.environment, manifests, context))
        )
        plan = replace(plan, violations=(*plan.violations, *violations))
        plan_context = replace(plan_context, warnings=[*plan_context.warnings, *found.warnings()])
    return replace(plan_context, plan=plan)


def check_policies(items: Iterable[Desired], manifests: Manifests, context: Context) -> list[Diagnostic]:
    """What the described deployments violate, whether anything of them would change or not.

    Rules that read `before` or the change are left out: no target is read. Raises DeployError as `compile_policies`.
    """
    rules = compile_policies(manifests)
    if not rules:
        return []
    from deployer.policies.inputs import NOT_IN_VALIDATE

    usable = [rule for rule in rules if not rule.reads & NOT_IN_VALIDATE]
    found = _Evaluation(usable, manifests, context.now().astimezone(timezone.utc))
    problems = [
        _diagnostic(each, item)
        for item in items
        for each in found.of_description(
            item, partial(_minutes, item.description, item.deployment.environment.name, manifests, context)
        )
        if not each.exempted
    ]
    return [*problems, *found.warnings()]


def _minutes(after: Description | None, environment: str, manifests: Manifests, context: Context) -> int | None:
    if after is None:
        return None
    return context.orchestrator(manifests.environments[environment]).minutes_between_runs(after.schedule)


@dataclass(frozen=True)
class _Found:
    """A violation of a policy, with the exemption from it that holds."""

    policy: Policy
    address: str
    outcome: Outcome
    severity: Literal["error", "warning"]
    description: Description | None
    change: Change | None = None
    exempted: Exemption | None = None


class _Evaluation:
    """Evaluates rules for one change after the other."""

    def __init__(self, rules: Sequence[Rule], manifests: Manifests, now: datetime) -> None:
        from deployer.policies.rules import Input, evaluate

        self.rules, self.manifests, self.now = list(rules), manifests, now
        self.input, self.evaluate = Input, evaluate
        self.ended: set[Exemption] = set()

    def of_change(self, change: Change, minutes: Any) -> Iterator[_Found]:
        """What a change violates. What is deployed already and does not change stops no apply."""
        values: Values = {
            "change": lambda: adapter(Change).dump_python(change, mode="json", exclude={"before", "after"}),
            "before": lambda: to_json(change.before) if change.before is not None else None,
            **self._described(change.after, change.address, minutes),
        }
        for rule, outcome in self._outcomes(change.address, (change.action,), values):
            is_error = change.action != "none" and (
                rule.policy.severity is Severity.ERROR or outcome.verdict == "failed"
            )
            yield self._found(rule, change.address, outcome, is_error, change.after, change)

    def of_description(self, item: Desired, minutes: Any) -> Iterator[_Found]:
        """What a described deployment violates."""
        address = item.deployment.address
        values = self._described(item.description, address, minutes)
        for rule, outcome in self._outcomes(address, ("create", "update"), values):
            is_error = rule.policy.severity is Severity.ERROR or outcome.verdict == "failed"
            yield self._found(rule, address, outcome, is_error, item.description, None)

    def _described(self, after: Description | None, address: str, minutes: Any) -> Values:
        environment, _, flow = address.partition("/")
        return {
            "after": lambda: to_json(after) if after is not None else None,
            "environment": lambda: environment,
            "flow": lambda: flow,
            "project": lambda: self.manifests.project,
            "now": lambda: self.now,
            "minutes_between_runs": minutes,
        }

    def _outcomes(self, address: str, actions: Sequence[str], values: Values) -> Iterator[tuple[Rule, Outcome]]:
        """The rules that do not hold. One that costs too much is not evaluated again: that would cost as much."""
        seen = self.input(values)
        for rule in tuple(self.rules):
            policy = rule.policy
            if any(action in policy.actions for action in actions) and policy.applies_to(address):
                outcome = self.evaluate(rule, seen.of(rule))
                if outcome.spent:
                    self.rules.remove(rule)
                if outcome.verdict != "holds":
                    yield rule, outcome

    def _found(
        self,
        rule: Rule,
        address: str,
        outcome: Outcome,
        is_error: bool,
        description: Description | None,
        change: Change | None,
    ) -> _Found:
        severity: Literal["error", "warning"] = "error" if is_error else "warning"
        exemption = self._exemption(rule.policy, address)
        return _Found(rule.policy, address, outcome, severity, description, change, exemption)

    def _exemption(self, policy: Policy, address: str) -> Exemption | None:
        """The exemption that holds, and lasts longest. Those that would if they had not ended are noted."""
        known = [
            each for each in self.manifests.policies.exemptions if each.policy == policy.name and each.exempts(address)
        ]
        lasting = [each for each in known if self.now.date() <= each.until]
        if lasting:
            return max(lasting, key=lambda each: each.until)
        self.ended.update(known)
        return None

    def warnings(self) -> list[Diagnostic]:
        """The exemptions that have ended and would have held."""
        return [
            Diagnostic(
                _ENDED,
                f"the exemption from {each.policy} ended on {each.until.isoformat()} and does not hold any more",
                each.location,
                each.path,
                "mend what it exempts, or give it another last day that a reviewer agrees to",
                Severity.WARNING,
            )
            for each in sorted(self.ended, key=lambda each: each.path)
        ]


def _violation(found: _Found, plan_context: PlanContext, root: Path) -> Violation:
    change, outcome = found.change, found.outcome
    assert change is not None
    failed = outcome.verdict == "failed"
    if failed and outcome.location is not None:
        field, location = "", outcome.location
    else:
        field, location = _place(found, _item(plan_context, change), plan_context.desired.manifests)
    column = f":{location.column}" if location.column else ""
    return Violation(
        policy=found.policy.name,
        address=found.address,
        severity=found.severity,
        message=outcome.message,
        hint=outcome.hint,
        field=field,
        origin=f"{shown_location(location, root)}{column}",
        failed=failed,
        exempted=found.exempted.reason if found.exempted else "",
        until=found.exempted.until.isoformat() if found.exempted else "",
    )


def _diagnostic(found: _Found, item: Desired) -> Diagnostic:
    outcome = found.outcome
    if outcome.verdict == "failed" and outcome.location is not None:
        field, location = "", outcome.location
    else:
        field, location = _field_of(found, item)
    message = f"{found.address}: {outcome.message} (policy {found.policy.name})"
    path = field or f"flows.{item.deployment.name}"
    return Diagnostic(VIOLATION, message, location, path, outcome.hint, Severity(found.severity))


def _item(plan_context: PlanContext, change: Change) -> Desired | None:
    """What the manifests say of a change; None for what a rollback restores and for a delete."""
    try:
        return plan_context.item(change.environment, change.file)
    except KeyError:
        return None


def _place(found: _Found, item: Desired | None, manifests: Manifests) -> tuple[str, Location]:
    """The field that a violation is about, and where it was written: else the flow's entry, else the policy's."""
    if item is not None:
        return _field_of(found, item)
    entry = next((each for each in manifests.deployments if each.address == found.address), None)
    return "", entry.location if entry is not None else found.policy.location


def _field_of(found: _Found, item: Desired) -> tuple[str, Location]:
    for field in _fields(found.policy.field, found.description):
        location = location_of(item, field)
        if location is not None:
            return field, location
    return "", item.deployment.location


def _fields(pattern: str, description: Description | None) -> Iterator[str]:
    """The fields of a description that a pattern names, in which ``*`` stands for any key."""
    if not pattern or description is None:
        return
    yield from _expanded((), pattern.split("."), to_json(description))


def _expanded(path: tuple[str, ...], parts: Sequence[str], value: Any) -> Iterator[str]:
    if not parts:
        yield ".".join(path)
        return
    keys: Iterable[str] = (parts[0],)
    if parts[0] == "*":
        keys = value if isinstance(value, Mapping) else ()
    for key in keys:
        yield from _expanded((*path, key), parts[1:], value.get(key) if isinstance(value, Mapping) else None)
