"""Translates the errors of pymongo. tests/adapters/mongo/test_errors.py has the full table."""

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

# Nothing was applied: the server is not primary or refuses this client, or a transaction was rolled
# back because of a write conflict.
_NOT_APPLIED_CODES = frozenset({10058, 10107, 13435, 13436, 13, 18, 8000, 462, 112, 251})
# The server interrupted the operation: shutdown, step-down, lost connection, time limit, full disk.
_INTERRUPTED_CODES = frozenset(
    {6, 7, 50, 64, 89, 91, 133, 134, 146, 189, 202, 262, 365, 9001, 11600, 11601, 11602, 14031}
)
# Caused by the document: validation, size, keys.
_DOCUMENT_ERROR_CODES = frozenset({121, 10334, 17280, 17419, 17420})
_WRITE_CONFLICT_CODE = 112
_NOT_SENT_ERRORS = (ServerSelectionTimeoutError, WaitQueueTimeoutError, ConfigurationError)
_SERVER_REPLY_ERRORS = (OperationFailure, CollectionInvalid, InvalidName)
_MAX_MESSAGE_LENGTH = 200


def to_store_failure(
    error: PyMongoError, store: str, *, may_be_applied: bool
) -> StoreFailure | None:
    """The store failure that the error stands for; None if the store works and refused the request.

    `may_be_applied` says whether a command was sent that changes data.
    """
    unknown = error.has_error_label("UnknownTransactionCommitResult")
    codes = _codes(error)
    if not (
        unknown or _was_interrupted(error) or codes & (_NOT_APPLIED_CODES | _INTERRUPTED_CODES)
    ):
        return None
    is_bulk = isinstance(error, BulkWriteError)
    not_applied = isinstance(error, _NOT_SENT_ERRORS) or (
        codes & _NOT_APPLIED_CODES and not is_bulk
    )
    may_be_applied = unknown or (may_be_applied and not not_applied)
    if may_be_applied:
        return OutcomeUnknown(store, _summary(error))
    failure = Contended if codes == {_WRITE_CONFLICT_CODE} else StoreUnavailable
    return failure(store, _summary(error))


@contextmanager
def translate_refusals() -> Iterator[None]:
    """Turns errors that are caused by the document into UnstorableRecord."""
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
    """The message without the driver settings and the topology that pymongo appends."""
    return f"{type(error).__name__}: {error}".partition(" (configured")[0][:_MAX_MESSAGE_LENGTH]


def _was_interrupted(error: PyMongoError) -> bool:
    if isinstance(error, BulkWriteError):
        return bool(error.details.get("writeConcernErrors"))
    return isinstance(error, WriteConcernError) or not isinstance(error, _SERVER_REPLY_ERRORS)


def _codes(error: PyMongoError) -> frozenset[int]:
    if isinstance(error, BulkWriteError):
        return frozenset(failed["code"] for failed in error.details.get("writeErrors", ()))
    details = getattr(error, "details", None)
    code = details.get("code") if isinstance(details, Mapping) else None
    code = getattr(error, "code", None) or code
    return frozenset(() if code is None else (code,))
