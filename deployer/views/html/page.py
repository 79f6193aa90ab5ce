"""The base of each HTML page: templates that escape, and style and scripts that only the page's own policy lets run.

A page is one file, and loads nothing. Whatever comes from a manifest, a flow or an orchestrator reaches a template as a
string, is shown with its control characters written out, and is escaped as HTML: it can be neither markup nor script.
What slips through all the same is stopped by the content security policy, which lets a browser run only what has the
digest of one of our own files.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from markupsafe import Markup

from deployer.models.visible import escape_controls

if TYPE_CHECKING:
    from jinja2 import Environment

_HERE = Path(__file__).parent
_SOURCE_MAP = "//# sourceMappingURL="
# Firefox takes no file for one of the same origin as another, and no server has a page of this scheme.
_SAME_ORIGIN, _NOTHING = "'self' file:", "'none'"
# A page that draws needs all three, in this order.
PLAIN: tuple[str, ...] = ("page.js",)
WITH_DRAWINGS: tuple[str, ...] = ("page.js", "dagre.min.js", "drawing.js")


@dataclass(frozen=True)
class Asset:
    """A style sheet or a script, as a page contains it."""

    name: str
    text: str

    @property
    def digest(self) -> str:
        """As a content security policy and the attribute `integrity` write it: ``sha256-`` and base64."""
        return f"sha256-{base64.b64encode(hashlib.sha256(self.text.encode()).digest()).decode()}"

    @property
    def markup(self) -> Markup:
        """The text, for the content of `style` and `script`: what we wrote ourselves is not escaped there."""
        return Markup(self.text)  # noqa: S704


@cache
def asset(name: str) -> Asset:
    """The style sheet or script of this name below `assets/`; a licence that lies beside it becomes a comment in it."""
    path = _HERE / "assets" / name
    lines = path.read_text(encoding="utf-8").splitlines()
    text = "\n".join(line for line in lines if not line.startswith(_SOURCE_MAP))
    licence = path.with_name(f"{name.partition('.')[0]}.LICENSE.txt")
    if licence.is_file():
        text = f"/*\n{licence.read_text(encoding='utf-8').strip()}\n*/\n{text}"
    return Asset(name, f"\n{text}\n")


def shared_assets(scripts: Sequence[str] = WITH_DRAWINGS) -> list[Asset]:
    """The files that pages of a site share, which are written beside them: see `shared` of `render`."""
    return [asset("style.css"), *map(asset, scripts)]


def policy(scripts: Sequence[str], shared: str | None = None) -> str:
    """The content security policy of a page with these scripts: it may load nothing, and send nothing anywhere.

    A page with `shared` files may load what lies beside it. Their digests would serve it only on a server: a browser
    does not compute those of files that it opens from a disk.
    """
    own = shared is not None
    digests = " ".join(map(_quoted, scripts))
    parts = (
        "default-src 'none'",
        f"style-src {_SAME_ORIGIN if own else _quoted('style.css')}",
        f"script-src {(_SAME_ORIGIN if own else digests) if scripts else _NOTHING}",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
    )
    return "; ".join(parts)


def _quoted(name: str) -> str:
    return f"'{asset(name).digest}'"


def render(
    template: str,
    *,
    title: str,
    scripts: Sequence[str] = PLAIN,
    shared: str | None = None,
    language: Literal["en"] = "en",
    **values: Any,
) -> str:
    """A page: the template of this name below `templates/`, which extends ``base.html``, with these values.

    `scripts` are names below `assets/`: `PLAIN`, or `WITH_DRAWINGS` for a page that contains a `drawing`. With
    `shared`, a relative URL that ends with a slash or is empty, the page links the files of `shared_assets` there,
    rather than containing them. The same values give the same bytes.
    """
    return (
        templates()
        .get_template(template)
        .render(
            **values,
            title=title,
            language=language,
            policy=policy(scripts, shared),
            style=asset("style.css"),
            scripts=[asset(name) for name in scripts],
            shared=shared,
        )
    )


@cache
def templates() -> Environment:
    """The environment of our templates: it escapes, and fails for a name that is not given."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.tests["web"] = is_web
    return environment


def is_web(url: object) -> bool:
    """Whether a page may link to this: an address of the web, whoever wrote it. In a template: ``url is web``."""
    return isinstance(url, str) and url.isprintable() and url.lower().startswith(("https://", "http://"))


def _visible(value: Any) -> Any:
    """A value as it is shown. Markup is what a template of ours made, and has been through here."""
    return escape_controls(value) if isinstance(value, str) and not isinstance(value, Markup) else value
