"""How long an object store is waited for, and how often it is asked again."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig


@dataclass(frozen=True)
class Patience:
    """`timeout` holds for one request (seconds); `retries` are made on 429, 5xx and cut connections, within `limit`."""

    timeout: float = 30
    retries: int = 4
    first_wait: float = 0.2
    limit: float = 60

    def client(self, endpoint: str) -> ClientConfig:
        """The client's options; without TLS only where the endpoint says so."""
        return {
            "connect_timeout": timedelta(seconds=min(5, self.timeout)),
            "timeout": timedelta(seconds=self.timeout),
            "allow_http": endpoint.startswith("http:"),
        }

    @property
    def retry(self) -> RetryConfig:
        """The client's retries, with waits that double."""
        return {
            "max_retries": self.retries,
            "retry_timeout": timedelta(seconds=self.limit),
            "backoff": {
                "init_backoff": timedelta(seconds=self.first_wait),
                "max_backoff": timedelta(seconds=5),
                "base": 2,
            },
        }

    def waits(self) -> Iterator[float | None]:
        """Seconds to wait after each attempt of a write, None after the last; random, so that two get out of step."""
        for number in range(self.retries):
            yield min(5.0, self.first_wait * 2**number) * random.uniform(0.5, 1)  # noqa: S311
        yield None


PATIENCE = Patience()
