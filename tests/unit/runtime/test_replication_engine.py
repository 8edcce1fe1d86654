"""An engine that cannot work says so when it is made, not when the first record is saved."""

from __future__ import annotations

import pytest

from dinerapp.accounts.ports.profiles import Profiles
from dinerapp.replication.follower_dispatcher import FollowerMismatch
from dinerapp.replication.version import StoreId
from dinerapp.runtime.databases import NoDatabase
from dinerapp.runtime.kind_row import KindRow
from dinerapp.runtime.replication_engine import ReplicationEngine
from dinerapp.runtime.replication_settings import ReplicationSettings
from dinerapp.runtime.settings import BadSetting, Settings
from dinerapp.runtime.stores import DuplicateKind, UnusablePlacement
from dinerapp.runtime.testing import memory_stores
from dinerapp.runtime.wiring import build

ROW = KindRow.documents(Profiles)
MONGO_ONLY = {"profiles": (StoreId.MONGODB,)}


def test_without_a_database_there_is_no_engine() -> None:
    with pytest.raises(NoDatabase, match=r"PostgreSQL, of MongoDB, or of both"):
        ReplicationEngine([ROW])


def test_a_kind_placed_in_a_database_that_is_not_configured_stops_the_start() -> None:
    with pytest.raises(UnusablePlacement, match=r"profiles cannot be placed in mongodb"):
        ReplicationEngine(
            [ROW],
            postgres_url="postgresql://nowhere",
            settings=ReplicationSettings(placement=MONGO_ONLY),
        )


def test_a_placement_of_an_unknown_kind_stops_the_start() -> None:
    with pytest.raises(UnusablePlacement, match=r"desserts cannot be placed in mongodb"):
        ReplicationEngine(
            [ROW],
            mongo_url="mongodb://nowhere",
            settings=ReplicationSettings(placement={"desserts": (StoreId.MONGODB,)}),
        )


def test_two_kinds_of_one_name_stop_the_start() -> None:
    with pytest.raises(DuplicateKind, match="conflicts, profiles, profiles"):
        ReplicationEngine([ROW, ROW], mongo_url="mongodb://nowhere")


def test_followers_of_a_kind_that_has_none_stop_the_start() -> None:
    class Nobody:
        def follow(self, records: object) -> None: ...

    with pytest.raises(FollowerMismatch):
        ReplicationEngine(
            [ROW], postgres_url="postgresql://nowhere", followers={"profiles": [Nobody()]}
        )


def test_the_restaurant_is_told_the_setting_that_cannot_be_used() -> None:
    settings = Settings.from_environment({"PLACEMENT": "users=mongodb"})
    with pytest.raises(BadSetting, match=r"PLACEMENT='users=mongodb' cannot be used"):
        build(settings, memory_stores(StoreId.POSTGRESQL))
