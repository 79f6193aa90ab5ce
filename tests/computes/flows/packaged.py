import os

from metaflow import FlowSpec, conda, conda_base, step


@conda_base(packages={"numpy": "1.26.4"}, python="3.11.7")
class PackagedFlow(FlowSpec):
    @step
    def start(self):
        self.packages = os.environ["STANDIN_PACKAGES"].split()
        self.prefix = os.environ["STANDIN_PREFIX"]
        self.next(self.fit)

    @conda(packages={"pandas": "2.2.0"})
    @step
    def fit(self):
        self.packages = os.environ["STANDIN_PACKAGES"].split()
        self.prefix = os.environ["STANDIN_PREFIX"]
        self.next(self.end)

    @conda(disabled=True)
    @step
    def end(self):
        self.plain = "STANDIN_PREFIX" not in os.environ
