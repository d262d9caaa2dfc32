"""Verbs that edit, undo and redo, and read and write edit scripts.

A line may be shorter than the edit it makes: `set f[7] = 0` is of the selected pass and this step, `remove "not"` of
the one place where that token stands. What is kept, saved and shown is always the whole line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from lstm_tui.analysis.contributions import SOFTMAX_STEPS
from lstm_tui.analysis.train.further import says_next, usual
from lstm_tui.debugger.commands.complete import complete_edit, complete_file
from lstm_tui.debugger.commands.convenience import assigned, assignment_of, check_no_setting
from lstm_tui.debugger.commands.file_decisions import check_no_decision
from lstm_tui.debugger.commands.files import destination, is_mine, note_mine
from lstm_tui.debugger.commands.goto import listed_places, place_of
from lstm_tui.debugger.commands.names import unit_called
from lstm_tui.debugger.commands.table import VERBS, Act, Complete, Verb, with_numbers
from lstm_tui.debugger.edits.ablations import ABLATIONS
from lstm_tui.debugger.edits.apply import not_written
from lstm_tui.debugger.edits.edit_reader import Names, parse_edit, read_edit_script, write_edit_script
from lstm_tui.debugger.edits.language import Edit, ValueEdit, in_quotes, range_of, shown_line
from lstm_tui.debugger.edits.openings import text_of
from lstm_tui.debugger.edits.set_feature import set_along
from lstm_tui.debugger.session import Session
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.language.expression import Call, Name, walk
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.number_text import from_to, told_apart
from lstm_tui.engine.runtime.overrides import READOUT
from lstm_tui.engine.runtime.trace import PassTrace, Trace
from lstm_tui.engine.runtime.windowed_series import is_not_known_yet
from lstm_tui.engine.text_safety import visible
from lstm_tui.engine.whole_number import Span, whole_number, whole_span

_TOKEN_WORD = re.compile(r"token\s+(?=\S)")
_AT_TOKEN = re.compile(r"(?P<rest>.*\S)\s*@\s*(?P<t>\d{1,9})\s*", re.ASCII | re.DOTALL)
_RANGE = re.compile(r"\d+-\d+\Z", re.ASCII)
_TEACHING_OPTION = re.compile(
    r"""\s(?:(?P<name>as|epochs|rate)\s+(?P<value>(?<=as\s)"(?:[^"\\]|\\.)*"|(?<=as\s)[^\s"]+|[\d.]+(?:e-?\d+)?))\s*\Z"""
)
_FEATURE_SET = re.compile(r"(?P<name>[A-Za-z]\w*)\s*(?:@\s*(?P<t>[^=\s]+)\s*)?=\s*(?P<number>\S+)\s*\Z", re.ASCII)
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_ASSIGNED = re.compile(r"(?P<name>[A-Za-z_][\w.]*)(?P<behind>\s*[\[=*@].*)", re.ASCII)
_WORDS = re.compile(rf"{_QUOTED.pattern}|\S+")


@dataclass(frozen=True)
class Here:
    """What a line leaves out, taken from where a session stands."""

    session: Session

    @property
    def t(self) -> int:
        """The token at which it stands."""
        return self.session.frame.t

    def owner_of(self, value: str) -> str:
        """Return the pass whose value is meant, or `readout`."""
        frame = self.session.frame
        if value not in frame.passed and value != "x" and value in frame.trace.readout:
            return READOUT
        with_value = [name for name, one in frame.trace.items() if value in one]
        if value not in frame.passed and value != "x" and len(with_value) == 1:
            return with_value[0]
        return frame.position.pass_name

    def unit(self, pass_name: str, name: str) -> int:
        """Return which unit of a pass is called so."""
        return unit_called(self.session, pass_name, name)

    def entries(self, owner: str, value: str, spans: tuple[Span, ...]) -> Span:
        """Return which units of a value its rows and columns are."""
        passed = self.session.frame.trace.passes.get(owner)
        if passed is None or value not in passed:
            raise UserError(f"{visible(value)} has no rows and columns")
        return units_at(passed, value, spans)

    def parameter(self, name: str) -> str:
        """Return the whole name of a parameter."""
        if not self.session.can_run:
            return name
        known = self.session.edited.network.tensors()
        full = (f"{owner}/{name}" for owner in (self.session.frame.position.pass_name, READOUT))
        return name if name in known else next((one for one in full if one in known), name)


def units_at(passed: PassTrace, value: str, spans: tuple[Span, ...]) -> Span:
    """Return the units of a value that stand at a row and some columns, or a head, row and columns.

    Raises:
        UserError: It has no such places, or they are not side by side.
    """
    *lines, (first, stop) = spans
    ones = [start for start, end in lines if start is not None and end == start + 1]
    if len(ones) < len(lines):
        raise UserError(f"a column of {value} is no range of units: give one row at a time, as in {value}[2,:]")
    shape = passed.shape_of(value)
    columns = 1 if shape is None else shape.columns
    begin, end = first or 0, columns if stop is None else stop
    if not begin < end:
        raise UserError(f"{value} has {columns} columns, from 0")
    unit = passed.unit_at(value, (*ones, begin))
    return unit, passed.unit_at(value, (*ones, end - 1)) + 1


def read_typed(session: Session, verb: str, rest: str, names: Names = ()) -> Edit:
    """Return the edit that is meant by what was typed, which may leave out what is clear from where the session stands.

    Args:
        session: What it is typed to.
        verb: Of an edit.
        rest: What stands behind it.
        names: Names that stand for a whole number.

    Raises:
        ExpressionError: It is no edit, with the place of the first mistake.
        UserError: A token stands in several places, or in none.
    """
    rest = rest.strip()
    verb = "remove" if verb == "delete" else verb  # as edit scripts and lessons once had it
    feature = _FEATURE_SET.match(rest) if verb == "set" else None
    if feature is not None and feature["name"] in session.frame.names.features:
        direction = session.frame.names.features[feature["name"]]
        return set_along(session, direction, _steps_of(session, feature["t"]), feature["number"])
    if verb in ("replace", "insert", "remove"):
        rest = _token(session, verb, rest)
    if verb == "text" and not _QUOTED.fullmatch(rest):
        rest = in_quotes(rest)
    if verb == "add-words":
        rest = _words(session, rest)
    if verb == "teach":
        rest = _teaching(session, rest)
    return parse_edit(f"{verb} {rest}", Here(session), names)


def _steps_of(session: Session, at: str | None) -> range:
    """Return the tokens at which a feature is set: here, at a place, or over a range such as 3:9."""
    if at is None:
        return range(session.frame.t, session.frame.t + 1)
    span = whole_span(at) if ":" in at else None
    if span is None:
        t = place_of(session, at)
        return range(t, t + 1)
    return range_of(span, session.frame.steps)


def _token(session: Session, verb: str, rest: str) -> str:
    if verb == "remove":
        rest = _TOKEN_WORD.sub("", rest)
        if _RANGE.match(rest):
            raise UserError(f"tokens go one by one, such as: remove 3; breakpoints go with: delete {rest}")
    given = _AT_TOKEN.fullmatch(rest)
    if given is not None and _is_read_without(session, verb, given["rest"]):
        return _token_at(session, verb, given["rest"].strip(), int(given["t"]))
    where, behind = _split(rest)
    if not where:
        return rest
    place = where if whole_number(where) is not None else str(_place_of(session, _bare(where)))
    if verb == "remove":
        return f"{place}{f' {behind}' if behind else ''}"
    if not behind or _QUOTED.fullmatch(behind):
        return f"{place} {behind}".strip()
    return f"{place} {in_quotes(behind)}"


def _is_read_without(session: Session, verb: str, rest: str) -> bool:
    """Say whether a line of a token is whole without `@ T` behind it, so that this is the place."""
    words = len(_WORDS.findall(rest))
    return words == (2 if verb == "replace" else 1)


def _token_at(session: Session, verb: str, rest: str, t: int) -> str:
    """Return a line of a token whose place is told behind `@`; what stands there is the token that is named."""
    if verb == "insert":
        return f"{t} {rest if _QUOTED.fullmatch(rest) else in_quotes(rest)}"
    old, new = _split(rest)
    tokens = session.frame.trace.sequence.tokens
    wanted = _bare(old)
    if t >= len(tokens):
        raise UserError(f"there is no place {t} on this tape: it has {len(tokens)} tokens, from 0")
    if tokens[t] != wanted and whole_number(old) != t:
        raise UserError(f"t={t} is “{visible(tokens[t])}”, not “{visible(wanted[:40])}”")
    return f"{t} {new if not new or _QUOTED.fullmatch(new) else in_quotes(new)}".strip()


def _words(session: Session, rest: str) -> str:
    """Return words, each in quotes; without any, those of the text on the tape that the network does not know."""
    if rest:
        return " ".join(one if one.startswith('"') else in_quotes(one) for one in _WORDS.findall(rest))
    network, sequence = session.edited.network, session.edited.sequence
    if not sequence.unknown:
        raise UserError(f"{visible(network.name)} knows every word of this text: name others to add")
    return " ".join(in_quotes(one) for one in dict.fromkeys(sequence.tokens[t] for t in sequence.unknown))


def _teaching(session: Session, rest: str) -> str:
    """Return a teaching whole: without a text, the one on the tape; without epochs or a rate, the usual ones."""
    network = session.edited.network
    how, as_class = usual(network), not says_next(network)
    given: dict[str, str] = {}
    while (found := _TEACHING_OPTION.search(f" {rest}")) and found["name"] not in given:
        if found["name"] == "as" and not as_class:  # no class is taught: it is a word of the text
            break
        given[found["name"]] = found["value"]
        rest = f" {rest}"[: found.start()].strip()
    if not rest.startswith('"'):
        rest = in_quotes(rest or text_of(session.edited.sequence))
    label = given.get("as", "")
    if label:
        label = f" as {label if label.startswith(chr(34)) else in_quotes(label)}"
    return f"{rest}{label} epochs {given.get('epochs', how.epochs)} rate {given.get('rate', repr(how.rate))}"


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
        raise UserError(f"“{visible(token[:40])}” stands at {listed_places(places)}: say which, as in @ {places[0]}")
    return places[0]


_MOST_OUTPUTS = 4
_OF_NUMBERS = frozenset({"set", "scale", "weight", "let", "reset", "chunk"})
"""Verbs of edits in which `$limit` is its number; the others take tokens."""
EDIT_VERBS: set[str] = set()
"""Names of the verbs that are a line of an edit script."""


def add_edit_verb(name: str, usage: str, help: str, example: str, aliases: tuple[str, ...] = ()) -> None:
    """Add a verb whose line is one of an edit script, or short for one: `read_typed` reads it, the session makes it."""

    def act(session: Session, rest: str) -> Iterable[str]:
        if name == "set":
            if (found := assignment_of(rest)) is not None:
                return assigned(session, *found)
            check_no_setting(session, rest)
        if name in ("set", "weight"):
            check_no_decision(session, rest)
        if name in ("set", "scale"):
            check_no_weight(session, rest)
        before = session.frame.trace
        make_edit(session, name, rest)
        return (session.words[session.history.done - 1], *verdicts(session, before))

    VERBS.add(Verb(name, usage, help, act, aliases, _completing(name), example, edits=True))
    EDIT_VERBS.add(name)


def check_no_weight(session: Session, rest: str) -> None:
    """Refuse to set a weight as if it were a value of a step.

    Raises:
        UserError: It is one.
    """
    match = _ASSIGNED.match(re.sub(r"\Avar(iable)?\s+(?=\w)", "", rest))  # gdb's `set var`
    if match is None or not session.can_run:
        return
    frame, name = session.frame, match["name"]
    before, _, bare = name.rpartition(".")
    if bare in frame.trace.passes.get(before or frame.position.pass_name, ()):
        return
    known = session.edited.network.tensors()
    full = f"{before}/{bare}" if before else Here(session).parameter(name)
    if full in known:
        short = full if before else name
        raise UserError(f"{name} is a weight, and no value of a step: `weight {short}{match['behind']}` changes it")


def make_edit(session: Session, verb: str, rest: str) -> None:
    """Make the edit of a typed line in a session; `$limit` is its number where a verb takes numbers.

    Raises:
        UserError: It is no edit, or cannot be made here.
    """
    session.edit(read_typed(session, verb, with_numbers(session, rest) if verb in _OF_NUMBERS else rest))


def _completing(name: str) -> Complete:
    return lambda session, rest: complete_edit(session, name, rest)


def verdicts(session: Session, before: Trace) -> Iterator[str]:
    """Yield what a line that edits does to the outputs of the whole text, largest change first.

    What stands left of an arrow is what it was before the line; where the run without edits had another number, that
    is told behind it.

    Args:
        session: As it stands after the line.
        before: The run that stood before it.
    """
    difference = session.frame.difference
    plain = None if difference is None else difference.before
    yield from outputs_told(before, session.frame.trace, plain)


def verdicts_of_all(session: Session) -> Iterator[str]:
    """Yield what all edits in force do to the outputs of the whole text; nothing where there are none."""
    difference = session.frame.difference
    if difference is not None:
        yield from outputs_beside(difference.before, difference.after)


def outputs_told(one: Trace, other: Trace, unedited: Trace | None = None) -> Iterator[str]:
    """Yield what `outputs_beside` says, below the token it is said at by a network that speaks at each."""
    told = list(outputs_beside(one, other, unedited))
    if other.output is not None and any("→" in line for line in told):
        t = len(other.sequence) - 1
        yield f"at the last token, t={t} “{visible(other.sequence.tokens[t])}”:"
    yield from told


def outputs_beside(one: Trace, other: Trace, unedited: Trace | None = None) -> Iterator[str]:
    """Yield the outputs for the whole text of two runs, the largest changes first; a change that is NaN before all.

    Where none differs, that is said instead; what was NaN and is NaN is no change. Where a run without edits is given
    that had another number than the first of the two, that number is told too.
    """
    before, after, names = one.result, other.result, other.classes
    if before is None or after is None or before.shape != after.shape:
        return
    if is_not_known_yet(before) or is_not_known_yet(after):
        yield "what the whole text says is not computed yet: `print result` does"
        return
    with np.errstate(all="ignore"):
        sizes = np.nan_to_num(np.abs(after.astype(float) - before), nan=np.inf, posinf=np.inf)
    sizes[(before == after) | (np.isnan(before) & np.isnan(after))] = 0.0
    if not sizes.any():
        unknown = int(np.isnan(after).sum())
        known = "" if not unknown else f"; {unknown} of {len(after)} are not known, as before"
        yield f"no output for the whole text differs{known}"
        return
    for n in np.argsort(-sizes, kind="stable")[: min(_MOST_OUTPUTS, int((sizes > 0).sum()))]:
        name = visible(names[n]) if n < len(names) else f"output {n}"
        yield f"{name}: {from_to(before[n], after[n], 3)}{_unedited(unedited, n, float(before[n]))}"


def _unedited(unedited: Trace | None, n: int, before: float) -> str:
    """Return what an output is without edits, behind a change of it; empty where it was that before."""
    result = None if unedited is None else unedited.result
    if result is None or n >= len(result) or is_not_known_yet(result):
        return ""
    first = float(result[n])
    if first == before or (first != first and before != before):
        return ""
    return f" (without edits {told_apart(first, before, 3)[0]})"


add_edit_verb(
    "replace",
    'replace T|TOKEN "TOKEN" [@ T]',
    "replace a token by another, by place or by text",
    'replace 3 "good"',
)
add_edit_verb(
    "insert", 'insert T|TOKEN "TOKEN" | "TOKEN" @ T', "insert a token before a place or a token", 'insert 3 "not"'
)
add_edit_verb("remove", "remove T|TOKEN [@ T]", "remove a token, by place or by text", "remove 3", ("rm",))
add_edit_verb(
    "set",
    "set [PASS.]VALUE[UNITS] [@ STEPS] = NUMBER",
    "set a value of some units, here or over a range of steps; `set $limit = EXPR` keeps a value under a name",
    "set layer0.forward.f[7] @ 3:6 = 0",
)
add_edit_verb(
    "scale", "scale [PASS.]VALUE[UNITS] [@ STEPS] * NUMBER", "multiply a value", "scale layer0.forward.i[7] @ : * 0.5"
)
add_edit_verb(
    "weight",
    "weight NAME[ROW,COLUMN] = NUMBER",
    "set weights (or scale them, with *)",
    "weight layer0.forward/b_f[7] = -4",
)
add_edit_verb(
    "reset",
    "reset [@ STEPS | every N]",
    "set the states back to what the network begins with, before this token, some, or every N",
    "reset @ 3",
)
add_edit_verb(
    "chunk",
    "chunk [@ STEPS | every N]",
    "mark where a chunk of a stream begins: states are carried forwards, a backward pass begins anew",
    "chunk every 16",
)
add_edit_verb(
    "let",
    "let [PASS.]VALUE = EQUATION",
    "rewrite an equation, in one pass or in every one that has the value",
    "let layer0.forward.f = 1",
)
add_edit_verb(
    "ablate",
    "ablate VARIANT [PASS]",
    f"replace the LSTM by a variant without one of its parts: {' '.join(ABLATIONS)}",
    "ablate nfg",
)


@VERBS.verb("mask STEPS", "hide tokens from the readout's attention: the others share their weight",
            edits=True)  # fmt: skip
def _mask(session: Session, rest: str) -> Iterable[str]:
    steps = whole_span(rest.replace(" ", ""))
    if steps is None:
        raise UserError("mask which tokens? such as: mask 3, or mask 3:6")
    before = session.frame.trace
    session.edit(_attention_mask(session.edited.network, steps))
    return (session.words[session.history.done - 1], *verdicts(session, before))


def _attention_mask(network: Network, steps: Span) -> ValueEdit:
    """Return the edit that hides steps from the attention of a readout.

    Raises:
        UserError: If the readout has no attention, or its scores have no equation of their own.
    """
    readout = network.readout
    for equation in () if readout is None else readout.page.equations:
        for node in walk(equation.expression):
            if isinstance(node, Call) and node.function == SOFTMAX_STEPS:
                score = node.arguments[0]
                assert readout is not None
                if isinstance(score, Name) and score.name in readout.page.series:
                    return ValueEdit("set", READOUT, score.name, (None, None), steps, float("-inf"))
                raise UserError(f"the scores inside {SOFTMAX_STEPS} need an equation of their own to be masked")
    raise UserError("this readout has no attention: there is nothing to mask")


def _stepping(verb: str) -> Act:
    def act(session: Session, rest: str) -> Iterable[str]:
        count = _count(rest)
        done, before = session.history.done, session.frame.trace
        session.keep_edits(done - count if verb == "undo" else done + count)
        if session.history.done == done:
            raise UserError(f"nothing to {verb}")
        now = session.history.done
        moved = session.words[min(done, now) : max(done, now)]
        which = moved[0] if len(moved) == 1 else f"{len(moved)} edits"
        said = f"{'taken back' if verb == 'undo' else 'made again'}: {which}"
        return (said, _standing(session), *verdicts(session, before))

    return act


def _count(rest: str) -> int:
    if not rest:
        return 1
    count = whole_number(rest, most=10**9 - 1)
    if count is None:
        raise UserError(f"`{visible(rest[:40])}` is no number of edits")
    return count


def _standing(session: Session) -> str:
    history = session.history
    if not history.edits:
        return "no edits"
    name = f" ({history.name_of(history.here)})" if any(of == history.here for _, of in history.names) else ""
    return f"{history.done} of {len(history.edits)} edits in force, state {history.here}{name}; `branch` shows the tree"


for _name, _key, _help in (
    ("undo", "z", "undo the last edit, or the last N"), ("redo", "Z", "redo an edit that was undone"),
):  # fmt: skip
    VERBS.add(Verb(_name, f"{_name} [N]", _help, _stepping(_name), (_key,), example=_name, takes_numbers=True))


@VERBS.verb("edits", "list every edit, in words and as it can be typed", example="edits")
def _edits(session: Session, rest: str) -> Iterable[str]:
    if not session.history.edits:
        return ("no edits",)
    lines = []
    for number, (edit, words) in enumerate(zip(session.history.edits, session.words, strict=True), start=1):
        undone = "" if number <= session.history.done else "  (undone)"
        lines.append(f"{number:>3}  {words}{undone}   {visible(shown_line(edit))}")
    return lines


@VERBS.verb(
    "save-edits FILE [over]",
    "write the edits in force to a file, one a line; over: in the place of another file",
    complete=complete_file,
    touches_files=True,
)
def _save(session: Session, rest: str) -> Iterable[str]:
    name, path = destination(session, rest, "save-edits", "save the edits where? such as: save-edits mine.txt")
    write_edit_script(path, session.history.lines, session.words)
    note_mine(session, path)
    return (f"{session.history.done} edits written to {visible(name)}",)


@VERBS.verb(
    "save-model FILE [over]",
    "write the network with its edited weights into a copy of its own file, or to a .safetensors that describes itself",
    complete=complete_file,
    touches_files=True,
)
def _save_model(session: Session, rest: str) -> Iterable[str]:
    from lstm_tui.formats.write_back.save import save_model

    missing = "save the network where? such as: save-model mine.pt, with the ending of its own file"
    _, path = destination(session, rest, "save-model", missing)
    network = session.edited.network
    mine = network.file is not None and is_mine(session, Path(network.file))
    lines = tuple(save_model(network, path, mine))
    note_mine(session, path)
    return (*lines, *not_written(session.history.active, session.source.initial is not None))


@VERBS.verb(
    "load-edits FILE",
    "make every edit of a file",
    aliases=("load",),
    complete=complete_file,
    touches_files=True,
    edits=True,
)
def _load(session: Session, rest: str) -> Iterable[str]:
    if not rest:
        raise UserError("load the edits of which file? such as: load-edits mine.txt")
    edits = read_edit_script(str(Path(rest).expanduser()))
    if not edits:
        return (f"{visible(rest)} holds no edits",)
    before = session.frame.trace
    session.edit(*edits)
    return (_standing(session), *verdicts(session, before))
