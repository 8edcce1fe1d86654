"""Profiles in PostgreSQL: documents."""

from __future__ import annotations

from adapters.postgres.documents import DocumentStore
from dinerapp.domain.profiles import Profile
from dinerapp.ports.profiles import Profiles


class PostgresProfiles(DocumentStore[Profile], Profiles):
    """Table profiles."""
