"""The real binary, run as its users run it: a folder of files, a process, a control socket."""

import contextlib
import json
import os
import pathlib
import signal
import sqlite3
import subprocess
import time

import http.client
import socket

CANARIES = {  # one for each kind of secret; none may be seen anywhere (I11)
    "twitch": "canarytwitchtoken0f3a9",
    "openai": "sk-canary-openai-77b2c1",
    "redis": "canaryredispassword5d1e",
    "discord": "MTE4MDAwMDAwMDAwMDAwMDAwMQ.canary.discordtoken9e1d47b2",
}


PATIENCE_S = 60  # a busy machine is slow, and only a failure waits so long


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=PATIENCE_S)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


class Bot:
    def __init__(self, folder, binary, source, history):
        self.folder = pathlib.Path(folder)
        self.binary, self.source, self.history = binary, pathlib.Path(source), history
        self.state = self.folder / "state"
        self.config = self.folder / "mynah.yaml"
        self.log = self.folder / "mynah.log"
        self.process = None
        self.runs = 0
        self.trouble = None        # why nobody answered the last time
        self.lags = []             # ms, of each look at the status since the bot was up
        self._delay_ms = None
        self._waited = {}          # thread -> ms without a processor
        self.env = {k: v for k, v in os.environ.items()
                    if k not in ("http_proxy", "https_proxy", "NOTIFY_SOCKET")}
        self.env["ASAN_OPTIONS"] = "detect_leaks=1:abort_on_error=0:exitcode=99"
        suppressions = pathlib.Path(__file__).with_name("lsan.supp")
        self.env["LSAN_OPTIONS"] = f"suppressions={suppressions}:print_suppressions=0"
        self.env["UBSAN_OPTIONS"] = "print_stacktrace=1"
        for name in ("triggers", "personas"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self.state.mkdir(mode=0o700, exist_ok=True)

    # -- Files -----------------------------------------------------------------------------------

    def write(self, name, text):
        """Writes a file of the bot's folder: triggers/x.yaml, personas/y.yaml, mynah.yaml."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def secret(self, name, value):
        """A secret in a private file; gives what mynah.yaml says of it."""
        path = self.folder / f"{name}.secret"
        path.write_text(value + "\n", encoding="utf-8")
        path.chmod(0o600)
        return f"{{file: {path}}}"

    def configure(self, twitch=None, providers=None, ask=None, memory=None, limits=None,
                  **sections):
        """Writes mynah.yaml from dicts; every value is written as JSON, which YAML reads."""
        top = {"log": {"file": str(self.log), "level": "debug"}, "state_dir": str(self.state),
               "triggers": str(self.folder / "triggers"), "personas": str(self.folder / "personas")}
        if twitch is not None:
            top["twitch"] = twitch
        if providers is not None:
            top["providers"] = providers
            top["ask"] = ask or list(providers)
        if memory:
            top["memory"] = memory
        top["limits"] = {"turns_minute": 0, "in_a_row": 0, **(limits or {})}
        top.update(sections)
        self.write("mynah.yaml", "".join(f"{k}: {json.dumps(v, ensure_ascii=False)}\n"
                                         for k, v in top.items()))

    def ship(self):
        """The triggers, personas and prompts that mynah ships."""
        for kind in ("triggers", "personas", "prompts"):
            for path in (self.source / kind).glob("*.yaml"):
                self.write(f"{kind}/{path.name}", path.read_text(encoding="utf-8"))

    # -- The process -----------------------------------------------------------------------------

    def command(self, *words, **options):
        """Runs a verb to its end. Gives the finished process."""
        return subprocess.run([self.binary, "--config", str(self.config), *words], env=self.env,
                              capture_output=True, text=True, timeout=options.pop("timeout", 60),
                              cwd=self.folder, **options)

    def start(self, *words, wait=True, **options):
        self.runs += 1
        self.stderr = self.folder / f"stderr-{self.runs}"
        with open(self.stderr, "wb") as err:
            self.process = subprocess.Popen(
                [self.binary, "--config", str(self.config), *words, "run"], env=self.env,
                stdout=subprocess.DEVNULL, stderr=err, stdin=subprocess.DEVNULL, cwd=self.folder,
                **options)
        self.history.add("bot", "start", pid=self.process.pid, run=self.runs, log=str(self.log))
        self._delay_ms = None
        if wait:
            self.wait_for(lambda: self.get("/health"), "the control socket")
        return self

    def stop(self, signo=signal.SIGTERM, timeout=PATIENCE_S):
        """Ends it and gives the exit code; None when it does not run."""
        if not self.process:
            return None
        if self.process.poll() is None:
            self.process.send_signal(signo)
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(5)
            raise
        self.history.add("bot", "exit", code=code, run=self.runs, signal=int(signo),
                         log=str(self.log))
        self.process = None
        return code

    def kill(self):
        return self.stop(signal.SIGKILL)

    def signal(self, signo):
        self.process.send_signal(signo)

    # -- Its words ---------------------------------------------------------------------------------

    def request(self, method, path, body=None):
        connection = UnixConnection(self.state / "mynah.sock")
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None,
                               {"Content-Type": "application/json"} if body is not None else {})
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def get(self, path):
        """Body of a GET over the control socket; None when nobody answers."""
        try:
            status, body = self.request("GET", path)
        except (OSError, http.client.HTTPException) as error:
            self.trouble = error
            return None
        return body if status in (200, 202, 503) else None

    def status(self):
        """Its status. The first one of a run is its start-up's, whose lag is not judged."""
        if (text := self.get("/api/v1/status")) is None:
            raise ConnectionError(f"no status: {self.trouble!r}")
        status = json.loads(text)
        delay, before = self.run_delay_ms(), self._delay_ms
        if before is not None:
            # As much again may be lost unseen: caches that others emptied, pages that were away.
            self.lags.append(max(0, status["lag_ms"] - 2 * (delay - before)))
        self._delay_ms = delay
        return status

    def run_delay_ms(self):
        """For how long its threads were ready but others had the processor, programs or a host of
        this machine: not its own lag. All threads, as one may hold what the loop's waits for."""
        for path in pathlib.Path(f"/proc/{self.process.pid}/task").glob("*/schedstat"):
            with contextlib.suppress(OSError):  # it has ended; what is known of it stays
                self._waited[path.parent.name] = int(path.read_text().split()[1]) / 1e6
        stolen = int(pathlib.Path("/proc/stat").read_text().split()[8])
        return sum(self._waited.values()) + 1000 * stolen / os.sysconf("SC_CLK_TCK")

    def metrics(self):
        """Series -> value."""
        values = {}
        for line in (self.get("/metrics") or "").splitlines():
            if line and not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                values[name] = float(value)
        return values

    def drops(self):
        return self.status()["drops"]

    def reload(self, timeout=PATIENCE_S):
        """SIGHUP; waits until it is done. Gives the report."""
        before, since = self._version(), time.monotonic()
        n = json.loads(self.get("/api/v1/reload"))["reloads"]
        self.signal(signal.SIGHUP)
        report = self.wait_for(
            lambda: (r := json.loads(self.get("/api/v1/reload")))["reloads"] > n
            and not r["running"] and r, "the reload", timeout)
        self.history.add("bot", "reload", accepted=report.get("accepted"), since=since,
                         before=before, after=self._version())
        return report

    def _version(self):
        """What a refused reload must leave as it was: how much is loaded, and the connections."""
        status = self.status()
        return {"triggers": status["triggers"], "personas": status["personas"],
                "places": {p["name"]: [p["state"], p["since"]] for p in status["places"]},
                "providers": [[p["name"], p["model"]] for p in status["providers"]]}

    def wait_for(self, question, what, timeout=PATIENCE_S):
        deadline = time.monotonic() + timeout
        while not (answer := question()):
            if self.process and self.process.poll() is not None:
                raise AssertionError(f"the bot exited with {self.process.returncode} while waiting "
                                     f"for {what}: {self.stderr.read_text()[-3000:]}")
            if time.monotonic() > deadline:
                raise AssertionError(f"waited in vain for {what}")
            time.sleep(0.01)
        return answer

    def wait_up(self, place="twitch", timeout=PATIENCE_S):
        """Waits until the place is up and every channel of it is open."""
        def question():
            for p in self.status()["places"]:
                if p["name"] == place and p["state"] == "up":
                    lanes = p["place"]["channels"]
                    return all(lane["state"] in ("open", "joined") for lane in lanes)
            return False
        return self.wait_for(question, f"{place} up", timeout)

    def log_lines(self, action=None):
        """Every whole line of the log, or of one action, parsed; a line that is no JSON object is a
        failure."""
        if not self.log.exists():
            return []
        text, _, _ = self.log.read_text(encoding="utf-8", errors="replace").rpartition("\n")
        lines = [json.loads(line) for line in text.splitlines()]
        return [line for line in lines if action in (None, line["action"])]

    def wait_log(self, action, n=1, timeout=PATIENCE_S):
        """Waits until the log, which a thread of its own writes, has n lines of the action."""
        return self.wait_for(lambda: len(found := self.log_lines(action)) >= n and found,
                             f"{n} x {action} in the log", timeout)

    def wait_status(self, timeout=PATIENCE_S, **facts):
        """Waits until its status says so; drops=... are all the drops there are. What the stage has
        seen the bot do, the bot may count only later. Gives the status."""
        def question():
            nonlocal status
            status = self.status()
            return all(status[key] == value for key, value in facts.items()) and status
        status = {}
        try:
            return self.wait_for(question, facts, timeout)
        except AssertionError as error:
            told = {k: status.get(k) for k in facts}
            raise AssertionError(f"{error}; it says {told}") from None

    def wait_drops(self, timeout=PATIENCE_S, **reasons):
        """Waits until so many were dropped for each of these reasons; gives the status."""
        def question():
            status = self.status()
            return all(status["drops"].get(r) == n for r, n in reasons.items()) and status
        return self.wait_for(question, f"drops {reasons}", timeout)

    def wait_ended(self, n, timeout=PATIENCE_S):
        """Waits until n turns have ended since the start and none lives; gives the status."""
        def question():
            status = self.status()
            ended = status["sent"] + sum(status["drops"].values())
            return ended >= n and status["live"] == 0 and status
        return self.wait_for(question, f"{n} turns to end", timeout)

    def rows(self, query="select * from ai_interactions order by timestamp, rowid"):
        """Rows of the ledger as dicts."""
        path = self.state / "ledger.sqlite"
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
            db.row_factory = sqlite3.Row
            return [dict(row) for row in db.execute(query)]

    def rss_kib(self):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        return 0

    def fds(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))
