"""Profiles, by the ids of their users. The contract is that of every repository."""

from __future__ import annotations

from dinerapp.accounts.domain.profiles import PROFILES, Profile
from dinerapp.replication.ports.documents import Documents


class Profiles(Documents[Profile]):
    """What users say of themselves."""

    kind = PROFILES
