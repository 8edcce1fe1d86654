"""/api/conversations"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import Response

from blueprints.conversations.schemas import ConversationIn, ConversationOut, ConversationPage
from blueprints.http.access import caller
from blueprints.http.blueprint import Blueprint
from blueprints.http.headers import ETAG
from blueprints.http.openapi import header_refs
from blueprints.http.responses import (
    PageQuery,
    operation,
    page_response,
    parse_cursor,
    public_fields,
    record_response,
    write_response,
)
from blueprints.http.services import services_of
from dinerapp.accounts.domain.permissions import Permission
from dinerapp.messaging.container import MessagingServices
from dinerapp.messaging.domain.conversations import Conversation

services = services_of(MessagingServices)

blp = Blueprint(
    "conversations",
    __name__,
    url_prefix="/api/conversations",
    description="Conversations of two: a guest with staff, or staff with staff",
)


@blp.post("")
@blp.allows(Permission.USE_ROOMS)
@blp.arguments(ConversationIn)
@blp.creates(ConversationOut)
@blp.alt_response(
    200,
    schema=ConversationOut,
    description="The conversation already existed",
    headers=header_refs(ETAG),
)
def open_conversation(given: dict[str, Any]) -> Response:
    """Open the conversation with a user

    Two people have one conversation, whoever opens it and however often. One of the two must be
    staff.
    """
    op = operation(f"conversations.open {caller().user_id}")
    result = services().conversations.open(caller(), str(given["user_id"]), op)
    is_new = result.changed or result.replayed
    location = f"/api/conversations/{result.record.id}" if is_new else None
    return write_response(result, _view(result.record, _names(result.record)), location)


@blp.get("")
@blp.allows(Permission.USE_ROOMS)
@blp.arguments(PageQuery, location="query")
@blp.response(200, ConversationPage)
def list_conversations(query: dict[str, Any]) -> Response:
    """Your conversations, newest first"""
    found = services().conversations.page(caller(), parse_cursor(query["cursor"]), query["limit"])
    names = _names(*found.items)
    return page_response(found, lambda conversation: _view(conversation, names))


@blp.get("/<uuid:conversation_id>")
@blp.allows(Permission.USE_ROOMS)
@blp.reads(ConversationOut)
def read_conversation(conversation_id: UUID) -> Response:
    """One conversation"""
    found = services().conversations.get(caller(), str(conversation_id))
    return record_response(found, _view(found, _names(found)))


def _names(*conversations: Conversation) -> Mapping[str, str]:
    return services().display_names.of([each for one in conversations for each in one.user_ids])


def _view(conversation: Conversation, names: Mapping[str, str]) -> dict[str, Any]:
    view = public_fields(conversation)
    people = [{"id": each, "name": names[each]} for each in view.pop("user_ids")]
    return view | {"people": people}
