"""A session written as a lesson: a stop for where the run stands, added behind those that are there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lstm_tui.debugger.edits.language import ModelEdit, TextEdit, line_of
from lstm_tui.debugger.edits.openings import network_named
from lstm_tui.debugger.inspect.now import unit_at_start
from lstm_tui.debugger.inspect.trace_facts import Facts
from lstm_tui.debugger.session import Session
from lstm_tui.engine.doors import door
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.language.toml import MAX_BYTES, page_text
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.model.tokens import tokenize
from lstm_tui.formats.bundled_files import is_bundled
from lstm_tui.formats.importers.network_endings import NATIVE
from lstm_tui.formats.inputs.text_input import read_text
from lstm_tui.formats.io.files import replacing
from lstm_tui.lesson.lesson import LOOKS, MOST_TOKENS, parse_lesson
from lstm_tui.lesson.library import SUFFIX, check

_SHOWN = len(LOOKS)


def add_stop(session: Session, path: Path, words: str) -> int:
    """Write a stop behind those of a lesson file, which is begun where it is not there.

    Args:
        session: It stands where the stop is to stand; its edits are in force there.
        path: The lesson; its folder is there.
        words: What the stop says; between braces may stand expressions.

    Returns:
        How many stops the lesson has now.

    Raises:
        UserError: The session cannot stand in a lesson, or something in the words means nothing. Nothing is written.
    """
    if path.suffix != SUFFIX:
        raise UserError(f"a lesson is a {SUFFIX} file, such as mine{SUFFIX}")
    before = _written(path) if path.is_file() else page_text({"title": path.stem, "about": _about(session)})
    text = f"{before.rstrip()}\n\n[[stop]]\n{page_text(_stop(session, words), 'say')}"
    lesson = parse_lesson(text, str(path))
    check(lesson.stops[-1], lambda name: _without_edits(session))
    with replacing(path) as stream:
        stream.write(text.encode())
    return len(lesson.stops)


@door("a lesson")
def _written(path: Path) -> str:
    """Return what stands in a lesson file."""
    return read_text(path, MAX_BYTES).content


def _about(session: Session) -> str:
    return f"Recorded on “{session.edits.baseline.sequence.beginning}”."


def _stop(session: Session, words: str) -> dict[str, Any]:
    """Return the keys of a stop.

    Raises:
        UserError: A lesson cannot open what is open here, or not read it.
    """
    frame, baseline = session.frame, session.edits.baseline
    network, sequence, layout = baseline.network, baseline.sequence, session.layout
    if network is None or network.tokens is None:
        raise UserError("a lesson gives a network words: this run has no network, or one that reads numbers")
    text = " ".join(sequence.tokens)
    if len(sequence) > MOST_TOKENS or tuple(tokenize(text, network.tokens.kind)) != tuple(sequence.tokens):
        raise UserError(f"a lesson reads up to {MOST_TOKENS} tokens that can be written with a space between them")
    begin = next((n for n, one in reversed(list(enumerate(session.history.active))) if _opens(one)), -1) + 1
    position, equations = frame.position, frame.passed.cell.equations
    keys: dict[str, Any] = {"network": network.name if is_bundled(network.name) else network.name + NATIVE}
    keys["text"] = text
    edits = [line_of(one) for one in session.history.active[begin:]]
    if edits:
        keys["edits"] = edits
    if len(frame.trace.passes) > 1:
        keys["pass"] = position.pass_name
    keys["at"] = frame.t
    if 0 <= position.equation < len(equations) - 1:
        keys["equation"] = equations[position.equation].name
    unit = dict(layout.units).get(position.pass_name) if layout is not None else None
    if unit is None and session.chosen is not None and session.chosen[0] == position.pass_name:
        unit = session.chosen[1]
    if unit is None:
        unit = unit_at_start(frame, Facts(frame.trace), position.pass_name)
    if unit is not None:
        keys["unit"] = unit
    if layout is not None and layout.pane < _SHOWN:
        keys["look"] = LOOKS[layout.pane]
    return {**keys, "say": words}


def _without_edits(session: Session) -> Network:
    """Return the network that a lesson opens: as its file has it, before a word was added or a text taught."""
    network = session.edits.baseline.network
    assert network is not None
    if is_bundled(network.name):
        return network_named(network.name)
    other = any(isinstance(edit, ModelEdit) for edit in session.history.active)
    return network if other else session.edits.opened_network


def _opens(edit: object) -> bool:
    """Say whether an edit put another network or text in the place of what was open."""
    return isinstance(edit, ModelEdit | TextEdit)
