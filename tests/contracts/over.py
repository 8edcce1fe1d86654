"""What a suite is run over: the names of stores and composites, and a mark for each choice."""

from __future__ import annotations

import pytest

SERVERS = ("postgresql", "mongodb")
SHARED = ("memory", *SERVERS)
STORES = ("reference", *SHARED)
COMPOSITES = ("postgresql_then_mongodb", "mongodb_then_postgresql")

over_stores = pytest.mark.parametrize("repositories", STORES, indirect=True)
over_everything = pytest.mark.parametrize(
    "repositories", [*STORES, "fallback_of_references", *COMPOSITES], indirect=True
)
over_what_answers_questions = pytest.mark.parametrize(
    "repositories", [*SHARED, *COMPOSITES], indirect=True
)
over_shared_stores = pytest.mark.parametrize("repositories", SHARED, indirect=True)
over_shared_repositories = pytest.mark.parametrize(
    "repositories", [*SHARED, *COMPOSITES], indirect=True
)
