from metaflow import FlowSpec, IncludeFile, Parameter, step


class SeveralFlow(FlowSpec):
    alpha = Parameter("alpha", type=complex)
    when = Parameter("when", type=bytes)
    words = IncludeFile("words", default="no-words.txt")
    more = IncludeFile("more", default="no-more.txt")

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
