"""Ports that are ours alone: one that a stopped server leaves is given to nobody else, as the
kernel's own choice would be to the next test that asks, in another process, while a bot still
knocks there."""

import itertools
import random
import socket

FIRST, END, BLOCK = 20000, 32768, 64  # below those that the kernel gives to who connects

_claim = None
_ports = None


def _claim_block():
    """A block is claimed by the UDP port of its first number, for as long as this process lives."""
    global _claim, _ports
    while _claim is None:
        first = random.SystemRandom().randrange(FIRST, END - BLOCK, BLOCK)
        claim = socket.socket(type=socket.SOCK_DGRAM)
        try:
            claim.bind(("127.0.0.1", first))
        except OSError:
            claim.close()
            continue
        _claim, _ports = claim, itertools.cycle(range(first, first + BLOCK))


def free_port():
    _claim_block()
    for port in itertools.islice(_ports, BLOCK):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue  # somebody who does not know of blocks
        return port
    raise AssertionError("no port is free")
