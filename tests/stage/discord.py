"""The fake Discord (protocols/discord.md): what there is of servers, channels, people and messages,
and what a test makes happen there. Its doors are the gateway (discord_gateway.py) and the REST
interface (discord_rest.py, discord_calls.py, discord_body.py); both are as strict as the real ones.

A world begins with one server, its channel #general, and alice and bob.
"""

import dataclasses
import datetime
import itertools
import json
import re
import time

from tests.stage.bot import PATIENCE_S
from tests.stage.discord_body import LOUD, ROLES, USERS
from tests.stage.discord_calls import Calls
from tests.stage.discord_gateway import BINARY, Gateway
from tests.stage.discord_rest import Rest

BOT, GUILD, GENERAL = "1180000000000000001", "1180000000000000100", "1180000000000000200"
ALICE, BOB = "1180000000000000011", "1180000000000000012"
EPOCH_MS = 1420070400000
PERMISSIONS = {"ADMINISTRATOR": 1 << 3, "MANAGE_GUILD": 1 << 5, "ADD_REACTIONS": 1 << 6,
               "VIEW_CHANNEL": 1 << 10, "SEND_MESSAGES": 1 << 11, "MANAGE_MESSAGES": 1 << 13,
               "EMBED_LINKS": 1 << 14, "READ_MESSAGE_HISTORY": 1 << 16, "MENTION_EVERYONE": 1 << 17,
               "SEND_MESSAGES_IN_THREADS": 1 << 38, "MODERATE_MEMBERS": 1 << 40}
EVERYBODY = sum(PERMISSIONS[p] for p in ("ADD_REACTIONS", "VIEW_CHANNEL", "SEND_MESSAGES",
                                         "EMBED_LINKS", "READ_MESSAGE_HISTORY",
                                         "SEND_MESSAGES_IN_THREADS"))
TOGGLES = {"presences": 1 << 13, "members": 1 << 15, "content": 1 << 19}
TEXT, DIRECT, THREAD = 0, 1, 11


def permissions(*names):
    return sum(PERMISSIONS[n] for n in names)


@dataclasses.dataclass
class User:
    id: str
    username: str
    global_name: str | None = None
    bot: bool = False

    def json(self):
        return {"id": self.id, "username": self.username, "discriminator": "0", "avatar": None,
                "global_name": self.global_name, "public_flags": 0,
                **({"bot": True} if self.bot else {})}


@dataclasses.dataclass
class Member:
    user: User
    nick: str | None = None
    roles: list = dataclasses.field(default_factory=list)
    joined: str = "2025-10-01T12:00:00.123000+00:00"
    boosts_since: str | None = None

    def json(self):
        """As messages have it: without the user."""
        return {"nick": self.nick, "roles": list(self.roles), "joined_at": self.joined,
                "avatar": None,
                "premium_since": self.boosts_since, "deaf": False, "mute": False, "flags": 0,
                "pending": False, "communication_disabled_until": None}


@dataclasses.dataclass
class Channel:
    id: str
    name: str
    guild_id: str | None = None
    type: int = TEXT
    parent: str | None = None
    overwrites: list = dataclasses.field(default_factory=list)
    recipient: User | None = None

    def json(self):
        if self.type == DIRECT:
            return {"id": self.id, "type": DIRECT, "recipients": [self.recipient.json()],
                    "last_message_id": None}
        return {"id": self.id, "type": self.type, "guild_id": self.guild_id, "name": self.name,
                "position": 0, "nsfw": False, "rate_limit_per_user": 0, "topic": None,
                "parent_id": self.parent, "permission_overwrites": self.overwrites,
                **({"thread_metadata": {"archived": False, "auto_archive_duration": 1440,
                                        "locked": False,
                                        "archive_timestamp": "2026-01-01T00:00:00+00:00"},
                    "message_count": 0, "member_count": 1} if self.type == THREAD else {})}


class Guild:
    def __init__(self, guild_id, name, owner_id):
        self.id, self.name, self.owner_id = guild_id, name, owner_id
        self.roles = {guild_id: {"id": guild_id, "name": "@everyone",
                                 "permissions": str(EVERYBODY)}}
        self.members, self.channels = {}, []

    def member_json(self, member):
        return {**member.json(), "user": member.user.json()}

    def json(self, world):
        """As GUILD_CREATE has it; without GUILD_PRESENCES the bot is its only member."""
        channels = [c.json() for c in self.channels]
        roles = [{"color": 0, "hoist": False, "managed": False, "mentionable": False, "position": i,
                  "flags": 0, **role} for i, role in enumerate(self.roles.values())]
        return {"id": self.id, "name": self.name, "owner_id": self.owner_id, "icon": None,
                "system_channel_id": self.channels[0].id if self.channels else None,
                "system_channel_flags": 0, "preferred_locale": "en-US", "features": [],
                "stickers": [], "joined_at": "2025-11-01T10:00:00.000000+00:00", "large": False,
                "unavailable": False, "member_count": len(self.members), "premium_tier": 0,
                "premium_subscription_count": 0, "roles": roles, "emojis": [], "voice_states": [],
                "presences": [], "stage_instances": [], "guild_scheduled_events": [],
                "soundboard_sounds": [], "afk_timeout": 300, "afk_channel_id": None,
                "verification_level": 0, "explicit_content_filter": 0,
                "default_message_notifications": 0, "mfa_level": 0, "nsfw_level": 0,
                "channels": [c for c in channels if c["type"] != THREAD],
                "threads": [c for c in channels if c["type"] == THREAD],
                "members": [self.member_json(self.members[world.bot.id])]}


@dataclasses.dataclass
class Interaction:
    id: str
    token: str
    channel: Channel
    user: User
    t: float
    state: str = ""           # deferred answered
    is_private: bool = False
    delay: float | None = None  # s until the callback
    original: str | None = None
    more: list = dataclasses.field(default_factory=list)


class Discord:
    """Attributes may be changed while it runs; so may those of .gateway and .rest."""

    def __init__(self, loop, history, token, toggles=("content", "members")):
        self.loop, self.history, self.token, self.toggles = loop, history, token, set(toggles)
        self.callback_s, self.token_s = 3, 900
        self.rate = 1               # how much faster the bot's clock, that of all limits, runs
        self.users, self.guilds, self.channels = {}, {}, {}
        self.messages, self.interactions = {}, {}
        self._numbers = itertools.count()
        self.bot = User(BOT, "examplebot", None, True)
        self.users[self.bot.username] = self.bot
        self.calls = Calls(self)
        self.gateway = Gateway(loop, history, self)
        self.rest = Rest(loop, history, self.calls, lambda: self.token, (self.now, self.late))
        self.user("alice", user_id=ALICE, global_name="Alice")
        self.user("bob", user_id=BOB)
        self.guild("Stream Café", guild_id=GUILD)
        self.channel("general", channel_id=GENERAL)

    @property
    def flags(self):
        """Of the application: which of the portal's switches are on."""
        return sum(TOGGLES[name] for name in self.toggles)

    @property
    def api_url(self):
        return self.rest.url

    def start(self):
        self.loop.run(self.gateway.start())
        self.loop.run(self.rest.start())
        return self

    def stop(self):
        self.loop.run(self.rest.stop())
        self.loop.run(self.gateway.stop())

    def now(self):
        return time.monotonic() * self.rate

    def late(self):
        return self.loop.late() * self.rate

    def note(self, what, **facts):
        return self.history.add("discord", what, **facts)

    def new_id(self):
        return str((int(time.time() * 1000 - EPOCH_MS) << 22) + next(self._numbers) % (1 << 22))

    @staticmethod
    def stamp(seconds=0):
        now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
        return now.strftime("%Y-%m-%dT%H:%M:%S.%f+00:00")

    def _run(self, call, *args, **options):
        """Does something on the servers' loop."""
        async def go():
            return call(*args, **options)
        return self.loop.run(go())

    # -- What there is -----------------------------------------------------------------------------

    def user(self, name, user_id=None, global_name=None, bot=False, guild=None, roles=(),
             nick=None):
        """The user of this name, made if there is none; a member of the server."""
        if name not in self.users:
            self.users[name] = User(user_id or self.new_id(), name, global_name, bot)
        user = self.users[name]
        is_member = guild or roles or nick
        for each in [self._guild(guild)] if is_member else list(self.guilds.values())[:1]:
            member = each.members.setdefault(user.id, Member(user))
            member.roles = list(dict.fromkeys([*member.roles, *roles]))
            member.nick = nick or member.nick
        return user

    def user_of_id(self, user_id):
        return next((u for u in list(self.users.values()) if u.id == user_id), None)

    def guild(self, name, guild_id=None):
        """A server with the bot and everybody there is so far. Told only to who connects later."""
        guild = Guild(guild_id or self.new_id(), name, ALICE)
        for user in self.users.values():
            guild.members[user.id] = Member(user)
        self.guilds[guild.id] = guild
        return guild

    def _guild(self, guild=None):
        if isinstance(guild, Guild):
            return guild
        return next(g for g in self.guilds.values() if guild in (None, g.id, g.name))

    def role(self, name, *names, guild=None, role_id=None):
        """A role with these permissions. Gives its id."""
        role_id = role_id or self.new_id()
        self._guild(guild).roles[role_id] = {"id": role_id, "name": name,
                                             "permissions": str(permissions(*names))}
        return role_id

    def channel(self, name, guild=None, channel_id=None, deny=(), parent=None):
        """A channel where the bot lacks the permissions `deny`; with a parent it is a thread of
        it."""
        guild = self._guild(guild)
        channel = Channel(channel_id or self.new_id(), name, guild.id, THREAD if parent else TEXT,
                          self.channels_of(parent).id if parent else None)
        self.forbid(channel, *deny)
        guild.channels.append(channel)
        self.channels[channel.id] = channel
        return channel

    def forbid(self, channel, *names):
        """Takes permissions from the bot there, by an overwrite for it alone."""
        channel.overwrites[:] = [{"id": self.bot.id, "type": 1, "allow": "0",
                                  "deny": str(permissions(*names))}] if names else []

    def channels_of(self, name):
        """The channel of this name or id."""
        if isinstance(name, Channel):
            return name
        return next(c for c in list(self.channels.values()) if name in (c.id, c.name))

    def dm_channel(self, user):
        for channel in self.channels.values():
            if channel.recipient is user:
                return channel
        channel = Channel(self.new_id(), "", None, DIRECT, recipient=user)
        self.channels[channel.id] = channel
        return channel

    def permissions_of(self, user, channel):
        """The bits that a user has in a channel."""
        if not channel.guild_id:
            return EVERYBODY
        guild = self.guilds[channel.guild_id]
        if user.id == guild.owner_id:
            return (1 << 53) - 1
        member = guild.members.get(user.id)
        if not member:
            return 0
        bits = 0
        for role_id in (guild.id, *member.roles):
            bits |= int(guild.roles[role_id]["permissions"]) if role_id in guild.roles else 0
        if bits & PERMISSIONS["ADMINISTRATOR"]:
            return (1 << 53) - 1
        for overwrite in channel.overwrites:
            if overwrite["id"] in (guild.id, user.id, *member.roles):
                bits = bits & ~int(overwrite["deny"]) | int(overwrite["allow"])
        return bits

    def may(self, user, channel, permission):
        return bool(self.permissions_of(user, channel) & PERMISSIONS[permission])

    # -- Messages ----------------------------------------------------------------------------------

    def write(self, channel, user, text, kind=None, reply_to=None, flags=0, nonce=None, embeds=(),
              reference=None, interaction=None, replied_user=True, **more):
        """A message, kept but told to nobody yet."""
        guild = self.guilds.get(channel.guild_id)
        message_id = more.pop("id", None) or self.new_id()
        text = text.strip()
        mentioned = [self.user_of_id(u) for u in dict.fromkeys(USERS.findall(text))]
        if reply_to and replied_user:
            mentioned.append(self.user_of_id(reply_to["author"]["id"]))
        message = {
            "id": message_id, "channel_id": channel.id, "type": (19 if reply_to else 0)
            if kind is None else kind, "content": text, "author": user.json(),
            "timestamp": self.stamp(), "edited_timestamp": None, "tts": False, "pinned": False,
            "mention_everyone": bool(LOUD.search(text))
            and self.may(user, channel, "MENTION_EVERYONE"),
            "mentions": [u.json() for u in mentioned if u], "mention_roles": ROLES.findall(text),
            "attachments": [], "embeds": list(embeds), "components": [], "flags": flags}
        is_ephemeral = flags & 64
        if guild and not is_ephemeral:
            message["guild_id"] = guild.id
            if user.id in guild.members:
                message["member"] = guild.members[user.id].json()
        if channel.type == DIRECT:
            message["channel_type"] = DIRECT
        if nonce is not None:
            message["nonce"] = nonce
        if reference or reply_to:
            message["message_reference"] = reference or {
                "type": 0, "message_id": reply_to["id"], "channel_id": channel.id,
                **({"guild_id": guild.id} if guild else {})}
            message["referenced_message"] = reply_to and {
                k: v for k, v in reply_to.items() if k != "referenced_message"}
        if interaction:
            message.update(application_id=self.bot.id, interaction_metadata={
                "id": interaction.id, "type": 2, "user": interaction.user.json(),
                "authorizing_integration_owners": {}})
        message.update(more)
        self.messages[message_id] = message
        return message

    def remove(self, message):
        self.messages.pop(message["id"], None)
        self.gateway.dispatch("MESSAGE_DELETE",
                              {k: message[k] for k in ("id", "channel_id", "guild_id")
                                                 if k in message})

    def say(self, text, user="alice", channel="general", times=1, **more):
        """Somebody writes something; users are named by @name in the text. reply_to: id of a
        message. Gives the message's id."""
        def go():
            target = self.messages.get(more.pop("reply_to", None))
            message = self.write(where, who, self.named(text), reply_to=target, **more)
            self.note("say", id=message["id"], channel=where.id, user=who.username, text=text)
            for _ in range(times):
                self.gateway.dispatch("MESSAGE_CREATE", message)
            return message["id"]
        where, who = self.channels_of(channel), self.user(user)
        return self._run(go)

    def named(self, text):
        """@alice becomes her mention."""
        return re.sub(r"@(\w+)", lambda m: (
            f"<@{self.users[m[1]].id}>" if m[1] in self.users else m[0]), text)

    def dm(self, text, user="alice", **more):
        return self.say(text, user, self.dm_channel(self.user(user)), **more)

    def webhook(self, text, channel="general"):
        who = User(self.new_id(), "News", None, True)
        def go():
            message = self.write(self.channels_of(channel), who, text, webhook_id=who.id)
            message.pop("member", None)
            self.gateway.dispatch("MESSAGE_CREATE", message)
            return message["id"]
        return self._run(go)

    def edit(self, message_id, text):
        """Its author changes it."""
        def go():
            message = self.messages[message_id]
            message.update(content=self.named(text), edited_timestamp=self.stamp())
            self.gateway.dispatch("MESSAGE_UPDATE", message)
        self._run(go)

    def unfurl(self, message_id):
        """A link in it got a preview: an update that is no edit."""
        def go():
            message = self.messages[message_id]
            message["embeds"] = [{"type": "link", "url": "https://example.org", "title": "Example"}]
            self.gateway.dispatch("MESSAGE_UPDATE", {k: message[k] for k in (
                "id", "channel_id", "guild_id", "embeds") if k in message})
        self._run(go)

    def delete(self, *message_ids):
        """One is deleted, or several at once."""
        def go():
            first = self.messages[message_ids[0]]
            if len(message_ids) == 1:
                self.remove(first)
                return
            for message_id in message_ids:
                del self.messages[message_id]
            self.gateway.dispatch("MESSAGE_DELETE_BULK", {
                "ids": list(message_ids), "channel_id": first["channel_id"],
                "guild_id": first["guild_id"]})
        self._run(go)

    # -- Other things that happen ------------------------------------------------------------------

    def reaction(self, message, user, emoji):
        guild = self.guilds.get(message.get("guild_id"))
        d = {"user_id": user.id, "channel_id": message["channel_id"], "message_id": message["id"],
             "message_author_id": message["author"]["id"], "burst": False, "type": 0,
             "emoji": {"id": None, "name": emoji}}
        if guild:
            d.update(guild_id=guild.id, member=guild.member_json(guild.members[user.id]))
        return d

    def react(self, message_id, emoji="👍", user="alice"):
        who = self.user(user)
        self._run(lambda: self.gateway.dispatch("MESSAGE_REACTION_ADD", self.reaction(
            self.messages[message_id], who, emoji)))

    def join(self, name, ways=("member", "message"), copies=1, guild=None, **user):
        """Somebody new comes: told by GUILD_MEMBER_ADD, by a message of type 7, or both."""
        def go():
            for i in range(copies if "member" in ways else 0):
                member.joined = self.stamp(i * 0.4)
                self.gateway.dispatch("GUILD_MEMBER_ADD", {
                    **place.member_json(member), "guild_id": place.id})
            if "message" in ways:
                self.gateway.dispatch("MESSAGE_CREATE",
                                      self.write(place.channels[0], who, "", kind=7))
        place = self._guild(guild)
        who = self.user(name, guild=place, **user)
        member = place.members[who.id]
        self._run(go)
        return who

    def boost(self, user="bob", count=1, level=0, channel="general"):
        def go():
            message = self.write(self.channels_of(channel), who, str(count) if count > 1 else "",
                                 kind=8 + level)
            self.gateway.dispatch("MESSAGE_CREATE", message)
            return message["id"]
        who = self.user(user)
        return self._run(go)

    def outage(self, guild=None, is_over=False):
        """The server is not available, or again. With is_over="removed" the bot was thrown out."""
        place = self._guild(guild)
        if is_over is True:
            self._run(lambda: self.gateway.dispatch("GUILD_CREATE", place.json(self), place.id))
            return
        d = {"id": place.id} if is_over == "removed" else {"id": place.id, "unavailable": True}
        self._run(lambda: self.gateway.dispatch("GUILD_DELETE", d, place.id))

    def update_channel(self, channel):
        self._run(lambda: self.gateway.dispatch("CHANNEL_UPDATE", channel.json()))

    def dispatch(self, kind, d, guild_id=None):
        """Any event at all. Gives how many sessions were told."""
        return self._run(lambda: self.gateway.dispatch(kind, d, guild_id))

    def offered(self, name, user="alice", channel="general"):
        """The command as this user is offered it in this channel; None when it is not."""
        where, who = self.channels_of(channel), self.user(user)
        for command in self.calls.commands_of(where.guild_id):
            need = command.get("default_member_permissions")
            contexts = command.get("contexts")
            if command["name"] != name or (contexts is not None and (0 if where.guild_id else 1)
                                           not in contexts):
                continue
            bits = self.permissions_of(who, where)
            is_admin = bits & PERMISSIONS["ADMINISTRATOR"]
            if need is None or not where.guild_id or (bits & int(need) == int(need) and
                                                      (int(need) or is_admin)):
                return command
        return None

    def slash(self, name, user="alice", channel="general", times=1, forced=False, **options):
        """Somebody uses a command that is offered. forced: as if it had been, whatever is
        registered. Gives the Interaction."""
        where, who = self.channels_of(channel), self.user(user)
        command = self.offered(name, user, channel)
        assert command or forced, f"/{name} is not offered to {user}"
        found = Interaction(self.new_id(), "tok" + self.new_id() + "en", where, who, self.now())
        given = [{"name": k, "type": 3, "value": v} for k, v in options.items()]
        d = {"id": found.id, "application_id": self.bot.id, "type": 2, "token": found.token,
             "version": 1,
             "channel_id": where.id, "channel": where.json(), "locale": "en-US", "entitlements": [],
             "app_permissions": str(self.permissions_of(self.bot, where)),
             "context": 0 if where.guild_id else 1, "attachment_size_limit": 10485760,
             "authorizing_integration_owners": {"0": where.guild_id or "0"},
             "data": {"id": command["id"] if command else self.new_id(), "name": name, "type": 1,
                      **({"options": given} if given else {})}}
        if where.guild_id:
            guild = self.guilds[where.guild_id]
            d.update(guild_id=guild.id, guild_locale="en-US", member={
                **guild.member_json(guild.members[who.id]),
                "permissions": str(self.permissions_of(who, where))})
        else:
            d["user"] = who.json()

        def go():
            found.t = self.now()
            self.interactions[found.token] = found
            self.note("slash", id=found.id, name=name, user=who.username, channel=where.id)
            for _ in range(times):
                self.gateway.dispatch("INTERACTION_CREATE", d)
        self._run(go)
        return found

    # -- Faults ------------------------------------------------------------------------------------

    def cut(self, abort=False):
        """Every connection is lost: cleanly, or by a reset."""
        self.note("cut", abort=abort, clients=len(self.gateway.live()))
        self._run(self.gateway.cut, abort)

    def reconnect(self):
        """Op 7."""
        self._run(self.gateway.reconnect)

    def invalid(self, resumable):
        """Op 9."""
        self._run(self.gateway.invalid, resumable)

    def close(self, code):
        async def go():
            for c in self.gateway.live():
                if code in (4003, 4007, 4009) and c.session:
                    c.session.is_over = True
                await self.gateway.close(c, code)
        self.loop.run(go())

    def mute_acks(self):
        """The connections there are get no ACK any more."""
        for c in self.gateway.live():
            c.is_mute = True

    def ask_beat(self):
        """Op 1."""
        self._run(lambda: [self.gateway.send(c, 1, None) for c in self.gateway.live()])

    def dead_resume(self, dead=True):
        self.loop.run(self.gateway.refuse_resumes(dead))

    def end_sessions(self):
        """What a RESUME names is not known any more."""
        for session in list(self.gateway.sessions.values()):
            session.is_over = True

    def raw(self, text):
        """A message as it stands; a dict is written as JSON."""
        text = text if isinstance(text, (str, bytes)) else json.dumps(text)
        self._run(lambda: [self.gateway.raw(c, text) for c in self.gateway.live()])

    def garbage(self):
        self.raw('{"op":0,"s":7,"t":"MESSAGE_CREATE","d":{"id":')

    def binary(self, data):
        """Bytes where text is expected, or that are no part of the zlib stream."""
        self._run(lambda: [self.gateway.write(c, data, BINARY) for c in self.gateway.live()])

    def bomb(self, n=64 << 20):
        self._run(self.gateway.bomb, n)

    # -- What the test waits for -------------------------------------------------------------------

    def wait_for(self, question, what, timeout=PATIENCE_S):
        deadline = time.monotonic() + timeout
        while not (answer := question()):
            if time.monotonic() > deadline:
                raise AssertionError(f"waited in vain for {what}; said: {self.said()}; "
                                     f"wrong: {self.history.find('discord', 'wrong')}")
            time.sleep(0.005)
        return answer

    def wait(self, what, n=1, timeout=PATIENCE_S, **facts):
        """Waits until the history holds n events like this; gives them."""
        return self.wait_for(lambda: len(found := self.history.find("discord", what, **facts)) >= n
                             and found, f"{n} x {what} {facts}", timeout)

    def own(self, channel=None):
        """The bot's messages that are there now, in order."""
        where = channel and self.channels_of(channel).id
        return [m for m in list(self.messages.values()) if m["author"]["id"] == self.bot.id
                and not m["flags"] & 128 and where in (None, m["channel_id"])]

    def said(self, channel=None):
        """What the bot's messages say now."""
        return [m["content"] for m in self.own(channel)]

    def wait_said(self, pattern, channel=None, timeout=PATIENCE_S):
        """Waits for a message of the bot that says this now; gives the message."""
        return self.wait_for(lambda: next((m for m in self.own(channel)
                                           if re.search(pattern, m["content"])), None),
                             f"{pattern!r}", timeout)

    def wait_ready(self, n=1, timeout=PATIENCE_S):
        """Waits for the n-th session."""
        return self.wait("ready", n, timeout)[-1]

    def wait_connected(self, timeout=PATIENCE_S):
        """Waits until a connection has a session again."""
        return self.wait_for(lambda: [c for c in self.gateway.live() if c.session], "a session",
                             timeout)
