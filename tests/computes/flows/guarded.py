import hashlib
import os

from metaflow import FlowSpec, card, current, secrets, step
from metaflow.cards import Markdown

INLINE = {"type": "inline", "id": "x", "options": {"env_vars": {"INLINE_WORD": "open sesame"}}}
STORED = {"type": "aws-secrets-manager", "id": "database", "options": {"region": "us-east-1"}}


class GuardedFlow(FlowSpec):
    @card(type="blank", id="report")
    @secrets(sources=[INLINE, STORED])
    @step
    def start(self):
        self.inline = os.environ["INLINE_WORD"]
        self.digest = hashlib.sha256(os.environ["DB_PASSWORD"].encode()).hexdigest()
        current.card["report"].append(Markdown("# Forty-two orders"))
        self.next(self.end)

    @step
    def end(self):
        self.gone = "DB_PASSWORD" not in os.environ


if __name__ == "__main__":
    # A card is made by a process that starts this file.
    GuardedFlow()
