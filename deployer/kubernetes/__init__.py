"""A Kubernetes cluster that is asked whether it would take pods. Nothing is changed in it."""

from deployer.kubernetes.access import Access, ClusterError
from deployer.kubernetes.check import Finding, check_pods

__all__ = ["Access", "ClusterError", "Finding", "check_pods"]
