"""What each error of pymongo becomes, in one table."""

from __future__ import annotations

from typing import Any

import pytest
from bson.errors import InvalidDocument
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    ConfigurationError,
    DocumentTooLarge,
    DuplicateKeyError,
    ExecutionTimeout,
    InvalidOperation,
    NetworkTimeout,
    NotPrimaryError,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WaitQueueTimeoutError,
    WriteConcernError,
    WriteError,
    WTimeoutError,
)

from adapters.mongo.errors import duplicate_key_path, to_store_failure, translate_refusals
from dinerapp.replication.errors import (
    Contended,
    OutcomeUnknown,
    StoreUnavailable,
    UnstorableRecord,
)
from dinerapp.replication.version import StoreId

UNAVAILABLE, UNKNOWN = StoreUnavailable, OutcomeUnknown


def bulk(code: int | None = None, **details: Any) -> BulkWriteError:
    errors = [] if code is None else [{"index": 0, "code": code, "errmsg": "no"}]
    return BulkWriteError({"writeErrors": errors, "writeConcernErrors": [], **details})


def labelled(error: PyMongoError, label: str) -> PyMongoError:
    error._add_error_label(label)
    return error


COMMIT_UNKNOWN = "UnknownTransactionCommitResult"

NOTHING_WAS_SENT = [
    ServerSelectionTimeoutError("no primary"),
    WaitQueueTimeoutError("pool"),
    ConfigurationError("the name server is gone"),
    NotPrimaryError("not primary", {"code": 10107}),
    NotPrimaryError("not primary", {"code": 13435}),
    OperationFailure("not authorized", 13),
    OperationFailure("wrong password", 18),
]
LOST_ON_THE_WAY = [
    AutoReconnect("connection closed"),
    NetworkTimeout("timed out"),
    NotPrimaryError("stepped down", {"code": 189}),
    NotPrimaryError("shutting down", {"code": 11600}),
    NotPrimaryError("changing state", {"code": 11602}),
    ExecutionTimeout("over the limit", 50),
    WTimeoutError("not replicated yet", 64),
    WriteConcernError("cut off while replicating", 11602),
    OperationFailure("no disk left", 14031),
    OperationFailure("no memory left", 146),
    WriteError("no disk left", 14031),
    InvalidOperation("the client was closed"),
    PyMongoError("something with the connection"),
    bulk(14031),
    bulk(10107),
    bulk(writeConcernErrors=[{"code": 64, "errmsg": "not replicated yet"}]),
]
ANSWERS = [
    DuplicateKeyError("taken", 11000),
    WriteError("not valid", 121),
    OperationFailure("a mistake of ours", 2),
    bulk(11000),
    bulk(121),
]


@pytest.mark.parametrize("perhaps_applied", [True, False])
@pytest.mark.parametrize("error", NOTHING_WAS_SENT, ids=repr)
def test_a_store_that_did_nothing_is_unavailable(
    error: PyMongoError, perhaps_applied: bool
) -> None:
    failure = to_store_failure(error, StoreId.MONGODB, may_be_applied=perhaps_applied)
    assert type(failure) is UNAVAILABLE


@pytest.mark.parametrize("perhaps_applied", [True, False])
def test_others_that_were_faster_say_nothing_about_the_health(perhaps_applied: bool) -> None:
    error = OperationFailure("met another transaction", 112)
    assert (
        type(to_store_failure(error, StoreId.MONGODB, may_be_applied=perhaps_applied)) is Contended
    )


@pytest.mark.parametrize(("perhaps_applied", "expected"), [(True, UNKNOWN), (False, UNAVAILABLE)])
@pytest.mark.parametrize("error", LOST_ON_THE_WAY, ids=repr)
def test_what_was_lost_on_the_way_is_unknown_if_it_was_a_write(
    error: PyMongoError, perhaps_applied: bool, expected: type
) -> None:
    failure = to_store_failure(error, StoreId.MONGODB, may_be_applied=perhaps_applied)
    assert type(failure) is expected
    assert failure is not None
    assert failure.store is StoreId.MONGODB


@pytest.mark.parametrize("error", ANSWERS, ids=repr)
def test_an_answer_says_nothing_about_the_health_of_the_store(error: PyMongoError) -> None:
    assert to_store_failure(error, StoreId.MONGODB, may_be_applied=True) is None


@pytest.mark.parametrize(
    "error", [AutoReconnect("closed"), ServerSelectionTimeoutError("gone"), OperationFailure("", 2)]
)
def test_a_commit_without_an_answer_is_unknown(error: PyMongoError) -> None:
    unknown = labelled(error, COMMIT_UNKNOWN)
    assert type(to_store_failure(unknown, StoreId.MONGODB, may_be_applied=False)) is UNKNOWN


def test_reasons_are_kept_short() -> None:
    failure = to_store_failure(AutoReconnect("x" * 9000), StoreId.MONGODB, may_be_applied=False)
    assert failure is not None
    assert len(failure.reason) <= 200


@pytest.mark.parametrize(
    "error",
    [
        WriteError("not valid", 121),
        OperationFailure("not valid", 121),
        OperationFailure("too large", 10334),
        DocumentTooLarge("17 MB"),
        InvalidDocument("no such type"),
        OverflowError("2**70"),
        UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates"),
    ],
    ids=repr,
)
def test_a_document_at_fault_is_refused(error: Exception) -> None:
    with pytest.raises(UnstorableRecord) as refused, translate_refusals():
        raise error
    assert refused.value.__cause__ is error


@pytest.mark.parametrize(
    "error", [DuplicateKeyError("taken", 11000), OperationFailure("", 2), AutoReconnect()], ids=repr
)
def test_other_errors_are_not_the_documents_fault(error: PyMongoError) -> None:
    with pytest.raises(type(error)) as same, translate_refusals():
        raise error
    assert same.value is error


@pytest.mark.parametrize(
    ("details", "path"),
    [
        ({"keyPattern": {"_id": 1}}, "_id"),
        ({"keyPattern": {"_unique.slug": 1}}, "_unique.slug"),
        (None, "_id"),
    ],
)
def test_a_duplicate_key_tells_which_one(details: dict[str, Any] | None, path: str) -> None:
    assert duplicate_key_path(details) == path
