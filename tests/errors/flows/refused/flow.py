from metaflow import FlowSpec, batch, exit_hook, pypi, step


def tell():
    pass


@exit_hook(on_success=[tell])
class BadFlow(FlowSpec):
    @batch(cpu=2)
    @step
    def start(self):
        self.next(self.end)

    @pypi(packages={"pandas": "2.2"})
    @step
    def end(self):
        pass
