"""Rules for values beyond their type: crons, timezones, dates, branches. Each is a validator for pydantic.

They pass on what has another type than they expect: the type is validated next to them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from pydantic_core import PydanticCustomError, PydanticKnownError
from typing_extensions import LiteralString

from deployer.errors import nearest

NO_SCHEDULE: Final = "none"
SCHEDULE_WORDS: Final = ("hourly", "daily", "weekly")
NO_NOTIFICATIONS: Final = "none"
MAX_CRON_LENGTH: Final = 1_000  # each minute, hour, day and month by its number are 400
# Source: sanitize_conn_id in airflow/models/connection.py, in 2.10 and later.
_CONNECTION: Final = re.compile(r"[\w#!()\-.:/\\]+")
_MAX_CONNECTION: Final = 250
# An address, or a token of Slack.
_NO_CONNECTION: Final = re.compile(r"://|^xox[a-z]-")
_CHANNEL: Final = re.compile(r"#?[\w.-]{1,80}")
_ADDRESS: Final = re.compile(r"[^\s@<>,;:\"()\[\]{}\\]{1,64}@[^\s@<>,;:\"()\[\]{}\\]{1,250}")
_ENDPOINT: Final = re.compile(r"[\w./~%+-]{1,500}")
_UNITS: Final = {"s": 1, "m": 60, "h": 3600}
_MOST_DIGITS: Final = 5
_FIRST_DATE: Final = "1900-01-01"  # Airflow looks for times before the start date, and the calendar begins in year 1
# No names of that database: what some systems call the timezone of the machine, which is another on the next one.
_NO_TIMEZONES: Final = frozenset({"localtime", "Factory"})
_CRON_FIELD: Final = re.compile(r"[0-9A-Za-z*,/?#-]+\Z")


def check_cron(value: Any) -> Any:
    """A cron expression of five or six fields, or a word for one; the word for no schedule becomes None."""
    if value is False:
        raise _error("bad-cron", "false is not a cron expression", f"write {NO_SCHEDULE} for no schedule")
    if value == NO_SCHEDULE:
        return None
    if not isinstance(value, str):
        return value
    if len(value) > MAX_CRON_LENGTH:
        raise _error("bad-cron", f"a cron has at most {MAX_CRON_LENGTH:,} characters, this one {len(value):,}")
    problem = _cron_problem(value)
    if problem:
        raise _error("bad-cron", *problem)
    return value


def check_crons(value: Any, validate: Callable[[Any], Any]) -> Any:
    """One cron, as `check_cron` takes it, or a list of several. `validate` checks such a list."""
    if not isinstance(value, (list, tuple)):
        checked = check_cron(value)
        if checked is not None and not isinstance(checked, str):
            raise PydanticKnownError("string_type")
        return checked
    if not value:
        raise _error("bad-cron", "the list of crons is empty", f"write {NO_SCHEDULE} for no schedule")
    return validate(value)


def check_listed_cron(value: Any) -> Any:
    """One of several crons."""
    if isinstance(value, dict):
        hint = "one timezone holds for all of them: write schedule: {cron: [...], timezone: ...}"
        raise _error("bad-cron", "expected a cron, found a map", hint)
    if value == NO_SCHEDULE:
        raise _error("bad-cron", f"{NO_SCHEDULE} is not one of several crons", "leave it out")
    return check_cron(value)


@lru_cache(maxsize=4096)
def _cron_problem(text: str) -> tuple[str, str] | None:
    from croniter import CroniterBadDateError, croniter  # 40 ms, for manifests that write a cron

    if text in SCHEDULE_WORDS:
        return None
    word = text.lower().lstrip("@")
    if word in (NO_SCHEDULE, "null", "off", "no", "never"):
        return f"{text!r} is not a cron expression", f"write {NO_SCHEDULE} for no schedule"
    fields = text.split()
    if len(fields) not in (5, 6):
        hint = f"write {word}" if word in SCHEDULE_WORDS else nearest(word, SCHEDULE_WORDS) if len(fields) == 1 else ""
        found = f"{text!r} has {len(fields)} field{'' if len(fields) == 1 else 's'}"
        return f"{found}, expected a cron of 5 (minute hour day month weekday), or {', '.join(SCHEDULE_WORDS)}", hint
    wrong = [field for field in fields if not _CRON_FIELD.match(field)]
    if wrong:
        return f"cron {text!r}: the field {wrong[0]!r} cannot be read", ""
    if len(fields) == 6:  # the AWS form, whose sixth field is the year: translated where crons are rendered
        return None
    try:
        croniter(text).get_next()
    except CroniterBadDateError:
        return f"cron {text!r} never fires", ""
    except (ValueError, KeyError, IndexError, OverflowError) as error:
        return f"cron {text!r} cannot be read", str(error).splitlines()[0][:120]
    return None


def check_timezone(value: Any) -> Any:
    """The name of a timezone in the IANA database."""
    if not isinstance(value, str) or is_timezone(value):
        return value
    same = next((zone for zone in _timezones() if zone.lower() == value.lower()), "")
    hint = f"did you mean {same!r}?" if same else nearest(value, sorted(_timezones()))
    raise _error("bad-timezone", f"unknown timezone {value!r}, expected a name like Europe/Helsinki or UTC", hint)


def is_timezone(name: str) -> bool:
    """Whether it is a name of the IANA database, on every machine alike."""
    # The set, not ZoneInfo(): a file system that ignores case would accept what the next machine refuses.
    return name in _timezones()


@lru_cache(maxsize=1)
def _timezones() -> frozenset[str]:
    return frozenset(available_timezones()) - _NO_TIMEZONES


def check_date(value: Any) -> Any:
    """A day of the calendar, as in 2026-01-31."""
    if not isinstance(value, str):
        return value
    if not _is_date(value):
        raise _error("bad-date", f"{value!r} is not a date, expected one like 2026-01-31")
    if value < _FIRST_DATE:
        raise _error("bad-date", f"{value!r} is too long ago, expected {_FIRST_DATE} or a later date")
    return value


def _is_date(text: str) -> bool:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def check_branch(value: Any) -> Any:
    """A pattern for names of git branches."""
    if not isinstance(value, str) or re.fullmatch(r"[^\s~^:\\]+", value):
        return value
    raise _error("bad-branch", f"{value!r} is not a valid branch name, expected one like main or release/*")


# What git itself refuses in the name of a branch (git-check-ref-format).
BAD_BRANCH: Final = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|(?:^|/)\.|\.lock(?:/|$)|[/.]$|^[/-]|^@$|^HEAD$")
_MAX_BRANCH: Final = 250


def check_own_branch(value: Any) -> Any:
    """The branch that is deployed: what git takes for the name of one, or nothing."""
    if not isinstance(value, str):
        return value
    if len(value) > _MAX_BRANCH:
        message = f"{value[:40] + '...'!r} has {len(value):,} characters, and a branch has {_MAX_BRANCH} at most"
        raise _error("bad-branch", message)
    if value and (BAD_BRANCH.search(value) or not value.isprintable()):
        hint = "a name that git takes for a branch: no blanks, none of ~ ^ : ? * [ \\, no .. and no / at its ends"
        raise _error("bad-branch", f"{value!r} is not a valid branch name, expected one like pr_12 or feature/x", hint)
    return value


def check_branches(value: Any) -> Any:
    """A list that allows at least one branch."""
    if value == []:
        raise _error("bad-branch", "the list of branches is empty", "leave the key out to allow every branch")
    return value


def check_include_pattern(value: Any) -> Any:
    """A pattern for files and objects: an absolute path or a URL, in which each name may have wildcards."""
    if not isinstance(value, str) or _is_include_pattern(value):
        return value
    raise _error(
        "bad-pattern",
        f"{value!r} is not a pattern for files or objects, expected one like /data/*.csv or s3://lake/tables/**/*.csv",
    )


def _is_include_pattern(text: str) -> bool:
    scheme, is_url, path = text.rpartition("://")
    first, *names = path.split("/")
    if is_url and (scheme not in ("s3", "gs", "azure") or re.search(r"[*?\[]", first)):
        return False
    # An empty first name is what an absolute path begins with; the name of a bucket is one.
    return bool(first) == bool(is_url) and bool(names) and not {"", ".", ".."} & set(names)


def check_variable_name(value: Any) -> Any:
    """The name of an environment variable that is passed to the process that loads a flow."""
    if not isinstance(value, str):
        return value
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value):
        raise _error("bad-name", f"{value!r} is not the name of an environment variable", "name each variable in full")
    if value.startswith("METAFLOW_"):
        message = f"{value} is a setting of Metaflow, and the environment of who plans has none"
        raise _error("bad-name", message, "write it below `metaflow:` of an environment")
    return value


def check_pattern(value: Any) -> Any:
    """A pattern for files below a folder, which it cannot leave."""
    if not isinstance(value, str) or not value:
        return value
    hint = "write it from the folder of the flow's file on, as in sql/*.sql or **/*.csv"
    if "\\" in value or not value.isprintable():
        raise _error("bad-pattern", f"{value!r} has a backslash or a character that cannot be printed", hint)
    if value.startswith(("/", "~")) or ".." in value.split("/") or re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", value):
        raise _error("bad-pattern", f"{value!r} leads out of the folder of the flow's file", hint)
    if not any(part not in ("", ".") for part in value.split("/")):
        raise _error("bad-pattern", f"{value!r} names no file", hint)
    return value


def check_scalar(value: Any) -> Any:
    """The value of a variable."""
    if isinstance(value, (list, dict)):
        found = "a list" if isinstance(value, list) else "a map"
        raise _error("wrong-type", f"expected text, a number, true or false, found {found}")
    return value


def check_no_notifications(value: Any) -> Any:
    """A map; the word for nobody is one that is empty."""
    return {} if value == NO_NOTIFICATIONS else value


def check_one_notifier(value: Any) -> Any:
    """A map with a single key, which says how somebody is told."""
    if isinstance(value, dict) and len(value) != 1:
        found = " and ".join(map(str, list(value)[:4])) or "none of them"
        raise _error(
            "bad-notifier",
            f"expected one of slack, slack_webhook, email, pagerduty and webhook, found {found}",
            "give each its own item of the list",
        )
    return value


def check_connection(value: Any) -> Any:
    """The id of a connection of Airflow."""
    if not isinstance(value, str):
        return value
    if not _CONNECTION.fullmatch(value) or len(value) > _MAX_CONNECTION or _NO_CONNECTION.search(value):
        # It is not repeated: it may be the secret that belongs into the connection.
        hint = "the id that it has in Airflow, as in slack_ml; addresses and tokens are in the connection alone"
        raise _error("bad-connection", "the text is not the id of a connection", hint)
    return value


def check_channel(value: Any) -> Any:
    """The name of a channel of Slack, or its id."""
    if not isinstance(value, str) or _CHANNEL.fullmatch(value):
        return value
    raise _error("bad-channel", f"{value[:80]!r} is not a channel of Slack", 'for example "#ml" or C024BE91L')


def check_address(value: Any) -> Any:
    """One email address."""
    if not isinstance(value, str) or (_ADDRESS.fullmatch(value) and value.isprintable()):
        return value
    raise _error("bad-address", f"{value[:80]!r} is not an email address", "for example ml-team@example.com")


def check_addresses(value: Any) -> Any:
    """A list with at least one address."""
    if value == []:
        raise _error("bad-address", "the list of addresses is empty", "leave the email out to send none")
    return value


def check_endpoint(value: Any) -> Any:
    """What follows the address of a connection: the rest of a path. A query may hold a secret."""
    if not isinstance(value, str) or _ENDPOINT.fullmatch(value):
        return value
    hint = "the address itself is in the connection; write what follows it, as in hooks/ml"
    raise _error("bad-endpoint", "the text is not the rest of an address", hint)


def check_reference(value: object) -> str:
    """The reference that a secret came from. A text that was written out is refused, and not repeated."""
    written = getattr(value, "written", None)
    if not isinstance(written, str):
        hint = "write ${env.NAME}, which whoever plans has in the environment"
        raise _error("secret-in-manifest", "a secret is written out here, and manifests are read by many", hint)
    return written


def check_url(value: Any) -> Any:
    """An address of pages: http or https, with a host, and neither a user nor a query."""
    if not isinstance(value, str):
        return value
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise _error("bad-url", f"{value[:80]!r} is not an address of pages", "for example https://airflow.example.com")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise _error(
            "bad-url", "the address has a user, a query or a fragment", "leave it out; log in with the keys beside it"
        )
    return value.rstrip("/")


def check_duration(value: Any) -> Any:
    """A time to wait: a number with s, m or h, as in 90s, 5m or 1h; none for no time."""
    if isinstance(value, str):
        try:
            seconds_of(value)
        except ValueError:
            raise _error(
                "bad-duration", f"{value[:80]!r} is no time to wait", "for example 90s, 5m, 1h or none"
            ) from None
    return value


def seconds_of(duration: str) -> int:
    """The seconds of a time to wait. Raises ValueError for another text."""
    if duration == "none":
        return 0
    number, unit = duration[:-1], duration[-1:]
    if unit not in _UNITS or not (number.isascii() and number.isdigit()) or len(number) > _MOST_DIGITS:
        raise ValueError(duration)
    return int(number) * _UNITS[unit]


def check_airflow_version(value: Any) -> Any:
    """A released version of Airflow that DAG files are written for: 2.10 and later, with its three numbers."""
    if not isinstance(value, str):
        return value
    numbers = value.split(".")
    if not re.fullmatch(r"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}", value):
        raise _error("bad-version", f"{value[:80]!r} is not a version of Airflow", 'for example "3.3.2"')
    if (int(numbers[0]), int(numbers[1])) < (2, 10):
        raise _error("bad-version", f"Airflow {value} is too old", "mfdeploy needs 2.10.0 or later")
    return value


def _error(code: LiteralString, message: str, hint: str = "") -> PydanticCustomError:
    # The message is a value and no template: what a user wrote may hold braces.
    return PydanticCustomError(code, "{message}", {"message": message, "hint": hint})
