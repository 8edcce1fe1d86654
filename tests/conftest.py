"""What all suites share."""

pytest_plugins = ["tests.servers.fixtures"]
