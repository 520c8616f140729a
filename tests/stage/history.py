"""The history of a run: one JSON object for each thing that happened, on one monotonic clock."""

import json
import threading
import time


class History:
    """Appends events to memory and to a file. Safe from any thread."""

    def __init__(self, path):
        self.events = []
        self.wall = time.time() - time.monotonic()  # of the logs' timestamps, minus t
        self._file = open(path, "w", encoding="utf-8")
        self._lock = threading.Lock()

    def add(self, who, what, **facts):
        """Records that `who` (a server, the test) saw or did `what`. Gives the event."""
        event = {"t": time.monotonic(), "who": who, "what": what, **facts}
        with self._lock:
            self.events.append(event)
            if not self._file.closed:
                self._file.write(json.dumps(event, ensure_ascii=False, default=repr) + "\n")
        return event

    def find(self, who=None, what=None, **facts):
        """All events that have these facts, in order."""
        with self._lock:
            events = list(self.events)
        return [e for e in events
                if (who is None or e["who"] == who) and (what is None or e["what"] == what)
                and all(e.get(k) == v for k, v in facts.items())]

    def close(self):
        with self._lock:
            self._file.close()
