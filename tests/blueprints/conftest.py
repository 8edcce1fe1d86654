"""One application over stores in memory for all tests of a worker; each makes its own dishes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from tests.blueprints.asking import client_of


@pytest.fixture(scope="session")
def client() -> Iterator[FlaskClient]:
    """Everybody is staff."""
    with client_of() as client:
        yield client


@pytest.fixture(scope="session")
def guests() -> Iterator[FlaskClient]:
    """Nobody is staff."""
    with client_of(open_access=False) as client:
        yield client
