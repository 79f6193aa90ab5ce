from metaflow import FlowSpec, environment, step


class VariablesFlow(FlowSpec):
    @environment(vars={"1ST": "1", "sp ace": "1", "FINE_1": "1", "with.dot-too": "1"})
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    VariablesFlow()
