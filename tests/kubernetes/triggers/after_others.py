from metaflow import FlowSpec, step, trigger_on_finish


@trigger_on_finish(
    flows=[
        "PlainFlow",
        "growth.test.ada.FeaturesFlow",
        {"name": "LabelsFlow", "project": "growth", "project_branch": "prod"},
    ]
)
class AfterOthersFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    AfterOthersFlow()
