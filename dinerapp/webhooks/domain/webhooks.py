"""Webhooks: URLs of other systems that receive events."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit

from dinerapp.replication.errors import InvalidRecord
from dinerapp.replication.events import RecordEvent
from dinerapp.replication.kind import Kind
from dinerapp.replication.record import Record

MAX_URL_LENGTH = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook(Record):
    """A URL, the events it receives, and the secret that signs its deliveries.

    `events` are the subscribed topics; none means all. Events from before `since` are not sent:
    the webhook was created, activated or subscribed to more topics then.
    """

    url: str
    events: tuple[str, ...] = ()
    description: str = ""
    active: bool = True
    secret: str = field(repr=False)
    since: datetime

    def validate(self) -> None:
        reason = _url_problem(self.url)
        if reason is not None:
            raise InvalidRecord("url", reason)

    def is_subscribed(self, event: RecordEvent) -> bool:
        """Whether it receives this event."""
        wanted = not self.events or event.topic in self.events
        return self.active and wanted and event.at >= self.since

    def receives_all_of(self, other: Webhook) -> bool:
        """Whether it receives every topic that the other one does."""
        if not (self.active and other.active):
            return not other.active
        return not self.events or (bool(other.events) and set(other.events) <= set(self.events))

    def with_settings(self, *, op_id: str, now: datetime, **fields: object) -> Webhook:
        """With these fields changed. New subscriptions take effect from now on."""
        after = self.with_changes(op_id=op_id, now=now, **fields)
        if self.receives_all_of(after):
            return after
        return after.with_changes(op_id=op_id, now=now, since=now)


def _url_problem(url: str) -> str | None:
    """What is wrong with the URL, None if nothing is."""
    if len(url) > MAX_URL_LENGTH or not url.isascii() or not url.isprintable() or " " in url:
        return f"must be at most {MAX_URL_LENGTH} printable ASCII characters, without spaces"
    try:
        parts = urlsplit(url)
        has_port = parts.port != 0
    except ValueError:
        return "must be a valid URL"
    if parts.scheme not in ("http", "https") or not parts.hostname or not has_port:
        return "must be a URL such as https://example.org/hook"
    if parts.username is not None or parts.password is not None:
        return "must not contain a user name or password"
    return "must not have a fragment" if parts.fragment else None


WEBHOOKS = Kind("webhooks", Webhook, secret_fields=("secret",))
