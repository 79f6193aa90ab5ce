"""Steps that end as the variable WAY says."""

import os
import signal
import sys
from functools import wraps

from metaflow import FlowSpec, Parameter, catch, step
from metaflow.exception import METAFLOW_EXIT_DISALLOW_RETRY


def end(way):
    if way == "exit":
        sys.exit(0)
    if way == "leave":
        os._exit(0)
    if way == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if way == "killed in a line":
        print("half of it", end="")
        print("\r 50%|#####     |", end="", file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    if way.startswith("no retry"):
        sys.exit(METAFLOW_EXIT_DISALLOW_RETRY)
    if way == "caught":
        try:
            sys.exit(0)
        except SystemExit:
            print("went on")


def ends(function):
    @wraps(function)
    def wrapper(self):
        way = os.environ.get("WAY", "")
        print("began", way)
        end(way)
        if way == "return":
            return
        function(self)
        if way == "exit after next":
            sys.exit(0)

    return wrapper


class EndingFlow(FlowSpec):
    count = Parameter("count", default=1)

    @ends
    @step
    def start(self):
        self.items = list(range(self.count))
        self.next(self.work, foreach="items")

    @catch(var="failure")
    @ends
    @step
    def work(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    try:
        EndingFlow()
    except SystemExit:
        if os.environ.get("WAY") != "no retry in the file":
            raise
