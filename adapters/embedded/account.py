"""The user account that the servers run as. PostgreSQL refuses to run as root, so root uses
another account for it."""

import logging
import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from adapters.embedded.errors import EmbeddedServerError

_FALLBACK_USER = "nobody"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Account:
    """The account of the servers' processes and files."""

    uid: int
    gid: int
    is_other_user: bool

    @property
    def user(self) -> int | None:
        """For subprocess, as `group` and `groups`: None keeps the account of this process."""
        return self.uid if self.is_other_user else None

    @property
    def group(self) -> int | None:
        return self.gid if self.is_other_user else None

    @property
    def groups(self) -> list[int] | None:
        return [] if self.is_other_user else None

    def chown(self, path: Path) -> None:
        if self.is_other_user:
            os.chown(path, self.uid, self.gid)

    def allow_traversal(self, target: Path) -> None:
        """Makes `target` reachable for the account if a parent directory is closed (as /root is).

        Other users can then pass through such a directory, but not list it. This is logged.
        """
        if self.is_other_user:
            for folder in reversed(target.parents):
                if not self._can_traverse(folder.stat()):
                    self._open_folder(folder)

    def allow_reading(self, tree: Path) -> None:
        """Makes a package readable for the account if a strict umask prevents that."""
        self.allow_traversal(tree)
        if self.is_other_user and not tree.stat().st_mode & stat.S_IROTH:
            for path in (*tree.rglob("*"), tree):
                mode = path.stat().st_mode
                path.chmod(mode | (mode & stat.S_IRWXU) >> 6)

    def _can_traverse(self, folder: os.stat_result) -> bool:
        if folder.st_uid == self.uid:
            return bool(folder.st_mode & stat.S_IXUSR)
        if folder.st_gid == self.gid:
            return bool(folder.st_mode & stat.S_IXGRP)
        return bool(folder.st_mode & stat.S_IXOTH)

    def _open_folder(self, folder: Path) -> None:
        try:
            folder.chmod(folder.stat().st_mode | stat.S_IXOTH)
        except OSError as error:
            raise EmbeddedServerError(
                f"The database server does not run as root but as user {self.uid}, who has no"
                f" access to {folder}. Allow it (chmod o+x {folder}), or start as a normal user."
            ) from error
        log.warning("chmod o+x %s: the database server runs as user %d", folder, self.uid)


def account_for(data_dir: Path) -> Account:
    """The owner of existing data, else the current user, or the fallback user for root."""
    current_uid = os.geteuid()
    owner = data_dir.stat() if data_dir.exists() else None
    if current_uid == 0:
        return (
            _owner_account(owner)
            if owner is not None and owner.st_uid != 0
            else _fallback_account()
        )
    if owner is not None and owner.st_uid != current_uid:
        raise EmbeddedServerError(
            f"{data_dir} belongs to user {owner.st_uid}, not to you ({current_uid}); perhaps it was"
            " first started as root. Start as that user, or change the owner: chown -R"
            f" {current_uid} {data_dir.parent}"
        )
    return Account(current_uid, os.getegid(), is_other_user=False)


def _owner_account(entry: os.stat_result) -> Account:
    return Account(entry.st_uid, entry.st_gid, is_other_user=True)


def _fallback_account() -> Account:
    try:
        entry = pwd.getpwnam(_FALLBACK_USER)
    except KeyError as error:
        raise EmbeddedServerError(
            "PostgreSQL refuses to run as root, and this machine has no user"
            f" {_FALLBACK_USER!r} to run it: start as a normal user."
        ) from error
    return Account(entry.pw_uid, entry.pw_gid, is_other_user=True)
