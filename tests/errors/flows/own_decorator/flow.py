from metaflow import FlowSpec, StepMutator, step


class checked(StepMutator):
    def mutate(self, mutable_step):
        raise LookupError("no such team")


class BadFlow(FlowSpec):
    @checked
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
