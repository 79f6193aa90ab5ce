from metaflow import FlowSpec, step


class BadFlow(FlowSpec)
    @step
    def start(self):
        pass
