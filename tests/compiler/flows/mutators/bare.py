from metaflow import Config, FlowMutator, FlowSpec, Parameter, step


class Tag(FlowMutator):
    """Does nothing; it stands outermost."""

    def mutate(self, mutable_flow):
        pass


class AddParameters(FlowMutator):
    def init(self, *args, **kwargs):
        self.field = args[0]

    def pre_mutate(self, mutable_flow):
        for item in mutable_flow.cfg.get(self.field, []):
            mutable_flow.add_parameter(
                item["name"], Parameter(item["name"], type=str, default=item["default"]), overwrite=True
            )


@Tag
@AddParameters("wanted")
class MutatedFlow(FlowSpec):
    cfg = Config(
        "cfg", default_value={"wanted": [{"name": "first", "default": "41"}, {"name": "second", "default": "42"}]}
    )

    @step
    def start(self):
        self.got = [self.first, self.second]
        print("ALL", self.got)
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    MutatedFlow()
