"""mfdeploy policy: the policies of the manifests and of a platform, and the examples that they carry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from deployer.context import Context
from deployer.errors import DeployError, Diagnostic
from deployer.models.policies import Policy
from deployer.models.selection import Selection
from deployer.pipeline.policies import compile_policies
from deployer.policies.examples import Tested, run_examples


@dataclass(frozen=True)
class ExamplesResult:
    """The outcome of each example, and the names of the policies that carry none."""

    tested: Sequence[Tested]
    without: Sequence[str]

    @property
    def passed(self) -> bool:
        """Whether each outcome is the expected one."""
        return all(each.passed for each in self.tested)


def list_policies(selection: Selection, context: Context) -> Sequence[Policy]:
    """All policies, those of the platform first. Raises DeployError also for what is wrong with their expressions."""
    compile_policies(context.load(selection))
    return context.load(selection).policies.policies


def run_all_examples(selection: Selection, context: Context) -> ExamplesResult:
    """Run all examples. Raises DeployError for policies and for inputs of examples that are not valid."""
    rules = compile_policies(context.load(selection))
    tested: list[Tested] = []
    problems: list[Diagnostic] = []
    for rule in rules:
        found, wrong = run_examples(rule)
        tested += found
        problems += wrong
    if problems:
        raise DeployError(problems)
    return ExamplesResult(tested, [rule.policy.name for rule in rules if not rule.policy.examples])
