"""How the clients of object stores are set up: the time for one request, for all of them, and retries."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from deployer.models.waiting import WaitPolicy
from deployer.targets.retry_policy import RetryPolicy

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig

# The client itself retries nothing: it does not report that a write was retried, and each operation of it would have
# a limit of its own.
NO_RETRIES: RetryConfig = {"max_retries": 0}


@dataclass(frozen=True)
class ClientOptions:
    """Requests are retried on 429, 5xx, conflicts and cut connections."""

    waits: WaitPolicy = field(default_factory=WaitPolicy)
    retries: RetryPolicy = field(default_factory=lambda: RetryPolicy(attempts=5, first_wait=0.2, longest_wait=5))

    @property
    def timeout(self) -> float:
        """Seconds for one request: a store that hangs is asked three times."""
        return self.waits.seconds / 3.1

    def client(self, endpoint: str) -> ClientConfig:
        """The client's options; without TLS only where the endpoint says so."""
        return {
            "connect_timeout": timedelta(seconds=min(5, self.timeout)),
            "timeout": timedelta(seconds=self.timeout),
            "allow_http": endpoint.startswith("http:"),
        }


DEFAULT_OPTIONS = ClientOptions()
