"""Kills a process group as soon as the parent of this process is gone, even after SIGKILL.

`python -m dinerapp.runtime.watchdog GROUP`, with a pipe from the parent as standard input: no other
process has the write end, so the kernel closes the pipe when the parent ends.
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
    """Within this context, the process group does not outlive the current process."""
    # In its own session, so that signals to our process group (Ctrl-C, `timeout`) do not reach it.
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
