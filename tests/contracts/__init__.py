"""What every store promises: one suite per port, run over every store in `test_contracts.py`."""

import pytest

pytest.register_assert_rewrite(
    "tests.contracts.bus",
    "tests.contracts.conflicts",
    "tests.contracts.conversations",
    "tests.contracts.customers",
    "tests.contracts.database",
    "tests.contracts.members",
    "tests.contracts.menu",
    "tests.contracts.messages",
    "tests.contracts.orders",
    "tests.contracts.profiles",
    "tests.contracts.reads",
    "tests.contracts.replica",
    "tests.contracts.repository",
    "tests.contracts.servers",
    "tests.contracts.subjects",
    "tests.contracts.users",
)
