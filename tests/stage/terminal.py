"""A program at a terminal, as a person uses it: a pty of our own is the terminal."""

import os
import pty
import re
import select
import signal
import struct
import termios
import time
import fcntl


class Terminal:
    """A program at a terminal of `columns`; what it printed is kept as text without colours."""

    def __init__(self, bot, verb, *words, columns=100):
        self.raw, self.code = "", None
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(bot.folder)
            env = {**bot.env, "TERM": "xterm-256color"}
            os.execve(bot.binary, [bot.binary, "--config", str(bot.config), verb, *words], env)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        self.mode = termios.tcgetattr(self.fd)

    @property
    def text(self):
        return self.shown(0)

    def shown(self, since):
        """What the bytes from there on leave on the screen: a cleared line is gone."""
        raw = re.sub(r"[^\n]*\r\x1b\[K", "", self.raw[since:].replace("\r\n", "\n"))
        return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", raw)

    def read(self, seconds):
        if not select.select([self.fd], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            return None
        self.raw += data.decode("utf-8", "replace")
        return bool(data)

    def wait(self, pattern, timeout=60, since=0):
        deadline = time.monotonic() + timeout
        while not (found := re.search(pattern, self.shown(since), re.M)):
            assert time.monotonic() < deadline, f"never shown {pattern!r}:\n{self.text}"
            assert self.read(0.1) is not None, f"it ended before {pattern!r}:\n{self.text}"
        return found

    def type(self, text):
        os.write(self.fd, text.encode())

    def say(self, line, pattern):
        since = len(self.raw)
        self.type(line + "\r")
        return self.wait(pattern, since=since)

    def end(self, timeout=60):
        deadline = time.monotonic() + timeout
        while self.code is None and time.monotonic() < deadline:
            self.read(0.05)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
        assert self.code is not None, f"it does not end:\n{self.text}"
        while self.read(0):
            pass
        return self.code

    def close(self):
        if self.code is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)
