"""Verbs that open another network or text in place, or teach the network; each is an edit, which `undo` takes back."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lstm_tui.debugger.commands.complete import begun_with, complete_file
from lstm_tui.debugger.commands.edit import EDIT_VERBS, add_edit_verb, read_typed, verdicts
from lstm_tui.debugger.commands.table import VERBS
from lstm_tui.debugger.edits.language import ModelEdit, TeachEdit, WordsEdit
from lstm_tui.debugger.edits.openings import asked, network_named, read_as, same_file, text_of, unanswered
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.unknown_words import words_known
from lstm_tui.engine.errors import UserError, nearest
from lstm_tui.engine.language.words import unquoted
from lstm_tui.engine.model.more_words import new_words
from lstm_tui.engine.model.tokens import tokenize
from lstm_tui.engine.number_text import percent
from lstm_tui.engine.probabilities import is_distribution
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.bundled_files import bundled_names, is_bundled
from lstm_tui.formats.importers.named import words_known as known_to_bundled


@VERBS.verb(
    "text WORDS", "read another text in the place of this one, with the network as it is edited",
    example='text "The movie was not bad"', edits=True,
)  # fmt: skip
def _text(session: Session, rest: str) -> Iterator[str]:
    if not rest:
        raise UserError("read which text? such as: text The movie was not bad")
    session.edit(read_typed(session, "text", rest))
    said, better = session.words[session.history.done - 1], better_known(session)
    yield f"{said}; {better}" if better else said
    yield from session_verdict(session)


EDIT_VERBS.add("text")


add_edit_verb(
    "add-words",
    "add-words [WORDS]",
    "have the network read words it does not know, each as the unknown word until it is taught; without WORDS, those "
    "of this text",
    'add-words "zuri" "momos"',
)


@VERBS.verb(
    "teach [TEXT] [as CLASS] [epochs N] [rate R]",
    "train the network further on a text, or on several in quotes, new words in it too, and say what that costs; "
    "without TEXT, on this one",
    example='teach "it was not bad" as positive', edits=True,
)  # fmt: skip
def _teach(session: Session, rest: str) -> Iterator[str]:
    edit = read_typed(session, "teach", rest)
    assert isinstance(edit, TeachEdit), "a line of `teach` is one"
    added, before = _words_to_add(session, edit), session.frame.trace
    session.edit(*added, edit)
    yield from session.words[session.history.done - 1 - len(added) : session.history.done]
    yield from verdicts(session, before)


def _words_to_add(session: Session, edit: TeachEdit) -> tuple[WordsEdit, ...]:
    """Return the edit that adds the words of a teaching which the network does not know; none where it takes none."""
    network = session.edited.network
    read = [read_as(text, network) for text in edit.texts]
    unknown = list(dict.fromkeys(one.tokens[t] for one in read for t in one.unknown))
    try:
        return (WordsEdit(new_words(unknown, network)),) if unknown else ()
    except UserError:  # it learns them as the unknown one, which is said
        return ()


def _names(session: Session, rest: str) -> Iterator[str]:
    return begun_with(bundled_names(), rest)


@VERBS.verb(
    "model [NAME]",
    "have another of the bundled networks read this text; without NAME, list those that can",
    complete=_names, example="model sentiment-forward", edits=True,
)  # fmt: skip
def _model(session: Session, rest: str) -> Iterator[str]:
    if not rest:
        return _listed(session)
    name = _named(rest)
    if not is_bundled(name):
        raise UserError(_none_such(name))
    return _opened(session, name)


@VERBS.verb("model-file FILE", "have a network of any file read this text", complete=complete_file, touches_files=True,
            edits=True)  # fmt: skip
def _model_file(session: Session, rest: str) -> Iterator[str]:
    if not rest:
        raise UserError("open the network of which file? such as: model-file mine.safetensors")
    name = str(Path(_named(rest)).expanduser())
    return _opened(session, name if os.sep in name else f".{os.sep}{name}")


def _opened(session: Session, name: str) -> Iterator[str]:
    now = session.edited.network
    if same_file(now, name) and session.frame.difference is None:
        raise UserError(f"{visible(now.name)} is the network that reads this already")
    session.edit(ModelEdit(name))
    yield session.words[session.history.done - 1]
    yield from session_verdict(session)


def _named(rest: str) -> str:
    """Return the name of a network as it was typed, in quotes or not."""
    held = unquoted(rest) if rest[:1] == '"' and rest[-1:] == '"' and len(rest) > 2 else rest
    return rest if held is None else held.strip()


def _none_such(name: str) -> str:
    near = nearest(name, bundled_names())
    begun = [one for one in bundled_names() if name in one]
    if begun:
        return f"there is no network {visible(name[:40])!r}; there are {', '.join(begun)}"
    if os.sep in name or "." in name:
        return "`model` takes the name of a bundled network; `model-file FILE` reads one from a file"
    hint = f"did you mean {near}?" if near else "`model` alone lists them"
    return f"there is no network {visible(name[:40])!r}; {hint}"


def _listed(session: Session) -> Iterator[str]:
    """Yield a line for each bundled network that reads what is on the tape, those that know most of it first."""
    now = session.edited.network
    sequence = asked(session.edited.sequence, now)
    found: list[tuple[float, str, str]] = []
    for name in bundled_names():
        try:
            network = network_named(name)
            made = asked(unanswered(sequence, network, now), network)
        except UserError:
            continue
        found.append((len(made.unknown) / max(len(made), 1), name, words_known(made) if made.ids is not None else ""))
    width = max((len(name) for _, name, _ in found), default=0)
    here = f"{visible(now.name)} reads this"
    yield here + (f": {words_known(sequence)}" if sequence.ids is not None else "")
    for _, name, said in sorted(found, key=lambda one: one[0]):
        yield f"  {name:<{width}}  {said}".rstrip()
    yield "`model NAME` has another read it, `undo` goes back; `lstm-tui models NAME` tells how one was trained"


def session_verdict(session: Session) -> Iterator[str]:
    """Yield what the network says of the whole text, where it says one thing of it."""
    trace = session.frame.trace
    if trace.result is not None and trace.output is None and trace.classes and is_distribution(trace.result):
        best = int(np.argmax(trace.result))
        yield f"it says {visible(trace.classes[best])} {percent(float(trace.result[best]))}"


def better_known(session: Session) -> str:
    """Return which bundled network knows more words of the text than the one that reads it; empty where none does."""
    sequence = asked(session.edited.sequence, session.edited.network)
    if sequence.kind != "words" or not sequence.unknown:
        return ""
    known = known_to_bundled(tokenize(text_of(sequence), "words"))
    best = max(known, key=lambda name: known[name])
    if known[best] <= len(sequence) - len(sequence.unknown):
        return ""
    return f"{best} knows {known[best]} of {len(sequence)}: `model {best}`"
