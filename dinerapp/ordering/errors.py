"""What guests are refused for lack of it."""

from __future__ import annotations

from dinerapp.replication.errors import RuleViolation


class SoldOut(RuleViolation):
    """Not enough is left of what the caller wants."""
