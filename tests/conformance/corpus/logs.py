"""What a step says, to both of its outputs, in both of its attempts."""

import sys

from metaflow import FlowSpec, current, retry, step

CASE = {
    "shows": ["logs of each attempt"],
    "logs": {"start": ["attempt 1 says ä漢 $HOME {{ ds }}\n"]},
}


class LogsFlow(FlowSpec):
    @retry(times=1, minutes_between_retries=0)
    @step
    def start(self):
        print(f"attempt {current.retry_count} says ä漢 $HOME {{{{ ds }}}}")
        print(f"attempt {current.retry_count} complains", file=sys.stderr)
        if current.retry_count == 0:
            raise ValueError("not yet")
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    LogsFlow()
