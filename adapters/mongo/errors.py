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
    Refused,
    StoreFailure,
    StoreUnavailable,
)

DUPLICATE = 11000
NAMESPACE_EXISTS = 48
INDEX_DIFFERS = frozenset({85, 86})

# Said before any data is touched: the server is no primary, or does not let this client in; or
# after all was taken back: a transaction met another one.
_UNTOUCHED = frozenset({10058, 10107, 13435, 13436, 13, 18, 8000, 462, 112, 251})
# Ended by the server on the way: shutting down, stepping down, cut off, out of time or of disk.
_BROKEN_OFF = frozenset(
    {6, 7, 50, 64, 89, 91, 133, 134, 146, 189, 202, 262, 365, 9001, 11600, 11601, 11602, 14031}
)
# The document itself is at fault: validation, size, keys.
_OF_THE_DATA = frozenset({121, 10334, 17280, 17419, 17420})
_WRITE_CONFLICT = 112
_NOT_SENT = (ServerSelectionTimeoutError, WaitQueueTimeoutError, ConfigurationError)
_ANSWERED = (OperationFailure, CollectionInvalid, InvalidName)
_SHORT = 200


def failure_of(error: PyMongoError, name: str, *, perhaps_applied: bool) -> StoreFailure | None:
    """The store failure behind the error; None when the store is well and the answer was no.

    `perhaps_applied` says that something was sent that would have changed data.
    """
    unknown = error.has_error_label("UnknownTransactionCommitResult")
    codes = _codes(error)
    if not (unknown or _was_cut_off(error) or codes & (_UNTOUCHED | _BROKEN_OFF)):
        return None
    in_parts = isinstance(error, BulkWriteError)
    untouched = isinstance(error, _NOT_SENT) or (codes & _UNTOUCHED and not in_parts)
    perhaps_applied = unknown or (perhaps_applied and not untouched)
    if perhaps_applied:
        return OutcomeUnknown(name, _in_short(error))
    failure = Contended if codes == {_WRITE_CONFLICT} else StoreUnavailable
    return failure(name, _in_short(error))


@contextmanager
def refusing() -> Iterator[None]:
    """Turns the errors that are the document's own fault into Refused."""
    try:
        yield
    except DuplicateKeyError:
        raise
    except (WriteError, BSONError, OverflowError, UnicodeEncodeError) as error:
        raise Refused(_in_short(error)) from error
    except OperationFailure as error:
        if error.code not in _OF_THE_DATA:
            raise
        raise Refused(f"{error.code}: {error}"[:_SHORT]) from error


def taken_key(details: Mapping[str, Any] | None) -> str:
    """The path of the indexed field that a duplicate key error is about."""
    pattern: Mapping[str, Any] = (details or {}).get("keyPattern", {})
    return next(iter(pattern), "_id")


def _in_short(error: Exception) -> str:
    """Without the driver's settings and the topology, which follow the news."""
    return f"{type(error).__name__}: {error}".partition(" (configured")[0][:_SHORT]


def _was_cut_off(error: PyMongoError) -> bool:
    if isinstance(error, BulkWriteError):
        return bool(error.details.get("writeConcernErrors"))
    return isinstance(error, WriteConcernError) or not isinstance(error, _ANSWERED)


def _codes(error: PyMongoError) -> frozenset[int]:
    if isinstance(error, BulkWriteError):
        return frozenset(each["code"] for each in error.details.get("writeErrors", ()))
    details = getattr(error, "details", None)
    code = details.get("code") if isinstance(details, Mapping) else None
    code = getattr(error, "code", None) or code
    return frozenset(() if code is None else (code,))
