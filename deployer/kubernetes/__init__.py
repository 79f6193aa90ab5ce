"""Pods as data, and whether a cluster would take them: it is asked, and nothing is changed in it.

The client of Kubernetes takes a second to import. `check` is the door to the modules that need it.
"""
