"""A Kubernetes cluster that is asked whether it would take pods. Nothing is changed in it."""

from deployer.cluster.access import Access, ClusterError
from deployer.cluster.check import Finding, check_pods

__all__ = ["Access", "ClusterError", "Finding", "check_pods"]
