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


class _PrivateAddressError(OSError):
    """Every address of the host is one that must not be asked."""


def safe_http_poster(timeout: float, *, allow_private: bool) -> Post:
    """Posts that end after so many seconds. Those that may not go to private addresses do not go
    through a proxy either: there they would."""

    def post(url: str, body: bytes, headers: Mapping[str, str]) -> int:
        request = Request(url, data=body, headers=dict(headers), method="POST")  # noqa: S310 the opener takes http(s) only
        with _deadline(timeout) as watched:
            opener = _opener(
                partial(_connect_allowed, is_allowed=_allow_all if allow_private else _is_public),
                watched,
            )
            opener.add_handler(ProxyHandler(None if allow_private else {}))
            return _send(opener, request, timeout)

    return post


def _send(opener: OpenerDirector, request: Request, timeout: float) -> int:
    try:
        with opener.open(request, timeout=timeout) as answer:
            return int(answer.status)
    except HTTPError as exc:
        exc.close()
        return exc.code
    except URLError as exc:
        raise NotSent(_describe_error(exc.reason)) from exc
    except (OSError, HTTPException, ValueError) as exc:
        raise NotSent(_describe_error(exc)) from exc


def _describe_error(reason: object) -> str:
    """Without the address, which may be a secret."""
    match reason:
        case _PrivateAddressError():
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


Connect = Callable[..., socket.socket]


def _opener(connect: Connect, on_connect: Callable[[socket.socket], None]) -> OpenerDirector:
    """Knows nothing but HTTP: no redirects, no files."""

    def dialled(*args: Any) -> socket.socket:
        connected = connect(*args)
        on_connect(connected)
        return connected

    opener = OpenerDirector()
    handlers: tuple[BaseHandler, ...] = (
        _HttpHandler(dialled),
        _HttpsHandler(dialled),
        HTTPDefaultErrorHandler(),
        HTTPErrorProcessor(),
    )
    for handler in handlers:
        opener.add_handler(handler)
    return opener


class _HttpHandler(HTTPHandler):
    def __init__(self, connect: Connect) -> None:
        super().__init__()
        self._connect = connect

    def http_open(self, request: Request) -> HTTPResponse:
        return self.do_open(partial(_new_connection, HTTPConnection, self._connect), request)


class _HttpsHandler(HTTPSHandler):
    def __init__(self, connect: Connect) -> None:
        super().__init__()
        self._connect = connect

    def https_open(self, request: Request) -> HTTPResponse:
        return self.do_open(partial(_new_connection, HTTPSConnection, self._connect), request)


def _new_connection(
    connection_class: type[HTTPConnection], connect: Connect, *args: Any, **options: Any
) -> HTTPConnection:
    connection = connection_class(*args, **options)
    connection._create_connection = connect  # type: ignore[attr-defined]
    return connection


def _connect_allowed(
    address: tuple[str, int],
    timeout: float,
    _source: object = None,
    *,
    is_allowed: Callable[[str], bool],
) -> socket.socket:
    """Connected to one of the addresses that the host has and that may be asked."""
    failure: OSError = _PrivateAddressError()
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


def _allow_all(_address: str) -> bool:
    return True


def _is_public(address: str) -> bool:
    """Whether it is somewhere in the world, and not a way back in by another name."""
    found: IPv4Address | IPv6Address | None = ip_address(address)
    while found is not None:
        if not found.is_global or found.is_multicast:
            return False
        found = _embedded_ipv4(found)
    return True


def _embedded_ipv4(address: IPv4Address | IPv6Address) -> IPv4Address | None:
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
