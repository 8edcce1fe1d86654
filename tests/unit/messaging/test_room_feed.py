"""What is said in a room, as it is watched: a stream that goes on has no gap and nothing twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.memory.database import MemoryDatabase
from adapters.mongo.messages import MongoDirectMessages
from dinerapp.live import feed as feeds
from dinerapp.live.feed import CursorExpired, StreamQuota
from dinerapp.live.signals import remote_change
from dinerapp.messaging.services import room_feed
from dinerapp.messaging.services.room_feed import (
    EphemeralEvent,
    MessageUpdate,
    ResumeToken,
    RoomFeed,
    RoomStream,
)
from dinerapp.messaging.services.throttle import MAX_KEYS, Throttle
from dinerapp.messaging.signals import remote_typing, room_read, typing_noticed
from dinerapp.replication.identity import new_id, new_op_id
from dinerapp.replication.signals import announce, connection_restored
from dinerapp.replication.version import StoreId
from tests.contracts.samples import accepted_by
from tests.factories import at, message, read_marker
from tests.unit.clocks import ManualClock

ROOM, OTHER = new_id(), new_id()
ADA, BOB = new_id(), new_id()


@pytest.fixture
def messages() -> Iterator[MongoDirectMessages]:
    database = MemoryDatabase(StoreId.MONGODB)
    messages = MongoDirectMessages(database)
    database.open()
    database.prepare()
    yield messages
    database.close()


@pytest.fixture
def feed(messages: MongoDirectMessages, clock: ManualClock) -> RoomFeed:
    made = RoomFeed(messages, StreamQuota(5), Throttle(1.0), now=clock)
    made.open()
    return made


def received(stream: RoomStream) -> list[MessageUpdate]:
    """What waits in the stream."""
    found = []
    while isinstance(said := stream.next(0), MessageUpdate):
        found.append(said)
    return found


def ids(said: Sequence[MessageUpdate]) -> list[str]:
    return [each.message.id for each in said]


def kept(messages: MongoDirectMessages, seconds: float = 0, **fields: Any) -> Any:
    """A message that was sent so many seconds after noon."""
    return messages.save(message(**{"created_at": at(seconds), "room_id": ROOM, **fields}))


def edited(messages: MongoDirectMessages, record: Any, seconds: float) -> Any:
    return messages.save(record.with_content(new_id(), op_id=new_op_id(), now=at(seconds)))


def test_a_new_stream_begins_with_the_last_seconds(
    feed: RoomFeed, messages: MongoDirectMessages
) -> None:
    kept(messages, -11)
    lately = kept(messages, -9)
    stream = feed.stream(ROOM, ADA, None)
    feed.step()
    assert ids(received(stream)) == [lately.id]


def test_every_watcher_of_a_room_gets_every_change_of_it_once(
    feed: RoomFeed, messages: MongoDirectMessages, clock: ManualClock
) -> None:
    streams = [feed.stream(ROOM, who, None) for who in (ADA, BOB)]
    other = feed.stream(OTHER, ADA, None)
    said = kept(messages, 1)
    elsewhere = kept(messages, 1, room_id=OTHER)
    for _ in range(3):
        clock.advance(2)
        feed.step()
    assert [ids(received(stream)) for stream in streams] == [[said.id]] * 2
    assert ids(received(other)) == [elsewhere.id]


def test_a_message_that_arrives_late_is_not_skipped_after_the_stream_went_on(
    feed: RoomFeed, messages: MongoDirectMessages, clock: ManualClock
) -> None:
    """It was said during an outage, in the other database, before what was seen already."""
    first = feed.stream(ROOM, ADA, None)
    seen = []
    for seconds in (1, 200, 400):
        clock.moment = at(seconds)
        seen.append(kept(messages, seconds))
        feed.step()
    had = received(first)
    assert ids(had) == [one.id for one in seen]
    first.close()
    late = [kept(messages, seconds) for seconds in (100, 300)]
    edit = edited(messages, seen[0], 500)
    clock.advance(200)
    again = feed.stream(ROOM, ADA, had[-1].resume_token)
    assert ids(received(again)) == [one.id for one in (*late, edit)]
    feed.step()
    assert received(again) == []


def test_what_arrives_after_an_outage_reaches_streams_that_are_open(
    feed: RoomFeed, messages: MongoDirectMessages, clock: ManualClock
) -> None:
    clock.advance(1000)
    stream = feed.stream(ROOM, ADA, None)
    feed.step()
    late = kept(messages, 800)
    clock.advance(2)
    feed.step()
    assert received(stream) == []
    announce(connection_restored, None, store="mongodb", seconds=300.0)
    clock.advance(2)
    feed.step()
    had = received(stream)
    assert ids(had) == [late.id]
    assert received(feed.stream(ROOM, ADA, had[-1].resume_token)) == []


def test_what_happens_while_a_stream_begins_comes_once(
    feed: RoomFeed, messages: MongoDirectMessages, monkeypatch: pytest.MonkeyPatch
) -> None:
    had = kept(messages, 1)
    feed.step()
    first = feed.stream(ROOM, ADA, None)
    [said] = received(first)
    asked = messages.changed_since

    def slowly(*args: Any) -> Any:
        found = asked(*args)
        for stream in feed._streams_of():
            stream.offer([had, kept(messages, 2)])
        return found

    monkeypatch.setattr(messages, "changed_since", slowly)
    again = feed.stream(ROOM, ADA, said.resume_token)
    monkeypatch.undo()
    assert len(received(again)) == 1


def test_a_mark_goes_less_far_back_when_more_is_said(
    feed: RoomFeed,
    messages: MongoDirectMessages,
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(room_feed, "MAX_TOKEN_STATES", 3)
    stream = feed.stream(ROOM, ADA, None)
    saved = [kept(messages, seconds) for seconds in range(1, 8)]
    stream.offer(saved)
    said = received(stream)
    assert len(said[-1].resume_token.revisions) == 3
    assert said[-1].resume_token.since > saved[3].updated_at
    again = feed.stream(ROOM, ADA, said[-1].resume_token)
    feed.step()
    assert received(again) == []
    later = kept(messages, 9)
    assert ids(received(feed.stream(ROOM, ADA, said[-1].resume_token))) == [later.id]


def test_a_mark_fits_into_a_header_and_goes_back_an_hour_at_most(
    feed: RoomFeed, messages: MongoDirectMessages
) -> None:
    stream = feed.stream(ROOM, ADA, None)
    new = [message(room_id=ROOM, created_at=at(10 * n)) for n in range(2000)]
    stream.offer([accepted_by(record, StoreId.MONGODB) for record in new])
    mark = received(stream)[-1].resume_token
    assert len(str(mark)) < 5000
    assert at(10 * 1999) - mark.since <= timedelta(hours=1)


def test_a_stream_that_missed_too_much_is_told_so(
    feed: RoomFeed, messages: MongoDirectMessages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "MAX_MISSED", 3)
    for seconds in range(5):
        kept(messages, seconds)
    with pytest.raises(CursorExpired):
        feed.stream(ROOM, ADA, ResumeToken(at(-5)))
    assert feed.stream(ROOM, ADA, None)


def test_a_busy_room_can_be_watched_from_now_on(
    feed: RoomFeed, messages: MongoDirectMessages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room_feed, "MAX_TOKEN_STATES", 3)
    for seconds in range(-60, 0, 2):
        kept(messages, seconds)
    stream = feed.stream(ROOM, ADA, None)
    feed.step()
    assert len(received(stream)) == 5


def test_no_stream_goes_back_to_an_earlier_state_than_the_one_before_it_had(
    feed: RoomFeed, messages: MongoDirectMessages
) -> None:
    """As a database may give that is behind for a moment."""
    before = kept(messages, 1)
    stream = feed.stream(ROOM, ADA, None)
    edit = before.with_content("later", op_id=new_op_id(), now=at(2)).as_accepted_by(
        StoreId.MONGODB
    )
    elsewhere = before.as_accepted_by(StoreId.POSTGRESQL)
    stream.offer([edit, elsewhere, before])
    had = received(stream)
    assert [said.message for said in had] == [before, edit]
    assert received(feed.stream(ROOM, ADA, had[-1].resume_token)) == []


@settings(max_examples=50)
@given(
    st.integers(0, 2**40).map(lambda ms: at() + timedelta(milliseconds=ms)),
    st.dictionaries(st.binary(min_size=5, max_size=5), st.integers(0, 255), max_size=20),
)
def test_a_mark_can_be_written_and_read(since: datetime, had: dict[bytes, int]) -> None:
    assert ResumeToken.parse(str(ResumeToken(since, had))) == ResumeToken(since, had)


@given(st.text(max_size=40) | st.binary(max_size=40).map(bytes.hex))
def test_what_is_no_mark_is_refused(text: str) -> None:
    try:
        mark = ResumeToken.parse(text)
    except ValueError:
        return
    assert ResumeToken.parse(str(mark)) == mark


def noticed(stream: RoomStream) -> list[Any]:
    found = []
    while isinstance(told := stream.next(0), EphemeralEvent):
        found.append((told.name, told.payload["user_id"]))
    return found


def test_others_in_the_room_hear_of_typing_and_reading(feed: RoomFeed) -> None:
    own, others, elsewhere = (
        feed.stream(room, who, None) for room, who in ((ROOM, ADA), (ROOM, BOB), (OTHER, BOB))
    )
    announce(typing_noticed, None, room_id=ROOM, user_id=ADA)
    announce(room_read, None, read=read_marker(room_id=ROOM, user_id=ADA))
    assert noticed(others) == [("typing", ADA), ("read", ADA)]
    assert noticed(own) == noticed(elsewhere) == []


def test_typing_that_is_heard_from_several_processes_is_told_once_a_second(feed: RoomFeed) -> None:
    stream = feed.stream(ROOM, BOB, None)
    for _ in range(3):
        announce(remote_typing, None, room_id=ROOM, user_id=ADA)
    assert noticed(stream) == [("typing", ADA)]


def elsewhere(topic: str, kind: str, record_id: str, **details: Any) -> None:
    """As news from another process arrives."""
    announce(
        remote_change,
        None,
        topic=topic,
        kind=kind,
        record_id=record_id,
        version="",
        details=details,
    )


def test_news_from_elsewhere_is_read_at_once_if_somebody_watches_the_room(
    feed: RoomFeed, messages: MongoDirectMessages, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream, woken = feed.stream(ROOM, ADA, None), []
    feed.step()
    monkeypatch.setattr(feed, "_wake", lambda: woken.append(True))
    said = kept(messages, 1)
    elsewhere("message_changed", "direct_messages", said.id, room_id=ROOM)
    elsewhere("message_changed", "direct_messages", new_id(), room_id=OTHER)
    elsewhere("message_changed", "channel_messages", new_id(), room_id=ROOM)
    elsewhere("room_read", "reads", new_id(), room_id=ROOM, user_id=BOB, message_id=said.id)
    assert woken == [True]
    assert noticed(stream) == [("read", BOB)]
    feed.step()
    assert ids(received(stream)) == [said.id]


def test_whoever_may_have_been_put_out_is_in_doubt(feed: RoomFeed) -> None:
    ada, bob = feed.stream(ROOM, ADA, None), feed.stream(ROOM, BOB, None)
    elsewhere("access_changed", "", new_id(), user_id=ADA)
    assert (ada.must_check_access, bob.must_check_access) == (True, False)
    elsewhere("access_changed", "", new_id(), user_id=None)
    assert bob.must_check_access
    bob.confirm_access()
    assert not bob.must_check_access


def test_seldom_is_once_in_a_while_for_each() -> None:
    moment = [0.0]
    seldom = Throttle(1.0, lambda: moment[0])
    assert [seldom.try_acquire(key) for key in "aab"] == [True, False, True]
    moment[0] = 1.0
    assert [seldom.try_acquire(key) for key in "ab"] == [True, True]


def test_a_throttle_that_is_full_forgets_what_was_longest_ago() -> None:
    seldom = Throttle(1.0, lambda: 0.0)
    assert all(seldom.try_acquire(key) for key in range(MAX_KEYS + 1))
    assert not seldom.try_acquire(MAX_KEYS)
    assert seldom.try_acquire(0)
