"""A foreach whose body is one step."""

from metaflow import FlowSpec, Parameter, step

TEXTS = {
    "haiku": "an old silent pond\na frog jumps into the pond\nsplash silence again",
    "proverb": "measure twice and cut once",
    "riddle": "what has keys but no locks and space but no room",
}


class WordCountFlow(FlowSpec):
    """Counts the words of each text in a task of its own, and adds the counts up."""

    shortest = Parameter("shortest", help="Shorter words are not counted", type=int, default=1)

    @step
    def start(self):
        """One task for each text; at most `max_workers` of them at a time."""
        self.titles = sorted(TEXTS)
        self.next(self.count, foreach="titles")

    @step
    def count(self):
        """Count the words of one text."""
        self.title = self.input
        self.words = sum(len(word) >= self.shortest for word in TEXTS[self.title].split())
        print(f"{self.title}: {self.words} words")
        self.next(self.collect)

    @step
    def collect(self, inputs):
        """Bring the counts together."""
        self.counts = {text.title: text.words for text in inputs}
        self.next(self.end)

    @step
    def end(self):
        """Add them up."""
        self.total = sum(self.counts.values())
        print(f"{self.total} words in {len(self.counts)} texts")


if __name__ == "__main__":
    WordCountFlow()
