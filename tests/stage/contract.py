"""What every backend owes, whatever its wire: for each way in which a model answers or fails, what
is said in chat, or why nothing is. The same table is gone through with the stage's servers, with a
script, with somebody else's mock, and with a real engine (tests/e2e/test_contract.py, tests/peers).
"""

import dataclasses

from tests.stage.models import Plan

STORY = "Well, it is a long story to tell."


@dataclasses.dataclass
class Case:
    name: str
    plan: Plan
    said: str = None        # what chat reads; None = nothing
    reason: str = None      # of the silence
    code: str = None        # error_code of the ledger's row; None = the call did not fail

    @property
    def is_words(self):
        """Does it depend on nothing but the words of a whole answer?"""
        return self.plan == Plan(text=self.plan.text)


def says(name, text, said, **plan):
    return Case(name, Plan(text=text, **plan), said)


def silent(name, text, reason, **plan):
    return Case(name, Plan(text=text, **plan), None, reason)


def fails(name, code, **plan):
    return Case(name, Plan(**{"text": STORY, **plan}), None, "provider", code)


# -- What a model says -----------------------------------------------------------------------------

WORDS = [
    says("one line", "It is a fine day.", "It is a fine day."),
    says("in one piece", "It is one piece.", "It is one piece.", pieces=1),
    says("in many pieces", "It is many small pieces.", "It is many small pieces.", pieces=24),
    says("in single bytes", "Tiefe: 40 m \U0001f30a.", "Tiefe: 40 m \U0001f30a.", fault="trickle",
         pace=0.0002),
    says("letters of many scripts",
         "\u6f01 \u0440\u044b\u0431\u0430 \u03c8\u03ac\u03c1\u03b9 \u00e9.",
         "\u6f01 \u0440\u044b\u0431\u0430 \u03c8\u03ac\u03c1\u03b9 \u00e9."),
    says("white space around it", "\n\n  It is blank around.  \n", "It is blank around."),
    says("two lines", "The first line.\nThe second line.", "The first line. The second line."),
    says("reasoning in front", "<think>They are a fool.\n</think>\n\nIt is blue.", "It is blue."),
    says("reasoning that was not begun", "They must not know.</think>It is green.",
         "It is green."),
    says("reasoning within reasoning",
         "<thinking>Hm. <think>Hm!</think></thinking> It is red.", "It is red."),
    says("a role in front", "assistant: It is a label.", "It is a label."),
    says("quotes around it", '"It was quoted."', "It was quoted."),
    says("markdown", "It is **very** bold.", "It is very bold."),
    says("cut at its length", "The first is whole. The second one is c", "The first is whole.",
         finish="length"),
    says("no usage told", "It costs who knows what.", "It costs who knows what.", usage=None),
    says("a late first word", "It took a while.", "It took a while.", delay=0.3),
    silent("nothing", "", "empty"),
    silent("white space alone", " \n\t\u200b ", "empty"),
    silent("reasoning alone", "<think>all night long", "empty"),
    silent("the token of silence", "[silence]", "declined"),
    silent("a command", "/timeout somebody 600", "unsafe"),
    says("a command after a line break", "Fine.\r\n/ban somebody", "Fine. /ban somebody"),
    says("a ping of everybody", "Hey @everyone, look!", "Hey everyone, look!"),
    silent("a link", "Go to https://evil.example/free now.", "unsafe"),
    silent("an address", "Write to captain@wreck.example today.", "unsafe"),
]

# -- How a server fails ----------------------------------------------------------------------------

FAILURES = [
    fails("never begins", "timeout", fault="hang"),
    fails("stops in the middle and stays open", "timeout", fault="half"),
    fails("trickles until the time is up", "timeout", text=STORY * 20, fault="trickle", pace=.01),
    fails("resets in the middle", "truncated", fault="cut"),
    fails("announces more than it sends", "truncated", fault="lie-length"),
    fails("ends without its terminator", "truncated", fault="no-terminator"),
    fails("never ends", "truncated", fault="endless"),
    fails("sends no body", "truncated", fault="empty-body"),
    fails("fails within its stream", "server", fault="error-line"),
    fails("sends a web page", "parse", fault="html"),
    fails("sends garbage", "parse", fault="garbage"),
    fails("redirects", "bad_request", status=301, headers={"Location": "/v1/elsewhere"}),
    fails("refuses the request", "bad_request", status=400),
    fails("refuses the key", "auth", status=401),
    fails("wants to be paid", "quota", status=402),
    fails("forbids", "auth", status=403),
    fails("does not know the model", "no_model", status=404),
    fails("finds it too large", "bad_request", status=413),
    fails("cannot work with it", "bad_request", status=422),
    fails("breaks", "server", status=500),
    fails("runs out of memory", "oom", status=500, refusal="CUDA out of memory"),
    Case("holds it back", Plan(text=STORY, finish="content_filter"), None, "unsafe", "unsafe"),
    fails("is away", "server", status=502),
    fails("is overloaded", "server", status=503),
    fails("gave up", "server", status=504),
    fails("is overloaded in its own way", "server", status=529),
    # The last one: it is left alone for that second.
    fails("is asked too often", "rate_limit", status=429, headers={"Retry-After": "1"}),
]

CASES = WORDS + FAILURES


def questions(cases):
    """(case, question): each names its case, for servers that answer by what they are asked."""
    return [(case, f"case{number:02} please") for number, case in enumerate(cases)]


def ask_all(world, twitch, cases, before=None):
    """Asks for each case in turn, each by another user; before(case) prepares the server. Gives
    [(case, said or None, reason or None)]."""
    ends, drops = [], world.bot.status()["drops"]
    for number, (case, question) in enumerate(questions(cases)):
        if before:
            before(case)
        heard = len(twitch.said())
        twitch.say(f"!ask {question}", user=f"asker{number}")
        now = world.bot.wait_ended(number + 1)["drops"]
        reason = next((r for r in now if now[r] != drops.get(r)), None)
        drops = now
        if case.code in ("auth", "quota"):  # nobody is asked again before somebody has looked
            world.bot.reload()
        ends.append((case, None if reason else twitch.said()[heard], reason))
    return ends


def violations(ends, rows):
    """What is not as the contract has it: sentences. rows: of the ledger, one for each call."""
    bad = [f"{case.name}: said {said!r}, silent for {reason}, not {case.said!r}, {case.reason}"
           for case, said, reason in ends if (said, reason) != (case.said, case.reason)]
    if len(rows) != len(ends):
        return [*bad, f"{len(rows)} calls for {len(ends)} questions"]
    for (case, _, _), row in zip(ends, rows):
        # A refusal of ours is told by the row's reason; the call itself has gone well.
        if case.code and (row["error_code"] != case.code or row["status"] != "error"):
            bad.append(f"{case.name}: {row['status']} {row['error_code']}, not {case.code}")
        if case.code and not row["error_message"]:
            bad.append(f"{case.name}: the row does not say what went wrong")
        if case.reason in ("unsafe", "provider") and row["reason"] != case.reason:
            bad.append(f"{case.name}: the row's reason is {row['reason']}")
    return bad
