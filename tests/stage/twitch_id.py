"""Twitch's id server, as protocols/twitch.md section 4 says: device codes, refresh, validate,
revoke.

It refuses what the real one refuses: bodies that are not form-encoded, `Bearer` where `OAuth`
belongs, a refresh token that was used before, scopes that were not asked for, polls that come too
fast. What it knows of tokens is in a TwitchApp. A fault is put before or after the work is done:

    server.fault("refresh", status=503)             every refresh from now on
    server.fault("refresh", "lost", times=1)        done, but the answer never arrives
    server.fault("validate")                        serves again
"""

import asyncio
import dataclasses
import itertools

from aiohttp import web

from tests.stage.faulty import Faulty
from tests.stage.ports import free_port
from tests.stage.twitch_app import Refusal

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


@dataclasses.dataclass
class Fault:
    kind: str = ""         # status hang lost html empty redirect
    status: int = 503
    times: int | None = None
    headers: dict = dataclasses.field(default_factory=dict)
    message: str = "the service is unavailable"


class TwitchId(Faulty):
    Fault = Fault

    def __init__(self, loop, history, app):
        super().__init__()
        self.loop, self.history, self.app = loop, history, app
        self.delay = 0             # seconds before every answer
        self.at_once = {}          # call -> how many are being answered now
        self.most_at_once = {}
        self.numbers = itertools.count(1)
        self.port = 0
        self._runner = None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/oauth2"

    def start(self, port=0):
        self.loop.run(self._start(port or free_port()))
        return self

    async def _start(self, port):
        app = web.Application(client_max_size=64 << 10)
        app.router.add_post("/oauth2/device", self._call("device", self._device))
        app.router.add_post("/oauth2/token", self._token)
        app.router.add_get("/oauth2/validate", self._call("validate", self._validate))
        app.router.add_post("/oauth2/revoke", self._call("revoke", self._revoke))
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port, shutdown_timeout=0.2)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]

    def stop(self):
        """Refuses connections from now on; start(port) serves again on the same port."""
        if self._runner:
            self.loop.run(self._runner.cleanup())
            self._runner = None

    def calls(self, call):
        """The history of this call, in order."""
        return self.history.find("id", call)

    # -- Calls -------------------------------------------------------------------------------------

    def _call(self, call, work):
        async def handle(request):
            self.at_once[call] = self.at_once.get(call, 0) + 1
            self.most_at_once[call] = max(self.most_at_once.get(call, 0), self.at_once[call])
            try:
                return await self._answer(call, work, request)
            finally:
                self.at_once[call] -= 1
        return handle

    async def _answer(self, call, work, request):
        fault = self._take_fault(call)
        number = next(self.numbers)
        facts = {"number": number, "fault": fault.kind if fault else ""}
        if self.delay:
            await asyncio.sleep(self.delay)
        if fault and fault.kind == "status":
            self.history.add("id", call, status=fault.status, **facts)
            return web.json_response({"status": fault.status, "message": fault.message},
                                     status=fault.status, headers=fault.headers)
        if fault and fault.kind == "hang":
            self.history.add("id", call, status=None, **facts)
            await asyncio.sleep(60)
        if fault and fault.kind == "html":
            self.history.add("id", call, status=200, **facts)
            return web.Response(text="<html><body>Checking your browser</body></html>",
                                content_type="text/html")
        if fault and fault.kind == "empty":
            self.history.add("id", call, status=200, **facts)
            return web.Response(text="")
        if fault and fault.kind == "redirect":
            self.history.add("id", call, status=302, **facts)
            return web.Response(status=302, headers=fault.headers)
        try:
            body = await work(request)
            status, answer = 200, web.json_response(body) if body is not None else web.Response()
        except Refusal as refusal:
            status, message = refusal.status, refusal.message
            answer = web.json_response({"status": status, "message": message}, status=status)
            facts["message"] = message
        self.history.add("id", call, status=status, **facts)
        if fault and fault.kind == "lost":
            request.transport.abort()
        return answer

    @staticmethod
    async def _form(request):
        if request.content_type != "application/x-www-form-urlencoded":
            raise Refusal(400, f"bad content type {request.content_type}")
        form = await request.post()
        if len(set(form)) != len(form):
            raise Refusal(400, "a field is there twice")
        return form

    async def _device(self, request):
        form = await self._form(request)
        device = self.app.device(form.get("client_id"), form.get("scopes", "").split())
        return {"device_code": device.code, "expires_in": int(self.app.device_s),
                "interval": self.app.interval_s, "user_code": device.user_code,
                "verification_uri": "https://www.twitch.tv/activate?public=true&device-code="
                                    + device.user_code}

    async def _token(self, request):
        form = await request.post()
        call = "refresh" if form.get("grant_type") == "refresh_token" else "poll"
        return await self._call(call, getattr(self, "_" + call))(request)

    async def _poll(self, request):
        form = await self._form(request)
        if form.get("grant_type") != DEVICE_GRANT:
            raise Refusal(400, "unsupported grant type")
        token = self.app.poll(form.get("device_code"), form.get("client_id"),
                              form.get("scopes", "").split())
        return self._pair(token)

    async def _refresh(self, request):
        form = await self._form(request)
        token = self.app.refresh(form.get("refresh_token"), form.get("client_id"),
                                 form.get("client_secret"))
        return self._pair(token)

    @staticmethod
    def _pair(token):
        return {"access_token": token.access, "expires_in": token.expires_in,
                "refresh_token": token.refresh, "scope": list(token.scopes),
                "token_type": "bearer"}

    async def _validate(self, request):
        scheme, _, access = request.headers.get("Authorization", "").partition(" ")
        if not access:
            raise Refusal(401, "missing authorization token")
        token = self.app.token(access)
        if scheme != "OAuth" or not token:
            raise Refusal(401, "invalid access token")
        return {"client_id": token.client.id, "login": token.user.login,
                "scopes": list(token.scopes) or None, "user_id": token.user.id,
                "expires_in": token.expires_in}

    async def _revoke(self, request):
        form = await self._form(request)
        if form.get("client_id") not in self.app.clients:
            raise Refusal(404, "client does not exist")
        if not self.app.token(form.get("token", "")):
            raise Refusal(400, "Invalid token")
        self.app.revoke(form["token"])
