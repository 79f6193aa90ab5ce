"""How the clients of object stores are set up: the time for one request, and their own retries of reads."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from deployer.targets.retry_policy import RetryPolicy

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig


@dataclass(frozen=True)
class ClientOptions:
    """`timeout` is for one request (seconds); `retries` are made on 429, 5xx, conflicts and cut connections."""

    timeout: float = 30
    retries: RetryPolicy = field(
        default_factory=lambda: RetryPolicy(attempts=5, first_wait=0.2, longest_wait=5, budget=60)
    )

    def client(self, endpoint: str) -> ClientConfig:
        """The client's options; without TLS only where the endpoint says so."""
        return {
            "connect_timeout": timedelta(seconds=min(5, self.timeout)),
            "timeout": timedelta(seconds=self.timeout),
            "allow_http": endpoint.startswith("http:"),
        }

    @property
    def retry(self) -> RetryConfig:
        """The retries that the client makes by itself, by the same policy."""
        policy = self.retries
        config: RetryConfig = {
            "max_retries": policy.attempts - 1,
            "backoff": {
                "init_backoff": timedelta(seconds=policy.first_wait),
                "max_backoff": timedelta(seconds=policy.longest_wait),
                "base": 2,
            },
        }
        if policy.budget is not None:
            config["retry_timeout"] = timedelta(seconds=policy.budget)
        return config


DEFAULT_OPTIONS = ClientOptions()
