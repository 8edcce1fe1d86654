"""What each error of psycopg becomes, in one table."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from psycopg import errors
from psycopg_pool import PoolClosed, PoolTimeout

from adapters.postgres.errors import translate_errors
from dinerapp.replication.errors import (
    Contended,
    Exhausted,
    OutcomeUnknown,
    StoreUnavailable,
    UnstorableRecord,
)
from dinerapp.replication.version import StoreId

LOST_ON_THE_WAY = [
    psycopg.OperationalError("server closed the connection unexpectedly"),
    psycopg.OperationalError("the deadline passed"),
    psycopg.InterfaceError("the connection is lost"),
    errors.ConnectionFailure("server conn crashed?"),
    errors.TransactionResolutionUnknown("who knows"),
    errors.StatementCompletionUnknown("committed or not"),
]
NOTHING_WAS_APPLIED = [
    errors.AdminShutdown("terminating connection"),
    errors.CrashShutdown("another process crashed"),
    errors.CannotConnectNow("the database system is starting up"),
    errors.IdleInTransactionSessionTimeout("too slow"),
    errors.QueryCanceled("statement timeout"),
    errors.ReadOnlySqlTransaction("cannot execute INSERT"),
    errors.TooManyConnections("sorry, too many clients already"),
    errors.InsufficientResources("no resources"),
    errors.OutOfMemory("out of memory"),
    errors.DiskFull("no space left on device"),
    errors.IoError("could not write"),
    errors.InternalError_("cache lookup failed"),
    errors.DataCorrupted("invalid page"),
    errors.LockNotAvailable("could not obtain lock"),
    errors.InvalidPassword("password authentication failed"),
    errors.InsufficientPrivilege("permission denied for table orders"),
    errors.InvalidCatalogName("database does not exist"),
    errors.UndefinedTable("relation orders does not exist"),
    errors.UndefinedColumn("column does not exist"),
]
ABOUT_THE_RECORD = [
    errors.UniqueViolation("a primary key"),
    errors.CheckViolation("orders_total_check"),
    errors.ForeignKeyViolation("no such order"),
    errors.NotNullViolation("null value"),
    errors.InvalidTextRepresentation("no uuid"),
    errors.UntranslatableCharacter("NUL"),
    errors.NumericValueOutOfRange("bigint out of range"),
    errors.StringDataRightTruncation("too long"),
    errors.CardinalityViolation("cannot affect row a second time"),
    errors.ProgramLimitExceeded("index row size exceeds btree maximum"),
    errors.RaiseException("a trigger says no"),
    psycopg.DataError("text fields cannot contain NUL"),
]


class NotEnoughLeft(psycopg.DatabaseError):
    """As psycopg raises the SQLSTATE of our own."""

    sqlstate = "DN001"


def name(error: Any) -> str:
    return type(error).__name__


def translation(error: Exception, *, writes: bool) -> Exception:
    with pytest.raises(Exception) as caught, translate_errors(StoreId.POSTGRESQL, writes=writes):  # noqa: PT011
        raise error
    return caught.value


@pytest.mark.parametrize("error", LOST_ON_THE_WAY, ids=name)
def test_a_write_that_was_lost_on_the_way_has_an_unknown_outcome(error: Exception) -> None:
    failure = translation(error, writes=True)
    assert isinstance(failure, OutcomeUnknown)
    assert failure.store is StoreId.POSTGRESQL


@pytest.mark.parametrize("error", LOST_ON_THE_WAY, ids=name)
def test_a_read_that_was_lost_on_the_way_can_be_asked_elsewhere(error: Exception) -> None:
    assert isinstance(translation(error, writes=False), StoreUnavailable)


@pytest.mark.parametrize("error", [PoolTimeout("busy"), PoolClosed("closed")], ids=name)
def test_without_a_connection_nothing_is_sent(error: Exception) -> None:
    assert isinstance(translation(error, writes=False), StoreUnavailable)


@pytest.mark.parametrize("error", NOTHING_WAS_APPLIED, ids=name)
@pytest.mark.parametrize("writes", [True, False])
def test_a_server_that_answers_with_trouble_of_its_own_has_applied_nothing(
    error: Exception, writes: bool
) -> None:
    assert isinstance(translation(error, writes=writes), StoreUnavailable)


@pytest.mark.parametrize("error", [errors.SerializationFailure(), errors.DeadlockDetected()])
def test_others_that_were_faster_say_nothing_about_the_server(error: Exception) -> None:
    assert isinstance(translation(error, writes=True), Contended)


@pytest.mark.parametrize("error", ABOUT_THE_RECORD, ids=name)
def test_an_error_about_the_record_says_nothing_about_the_server(error: Exception) -> None:
    refusal = translation(error, writes=True)
    assert isinstance(refusal, UnstorableRecord)
    assert str(error) in str(refusal)


def test_a_passed_ceiling_is_told_apart() -> None:
    assert isinstance(translation(NotEnoughLeft("not enough left"), writes=True), Exhausted)


def test_a_mistake_in_the_adapter_is_not_taken_for_a_dead_server() -> None:
    mistake = psycopg.ProgrammingError("the query has 2 placeholders but 1 parameters were passed")
    assert translation(mistake, writes=True) is mistake


def test_the_error_of_the_driver_stays_to_be_seen_in_the_log() -> None:
    error = errors.DiskFull("no space left on device")
    assert translation(error, writes=True).__cause__ is error
