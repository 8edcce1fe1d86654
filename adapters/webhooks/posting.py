"""Posts to URLs that others have chosen: with a time limit and without following redirects. Unless
private addresses are allowed, it never connects to this host or network, whatever name or notation
the URL uses: the address is checked when the connection is made."""

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
    """The host has no address to which connections are allowed."""


def safe_http_poster(timeout: float, *, allow_private: bool) -> Post:
    """Returns a function that posts within so many seconds. Unless private addresses are allowed it
    uses no proxy either, because the proxy could reach them."""

    def post(url: str, body: bytes, headers: Mapping[str, str]) -> int:
        request = Request(url, data=body, headers=dict(headers), method="POST")  # noqa: S310 the opener takes http(s) only
        with _deadline(timeout) as on_connect:
            opener = _opener(
                partial(_connect_allowed, is_allowed=_allow_all if allow_private else _is_public),
                on_connect,
            )
            opener.add_handler(ProxyHandler(None if allow_private else {}))
            return _send(opener, request, timeout)

    return post


def _send(opener: OpenerDirector, request: Request, timeout: float) -> int:
    try:
        with opener.open(request, timeout=timeout) as response:
            return int(response.status)
    except HTTPError as exc:
        exc.close()
        return exc.code
    except URLError as exc:
        raise NotSent(_describe_error(exc.reason)) from exc
    except (OSError, HTTPException, ValueError) as exc:
        raise NotSent(_describe_error(exc)) from exc


def _describe_error(reason: object) -> str:
    """The error without the address, which may be a secret."""
    match reason:
        case _PrivateAddressError():
            return "private addresses are not allowed"
        case socket.gaierror():
            return "the host name cannot be resolved"
        case TimeoutError():
            return "timed out"
        case ssl.SSLError():
            return f"TLS failed: {reason.reason}"
        case ConnectionRefusedError():
            return "connection refused"
        case OSError():
            return f"connection failed: {type(reason).__name__}"
        case HTTPException():
            return "the response was not valid HTTP"
    return "the request failed"


Connect = Callable[..., socket.socket]


def _opener(connect: Connect, on_connect: Callable[[socket.socket], None]) -> OpenerDirector:
    """An opener for HTTP and HTTPS only: no redirects, no files."""

    def connect_and_report(*args: Any) -> socket.socket:
        connected = connect(*args)
        on_connect(connected)
        return connected

    opener = OpenerDirector()
    handlers: tuple[BaseHandler, ...] = (
        _HttpHandler(connect_and_report),
        _HttpsHandler(connect_and_report),
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
    """A connection to one of the host's addresses that are allowed."""
    failure: OSError = _PrivateAddressError()
    for *kind, _, socket_address in socket.getaddrinfo(*address, type=socket.SOCK_STREAM):
        if not is_allowed(str(socket_address[0])):
            continue
        connection = socket.socket(*kind)
        connection.settimeout(timeout)
        try:
            connection.connect(socket_address)
        except OSError as exc:
            connection.close()
            failure = exc
        else:
            return connection
    raise failure


def _allow_all(_address: str) -> bool:
    return True


def _is_public(address: str) -> bool:
    """Whether the address, and any IPv4 address embedded in it, is a public one."""
    checked: IPv4Address | IPv6Address | None = ip_address(address)
    while checked is not None:
        if not checked.is_global or checked.is_multicast:
            return False
        checked = _embedded_ipv4(checked)
    return True


def _embedded_ipv4(address: IPv4Address | IPv6Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 address embeds, if any."""
    if isinstance(address, IPv4Address):
        return None
    if address in _NAT64:
        return IPv4Address(address.packed[-4:])
    return address.ipv4_mapped or address.sixtofour


@contextmanager
def _deadline(seconds: float) -> Iterator[Callable[[socket.socket], None]]:
    """Closes the connections after so many seconds, even if data keeps trickling in."""
    connections: list[socket.socket] = []

    def disconnect() -> None:
        expired.append(True)
        for connection in [*connections]:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    expired: list[bool] = []
    timer = Timer(seconds, disconnect)
    timer.daemon = True
    timer.start()
    try:
        # TLS detaches the socket itself, but not duplicates of it.
        yield lambda connection: connections.append(connection.dup())
    except NotSent as exc:
        raise NotSent("timed out") if expired else exc from exc.__cause__
    finally:
        timer.cancel()
        for connection in connections:
            connection.close()
