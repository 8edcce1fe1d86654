"""What two databases hold of the same records: as a composite, and one beside the other."""

from __future__ import annotations

import pytest

from dinerapp.replication.identity import new_op_id
from dinerapp.replication.ports.replica import Audience, Backlog, Taken
from dinerapp.replication.version import Place
from tests.cases import every_case
from tests.contracts.over import COMPOSITES, SERVERS
from tests.contracts.subjects import SAMPLES, Repositories, Stores, scanned
from tests.makers import at


@pytest.mark.parametrize("composite", COMPOSITES)
def test_what_a_composite_keeps_both_databases_hold_alike(
    composite: str, request: pytest.FixtureRequest
) -> None:
    repositories: Repositories = request.getfixturevalue(composite)
    for sample in SAMPLES:
        repository = getattr(repositories, sample.name)
        saved = [repository.save(sample.make()) for _ in range(5)]
        repository.save(sample.edited(saved[0]))
        repository.delete(sample.edited(saved[1]))
        one, other = (getattr(request.getfixturevalue(name), sample.name) for name in SERVERS)
        assert len(scanned(one)) == 5
        assert scanned(one) == scanned(other)
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
                repository.save(sample.edited(first))
                acceptor, other = (side.store for side in repository.sides)
                owed = int(repository.kind.followed)
                assert acceptor.backlog(Audience.FOLLOWERS).waiting == owed
                assert other.backlog(Audience.FOLLOWERS) == Backlog()


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
            here.save(record.changed(op_id=new_op_id(), now=at(99)))
        here.delete(saved[20].changed(op_id=new_op_id(), now=at(99)))
        there.deliver(scanned(here))
        assert scanned(there) == scanned(here)
        assert there.fingerprints() == here.fingerprints()
        answers = here.deliver(scanned(there))
        assert [answer.taken for answer in answers] == [Taken.HAD_IT] * 30
        assert {record.source for record in scanned(there)} <= set(Place)
