"""Somebody with an account: who they are, what they may do, and where they are logged in."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from dinerapp.accounts.domain.permissions import Role
from dinerapp.replication.errors import InvalidRecord
from dinerapp.replication.kind import Kind, MergeResult
from dinerapp.replication.record import Record

if TYPE_CHECKING:
    from dinerapp.replication.merge import MergePolicy

LONGEST_EMAIL = 254
MOST_SESSIONS = 20
EDITS = 4
LOST_ANSWER = timedelta(seconds=10)
"""For how long the refresh token before the latest is taken for a repeated request."""

_PROFILE = ("email", "name", "phone", "role", "active")


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One login. Each refresh makes the next generation; only the latest one's token is good."""

    id: str
    generation: int = 1
    created_at: datetime
    rotated_at: datetime
    expires_at: datetime
    revoked: bool = False

    def is_open(self, now: datetime) -> bool:
        """Whether requests in this session are to be heard."""
        return not self.revoked and now < self.expires_at


@dataclass(frozen=True, slots=True, kw_only=True)
class User(Record):
    """An account with its sessions, so that one read says all about a request's token.

    `edits` are the latest operations that changed more than sessions: they tell which of two
    states has the newer profile, however often either was logged in to since.
    """

    email: str
    name: str
    phone: str | None = None
    role: Role = Role.CUSTOMER
    active: bool = True
    password_hash: str = field(repr=False)
    password_changed_at: datetime
    sessions: tuple[Session, ...] = ()
    edits: tuple[str, ...] = ()

    def validate(self) -> None:
        if self.email != normalised(self.email):
            raise InvalidRecord("email", "must be normalised")
        if not 0 < len(self.email) <= LONGEST_EMAIL:
            raise InvalidRecord("email", f"must be 1 to {LONGEST_EMAIL} characters long")

    def session(self, session_id: str) -> Session | None:
        """The session, as long as it is remembered."""
        return next((one for one in self.sessions if one.id == session_id), None)

    def edited(self, *, op_id: str, now: datetime, **fields: Any) -> User:
        """The user after an operation that is about more than sessions."""
        edits = (*self.edits, op_id)[-EDITS:]
        return self.with_changes(op_id=op_id, now=now, edits=edits, **fields)

    def opened(self, session: Session, *, op_id: str, now: datetime, **fields: Any) -> User:
        """The user after a login. What has expired is forgotten, then the oldest."""
        alive = [one for one in self.sessions if now < one.expires_at]
        return self.with_changes(
            op_id=op_id, now=now, sessions=_latest([*alive, session]), **fields
        )

    def refreshed(
        self, session: Session, generation: int, *, op_id: str, now: datetime, until: datetime
    ) -> User:
        """The user after a refresh token of the session was used.

        The latest one is rotated, and so is one from beyond it: another store gave it, which this
        one has not heard of yet. The one before is the repeated request of a client that did not
        hear the answer, for a moment. Whoever shows any other one has stolen it or was robbed.
        """
        if generation >= session.generation:
            rotated = replace(session, generation=generation + 1, rotated_at=now, expires_at=until)
            return self._with(rotated, op_id, now)
        repeated = generation == session.generation - 1
        if repeated and now - session.rotated_at <= LOST_ANSWER:
            return self
        return self._with(replace(session, revoked=True), op_id, now)

    def left(self, session_id: str, *, op_id: str, now: datetime) -> User:
        """The user after the end of a session."""
        session = self.session(session_id)
        if session is None or session.revoked:
            return self
        return self._with(replace(session, revoked=True), op_id, now)

    def sessions_ended(self, *, but: str | None = None) -> tuple[Session, ...]:
        """All sessions revoked, but perhaps for one."""
        return tuple(one if one.id == but else replace(one, revoked=True) for one in self.sessions)

    def _with(self, session: Session, op_id: str, now: datetime) -> User:
        others = [one for one in self.sessions if one.id != session.id]
        return self.with_changes(op_id=op_id, now=now, sessions=_latest([*others, session]))


def normalised(email: str) -> str:
    """The address as it is compared: who writes it differently is the same."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", email).casefold())


def merge_users(one: User, other: User, policy: MergePolicy) -> MergeResult[User]:
    """Sessions of both are kept, whatever was ended stays so, the later password counts."""
    winner, loser, reason = _by_profile(one, other, policy)
    edits = dict.fromkeys((*loser.edits, *winner.edits))
    password = max(one, other, key=_password)
    merged = replace(
        winner,
        active=winner.active and (loser.active or not reason),
        password_hash=password.password_hash,
        password_changed_at=password.password_changed_at,
        sessions=_united(one.sessions, other.sessions),
        edits=tuple(edits)[-2 * EDITS :],
    )
    if reason and _profile(loser) != _profile(merged):
        return MergeResult(merged, loser, reason)
    return MergeResult(merged)


def _by_profile(one: User, other: User, policy: MergePolicy) -> tuple[User, User, str]:
    """The winner, the loser, and why; no reason is needed where one has seen the other's edits."""
    if other.edits[-1:] != one.edits[-1:]:
        if set(other.edits[-1:]) <= set(one.edits):
            return one, other, ""
        if set(one.edits[-1:]) <= set(other.edits):
            return other, one, ""
    decided = policy.decide(one, other)
    loser = other if decided.record is one else one
    return decided.record, loser, decided.reason


def _profile(user: User) -> tuple[object, ...]:
    return tuple(getattr(user, name) for name in _PROFILE)


def _password(user: User) -> tuple[datetime, str]:
    return user.password_changed_at, user.password_hash


def _united(one: tuple[Session, ...], other: tuple[Session, ...]) -> tuple[Session, ...]:
    found: dict[str, Session] = {}
    for session in sorted((*one, *other), key=_progress):
        before = found.get(session.id, session)
        found[session.id] = replace(session, revoked=session.revoked or before.revoked)
    return _latest(found.values())


def _progress(session: Session) -> tuple[object, ...]:
    return session.generation, session.rotated_at, session.expires_at, session.created_at


def _latest(sessions: Iterable[Session]) -> tuple[Session, ...]:
    """As many as are remembered, the oldest first."""
    return tuple(sorted(sessions, key=lambda one: (one.created_at, one.id))[-MOST_SESSIONS:])


def _adopted(user: User, lost: User) -> User:
    """Who they are and their password may come back; what they may do is decided openly."""
    return replace(lost, role=user.role, active=user.active, sessions=user.sessions)


USERS = Kind(
    "users",
    User,
    merge=merge_users,
    unique_fields=("email",),
    secret_fields=("password_hash", "sessions", "edits"),
    restore=_adopted,
)
