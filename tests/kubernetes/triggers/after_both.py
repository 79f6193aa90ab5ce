from metaflow import FlowSpec, project, step, trigger_on_finish


@project(name="growth")
@trigger_on_finish(flows=["FeaturesFlow", "LabelsFlow"])
class AfterBothFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    AfterBothFlow()
