"""What Discord's REST calls do (protocols/discord.md 6, 7): messages are written, changed and
deleted, commands registered, interactions answered. Everybody is told by the gateway, the bot
too."""

import time
import urllib.parse

from tests.stage import discord_body as form
from tests.stage.discord_body import EPHEMERAL, Refusal

LOADING = 128
DEFERRED, ANSWERED = "deferred", "answered"
COMMAND_CREATES = 200   # a day and server
NONCE_S = 300


class Calls:
    """Each method is one call: gives (status, JSON or None). world: the Discord whose calls these
    are."""

    def __init__(self, world):
        self.world = world
        self.nonces = {}          # nonce -> (when, id of the message)
        self.commands = {}        # id of a server, None = everywhere: list
        self.created = {}         # how many commands were created there
        self.puts = 0

    def call(self, name, info, body, query):
        info = {k: urllib.parse.unquote(v) for k, v in info.items()}
        return getattr(self, name)(info, body, query)

    def _check(self, body, schema, is_message=True):
        """Refuses a body that is not right, and tells of members that nobody knows."""
        if isinstance(body, dict) and (names := form.strangers(body, schema)):
            self.world.note("ignored", members=names)
        if is_message:
            form.check_message(body or {}, schema)
        else:
            schema(body or {}, [])

    # -- Who and where -----------------------------------------------------------------------------

    def gateway(self, _info, _body, _query):
        return 200, {"url": self.world.gateway.url()}

    def gateway_bot(self, _info, _body, _query):
        g = self.world.gateway
        return 200, {"url": g.url(), "shards": g.shards, "session_start_limit": {
            "total": g.total, "remaining": max(0, g.remaining), "reset_after": g.reset_after_ms,
            "max_concurrency": g.concurrency}}

    def me(self, _info, _body, _query):
        return 200, {**self.world.bot.json(), "verified": True, "mfa_enabled": False}

    def application(self, _info, _body, _query):
        bot = self.world.bot
        return 200, {"id": bot.id, "name": bot.username, "description": "", "icon": None,
                     "bot_public": True, "bot_require_code_grant": False, "verify_key": "00",
                     "team": None, "flags": self.world.flags, "bot": bot.json()}

    def guild(self, info, _body, _query):
        """Without what only GUILD_CREATE has."""
        told = self._guild(info["guild"]).json(self.world)
        return 200, {k: v for k, v in told.items() if k not in ("channels", "threads", "members")}

    def guild_channels(self, info, _body, _query):
        """Threads are not among them."""
        return 200, self._guild(info["guild"]).json(self.world)["channels"]

    def member(self, info, _body, _query):
        guild = self._guild(info["guild"])
        if info["user"] not in guild.members:
            raise Refusal(404, 10007, "Unknown Member")
        return 200, guild.member_json(guild.members[info["user"]])

    def _guild(self, guild_id):
        if guild_id not in self.world.guilds:
            raise Refusal(404, 10004, "Unknown Guild")
        return self.world.guilds[guild_id]

    def open_dm(self, _info, body, _query):
        self._check(body, form.DM, is_message=False)
        user = self.world.user_of_id(body["recipient_id"])
        if not user:
            raise Refusal(404, 10013, "Unknown User")
        return 200, self.world.dm_channel(user).json()

    def _channel(self, info, *permissions):
        """The channel of a call, when the bot may do these there."""
        channel = self.world.channels.get(info["channel"])
        if not channel:
            raise Refusal(404, 10003, "Unknown Channel")
        if not self.world.may(self.world.bot, channel, "VIEW_CHANNEL"):
            raise Refusal(403, 50001, "Missing Access")
        if any(not self.world.may(self.world.bot, channel, p) for p in permissions):
            raise Refusal(403, 50013, "Missing Permissions")
        return channel

    def _message(self, info, is_own=False):
        message = self.world.messages.get(info["message"])
        if not message or ("channel" in info and message["channel_id"] != info["channel"]):
            raise Refusal(404, 10008, "Unknown Message")
        if is_own and message["author"]["id"] != self.world.bot.id:
            raise Refusal(403, 50005, "Cannot edit a message authored by another user")
        return message

    def channel(self, info, _body, _query):
        return 200, self._channel(info).json()

    def history(self, info, _body, query):
        channel = self._channel(info, "READ_MESSAGE_HISTORY")
        found = [m for m in self.world.messages.values() if m["channel_id"] == channel.id]
        return 200, sorted(found, key=lambda m: -int(m["id"]))[:int(query.get("limit", 50))]

    def message(self, info, _body, _query):
        self._channel(info)
        return 200, self._message(info)

    def typing(self, info, _body, _query):
        channel = self._channel(info, "SEND_MESSAGES")
        self.world.note("typing", channel=channel.id)
        d = {"channel_id": channel.id, "user_id": self.world.bot.id, "timestamp": int(time.time())}
        if channel.guild_id:
            d["guild_id"] = channel.guild_id
        self.world.gateway.dispatch("TYPING_START", d)
        return 204, None

    # -- Messages ----------------------------------------------------------------------------------

    def create(self, info, body, _query):
        channel = self._channel(info, "SEND_MESSAGES")
        self._check(body, form.CREATE)
        if body.get("enforce_nonce") and body.get("nonce") is None:
            raise form.wrong(["nonce"], "BASE_TYPE_REQUIRED", "enforce_nonce needs a nonce")
        if body.get("enforce_nonce") and (known := self._of_nonce(body["nonce"])):
            return 200, known
        reply_to = self._reference(channel, body.get("message_reference"))
        author = reply_to["author"]["id"] if reply_to else None
        message = self.world.write(
            channel, self.world.bot, body.get("content") or "", reply_to=reply_to,
            flags=body.get("flags") or 0, nonce=body.get("nonce"), embeds=body.get("embeds") or [],
            reference=body.get("message_reference"))
        if body.get("nonce") is not None:
            self.nonces[body["nonce"]] = (self.world.now(), message["id"])
        self._said("said", message, body,
                   reply_to=(body.get("message_reference") or {}).get("message_id"),
                   pings=form.pings(message["content"], body.get("allowed_mentions"), False,
                                    author))
        self.world.gateway.dispatch("MESSAGE_CREATE", message)
        return 200, message

    def _of_nonce(self, nonce):
        when, message_id = self.nonces.get(nonce, (-NONCE_S, None))
        if self.world.now() - when >= NONCE_S:
            return None
        self.world.note("nonce_hit", nonce=nonce, id=message_id)
        if message_id not in self.world.messages:
            raise Refusal(404, 10008, "Unknown Message")
        return self.world.messages[message_id]

    def _reference(self, channel, reference):
        """The message that a reply refers to, None when there is none."""
        if not reference:
            return None
        if not self.world.may(self.world.bot, channel, "READ_MESSAGE_HISTORY"):
            raise Refusal(400, 160002, "Cannot reply without permission to read message history")
        target = self.world.messages.get(reference["message_id"])
        if target and target["channel_id"] == channel.id:
            if target["type"] not in (0, 19, 20, 23):
                raise form.wrong(["message_reference"], "REPLIES_CANNOT_REPLY_TO_SYSTEM_MESSAGE",
                                 "Cannot reply to a system message")
            return target
        if reference.get("fail_if_not_exists", True):
            raise form.wrong(["message_reference"], "REPLIES_UNKNOWN_MESSAGE", "Unknown message")
        return None

    def _said(self, what, message, body, **more):
        self.world.note(what, id=message["id"], channel=message["channel_id"],
                        text=message["content"],
                        mentions=body.get("allowed_mentions"), nonce=body.get("nonce"),
                        flags=message["flags"], **more)

    def edit(self, info, body, _query):
        self._channel(info)
        message = self._message(info, is_own=True)
        self._check(body, form.EDIT, is_message=False)
        form.check_message({**message, **(body or {})}, form.anything)
        self._change(message, body or {})
        return 200, message

    def _change(self, message, body, is_interaction=False):
        if "content" in body:
            message["content"] = (body["content"] or "").strip()
        if "embeds" in body:
            message["embeds"] = body["embeds"] or []
        message["edited_timestamp"] = self.world.stamp()
        message["flags"] &= ~LOADING
        self._said("edited", message, body,
                   pings=form.pings(message["content"], body.get("allowed_mentions"),
                                    is_interaction))
        self.world.gateway.dispatch("MESSAGE_UPDATE", message)

    def delete(self, info, _body, _query):
        channel = self._channel(info)
        message = self._message(info)
        if message["author"]["id"] != self.world.bot.id and \
                not self.world.may(self.world.bot, channel, "MANAGE_MESSAGES"):
            raise Refusal(403, 50013, "Missing Permissions")
        self.world.note("unsaid", id=message["id"])
        self.world.remove(message)
        return 204, None

    def react(self, info, _body, _query):
        self._channel(info, "ADD_REACTIONS", "READ_MESSAGE_HISTORY")
        message, emoji = self._message(info), info["emoji"]
        if emoji.isascii() and ":" not in emoji:
            raise Refusal(400, 10014, "Unknown Emoji")
        self.world.note("reacted", id=message["id"], emoji=emoji)
        self.world.gateway.dispatch("MESSAGE_REACTION_ADD", self.world.reaction(
            message, self.world.bot, emoji))
        return 204, None

    def unreact(self, info, _body, _query):
        self._channel(info)
        self._message(info)
        return 204, None

    # -- Commands ----------------------------------------------------------------------------------

    def _own(self, info):
        if info["application"] != self.world.bot.id:
            raise Refusal(403, 20012,
                          "You are not authorized to perform this action on this application")

    def commands_of(self, guild_id):
        """What people are offered in a server."""
        return [*self.commands.get(None, []), *self.commands.get(guild_id, [])]

    def get_commands(self, info, _body, _query):
        self._own(info)
        return 200, self._commands(info)[1]

    def _commands(self, info):
        """Where they are registered, and what is there."""
        guild_id = info.get("in_guild")
        if guild_id:
            self._guild(guild_id)
        return guild_id, self.commands.get(guild_id, [])

    def put_commands(self, info, body, _query):
        self._own(info)
        guild_id, old = self._commands(info)
        form.check_commands(body if body is not None else {})
        known = {(c["type"], c["name"]): c for c in old}
        created = sum((c.get("type", 1), c["name"]) not in known for c in body)
        self.created[guild_id] = self.created.get(guild_id, 0) + created
        if self.created[guild_id] > COMMAND_CREATES:
            raise Refusal(400, 30034,
                          "Max number of daily application command creates has been reached")
        fresh = []
        for c in body:
            was = known.get((c.get("type", 1), c["name"]), {})
            fresh.append({"id": was.get("id") or self.world.new_id(),
                          "application_id": self.world.bot.id,
                          "version": self.world.new_id(), "type": 1,
                          "default_member_permissions": None, "nsfw": False, "contexts": None,
                          "integration_types": [0], **({"guild_id": guild_id} if guild_id else {}),
                          **{k: v for k, v in c.items() if v is not None and k != "id"}})
        self.commands[guild_id] = fresh
        self.puts += 1
        self.world.note("commands", guild=guild_id, names=[c["name"] for c in fresh],
                        created=created)
        return 200, fresh

    # -- Interactions ------------------------------------------------------------------------------

    def _interaction(self, token):
        """The interaction of a token that is good for edits and follow-ups."""
        found = self.world.interactions.get(token)
        if not found:
            raise Refusal(404, 10015, "Unknown Webhook")
        if self.world.now() - found.t > self.world.token_s:
            raise Refusal(401, 50027, "Invalid Webhook Token")
        return found

    def callback(self, info, body, query):
        found = self.world.interactions.get(info["token"])
        if not found or found.id != info["interaction"] or \
                (not found.state and self.world.now() - found.t > self.world.callback_s):
            raise Refusal(404, 10062, "Unknown interaction")
        self._check(body, form.CALLBACK, is_message=False)
        if found.state:
            raise Refusal(400, 40060, "Interaction has already been acknowledged.")
        data = body.get("data") or {}
        if body["type"] == 5:
            self._check(data, form.DEFER, is_message=False)
        elif body["type"] == 4:
            self._check(data, form.ANSWER)
        else:
            raise form.wrong(["type"], "INTERACTION_RESPONSE_TYPE", "Not an answer to a command")
        found.state = DEFERRED if body["type"] == 5 else ANSWERED
        found.is_private = bool((data.get("flags") or 0) & EPHEMERAL)
        found.delay = self.world.now() - found.t
        message = self.world.write(
            found.channel, self.world.bot, data.get("content") or "", kind=20, interaction=found,
            flags=(data.get("flags") or 0) | (LOADING if body["type"] == 5 else 0))
        found.original = message["id"]
        note = "deferred" if body["type"] == 5 else "said"
        self._said(note, message, data, interaction=found.id, private=found.is_private,
                   delay=found.delay,
                   pings=form.pings(message["content"], data.get("allowed_mentions"), True))
        self.world.gateway.dispatch("MESSAGE_CREATE", message)
        if query.get("with_response") != "true":
            return 204, None
        return 200, {"interaction": {"id": found.id, "type": 2,
                                     "response_message_id": message["id"],
                                     "response_message_loading": body["type"] == 5,
                                     "response_message_ephemeral": found.is_private},
                     "resource": {"type": body["type"], "message": message}}

    def _hook(self, info):
        """The interaction and the message of a call of its webhook."""
        self._own(info)
        found = self._interaction(info["token"])
        message_id = found.original if info["message"] == "@original" else info["message"]
        message = self.world.messages.get(message_id)
        if not message or message_id not in (found.original, *found.more):
            raise Refusal(404, 10008, "Unknown Message")
        return found, message

    def hook_message(self, info, _body, _query):
        return 200, self._hook(info)[1]

    def hook_edit(self, info, body, _query):
        found, message = self._hook(info)
        self._check(body, form.EDIT, is_message=found.state == DEFERRED)
        found.state = ANSWERED
        self._change(message, body, is_interaction=True)
        self.world.note("answered", interaction=found.id, id=message["id"], text=message["content"],
                        private=found.is_private)
        return 200, message

    def hook_delete(self, info, _body, _query):
        found, message = self._hook(info)
        self.world.note("unsaid", id=message["id"], interaction=found.id)
        self.world.remove(message)
        return 204, None

    def follow_up(self, info, body, _query):
        self._own(info)
        found = self._interaction(info["token"])
        if not found.state:
            raise Refusal(404, 10015, "Unknown Webhook")
        self._check(body, form.WEBHOOK)
        if found.state == DEFERRED:
            raise Refusal(400, 0, "the stage wants the first answer to be an edit of @original")
        message = self.world.write(found.channel, self.world.bot, body.get("content") or "",
                                   kind=19,
                                   interaction=found, flags=body.get("flags") or 0)
        found.more.append(message["id"])
        self._said("said", message, body, interaction=found.id, follow_up=True,
                   private=bool(message["flags"] & EPHEMERAL),
                   pings=form.pings(message["content"], body.get("allowed_mentions"), True))
        self.world.gateway.dispatch("MESSAGE_CREATE", message)
        return 200, message
