"""What every store promises: a suite per port. A module parametrizes its class itself, with a mark
of `over.py`; a new store is a fixture in `conftest.py` and a name there."""

import pytest

pytest.register_assert_rewrite("tests.contracts.bus", "tests.contracts.samples")
