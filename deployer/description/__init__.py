"""The canonical description of a deployment: built in one place, compared field by field, explained in words."""

from __future__ import annotations

from deployer.description.build import describe, graph_of
from deployer.description.explain import explain, order_is_known
from deployer.models.description import to_json

__all__ = ["describe", "explain", "graph_of", "order_is_known", "to_json"]
