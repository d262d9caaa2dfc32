"""An edit as it is typed at a prompt, completed from where the session stands to a whole line of a recipe.

`set f[7] = 0` is of the selected pass and this step, `remove "not"` of the one place where that token stands. What
is kept, saved and shown is always the whole line.
"""

from __future__ import annotations

import re

from lstm_tui.debugger.recipe import in_quotes
from lstm_tui.debugger.session import Session
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.visible import visible

_VALUE = re.compile(
    r"(?:var(?:iable)?\s+)?(?P<name>[\w.]+)\s*(?P<units>\[[^\]]*\])?\s*(?:@\s*(?P<steps>[^=*]*?))?\s*(?P<sign>[=*])\s*"
    r"(?P<number>\S+)\s*\Z"
)
_WEIGHT = re.compile(r"(?P<name>\w+)(?P<rest>\s*(?:\[[^\]]*\])?\s*[=*].*)\Z")
_TOKEN_WORD = re.compile(r"token\s+(?=\S)")
_RANGE = re.compile(r"\d+-\d+\Z", re.ASCII)
_PLACE = re.compile(r"\d+\Z")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_MOST_PLACES = 8


def whole_line(session: Session, verb: str, rest: str) -> str:
    """Return the line of a recipe that is meant by what was typed; what is no short form stays as it is.

    Raises:
        UserError: A token stands in several places, or in none.
    """
    rest = rest.strip()
    if verb in ("set", "scale"):
        return f"{verb} {_value(session, rest)}"
    if verb == "weight":
        return f"{verb} {_weight(session, rest)}"
    verb = "remove" if verb == "delete" else verb  # as edit scripts and lessons once had it
    if verb in ("replace", "insert", "remove"):
        return f"{verb} {_token(session, verb, rest)}"
    return f"{verb} {rest}"


def _value(session: Session, rest: str) -> str:
    match = _VALUE.match(rest)
    if match is None:
        return rest
    frame = session.frame
    name, position = match["name"], frame.position
    if "." not in name:
        owner = position.pass_name
        if name not in frame.passed and name != "x" and name in frame.trace.readout:
            owner = "readout"
        name = f"{owner}.{name}"
    units, steps = match["units"] or "[:]", match["steps"] or str(position.t)
    return f"{name}{units} @ {steps} {match['sign']} {match['number']}"


def _weight(session: Session, rest: str) -> str:
    match = _WEIGHT.match(rest)
    if match is None or not session.can_run:
        return rest
    known, name = session.edited.network.tensors(), match["name"]
    if name in known:
        return rest
    owners = (session.frame.position.pass_name, "readout")
    full = next((f"{owner}/{name}" for owner in owners if f"{owner}/{name}" in known), name)
    return f"{full}{match['rest']}"


def _token(session: Session, verb: str, rest: str) -> str:
    if verb == "remove":
        rest = _TOKEN_WORD.sub("", rest)
        if _RANGE.match(rest):
            raise UserError(f"tokens go one by one, such as: remove 3; breakpoints go with: delete {rest}")
    where, behind = _split(rest)
    if not where:
        return rest
    place = where if _PLACE.match(where) else str(_place_of(session, _bare(where)))
    if verb == "remove":
        return f"{place}{f' {behind}' if behind else ''}"
    if not behind or _QUOTED.fullmatch(behind):
        return f"{place} {behind}".strip()
    return f"{place} {in_quotes(behind)}"


def _split(text: str) -> tuple[str, str]:
    """Return the first word, which may be in quotes, and what stands behind it."""
    quoted = _QUOTED.match(text)
    if quoted is not None:
        return quoted.group(), text[quoted.end() :].strip()
    word, _, behind = text.partition(" ")
    return word, behind.strip()


def _bare(word: str) -> str:
    return word[1:-1].replace('\\"', '"').replace("\\\\", "\\") if _QUOTED.fullmatch(word) else word


def _place_of(session: Session, token: str) -> int:
    """Return the place of a token: here, or the only one on the tape."""
    frame = session.frame
    tokens = frame.trace.sequence.tokens
    if tokens[frame.t] == token:
        return frame.t
    places = [t for t, one in enumerate(tokens) if one == token]
    if not places:
        raise UserError(f"there is no token “{visible(token[:40])}” on the tape; a place is a number from 0")
    if len(places) > 1:
        listed = ", ".join(map(str, places[:_MOST_PLACES])) + (", …" if len(places) > _MOST_PLACES else "")
        raise UserError(f"“{visible(token[:40])}” stands at {listed}: say which")
    return places[0]
