"""What all suites share."""

from hypothesis import settings

pytest_plugins = ["tests.servers.fixtures"]

# In CI, Hypothesis does not time its examples. It is still to look at other ones in each run.
settings.register_profile("ci", settings.get_profile("ci"), derandomize=False)
