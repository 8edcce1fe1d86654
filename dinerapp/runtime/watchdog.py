"""Kills a process group once whoever started this program is gone, however it ended.

`python -m dinerapp.runtime.watchdog GROUP`, with a pipe from its starter as its standard input:
the kernel closes that pipe with the starter, and nobody else holds it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def killed_with_us(group: int) -> Iterator[None]:
    """Meanwhile the process group does not outlive this process."""
    # In a session of its own, for what is sent to ours (Ctrl-C, `timeout`) must not end it first.
    watchdog = subprocess.Popen(  # noqa: S603 our own command
        [sys.executable, "-m", __name__, str(group)],
        stdin=subprocess.PIPE,
        start_new_session=True,
    )
    with watchdog:
        try:
            yield
        finally:
            watchdog.kill()


def main() -> None:
    sys.stdin.buffer.read()
    with suppress(ProcessLookupError):
        os.killpg(int(sys.argv[1]), signal.SIGKILL)


if __name__ == "__main__":
    main()
