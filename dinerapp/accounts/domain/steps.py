"""Steps from one status to the next, and which roles may take each."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import TypeVar

from dinerapp.accounts.domain.permissions import Role
from dinerapp.accounts.errors import NotPermitted
from dinerapp.replication.errors import RuleViolation

S = TypeVar("S", bound=StrEnum)

StepTable = Mapping[S, Mapping[S, Collection[Role | None]]]
"""By status, the possible steps and the roles that may take each; None stands for guests without an
account. A status that is not in the table is final."""


def require_step(table: StepTable[S], noun: str, before: S, after: S, role: Role | None) -> None:
    """RuleViolation if there is no such step, NotPermitted if the role may not take it."""
    steps = table.get(before, {})
    if after not in steps:
        allowed = ", ".join(steps) or "nothing, it is over"
        raise RuleViolation(
            f"a {noun} that is {before} cannot become {after}; it can become: {allowed}",
            field="status",
        )
    if role not in steps[after]:
        who = "guests" if role is None else f"the role {role}"
        raise NotPermitted(f"{who} may not set a {noun} to {after}")
