"""Servers, their members and their channels."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dinerapp.accounts.domain.permissions import Caller
from dinerapp.messaging.domain.members import Member, MemberPermission, MemberRole, member_id
from dinerapp.messaging.domain.servers import (
    GENERAL_CHANNEL_NAME,
    Channel,
    Server,
    general_channel_id,
)
from dinerapp.messaging.ports.members import Members
from dinerapp.messaging.ports.servers import Channels, Servers
from dinerapp.messaging.services.idempotency import IdempotencyGuard
from dinerapp.messaging.signals import access_changed
from dinerapp.replication import served_by
from dinerapp.replication.errors import InvalidRequest, NotFound, RuleViolation
from dinerapp.replication.identity import Operation
from dinerapp.replication.ports.repository import Cursor, Page
from dinerapp.replication.record import Record, utc_now
from dinerapp.replication.saving import (
    WriteResult,
    save_idempotently,
    update_with_retry,
    upsert_with_retry,
)
from dinerapp.replication.signals import announce

_INVITE_CODE_BYTES = 16


@dataclass(frozen=True, slots=True)
class ServerView:
    """A server as one of its members sees it."""

    server: Server
    member: Member


class ServerService:
    """Use cases for servers. To users who are not members a server seems not to exist."""

    def __init__(
        self,
        servers: Servers,
        channels: Channels,
        members: Members,
        idempotency_guard: IdempotencyGuard,
        secret: str,
    ) -> None:
        self._servers = servers
        self._channels = channels
        self._members = members
        self._idempotency_guard = idempotency_guard
        self._secret = secret.encode()

    def add(
        self, caller: Caller, operation: Operation, fields: Mapping[str, Any]
    ) -> WriteResult[Server]:
        """Creates a server with its general channel; the caller becomes its owner.

        The server is saved last: once it exists, everything else does too.
        """
        server_id, owner_id = operation.record_id, caller.user_id or ""
        with served_by.suspended():
            general = _envelope(general_channel_id(server_id), operation)
            save_idempotently(
                self._channels.save,
                Channel(**general, server_id=server_id, name=GENERAL_CHANNEL_NAME),
            )
            owner = _new_member(server_id, owner_id, operation, MemberRole.ADMIN)
            save_idempotently(self._members.save, owner)
        server = Server(
            **_envelope(server_id, operation),
            owner_id=owner_id,
            invite_code=self._invite_code(server_id, operation),
            **fields,
        )
        return save_idempotently(self._servers.save, server)

    def get(self, caller: Caller, server_id: str) -> ServerView:
        """One server, if the caller is a member."""
        member = self._require_membership(caller, server_id)
        return ServerView(self._servers.get(server_id), member)

    def view(self, caller: Caller, server: Server) -> ServerView:
        """The server as the caller sees it."""
        return ServerView(server, self._require_membership(caller, server.id))

    def page(
        self, caller: Caller, after: Cursor | None, limit: int
    ) -> tuple[Page[Server], Mapping[str, Member]]:
        """The caller's servers, latest joined first, with their role in each."""
        found = self._members.page_of(caller.user_id or "", after, limit)
        members = {member.server_id: member for member in found.items}
        servers = self._servers.get_many(members) if members else {}
        there = tuple(servers[server_id] for server_id in members if server_id in servers)
        return Page(there, found.next_cursor), members

    def change(
        self,
        caller: Caller,
        server_id: str,
        operation: Operation,
        fields: Mapping[str, Any],
        if_match: str | None,
    ) -> WriteResult[Server]:
        """Changes the name or the image."""
        self._require_permission(caller, server_id, MemberPermission.CHANGE_SERVER)

        def change(server: Server) -> Server:
            return server.with_changes(op_id=operation.op_id, now=utc_now(), **fields)

        return update_with_retry(self._servers, server_id, operation.op_id, change, if_match)

    def remove(
        self, caller: Caller, server_id: str, operation: Operation, if_match: str | None
    ) -> WriteResult[Server]:
        """Removes a server; its channels cannot be entered any more."""
        self._require_membership(caller, server_id).require(MemberPermission.CHANGE_SERVER)

        def change(server: Server) -> Server:
            return server.with_changes(op_id=operation.op_id, now=utc_now())

        save = self._servers.delete
        result = update_with_retry(
            self._servers, server_id, operation.op_id, change, if_match, save
        )
        self._announce_access(result.record, None)
        return result

    def renew_invite(
        self, caller: Caller, server_id: str, operation: Operation
    ) -> WriteResult[Server]:
        """Renews the invite code; the previous one stops working at once."""
        self._require_permission(caller, server_id, MemberPermission.INVITE)
        code = self._invite_code(server_id, operation)

        def change(server: Server) -> Server:
            return server.with_changes(op_id=operation.op_id, now=utc_now(), invite_code=code)

        return update_with_retry(self._servers, server_id, operation.op_id, change)

    def join(self, caller: Caller, operation: Operation, code: str) -> WriteResult[Server]:
        """Adds the caller as a member; existing members keep their role."""
        server = self._server_of_invite(code)
        result = self._join(server, caller.user_id or "", operation, code)
        return WriteResult(server, result.replayed, result.changed)

    def _join(
        self, server: Server, user_id: str, operation: Operation, code: str
    ) -> WriteResult[Member]:
        key = member_id(server.id, user_id)

        def change(member: Member) -> Member:
            back = member.as_rejoined(code, op_id=operation.op_id, now=utc_now())
            self._idempotency_guard.record_use(operation, key)
            return back

        def create() -> Member:
            self._idempotency_guard.record_use(operation, key)
            return _new_member(server.id, user_id, operation, MemberRole.GUEST)

        return upsert_with_retry(self._members, key, operation.op_id, change, create)

    def members(
        self, caller: Caller, server_id: str, after: Cursor | None, limit: int
    ) -> Page[Member]:
        """The members of a server, newest first."""
        self.get(caller, server_id)
        return self._members.page(server_id, after, limit)

    def change_role(
        self,
        caller: Caller,
        server_id: str,
        user_id: str,
        operation: Operation,
        role: MemberRole,
        if_match: str | None,
    ) -> WriteResult[Member]:
        """Changes a member's role; the owner stays an admin."""
        seen = self._require_permission(caller, server_id, MemberPermission.CHANGE_ROLES)

        def change(member: Member) -> Member:
            _require_active(member)
            if user_id == seen.server.owner_id:
                raise RuleViolation("the owner of a server must stay an admin")
            if member.role is role:
                return member
            return member.with_changes(op_id=operation.op_id, now=utc_now(), role=role)

        key = member_id(server_id, user_id)
        return update_with_retry(self._members, key, operation.op_id, change, if_match)

    def remove_member(
        self, caller: Caller, server_id: str, user_id: str, operation: Operation
    ) -> WriteResult[Member]:
        """Leaves a server, or kicks another member; the owner stays."""
        with served_by.suspended():
            server = self._servers.get(server_id)
        own = user_id == caller.user_id
        if not own:
            acting = self._require_permission(caller, server_id, MemberPermission.KICK).member

        def change(member: Member) -> Member:
            _require_active(member)
            if user_id == server.owner_id:
                raise RuleViolation(
                    "the owner cannot leave or be kicked; remove the server instead"
                )
            if own:
                return member.as_left(op_id=operation.op_id, now=utc_now())
            acting.require_outranks(member)
            return member.as_kicked(server.invite_code, op_id=operation.op_id, now=utc_now())

        key = member_id(server_id, user_id)
        try:
            result = update_with_retry(self._members, key, operation.op_id, change)
        except NotFound:
            raise NotFound(*(("servers", server_id) if own else ("members", user_id))) from None
        self._announce_access(result.record, user_id)
        return result

    def channels(
        self, caller: Caller, server_id: str, after: Cursor | None, limit: int
    ) -> Page[Channel]:
        """A server's channels, newest first."""
        self.get(caller, server_id)
        return self._channels.page(server_id, after, limit)

    def channel(self, caller: Caller, server_id: str, channel_id: str) -> Channel:
        """One channel of a server."""
        self.get(caller, server_id)
        return _require_in_server(self._channels.get(channel_id), server_id)

    def add_channel(
        self, caller: Caller, server_id: str, operation: Operation, fields: Mapping[str, Any]
    ) -> WriteResult[Channel]:
        """Adds a channel."""
        self._require_permission(caller, server_id, MemberPermission.EDIT_CHANNELS)
        channel = Channel(
            **_envelope(operation.record_id, operation), server_id=server_id, **fields
        )
        return save_idempotently(self._channels.save, channel)

    def change_channel(
        self,
        caller: Caller,
        server_id: str,
        channel_id: str,
        operation: Operation,
        fields: Mapping[str, Any],
        if_match: str | None,
    ) -> WriteResult[Channel]:
        """Renames a channel; the general channel keeps its name."""
        self._require_permission(caller, server_id, MemberPermission.EDIT_CHANNELS)

        def change(channel: Channel) -> Channel:
            _require_not_general(channel, server_id)
            return channel.with_changes(op_id=operation.op_id, now=utc_now(), **fields)

        return update_with_retry(self._channels, channel_id, operation.op_id, change, if_match)

    def remove_channel(
        self,
        caller: Caller,
        server_id: str,
        channel_id: str,
        operation: Operation,
        if_match: str | None,
    ) -> WriteResult[Channel]:
        """Removes a channel; the general channel stays."""
        self._require_permission(caller, server_id, MemberPermission.EDIT_CHANNELS)

        def change(channel: Channel) -> Channel:
            _require_not_general(channel, server_id)
            return channel.with_changes(op_id=operation.op_id, now=utc_now())

        save = self._channels.delete
        result = update_with_retry(
            self._channels, channel_id, operation.op_id, change, if_match, save
        )
        self._announce_access(result.record, None)
        return result

    def _require_permission(
        self, caller: Caller, server_id: str, permission: MemberPermission
    ) -> ServerView:
        with served_by.suspended():
            seen = self.get(caller, server_id)
        seen.member.require(permission)
        return seen

    def _server_of_invite(self, code: str) -> Server:
        try:
            return self._servers.by_invite(code)
        except NotFound:
            raise InvalidRequest("is not a valid invite code", field="code") from None

    def _require_membership(self, caller: Caller, server_id: str) -> Member:
        """NotFound, with the same message for every server in which the caller is not a member."""
        try:
            with served_by.suspended():
                member = self._members.get(member_id(server_id, caller.user_id or ""))
        except NotFound:
            member = None
        if member is None or not member.is_active:
            raise NotFound(self._servers.kind.name, server_id)
        return member

    def _announce_access(self, about: Record, user_id: str | None) -> None:
        announce(access_changed, self, about=about, user_id=user_id)

    def _invite_code(self, server_id: str, operation: Operation) -> str:
        """The same code for every try of an operation, in any store; it cannot be guessed."""
        parts = f"invitation {server_id} {operation.op_id}".encode()
        code = hmac.new(self._secret, parts, hashlib.sha256).digest()[:_INVITE_CODE_BYTES]
        return base64.urlsafe_b64encode(code).decode().rstrip("=")


def _envelope(record_id: str, operation: Operation) -> dict[str, Any]:
    now = utc_now()
    return {"id": record_id, "op_id": operation.op_id, "created_at": now, "updated_at": now}


def _new_member(server_id: str, user_id: str, operation: Operation, role: MemberRole) -> Member:
    made = _envelope(member_id(server_id, user_id), operation)
    joined = made["created_at"]
    return Member(**made, server_id=server_id, user_id=user_id, role=role, joined_at=joined)


def _require_active(member: Member) -> None:
    if not member.is_active:
        raise NotFound("members", member.user_id)


def _require_in_server(channel: Channel, server_id: str) -> Channel:
    if channel.server_id != server_id:
        raise NotFound("channels", channel.id)
    return channel


def _require_not_general(channel: Channel, server_id: str) -> None:
    if _require_in_server(channel, server_id).is_general:
        raise RuleViolation("the general channel cannot be renamed or removed")
