"""Every setting, once: its name, type, default and meaning.

Each field is read from the environment variable of its name in capitals. A value that cannot be
used stops the start with a sentence that names it.
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
    """A setting has a value that cannot be used."""

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
        kind, _, places = entry.partition("=")
        order = tuple(StoreId(place) for place in places.split(","))
        known = kind in table and len(set(order)) == len(order)
        if not known or not set(order) <= set(POSTGRES_FIRST):
            raise ValueError
        table[kind] = order
    return MappingProxyType(table)


def _origins(value: str) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(filter(None, value.lower().replace(",", " ").split())))
    if found != ("*",) and not all(re.fullmatch(_ORIGIN_PATTERN, one) for one in found):
        raise ValueError
    return found


def _limit(value: str) -> str:
    """Empty for no limit at all; a bad one would only be noticed by whoever it fails to stop."""
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
    """All of them. Made by `from_environment`, or by hand in tests."""

    database_url: str | None = _secret(
        None, "PostgreSQL, one host or several", _url("postgresql", "postgres"), "postgresql://…"
    )
    mongodb_uri: str | None = _secret(
        None,
        "MongoDB, a replica set or sharded cluster",
        _url("mongodb", "mongodb+srv"),
        "mongodb://…",
    )
    database1_uri: str | None = _secret(
        None,
        "second MongoDB database (analytics); default: diner_analytics on the main server",
        _url("mongodb", "mongodb+srv"),
        "mongodb://…",
    )
    redis_url: str | None = _secret(
        None, "Redis, optional", _url("redis", "rediss", "unix"), "redis://…"
    )
    secret_key: str = _secret(
        "",
        "signs tokens and makes ids of customers; the same on all hosts. "
        "Default: made once, in var/secret_key",
    )

    placement: Mapping[str, tuple[StoreId, ...]] = field(
        default_factory=lambda: PLACEMENT,
        metadata={
            "meaning": "primary and backup of single kinds, over the default",
            "parse": _placement,
            "accepted": "e.g. orders=mongodb,postgresql;menu_items=postgresql with the kinds "
            + ", ".join(PLACEMENT),
        },
    )
    sync_conflict_policy: str = _setting(
        "source_priority",
        "who wins where the domain does not know better",
        _one_of("source_priority", "last_write_wins"),
        "source_priority or last_write_wins",
    )
    sync_priority_noco: int = _setting(2, "weight of a change made in NocoDB", *_PRIORITY)
    sync_priority_mongo: int = _setting(1, "weight of a change accepted by MongoDB", *_PRIORITY)
    sync_priority_postgres: int = _setting(1, "weight of one accepted by PostgreSQL", *_PRIORITY)

    postgres_pool_min: int = _setting(2, "idle PostgreSQL connections per process", *_POOL_MIN)
    postgres_pool_max: int = _setting(10, "most PostgreSQL connections per process", *_POOL)
    mongodb_pool_min: int = _setting(2, "idle MongoDB connections per process", *_POOL_MIN)
    mongodb_pool_max: int = _setting(10, "most MongoDB connections per process", *_POOL)
    database1_pool_min: int = _setting(1, "idle connections to the second database", *_POOL_MIN)
    database1_pool_max: int = _setting(5, "most connections to the second database", *_POOL)
    request_deadline: float = _setting(
        0.95, "seconds a request may spend on stores", _seconds(0.1, 60), "seconds, 0.1 to 60"
    )
    attempt_deadline: float = _setting(
        0.45, "seconds one attempt at one store may take", _seconds(0.05, 30), "seconds, 0.05 to 30"
    )
    slow_call: float = _setting(
        0.3, "seconds from which a call counts as slow", _seconds(0.01, 30), "seconds, 0.01 to 30"
    )
    relay_in_workers: bool = _setting(
        True, "whether web workers ship what is owed and send webhooks", *_BOOLEAN
    )
    consistency_every: int = _setting(
        0,
        "seconds between the relay process's checks with repair; 0 is never",
        _number(0, 10**7),
        "a whole number of seconds",
    )
    alert_webhook_url: str | None = _setting(
        None,
        "gets a signed POST whenever a connection is lost or restored",
        _url("http", "https"),
        "http(s)://…",
    )
    alert_webhook_secret: str = _secret("", "signs alerts; default: the secret key")
    webhook_private_addresses: bool = _setting(
        False, "whether webhooks may lead to private, loopback and link-local addresses", *_BOOLEAN
    )
    webhook_timeout: float = _setting(
        10.0, "seconds a webhook's receiver may take", _seconds(0.1, 60), "seconds, 0.1 to 60"
    )
    webhook_tries: int = _setting(
        8, "tries until a webhook's delivery is given up", _number(1, 20), "1 to 20"
    )
    webhook_first_wait: float = _setting(
        60.0,
        "seconds after the first try; each later wait is three times as long",
        _seconds(0.01, 10**5),
        "seconds, 0.01 to 100000",
    )
    webhook_keep_days: int = _setting(
        30, "days after which deliveries of webhooks are purged", _number(1, 3650), "1 to 3650"
    )

    host: str = _setting("127.0.0.1", "address to listen on")
    port: int = _setting(8000, "port to listen on", _number(1, 65535), "1 to 65535")
    web_server: str = _setting(
        "granian", "web server of `up`", _one_of("granian", "gunicorn"), "granian or gunicorn"
    )
    web_concurrency: int = _setting(2, "web worker processes", _number(1, 256), "1 to 256")
    web_threads: int = _setting(
        4, "requests a worker works on at a time", _number(1, 256), "1 to 256"
    )
    web_streams: int = _setting(
        16, "live streams per worker, beside its requests", _number(0, 1000), "0 to 1000"
    )
    log_level: str = _setting(
        "info", "least severe log line", _one_of("debug", "info", "warning", "error"),
        "debug, info, warning or error",
    )  # fmt: skip
    max_body_bytes: int = _setting(
        262_144, "largest request body", _number(1024, 2**26), "1024 to 67108864"
    )

    access_token_seconds: int = _setting(
        900, "how long an access token is good", _number(10, 10**7), "10 to 10000000"
    )
    session_days: int = _setting(
        30, "days without a refresh after which a login ends", _number(1, 3650), "1 to 3650"
    )
    password_memory_kib: int = _setting(
        19_456, "memory one password hash takes (argon2id)", _number(8, 2**22), "8 to 4194304"
    )
    password_rounds: int = _setting(2, "passes over that memory", _number(1, 100), "1 to 100")
    login_limit: str = _setting("10/minute;100/hour", "logins per client address", *_RATE)
    account_limit: str = _setting("20/hour", "logins per e-mail address, from anywhere", *_RATE)
    register_limit: str = _setting("5/minute;30/hour", "new accounts per client address", *_RATE)
    lookup_limit: str = _setting("10/minute;60/hour", "orders looked up per client address", *_RATE)
    phone_limit: str = _setting("20/hour", "lookups per phone number, from anywhere", *_RATE)
    order_limit: str = _setting("30/minute", "orders per guest's address or customer", *_RATE)
    cart_limit: str = _setting("30/minute", "new carts per guest's address or customer", *_RATE)
    message_limit: str = _setting("60/minute", "messages per customer", *_RATE)
    cart_hours: int = _setting(
        72, "hours a cart is kept after its last change", _number(1, 10_000), "1 to 10000"
    )
    trusted_proxies: int = _setting(
        0, "proxies in front whose X-Forwarded-For is believed", _number(0, 10), "0 to 10"
    )
    cors_origins: tuple[str, ...] = _setting(
        (),
        "sites whose pages may call the API from a browser; default: none",
        _origins,
        "* for any, or e.g. https://diner.example, https://www.diner.example",
    )
    restaurant_name: str = _setting("The Digital Diner", "shown to guests")
    phone_region: str = _setting(
        "DE",
        "country of telephone numbers that are given without one",
        _phone_region,
        "an ISO 3166 code of two letters such as DE",
    )
    currency: str = _setting("EUR", "of all prices", _currency, "an ISO 4217 code such as EUR")
    time_zone: ZoneInfo = _setting(
        _UTC, "of the restaurant", _time_zone, "an IANA name such as Europe/Berlin"
    )
    opening_hours: tuple[Window, ...] = _setting(
        (),
        "of the restaurant, in its time zone; default: always open",
        _opening_hours,
        "days and hours such as mon-fri 11:00-23:00; sat,sun 10:00-02:00",
    )
    business_day_ends: time = _setting(
        _FOUR_AM,
        "until then a night's sales belong to the day before",
        hours.parse_time,
        "a time of day such as 04:00",
    )
    slot_minutes: int = _setting(
        15,
        "how long a slot for scheduled orders is",
        _slot_minutes,
        "5, 6, 10, 12, 15, 20, 30 or 60",
    )
    slot_orders: int = _setting(
        0, "scheduled orders per slot; 0 is any number", _number(0, 100_000), "0 to 100000"
    )
    preorder_days: int = _setting(
        14, "how far ahead orders are taken", _number(1, 365), "1 to 365 days"
    )
    tax_rate: int = _setting(
        0, "of items without a rate of their own, in hundredths of a percent",
        _number(0, 10_000), "0 to 10000",
    )  # fmt: skip
    tax_included: bool = _setting(True, "whether prices contain the tax", *_BOOLEAN)
    service_charge: int = _setting(
        0, "on dine-in orders, in hundredths of a percent", _number(0, 10_000), "0 to 10000"
    )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """The settings; BadSetting says which one cannot be used and what is accepted."""
        given = {
            one.name: _parse(one, environment[one.name.upper()])
            for one in fields(cls)
            if environment.get(one.name.upper(), "") != ""
        }
        settings = cls(**given)
        settings.check()
        return settings

    def check(self) -> None:
        """What can only be said of several settings together."""
        if self.attempt_deadline > self.request_deadline:
            raise BadSetting(
                "ATTEMPT_DEADLINE", str(self.attempt_deadline), "at most REQUEST_DEADLINE"
            )
        for name in ("postgres", "mongodb", "database1"):
            least, most = getattr(self, f"{name}_pool_min"), getattr(self, f"{name}_pool_max")
            if least > most:
                limit = f"{name.upper()}_POOL_MAX"
                raise BadSetting(f"{name.upper()}_POOL_MIN", str(least), f"at most {limit}={most}")

    @property
    def calendar(self) -> Calendar:
        """The restaurant's time: zone, opening hours, and when a business day ends."""
        return Calendar(
            zone=self.time_zone, opening=self.opening_hours, day_ends=self.business_day_ends
        )

    @property
    def rates(self) -> Rates:
        """How the restaurant charges."""
        return Rates(self.tax_rate, self.tax_included, self.service_charge)

    @property
    def slot_policy(self) -> SlotPolicy:
        """When orders are taken, and for when."""
        return SlotPolicy(
            calendar=self.calendar,
            minutes=self.slot_minutes,
            capacity=self.slot_orders,
            days_ahead=self.preorder_days,
        )

    @property
    def rate_limits(self) -> Mapping[str, str]:
        """How often what is limited may be done, by the name of the limit."""
        suffix = "_limit"
        return {
            one.name.removesuffix(suffix): getattr(self, one.name)
            for one in fields(self)
            if one.name.endswith(suffix)
        }

    @property
    def alert_secret(self) -> str:
        """What alerts are signed with."""
        return self.alert_webhook_secret or self.secret_key

    @property
    def policy(self) -> MergePolicy:
        """Who wins a conflict."""
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
        (one.name.upper(), _format_default(one), one.metadata["meaning"])
        for one in fields(Settings)
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
