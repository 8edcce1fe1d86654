"""Members of a server, and the table of what each role permits."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from dinerapp.accounts.errors import NotPermitted
from dinerapp.replication.identity import derived_id
from dinerapp.replication.kind import Kind, MergeResult
from dinerapp.replication.record import Record

if TYPE_CHECKING:
    from dinerapp.replication.merge import MergePolicy


class MemberRole(StrEnum):
    """The role of a member in a server, independent of the role in the restaurant."""

    ADMIN = "admin"
    MODERATOR = "moderator"
    GUEST = "guest"


class MemberState(StrEnum):
    """Whether somebody is a member; in a merge the later one in this order wins."""

    ACTIVE = "active"
    LEFT = "left"
    KICKED = "kicked"


class MemberPermission(StrEnum):
    """Something that not every member is permitted to do."""

    CHANGE_SERVER = "change the server"
    INVITE = "see or renew the invite code"
    EDIT_CHANNELS = "add, rename or remove channels"
    CHANGE_ROLES = "change roles"
    KICK = "kick members"
    REMOVE_MESSAGES = "remove messages of others"


_ADMINS = frozenset({MemberRole.ADMIN})
_MODERATORS = _ADMINS | {MemberRole.MODERATOR}

MEMBER_ROLES_BY_PERMISSION: Mapping[MemberPermission, frozenset[MemberRole]] = {
    MemberPermission.CHANGE_SERVER: _ADMINS,
    MemberPermission.INVITE: _ADMINS,
    MemberPermission.EDIT_CHANNELS: _MODERATORS,
    MemberPermission.CHANGE_ROLES: _ADMINS,
    MemberPermission.KICK: _MODERATORS,
    MemberPermission.REMOVE_MESSAGES: _MODERATORS,
}

_RANK = {role: rank for rank, role in enumerate(reversed(MemberRole))}


@dataclass(frozen=True, slots=True, kw_only=True)
class Member(Record):
    """A membership, which is kept when a member leaves. A kicked member needs a new invite code:
    `barred` is the digest of the code that no longer works for them."""

    server_id: str
    user_id: str
    role: MemberRole = MemberRole.GUEST
    state: MemberState = MemberState.ACTIVE
    joined_at: datetime
    barred: str | None = None

    @property
    def is_active(self) -> bool:
        """Whether the user is a member now."""
        return self.state is MemberState.ACTIVE

    def may(self, permission: MemberPermission) -> bool:
        """Whether the role has the permission."""
        return self.is_active and self.role in MEMBER_ROLES_BY_PERMISSION[permission]

    def require(self, permission: MemberPermission) -> None:
        """NotPermitted unless the role has the permission."""
        if not self.may(permission):
            raise NotPermitted(f"the role {self.role} may not {permission} in this server")

    def require_outranks(self, target: Member) -> None:
        """NotPermitted unless the other member has a lower role, or both have the highest one."""
        if self.role is not MemberRole.ADMIN and _RANK[self.role] <= _RANK[target.role]:
            raise NotPermitted(
                f"the role {self.role} may not kick the role {target.role} in this server"
            )

    def as_rejoined(self, code: str, *, op_id: str, now: datetime) -> Member:
        """The member after rejoining with an invite code; NotPermitted if that code is barred."""
        if self.is_active:
            return self
        if self.barred == _code_digest(code):
            raise NotPermitted("you were kicked from this server and need a new invite code")
        return self.with_changes(
            op_id=op_id,
            now=now,
            role=MemberRole.GUEST,
            state=MemberState.ACTIVE,
            joined_at=now,
            barred=None,
        )

    def as_left(self, *, op_id: str, now: datetime) -> Member:
        """After leaving voluntarily."""
        return self.with_changes(op_id=op_id, now=now, state=MemberState.LEFT)

    def as_kicked(self, code: str, *, op_id: str, now: datetime) -> Member:
        """The member after being kicked, and barred from rejoining with this invite code."""
        return self.with_changes(
            op_id=op_id, now=now, state=MemberState.KICKED, barred=_code_digest(code)
        )


def member_id(server_id: str, user_id: str) -> str:
    """The id of a user's membership in a server."""
    return derived_id("member", server_id, user_id)


def merge_members(first: Member, second: Member, policy: MergePolicy) -> MergeResult[Member]:
    """A member who left or was kicked in either state stays out."""
    if first.state is second.state:
        return policy.decide(first, second)
    back, gone = sorted((first, second), key=lambda member: list(MemberState).index(member.state))
    return MergeResult(gone, loser=back, reason=f"the member was {gone.state} meanwhile")


def _code_digest(code: str) -> str:
    """A digest that identifies the code without revealing it."""
    return hashlib.sha256(code.encode()).hexdigest()


MEMBERS = Kind("members", Member, merge=merge_members, secret_fields=("barred",))
