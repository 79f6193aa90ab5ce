"""The settings below `notify:`: who is told of the runs of a flow, and by which connections of Airflow.

They hold names of connections and no secrets: what a connection holds is Airflow's.
"""

# Without the future import of annotations: pydantic would evaluate the text of each of them, once for each model.

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, JsonValue
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from deployer.manifest.fields import Duration, Items, Omissible, Setting, Settings
from deployer.manifest.formats import (
    NO_NOTIFICATIONS,
    check_address,
    check_addresses,
    check_channel,
    check_connection,
    check_endpoint,
    check_no_notifications,
    check_one_notifier,
)

Connection = Annotated[str, BeforeValidator(check_connection)]
Channel = Annotated[str, BeforeValidator(check_channel)]
Address = Annotated[str, BeforeValidator(check_address)]
Addresses = Annotated[Items[Address], BeforeValidator(check_addresses)]
Endpoint = Annotated[str, BeforeValidator(check_endpoint)]
Severity = Literal["critical", "error", "warning", "info"]
EMAIL_CONNECTION = "smtp_default"


class SlackMessage(Settings, defer_build=False):
    """A message in a channel of Slack, by its API."""

    connection: Annotated[Connection, Setting("The Airflow connection with the token: of the type Slack API.")]
    channel: Annotated[Channel, Setting("The channel, as in #ml, or its id.")]


class SlackWebhookMessage(Settings, defer_build=False):
    """A message in Slack by an incoming webhook, which has its channel."""

    connection: Annotated[
        Connection, Setting("The Airflow connection with the webhook: of the type Slack Incoming Webhook.")
    ]


class Email(Settings, defer_build=False):
    """An email."""

    to: Annotated[Addresses, Setting("Who gets it.")]
    sender: Annotated[
        Omissible[Address], Field(alias="from"), Setting("The sender. Default: the connection's `from_email`.")
    ] = None
    connection: Annotated[Connection, Setting("The Airflow connection with the mail server: of the type SMTP.")] = (
        EMAIL_CONNECTION
    )


class PagerdutyAlert(Settings, defer_build=False):
    """An alert of PagerDuty: one for a flow, which its next success resolves where `success` has the same."""

    connection: Annotated[
        Connection, Setting("The Airflow connection with the integration key: of the type Pagerduty Events.")
    ]
    severity: Annotated[Severity, Setting("How severe it is.")] = "error"


class WebhookRequest(Settings, defer_build=False):
    """A POST request with what is known of the run as JSON."""

    connection: Annotated[
        Connection, Setting("The Airflow connection with the address and the login: of the type HTTP.")
    ]
    endpoint: Annotated[
        Omissible[Endpoint],
        Setting("What follows the connection's address, as in hooks/ml, no secret. Default: nothing."),
    ] = None


class NotifierSettings(Settings, defer_build=False):
    """How somebody is told: one of these."""

    slack: Annotated[Omissible[SlackMessage], Setting("A message in a channel of Slack.")] = None
    slack_webhook: Annotated[Omissible[SlackWebhookMessage], Setting("A message in Slack by an incoming webhook.")] = (
        None
    )
    email: Annotated[Omissible[Email], Setting("An email.")] = None
    pagerduty: Annotated[Omissible[PagerdutyAlert], Setting("An alert of PagerDuty.")] = None
    webhook: Annotated[Omissible[WebhookRequest], Setting("A POST request with JSON.")] = None


Notifiers = Items[Annotated[NotifierSettings, BeforeValidator(check_one_notifier)]]


class LateSettings(Settings, defer_build=False):
    """Who is told of a run that takes longer than it should."""

    after: Annotated[
        Duration, Setting("How long after a run was queued it is late, if it has not ended: 90m, 2h; none: never.")
    ]
    notify: Annotated[Notifiers, Setting("How somebody is told.")]


class NotifySettings(Settings, defer_build=False):
    """Who is told of runs."""

    expected: ClassVar[str] = f"a map or {NO_NOTIFICATIONS}"

    failure: Annotated[Notifiers, Setting("Told once when a run has failed.")] = ()
    success: Annotated[Notifiers, Setting("Told once when a run has succeeded.")] = ()
    retry: Annotated[Notifiers, Setting("Told each time that a task failed and is tried again.")] = ()
    late: Annotated[
        Omissible[LateSettings], Setting("Told when a run has not ended in time. It needs Airflow 3.3 or later.")
    ] = None

    def written(self) -> dict[str, JsonValue]:
        """The keys that somebody is told by: another way to say that nobody is told makes no difference."""
        late_says_nothing = self.late is None or self.late.after == "none" or not self.late.notify
        return {
            name: value
            for name, value in super().written().items()
            if value and not (name == "late" and late_says_nothing)
        }

    def events(self) -> Iterator[str]:
        """What somebody is told of, in the order of the keys."""
        written = self.written()
        return (name for name in type(self).model_fields if name in written)


class _OrNone:
    """In the JSON Schema a map that may be written as one word."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"anyOf": [{"const": NO_NOTIFICATIONS}, handler(schema)]}


Notify = Annotated[NotifySettings, BeforeValidator(check_no_notifications), _OrNone()]
