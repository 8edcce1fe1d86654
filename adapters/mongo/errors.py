"""What pymongo's errors mean to us, said once. Table test: tests/adapters/mongo/test_errors.py."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from bson.errors import BSONError
from pymongo.errors import (
    BulkWriteError,
    CollectionInvalid,
    ConfigurationError,
    DuplicateKeyError,
    InvalidName,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WaitQueueTimeoutError,
    WriteConcernError,
    WriteError,
)

from dinerapp.replication.errors import (
    Contended,
    OutcomeUnknown,
    StoreFailure,
    StoreUnavailable,
    UnstorableRecord,
)

DUPLICATE_KEY_CODE = 11000
NAMESPACE_EXISTS_CODE = 48
INDEX_CONFLICT_CODES = frozenset({85, 86})

# Said before any data is touched: the server is no primary, or does not let this client in; or
# after all was taken back: a transaction met another one.
_NOT_APPLIED_CODES = frozenset({10058, 10107, 13435, 13436, 13, 18, 8000, 462, 112, 251})
# Ended by the server on the way: shutting down, stepping down, cut off, out of time or of disk.
_INTERRUPTED_CODES = frozenset(
    {6, 7, 50, 64, 89, 91, 133, 134, 146, 189, 202, 262, 365, 9001, 11600, 11601, 11602, 14031}
)
# The document itself is at fault: validation, size, keys.
_DOCUMENT_ERROR_CODES = frozenset({121, 10334, 17280, 17419, 17420})
_WRITE_CONFLICT_CODE = 112
_NOT_SENT_ERRORS = (ServerSelectionTimeoutError, WaitQueueTimeoutError, ConfigurationError)
_SERVER_REPLY_ERRORS = (OperationFailure, CollectionInvalid, InvalidName)
_MAX_MESSAGE_LENGTH = 200


def to_store_failure(
    error: PyMongoError, store: str, *, may_be_applied: bool
) -> StoreFailure | None:
    """The store failure behind the error; None when the store is well and the answer was no.

    `perhaps_applied` says that something was sent that would have changed data.
    """
    unknown = error.has_error_label("UnknownTransactionCommitResult")
    codes = _codes(error)
    if not (
        unknown or _was_interrupted(error) or codes & (_NOT_APPLIED_CODES | _INTERRUPTED_CODES)
    ):
        return None
    in_parts = isinstance(error, BulkWriteError)
    untouched = isinstance(error, _NOT_SENT_ERRORS) or (codes & _NOT_APPLIED_CODES and not in_parts)
    may_be_applied = unknown or (may_be_applied and not untouched)
    if may_be_applied:
        return OutcomeUnknown(store, _summary(error))
    failure = Contended if codes == {_WRITE_CONFLICT_CODE} else StoreUnavailable
    return failure(store, _summary(error))


@contextmanager
def translate_refusals() -> Iterator[None]:
    """Turns the errors that are the document's own fault into Refused."""
    try:
        yield
    except DuplicateKeyError:
        raise
    except (WriteError, BSONError, OverflowError, UnicodeEncodeError) as error:
        raise UnstorableRecord(_summary(error)) from error
    except OperationFailure as error:
        if error.code not in _DOCUMENT_ERROR_CODES:
            raise
        raise UnstorableRecord(f"{error.code}: {error}"[:_MAX_MESSAGE_LENGTH]) from error


def duplicate_key_path(details: Mapping[str, Any] | None) -> str:
    """The path of the indexed field that a duplicate key error is about."""
    pattern: Mapping[str, Any] = (details or {}).get("keyPattern", {})
    return next(iter(pattern), "_id")


def _summary(error: Exception) -> str:
    """Without the driver's settings and the topology, which follow the news."""
    return f"{type(error).__name__}: {error}".partition(" (configured")[0][:_MAX_MESSAGE_LENGTH]


def _was_interrupted(error: PyMongoError) -> bool:
    if isinstance(error, BulkWriteError):
        return bool(error.details.get("writeConcernErrors"))
    return isinstance(error, WriteConcernError) or not isinstance(error, _SERVER_REPLY_ERRORS)


def _codes(error: PyMongoError) -> frozenset[int]:
    if isinstance(error, BulkWriteError):
        return frozenset(each["code"] for each in error.details.get("writeErrors", ()))
    details = getattr(error, "details", None)
    code = details.get("code") if isinstance(details, Mapping) else None
    code = getattr(error, "code", None) or code
    return frozenset(() if code is None else (code,))
