from os.path import basename

from metaflow import FlowSpec, exit_hook, step


def tell(run):
    print(run)


def page():
    pass


@exit_hook(on_success=[tell, "os.path.basename"], on_error=(page, basename, tell))
@exit_hook(on_error=["page"], on_success=[tell, page], options={"image": "acme/tell:1"})
class HookedFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
