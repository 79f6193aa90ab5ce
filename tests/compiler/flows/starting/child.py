from metaflow import Config, FlowSpec, Parameter, step


class ChildFlow(FlowSpec):
    own = Config("own", default_value={"b": 2})
    n = Parameter("n", default=1)

    @step
    def start(self):
        self.double = self.own.b * self.n
        self.next(self.end)

    @step
    def end(self):
        print("child done")


if __name__ == "__main__":
    ChildFlow()
