"""A real Redis of our own: random port, nothing on disk, stopped by pid."""

import socket
import subprocess
import time

from tests.stage.ports import free_port


class Redis:
    def __init__(self, folder, password=None):
        self.folder, self.password = folder, password
        self.port = free_port()
        self.process = None

    def start(self):
        words = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
                 "--appendonly", "no", "--dir", str(self.folder), "--daemonize", "no"]
        if self.password:
            words += ["--requirepass", self.password]
        self.process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            except OSError:
                time.sleep(0.02)
        raise AssertionError("redis-server did not start")

    def cli(self, *words, last=None):
        """Runs a command and gives what it printed; last: its last argument as bytes, of any
        size."""
        auth = ["-a", self.password, "--no-auth-warning"] if self.password else []
        stdin = ["-x"] if last is not None else []
        done = subprocess.run(["redis-cli", "-p", str(self.port), *auth, *stdin, *words],
                              input=last,
                              capture_output=True, timeout=60, check=True)
        return done.stdout.decode("utf-8", "replace").strip()

    def signal(self, signo):
        self.process.send_signal(signo)

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait(5)
            self.process = None
