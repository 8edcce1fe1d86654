"""The contract of `Messages`, direct ones and those of channels: what they are asked."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from dinerapp.replication.identity import new_id, new_op_id
from dinerapp.replication.ports.repository import ChangeCursor, Cursor
from tests.contracts.over import over_what_answers_questions
from tests.contracts.samples import Repositories, all_pages, identical, ids
from tests.factories import LONG_WORD, at, message

ONE, OTHER = new_id(), new_id()
ADA, BOB = new_id(), new_id()
BEGINNING = Cursor(at(-1000), "")
NO_ROOMS = ["", "\0", "\ud800", "x" * 10_000, "$gt"]


def place(record: Any) -> Cursor:
    return Cursor(record.created_at, record.id)


def change(record: Any) -> ChangeCursor:
    return ChangeCursor(record.updated_at, record.id)


class MessagesContract:
    """Subclasses name the kind."""

    kind: str

    @pytest.fixture
    def kept(self, repositories: Repositories) -> Any:
        return getattr(repositories, self.kind)

    def said(self, kept: Any, moment: datetime, **fields: Any) -> Any:
        return kept.save(message(**{"room_id": ONE, "created_at": moment, **fields}))

    def test_pages_hold_every_message_of_a_room_once(self, kept: Any) -> None:
        saved = [self.said(kept, at(n)) for n in range(7)]
        self.said(kept, at(3), room_id=OTHER)
        assert ids(all_pages(lambda after, n: kept.page(ONE, after, n), 3)) == ids(saved[::-1])
        assert kept.page(new_id(), None, 10).items == ()

    def test_pages_of_an_author_hold_every_message_of_theirs_once(self, kept: Any) -> None:
        rooms = [ONE, OTHER, ONE, OTHER, ONE]
        saved = [
            self.said(kept, at(n), author_id=ADA, room_id=room) for n, room in enumerate(rooms)
        ]
        saved[1] = kept.save(saved[1].as_removed(BOB, op_id=new_op_id(), now=at(9)))
        self.said(kept, at(2), author_id=BOB)
        assert ids(all_pages(lambda after, n: kept.page_of(ADA, after, n), 2)) == ids(saved[::-1])
        assert saved[1] in kept.page_of(ADA, None, 10).items
        assert kept.page_of(new_id(), None, 10).items == ()

    def test_messages_of_one_millisecond_have_one_order(self, kept: Any) -> None:
        saved = [self.said(kept, at()) for _ in range(9)]
        in_order = sorted(ids(saved), reverse=True)
        for limit in (1, 2, 4, 9):
            assert ids(all_pages(lambda after, n: kept.page(ONE, after, n), limit)) == in_order

    @pytest.mark.parametrize("room_id", NO_ROOMS)
    def test_a_room_that_cannot_be_is_empty(self, kept: Any, room_id: str) -> None:
        assert kept.page(room_id, None, 10).items == ()

    def test_a_removed_message_stays_where_it_was(self, kept: Any) -> None:
        saved = [self.said(kept, at(n)) for n in range(3)]
        removed = kept.save(saved[1].as_removed(ADA, op_id=new_op_id(), now=at(9)))
        assert list(kept.page(ONE, None, 10).items) == [saved[2], removed, saved[0]]

    def test_a_message_comes_back_as_it_was_sent(self, kept: Any) -> None:
        saved = self.said(
            kept,
            at(),
            content="<b>é🥟</b>\r\n" + LONG_WORD,
            file_url="https://example.org/a.png",
            order_id=new_id(),
        )
        edited = kept.save(saved.with_content("$set", op_id=new_op_id(), now=at(1)))
        assert (edited.edits, edited.edited_at) == (1, at(1))
        assert identical(kept.get(saved.id), edited)

    def test_changes_come_in_their_order_of_the_rooms_that_are_asked_for(self, kept: Any) -> None:
        first, second = self.said(kept, at(1)), self.said(kept, at(2), room_id=OTHER)
        self.said(kept, at(3), room_id=new_id())
        third = self.said(kept, at(3))
        edited = kept.save(first.with_content("later", op_id=new_op_id(), now=at(4)))
        both, since = [ONE, OTHER], ChangeCursor(at(0))
        assert list(kept.changed_since(both, since, 10)) == [second, third, edited]
        assert list(kept.changed_since(both, since, 2)) == [second, third]
        assert list(kept.changed_since(both, change(third), 10)) == [edited]
        assert list(kept.changed_since([OTHER], since, 10)) == [second]
        assert list(kept.changed_since([], since, 10)) == []

    def test_changes_of_one_millisecond_are_told_apart(self, kept: Any) -> None:
        saved = sorted((self.said(kept, at()) for _ in range(5)), key=lambda one: one.id)
        found, after = list[Any](), ChangeCursor(at())
        while page := kept.changed_since([ONE], after, 2):
            found += page
            after = change(page[-1])
        assert found == saved

    def test_what_others_said_after_a_place_is_unread(self, kept: Any) -> None:
        saved = [self.said(kept, at(n), author_id=BOB) for n in range(4)]
        self.said(kept, at(5), author_id=ADA)
        removed = self.said(kept, at(6), author_id=BOB)
        kept.save(removed.as_removed(BOB, op_id=new_op_id(), now=at(9)))
        self.said(kept, at(7), author_id=BOB, room_id=OTHER)
        rooms = {ONE: place(saved[1]), OTHER: BEGINNING, new_id(): BEGINNING}
        assert kept.unread(ADA, rooms, 10) == {ONE: 2, OTHER: 1}
        assert kept.unread(ADA, {ONE: BEGINNING}, 3) == {ONE: 3}
        assert kept.unread(ADA, {ONE: place(saved[3])}, 10) == {}
        assert kept.unread(ADA, {}, 10) == {}

    def test_a_place_among_messages_of_one_millisecond_is_exact(self, kept: Any) -> None:
        saved = sorted((self.said(kept, at()) for _ in range(5)), key=lambda one: one.id)
        for number, one in enumerate(saved, 1):
            assert kept.unread(ADA, {ONE: place(one)}, 10).get(ONE, 0) == 5 - number

    def test_more_rooms_than_a_server_takes_in_one_question(self, kept: Any) -> None:
        self.said(kept, at(), author_id=BOB)
        rooms = {**{new_id(): BEGINNING for _ in range(1200)}, ONE: BEGINNING}
        assert kept.unread(ADA, rooms, 10) == {ONE: 1}


@over_what_answers_questions
class TestDirectMessages(MessagesContract):
    kind = "direct_messages"


@over_what_answers_questions
class TestChannelMessages(MessagesContract):
    kind = "channel_messages"
