"""Every store, every suite: a new store is a fixture in `conftest.py` and a line here."""

from __future__ import annotations

import pytest

from dinerapp.replication.identity import new_op_id
from dinerapp.replication.ports.replica import Audience, Backlog, Taken
from dinerapp.replication.version import Place
from tests.cases import every_case
from tests.contracts.carts import CartsContract
from tests.contracts.conflicts import ConflictsContract
from tests.contracts.conversations import ConversationsContract
from tests.contracts.coupons import CouponsContract
from tests.contracts.customers import CustomersContract
from tests.contracts.database import DatabaseContract
from tests.contracts.deliveries import DeliveriesContract
from tests.contracts.kinds import of_every_kind
from tests.contracts.kitchen import TicketsContract
from tests.contracts.members import MembersContract
from tests.contracts.menu import CategoriesContract, MenuItemsContract
from tests.contracts.messages import ChannelMessagesContract, DirectMessagesContract
from tests.contracts.orders import OrdersContract
from tests.contracts.payments import PaymentsContract
from tests.contracts.profiles import ProfilesContract
from tests.contracts.reads import ReadsContract
from tests.contracts.replica import (
    AcceptContract,
    DebtContract,
    DeliverContract,
    DeliveredStockContract,
    DisplacementContract,
    FingerprintContract,
    ReplaceContract,
    ScanContract,
    ShapeContract,
    SharedReplicaContract,
    SharedStockDeliveryContract,
    WholeStoreContract,
)
from tests.contracts.repository import (
    BasisContract,
    RepositoryContract,
    SharedRepositoryContract,
    SharedStockContract,
    StockContract,
    UniqueKeysContract,
)
from tests.contracts.servers import ChannelsContract, ServersContract
from tests.contracts.slots import SlotsContract
from tests.contracts.subjects import SAMPLES, Repositories, Stores, scanned
from tests.contracts.tills import TillsContract
from tests.contracts.users import UsersContract
from tests.contracts.webhooks import WebhooksContract
from tests.makers import at

SERVERS = ("postgresql", "mongodb")
SHARED = ("memory", *SERVERS)
STORES = ("reference", *SHARED)
COMPOSITES = ("postgresql_then_mongodb", "mongodb_then_postgresql")

over_stores = pytest.mark.parametrize("repositories", STORES, indirect=True)
over_everything = pytest.mark.parametrize(
    "repositories", [*STORES, "fallback_of_references", *COMPOSITES], indirect=True
)
over_what_answers_questions = pytest.mark.parametrize(
    "repositories", [*SHARED, *COMPOSITES], indirect=True
)
over_shared_stores = pytest.mark.parametrize("repositories", SHARED, indirect=True)
over_shared_repositories = pytest.mark.parametrize(
    "repositories", [*SHARED, *COMPOSITES], indirect=True
)


@over_everything
@of_every_kind
class TestRepository(RepositoryContract): ...


@over_everything
class TestUniqueKeys(UniqueKeysContract): ...


@over_everything
class TestBasis(BasisContract): ...


@over_everything
class TestStock(StockContract): ...


@over_shared_repositories
@of_every_kind
class TestSharedRepository(SharedRepositoryContract): ...


@over_shared_repositories
class TestSharedStock(SharedStockContract): ...


@over_stores
@of_every_kind
class TestAccept(AcceptContract): ...


@over_stores
@of_every_kind
class TestDeliver(DeliverContract): ...


@over_stores
@of_every_kind
class TestReplace(ReplaceContract): ...


@over_stores
@of_every_kind
class TestScan(ScanContract): ...


@over_stores
@of_every_kind
class TestDebt(DebtContract): ...


@over_shared_stores
@of_every_kind
class TestShape(ShapeContract): ...


@over_stores
@of_every_kind
class TestFingerprint(FingerprintContract): ...


@over_stores
class TestDeliveredStock(DeliveredStockContract): ...


@over_stores
class TestWholeStore(WholeStoreContract): ...


@over_stores
class TestDisplacement(DisplacementContract): ...


@over_shared_stores
@of_every_kind
class TestSharedReplica(SharedReplicaContract): ...


@over_shared_stores
class TestSharedStockDelivery(SharedStockDeliveryContract): ...


@over_stores
class TestDatabase(DatabaseContract): ...


@over_what_answers_questions
class TestServers(ServersContract): ...


@over_what_answers_questions
class TestChannels(ChannelsContract): ...


@over_what_answers_questions
class TestMembers(MembersContract): ...


@over_what_answers_questions
class TestConversations(ConversationsContract): ...


@over_what_answers_questions
class TestDirectMessages(DirectMessagesContract): ...


@over_what_answers_questions
class TestChannelMessages(ChannelMessagesContract): ...


@over_what_answers_questions
class TestReads(ReadsContract): ...


@over_what_answers_questions
class TestCategories(CategoriesContract): ...


@over_what_answers_questions
class TestMenuItems(MenuItemsContract): ...


@over_what_answers_questions
class TestOrders(OrdersContract): ...


@over_what_answers_questions
class TestTickets(TicketsContract): ...


@over_what_answers_questions
class TestPayments(PaymentsContract): ...


@over_what_answers_questions
class TestSlots(SlotsContract): ...


@over_what_answers_questions
class TestCarts(CartsContract): ...


@over_what_answers_questions
class TestCoupons(CouponsContract): ...


@over_what_answers_questions
class TestTills(TillsContract): ...


@over_what_answers_questions
class TestUsers(UsersContract): ...


@over_what_answers_questions
class TestCustomers(CustomersContract): ...


@over_everything
class TestProfiles(ProfilesContract): ...


@over_what_answers_questions
class TestWebhooks(WebhooksContract): ...


@over_what_answers_questions
class TestDeliveries(DeliveriesContract): ...


@over_what_answers_questions
class TestConflicts(ConflictsContract): ...


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
