"""Accounts: who somebody is, where they are logged in, and who may change what about them."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from dinerapp.accounts.domain.permissions import POWERFUL, Caller, Permission, Role
from dinerapp.accounts.domain.users import Session, User, normalised
from dinerapp.accounts.errors import NotAuthenticated, NotPermitted
from dinerapp.accounts.ports.users import UserFilter, Users
from dinerapp.accounts.services.passwords import Passwords
from dinerapp.accounts.services.tokens import REFUSED, Tokens
from dinerapp.accounts.signals import user_changed, user_created
from dinerapp.replication import served_by
from dinerapp.replication.errors import AlreadyExists, DuplicateKey, InvalidRequest, NotFound
from dinerapp.replication.identity import Operation, new_id, new_op_id
from dinerapp.replication.ports.repository import Cursor, Page
from dinerapp.replication.record import utc_now
from dinerapp.replication.saving import WriteResult, save_idempotently, update_with_retry
from dinerapp.replication.signals import announce

WRONG = "the address or the password is wrong"
FIRST_ADMIN_EMAIL = "admin@dinerapp.local"
_FIRST_ADMIN = Operation.from_key("first admin", "", b"")
_PASSWORD_BYTES = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAccount:
    """What somebody says of themselves to get an account."""

    email: str
    name: str
    password: str
    phone: str | None = None


@dataclass(frozen=True, slots=True)
class Granted:
    """Somebody who is logged in, and what they show from now on."""

    user: User
    access_token: str
    refresh_token: str
    expires_in: int


class AccountService:
    """Use cases around accounts."""

    def __init__(
        self, users: Users, passwords: Passwords, tokens: Tokens, session_lifetime: timedelta
    ) -> None:
        self._users = users
        self._passwords = passwords
        self._tokens = tokens
        self._session_lifetime = session_lifetime

    def register(self, operation: Operation, new: NewAccount) -> WriteResult[User]:
        """An account for a customer. Who has one already is nobody's business: a taken address
        is answered as a new one would be, and its account stays as it is."""
        made = self._made(operation, new, Role.CUSTOMER)
        try:
            return self._added(made)
        except DuplicateKey:
            return WriteResult(_as_if_added(made), changed=False)

    def add(self, operation: Operation, new: NewAccount, role: Role) -> WriteResult[User]:
        """An account in any role; who may give it is asked before this."""
        return self._added(self._made(operation, new, role))

    def add_first_admin(self) -> tuple[User, str] | None:
        """An admin with a random password, where there never was one.

        Whoever tries at the same time arrives at the same record, of which one makes it. Raises
        NoStoreAvailable where the database that may hold an admin cannot be asked.
        """
        if self._users.page(UserFilter(role=Role.ADMIN), None, 1).items:
            return None
        if self._is_known(_FIRST_ADMIN.record_id):
            return None
        password = secrets.token_urlsafe(_PASSWORD_BYTES)
        new = NewAccount(email=FIRST_ADMIN_EMAIL, name="Admin", password=password)
        try:
            done = self.add(_FIRST_ADMIN, new, Role.ADMIN)
        except (AlreadyExists, DuplicateKey):
            return None
        return (done.record, password) if done.changed else None

    def login(self, email: str, password: str) -> Granted:
        """Opens a session. An unknown address, a wrong password and a closed account are one."""
        user = self._holder(normalised(email))
        fits = self._passwords.fits(password, user.password_hash if user else None)
        if user is None or not fits or not user.active:
            raise NotAuthenticated(WRONG)
        return self._opened(user, self._rehashed(user, password))

    def refresh(self, token: str) -> Granted:
        """The next tokens of a session. One that was used before ends it."""
        claim = self._tokens.read_refresh(token)
        now = utc_now()
        op_id = new_op_id()

        def change(user: User) -> User:
            session = _open_session(user, claim.session_id, now)
            until = now + self._session_lifetime
            return user.refreshed(session, claim.generation, op_id=op_id, now=now, until=until)

        user = self._change(claim.user_id, op_id, change)
        return self._granted(user, _open_session(user, claim.session_id, now), now)

    def logout(self, caller: Caller) -> None:
        """Ends the caller's session."""
        op_id, session_id = new_op_id(), caller.session_id or ""
        self._change(
            caller.user_id or "",
            op_id,
            lambda user: user.left(session_id, op_id=op_id, now=utc_now()),
        )

    def caller(self, token: str) -> Caller:
        """Who shows this access token, as their record says now."""
        claim = self._tokens.read_access(token)
        try:
            user = self._users.get(claim.user_id)
        except NotFound as exc:
            raise NotAuthenticated(REFUSED) from exc
        session = _open_session(user, claim.session_id, utc_now())
        return Caller(user_id=user.id, role=user.role, session_id=session.id)

    def get(self, user_id: str) -> User:
        """One user."""
        return self._users.get(user_id)

    def page(self, wanted: UserFilter, after: Cursor | None, limit: int) -> Page[User]:
        """Users, newest first."""
        return self._users.page(wanted, after, limit)

    def change(
        self,
        caller: Caller,
        user_id: str,
        operation: Operation,
        fields: Mapping[str, Any],
        if_match: str | None = None,
    ) -> WriteResult[User]:
        """Changes somebody's account. Who is deactivated is logged out everywhere."""

        def change(user: User) -> User:
            _require_power(caller, user, fields)
            ended = {} if fields.get("active", True) else {"sessions": user.sessions_ended()}
            return user.edited(op_id=operation.op_id, now=utc_now(), **fields, **ended)

        return self._announced(
            update_with_retry(self._users, user_id, operation.op_id, change, if_match)
        )

    def change_password(self, caller: Caller, current: str, new: str) -> None:
        """Sets another password, and logs the caller out everywhere else."""
        user = self._users.get(caller.user_id or "")
        if not self._passwords.fits(current, user.password_hash):
            raise InvalidRequest("is not your password", field="current_password")
        self._set_password(user, new, but=caller.session_id)

    def reset_password(self, email: str, new: str) -> User:
        """What an operator does for somebody who forgot theirs; logs them out everywhere."""
        return self._set_password(self._users.by_email(normalised(email)), new)

    def _added(self, made: User) -> WriteResult[User]:
        done = save_idempotently(self._users.save, made)
        if done.changed:
            announce(user_created, self, user=done.record)
        return done

    def _made(self, operation: Operation, new: NewAccount, role: Role) -> User:
        now = utc_now()
        return User(
            id=operation.record_id,
            op_id=operation.op_id,
            created_at=now,
            updated_at=now,
            email=normalised(new.email),
            name=new.name,
            phone=new.phone,
            role=role,
            password_hash=self._passwords.hashed(new.password),
            password_changed_at=now,
            edits=(operation.op_id,),
        )

    def _is_known(self, user_id: str) -> bool:
        try:
            self._users.get(user_id)
        except NotFound as exc:
            return exc.tombstone is not None
        return True

    def _holder(self, email: str) -> User | None:
        try:
            return self._users.by_email(email)
        except NotFound:
            return None

    def _rehashed(self, user: User, password: str) -> dict[str, str]:
        """The password's hash by today's parameters, if it has another one."""
        if not self._passwords.is_outdated(user.password_hash):
            return {}
        return {"password_hash": self._passwords.hashed(password)}

    def _opened(self, known: User, fields: Mapping[str, str]) -> Granted:
        now, op_id = utc_now(), new_op_id()
        session = Session(
            id=new_id(), created_at=now, rotated_at=now, expires_at=now + self._session_lifetime
        )

        def change(user: User) -> User:
            if not user.active or user.password_changed_at != known.password_changed_at:
                raise NotAuthenticated(WRONG)
            return user.opened(session, op_id=op_id, now=now, **fields)

        return self._granted(self._change(known.id, op_id, change), session, now)

    def _granted(self, user: User, session: Session, now: datetime) -> Granted:
        return Granted(
            user,
            self._tokens.access(user.id, session, now),
            self._tokens.refresh(user.id, session),
            int(self._tokens.access_lifetime.total_seconds()),
        )

    def _set_password(self, user: User, new: str, but: str | None = None) -> User:
        password_hash, op_id, now = self._passwords.hashed(new), new_op_id(), utc_now()

        def change(user: User) -> User:
            return user.edited(
                op_id=op_id,
                now=now,
                password_hash=password_hash,
                password_changed_at=now,
                sessions=user.sessions_ended(but=but),
            )

        return self._announced(update_with_retry(self._users, user.id, op_id, change)).record

    def _change(self, user_id: str, op_id: str, change: Callable[[User], User]) -> User:
        """A change of sessions; without the user there are none."""
        try:
            return update_with_retry(self._users, user_id, op_id, change).record
        except NotFound as exc:
            raise NotAuthenticated(REFUSED) from exc

    def _announced(self, done: WriteResult[User]) -> WriteResult[User]:
        if done.changed:
            announce(user_changed, self, user=done.record)
        return done


def _as_if_added(user: User) -> User:
    served = served_by.current()
    return replace(user, version=user.version.incremented(served.store_id)) if served else user


def _open_session(user: User, session_id: str, now: datetime) -> Session:
    session = user.session(session_id)
    if session is None or not user.active or not session.is_open(now):
        raise NotAuthenticated(REFUSED)
    return session


def _require_power(caller: Caller, user: User, fields: Mapping[str, Any]) -> None:
    """Nobody makes themselves more or less, and who has power is the admins' business."""
    if caller.user_id == user.id and not {"role", "active"}.isdisjoint(fields):
        raise NotPermitted("nobody changes their own role or closes their own account")
    if caller.may(Permission.GRANT_POWER):
        return
    roles = {user.role, fields.get("role", user.role)}
    if not POWERFUL.isdisjoint(roles) and caller.user_id != user.id:
        raise NotPermitted("accounts of managers and admins are the business of admins")
