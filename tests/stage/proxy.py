"""A byte proxy in front of any TCP server: cuts, delays, trickles, freezes, refuses."""

import asyncio
import contextlib

from tests.stage.ports import free_port
from tests.stage.twitch import reset


class Proxy:
    """Attributes may be changed while it runs: delay (s a chunk), cut_after (bytes to the client),
    frozen, chunk (bytes at once, 0 = all), let_through (bytes from the client still let through;
    what comes then is held back, and is_full)."""

    def __init__(self, loop, history, target_port):
        self.loop, self.history, self.target = loop, history, target_port
        self.delay, self.cut_after, self.frozen, self.chunk = 0, None, False, 0
        self.let_through, self.is_full = None, False
        self.connections = 0
        self.port = 0
        self._server = None
        self._writers = set()

    def start(self, port=None):
        self.loop.run(self._start(port or free_port()))
        return self

    async def _start(self, port):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        self.port = self._server.sockets[0].getsockname()[1]

    def stop(self):
        """Refuses connections and cuts those that are open."""
        async def go():
            if self._server:
                self._server.close()
                await self._server.wait_closed()
                self._server = None
            for writer in list(self._writers):
                writer.transport.abort()
        self.loop.run(go())

    def cut(self):
        async def go():
            for writer in list(self._writers):
                writer.transport.abort()
        self.loop.run(go())

    def reset(self):
        """Both ends of every connection get a reset; from now on all is let through."""
        async def go():
            self.let_through, self.is_full = None, False
            for writer in list(self._writers):
                reset(writer.transport)
        self.loop.run(go())

    async def _serve(self, reader, writer):
        self.connections += 1
        self.history.add("proxy", "accept", target=self.target)
        try:
            other_reader, other_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, other_writer}
        try:
            await asyncio.gather(self._pump(reader, other_writer, False),
                                 self._pump(other_reader, writer, True))
        finally:
            self._writers -= {writer, other_writer}
            writer.transport.abort()
            other_writer.transport.abort()

    async def _pump(self, reader, writer, to_client):
        passed = 0
        try:
            while data := await reader.read(65536):
                while self.frozen:
                    await asyncio.sleep(0.01)
                size = self.chunk or len(data)
                for i in range(0, len(data), size):
                    piece = data[i:i + size]
                    if self.delay:
                        await asyncio.sleep(self.delay)
                    if to_client and self.cut_after is not None:
                        piece = piece[:max(0, self.cut_after - passed)]
                    if not to_client and self.let_through is not None:
                        piece = piece[:self.let_through]
                        self.let_through -= len(piece)
                    writer.write(piece)
                    await writer.drain()
                    self.is_full = self.is_full or not to_client and self.let_through == 0
                    passed += len(piece)
                    if to_client and self.cut_after is not None and passed >= self.cut_after:
                        writer.transport.abort()
                        return
        except (OSError, RuntimeError):
            pass
        finally:
            with contextlib.suppress(OSError):
                if writer.can_write_eof() and not writer.transport.is_closing():
                    writer.write_eof()
