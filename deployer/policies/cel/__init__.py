"""CEL, the expression language of Kubernetes' own admission rules, as far as policies need it.

A text is parsed, checked against the types of its variables, and made into a function of their values. Every problem
has its place in the text, and what an evaluation may cost is limited. docs/decisions/policies-in-cel.md says why no
library does it. The language: https://github.com/google/cel-spec/blob/master/doc/langdef.md.
"""

from __future__ import annotations

from deployer.policies.cel.check import Checked, check
from deployer.policies.cel.evaluate import Program, compile_checked
from deployer.policies.cel.parser import MAX_LENGTH, parse
from deployer.policies.cel.problems import BudgetError, CelError, EvaluationError

__all__ = [
    "MAX_LENGTH",
    "BudgetError",
    "CelError",
    "Checked",
    "EvaluationError",
    "Program",
    "check",
    "compile_checked",
    "parse",
]
