"""Errors of the ordering wing."""

from __future__ import annotations

from dinerapp.replication.errors import RuleViolation


class SoldOut(RuleViolation):
    """There is not enough stock left for the request."""
