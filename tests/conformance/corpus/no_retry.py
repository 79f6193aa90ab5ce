"""A step that asks for retries in general and forbids them for an error that comes again."""

import sys
from functools import wraps

from metaflow import FlowSpec, retry, step
from metaflow.exception import METAFLOW_EXIT_DISALLOW_RETRY

CASE = {
    "shows": ["Metaflow's exit code that forbids retries"],
    "state": "failed",
    "states": {"start": ["failed"], "end": ["upstream_failed"]},
    "attempts": {"start": 0},
    "logs": {"start": ["bad data"]},
}


def retried_unless_the_data_is_bad(function):
    @wraps(function)
    def wrapper(self):
        try:
            function(self)
        except ValueError as error:
            print(error)
            sys.exit(METAFLOW_EXIT_DISALLOW_RETRY)

    return retry(times=2, minutes_between_retries=0)(wrapper)


class NoRetryFlow(FlowSpec):
    @retried_unless_the_data_is_bad
    @step
    def start(self):
        raise ValueError("bad data")
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    NoRetryFlow()
