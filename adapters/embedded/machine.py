"""Access of the embedded servers to the operating system and to installed packages."""

import os
import secrets
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from adapters.embedded.account import Account
from adapters.embedded.errors import EmbeddedServerUnavailable

_PASSED_VARIABLES = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR")
_LOG_LINES = 12
_MAX_LINE_LENGTH = 300


def package_file(name: str, path: str) -> Path | None:
    """A file or folder of an installed package, found without importing the package."""
    try:
        found = Path(str(distribution(name).locate_file(path)))
    except PackageNotFoundError:
        return None
    return found.resolve() if found.exists() else None


def command_line(pid: int) -> str:
    """The command line of a running process; empty if it has ended or is a zombie."""
    if sys.platform == "linux":
        with suppress(OSError):
            return (
                Path(f"/proc/{pid}/cmdline")
                .read_bytes()
                .replace(b"\0", b" ")
                .decode(errors="replace")
            )
        return ""
    listed = subprocess.run(  # noqa: S603
        ["/bin/ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return listed.stdout.strip()


def spawn(command: Sequence[str], log_file: Path, account: Account) -> subprocess.Popen[bytes]:
    """Starts a server in its own session, with a new log; the previous log is kept."""
    if log_file.exists():
        log_file.replace(log_file.with_suffix(".log.1"))
    try:
        with log_file.open("wb") as output:
            return subprocess.Popen(  # noqa: S603
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=log_file.parent,
                env=server_environment(),
                user=account.user,
                group=account.group,
                extra_groups=account.groups,
                umask=0o077,
                start_new_session=True,
            )
    except OSError as error:
        raise EmbeddedServerUnavailable(
            f"{command[0]} cannot be run on this machine: {error}"
        ) from error


def last_lines(log_file: Path) -> str:
    lines = log_file.read_text(errors="replace").splitlines()[-_LOG_LINES:]
    return "\n".join(f"  {line[:_MAX_LINE_LENGTH]}" for line in lines)


def write_secret(path: Path, account: Account) -> None:
    """Writes a new random secret, atomically, to a file that only the account can read."""
    unfinished = path.with_suffix(".new")
    unfinished.touch(mode=0o600)
    unfinished.write_text(secrets.token_hex(24))
    account.chown(unfinished)
    unfinished.rename(path)


def server_environment() -> dict[str, str]:
    """The variables to pass on: no PG* variables, which would configure it, and no secrets."""
    return {name: os.environ[name] for name in _PASSED_VARIABLES if name in os.environ} | {
        "LC_ALL": "C"
    }
