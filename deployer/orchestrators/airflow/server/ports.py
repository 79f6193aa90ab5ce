"""The port of this machine at which a private Airflow serves its pages."""

from __future__ import annotations

import socket
from typing import Final

from deployer.models.live import LiveError

PREFERRED: Final = 8080
_TRIED = 20


def choose(wanted: int | None) -> int:
    """The port that is wanted; without a wish 8080, or the next one that is free. Raises LiveError if it is taken."""
    if wanted is not None:
        if not _is_free(wanted):
            raise LiveError(f"port {wanted} of this machine is taken", "leave --port out for one that is free")
        return wanted
    for port in range(PREFERRED, PREFERRED + _TRIED):
        if _is_free(port):
            return port
    raise LiveError(
        f"the ports {PREFERRED} to {PREFERRED + _TRIED - 1} of this machine are taken", "choose one with --port"
    )


def is_answered(port: int) -> bool:
    """Whether something listens there."""
    with socket.socket() as client:
        client.settimeout(1)
        return client.connect_ex(("127.0.0.1", port)) == 0


def _is_free(port: int) -> bool:
    with socket.socket() as server:
        # As the server itself does: a connection that ended a moment ago does not count.
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
