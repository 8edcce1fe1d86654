"""Profiles, by the ids of their users. The contract is that of every repository."""

from __future__ import annotations

from dinerapp.domain.profiles import PROFILES, Profile
from dinerapp.ports.repository import Repository


class Profiles(Repository[Profile]):
    """What users say of themselves."""

    kind = PROFILES
