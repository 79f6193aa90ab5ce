from functools import partial

from metaflow import FlowSpec, exit_hook, step


def page(run):
    pass


@exit_hook(on_error=[page], options={"cpu": 2, "image": 3})
@exit_hook(on_success=[lambda run: print(run), partial(page), 7, "missing.page", "pgae"])
@exit_hook(on_error=page)
@exit_hook()
class BadFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
