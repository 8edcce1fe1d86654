"""Servers, which stand for a restaurant or a branch, and their channels."""

from __future__ import annotations

from dataclasses import dataclass, field

from dinerapp.replication.identity import derived_id
from dinerapp.replication.kind import Kind
from dinerapp.replication.record import Record

GENERAL_CHANNEL_NAME = "general"


@dataclass(frozen=True, slots=True, kw_only=True)
class Server(Record):
    """A server. Anyone with the invite code can join. The owner created it and stays an admin."""

    name: str
    image_url: str | None = None
    owner_id: str
    invite_code: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel(Record):
    """A room for all members of a server."""

    server_id: str
    name: str

    @property
    def is_general(self) -> bool:
        """Whether this is the channel that was created with the server and cannot be removed."""
        return self.id == general_channel_id(self.server_id)


def general_channel_id(server_id: str) -> str:
    """The id of the general channel, which every server has."""
    return derived_id("general channel", server_id)


SERVERS = Kind("servers", Server, unique_fields=("invite_code",), secret_fields=("invite_code",))
CHANNELS = Kind("channels", Channel)
