"""Texts that try to become more than text, and the file that shows that one did."""

from __future__ import annotations

from pathlib import Path

CANARY = "mfdeploy-canary"
"""Name of the file that every payload would make in the folder where it runs."""


def _calls(code: str) -> dict[str, str]:
    return {
        "python-double": f'") or {code} or ("',
        "python-single": f"') or {code} or ('",
        "python-triple": f'"""\n{code}\n"""',
        "python-escape": f'\\"); {code} #\\',
        "python-line": f"\n{code}\n#",
        "python-separator": f"\u2028{code}\u2029\x85{code}\x0c",
        "python-dunder": f"__import__('builtins').eval({code!r})",
        "f-string": f"{{{code}}}",
        "percent": f"%({code})s %s %n",
        "jinja-expression": f"{{{{ cycler.__init__.__globals__.__builtins__.eval({code!r}) }}}}",
        "jinja-statement": f"{{% set x = {code} %}}{{% endraw %}}{{# #}}",
    }


def payloads() -> dict[str, str]:
    """Texts by what they try to break out of. What runs one makes the canary where the process stands."""
    touch = f"__import__('pathlib').Path('{CANARY}').touch()"
    return {
        **_calls(touch),
        "shell-substitution": f"$(touch {CANARY})`touch {CANARY}`",
        "shell-list": f"; touch {CANARY} & touch {CANARY} | touch {CANARY}\ntouch {CANARY}\n",
        "shell-quotes": f"'\"; touch {CANARY}; \"'",
        "shell-option": f"--help=$(touch {CANARY})",
        "kubernetes-variable": "$(METAFLOW_RUN_ID) $$(X) ${IFS}",
        "yaml": f"!!python/object/apply:os.system ['touch {CANARY}'] *a &b <<: - ? | >",
        "markdown": "](javascript:alert(1)) ![x](http://x) | `` ``` ```` **b** <!-- @everyone #1",
        "html": "</code></details><script>alert(1)</script><img src=x onerror=alert(1)>&lt;",
        "github": "::error::x\n::stop-commands::y\r\n::set-output name=a::b%0A::add-mask::c",
        "terminal": "\x1b]0;title\x07\x1b[2J\x1b[31m\x9b31m\x1b]8;;http://x\x1b\\link\x08\x08\r",
        "bidi": "\u202ekcab\u2066\u200b\ufeff",
        "rich": "[bold red]x[/bold red] [link=http://x]y[/] :smile:",
        "path": "../../../etc/passwd",
        "path-absolute": "/etc/passwd",
        "path-windows": "..\\..\\x",
        "record": f"\n\n# What mfdeploy deployed here. It is read back to plan the next change; do not edit.\n"
        f"MFDEPLOY_RECORD = {{\n    'format': {touch},\n}}\n",
        "long": "x" * 20_000,
    }


def ran(*folders: Path) -> list[Path]:
    """The canaries in these folders or below."""
    return [found for folder in folders for found in folder.rglob(CANARY)]
