import os

from metaflow import FlowSpec, pypi_base, step


@pypi_base(packages={"tiny-thing": "1.0"}, python="3.11.7")
class WheelsFlow(FlowSpec):
    @step(start=True, end=True)
    def only(self):
        self.packages = os.environ["STANDIN_PACKAGES"].split()
