"""What every store promises: one suite per port, run over every store in `test_contracts.py`."""

import pytest

pytest.register_assert_rewrite(
    "tests.contracts.bus",
    "tests.contracts.conflicts",
    "tests.contracts.customers",
    "tests.contracts.database",
    "tests.contracts.menu",
    "tests.contracts.orders",
    "tests.contracts.profiles",
    "tests.contracts.replica",
    "tests.contracts.repository",
    "tests.contracts.subjects",
    "tests.contracts.users",
)
