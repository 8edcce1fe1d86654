"""What the suites of this folder share."""

from __future__ import annotations

import pytest

from tests.unit.clocks import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()
