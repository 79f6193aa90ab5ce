from metaflow import FlowSpec, Parameter, step


class BothFlow(FlowSpec):
    alpha = Parameter("alpha", type=complex)

    @step
    def start(self):
        self.next(self.ende)

    @step
    def end(self):
        pass
