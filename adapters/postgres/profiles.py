"""Profiles in PostgreSQL: documents."""

from __future__ import annotations

from adapters.postgres.documents import DocumentStore
from dinerapp.accounts.domain.profiles import Profile
from dinerapp.accounts.ports.profiles import Profiles


class PostgresProfiles(DocumentStore[Profile], Profiles):
    """Table profiles."""
