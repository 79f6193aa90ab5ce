"""What a step can do about failures: try again, give up in order, be stopped, or not be tried again at all."""

import os

from metaflow import FlowSpec, catch, current, environment, retry, step, timeout


class ResilientFlow(FlowSpec):
    """Fails where it says so, and comes to its end all the same."""

    @retry(times=0)
    @step
    def start(self):
        """Never tried again, whatever the manifest's default is: that is what `times=0` means."""
        self.first_attempt = current.retry_count
        self.next(self.flaky)

    @retry(times=2, minutes_between_retries=0)
    @step
    def flaky(self):
        """Works at the second attempt."""
        if current.retry_count == 0:
            raise ConnectionError("the first attempt always fails")
        self.attempt = current.retry_count
        self.next(self.hopeless)

    @catch(var="failure")
    @retry(times=1, minutes_between_retries=0)
    @step
    def hopeless(self):
        """Fails at every attempt; @catch keeps the error and lets the run go on."""
        raise ValueError("this never works")
        self.next(self.bounded)  # never reached, but it is how Metaflow sees the graph

    @timeout(minutes=5)
    @environment(vars={"REPORT_LANGUAGE": "fi"})
    @step
    def bounded(self):
        """Stopped if it takes too long; sees the variable that it asks for."""
        self.language = os.environ["REPORT_LANGUAGE"]
        self.next(self.end)

    @step
    def end(self):
        """Show what became of it."""
        print(f"worked at attempt {self.attempt}, gave up on: {self.failure}, language {self.language}")


if __name__ == "__main__":
    ResilientFlow()
