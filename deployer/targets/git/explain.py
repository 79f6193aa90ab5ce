"""What a failure of git means for a target, in one sentence, and what to do about it."""

from __future__ import annotations

import re
import signal
from typing import Final

from deployer.vcs.git import GitResult

CHECK_CONNECTION: Final = "check the address, and that this machine can reach the host"
_HINTS: Final = (
    (r"Host key verification failed", "connect to the host once by hand, so that ssh knows its key"),
    (
        r"terminal prompts disabled|could not read (?:Username|Password)|Authentication failed|Permission denied"
        r"|error: 40[13]|denied to",
        "give the user who runs mfdeploy access: an ssh key in the agent, or a credential helper of git",
    ),
    (r"dubious ownership", "see git's setting safe.directory"),
    (
        r"not appear to be a git repository|[Rr]epository .*not found|does not exist|not found$",
        "check the address; a repository without access looks the same as one that does not exist",
    ),
    (
        r"resolve host|[Cc]onnection (?:refused|reset|timed out|closed)|unreachable|Couldn't connect|Failed to connect"
        r"|hung up|early EOF|unexpected disconnect|Operation too slow",
        f"{CHECK_CONNECTION}; then plan again",
    ),
    (
        r"No space left|File too large|unable to write|cannot pwrite",
        "free some space in the folder for temporary files",
    ),
)
_NOISE: Final = ("Cloning into", "warning: filtering not recognized", "Please make sure", "and the repository exists")


def explain(result: GitResult, url: str) -> str:
    """The reason of a failure and a hint, on one line; no credentials, which git's messages may show in a URL."""
    lines = (line.strip() for line in result.stderr.splitlines() if not line.startswith(_NOISE))
    reason = _without_credentials(" ".join(filter(None, lines)), url)
    if result.code < 0:
        return f"{url}: git was ended by {signal.Signals(-result.code).name}; {reason}".rstrip("; ")
    found = (hint for pattern, hint in _HINTS if re.search(pattern, result.stderr, re.MULTILINE))
    hint = next(found, f"see what `git ls-remote {url}` says for the same user")
    return f"{url}: {reason or 'git failed'}; {hint}"


def _without_credentials(text: str, url: str) -> str:
    """The user's `insteadOf` may have put a token into the URL that git names."""
    return re.sub(r"://[^/@\s]+@", lambda found: found[0] if found[0] in url else "://***@", text)
