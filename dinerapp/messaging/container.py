"""The services of this wing, as routes and commands use them."""

from __future__ import annotations

from dataclasses import dataclass

from dinerapp.messaging.services.conversations import ConversationService
from dinerapp.messaging.services.display_names import DisplayNames
from dinerapp.messaging.services.messages import MessageService
from dinerapp.messaging.services.read_markers import ReadMarkerService
from dinerapp.messaging.services.servers import ServerService


@dataclass(frozen=True, slots=True)
class MessagingServices:
    """Rooms, their members, and messages."""

    servers: ServerService
    conversations: ConversationService
    messages: MessageService
    read_markers: ReadMarkerService
    display_names: DisplayNames
