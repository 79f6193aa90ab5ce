"""A step with a card."""

from metaflow import FlowSpec, card, current, step
from metaflow.cards import Markdown, get_cards

CASE = {
    "shows": ["`@card`"],
    "artifacts": {"end": {"cards": 1, "holds_text": True}},
}


class CardedFlow(FlowSpec):
    @card(type="blank")
    @step
    def start(self):
        current.card.append(Markdown("# All is well"))
        self.path = current.pathspec
        self.next(self.end)

    @step
    def end(self):
        cards = get_cards(self.path)
        self.cards, self.holds_text = len(cards), "All is well" in cards[0].get()


if __name__ == "__main__":
    CardedFlow()
