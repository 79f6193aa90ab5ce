"""mfdeploy event: publish an event, for the deployed flows that wait for it."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from typing import Any

from deployer.context import Context
from deployer.errors import DeployError, Diagnostic, nearest
from deployer.models.live import LiveEvent, Published
from deployer.models.selection import Selection
from deployer.pipeline.live import live_of, reported

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}")
# What Airflow takes in the id of a run.
_ID = re.compile(r"[A-Za-z0-9_.~:+-]{1,100}")
_MAX_CHARACTERS = 200_000


def event(
    selection: Selection, name: str, environment: str, payload: str, context: Context, *, event_id: str = ""
) -> Published:
    """Publish an event with a payload (a JSON object as text). The same id again starts nothing. Raises DeployError.

    Who waits for it is what the running Airflow knows, also of other manifests and environments.
    """
    found = context.load(selection).environments[environment]
    content = _payload(payload)
    if not _NAME.fullmatch(name):
        raise _problem("bad-event", f"{name[:100]!r} is not the name of an event", "letters, digits, '_', '-' and '.'")
    chosen = event_id or uuid.uuid4().hex
    if not _ID.fullmatch(chosen):
        hint = "letters, digits and any of _.~:+-, at most 100 of them"
        raise _problem("bad-event", f"{chosen[:100]!r} is not the id of an event", hint)
    with reported(found):
        live = live_of(found, context)
        published = live.publish(LiveEvent(name, chosen, int(context.now().timestamp()), content))
        if not published.runs and not published.together:
            known = live.awaited_events()
            hint = nearest(name, known) or (
                f"flows there wait for {', '.join(known[:10])}" if known else "no flow there waits for an event"
            )
            raise _problem(
                "no-consumer", f"no deployed flow waits for the event {name!r}, and nothing was started", hint
            )
    return published


def _payload(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict) or len(text) > _MAX_CHARACTERS:
        hint = """for example --payload '{"region": "north"}'"""
        raise _problem("bad-event", f"the payload is not a JSON object of at most {_MAX_CHARACTERS:,} characters", hint)
    return found


def _problem(code: str, message: str, hint: str) -> DeployError:
    return DeployError(Diagnostic(code, message, hint=hint))
