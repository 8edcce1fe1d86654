"""A TCP proxy that fails on command, for any protocol of requests and replies."""

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from adapters.embedded.tcp_ports import LOCALHOST, free_port

_CHUNK = 65_536
_TIMEOUT_SECONDS = 10.0
_SETTLE_SECONDS = 0.01
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class _Mode:
    accepts_connections: bool = True
    is_black_hole: bool = False
    delay: float = 0.0
    drops_reply_to: Callable[[bytes], bool] | None = None
    times: int | None = None


@dataclass(eq=False)
class _Connection:
    client: asyncio.StreamWriter | None = None
    server: asyncio.StreamWriter | None = None
    task: "asyncio.Task[None] | None" = None
    request: bytearray = field(default_factory=bytearray)
    doomed: bool = False
    lost_bytes: bool = False
    is_cut: bool = False

    def cut(self) -> None:
        """Reset towards the client; the server may finish what it has received."""
        self.is_cut = True
        if self.client is not None and self.task is not None:
            if not self.client.is_closing():
                stream = self.client.get_extra_info("socket")
                stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            self.client.transport.abort()
            self.task.cancel()

    async def close(self) -> None:
        for stream in (self.server, self.client):
            if stream is not None:
                stream.close()
        if self.client is not None:
            with suppress(OSError):
                await self.client.wait_closed()


class FaultProxy:
    """Listens on a free port of 127.0.0.1 while it is entered, and keeps that port to the end.

    A method that sets a mode has taken effect when it returns. Modes replace one another;
    connections live on through a change, except those that a mode cut or whose bytes a black hole
    has swallowed.
    """

    def __init__(self, target_host: str, target_port: int) -> None:
        self.url_port = free_port()
        self.replies_swallowed = 0
        self._target = (target_host, target_port)
        self._mode = _Mode()
        self._connections: set[_Connection] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._listener: socket.socket | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="fault-proxy", daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            self.pass_through()
        except BaseException:
            self._end_loop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Cut everything and end the thread. An error raised by a predicate surfaces here."""
        if self._loop.is_closed():
            return
        try:
            self.refuse()
            self._do(self._finish())
        finally:
            self._end_loop()

    def pass_through(self) -> None:
        self._set(_Mode())

    def refuse(self) -> None:
        """Connections are refused and existing ones reset, as if the server were not running."""
        self._set(_Mode(accepts_connections=False))

    def black_hole(self) -> None:
        """Connections open, what is sent vanishes, nothing ever answers."""
        self._set(_Mode(is_black_hole=True))

    def delay(self, seconds: float) -> None:
        """Every chunk from the server arrives so much later."""
        self._set(_Mode(delay=seconds))

    def swallow_replies_when(
        self, matches: Callable[[bytes], bool], *, times: int | None = None
    ) -> None:
        """The server carries out the matching request; the client is cut off instead of told.

        `matches` is shown all bytes that a client has sent since it was last answered. It applies
        to the first `times` requests that match, or to all. `replies_swallowed` counts them.
        """
        self._set(_Mode(drops_reply_to=matches, times=times))

    def cut(self) -> None:
        """Reset every connection; new ones are served as before."""
        self._do(self._cut_all())

    def _end_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_TIMEOUT_SECONDS)
        self._loop.close()

    def _set(self, mode: _Mode) -> None:
        self._do(self._apply(mode))

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(_TIMEOUT_SECONDS)

    async def _apply(self, mode: _Mode) -> None:
        self._mode = mode
        if not mode.is_black_hole:
            for connection in [each for each in self._connections if each.lost_bytes]:
                connection.cut()
        if not mode.accepts_connections:
            self._stop_listening()
            await self._cut_all()
        elif self._listener is None:
            self._listen()

    async def _cut_all(self) -> None:
        for connection in list(self._connections):
            connection.cut()
        await asyncio.sleep(_SETTLE_SECONDS)

    async def _finish(self) -> None:
        for end in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(end, Exception):
                raise end
        await asyncio.sleep(_SETTLE_SECONDS)

    def _listen(self) -> None:
        self._listener = socket.create_server((LOCALHOST, self.url_port), backlog=100)
        self._listener.setblocking(False)
        self._loop.add_reader(self._listener, self._accept, self._listener)

    def _stop_listening(self) -> None:
        if self._listener is not None:
            self._loop.remove_reader(self._listener)
            self._listener.close()
            self._listener = None

    def _accept(self, listener: socket.socket) -> None:
        with suppress(BlockingIOError):
            client, _ = listener.accept()
            connection = _Connection()
            self._connections.add(connection)
            connection.task = self._loop.create_task(self._serve(connection, client))
            self._tasks.append(connection.task)

    async def _serve(self, connection: _Connection, client: socket.socket) -> None:
        reader, connection.client = await asyncio.open_connection(sock=client)
        try:
            if connection.is_cut:
                connection.client.transport.abort()
            elif self._mode.is_black_hole:
                await self._discard(connection, reader)
            else:
                await self._relay(connection, reader, connection.client)
        except OSError:
            return
        finally:
            try:
                await connection.close()
            finally:
                self._connections.discard(connection)

    async def _discard(self, connection: _Connection, reader: asyncio.StreamReader) -> None:
        connection.lost_bytes = True
        while await reader.read(_CHUNK):
            pass

    async def _relay(
        self, connection: _Connection, reader: asyncio.StreamReader, client: asyncio.StreamWriter
    ) -> None:
        replies, connection.server = await asyncio.open_connection(*self._target)
        pumps = [
            asyncio.create_task(self._pump_requests(connection, reader, connection.server)),
            asyncio.create_task(self._pump_replies(connection, replies, client)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            ends = await asyncio.gather(*pumps, return_exceptions=True)
        for end in ends:
            if isinstance(end, Exception):
                raise end

    async def _pump_requests(
        self, connection: _Connection, reader: asyncio.StreamReader, server: asyncio.StreamWriter
    ) -> None:
        while data := await reader.read(_CHUNK):
            if self._on_lost(connection):
                continue
            connection.doomed = connection.doomed or self._should_drop_reply(connection, data)
            server.write(data)
            await server.drain()

    async def _pump_replies(
        self, connection: _Connection, reader: asyncio.StreamReader, client: asyncio.StreamWriter
    ) -> None:
        while data := await reader.read(_CHUNK):
            if self._mode.delay:
                await asyncio.sleep(self._mode.delay)
            if self._on_lost(connection):
                continue
            if connection.doomed:
                self.replies_swallowed += 1
                connection.cut()
                return
            connection.request.clear()
            client.write(data)
            await client.drain()

    def _on_lost(self, connection: _Connection) -> bool:
        connection.lost_bytes = connection.lost_bytes or self._mode.is_black_hole
        return connection.lost_bytes

    def _should_drop_reply(self, connection: _Connection, data: bytes) -> bool:
        mode = self._mode
        if mode.drops_reply_to is None:
            return False
        connection.request += data
        if not mode.drops_reply_to(bytes(connection.request)):
            return False
        if mode.times is not None:
            self._mode = _Mode(
                drops_reply_to=mode.drops_reply_to if mode.times > 1 else None,
                times=mode.times - 1,
            )
        return True
