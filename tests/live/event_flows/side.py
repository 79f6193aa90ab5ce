from metaflow import FlowSpec, step


class SideFlow(FlowSpec):
    @step
    def start(self):
        pass


if __name__ == "__main__":
    SideFlow()
