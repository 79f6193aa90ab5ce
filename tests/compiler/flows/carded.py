"""A step with a card."""

from metaflow import FlowSpec, card, current, step
from metaflow.cards import Markdown


class CardedFlow(FlowSpec):
    @card(type="blank")
    @step
    def start(self):
        current.card.append(Markdown("# All is well"))
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    CardedFlow()
