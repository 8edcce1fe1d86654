"""TCP ports on 127.0.0.1 for servers that need the same port again after a restart."""

import random
import socket
from contextlib import suppress

from adapters.embedded.errors import EmbeddedServerError

LOCALHOST = "127.0.0.1"

# Below the ephemeral ranges of kernels (from 32768 on Linux, 49152 on macOS), so that no outgoing
# connection gets the port of a server that is down for a moment, and a client that retries in a
# loop cannot end up connected to itself.
_FIRST, _LAST = 15_000, 29_999


def port_is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):
            probe.bind((LOCALHOST, port))
            return True
    return False


def free_port() -> int:
    for port in random.SystemRandom().sample(range(_FIRST, _LAST + 1), 200):
        if port_is_free(port):
            return port
    raise EmbeddedServerError(
        f"No free port was found on {LOCALHOST} between {_FIRST} and {_LAST}: stop some of the"
        " programs that listen there."
    )
