"""All settings, each declared once with name, type, default and meaning.

Each field is read from the environment variable of its name in upper case. An invalid value stops
the start with a message that names it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from datetime import time
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from dinerapp.ordering.domain import hours, phones
from dinerapp.ordering.domain.hours import Calendar, Window
from dinerapp.ordering.domain.pricing import Rates
from dinerapp.ordering.domain.slots import SlotPolicy
from dinerapp.replication.merge import MergePolicy
from dinerapp.replication.version import StoreId
from dinerapp.runtime.kind_row import POSTGRES_FIRST
from dinerapp.runtime.registry import PLACEMENT
from dinerapp.runtime.replication_settings import ReplicationSettings

_UTC = ZoneInfo("UTC")
_FOUR_AM = time(4)


class BadSetting(Exception):
    """A setting has an invalid value."""

    def __init__(self, name: str, value: str, accepted: str) -> None:
        super().__init__(f"{name}={value!r} cannot be used; accepted: {accepted}")
        self.name = name


def _text(value: str) -> str:
    return value


def _flag(value: str) -> bool:
    return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}[
        value.lower()
    ]


def _number(minimum: int, maximum: int) -> Callable[[str], int]:
    def parse(value: str) -> int:
        number = int(value)
        if not minimum <= number <= maximum:
            raise ValueError
        return number

    return parse


def _slot_minutes(value: str) -> int:
    minutes = int(value)
    if minutes < 5 or 60 % minutes:
        raise ValueError
    return minutes


def _seconds(minimum: float, maximum: float) -> Callable[[str], float]:
    def parse(value: str) -> float:
        seconds = float(value)
        if not minimum <= seconds <= maximum:
            raise ValueError
        return seconds

    return parse


def _url(*schemes: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if urlsplit(value).scheme not in schemes:
            raise ValueError
        return value

    return parse


def _one_of(*names: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if value not in names:
            raise ValueError
        return value

    return parse


def _currency(value: str) -> str:
    if len(value) != 3 or not value.isascii() or not value.isupper():
        raise ValueError
    return value


def _phone_region(value: str) -> str:
    if value not in phones.REGIONS:
        raise ValueError
    return value


def _time_zone(value: str) -> ZoneInfo:
    if value not in available_timezones():
        raise ValueError
    return ZoneInfo(value)


def _opening_hours(value: str) -> tuple[Window, ...]:
    windows = hours.parse_hours(value)
    if not windows:
        raise ValueError
    return windows


def _placement(value: str) -> Mapping[str, tuple[StoreId, ...]]:
    table = dict(PLACEMENT)
    for entry in filter(None, value.replace(" ", "").split(";")):
        kind, _, names = entry.partition("=")
        stores = tuple(StoreId(name) for name in names.split(","))
        valid = kind in table and len(set(stores)) == len(stores)
        if not valid or not set(stores) <= set(POSTGRES_FIRST):
            raise ValueError
        table[kind] = stores
    return MappingProxyType(table)


def _origins(value: str) -> tuple[str, ...]:
    origins = tuple(dict.fromkeys(filter(None, value.lower().replace(",", " ").split())))
    if origins != ("*",) and not all(re.fullmatch(_ORIGIN_PATTERN, it) for it in origins):
        raise ValueError
    return origins


def _limit(value: str) -> str:
    """Empty for no limit. Validated here, because the rate limiter would ignore a bad one."""
    if value == "off":
        return ""
    if not re.fullmatch(_LIMITS_PATTERN, value):
        raise ValueError
    return value


def _setting(
    default: Any, meaning: str, parse: Callable[[str], Any] = _text, accepted: str = "any text"
) -> Any:
    return field(
        default=default, metadata={"meaning": meaning, "parse": parse, "accepted": accepted}
    )


def _secret(
    default: Any, meaning: str, parse: Callable[[str], Any] = _text, accepted: str = "any text"
) -> Any:
    return field(
        default=default,
        repr=False,
        metadata={"meaning": meaning, "parse": parse, "accepted": accepted},
    )


_POOL = (_number(1, 1000), "a whole number from 1 to 1000")
_POOL_MIN = (_number(0, 1000), "a whole number from 0 to 1000")
_PRIORITY = (_number(0, 100), "a whole number from 0 to 100")
_BOOLEAN = (_flag, "true or false")
_LIMITS_PATTERN = r"[1-9]\d{0,6}/(second|minute|hour|day)(;[1-9]\d{0,6}/(second|minute|hour|day))*"
_ORIGIN_PATTERN = r"https?://[a-z0-9.\-]+(:\d{1,5})?|https?://\[[0-9a-f:.]+\](:\d{1,5})?"
_RATE = (_limit, "off, or e.g. 10/minute;100/hour")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings. Created by `from_environment`, or directly in tests."""

    database_url: str | None = _secret(
        None,
        "URL of PostgreSQL, with one host or several",
        _url("postgresql", "postgres"),
        "postgresql://…",
    )
    mongodb_uri: str | None = _secret(
        None,
        "URL of MongoDB, a replica set or a sharded cluster",
        _url("mongodb", "mongodb+srv"),
        "mongodb://…",
    )
    database1_uri: str | None = _secret(
        None,
        "URL of the second MongoDB database (analytics); default: diner_analytics on the main "
        "server",
        _url("mongodb", "mongodb+srv"),
        "mongodb://…",
    )
    redis_url: str | None = _secret(
        None, "URL of Redis (optional)", _url("redis", "rediss", "unix"), "redis://…"
    )
    secret_key: str = _secret(
        "",
        "signs tokens and derives customer ids; must be the same on all hosts; "
        "default: generated once, in var/secret_key",
    )

    placement: Mapping[str, tuple[StoreId, ...]] = field(
        default_factory=lambda: PLACEMENT,
        metadata={
            "meaning": "primary and backup of individual kinds, instead of the default",
            "parse": _placement,
            "accepted": "e.g. orders=mongodb,postgresql;menu_items=postgresql, for the kinds "
            + ", ".join(PLACEMENT),
        },
    )
    sync_conflict_policy: str = _setting(
        "source_priority",
        "which of two conflicting changes wins, unless the kind has a merge rule",
        _one_of("source_priority", "last_write_wins"),
        "source_priority or last_write_wins",
    )
    sync_priority_noco: int = _setting(2, "priority of changes made in NocoDB", *_PRIORITY)
    sync_priority_mongo: int = _setting(1, "priority of changes made in MongoDB", *_PRIORITY)
    sync_priority_postgres: int = _setting(1, "priority of changes made in PostgreSQL", *_PRIORITY)

    postgres_pool_min: int = _setting(2, "minimum PostgreSQL connections per process", *_POOL_MIN)
    postgres_pool_max: int = _setting(10, "maximum PostgreSQL connections per process", *_POOL)
    mongodb_pool_min: int = _setting(2, "minimum MongoDB connections per process", *_POOL_MIN)
    mongodb_pool_max: int = _setting(10, "maximum MongoDB connections per process", *_POOL)
    database1_pool_min: int = _setting(1, "minimum connections to the second database", *_POOL_MIN)
    database1_pool_max: int = _setting(5, "maximum connections to the second database", *_POOL)
    request_deadline: float = _setting(
        0.95,
        "seconds that a request may spend on store calls",
        _seconds(0.1, 60),
        "seconds, 0.1 to 60",
    )
    attempt_deadline: float = _setting(
        0.45,
        "timeout in seconds of one attempt at one store",
        _seconds(0.05, 30),
        "seconds, 0.05 to 30",
    )
    slow_call: float = _setting(
        0.3,
        "seconds after which a store call counts as slow",
        _seconds(0.01, 30),
        "seconds, 0.01 to 30",
    )
    relay_in_workers: bool = _setting(
        True, "whether web workers deliver outbox entries and send webhooks", *_BOOLEAN
    )
    consistency_every: int = _setting(
        0,
        "seconds between consistency checks with repair by the relay process; 0 for never",
        _number(0, 10**7),
        "a whole number of seconds",
    )
    alert_webhook_url: str | None = _setting(
        None,
        "receives a signed POST whenever a connection is lost or restored",
        _url("http", "https"),
        "http(s)://…",
    )
    alert_webhook_secret: str = _secret("", "signs alerts; default: the secret key")
    webhook_private_addresses: bool = _setting(
        False, "whether webhooks may use private, loopback and link-local addresses", *_BOOLEAN
    )
    webhook_timeout: float = _setting(
        10.0, "timeout of a webhook request in seconds", _seconds(0.1, 60), "seconds, 0.1 to 60"
    )
    webhook_tries: int = _setting(
        8, "number of tries before a webhook delivery is given up", _number(1, 20), "1 to 20"
    )
    webhook_first_wait: float = _setting(
        60.0,
        "delay in seconds before the first retry of a webhook; each later delay is three times as "
        "long",
        _seconds(0.01, 10**5),
        "seconds, 0.01 to 100000",
    )
    webhook_keep_days: int = _setting(
        30, "days after which webhook deliveries are deleted", _number(1, 3650), "1 to 3650"
    )

    host: str = _setting("127.0.0.1", "address to listen on")
    port: int = _setting(8000, "port to listen on", _number(1, 65535), "1 to 65535")
    web_server: str = _setting(
        "granian",
        "the web server that `up` starts",
        _one_of("granian", "gunicorn"),
        "granian or gunicorn",
    )
    web_concurrency: int = _setting(
        2, "number of web worker processes", _number(1, 256), "1 to 256"
    )
    web_threads: int = _setting(
        4, "requests that a worker handles at the same time", _number(1, 256), "1 to 256"
    )
    web_streams: int = _setting(
        16, "live streams per worker, in addition to requests", _number(0, 1000), "0 to 1000"
    )
    log_level: str = _setting(
        "info", "lowest level that is logged", _one_of("debug", "info", "warning", "error"),
        "debug, info, warning or error",
    )  # fmt: skip
    max_body_bytes: int = _setting(
        262_144, "maximum size of a request body in bytes", _number(1024, 2**26), "1024 to 67108864"
    )

    access_token_seconds: int = _setting(
        900, "lifetime of an access token in seconds", _number(10, 10**7), "10 to 10000000"
    )
    session_days: int = _setting(
        30, "days after the last refresh at which a session expires", _number(1, 3650), "1 to 3650"
    )
    password_memory_kib: int = _setting(
        19_456, "memory per password hash (argon2id) in KiB", _number(8, 2**22), "8 to 4194304"
    )
    password_rounds: int = _setting(
        2, "iterations per password hash (argon2id)", _number(1, 100), "1 to 100"
    )
    login_limit: str = _setting("10/minute;100/hour", "logins per client address", *_RATE)
    account_limit: str = _setting("20/hour", "logins per e-mail address, from anywhere", *_RATE)
    register_limit: str = _setting("5/minute;30/hour", "new accounts per client address", *_RATE)
    lookup_limit: str = _setting("10/minute;60/hour", "order lookups per client address", *_RATE)
    phone_limit: str = _setting("20/hour", "order lookups per phone number, from anywhere", *_RATE)
    order_limit: str = _setting("30/minute", "orders per customer, or per guest's address", *_RATE)
    cart_limit: str = _setting("30/minute", "carts per customer, or per guest's address", *_RATE)
    message_limit: str = _setting("60/minute", "messages per customer", *_RATE)
    cart_hours: int = _setting(
        72, "hours after its last change at which a cart expires", _number(1, 10_000), "1 to 10000"
    )
    trusted_proxies: int = _setting(
        0,
        "number of proxies in front whose X-Forwarded-For headers are trusted",
        _number(0, 10),
        "0 to 10",
    )
    cors_origins: tuple[str, ...] = _setting(
        (),
        "origins whose pages may call the API from a browser; default: none",
        _origins,
        "* for any, or e.g. https://diner.example, https://www.diner.example",
    )
    restaurant_name: str = _setting("The Digital Diner", "name of the restaurant, shown to guests")
    phone_region: str = _setting(
        "DE",
        "country of phone numbers without a country code",
        _phone_region,
        "an ISO 3166 code of two letters such as DE",
    )
    currency: str = _setting(
        "EUR", "currency of all prices", _currency, "an ISO 4217 code such as EUR"
    )
    time_zone: ZoneInfo = _setting(
        _UTC, "time zone of the restaurant", _time_zone, "an IANA name such as Europe/Berlin"
    )
    opening_hours: tuple[Window, ...] = _setting(
        (),
        "opening hours, in the restaurant's time zone; default: always open",
        _opening_hours,
        "days and hours such as mon-fri 11:00-23:00; sat,sun 10:00-02:00",
    )
    business_day_ends: time = _setting(
        _FOUR_AM,
        "time of day at which a business day ends; earlier sales count for the previous day",
        hours.parse_time,
        "a time of day such as 04:00",
    )
    slot_minutes: int = _setting(
        15,
        "length of a slot for scheduled orders in minutes",
        _slot_minutes,
        "5, 6, 10, 12, 15, 20, 30 or 60",
    )
    slot_orders: int = _setting(
        0, "maximum number of scheduled orders per slot; 0 for no limit", _number(0, 100_000),
        "0 to 100000",
    )  # fmt: skip
    preorder_days: int = _setting(
        14, "days in advance that orders can be scheduled", _number(1, 365), "1 to 365 days"
    )
    tax_rate: int = _setting(
        0, "tax rate of items without one of their own, in hundredths of a percent",
        _number(0, 10_000), "0 to 10000",
    )  # fmt: skip
    tax_included: bool = _setting(True, "whether prices include tax", *_BOOLEAN)
    service_charge: int = _setting(
        0, "service charge on dine-in orders, in hundredths of a percent", _number(0, 10_000),
        "0 to 10000",
    )  # fmt: skip

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """The settings; BadSetting says which one is invalid and what is accepted."""
        values = {
            setting.name: _parse(setting, environment[setting.name.upper()])
            for setting in fields(cls)
            if environment.get(setting.name.upper(), "") != ""
        }
        settings = cls(**values)
        settings.check()
        return settings

    def check(self) -> None:
        """Checks settings that depend on one another."""
        if self.attempt_deadline > self.request_deadline:
            raise BadSetting(
                "ATTEMPT_DEADLINE", str(self.attempt_deadline), "at most REQUEST_DEADLINE"
            )
        for name in ("postgres", "mongodb", "database1"):
            minimum, maximum = getattr(self, f"{name}_pool_min"), getattr(self, f"{name}_pool_max")
            if minimum > maximum:
                accepted = f"at most {name.upper()}_POOL_MAX={maximum}"
                raise BadSetting(f"{name.upper()}_POOL_MIN", str(minimum), accepted)

    @property
    def calendar(self) -> Calendar:
        """Time zone, opening hours, and the end of a business day."""
        return Calendar(
            zone=self.time_zone, opening=self.opening_hours, day_ends=self.business_day_ends
        )

    @property
    def rates(self) -> Rates:
        """The tax rate and the service charge."""
        return Rates(self.tax_rate, self.tax_included, self.service_charge)

    @property
    def slot_policy(self) -> SlotPolicy:
        """The rules for scheduled orders."""
        return SlotPolicy(
            calendar=self.calendar,
            minutes=self.slot_minutes,
            capacity=self.slot_orders,
            days_ahead=self.preorder_days,
        )

    @property
    def rate_limits(self) -> Mapping[str, str]:
        """The rate limits by name."""
        suffix = "_limit"
        return {
            setting.name.removesuffix(suffix): getattr(self, setting.name)
            for setting in fields(self)
            if setting.name.endswith(suffix)
        }

    @property
    def alert_secret(self) -> str:
        """The secret that alerts are signed with."""
        return self.alert_webhook_secret or self.secret_key

    @property
    def policy(self) -> MergePolicy:
        """The policy for conflicts that no merge rule resolves."""
        return MergePolicy(
            self.sync_conflict_policy,  # type: ignore[arg-type]
            {
                StoreId.NOCODB: self.sync_priority_noco,
                StoreId.MONGODB: self.sync_priority_mongo,
                StoreId.POSTGRESQL: self.sync_priority_postgres,
            },
        )

    @property
    def replication(self) -> ReplicationSettings:
        """How records are replicated."""
        return ReplicationSettings(
            placement=self.placement,
            policy=self.policy,
            request_deadline=self.request_deadline,
            attempt_deadline=self.attempt_deadline,
            slow_call=self.slow_call,
            relay_in_workers=self.relay_in_workers,
        )


def describe_settings() -> list[tuple[str, str, str]]:
    """Name, default and meaning of every setting, for `--help` and the docs."""
    return [
        (setting.name.upper(), _format_default(setting), setting.metadata["meaning"])
        for setting in fields(Settings)
    ]


def _format_default(setting: Field[Any]) -> str:
    if setting.default in (None, MISSING, ()):
        return ""
    if isinstance(setting.default, time):
        return hours.format_time(setting.default)
    return str(setting.default)


def _parse(setting: Field[Any], value: str) -> Any:
    try:
        return setting.metadata["parse"](value)
    except (ValueError, KeyError):
        shown = value if setting.repr else "…"
        raise BadSetting(setting.name.upper(), shown, setting.metadata["accepted"]) from None
