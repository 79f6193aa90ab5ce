"""What Kubernetes takes for the attributes of `@kubernetes`: one table for values of a flow's code and of manifests.

Needs the standard library only: the compiler's worker imports it beside Metaflow, where there may be no client of
Kubernetes. The tables of keys and types are compared with the models of that client by a test.
"""

from __future__ import annotations

from .attributes import RULES, variable_names, violations
from .values import Violation, dotted

__all__ = ["RULES", "Violation", "dotted", "variable_names", "violations"]
