"""What a store sends to PostgreSQL, for tests that look at the plans."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.postgres.connection import DeadlineConnection


def record_statements(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, Any]]:
    """Every statement from now on, with its parameters."""
    sent: list[tuple[Any, Any]] = []
    execute = DeadlineConnection.execute

    def recorded(self: Any, query: Any, params: Any = None, **options: Any) -> Any:
        sent.append((query, params))
        return execute(self, query, params, **options)

    monkeypatch.setattr(DeadlineConnection, "execute", recorded)
    return sent
