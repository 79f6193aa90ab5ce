"""Runs a flow's file so that ``argo-workflows create --only-json`` prints the flow's triggers and its sensor.

The workflow that Metaflow prints has the names of the events alone; what becomes of them is in the sensor.
"""

import json
import runpy
import sys

from metaflow.plugins.argo.argo_workflows import ArgoWorkflows

ArgoWorkflows.__str__ = lambda self: json.dumps({"triggers": self.triggers, "sensor": self._sensor.to_json()})
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
