"""What a page contains, as its reader and its browser find it."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

_VOID = {"meta", "link", "input", "br"}


class Read(HTMLParser):
    """The tags of a page with their attributes, and its texts by the tag that they stand in."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_data(self, data: str) -> None:
        if self.open:
            self.texts.setdefault(self.open[-1], []).append(data)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, (tag, self.getpos())

    @property
    def policy(self) -> dict[str, str]:
        """The content security policy, by directive."""
        text = next(str(each["content"]) for tag, each in self.tags if each.get("http-equiv"))
        return {name: value for name, _, value in (part.partition(" ") for part in text.split("; "))}

    def attributes(self, name: str) -> list[str]:
        """The values of all attributes of this name."""
        return [str(each[name]) for _, each in self.tags if each.get(name) is not None]

    @property
    def facets(self) -> list[dict[str, list[str]]]:
        """What each item can be filtered by."""
        return list(map(json.loads, self.attributes("data-facets")))

    @property
    def graphs(self) -> list[dict[str, Any]]:
        """What each drawing is made from."""
        return list(map(json.loads, self.attributes("data-graph")))


def without_assets(page: str) -> str:
    """The page without its style, its scripts and their digests: those are the same for each page."""
    page = re.sub(r"(<(style|script)>).*?(</\2>)", r"\1\3", page, flags=re.DOTALL)
    return re.sub(r"sha256-[A-Za-z0-9+/=]+", "sha256-", page)
