"""Settings: read once, and a bad one says its name and what is accepted."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, date, datetime, timedelta

import pytest

from dinerapp.replication.version import StoreId
from dinerapp.runtime.settings import BadSetting, Settings, describe_settings

PASSWORD = "correct-horse"


def test_an_empty_environment_gives_the_defaults() -> None:
    assert Settings.from_environment({}) == Settings()


def test_an_empty_value_counts_as_not_set() -> None:
    assert Settings.from_environment({"PORT": "", "DATABASE_URL": ""}) == Settings()


def test_values_are_read_by_the_name_in_capitals() -> None:
    settings = Settings.from_environment(
        {"PORT": "8080", "RELAY_IN_WORKERS": "no", "SLOW_CALL": "0.2", "TIME_ZONE": "Europe/Berlin"}
    )
    assert (settings.port, settings.relay_in_workers, settings.slow_call) == (8080, False, 0.2)
    assert settings.time_zone.key == "Europe/Berlin"


@pytest.mark.parametrize(
    ("name", "value", "accepted"),
    [
        ("PORT", "0", "1 to 65535"),
        ("PORT", "eighty", "1 to 65535"),
        ("RELAY_IN_WORKERS", "perhaps", "true or false"),
        ("LOGIN_LIMIT", "often", "10/minute"),
        ("ORDER_LIMIT", "0/minute", "off"),
        ("TRUSTED_PROXIES", "-1", "0 to 10"),
        ("DATABASE_URL", "mysql://localhost/diner", "postgresql://"),
        ("MONGODB_URI", "localhost:27017", "mongodb://"),
        ("REQUEST_DEADLINE", "nan", "seconds"),
        ("CURRENCY", "Euro", "ISO 4217"),
        ("TIME_ZONE", "Mars/Olympus", "IANA"),
        ("LOG_LEVEL", "loud", "debug, info, warning or error"),
        ("SYNC_CONFLICT_POLICY", "coin_toss", "last_write_wins"),
        ("OPENING_HOURS", "mon-fri 11-23", "mon-fri 11:00-23:00"),
        ("OPENING_HOURS", ";", "mon-fri 11:00-23:00"),
        ("BUSINESS_DAY_ENDS", "4 am", "04:00"),
        ("CORS_ORIGINS", "diner.example", "https://diner.example"),
        ("CORS_ORIGINS", "https://diner.example/menu", "https://diner.example"),
        ("CORS_ORIGINS", "*, https://diner.example", "* for any"),
        ("PLACEMENT", "orders=sqlite", "orders"),
        ("PLACEMENT", "desserts=mongodb", "menu_items"),
        ("PLACEMENT", "orders=mongodb,mongodb", "orders"),
    ],
)
def test_a_bad_value_is_refused_by_name(name: str, value: str, accepted: str) -> None:
    with pytest.raises(BadSetting) as refused:
        Settings.from_environment({name: value})
    assert str(refused.value).startswith(f"{name}=")
    assert accepted in str(refused.value)


def test_the_restaurants_time_is_one_thing() -> None:
    settings = Settings.from_environment(
        {
            "TIME_ZONE": "Europe/Berlin",
            "OPENING_HOURS": "mon-fri 11:00-23:00; sat,sun 10:00-02:00",
            "BUSINESS_DAY_ENDS": "05:30",
        }
    )
    closing = datetime(2036, 5, 4, 0, tzinfo=UTC)  # two o'clock on a Sunday in Berlin
    assert settings.calendar.is_open(closing - timedelta(seconds=1))
    assert not settings.calendar.is_open(closing)
    assert settings.calendar.business_day(closing) == date(2036, 5, 3)
    assert Settings().calendar.is_open(closing)


def test_settings_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(BadSetting, match="POSTGRES_POOL_MIN"):
        Settings.from_environment({"POSTGRES_POOL_MIN": "5", "POSTGRES_POOL_MAX": "4"})
    with pytest.raises(BadSetting, match="at most REQUEST_DEADLINE"):
        Settings.from_environment({"ATTEMPT_DEADLINE": "2", "REQUEST_DEADLINE": "1"})


def test_a_placement_moves_single_kinds_and_leaves_the_others() -> None:
    settings = Settings.from_environment(
        {"PLACEMENT": "orders=mongodb,postgresql; menu_items=mongodb"}
    )
    assert settings.placement["orders"] == (StoreId.MONGODB, StoreId.POSTGRESQL)
    assert settings.placement["menu_items"] == (StoreId.MONGODB,)
    assert settings.placement["conflicts"] == Settings().placement["conflicts"]


def test_secrets_show_neither_in_the_repr_nor_in_an_error() -> None:
    settings = Settings.from_environment(
        {
            "DATABASE_URL": f"postgresql://diner:{PASSWORD}@db/diner",
            "SECRET_KEY": PASSWORD,
            "ALERT_WEBHOOK_SECRET": PASSWORD,
        }
    )
    assert PASSWORD not in repr(settings)
    with pytest.raises(BadSetting) as refused:
        Settings.from_environment({"DATABASE_URL": f"mysql://diner:{PASSWORD}@db/diner"})
    assert PASSWORD not in str(refused.value)


def test_every_setting_is_described() -> None:
    described_ones = {name: meaning for name, _default, meaning in describe_settings()}
    assert set(described_ones) == {one.name.upper() for one in fields(Settings)}
    assert all(described_ones.values())
