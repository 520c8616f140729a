"""What Twitch knows of people, apps and tokens (protocols/twitch.md section 4): the state that the
id, Helix and EventSub servers of the stage share. No server itself; it is as strict as the real
one.

Every token it gives out stands in `issued`: none of them may ever be seen in a log, in argv, in
chat.
"""

import collections
import dataclasses
import itertools
import secrets
import time

TOKEN_S = 14124          # of a user access token: about four hours
DEVICE_S = 1800          # of a device code
CHAT_SCOPES = ("chat:read", "chat:edit")
CLIENT_ID = "kelpbotclient0000000000000000a"


class Refusal(Exception):
    """What the real one answers: a status and a message."""

    def __init__(self, status, message):
        super().__init__(f"{status} {message}")
        self.status, self.message = status, message


@dataclasses.dataclass
class User:
    id: str
    login: str
    display: str


@dataclasses.dataclass
class Client:
    """An app. secret None = public: its refresh tokens are good for one use."""
    id: str
    secret: str | None = None
    is_deleted: bool = False


@dataclasses.dataclass
class Token:
    """A user access token. ends: on time.monotonic; None = never."""
    access: str
    refresh: str | None
    user: User
    client: Client
    scopes: tuple
    ends: float | None

    @property
    def expires_in(self):
        return 0 if self.ends is None else max(0, int(self.ends - time.monotonic()))


@dataclasses.dataclass
class Device:
    """A device code and what became of it: pending, approved, denied, used."""
    code: str
    user_code: str
    client: Client
    scopes: tuple
    ends: float
    interval: float
    state: str = "pending"
    user: User | None = None
    asked: float = 0          # when it was last polled
    polls: int = 0


class TwitchApp:
    def __init__(self, history=None):
        self.history = history
        self.users, self.clients = {}, {}          # by login; by id
        self.tokens, self.refreshes = {}, {}       # by access; refresh -> Token it came with
        self.spent = collections.Counter()         # refresh tokens used, and how often
        self.devices = {}                          # by device code
        self.issued = []                           # every access and refresh token there ever was
        self.token_s, self.device_s, self.interval_s = TOKEN_S, DEVICE_S, 5
        self._numbers = itertools.count(50020001)
        self.client(CLIENT_ID)
        self.user("tidalbot", "60030003", "TidalBot")

    # -- People and apps ---------------------------------------------------------------------------

    def user(self, login, user_id=None, display=None):
        """The user of this login; made if there is none."""
        if login not in self.users:
            self.users[login] = User(user_id or str(next(self._numbers)), login, display or login)
        return self.users[login]

    def user_of_id(self, user_id):
        return next((u for u in self.users.values() if u.id == user_id), None)

    def client(self, client_id, secret=None):
        """The app of this id; made if there is none."""
        if client_id not in self.clients:
            self.clients[client_id] = Client(client_id, secret)
        return self.clients[client_id]

    # -- Tokens ------------------------------------------------------------------------------------

    def grant(self, login, scopes, client_id=CLIENT_ID, seconds=None, access=None,
              refreshable=True):
        """A login as the id server would give it out. seconds: until it expires; 0 = never."""
        seconds = self.token_s if seconds is None else seconds
        ends = None if seconds == 0 else time.monotonic() + seconds
        token = Token(access or secrets.token_hex(15),
                      secrets.token_hex(25) if refreshable else None,
                      self.user(login), self.clients[client_id], tuple(scopes), ends)
        self.tokens[token.access] = token
        if token.refresh:
            self.refreshes[token.refresh] = token
        self.issued += [t for t in (token.access, token.refresh) if t]
        return token

    def token(self, access):
        """The token of these bytes while it is good for anything, else None."""
        token = self.tokens.get(access)
        if not token or token.client.is_deleted:
            return None
        return None if token.ends is not None and token.ends <= time.monotonic() else token

    def user_token(self, access, *scopes):
        """The same, for a call that needs all of these scopes ("a|b" = one of them)."""
        token = self.token(access)
        if not token:
            raise Refusal(401, "Invalid OAuth token")
        for scope in scopes:
            if not set(scope.split("|")) & set(token.scopes):
                raise Refusal(401, f"Missing scope: {scope}")
        return token

    def expire(self, access):
        """As if its hours were over."""
        self.tokens[access].ends = time.monotonic()

    def revoke(self, access):
        """This access token is gone; its refresh token is not."""
        self.tokens.pop(access, None)

    def disconnect(self, login):
        """The user threw the app out, or has a new password: everything of theirs is gone."""
        self.tokens = {a: t for a, t in self.tokens.items() if t.user.login != login}
        self.refreshes = {r: t for r, t in self.refreshes.items() if t.user.login != login}

    def refresh(self, refresh, client_id, secret=None):
        """A fresh token for a refresh token. A public app's is spent by that."""
        client = self._known(client_id)
        if client.secret is not None and secret is None:
            raise Refusal(400, "missing client secret")
        if client.secret is not None and secret != client.secret:
            raise Refusal(403, "invalid client secret")
        old = self.refreshes.get(refresh)
        self.spent[refresh] += 1
        if not old or old.client is not client:
            raise Refusal(400, "Invalid refresh token")
        if client.secret is None:
            del self.refreshes[refresh]
        fresh = self.grant(old.user.login, old.scopes, client_id,
                           seconds=self.token_s)
        if client.secret is not None:   # reusable: the same comes back
            del self.refreshes[fresh.refresh]
            self.issued.remove(fresh.refresh)
            fresh.refresh = refresh
        return fresh

    def _known(self, client_id):
        client = self.clients.get(client_id)
        if not client or client.is_deleted:
            raise Refusal(400, "invalid client")
        return client

    # -- Device codes ------------------------------------------------------------------------------

    def device(self, client_id, scopes):
        if not scopes:
            raise Refusal(400, "missing scopes")
        device = Device(secrets.token_hex(20), "".join(secrets.choice("BCDFGHJKLMNPQRSTVWXZ")
                                                       for _ in range(8)),
                        self._known(client_id), tuple(scopes),
                        time.monotonic() + self.device_s, self.interval_s)
        self.devices[device.code] = device
        return device

    def poll(self, code, client_id, scopes):
        """What the app asks until somebody has typed the code in."""
        device = self.devices.get(code)
        now = time.monotonic()
        if not device or device.client is not self._known(client_id) or device.state == "used":
            raise Refusal(400, "invalid device code")
        device.polls += 1
        is_early = device.asked and now - device.asked < device.interval * 0.9
        device.asked = now
        if device.ends <= now:
            raise Refusal(400, "invalid device code")
        if tuple(scopes) != device.scopes:
            raise Refusal(400, "invalid scope")
        if device.state == "denied":
            raise Refusal(400, "access_denied")
        if device.state == "pending":
            raise Refusal(400, "slow_down" if is_early else "authorization_pending")
        device.state = "used"
        return self.grant(device.user.login, device.scopes, client_id)

    def pending(self):
        """The newest code that waits for somebody, or None."""
        return next((d for d in reversed(self.devices.values())
                     if d.state == "pending" and d.ends > time.monotonic()), None)

    def approve(self, user_code, login):
        """Somebody typed the code in, logged in as `login`, and agreed."""
        device = next(d for d in self.devices.values() if d.user_code == user_code)
        assert device.state == "pending" and device.ends > time.monotonic()
        device.state, device.user = "approved", self.user(login)

    def deny(self, user_code):
        next(d for d in self.devices.values() if d.user_code == user_code).state = "denied"
