"""The wing of messaging."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Event
from typing import Any

from adapters.mongo.channels import MongoChannels
from adapters.mongo.conversations import MongoConversations
from adapters.mongo.members import MongoMembers
from adapters.mongo.messages import MongoChannelMessages, MongoDirectMessages
from adapters.mongo.read_markers import MongoReadMarkers
from adapters.postgres.channels import PostgresChannels
from adapters.postgres.conversations import PostgresConversations
from adapters.postgres.members import PostgresMembers
from adapters.postgres.messages import PostgresChannelMessages, PostgresDirectMessages
from adapters.postgres.read_markers import PostgresReadMarkers
from blueprints.conversations.routes import blp as conversations
from blueprints.rooms.routes import blp as rooms
from blueprints.servers.routes import blp as servers
from dinerapp.accounts.ports.profiles import Profiles
from dinerapp.accounts.ports.users import Users
from dinerapp.messaging.container import MessagingServices
from dinerapp.messaging.forwarding import forward_signals
from dinerapp.messaging.ports.conversations import Conversations
from dinerapp.messaging.ports.idempotency import IdempotencyRecords
from dinerapp.messaging.ports.members import Members
from dinerapp.messaging.ports.messages import ChannelMessages, DirectMessages, Messages
from dinerapp.messaging.ports.read_markers import ReadMarkers
from dinerapp.messaging.ports.servers import Channels, Servers
from dinerapp.messaging.services.conversations import ConversationService
from dinerapp.messaging.services.display_names import DisplayNames
from dinerapp.messaging.services.erasure import messages_of_people
from dinerapp.messaging.services.idempotency import IdempotencyGuard
from dinerapp.messaging.services.messages import MessageService
from dinerapp.messaging.services.read_markers import ReadMarkerService
from dinerapp.messaging.services.room_feed import RoomFeed
from dinerapp.messaging.services.rooms import RoomBackend, RoomKind, RoomService
from dinerapp.messaging.services.servers import ServerService
from dinerapp.messaging.services.throttle import Throttle
from dinerapp.ordering.container import OrderingServices
from dinerapp.replication.erasure import PersonalData
from dinerapp.replication.periodic_thread import PeriodicThread
from dinerapp.runtime.supervisor import Resource, Service
from dinerapp.runtime.wing import (
    MONGO_FIRST,
    POSTGRES_ONLY,
    BuiltWing,
    KindRow,
    Wing,
    WingContext,
)

TYPING_SECONDS = 1.0
"""The others in a room are told at most this often that somebody is typing."""


def _build(context: WingContext) -> BuiltWing:
    typing = Throttle(TYPING_SECONDS)
    background: list[Service] = []

    def kept(name: str, messages: Messages) -> RoomBackend:
        news = Event()
        feed = RoomFeed(messages, context.stream_quota, typing, wake=news.set)
        background.extend([PeriodicThread(f"{name}-feed", feed.step, news), Resource(feed)])
        return RoomBackend(messages, feed)

    keeping = {
        RoomKind.CONVERSATION: kept("conversations", context.repository(DirectMessages)),
        RoomKind.CHANNEL: kept("channels", context.repository(ChannelMessages)),
    }
    servers, channels = context.repository(Servers), context.repository(Channels)
    members, conversations = context.repository(Members), context.repository(Conversations)
    users, once = (
        context.repository(Users),
        IdempotencyGuard(context.repository(IdempotencyRecords)),
    )
    places = servers, channels, members, conversations
    rooms = RoomService(users, *places, keeping)
    services = MessagingServices(
        servers=ServerService(servers, channels, members, once, context.secret),
        conversations=ConversationService(conversations, users, once),
        messages=MessageService(rooms, context.services(OrderingServices).orders, typing),
        read_markers=ReadMarkerService(rooms, context.repository(ReadMarkers), *places, keeping),
        display_names=DisplayNames(context.repository(Profiles), users),
    )
    return BuiltWing(services, background=background)


def _personal_data(context: WingContext) -> Sequence[PersonalData[Any]]:
    return [
        messages_of_people(context.repository(DirectMessages)),
        messages_of_people(context.repository(ChannelMessages)),
    ]


MESSAGING = Wing(
    name="messaging",
    kinds=(
        KindRow.documents(Servers),
        KindRow(Channels, PostgresChannels, MongoChannels),
        KindRow(Members, PostgresMembers, MongoMembers),
        KindRow(Conversations, PostgresConversations, MongoConversations),
        KindRow(DirectMessages, PostgresDirectMessages, MongoDirectMessages, MONGO_FIRST),
        KindRow(ChannelMessages, PostgresChannelMessages, MongoChannelMessages, POSTGRES_ONLY),
        KindRow(ReadMarkers, PostgresReadMarkers, MongoReadMarkers),
        KindRow.documents(IdempotencyRecords),
    ),
    blueprints=(servers, conversations, rooms),
    build=_build,
    personal_data=_personal_data,
    forward_signals=forward_signals,
)
