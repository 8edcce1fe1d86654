"""The contract of `Database`."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from dinerapp.replication.ports.database import SuspicionLease
from dinerapp.replication.version import StoreId
from tests.contracts.over import over_stores
from tests.contracts.samples import Stores
from tests.factories import at, order, other_store


@over_stores
class TestDatabase:
    """A server's life, its health, and the words that processes leave in it."""

    def test_it_can_be_prepared_again_without_losing_anything(self, stores: Stores) -> None:
        saved = stores.orders.save(order())
        stores.database.prepare()
        stores.database.prepare()
        assert stores.orders.get(saved.id) == saved

    def test_it_goes_on_after_its_idle_connections_were_dropped(self, stores: Stores) -> None:
        saved = stores.orders.save(order())
        stores.database.reset()
        assert stores.orders.get(saved.id) == saved
        assert stores.database.ping().seconds >= 0

    def test_a_ping_says_how_long_it_took_and_who_answered(self, stores: Stores) -> None:
        ping = stores.database.ping()
        assert 0 <= ping.seconds < 10
        assert isinstance(ping.server, str)
        assert all(isinstance(value, str) for pair in ping.details.items() for value in pair)

    def test_the_pool_never_has_more_than_it_may(self, stores: Stores) -> None:
        stores.orders.save(order())
        use = stores.database.pool_usage()
        assert 0 <= use.busy <= use.open <= max(use.size, use.open)

    def test_it_has_joined_once_it_was_told_so(self, stores: Stores) -> None:
        assert not stores.database.has_full_copy()
        stores.database.mark_full_copy()
        assert stores.database.has_full_copy()
        stores.database.mark_full_copy()
        stores.database.prepare()
        assert stores.database.has_full_copy()

    def test_nobody_is_said_to_be_absent_at_first(self, stores: Stores) -> None:
        assert list(stores.database.suspicions(at())) == []

    def test_a_word_holds_until_its_time(self, stores: Stores) -> None:
        word = absence(stores, "one", at(10))
        stores.database.publish_suspicion(word)
        assert list(stores.database.suspicions(at(9.999))) == [word]
        assert list(stores.database.suspicions(at(10))) == []

    def test_a_process_has_one_word_on_a_store(self, stores: Stores) -> None:
        stores.database.publish_suspicion(absence(stores, "one", at(10)))
        later = absence(stores, "one", at(20))
        stores.database.publish_suspicion(later)
        assert list(stores.database.suspicions(at())) == [later]
        sooner = absence(stores, "one", at(5))
        stores.database.publish_suspicion(sooner)
        assert list(stores.database.suspicions(at())) == [sooner]

    def test_every_process_and_store_has_a_word_of_its_own(self, stores: Stores) -> None:
        words = [absence(stores, name, at(10)) for name in ("one", "two", "three : . $ ü")]
        words.append(SuspicionLease(StoreId.NOCODB, "one", at(10)))
        for word in words:
            stores.database.publish_suspicion(word)
        assert set(stores.database.suspicions(at())) == set(words)
        stores.database.withdraw_suspicion(words[0])
        assert set(stores.database.suspicions(at())) == set(words[1:])

    def test_a_word_that_was_taken_back_is_gone(self, stores: Stores) -> None:
        word = absence(stores, "one", at(10))
        stores.database.publish_suspicion(word)
        stores.database.withdraw_suspicion(word)
        stores.database.withdraw_suspicion(word)
        stores.database.withdraw_suspicion(absence(stores, "nobody", at(10)))
        assert list(stores.database.suspicions(at())) == []

    def test_a_word_that_was_given_anew_is_not_taken_back(self, stores: Stores) -> None:
        earlier, later = (absence(stores, "one", at(seconds)) for seconds in (10, 10.001))
        stores.database.publish_suspicion(later)
        stores.database.withdraw_suspicion(earlier)
        assert list(stores.database.suspicions(at())) == [later]

    def test_a_word_is_kept_in_utc_and_whole_milliseconds(self, stores: Stores) -> None:
        summer = timezone(timedelta(hours=2))
        stores.database.publish_suspicion(absence(stores, "one", at(10.5).astimezone(summer)))
        [word] = stores.database.suspicions(at().astimezone(summer))
        assert word.until == at(10.5)
        assert word.store_id is other_store(stores.database.store_id)


def absence(stores: Stores, process: str, until: datetime) -> SuspicionLease:
    """A process's word on the other store."""
    return SuspicionLease(other_store(stores.database.store_id), process, until)
