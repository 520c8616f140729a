"""Servers whose calls go wrong from the moment a test says so."""


class Faulty:
    """A server with calls that have names. Fault is its dataclass of what can go wrong: kind, and
    times (None = until the test says otherwise) among its members."""

    Fault = None

    def __init__(self):
        self.faults = {}  # call, "*" = all others -> Fault

    def fault(self, call, kind=None, **facts):
        """From now on this call goes wrong; without a kind or status it goes right."""
        if kind is None and not facts:
            self.faults.pop(call, None)
        else:
            self.faults[call] = self.Fault(kind or "status", **facts)

    def _take_fault(self, call):
        """What goes wrong with this call, now; counted off. None = nothing."""
        name = call if call in self.faults else "*"
        fault = self.faults.get(name)
        if fault and fault.times is not None:
            fault.times -= 1
            if fault.times == 0:
                del self.faults[name]
        return fault
