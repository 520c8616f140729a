"""One asyncio loop in a thread of its own, so that tests read like a script."""

import asyncio
import collections
import selectors
import threading
import time

TICK_S = 0.005  # it looks at its sockets at least so often


class Looks(selectors.DefaultSelector):
    """Remembers when it looked at the sockets."""

    def __init__(self):
        super().__init__()
        self.begun = collections.deque([time.monotonic()] * 3, maxlen=3)

    def select(self, timeout=None):
        self.begun.append(time.monotonic())
        return super().select(timeout)


class Loop:
    def __init__(self):
        self._looks = Looks()
        self.loop = asyncio.SelectorEventLoop(self._looks)
        self.loop.call_soon(self._tick)
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def _tick(self):
        self.loop.call_later(TICK_S, self._tick)

    def late(self):
        """For how long, in seconds and at most, what is handled now may have been there unread. Its
        bytes came with the last look but one, the task that waits for them ran after the last; the
        look before had not seen them yet."""
        return time.monotonic() - self._looks.begun[0]

    def run(self, coroutine, timeout=60):
        """Runs a coroutine on the loop and waits for its result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(timeout)

    def close(self):
        async def cancel():
            tasks = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        self.run(cancel())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(5)
        self.loop.close()
