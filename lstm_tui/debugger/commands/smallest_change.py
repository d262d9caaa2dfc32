"""Verbs that find the smallest edit that has a memory kept or forgotten, or a failing check hold.

A token is kept until another one where its share of the memory behind that one is at least a part, by default half,
of the share it had when it was read, in the run as it is now: `share(tok[0], at=5) >= 0.21`. Else it is forgotten;
`forget` asks for less than a tenth. The session is not changed: `apply` makes what was found as an edit.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import numpy as np

from lstm_tui.analysis.smallest_change import LARGEST
from lstm_tui.debugger.breakpoints.assertions import AssertionResult, asked_pass, judge, said
from lstm_tui.debugger.commands.complete import complete_file
from lstm_tui.debugger.commands.edit import verdicts
from lstm_tui.debugger.commands.goto import listed_places
from lstm_tui.debugger.commands.table import VERBS
from lstm_tui.debugger.edits.check_file import CheckLine, read_checks
from lstm_tui.debugger.edits.language import NetworkEdit, line_of
from lstm_tui.debugger.edits.openings import lines_as_read, read_as
from lstm_tui.debugger.edits.smallest import (
    KINDS,
    ChangeKind,
    ChangeQuestion,
    FoundChange,
    HeldOutEffect,
    effect_on,
    other_texts,
    smallest,
    with_edits,
)
from lstm_tui.debugger.expressions import Scope, evaluate, parse
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import Source
from lstm_tui.engine.errors import UserError, nearest
from lstm_tui.engine.language.words import unquoted
from lstm_tui.engine.model.sequence import Sequence as Tokens
from lstm_tui.engine.number_text import count_of, percent, read_number, rounded, sentence
from lstm_tui.engine.runtime.compiling import about_to_take_long
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.engine.text_safety import visible
from lstm_tui.engine.whole_number import whole_number
from lstm_tui.formats.inputs.inputs import read_input

_KEPT, _FORGOTTEN = 0.5, 0.1
"""Which part of what a token's share was is kept at least, and at which it is not yet forgotten."""
_MOST_LINES = 200
_QUOTED = r'(?:"(?:[^"\\]|\\.)*"|\'[^\']*\'|\S+)'
_ASKED = re.compile(rf"(?P<one>{_QUOTED})\s+until\s+(?P<other>{_QUOTED})(?P<rest>.*)\Z", re.DOTALL)
_OPTION = re.compile(r"\s+(?P<name>in|to|by|within|among|over)\s+(?P<value>\S+)\s*\Z")
_BEHIND = ("in", "to", "by", "within", "among")
"""What may stand behind the tokens of `keep` and `forget`."""
_MOST_HELD_OUT = 2_000
"""Lines of a file over which it is counted what else an edit changes."""


def _words(session: Session, rest: str) -> Iterator[str]:
    before, gap, begun = rest.rpartition(" ")
    tokens = dict.fromkeys(visible(one) for one in session.frame.trace.sequence.tokens)
    if not gap or before.endswith("until"):
        yield from (f'{before}{gap}"{one}"' for one in tokens if one.startswith(begun.removeprefix('"')))
    elif before.endswith("by"):
        yield from (f"{before} {kind}" for kind in KINDS if kind.startswith(begun))
    else:
        yield from (f"{before} {word}" for word in ("until", *_BEHIND) if word.startswith(begun))


@VERBS.verb(
    "keep TOKEN until TOKEN [in MEMORY] [to PART] [by token|bias|weights] [within SIZE] [among N]",
    "find the smallest change of a token, a gate's bias or a few weights by which a memory is kept: at least half of "
    "its share; `apply` makes it",
    complete=_words, example="keep 0 until 1 by bias within .03",
)  # fmt: skip
def _keep(session: Session, rest: str) -> Iterable[str]:
    return _memory(session, rest, "keep")


@VERBS.verb(
    "forget TOKEN until TOKEN [in MEMORY] [to PART] [by token|bias|weights] [within SIZE] [among N]",
    "find what has a memory forgotten by the smallest change: less than a tenth of its share is left",
    complete=_words, example="forget 0 until 1 by bias within .03",
)  # fmt: skip
def _forget(session: Session, rest: str) -> Iterable[str]:
    return _memory(session, rest, "forget")


def _memory(session: Session, rest: str, verb: str) -> Iterator[str]:
    match = _ASKED.match(rest)
    if match is None:
        raise UserError(f'{verb} which token until which? such as: {verb} "Ganesh" until "likes", or {verb} 0 until 4')
    given = _options(match["rest"], _BEHIND, verb)
    trace, passed = session.frame.trace, session.frame.passed
    first = _place(session, match["one"])
    until = _place(session, match["other"], behind=first)
    if passed.reading_step(until) <= passed.reading_step(first):
        raise UserError(f"{passed.name} reads t={until} before t={first}: name a token that it reads later")
    memory = f", {given['in']}" if "in" in given else ""
    scope = session.scope(passed.name)
    written, now = (_share(scope, f"share(tok[{first}]{memory}, at={place})") for place in (first, until))
    part = _part(given["to"]) if "to" in given else (_KEPT if verb == "keep" else _FORGOTTEN)
    if not written > 0:
        raise UserError(f"“{visible(trace.sequence.tokens[first])}” wrote nothing into this memory: nothing to {verb}")
    bound = rounded(part * written, 4)
    asserted = f"share(tok[{first}]{memory}, at={until}) {'>=' if verb == 'keep' else '<'} {bound!r}"
    one, other = (f"“{visible(trace.sequence.tokens[t])}” (t={t})" for t in (first, until))
    what = f"of {given['in']} " if memory else "of the memory "
    kept = f"at least {percent(bound)}" if verb == "keep" else f"less than {percent(bound)}"
    yield (
        f"{one} has {percent(written)} {what}when it is read and {percent(now)} after {other}; "
        f"{'kept' if verb == 'keep' else 'forgotten'} is {kept}: {visible(asserted)}"
    )
    if judge(asserted, scope).holds:
        session.changes = ()
        yield "so it is already: there is nothing to change"
        return
    asked = _asked(session, ((0, asserted),), (), (session.edited.sequence,), passed.name, frozenset((first, until)))
    yield from _search(session, asked, given)


def _share(scope: Scope, expression: str) -> float:
    made = evaluate(parse(expression), scope, 0, scope.steps)
    known = np.broadcast_to(made.known, made.values.shape)
    if made.values.shape[1] != 1 or not known.any() or not np.isfinite(made.values[known]).all():
        raise UserError(f"{visible(expression)} is not known in this run")
    return float(made.values[known][0])


def _options(rest: str, known: tuple[str, ...], verb: str) -> dict[str, str]:
    given: dict[str, str] = {}
    while found := _OPTION.search(rest):
        if found["name"] in given or found["name"] not in known:
            raise UserError(f"`{found['name']}` is {'given twice' if found['name'] in given else f'not for {verb}'}")
        given[found["name"]] = found["value"]
        rest = rest[: found.start()]
    if rest.strip():
        raise UserError(f"`{visible(rest.strip()[:40])}` means nothing to {verb}; behind it stand {', '.join(known)}")
    if given.get("by", KINDS[0]) not in KINDS:
        raise UserError(f"by what? {', '.join(KINDS)}")
    return given


def _positive(text: str, name: str) -> float:
    number = read_number(text)
    if number is None or not 0 < number < np.inf:
        raise UserError(f"`{name} {visible(text[:40])}` is no number above 0, such as: {name} .5")
    return number


def _among(text: str) -> int:
    number = whole_number(text, 1, 10**9)
    if number is None:
        raise UserError(f"`among {visible(text[:40])}` is no number of weights from 1, such as: among 500")
    return number


def _part(text: str) -> float:
    """Return a part of a whole: `.9` or `90%`."""
    number = _positive(text.removesuffix("%"), "to") / (100 if text.endswith("%") else 1)
    if number > 1:
        raise UserError(
            f"`to {visible(text[:40])}` is more than the whole: a part is at most 1, such as: to .5, or to 50%"
        )
    return number


def _place(session: Session, text: str, behind: int | None = None) -> int:
    """Return the place of a token: by number, or the first that stands so, behind another where one does."""
    tokens, trace = session.frame.trace.sequence.tokens, session.frame.trace
    number = whole_number(text, most=10**9)
    if number is not None:
        if number >= len(tokens):
            raise UserError(f"there is no place {number} on this tape: its last is {len(tokens) - 1}")
        return number
    quoted = text[:1] in ('"', "'") and len(text) > 1 and text[-1] == text[0]
    token = (unquoted(text) or "") if quoted else text
    places = [t for t, one in enumerate(tokens) if token in (one, trace.as_read(one)) or trace.as_read(token) == one]
    places = places or [t for t, one in enumerate(tokens) if trace.as_read(one) == trace.as_read(token)]
    if not places:
        near = nearest(token, dict.fromkeys(tokens))
        raise UserError(
            f"“{visible(token[:40])}” does not stand here" + (f"; did you mean “{visible(near)}”?" if near else "")
        )
    if behind is None:
        if len(places) > 1 and session.frame.t not in places:
            raise UserError(f"“{visible(token[:40])}” stands at {listed_places(places)}: say which by its place")
        return session.frame.t if session.frame.t in places else places[0]
    passed = session.frame.passed
    later = [t for t in places if passed.reading_step(t) > passed.reading_step(behind)]
    return min(later or places, key=passed.reading_step)


def _asked(
    session: Session,
    wanted: tuple[tuple[int, str], ...],
    others: tuple[tuple[int, str], ...],
    texts: tuple[Tokens, ...],
    pass_name: str,
    fixed: frozenset[int] = frozenset(),
) -> ChangeQuestion:
    trace, edited = session.frame.trace, session.edited
    if trace.windows is not None:
        raise UserError("this run is too long to be run again for every change: ask of a shorter text")
    initial = session.source.start(session.frame.line, trace.interpreter)
    own = 0 if all(n == 0 for n, _ in wanted) else None
    return ChangeQuestion(
        edited.network, texts, initial, {0: edited.holds}, wanted, others, pass_name, trace.dtype, trace.interpreter,
        own, fixed,
    )  # fmt: skip


def _search(
    session: Session, asked: ChangeQuestion, given: dict[str, str], texts: tuple[str, list[Tokens]] | None = None
) -> Iterator[str]:
    """Yield what is found of each kind that is asked for; it is kept for `apply`.

    Args:
        session: What is edited.
        asked: What is wanted.
        given: Options, by their names.
        texts: Over which it is counted what else an edit changes, and what they are; by default, as `other_texts`.
    """
    kinds = (given["by"],) if "by" in given else KINDS
    largest = min(_positive(given["within"], "within"), 99.0) if "within" in given else LARGEST
    among = _among(given["among"]) if "among" in given else None
    about_to_take_long()
    changes: list[FoundChange] = []
    for number, kind in enumerate(one for one in KINDS if one in kinds):
        session.work.part(number, len(kinds))
        try:
            found = smallest(asked, kind, largest, progress=session.work.progress, among=among)
        except UserError as error:
            if len(kinds) == 1:
                raise
            yield f"{_LABELS[kind]}: {error}"
            continue
        if not found.edits:
            yield f"{_LABELS[kind]}: none found within {found.tried}"
            continue
        changes.append(found)
        line = " ;; ".join(line_of(edit) for edit in found.edits)
        yield f"{len(changes)}. {_LABELS[kind]}, {found.size}: {visible(line)}   (of {found.tried})"
        network, swapped = with_edits(asked, found.edits)
        if swapped is not None:
            yield "    it changes this line alone"
            continue
        if texts is None:
            lines = lines_as_read(session.source.sequences, session.source.network, session.edited.network)
            texts = other_texts(asked.network, lines, session.frame.line)
        effect = effect_on(asked.network, network, texts[1], texts[0], session.work.check)
        yield f"    {effect_words(effect, texts[0])}"
    session.changes = tuple(changes)
    if changes:
        yield (
            "`apply 1` makes the first as an edit; undo takes it back, and save-model writes it"
            if any(isinstance(edit, NetworkEdit) for one in changes for edit in one.edits)
            else "`apply 1` makes it as an edit; undo takes it back"
        )


_LABELS: dict[ChangeKind, str] = {"token": "another token", "bias": "bias of a gate", "weights": "weights"}


def effect_words(effect: HeldOutEffect | None, texts: str) -> str:
    """Return what else an edit changes, in words."""
    if effect is None:
        return "what else it changes is not known: there are no other texts" if texts.startswith("0 ") else (
            "what else it changes is not known: this network says nothing"
        )  # fmt: skip
    flips = "" if effect.flips is None else f"{effect.flips} of {count_of(effect.answers, 'answer')} flip, "
    mean = "not known" if not np.isfinite(effect.mean) else sentence(effect.mean, 2)
    return f"elsewhere: {flips}outputs move by {mean} on the mean, over {effect.texts}"


# --- checks of a file -----------------------------------------------------------------------------------


@VERBS.verb(
    "fix FILE [check N] [by token|bias|weights] [within SIZE] [among N] [over TEXTS]",
    "have a failing check of a file hold by the smallest change, while those that hold go on holding",
    complete=complete_file, touches_files=True,
)  # fmt: skip
def _fix(session: Session, rest: str) -> Iterator[str]:
    found = re.match(r"(?P<file>.*?)(?P<rest>(?:\s+(?:check|by|within|among|over)\s+\S+)*)\s*\Z", rest, re.DOTALL)
    if found is None or not found["file"]:
        raise UserError("fix the checks of which file? such as: fix checks.txt; a line of it is what `assert` takes")
    behind, number = found["rest"], None
    if named := re.search(r"\s+check\s+(?P<n>\S+)", behind):
        number, behind = named["n"], behind.replace(named.group(), "", 1)
    given = _options(behind, ("by", "within", "among", "over"), "fix")
    held_out = _held_out(session, given["over"]) if "over" in given else None
    checks = read_checks(_path(found["file"]))
    texts, judged = _judged(session, checks)
    failing = [one for one in checks if _fails(judged[one])]
    for one in failing:
        yield f"{visible(found['file'])}:{one.line}: {_failure(judged[one])}"
    absent = [one for one in checks if not any(result.asked for _, result, _ in judged[one])]
    for one in absent:
        yield f"{visible(found['file'])}:{one.line}: was asked of no line: {visible(one.asserted)}"
    if not failing:
        session.changes = ()
        yield f"{count_of(len(checks) - len(absent), 'check')} hold: there is nothing to fix"
        return
    wanted = failing[0] if number is None else _numbered(number, failing)
    if len(failing) > 1 and number is None:
        yield f"the first of them is fixed: `check {failing[1].line}` behind the file names another, by its line"
    pass_name = asked_pass(session.frame.trace, None)
    asked = _asked(
        session,
        tuple((n, wanted.asserted) for n, result, _ in judged[wanted] if result.asked),
        tuple((n, one.asserted) for one in checks if one is not wanted for n, result, _ in judged[one] if result.holds),
        texts,
        pass_name,
    )
    yield from _search(session, asked, given, held_out)


def _held_out(session: Session, name: str) -> tuple[str, list[Tokens]]:
    """Return the lines of a file over which it is counted what else an edit changes, and what they are.

    Raises:
        UserError: It cannot be read, or is none for this network.
    """
    network = session.edited.network
    path = _path(name)
    source = Source.of_input(network, read_input(path, numbers=network.tokens is None))
    texts = [one for one in source.sequences[:_MOST_HELD_OUT] if len(one)]
    first = "the first " if source.count > len(texts) else ""
    return f"{first}{count_of(len(texts), 'line')} of {visible(name)}", texts


def _path(name: str) -> str:
    from pathlib import Path

    return str(Path(unquoted(name) or name if name[:1] in "\"'" else name).expanduser())


def _numbered(text: str, failing: list[CheckLine]) -> CheckLine:
    number = whole_number(text, most=10**6)
    found = next((one for one in failing if one.line == number), None)
    if found is None:
        lines = ", ".join(str(one.line) for one in failing)
        raise UserError(f"no check that fails stands in line `{visible(text[:20])}`; those that do: {lines}")
    return found


_Judged = dict[CheckLine, list[tuple[int, AssertionResult, str]]]
"""Of each check, every text by number with what became of it there, and that in words."""


def _judged(session: Session, checks: tuple[CheckLine, ...]) -> tuple[tuple[Tokens, ...], _Judged]:
    """Judge checks over the lines of what is open and over their own texts; the line that is open is the first text."""
    network = session.edited.network
    lines = lines_as_read(session.source.sequences, session.source.network, network)
    here = session.frame.line
    numbers = [n for n in range(min(session.source.count, _MOST_LINES + 1)) if n != here][:_MOST_LINES]
    texts: list[Tokens] = [session.edited.sequence, *(lines[n] for n in numbers)]
    opened = range(len(texts))
    own: dict[str, int] = {}
    for one in checks:
        if one.text is not None and one.text not in own:
            own[one.text] = len(texts)
            texts.append(read_as(one.text, network))
    asked = _asked(session, (), (), tuple(texts), asked_pass(session.frame.trace, None))
    found: _Judged = {one: [] for one in checks}
    which = [n for n in range(len(texts)) if n not in opened or any(one.text is None for one in checks)]
    for done, (n, trace) in enumerate(zip(which, asked.traces(network, which), strict=True)):
        session.work.progress(done, len(which))
        scope = Scope(trace, asked.pass_name)
        for one in checks:
            if n in opened if one.text is None else own[one.text] == n:
                result = judge(one.asserted, scope)
                found[one].append((n, result, _told(one, result, scope, trace)))
    return tuple(texts), found


def _told(one: CheckLine, result: AssertionResult, scope: Scope, trace: Trace) -> str:
    if not result.asked or result.holds:
        return ""
    where = f"line {trace.sequence.line}: " if one.text is None and trace.sequence.line else ""
    return where + said(one.asserted, result, scope)


def _fails(judged: list[tuple[int, AssertionResult, str]]) -> bool:
    return any(result.asked and not result.holds for _, result, _ in judged)


def _failure(judged: list[tuple[int, AssertionResult, str]]) -> str:
    told = [words for _, result, words in judged if result.asked and not result.holds]
    return told[0] + (f" (and in {count_of(len(told) - 1, 'line')} more)" if len(told) > 1 else "")


# --- what was found, made -------------------------------------------------------------------------------


def _numbers(session: Session, rest: str) -> Iterator[str]:
    return (str(n + 1) for n in range(len(session.changes)) if str(n + 1).startswith(rest))


@VERBS.verb("apply [N]", "make what keep, forget or fix has found as an edit, the first or the N-th",
            complete=_numbers, edits=True)  # fmt: skip
def _apply(session: Session, rest: str) -> tuple[str, ...]:
    count = len(session.changes)
    if not count:
        raise UserError('nothing was found to apply: ask first, such as: keep "Ganesh" until "likes"')
    number = whole_number(rest or "1", 1, count)
    if number is None:
        raise UserError(f"which one? 1 to {count} were found")
    found = session.changes[number - 1]
    done, before = session.history.done, session.frame.trace
    session.edit(*found.edits)
    return (*session.words[done : session.history.done], *verdicts(session, before))
