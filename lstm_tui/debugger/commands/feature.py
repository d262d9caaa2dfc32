"""`feature`: a direction of a value that has a name, fitted to labels, read from a file, or random."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from lstm_tui.analysis.ledger import flow_of, ledger_at
from lstm_tui.analysis.linear_probe import P_VALUE, RANDOM, Judged, LabelledTokens, fit_probe, judge_number
from lstm_tui.debugger.commands.autoencoder import row_of_autoencoder, told_of
from lstm_tui.debugger.commands.complete import begun_with, complete_file
from lstm_tui.debugger.commands.find import file_corpus, states_of
from lstm_tui.debugger.commands.table import VERBS
from lstm_tui.debugger.corpus import ValueName
from lstm_tui.debugger.expressions import parse
from lstm_tui.debugger.expressions.functions import FUNCTIONS
from lstm_tui.debugger.expressions.parser import ExpressionError, NameNode
from lstm_tui.debugger.expressions.scope import Moment, NoSuchName
from lstm_tui.debugger.features import MOST_NUMBERS, Feature, check_name, read_written
from lstm_tui.debugger.inspect.findings import labels_by_pattern, labels_in_file
from lstm_tui.debugger.session import Session
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.roles import kept_states
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError, nearest
from lstm_tui.engine.language.words import unquoted
from lstm_tui.engine.number_text import count_of, percent, sentence
from lstm_tui.engine.runtime.windowed_series import rows_of
from lstm_tui.engine.text_safety import visible
from lstm_tui.engine.whole_number import whole_number

_MADE = re.compile(r"(?P<how>probe|direction|random|sae)\s*\((?P<given>.*)\)\s*\Z", re.DOTALL)
_GIVEN = re.compile(r"""\s*("(?:[^"\\]|\\.)*"|[^,"]*?)\s*(?:,|\Z)""")
_HOW = (
    'feature negation = probe(c, "not|never"), = probe(c, labels.tsv), = direction(c, FILE.npz), '
    "= sae(c, FILE.npz, 7), or = random(c)"
)
_AGAINST = re.compile(r"(?P<name>\w+)\s+against\s+(?P<what>\S.*)\Z", re.ASCII | re.DOTALL)
_RESERVED = ("prev", "share", "inf", "nan")
_MOST_PARTS = 5
_MOST_READ = 20_000
"""Tokens of a line over which it is told how well a dictionary rebuilds a value."""
_LENGTH = 1e-6


@dataclass(frozen=True)
class _Asked:
    """How a feature is to be made.

    Attributes:
        name: What it is called.
        how: probe, direction, sae or random.
        given: What stands in the brackets.
    """

    name: str
    how: str
    given: tuple[str, ...]


def _words(session: Session, rest: str) -> Iterator[str]:
    return begun_with(session.frame.names.features, rest)


@VERBS.verb(
    "feature [NAME [= HOW]|NAME against LABELS]",
    'name a direction of a value: probe(c, "not|never") fits one to what a regular expression matches '
    "in the file, random(c) takes any; alone it tells them",
    complete=_words,
    example="feature any_way = random(h)",
)
def _feature(session: Session, rest: str) -> Iterable[str]:
    against = _AGAINST.match(rest)
    if against is not None:
        return _against(session, against["name"], against["what"])
    name, made, text = (part.strip() for part in rest.partition("="))
    if not made:
        return _told(session, name)
    if not text:
        _known(session, name)
        session.name_direction(name, None)
        return (f"{visible(name)} stands for nothing now",)
    _check(session, name)
    features = session.frame.names.features
    known = {one.name: one.dictionary for one in features.values() if one.dictionary is not None}
    written = read_written(name, text, known)
    if written is not None:
        return _named(session, written)
    asked = _asked(name, text)
    if len(asked.given) > 1 and asked.how != "random" and not asked.given[1].startswith('"'):
        value, path, *more = asked.given
        if session.scripting.is_restored:
            raise UserError("a saved session reads no other file: a feature stands there in numbers")
        inside = ", ".join((value, *more))  # refused where verbs are kept from files
        return VERBS.named("feature-from")(session, f"{path} {name} = {asked.how}({inside})")
    passed, value = _value(session, asked.given[0] if asked.given else "")
    if asked.how == "random" and len(asked.given) == 1:
        return _random(session, name, passed, value)
    if asked.how != "probe" or len(asked.given) != 2:
        raise UserError(f"how is it made? such as: {_HOW}")
    pattern = unquoted(asked.given[1]) or ""
    if not pattern:
        raise UserError(f"which tokens? a regular expression in quotes, or a file, such as: {_HOW}")
    labels = labels_by_pattern(file_corpus(session), pattern)
    return _fitted(session, name, passed, value, labels, f"`{visible(pattern)}`")


@VERBS.verb(
    "feature-from FILE NAME = HOW",
    "take a direction with a name from a file: probe(c) fits one to a label a token (.tsv; probe(c, TAG) to a "
    "tag), direction(c) is an array of an .npz (direction(c, KEY, ROW)), sae(c, ROW) a row of a sparse autoencoder "
    "(.npz, .safetensors) behind its ReLU",
    complete=complete_file,
    touches_files=True,
)
def _feature_from(session: Session, rest: str) -> Iterable[str]:
    path, _, behind = rest.partition(" ")
    name, made, text = (part.strip() for part in behind.partition("="))
    against = re.match(r"(\w+)\s+against\b\s*(.*)\Z", behind, re.ASCII)
    if against is not None:
        feature, tag = _known(session, against[1]), against[2].strip()
        return _judged_by(session, feature, _labels(session, path, tag, feature.value)[0])
    if not path or not made:
        raise UserError("from which file? such as: feature-from labels.tsv negation = probe(c)")
    _check(session, name)
    asked = _asked(name, text)
    passed, value = _value(session, asked.given[0] if asked.given else "")
    if asked.how == "probe" and len(asked.given) <= 2:
        labels, what = _labels(session, path, asked.given[1] if len(asked.given) == 2 else "", value)
        return _fitted(session, name, passed, value, labels, what)
    if asked.how == "direction" and len(asked.given) <= 3:
        direction, what = _direction_in(path, _size(session, passed, value), asked.given[1:])
        feature = Feature(name, passed, value, tuple(map(float, direction)), 0.0, what)
        return (*_named(session, feature), "read as a direction alone: nothing says yet what it tells")
    if asked.how == "sae":
        return _of_autoencoder(session, name, passed, value, path, asked.given[1:])
    raise UserError(f"how is it made? such as: {_HOW}")


def _of_autoencoder(
    session: Session, name: str, passed: str, value: str, path: str, given: tuple[str, ...]
) -> tuple[str, ...]:
    row = row_of_autoencoder(name, passed, value, _size(session, passed, value), path, given)
    series = session.frame.trace[passed][value]
    told = _named(session, row.feature)
    return (*told, *told_of(row, rows_of(series, 0, min(len(series), _MOST_READ))))


def _labels(session: Session, path: str, tag: str, value: str) -> tuple[Array, str]:
    """Return labels 0 and 1 of a file, and what they are called.

    Raises:
        UserError: The file cannot be read, has not as many labels as there are tokens, or others than 0 and 1.
    """
    labels, what = labels_in_file(file_corpus(session), path, _bare(tag) if tag else None)
    if not np.isin(labels, (0, 1)).all():
        raise UserError(f"{visible(path)}: a probe takes labels 0 and 1; of words, name one: probe({value}, TAG)")
    return labels, what


def _check(session: Session, name: str) -> None:
    """Refuse a name that means something already.

    Raises:
        UserError: It does, or cannot be one.
    """
    check_name(name)
    if name in session.frame.names.features:
        return
    try:
        if isinstance(parse(name).node, NameNode) and name not in FUNCTIONS and name not in _RESERVED:
            session.scope().read(name, Moment(0, 0))
    except NoSuchName:
        values = {value for passed in session.frame.trace.values() for value in (*passed, *passed.inputs)}
        if name not in values:
            return
    except ExpressionError:
        pass
    raise UserError(f"`{name}` means something in expressions already: give another name")


def _asked(name: str, text: str) -> _Asked:
    match = _MADE.match(text)
    if match is None:
        raise UserError(f"how is it made? such as: {_HOW}")
    given = tuple(one for one in (found.group(1) for found in _GIVEN.finditer(match["given"])) if one)
    return _Asked(name, match["how"], given)


def _value(session: Session, text: str) -> tuple[str, str]:
    """Return the pass and the value that a direction is to be of.

    Raises:
        UserError: There is no such value.
    """
    frame = session.frame
    owner, _, value = text.rpartition(".")
    passed = frame.trace.passes.get(owner or frame.position.pass_name)
    if passed is None or value not in passed:
        known = [*(passed or ()), *(f"{name}.{one}" for name, each in frame.trace.items() for one in each)]
        near = nearest(text, known)
        hint = f"; did you mean {near}?" if near else f"; such as: {_HOW}"
        raise UserError(f"a direction of which value? there is no `{visible(text[:40])}`{hint}")
    _size(session, passed.name, value)
    return passed.name, value


def _size(session: Session, passed: str, value: str) -> int:
    size = int(session.frame.trace[passed][value].shape[1])
    if size > MOST_NUMBERS:
        raise UserError(f"{value} has {size} units, and a direction at most {MOST_NUMBERS}")
    return size


def _named(session: Session, feature: Feature) -> tuple[str, ...]:
    passed, value = _value(session, f"{feature.pass_name}.{feature.value}".removeprefix("."))
    if len(feature.weights) != _size(session, passed, value):
        raise UserError(
            f"{feature.name} has {count_of(len(feature.weights), 'number')}, and {passed}.{value} "
            f"{count_of(_size(session, passed, value), 'unit')}"
        )
    feature = replace(feature, pass_name=passed, value=value)
    for one in session.frame.names.features.values():
        feature = feature.sharing(one)
    session.name_direction(feature.name, feature)
    return (f"{feature.name} is a direction of {passed}.{value}: {visible(feature.origin) or 'given in numbers'}",)


def _random(session: Session, name: str, passed: str, value: str) -> tuple[str, ...]:
    size = _size(session, passed, value)
    direction = np.random.default_rng(len(name) + sum(map(ord, name))).normal(size=size)
    direction /= np.linalg.norm(direction)
    feature = Feature(
        name, passed, value, tuple(map(float, direction)), 0.0, "a random direction, to compare others with"
    )
    return _named(session, feature)


def _labelled(session: Session, passed: str, value: str, labels: Array) -> LabelledTokens:
    corpus = file_corpus(session)
    states = states_of(session, corpus, [ValueName(passed, value)])
    held = states.states[f"{passed}.{value}"]
    values = np.asarray(held.read(range(held.units), 0, held.steps), np.float64).T
    lengths = np.diff(np.asarray(states.starts))
    there = np.flatnonzero(lengths)
    return LabelledTokens(values, np.asarray(labels, np.float64), np.asarray(states.ids), lengths[there])


def _fitted(session: Session, name: str, passed: str, value: str, labels: Array, what: str) -> tuple[str, ...]:
    """Fit a direction to labels; tell how well it does on what was held out, and how well a random one does."""
    given = _labelled(session, passed, value, labels)
    probe = fit_probe(given)
    feature = Feature(
        name, passed, value, tuple(map(float, probe.weights)), probe.bias, f"probe of {what}: {_judged(probe.judged)}"
    )
    told = _named(session, feature)
    return (*told, *_judged_lines(probe.judged, name))


def _against(session: Session, name: str, what: str) -> tuple[str, ...]:
    """Judge a feature by what a regular expression matches, or by labels of a file."""
    if not what.startswith('"'):
        if session.scripting.is_restored:
            raise UserError("a saved session reads no other file")
        return VERBS.named("feature-from")(session, f"{what.split()[0]} {name} against {' '.join(what.split()[1:])}")
    feature, pattern = _known(session, name), unquoted(what) or ""
    if not pattern:
        raise UserError(f'which tokens? a regular expression in quotes, such as: feature {name} against "not|never"')
    labels = labels_by_pattern(file_corpus(session), pattern)
    return _judged_by(session, feature, labels)


def _judged_by(session: Session, feature: Feature, labels: Array) -> tuple[str, ...]:
    given = _labelled(session, feature.pass_name, feature.value, labels)
    if given.values.shape[1] != len(feature.weights):
        raise UserError(
            f"{feature.name} has {len(feature.weights)} numbers, and the value {given.values.shape[1]} units"
        )
    return tuple(_judged_lines(judge_number(lambda values: feature.of(values)[:, 0], given), feature.name))


def _judged(judged: Judged) -> str:
    known = f"p {sentence(judged.p, 2)}" if np.isfinite(judged.p) else "p not known"
    return f"right on {percent(judged.accuracy)} of {count_of(judged.tokens, 'token')} held out, {known}"


def _judged_lines(judged: Judged, name: str) -> Iterator[str]:
    half = "50 % is a guess: tokens with the label and without count as much"
    yield f"held out: {_judged(judged)}, of permuted labels; {half}"
    if np.isfinite(judged.control):
        yield (
            f"control task, labels by lot for every kind of token: {percent(judged.control)}; selectivity "
            f"{sentence(100 * judged.selectivity, 3, sign=True)} points"
        )
    as_good = f"as good as this: p {sentence(judged.random_p, 2)}"
    yield f"random directions: {percent(judged.random)} in the middle of {RANDOM}, {as_good}"
    yield f"{name}: {judged.verdict} (p at most {sentence(P_VALUE)} is more)"


def _direction_in(path: str, size: int, which: tuple[str, ...]) -> tuple[Array, str]:
    """Return a direction of an `.npz`, and what is said of it.

    Raises:
        UserError: The file cannot be read, or holds no such array, or one of another size.
    """
    from lstm_tui.formats.io.npy import read_npz

    arrays, key = read_npz(path), which[0] if which and whole_number(which[0]) is None else None
    row = whole_number(which[-1]) if which else None
    if key is None and len(arrays) != 1:
        raise UserError(f"{visible(path)}: which array? there are {', '.join(map(visible, list(arrays)[:8]))}")
    key = next(iter(arrays)) if key is None else _bare(key)
    if key not in arrays:
        raise UserError(
            f"{visible(path)}: has no array {visible(key[:40])}; there are {', '.join(map(visible, list(arrays)[:8]))}"
        )
    array = arrays[key]
    if array.ndim == 2 and row is not None:
        across = array.shape[1] != size and array.shape[0] == size  # a dictionary that lies across
        array = array.T if across else array
        if row >= len(array):
            raise UserError(f"{visible(path)}: {visible(key)} has {count_of(len(array), 'direction')}, from 0")
        array = array[row]
    if array.ndim != 1 or len(array) != size:
        shape = "×".join(map(str, array.shape))
        hint = "; which row? such as: direction(c, KEY, 7)" if array.ndim == 2 and size in array.shape else ""
        raise UserError(f"{visible(path)}: {visible(key)} is {shape}, and the value has {count_of(size, 'unit')}{hint}")
    if not np.isrealobj(array) or not np.isfinite(array).all() or float(np.abs(array).max()) > 1e30:
        raise UserError(f"{visible(path)}: {visible(key)} is no direction: a number there is not finite, or immense")
    if not array.any():
        raise UserError(f"{visible(path)}: {visible(key)} is no direction: all its numbers are 0")
    return array.astype(np.float64), f"{visible(key)}{'' if row is None else f'[{row}]'} of {visible(path)}"


def _bare(text: str) -> str:
    """Return what stands in quotes, or the text where there are none."""
    return unquoted(text) or "" if text.startswith('"') else text


def _known(session: Session, name: str) -> Feature:
    features = session.frame.names.features
    if name not in features:
        near = nearest(name, features)
        hint = f"; did you mean {near}?" if near else f"; such as: {_HOW}"
        raise UserError(f"there is no feature `{visible(name[:40])}`{hint}")
    return features[name]


def _told(session: Session, name: str) -> tuple[str, ...]:
    """Return every feature, a line each; or one with its units, and which token wrote it."""
    features = session.frame.names.features
    if not name:
        told = tuple(
            f"{one.name}  {one.pass_name}.{one.value}: {visible(one.origin) or 'given in numbers'}"
            for one in features.values()
        )
        return told or (f"there is no feature; such as: {_HOW}",)
    feature = _known(session, name)
    here = session.evaluate(name).value
    number = float(here.values[0, 0])
    direction = feature.direction
    best = [int(n) for n in np.argsort(-np.abs(direction), kind="stable")[:_MOST_PARTS]]
    names = session.frame.names
    units = ", ".join(
        f"{names.value(feature.pass_name, feature.value, n)} {sentence(direction[n], 2, sign=True)}" for n in best
    )
    lines = [
        f"{name} = {sentence(number)} at t={session.frame.t}: a direction of {feature.pass_name}.{feature.value}",
        f"  {visible(feature.origin) or 'given in numbers'}",
        f"  most in {units}",
    ]
    return (*lines, *(f"  {line}" for line in written_by(session, feature)))


def written_by(session: Session, feature: Feature) -> Iterator[str]:
    """Yield which tokens wrote what a direction of a memory is here: their parts, the rest, and the sum."""
    trace, t = session.frame.trace, session.frame.t
    passed = trace[feature.pass_name]
    if feature.value not in kept_states(passed.cell) or passed.is_windowed:
        return
    flow = flow_of(passed, feature.value)
    if flow is None:
        return
    ledger, direction = ledger_at(passed, flow, t), feature.direction
    parts = ledger.by_token @ direction
    start = float(ledger.start @ direction)
    edits = 0.0 if ledger.edits is None else float((ledger.edits @ direction).sum())
    total = float(ledger.total @ direction) + feature.bias
    order = [int(n) for n in np.argsort(-np.abs(parts), kind="stable") if ledger.read[n]]
    told = ", ".join(
        f"“{visible(trace.sequence.tokens[n])}” {sentence(parts[n], 3, sign=True)}" for n in order[:_MOST_PARTS]
    )
    rest = float(sum(parts[n] for n in order[_MOST_PARTS:]))
    others = (
        f", {count_of(len(order) - _MOST_PARTS, 'other')} {sentence(rest, 3, sign=True)}"
        if len(order) > _MOST_PARTS
        else ""
    )
    own = "".join(
        f", {what} {sentence(part, 3, sign=True)}"
        for what, part in (("the start", start), ("edits", edits), ("what is added", feature.bias)) if part
    )  # fmt: skip
    whole = float(parts.sum()) + start + edits + feature.bias
    allowed = float(np.abs(direction) @ ledger.allowed) + _LENGTH * np.finfo(np.float64).eps
    sign = "✓" if abs(whole - total) <= allowed else f"off by {sentence(abs(whole - total), 2)}"
    sign = sign if np.isfinite(whole) and np.isfinite(total) else "not known"
    yield f"written by {told}{others}{own}; Σ = {sentence(whole)} {sign}"
    if feature.behind is not None:
        out = float(feature.of(passed[feature.value][t][None])[0, 0])
        yield (
            f"that is exact of its sum; behind {feature.behind.words} it is {sentence(out)}, of which no token has a "
            "part of its own"
        )
