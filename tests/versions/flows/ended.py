import os
import sys
from functools import wraps

from metaflow import Config, FlowSpec, current, retry, step
from metaflow.exception import METAFLOW_EXIT_DISALLOW_RETRY


def leaves(function):
    @wraps(function)
    def wrapper(self):
        attempt = current.retry_count
        if attempt == 0:
            sys.exit(0)
        if attempt == 1:
            os._exit(0)
        if attempt == 2:
            return
        if attempt == 3:
            sys.exit(METAFLOW_EXIT_DISALLOW_RETRY)
        function(self)

    return wrapper


class EndedFlow(FlowSpec):
    """Its first step ends too early in four ways, and works then."""

    cfg = Config("cfg", default_value={"a": 1})

    @retry(times=4, minutes_between_retries=0)
    @leaves
    @step
    def start(self):
        self.found = [self.cfg.a, sorted({"METAFLOW_FLOW_CONFIG_VALUE", "METAFLOW_CODE_URL"} & set(os.environ))]
        self.arguments = [name for name in sys.argv if "mfdeploy" in name]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    EndedFlow()
