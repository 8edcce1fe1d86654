"""Profiles in MongoDB."""

from __future__ import annotations

from adapters.mongo.store import MongoStore
from dinerapp.accounts.domain.profiles import Profile
from dinerapp.accounts.ports.profiles import Profiles


class MongoProfiles(MongoStore[Profile], Profiles):
    """Nothing is asked of them but by id."""
