"""What two databases hold of the same records: as a composite, and one beside the other."""

from __future__ import annotations

import pytest

from dinerapp.replication.identity import new_op_id
from dinerapp.replication.ports.replica import ApplyOutcome, Backlog, FollowerTarget
from dinerapp.replication.version import StoreId
from tests.cases import every_case
from tests.contracts.over import COMPOSITES, SERVERS
from tests.contracts.samples import SAMPLES, Repositories, Stores, scan_all
from tests.factories import at


@pytest.mark.parametrize("composite", COMPOSITES)
def test_what_a_composite_keeps_both_databases_hold_alike(
    composite: str, request: pytest.FixtureRequest
) -> None:
    repositories: Repositories = request.getfixturevalue(composite)
    for sample in SAMPLES:
        repository = getattr(repositories, sample.name)
        saved = [repository.save(sample.make()) for _ in range(5)]
        repository.save(sample.with_text(saved[0]))
        repository.delete(sample.with_text(saved[1]))
        one, other = (getattr(request.getfixturevalue(name), sample.name) for name in SERVERS)
        assert len(scan_all(one)) == 5
        assert scan_all(one) == scan_all(other)
        assert one.fingerprints() == other.fingerprints()


@pytest.mark.parametrize("composite", COMPOSITES)
def test_only_the_store_that_accepts_owes_followers_and_only_of_followed_kinds(
    composite: str, request: pytest.FixtureRequest
) -> None:
    repositories: Repositories = request.getfixturevalue(composite)
    with every_case() as case:
        for sample in SAMPLES:
            with case(sample.name):
                repository = getattr(repositories, sample.name)
                first = repository.save(sample.make())
                repository.save(sample.with_text(first))
                acceptor, other = (side.store for side in repository.stores)
                owed = int(repository.kind.has_followers)
                assert acceptor.backlog(FollowerTarget.FOLLOWERS).waiting == owed
                assert other.backlog(FollowerTarget.FOLLOWERS) == Backlog()


@pytest.mark.parametrize(
    ("one", "other"), [("postgresql", "mongodb"), ("mongodb", "postgresql"), ("memory", "mongodb")]
)
def test_what_one_database_holds_the_other_holds_alike(
    one: str, other: str, request: pytest.FixtureRequest
) -> None:
    source: Stores = request.getfixturevalue(one)
    target: Stores = request.getfixturevalue(other)
    for sample in SAMPLES:
        here, there = getattr(source, sample.name), getattr(target, sample.name)
        saved = [here.save(sample.make(created_at=at(number))) for number in range(30)]
        for record in saved[:10]:
            here.save(record.with_changes(op_id=new_op_id(), now=at(99)))
        here.delete(saved[20].with_changes(op_id=new_op_id(), now=at(99)))
        there.deliver(scan_all(here))
        assert scan_all(there) == scan_all(here)
        assert there.fingerprints() == here.fingerprints()
        answers = here.deliver(scan_all(there))
        assert [answer.outcome for answer in answers] == [ApplyOutcome.ALREADY_APPLIED] * 30
        assert {record.source for record in scan_all(there)} <= set(StoreId)
