"""The fake world: servers that speak the protocol sheets, strictly, on random loopback ports.

Nothing here is shared with the bot's own code. Every server refuses what the real service refuses,
and writes what it saw and did to one history, which the checks judge after every test.
"""
