"""A schedule in words."""

from __future__ import annotations

from deployer.models.description import Times


def schedule_in_words(times: Times) -> str:
    """As in ``At 03:00, Monday through Friday``, one sentence for each cron; a cron itself where nobody can say it."""
    return "; ".join(map(_cron_in_words, times.crons))


def _cron_in_words(cron: str) -> str:
    # Only a catalogue needs it.
    from cron_descriptor import ExpressionDescriptor, FormatError, MissingFieldError, Options, WrongArgumentError

    # In English whatever the locale, and with the clock that crons have.
    options = Options()
    options.locale_code = "en_US"
    options.use_24hour_time_format = True
    try:
        return str(ExpressionDescriptor(cron, options).get_description())
    except (FormatError, MissingFieldError, WrongArgumentError, ValueError, LookupError):
        return cron
