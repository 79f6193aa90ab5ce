"""A step with a card."""

from metaflow import FlowSpec, card, current, step
from metaflow.cards import Markdown, get_cards

CASE = {
    "shows": ["`@card`"],
    "artifacts": {"end": {"cards": ["blank"], "is_page": True}},
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
        self.cards, self.is_page = [one.type for one in cards], "<html" in cards[0].get()


if __name__ == "__main__":
    CardedFlow()
