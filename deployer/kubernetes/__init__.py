"""Pods as data, and whether a cluster would accept them. Nothing in a cluster is ever changed.

The Kubernetes client takes a second to import. `check` is the entry point to the modules that need it.
"""
