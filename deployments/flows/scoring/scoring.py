"""A flow that imports a package beside it: the whole folder travels in the code package."""

from features import score
from metaflow import FlowSpec, Parameter, step


class ScoringFlow(FlowSpec):
    """Scores a few sentences with code that other flows could share."""

    sentences = Parameter("sentences", help="Sentences, with | between", separator="|", default="All good!|Why? Why?")

    @step
    def start(self):
        """Score every sentence."""
        self.scores = [score(sentence) for sentence in self.sentences]
        self.next(self.end)

    @step
    def end(self):
        """Show the scores."""
        for sentence, points in zip(self.sentences, self.scores, strict=True):
            print(f"{points:3d}  {sentence}")


if __name__ == "__main__":
    ScoringFlow()
