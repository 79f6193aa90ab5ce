from metaflow import FlowSpec, conda, conda_base, step


@conda_base(packages={"numpy": "1.26.4"})
class PackagedFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.fit)

    @conda(packages={"pandas": "2.2.0"}, python="3.11.5")
    @step
    def fit(self):
        self.next(self.plain)

    @conda(disabled=True)
    @step
    def plain(self):
        self.next(self.end)

    @step
    def end(self):
        pass
