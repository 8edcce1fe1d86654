"""Translates the errors of psycopg. tests/adapters/postgres/test_errors.py has the full table."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import errors

from dinerapp.replication.errors import (
    Contended,
    DinerError,
    DuplicateKey,
    Exhausted,
    OutcomeUnknown,
    StoreUnavailable,
    UnstorableRecord,
)
from dinerapp.replication.version import StoreId

_CONTENTION_ERRORS = (errors.SerializationFailure, errors.DeadlockDetected)

_EXHAUSTED_SQLSTATE = "DN001"
# Cardinality, data, integrity, program limits, PL/pgSQL: caused by the record, not by the server.
_DATA_ERROR_CLASSES = ("21", "22", "23", "54", "P0")
# Broken connections as poolers report them, and a COMMIT with an unknown outcome.
_CONNECTION_LOST_CLASSES = ("08", "40003")
_UNIQUE_FIELD_PATTERN = re.compile(r"_u_(\w+)$")


@contextmanager
def translate_errors(store_id: StoreId, *, writes: bool) -> Iterator[None]:
    """Translates errors of one statement or one transaction on an open connection.

    An error with an SQLSTATE was sent by the server, and nothing was applied. Without SQLSTATE the
    connection was lost or the deadline passed, and a write may have been applied.
    """
    try:
        yield
    except psycopg.Error as error:
        if error.sqlstate is None and isinstance(error, psycopg.ProgrammingError):
            raise
        raise _to_diner_error(store_id, error, writes=writes) from error


def _to_diner_error(store_id: StoreId, error: psycopg.Error, *, writes: bool) -> DinerError:
    state = error.sqlstate or ""
    if state == _EXHAUSTED_SQLSTATE:
        return Exhausted(error.diag.message_detail or "")
    if isinstance(error, psycopg.DataError) or state.startswith(_DATA_ERROR_CLASSES):
        return _to_data_error(error)
    if writes and (not state or state.startswith(_CONNECTION_LOST_CLASSES)):
        return OutcomeUnknown(store_id, _reason(error))
    failure = Contended if isinstance(error, _CONTENTION_ERRORS) else StoreUnavailable
    return failure(store_id, _reason(error))


def _to_data_error(error: psycopg.Error) -> DinerError:
    constraint = error.diag.constraint_name or ""
    if isinstance(error, errors.UniqueViolation) and (
        match := _UNIQUE_FIELD_PATTERN.search(constraint)
    ):
        return DuplicateKey(match[1])
    return UnstorableRecord(_reason(error))


def _reason(error: psycopg.Error) -> str:
    message = error.diag.message_primary or str(error).partition("\n")[0]
    return f"{message} ({error.sqlstate})" if error.sqlstate else message
