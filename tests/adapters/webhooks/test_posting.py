"""What is posted to others goes where it may, ends in time, and follows nobody anywhere."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from threading import Thread

import pytest

from adapters.embedded.tcp_ports import free_port
from adapters.webhooks import posting
from adapters.webhooks.posting import safe_http_poster
from dinerapp.webhooks.ports.posting import NotSent
from tests.servers.receiver import WebhookReceiver, running_receiver

ANY = "0.0.0.0"  # noqa: S104 nobody listens there
PRIVATE = (
    "127.0.0.1", "127.8.8.8", ANY, "10.1.2.3", "172.16.0.1", "192.168.1.1",
    "169.254.169.254", "100.64.0.1", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1",
    "fc00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::10.0.0.1",
    "2002:7f00:1::1",
)  # fmt: skip
PUBLIC = ("8.8.8.8", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8")


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    with running_receiver() as server:
        yield server


def test_the_status_is_what_was_answered(receiver: WebhookReceiver) -> None:
    receiver.answers = [200, 410, 503]
    post = safe_http_poster(2, allow_private=True)
    assert [post(receiver.url, b"{}", {"X-Test": "1"}) for _ in range(4)] == [200, 410, 503, 204]
    headers, body = receiver.requests[0]
    assert (headers["X-Test"], body) == ("1", b"{}")


def test_redirects_are_not_followed(receiver: WebhookReceiver) -> None:
    receiver.answers = [301, 302, 303, 307, 308]
    post = safe_http_poster(2, allow_private=True)
    assert [post(receiver.url, b"{}", {}) for _ in range(5)] == [301, 302, 303, 307, 308]
    assert "/elsewhere" not in receiver.paths


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "[::1]",
        ANY,
        "2130706433",
        "0x7f000001",
        "[::ffff:127.0.0.1]",
    ],
)
def test_a_private_address_is_refused_by_whatever_name(
    receiver: WebhookReceiver, host: str
) -> None:
    url = f"http://{host}:{receiver.server_address[1]}/"
    with pytest.raises(NotSent, match=r"private addresses|cannot be resolved"):
        safe_http_poster(2, allow_private=False)(url, b"{}", {})
    assert receiver.requests == []


def test_a_name_that_leads_to_a_private_address_is_refused_when_it_is_connected_to(
    receiver: WebhookReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = socket.getaddrinfo("127.0.0.1", receiver.server_address[1], type=socket.SOCK_STREAM)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: found)
    url = f"http://hooks.example.org:{receiver.server_address[1]}/"
    with pytest.raises(NotSent, match="private addresses are not allowed"):
        safe_http_poster(2, allow_private=False)(url, b"{}", {})
    assert safe_http_poster(2, allow_private=True)(url, b"{}", {}) == 204


def test_no_proxy_is_a_way_around_it(
    receiver: WebhookReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", receiver.url)
    with pytest.raises(NotSent, match="private"):
        safe_http_poster(2, allow_private=False)("http://127.0.0.1:9/", b"{}", {})
    assert receiver.requests == []


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_of_this_network_is_private(address: str) -> None:
    assert not posting._is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_in_the_world_is_public(address: str) -> None:
    assert posting._is_public(address)


@pytest.mark.parametrize("manner", ["hangs", "trickles"])
def test_who_does_not_come_to_an_end_is_left(receiver: WebhookReceiver, manner: str) -> None:
    getattr(receiver, manner).set()
    began = time.monotonic()
    with pytest.raises(NotSent, match="timed out"):
        safe_http_poster(0.5, allow_private=True)(receiver.url, b"{}", {})
    assert 0.4 < time.monotonic() - began < 1.5


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://127.0.0.1:{nobody}/", "connection refused"),
        ("http://nowhere.invalid/", "the host name cannot be resolved"),
        ("https://127.0.0.1:{port}/", "TLS failed"),
    ],
)
def test_why_nothing_was_sent_is_told_without_the_address(
    receiver: WebhookReceiver, url: str, reason: str
) -> None:
    url = url.format(nobody=free_port(), port=receiver.server_address[1]) + "path-secret"
    with pytest.raises(NotSent, match=reason) as failed:
        safe_http_poster(2, allow_private=True)(url, b"{}", {})
    assert "path-secret" not in str(failed.value)


def test_what_does_not_speak_http_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        thread = Thread(target=_greet, args=(server,))
        thread.start()
        with pytest.raises(NotSent, match=r"not valid HTTP|connection failed"):
            safe_http_poster(2, allow_private=True)(url, b"{}", {})
        thread.join()


def _greet(server: socket.socket) -> None:
    line, _ = server.accept()
    line.recv(10_000)
    line.sendall(b"220 smtp.example.org\r\n\r\n")
    line.close()
