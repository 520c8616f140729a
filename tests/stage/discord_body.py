"""Bodies of Discord's REST calls: what is refused (protocols/discord.md 6, 7), and who would be
pinged."""

import re

LOUD = re.compile(r"@(everyone|here)")
USERS, ROLES = re.compile(r"<@!?(\d{1,20})>"), re.compile(r"<@&(\d{1,20})>")
NAME = re.compile(r"[-_'\w]{1,32}")
POINTS = 2000
COMMAND_POINTS = 8000
EPHEMERAL = 64
CREATE_FLAGS = 4 | 4096 | 8192 | 32768
ANSWER_FLAGS = CREATE_FLAGS | EPHEMERAL


class Refusal(Exception):
    """What Discord answers instead: a status, its own code, a message, and what is wrong where."""

    def __init__(self, status, code, message, errors=None, **more):
        super().__init__(f"{status} {code} {message} {errors or ''}")
        self.status, self.code, self.message = status, code, message
        self.body = {"message": message, "code": code, **more}
        if errors:
            self.body["errors"] = errors


def wrong(path, code, message):
    """50035 for one member; path: its keys from the top."""
    tree = {"_errors": [{"code": code, "message": message}]}
    for key in reversed(path):
        tree = {str(key): tree}
    return Refusal(400, 50035, "Invalid Form Body", tree)


def has_surrogate(value):
    """JSON can hold halves of pairs; Discord's cannot."""
    if isinstance(value, str):
        return any("\ud800" <= c <= "\udfff" for c in value)
    if isinstance(value, dict):
        return any(has_surrogate(k) or has_surrogate(v) for k, v in value.items())
    return isinstance(value, list) and any(has_surrogate(v) for v in value)


# -- Kinds of members: functions of (value, path) that raise ---------------------------------------

def text(most, least=0):
    def check(value, path):
        if not isinstance(value, str):
            raise wrong(path, "STRING_TYPE_CONVERT", "Could not interpret as string.")
        if len(value) > most:
            raise wrong(path, "BASE_TYPE_MAX_LENGTH", f"Must be {most} or fewer in length.")
        if len(value) < least:
            raise wrong(path, "BASE_TYPE_MIN_LENGTH", f"Must be {least} or more in length.")
    return check


def snowflake(value, path):
    if not isinstance(value, str) or not re.fullmatch(r"\d{1,20}", value):
        raise wrong(path, "NUMBER_TYPE_COERCE", f'Value "{value}" is not snowflake.')


def boolean(value, path):
    if not isinstance(value, bool):
        raise wrong(path, "BOOLEAN_TYPE_CONVERT", "Must be either true or false.")


def number(*allowed):
    def check(value, path):
        if isinstance(value, bool) or not isinstance(value, int):
            raise wrong(path, "NUMBER_TYPE_COERCE", "Not an integer.")
        if allowed and value not in allowed:
            raise wrong(path, "BASE_TYPE_CHOICES", f"Must be one of {allowed}.")
    return check


def flags(mask):
    def check(value, path):
        number()(value, path)
        if value & ~mask:
            raise wrong(path, "MESSAGE_FLAGS_INVALID", "Only some flags may be set.")
    return check


def nonce(value, path):
    if isinstance(value, int) and not isinstance(value, bool):
        return
    text(25)(value, path)


def listing(each, most):
    def check(value, path):
        if not isinstance(value, list) or len(value) > most:
            raise wrong(path, "BASE_TYPE_BAD_LENGTH", f"Must be a list of at most {most}.")
        for i, item in enumerate(value):
            each(item, [*path, i])
    return check


def thing(members, required=()):
    """An object of these members. Those that nobody knows are ignored, as the real one does."""
    def check(value, path):
        if not isinstance(value, dict):
            raise wrong(path, "MODEL_TYPE_CONVERT", "Only dictionaries may be used.")
        for key in required:
            if value.get(key) is None:
                raise wrong([*path, key], "BASE_TYPE_REQUIRED", "This field is required")
        for key, member in value.items():
            if key in members and member is not None:
                members[key](member, [*path, key])
    check.members = members
    return check


def strangers(value, check, path=""):
    """Names of the members that are ignored because nobody knows them: misspelt ones, most
    likely."""
    found = []
    for key, member in value.items() if isinstance(value, dict) else ():
        if key not in check.members:
            found.append(path + key)
        elif hasattr(check.members[key], "members"):
            found += strangers(member, check.members[key], f"{path}{key}.")
    return found


def anything(_value, _path):
    pass


MENTIONS = thing({"parse": listing(text(10), 3), "users": listing(snowflake, 100),
                  "roles": listing(snowflake, 100), "replied_user": boolean})


def allowed_mentions(value, path):
    MENTIONS(value, path)
    parse = value.get("parse") or []
    for kind in parse:
        if kind not in ("users", "roles", "everyone"):
            raise wrong([*path, "parse"], "BASE_TYPE_CHOICES", "Not a kind of mention.")
        if value.get(kind):
            raise wrong(path, "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE",
                        f"parse:[{kind}] and {kind}: [ids...] are mutually exclusive.")


allowed_mentions.members = MENTIONS.members
EMBED = thing({"title": text(256), "type": text(32), "description": text(4096), "url": text(2048),
               "timestamp": text(64), "color": number(), "footer": anything, "image": anything,
               "thumbnail": anything, "author": anything, "fields": listing(anything, 25)})
CONTENT = {"content": text(POINTS), "embeds": listing(EMBED, 10),
           "components": listing(anything, 10),
           "allowed_mentions": allowed_mentions, "attachments": listing(anything, 10)}
REFERENCE = thing({"type": number(0, 1), "message_id": snowflake, "channel_id": snowflake,
                   "guild_id": snowflake, "fail_if_not_exists": boolean}, ("message_id",))
CREATE = thing({**CONTENT, "nonce": nonce, "enforce_nonce": boolean, "tts": boolean,
                "message_reference": REFERENCE, "sticker_ids": listing(snowflake, 3),
                "flags": flags(CREATE_FLAGS), "poll": anything})
EDIT = thing({**CONTENT, "flags": flags(4 | 32768)})
# enforce_nonce and references are not for webhooks: they are ignored there.
WEBHOOK = thing({**CONTENT, "tts": boolean, "flags": flags(ANSWER_FLAGS), "username": text(80),
                 "avatar_url": text(2048), "poll": anything, "thread_name": text(100)})
ANSWER = thing({**CONTENT, "tts": boolean, "flags": flags(ANSWER_FLAGS), "poll": anything})
DEFER = thing({"flags": flags(EPHEMERAL)})
CALLBACK = thing({"type": number(1, 4, 5, 6, 7, 8, 9, 10, 12), "data": anything}, ("type",))
DM = thing({"recipient_id": snowflake}, ("recipient_id",))
CHOICE = thing({"name": text(100, 1), "value": anything, "name_localizations": anything},
               ("name", "value"))
OPTION = {"type": number(*range(1, 12)), "name": text(32, 1), "description": text(100, 1),
          "required": boolean, "choices": listing(CHOICE, 25), "options": listing(anything, 25),
          "min_length": number(), "max_length": number(), "min_value": anything,
          "max_value": anything, "channel_types": anything, "autocomplete": boolean,
          "name_localizations": anything, "description_localizations": anything}
COMMAND = thing({"id": snowflake, "type": number(1, 2, 3), "name": text(32, 1),
                 "description": text(100), "options": listing(anything, 25),
                 "default_member_permissions": text(20), "dm_permission": boolean,
                 "contexts": listing(number(0, 1, 2), 3),
                 "integration_types": listing(number(0, 1), 2), "nsfw": boolean,
                 "name_localizations": anything, "description_localizations": anything,
                 "handler": anything}, ("name",))


def check_message(body, schema):
    """A body of a message, a create or an answer: of the right form, and not empty (50006)."""
    schema(body, [])
    if not any(body.get(k) for k in ("embeds", "sticker_ids", "components", "poll",
                                     "attachments")) \
            and not (body.get("content") or "").strip():
        raise Refusal(400, 50006, "Cannot send an empty message")


def check_command(value, path):
    COMMAND(value, path)
    name, kind = value["name"], value.get("type", 1)
    if kind == 1 and (not NAME.fullmatch(name) or name != name.lower()):
        raise wrong([*path, "name"], "STRING_TYPE_REGEX",
                    "String value did not match validation regex.")
    if kind == 1 and not value.get("description"):
        raise wrong([*path, "description"], "BASE_TYPE_REQUIRED", "This field is required")
    is_optional, points = False, len(name) + len(value.get("description") or "")
    for i, option in enumerate(value.get("options") or []):
        at = [*path, "options", i]
        thing(OPTION, ("type", "name", "description"))(option, at)
        if not NAME.fullmatch(option["name"]) or option["name"] != option["name"].lower():
            raise wrong([*at, "name"], "STRING_TYPE_REGEX", "String value did not match the regex.")
        if option.get("required") and is_optional:
            raise wrong(at, "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
                        "Required options must be placed before non-required options")
        is_optional = not option.get("required")
        points += len(option["name"]) + len(option["description"])
    if points > COMMAND_POINTS:
        raise wrong(path, "APPLICATION_COMMAND_TOO_LARGE", "Command exceeds maximum size")


def check_commands(body):
    listing(check_command, 130)(body, [])
    names = [(c.get("type", 1), c["name"]) for c in body]
    if len(set(names)) != len(names):
        raise wrong([], "APPLICATION_COMMANDS_DUPLICATE_NAME",
                    "Application command names must be unique")
    if sum(kind == 1 for kind, _ in names) > 100:
        raise Refusal(400, 30032, "Maximum number of application commands reached (100).")


def pings(content, allowed, is_interaction=False, reply_author=None):
    """Who would hear a bell (6.2): a sorted list of everyone, role:ID, user:ID, replied:ID."""
    loud = {"everyone"} if LOUD.search(content) else set()
    users, roles = set(USERS.findall(content)), set(ROLES.findall(content))
    replied = set()
    if allowed:
        parse = allowed.get("parse") or []
        loud = loud if "everyone" in parse else set()
        users = users if "users" in parse else users & set(allowed.get("users") or [])
        roles = roles if "roles" in parse else roles & set(allowed.get("roles") or [])
        if allowed.get("replied_user") and reply_author:
            replied = {reply_author}
    elif is_interaction:
        loud, roles = set(), set()
    elif reply_author:
        replied = {reply_author}   # {} is reported inconsistently: the worst is assumed
    return sorted(loud | {f"user:{u}" for u in users} | {f"role:{r}" for r in roles}
                  | {f"replied:{u}" for u in replied})
