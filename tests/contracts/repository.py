"""The contract of `Repository`, for every kind of record and every way of keeping it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from typing import Any

import pytest

from dinerapp.ordering.domain.orders import Status
from dinerapp.replication.errors import (
    AlreadyExists,
    DuplicateKey,
    Exhausted,
    InvalidRecord,
    KeyReused,
    NotFound,
    Outdated,
    Replayed,
    StaleVersion,
)
from dinerapp.replication.identity import Operation, new_id, new_op_id
from dinerapp.replication.ports.repository import Seen
from dinerapp.replication.version import Place, Version
from tests.contracts.subjects import Repositories, Sample, at_once, identical, unfamiliar
from tests.makers import at, counted_order, line, menu_item, order

TEXTS = (
    "🍕👩‍🍳🏳️‍🌈",
    "\u05e9\u05dc\u05d5\u05dd \u200f\u0645\u0631\u062d\u0628\u0627\u200e",
    "e\u0301 is not \u00e9, nor is \ufb01 fi",
    "\uffff\ufffe\ufdd0\U0010ffff",
    "\x01\x1f\x7f\x85\u2028\u2029\ufeff\t\r\n",
    """'; drop table orders; -- "$where" {$gt: ''} \\u0000 \\x00 %s %(a)s""",
    "  kept as they are  ",
    "",
)
IMPOSSIBLE_IDS = ("", "nope", "a\0b", "\ud800", "x" * 10_000, "$ne", "' or 1=1 --")


class RepositoryContract:
    """Save, delete and find, as use cases see them."""

    def test_a_new_record_comes_back_at_its_first_version(
        self, repository: Any, sample: Sample
    ) -> None:
        record = sample.make()
        saved = repository.save(record)
        assert saved.version.revision == 1
        assert saved.source in Place
        assert saved.has_done(record.op_id)
        assert getattr(saved, sample.text) == getattr(record, sample.text)

    def test_what_is_read_equals_what_was_saved(self, repository: Any, sample: Sample) -> None:
        saved = repository.save(sample.make())
        assert identical(repository.get(saved.id), saved)
        assert repository.get_many([saved.id]) == {saved.id: saved}

    def test_an_unknown_id_is_not_found(self, repository: Any, sample: Sample) -> None:
        unknown = new_id()
        with pytest.raises(NotFound) as refused:
            repository.get(unknown)
        assert refused.value.record_id == unknown
        assert refused.value.kind == repository.kind.name

    def test_an_id_no_record_can_have_is_not_found_either(
        self, repository: Any, sample: Sample
    ) -> None:
        saved = repository.save(sample.make())
        for impossible in IMPOSSIBLE_IDS:
            with pytest.raises(NotFound):
                repository.get(impossible)
            assert repository.get_many([impossible, saved.id]) == {saved.id: saved}

    def test_an_id_in_other_letters_is_another_id(self, repository: Any, sample: Sample) -> None:
        saved = repository.save(sample.make(id="019f0c6e-7d2a-7abc-8def-0123456789ab"))
        others = [saved.id.upper(), saved.id.replace("-", ""), f"{{{saved.id}}}", f" {saved.id}"]
        assert repository.get_many(others) == {}

    def test_many_are_found_at_once_and_the_missing_left_out(
        self, repository: Any, sample: Sample
    ) -> None:
        saved = [repository.save(sample.make()) for _ in range(3)]
        wanted = [saved[2].id, new_id(), saved[0].id, saved[0].id]
        assert repository.get_many(wanted) == {r.id: r for r in (saved[0], saved[2])}
        assert repository.get_many([]) == {}
        assert repository.get_many([new_id() for _ in range(2000)]) == {}

    def test_a_change_is_kept_at_a_higher_version(self, repository: Any, sample: Sample) -> None:
        first = repository.save(sample.make())
        second = repository.save(sample.edited(first))
        assert getattr(second, sample.text) == "edited"
        assert second.version.covers(first.version)
        assert second.version.revision == 2
        assert identical(repository.get(first.id), second)

    def test_a_change_to_a_state_that_moved_on_is_stale(
        self, repository: Any, sample: Sample
    ) -> None:
        first = repository.save(sample.make())
        second = repository.save(sample.edited(first, "second"))
        with pytest.raises(StaleVersion) as refused:
            repository.save(sample.edited(first, "third"))
        assert refused.value.stored == second
        assert repository.get(first.id) == second

    def test_an_id_that_is_taken_already_exists(self, repository: Any, sample: Sample) -> None:
        saved = repository.save(sample.make())
        with pytest.raises(AlreadyExists) as refused:
            repository.save(sample.make(id=saved.id))
        assert refused.value.stored == saved
        assert repository.get(saved.id) == saved

    def test_a_version_the_store_has_not_seen_is_taken(
        self, repository: Any, sample: Sample
    ) -> None:
        first = repository.save(sample.make())
        read = unfamiliar(first, Version(7, 7, 0))
        saved = repository.save(sample.edited(read))
        assert saved.version.covers(read.version)
        assert saved.version.revision == 15
        assert repository.get(first.id) == saved

    def test_an_unknown_record_is_taken_at_whatever_version_it_was_read(
        self, repository: Any, sample: Sample
    ) -> None:
        read = unfamiliar(sample.make(), Version(2, 3, 1))
        saved = repository.save(sample.edited(read))
        assert saved.version.covers(read.version)
        assert saved.version.revision == 7
        assert repository.get(read.id) == saved

    def test_a_creation_tried_again_is_told_what_became_of_it(
        self, repository: Any, sample: Sample
    ) -> None:
        record = sample.make()
        repository.save(record)
        now = repository.save(sample.edited(repository.get(record.id)))
        with pytest.raises(Replayed) as again:
            repository.save(record)
        assert again.value.stored == now
        assert repository.get(record.id) == now

    def test_a_change_tried_again_is_told_what_became_of_it(
        self, repository: Any, sample: Sample
    ) -> None:
        first = repository.save(sample.make())
        change = sample.edited(first)
        second = repository.save(change)
        third = repository.save(sample.edited(second, "third"))
        with pytest.raises(Replayed) as again:
            repository.save(change)
        assert again.value.stored == third
        assert repository.get(first.id) == third

    def test_a_change_tried_again_on_what_it_made_is_told_what_is_stored(
        self, repository: Any, sample: Sample
    ) -> None:
        op_id = new_op_id()
        first = repository.save(sample.make())
        second = repository.save(sample.edited(first, "once", op_id=op_id))
        with pytest.raises(Replayed) as again:
            repository.save(sample.edited(second, "twice", op_id=op_id))
        assert again.value.stored == second
        assert repository.get(first.id) == second

    def test_a_key_used_for_something_else_is_refused(
        self, repository: Any, sample: Sample
    ) -> None:
        one, other = (Operation.keyed("guest", "key", body) for body in (b"one", b"other"))
        saved = repository.save(sample.make(id=one.record_id, op_id=one.op_id))
        with pytest.raises(KeyReused) as refused:
            repository.save(sample.make(id=other.record_id, op_id=other.op_id))
        assert refused.value.stored == saved
        assert repository.get(saved.id) == saved

    def test_a_key_used_for_another_change_is_refused_with_what_is_stored(
        self, repository: Any, sample: Sample
    ) -> None:
        key = new_op_id()[:16]
        first = repository.save(sample.make(op_id=key + "a" * 16))
        second = repository.save(sample.edited(first, "second"))
        with pytest.raises(KeyReused) as refused:
            repository.save(sample.edited(second, "third", op_id=key + "b" * 16))
        assert refused.value.stored == second
        assert repository.get(first.id) == second

    def test_a_deleted_record_is_seen_by_no_reader(self, repository: Any, sample: Sample) -> None:
        saved = repository.save(sample.make())
        gone = repository.delete(sample.edited(saved, "gone"))
        assert gone.deleted
        assert gone.version.revision == 2
        with pytest.raises(NotFound):
            repository.get(saved.id)
        assert repository.get_many([saved.id]) == {}

    def test_a_stale_deletion_deletes_nothing(self, repository: Any, sample: Sample) -> None:
        first = repository.save(sample.make())
        second = repository.save(sample.edited(first, "second"))
        with pytest.raises(StaleVersion) as refused:
            repository.delete(sample.edited(first))
        assert refused.value.stored == second
        assert repository.get(first.id) == second

    def test_a_deletion_tried_again_is_a_replay(self, repository: Any, sample: Sample) -> None:
        saved = repository.save(sample.make())
        deletion = sample.edited(saved)
        gone = repository.delete(deletion)
        with pytest.raises(Replayed) as again:
            repository.delete(deletion)
        assert again.value.stored == gone

    def test_a_change_overtaken_by_a_deletion_is_not_found(
        self, repository: Any, sample: Sample
    ) -> None:
        saved = repository.save(sample.make())
        repository.delete(sample.edited(saved))
        for late in (repository.save, repository.delete):
            with pytest.raises(NotFound):
                late(sample.edited(saved, "too late"))
        with pytest.raises(NotFound):
            repository.get(saved.id)

    def test_a_deleted_id_is_not_given_to_a_new_record(
        self, repository: Any, sample: Sample
    ) -> None:
        saved = repository.save(sample.make())
        repository.delete(sample.edited(saved))
        with pytest.raises(NotFound):
            repository.save(sample.make(id=saved.id))
        assert repository.get_many([saved.id]) == {}

    def test_nothing_brings_a_deleted_record_back(self, repository: Any, sample: Sample) -> None:
        saved = repository.save(sample.make())
        gone = repository.delete(sample.edited(saved))
        with pytest.raises(NotFound):
            repository.save(sample.edited(gone, "revived", deleted=False))
        assert repository.get_many([saved.id]) == {}

    def test_unicode_of_all_sorts_comes_back_unchanged(
        self, repository: Any, sample: Sample
    ) -> None:
        for text in TEXTS:
            saved = repository.save(sample.make(**{sample.text: text}))
            assert getattr(saved, sample.text) == text
            assert identical(repository.get(saved.id), saved)

    def test_a_very_long_text_comes_back_unchanged(self, repository: Any, sample: Sample) -> None:
        text = "много еды 🍲 " * 100_000
        saved = repository.save(sample.make(**{sample.text: text}))
        assert getattr(repository.get(saved.id), sample.text) == text

    def test_a_text_only_one_database_could_hold_is_refused(
        self, repository: Any, sample: Sample
    ) -> None:
        for text in ("a\0b", "\0", "\ud800", "a\udfffb"):
            record = sample.make(**{sample.text: text})
            with pytest.raises(InvalidRecord) as refused:
                repository.save(record)
            assert refused.value.field == sample.text
            assert repository.get_many([record.id]) == {}

    def test_an_id_only_one_database_could_hold_is_refused(
        self, repository: Any, sample: Sample
    ) -> None:
        with pytest.raises(InvalidRecord) as refused:
            repository.save(sample.make(id="no uuid"))
        assert refused.value.field == "id"

    def test_times_come_back_in_utc_and_in_whole_milliseconds(
        self, repository: Any, sample: Sample
    ) -> None:
        summer = timezone(timedelta(hours=2))
        moment = datetime(2026, 5, 1, 14, 30, 15, 123_987, tzinfo=summer)
        saved = repository.save(sample.make(created_at=moment, updated_at=moment))
        found = repository.get(saved.id)
        assert found.created_at == datetime(2026, 5, 1, 12, 30, 15, 123_000, tzinfo=UTC)
        assert found.created_at.utcoffset() == timedelta(0)
        assert identical(found, saved)

    def test_a_distant_time_comes_back_unchanged(self, repository: Any, sample: Sample) -> None:
        for moment in (datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)):
            saved = repository.save(sample.make(created_at=moment, updated_at=moment))
            assert repository.get(saved.id).created_at == moment

    def test_a_time_without_a_zone_is_refused(self, repository: Any, sample: Sample) -> None:
        naive = at().replace(tzinfo=None)
        record = sample.make(created_at=naive, updated_at=naive)
        with pytest.raises(InvalidRecord) as refused:
            repository.save(record)
        assert refused.value.field == "created_at"
        assert repository.get_many([record.id]) == {}


class UniqueKeysContract:
    """Values that no two living records of a kind share."""

    def test_a_value_that_is_taken_is_refused(self, repositories: Repositories) -> None:
        items = repositories.menu_items
        first = items.save(menu_item(slug="soup"))
        second = menu_item(slug="soup")
        with pytest.raises(DuplicateKey) as refused:
            items.save(second)
        assert refused.value.field == "slug"
        assert items.get_many([first.id, second.id]) == {first.id: first}

    def test_a_value_cannot_be_taken_by_a_change_either(self, repositories: Repositories) -> None:
        items = repositories.menu_items
        items.save(menu_item(slug="soup"))
        stew = items.save(menu_item(slug="stew"))
        with pytest.raises(DuplicateKey):
            items.save(stew.changed(op_id=new_op_id(), now=at(1), slug="soup"))
        assert items.get(stew.id) == stew

    def test_a_record_keeps_its_own_value(self, repositories: Repositories) -> None:
        items = repositories.menu_items
        soup = items.save(menu_item(slug="soup"))
        dearer = items.save(soup.changed(op_id=new_op_id(), now=at(1), price=999))
        assert items.get(soup.id) == dearer

    def test_a_value_is_free_again_once_its_record_is_deleted(
        self, repositories: Repositories
    ) -> None:
        items = repositories.menu_items
        old = items.save(menu_item(slug="soup"))
        items.delete(old.changed(op_id=new_op_id(), now=at(1)))
        new = items.save(menu_item(slug="soup"))
        assert items.get(new.id).slug == "soup"

    def test_a_value_is_free_again_once_its_record_has_another(
        self, repositories: Repositories
    ) -> None:
        items = repositories.menu_items
        old = items.save(menu_item(slug="soup"))
        items.save(old.changed(op_id=new_op_id(), now=at(1), slug="broth"))
        new = items.save(menu_item(slug="soup"))
        assert items.get(new.id).slug == "soup"

    def test_a_creation_tried_again_is_a_replay_even_if_its_value_is_taken_by_now(
        self, repositories: Repositories
    ) -> None:
        items = repositories.menu_items
        creation = menu_item(slug="soup")
        renamed = items.save(
            items.save(creation).changed(op_id=new_op_id(), now=at(1), slug="broth")
        )
        items.save(menu_item(slug="soup"))
        with pytest.raises(Replayed) as again:
            items.save(creation)
        assert again.value.stored == renamed

    def test_a_stale_change_is_stale_even_if_its_value_is_taken(
        self, repositories: Repositories
    ) -> None:
        items = repositories.menu_items
        items.save(menu_item(slug="soup"))
        first = items.save(menu_item(slug="stew"))
        items.save(first.changed(op_id=new_op_id(), now=at(1), price=1))
        with pytest.raises(StaleVersion):
            items.save(first.changed(op_id=new_op_id(), now=at(1), slug="soup"))

    def test_values_that_only_look_alike_are_different(self, repositories: Repositories) -> None:
        items = repositories.menu_items
        slugs = ["soup", "Soup", "soup ", "so\u0301up", "s\u00f3up", ""]
        saved = [items.save(menu_item(slug=slug)) for slug in slugs]
        assert items.get_many([item.id for item in saved]) == {item.id: item for item in saved}


class StockContract:
    """Counted things: never more taken than there is."""

    def test_the_last_pieces_are_sold_and_no_more(self, repositories: Repositories) -> None:
        item = repositories.menu_items.save(menu_item(stock_limit=5))
        repositories.orders.save(counted_order(item.id, 3))
        too_many = counted_order(item.id, 3)
        with pytest.raises(Exhausted) as refused:
            repositories.orders.save(too_many)
        assert refused.value.key == f"stock:{item.id}"
        assert repositories.orders.get_many([too_many.id]) == {}
        assert held(repositories, item.id) == 3
        repositories.orders.save(counted_order(item.id, 2))
        assert held(repositories, item.id) == 5

    def test_lines_of_one_item_are_counted_together(self, repositories: Repositories) -> None:
        item = repositories.menu_items.save(menu_item(stock_limit=3))
        pair = counted_order(item.id, 2).lines + counted_order(item.id, 2).lines
        with pytest.raises(Exhausted):
            repositories.orders.save(order(order_lines=pair))
        assert held(repositories, item.id) == 0

    def test_one_exhausted_thing_leaves_the_others_untouched(
        self, repositories: Repositories
    ) -> None:
        plenty = repositories.menu_items.save(menu_item(stock_limit=100))
        scarce = repositories.menu_items.save(menu_item(stock_limit=0))
        both = counted_order(plenty.id).lines + counted_order(scarce.id).lines
        for lines in (both, both[::-1]):
            with pytest.raises(Exhausted) as refused:
                repositories.orders.save(order(order_lines=lines))
            assert refused.value.key == f"stock:{scarce.id}"
        assert held(repositories, plenty.id) == held(repositories, scarce.id) == 0

    def test_lines_nobody_counts_take_nothing(self, repositories: Repositories) -> None:
        item = repositories.menu_items.save(menu_item(stock_limit=0))
        saved = repositories.orders.save(order(order_lines=(line(item_id=item.id),)))
        assert repositories.orders.get(saved.id) == saved
        assert held(repositories, item.id) == 0

    @pytest.mark.parametrize("limit", [None, 10**12])
    def test_what_has_no_limit_is_never_exhausted(
        self, repositories: Repositories, limit: int | None
    ) -> None:
        item = repositories.menu_items.save(menu_item(stock_limit=limit))
        repositories.orders.save(counted_order(item.id, 10**9))
        assert held(repositories, item.id) == 10**9

    def test_a_changed_order_takes_only_the_difference(self, repositories: Repositories) -> None:
        item = repositories.menu_items.save(menu_item(stock_limit=5))
        first = repositories.orders.save(counted_order(item.id, 3))
        grown = repositories.orders.save(with_quantity(first, 5))
        assert held(repositories, item.id) == 5
        with pytest.raises(Exhausted):
            repositories.orders.save(with_quantity(grown, 6))
        assert repositories.orders.get(first.id) == grown
        repositories.orders.save(with_quantity(grown, 1))
        assert held(repositories, item.id) == 1

    def test_a_cancelled_order_gives_back(self, repositories: Repositories) -> None:
        item = repositories.menu_items.save(menu_item(stock_limit=2))
        saved = repositories.orders.save(counted_order(item.id, 2))
        repositories.orders.save(
            saved.moved(Status.CANCELLED, actor="guest", reason=None, op_id=new_op_id(), now=at(1))
        )
        assert held(repositories, item.id) == 0
        repositories.orders.save(counted_order(item.id, 2))
        assert held(repositories, item.id) == 2

    def test_a_deleted_order_gives_back_once(self, repositories: Repositories) -> None:
        item = repositories.menu_items.save(menu_item(stock_limit=2))
        saved = repositories.orders.save(counted_order(item.id, 2))
        deletion = saved.changed(op_id=new_op_id(), now=at(1))
        repositories.orders.delete(deletion)
        with pytest.raises(Replayed):
            repositories.orders.delete(deletion)
        assert held(repositories, item.id) == 0

    def test_a_limit_below_what_is_held_stops_only_further_sales(
        self, repositories: Repositories
    ) -> None:
        item = repositories.menu_items.save(menu_item(stock_limit=5))
        saved = repositories.orders.save(counted_order(item.id, 4))
        repositories.menu_items.save(item.changed(op_id=new_op_id(), now=at(1), stock_limit=2))
        with pytest.raises(Exhausted):
            repositories.orders.save(counted_order(item.id, 1))
        less = repositories.orders.save(with_quantity(saved, 3))
        assert repositories.orders.get(saved.id) == less
        assert held(repositories, item.id) == 3

    def test_a_raised_limit_lets_sales_go_on(self, repositories: Repositories) -> None:
        item = repositories.menu_items.save(menu_item(stock_limit=0))
        repositories.menu_items.save(item.changed(op_id=new_op_id(), now=at(1), stock_limit=1))
        repositories.orders.save(counted_order(item.id, 1))
        assert held(repositories, item.id) == 1

    def test_a_deleted_item_has_no_limit_any_more(self, repositories: Repositories) -> None:
        item = repositories.menu_items.save(menu_item(stock_limit=0))
        repositories.menu_items.delete(item.changed(op_id=new_op_id(), now=at(1)))
        repositories.orders.save(counted_order(item.id, 1))
        assert held(repositories, item.id) == 1

    def test_an_order_tried_again_is_a_replay_even_if_nothing_is_left(
        self, repositories: Repositories
    ) -> None:
        item = repositories.menu_items.save(menu_item(stock_limit=3))
        order_of_all = counted_order(item.id, 3)
        saved = repositories.orders.save(order_of_all)
        with pytest.raises(Replayed) as again:
            repositories.orders.save(order_of_all)
        assert again.value.stored == saved
        assert held(repositories, item.id) == 3

    @pytest.mark.parametrize("wanted", [5, 100])
    def test_a_stale_change_takes_nothing_and_is_stale_whatever_is_left(
        self, repositories: Repositories, wanted: int
    ) -> None:
        item = repositories.menu_items.save(menu_item(stock_limit=9))
        first = repositories.orders.save(counted_order(item.id, 3))
        repositories.orders.save(with_quantity(first, 4))
        with pytest.raises(StaleVersion):
            repositories.orders.save(with_quantity(first, wanted))
        assert held(repositories, item.id) == 4


class BasisContract:
    """What a record was made from, looked at where the record is accepted."""

    def test_what_was_made_from_the_latest_states_is_kept(self, repositories: Repositories) -> None:
        read = [repositories.menu_items.save(menu_item()) for _ in range(2)]
        saved = repositories.orders.save(order(notes="first"), seen(*read))
        saved = repositories.orders.save(with_notes(saved, "second"), seen(*read))
        assert repositories.orders.get(saved.id).notes == "second"

    @pytest.mark.parametrize("change", [{"price": 1}, {"deleted": True}], ids=str)
    def test_what_was_made_from_something_that_has_moved_on_is_not(
        self, repositories: Repositories, change: dict[str, Any]
    ) -> None:
        other, read = (repositories.menu_items.save(menu_item()) for _ in range(2))
        saved = repositories.orders.save(order(notes="first"), seen(other, read))
        repositories.menu_items.save(read.changed(op_id=new_op_id(), now=at(1), **change))
        for made in (order(), with_notes(saved, "second")):
            with pytest.raises(Outdated):
                repositories.orders.save(made, seen(other, read))
        assert set(repositories.orders.get_many([made.id, saved.id])) == {saved.id}
        assert repositories.orders.get(saved.id) == saved
        assert repositories.orders.save(order(), seen(other)).version.revision == 1

    def test_a_store_may_know_less_of_it_than_the_caller(self, repositories: Repositories) -> None:
        here, unknown = repositories.menu_items.save(menu_item()), menu_item()
        newer = replace(here, version=here.version.raised(Place.NOCODB))
        assert repositories.orders.save(order(), seen(newer, unknown)).version.revision == 1

    def test_a_repeated_operation_is_one_whatever_has_moved_on(
        self, repositories: Repositories
    ) -> None:
        read, new = repositories.menu_items.save(menu_item()), order()
        saved = repositories.orders.save(new, seen(read))
        repositories.menu_items.save(read.changed(op_id=new_op_id(), now=at(1), price=1))
        with pytest.raises(Replayed) as replayed:
            repositories.orders.save(new, seen(read))
        assert replayed.value.stored == saved


class SharedRepositoryContract:
    """What holds when many ask at once."""

    def test_of_writers_of_one_state_exactly_one_wins(
        self, repository: Any, sample: Sample
    ) -> None:
        record = repository.save(sample.make())
        for round_number in range(3):
            changes = [sample.edited(record, f"{round_number}:{n}") for n in range(8)]
            results = at_once([partial(repository.save, change) for change in changes])
            won = [result for result in results if not isinstance(result, Exception)]
            lost = [result for result in results if isinstance(result, Exception)]
            assert len(won) == 1
            assert [type(error) for error in lost] == [StaleVersion] * 7
            record = repository.get(record.id)
            assert record == won[0]
            assert record.version.revision == round_number + 2

    def test_of_creators_of_one_id_exactly_one_wins(self, repository: Any, sample: Sample) -> None:
        for _ in range(3):
            record_id = new_id()
            tries = [partial(repository.save, sample.make(id=record_id)) for _ in range(8)]
            results = at_once(tries)
            won = [result for result in results if not isinstance(result, Exception)]
            lost = [result for result in results if isinstance(result, Exception)]
            assert won == [repository.get(record_id)]
            assert [type(error) for error in lost] == [AlreadyExists] * 7

    def test_one_operation_tried_by_many_is_done_once(
        self, repository: Any, sample: Sample
    ) -> None:
        for _ in range(3):
            record = sample.make()
            results = at_once([partial(repository.save, record)] * 8)
            done = [result for result in results if not isinstance(result, Exception)]
            replays = [result for result in results if isinstance(result, Exception)]
            assert done == [repository.get(record.id)]
            assert done[0].version.revision == 1
            assert [type(error) for error in replays] == [Replayed] * 7


class SharedStockContract:
    """Counted things and unique values when many ask at once."""

    def test_twenty_guests_get_exactly_the_last_five_pieces(
        self, repositories: Repositories
    ) -> None:
        item = repositories.menu_items.save(menu_item(stock_limit=5))
        results = at_once([buying(repositories, item.id) for _ in range(20)])
        assert sum(isinstance(result, Exhausted) for result in results) == 15
        sold = [result for result in results if not isinstance(result, Exception)]
        assert len(sold) == 5
        assert held(repositories, item.id) == 5
        assert len(repositories.orders.get_many([each.id for each in sold])) == 5

    def test_orders_of_the_same_items_in_any_order_do_not_block_each_other(
        self, repositories: Repositories
    ) -> None:
        items = [repositories.menu_items.save(menu_item(stock_limit=1000)) for _ in range(4)]
        lines = tuple(counted_order(item.id).lines[0] for item in items)
        turns = [lines[n % 4 :] + lines[: n % 4] for n in range(24)]
        calls = [partial(repositories.orders.save, order(order_lines=turn)) for turn in turns]
        calls += [partial(repositories.orders.save, order(order_lines=t[::-1])) for t in turns]
        results = at_once(calls)
        assert [result for result in results if isinstance(result, Exception)] == []
        assert {held(repositories, item.id) for item in items} == {48}

    def test_one_value_taken_by_many_at_once_has_one_holder(
        self, repositories: Repositories
    ) -> None:
        items = repositories.menu_items
        results = at_once([partial(items.save, menu_item(slug="soup")) for _ in range(8)])
        won = [result for result in results if not isinstance(result, Exception)]
        lost = [result for result in results if isinstance(result, Exception)]
        assert len(won) == 1
        assert [type(error) for error in lost] == [DuplicateKey] * 7


def held(repositories: Repositories, item_id: str) -> int:
    """How much orders hold of an item's stock."""
    key = f"stock:{item_id}"
    count: int = repositories.orders.counts([key])[key].held
    return count


def seen(*items: Any) -> list[Seen]:
    """Dishes as they were read."""
    return [Seen("menu_items", item.id, item.version) for item in items]


def with_notes(record: Any, notes: str) -> Any:
    return record.changed(op_id=new_op_id(), now=at(1), notes=notes)


def with_quantity(record: Any, quantity: int) -> Any:
    """The order with so many of its only line."""
    lines = (replace(record.lines[0], quantity=quantity),)
    return record.changed(op_id=new_op_id(), now=at(1), lines=lines)


def buying(repositories: Repositories, item_id: str) -> Callable[[], Any]:
    """One guest's attempt at one piece."""
    return partial(repositories.orders.save, counted_order(item_id))
