"""Posts to addresses that others have chosen: bounded in time, redirects not followed, and, where
they are not allowed to be private, no address of this host or network is asked, whatever name or
number it goes by: it is looked at when it is connected to."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from threading import Timer
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import (
    BaseHandler,
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
)

from dinerapp.webhooks.ports.posting import NotSent, Post

_NAT64 = IPv6Network("64:ff9b::/96")


class _Private(OSError):
    """Every address of the host is one that must not be asked."""


def poster(timeout: float, *, private: bool) -> Post:
    """Posts that end after so many seconds. Those that may not go to private addresses do not go
    through a proxy either: there they would."""

    def post(url: str, body: bytes, headers: Mapping[str, str]) -> int:
        request = Request(url, data=body, headers=dict(headers), method="POST")  # noqa: S310 the opener takes http(s) only
        with _deadline(timeout) as watched:
            opener = _opener(partial(_dialled, is_allowed=_any if private else _is_public), watched)
            opener.add_handler(ProxyHandler(None if private else {}))
            return _status(opener, request, timeout)

    return post


def _status(opener: OpenerDirector, request: Request, timeout: float) -> int:
    try:
        with opener.open(request, timeout=timeout) as answer:
            return int(answer.status)
    except HTTPError as exc:
        exc.close()
        return exc.code
    except URLError as exc:
        raise NotSent(_told(exc.reason)) from exc
    except (OSError, HTTPException, ValueError) as exc:
        raise NotSent(_told(exc)) from exc


def _told(reason: object) -> str:
    """Without the address, which may be a secret."""
    match reason:
        case _Private():
            return "it leads to a private address"
        case socket.gaierror():
            return "its name cannot be resolved"
        case TimeoutError():
            return "it took too long"
        case ssl.SSLError():
            return f"TLS failed: {reason.reason}"
        case ConnectionRefusedError():
            return "connection refused"
        case OSError():
            return f"connection failed: {type(reason).__name__}"
        case HTTPException():
            return "it did not answer in HTTP"
    return "it cannot be asked"


Dial = Callable[..., socket.socket]


def _opener(dial: Dial, watch: Callable[[socket.socket], None]) -> OpenerDirector:
    """Knows nothing but HTTP: no redirects, no files."""

    def dialled(*args: Any) -> socket.socket:
        connected = dial(*args)
        watch(connected)
        return connected

    opener = OpenerDirector()
    handlers: tuple[BaseHandler, ...] = (
        _Plain(dialled),
        _Secure(dialled),
        HTTPDefaultErrorHandler(),
        HTTPErrorProcessor(),
    )
    for handler in handlers:
        opener.add_handler(handler)
    return opener


class _Plain(HTTPHandler):
    def __init__(self, dial: Dial) -> None:
        super().__init__()
        self._dial = dial

    def http_open(self, request: Request) -> HTTPResponse:
        return self.do_open(partial(_connection, HTTPConnection, self._dial), request)


class _Secure(HTTPSHandler):
    def __init__(self, dial: Dial) -> None:
        super().__init__()
        self._dial = dial

    def https_open(self, request: Request) -> HTTPResponse:
        return self.do_open(partial(_connection, HTTPSConnection, self._dial), request)


def _connection(
    kind: type[HTTPConnection], dial: Dial, *args: Any, **options: Any
) -> HTTPConnection:
    connection = kind(*args, **options)
    connection._create_connection = dial  # type: ignore[attr-defined]
    return connection


def _dialled(
    address: tuple[str, int],
    timeout: float,
    _source: object = None,
    *,
    is_allowed: Callable[[str], bool],
) -> socket.socket:
    """Connected to one of the addresses that the host has and that may be asked."""
    failure: OSError = _Private()
    for *kind, _, there in socket.getaddrinfo(*address, type=socket.SOCK_STREAM):
        if not is_allowed(str(there[0])):
            continue
        line = socket.socket(*kind)
        line.settimeout(timeout)
        try:
            line.connect(there)
        except OSError as exc:
            line.close()
            failure = exc
        else:
            return line
    raise failure


def _any(_address: str) -> bool:
    return True


def _is_public(address: str) -> bool:
    """Whether it is somewhere in the world, and not a way back in by another name."""
    found: IPv4Address | IPv6Address | None = ip_address(address)
    while found is not None:
        if not found.is_global or found.is_multicast:
            return False
        found = _within(found)
    return True


def _within(address: IPv4Address | IPv6Address) -> IPv4Address | None:
    """The address that one of these stands for."""
    if isinstance(address, IPv4Address):
        return None
    if address in _NAT64:
        return IPv4Address(address.packed[-4:])
    return address.ipv4_mapped or address.sixtofour


@contextmanager
def _deadline(seconds: float) -> Iterator[Callable[[socket.socket], None]]:
    """Hangs up when the time is over, however slowly something keeps trickling in."""
    lines: list[socket.socket] = []

    def hang_up() -> None:
        over.append(True)
        for line in [*lines]:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

    over: list[bool] = []
    timer = Timer(seconds, hang_up)
    timer.daemon = True
    timer.start()
    try:
        # TLS takes over the socket itself, but not what else refers to it.
        yield lambda line: lines.append(line.dup())
    except NotSent as exc:
        raise NotSent("it took too long") if over else exc from exc.__cause__
    finally:
        timer.cancel()
        for line in lines:
            line.close()
