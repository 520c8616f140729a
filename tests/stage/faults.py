"""Faults of the machine below the bot: its clocks, its resolver, its disk. faults.c, preloaded,
does what the attributes here say, as soon as they are set."""

import errno
import mmap
import pathlib
import struct
import subprocess

NUMBERS = ("wall_ms", "name_is_stuck", "name_ms", "name_error", "names_asked", "names_waiting",
           "disk_errno", "disk_calls", "disk_left", "disk_failed", "mono_ms", "rate")
TEXTS = ("name_match", "name_address", "disk_path")
TEXT_BYTES = 256
SIZE = 8 * len(NUMBERS) + TEXT_BYTES * len(TEXTS)

EAI_NONAME, EAI_AGAIN = -2, -3
WRITES, SYNCS = 1, 2
PLENTY = 1 << 40


class Faults:
    """What may be set and read: see struct orders in faults.c. Names ending in .test are the
    stage's."""

    def __init__(self, bot):
        library = pathlib.Path(bot.binary).parent / "tests/stage/faults.so"
        if not library.exists():
            raise AssertionError(f"{library} is missing: make tests/stage/faults.so")
        path = bot.folder / "faults"
        path.write_bytes(bytes(SIZE))
        with open(path, "r+b") as file:
            self.__dict__["_map"] = mmap.mmap(file.fileno(), SIZE)
        self.name_address = "127.0.0.1"
        # AddressSanitizer has to come first, and the bot may have it as a library.
        linked = subprocess.run(["ldd", bot.binary], capture_output=True, text=True, check=True)
        first = [line.split()[2] for line in linked.stdout.splitlines() if "libasan" in line]
        bot.env["LD_PRELOAD"] = ":".join([*first, str(library)])
        bot.env["MYNAH_STAGE_FAULTS"] = str(path)

    def __getattr__(self, name):
        if name in NUMBERS:
            return struct.unpack_from("q", self._map, 8 * NUMBERS.index(name))[0]
        raise AttributeError(name)

    def __setattr__(self, name, value):
        if name in NUMBERS:
            struct.pack_into("q", self._map, 8 * NUMBERS.index(name), value)
        elif name in TEXTS:
            at = 8 * len(NUMBERS) + TEXT_BYTES * TEXTS.index(name)
            self._map[at:at + TEXT_BYTES] = str(value).encode().ljust(TEXT_BYTES, b"\0")
        else:
            raise AttributeError(name)

    def break_disk(self, path, error=errno.ENOSPC, left=0, calls=WRITES):
        """From now on these calls fail on files whose path holds this text, writes once `left`
        bytes have been written."""
        self.disk_errno = 0
        self.disk_path, self.disk_left, self.disk_calls = path, left, calls
        self.disk_failed = 0
        self.disk_errno = error

    def mend_disk(self):
        self.disk_errno = 0
