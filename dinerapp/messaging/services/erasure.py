"""What guests said in rooms, to be removed when they are erased."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from dinerapp.messaging.domain.messages import Message
from dinerapp.messaging.ports.messages import Messages
from dinerapp.messaging.signals import message_changed
from dinerapp.replication.erasure import Person, PersonalData
from dinerapp.replication.paging import all_of
from dinerapp.replication.signals import announce


def messages_of_people(messages: Messages) -> PersonalData[Message]:
    """An author is known by their account."""

    def find(person: Person) -> Iterator[Message]:
        return all_of(*(partial(messages.page_of, user_id) for user_id in person.user_ids))

    def tell(message: Message) -> None:
        announce(message_changed, messages, kind=messages.kind.name, message=message)

    return PersonalData(repository=messages, find=find, redact=Message.redacted, on_redacted=tell)
