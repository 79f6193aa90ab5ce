"""Events that a step's code publishes by Metaflow's ArgoEvent: noted, for Airflow to publish when the step succeeds.

So a step needs neither an address nor credentials for that.
"""

from __future__ import annotations

import json
import os
import sys
import time
import uuid
from typing import Any

from .metaflow_compat import ArgoEvent, ArgoEventException, is_for_airflow

# What a container can say as it ends
# (https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure), less some for what else a
# step says.
MAX_IN_POD = 4096 - 96

published: list[dict[str, Any]] = []


def note_events() -> None:
    """From now on, ArgoEvent notes events in `published`, unless the code gives it an address of its own."""
    publish = ArgoEvent.publish

    def note(
        self: Any, payload: dict[str, Any] | None = None, force: bool = True, ignore_errors: bool = True
    ) -> str | None:
        if not is_for_airflow(self):
            return publish(self, payload=payload, force=force, ignore_errors=ignore_errors)  # type: ignore[no-any-return]
        try:
            return _note(self._name, {**self._payload, **(payload or {})})
        except (TypeError, ValueError) as error:
            message = f"Unable to publish the event {self._name}: {error}"
            if not ignore_errors:
                raise ArgoEventException(message) from error
            sys.stderr.write(f"{message}\n")
            return None

    ArgoEvent.publish = note


def _note(name: str, payload: dict[str, Any]) -> str:
    """The id of the event. Raises ValueError or TypeError for what cannot be published."""
    event = {"name": name, "id": str(uuid.uuid4()), "timestamp": int(time.time()), "payload": payload}
    size = len(json.dumps([*published, event], allow_nan=False))
    if "METAFLOW_KUBERNETES_WORKLOAD" in os.environ and size > MAX_IN_POD:
        raise ValueError(f"the events of a step in a pod have {MAX_IN_POD} bytes at most, and these have {size}")
    published.append(event)
    sys.stderr.write(f"The event {name} is published when the step has succeeded.\n")
    return str(payload.get("id", event["id"]))
