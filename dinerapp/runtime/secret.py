"""The key that signs tokens, generated once if none is set."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import structlog

from dinerapp.runtime.settings import BadSetting, Settings

_log = structlog.get_logger(__name__)

FILE_NAME = "secret_key"
DEFAULT_DIRECTORY = Path("var")


def with_secret_key(settings: Settings, directory: Path = DEFAULT_DIRECTORY) -> Settings:
    """The settings with a secret key: as set, else from the directory, generated if need be."""
    if settings.secret_key:
        return settings
    path = directory / FILE_NAME
    try:
        return replace(settings, secret_key=_load_or_create(path))
    except OSError as exc:
        accepted = f"a long random text; the default, {path}, cannot be used: {exc.strerror}"
        raise BadSetting("SECRET_KEY", "", accepted) from exc


def _load_or_create(path: Path) -> str:
    if not path.exists():
        _create(path)
        _log.warning(
            "secret_key_made",
            path=str(path),
            advice="set SECRET_KEY to the same value on all hosts; otherwise tokens issued by one "
            "host are rejected by the others",
        )
    return path.read_text().strip()


def _create(path: Path) -> None:
    """Creates the file atomically; if several processes try, all use the key of the first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.unlink(missing_ok=True)
    handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(secrets.token_hex(32))
    with suppress(FileExistsError):
        os.link(unfinished, path)
    unfinished.unlink()
