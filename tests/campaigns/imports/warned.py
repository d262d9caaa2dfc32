"""What is wrong in a file of weights is warned of, or it is silent: the one rule of every campaign of weights alone.

What differs first, a layer or the answer, is warned of in three ways:

1. It is not shown at all, and a warning says why (`cut`).
2. Among what else the facts that are warned of could be, which is what `--set` takes, something makes it right, and
   what differs next is warned of by itself (`choice`). What the maker of the file would choose is tried first.
3. A warning says of that very part that it is not understood (`said`).

A warning of anything else leaves it silent, and so does a choice of which nothing is right.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import chain, combinations, product
from pathlib import Path
from typing import NamedTuple

from lstm_tui.engine.errors import UserError
from lstm_tui.formats.importers.import_report import Fact
from lstm_tui.formats.importers.open import Imported, ImportOptions, read_once

from .outcome import Outcome

MOST = {"layer": 200, "input": 100, "readout": 2000}
"""How often a network is opened with other choices for one part that is wrong, before it counts as silent."""
ALL = 3000
"""How often that is for a whole file."""
FEW = 60
"""How often that is for one part at first, so that a choice that leads nowhere is left soon.

Nothing is left out then, as `readout=none` leaves out an answer.
"""
ROUNDS = 20
"""How often more is decided because a decision asks for it."""
_NEVER_DRAWN = ("elu", "leaky_relu_0_01", "swish")
"""Functions that no campaign draws: they are not tried."""
_READING = ("input", "input_layers", "embedding", "ids", "place", "masking")
"""Subjects of facts of what enters the lowest layer, or of where what stands between layers has its place."""


_Changes = dict[str, str]


class Off(NamedTuple):
    """What differs first in one network.

    Attributes:
        part: A layer or `readout`, as keys of facts begin, or `input` where the network cannot read what it is given.
        text: How it differs.
        shown: Whether numbers are shown there at all.
        fits: Whether they have the right shape.
        name: What the file calls it.
        rank: How many parts below it are right.
        unseen: Layers right below it that nothing was compared of, so that one of them may be what differs first.
    """

    part: str
    text: str
    shown: bool = True
    fits: bool = False
    name: str = ""
    rank: int = 0
    unseen: tuple[str, ...] = ()


class Opened(NamedTuple):
    """How a campaign opens one file, and finds what is wrong.

    Attributes:
        again: Opens one network of the file, by its name or the only one, with decisions.
        look: What differs first in a network; None where nothing does.
        answers: What the file's own model answers, as `last` names it.
        last: Which answer a network shows; empty where it shows none.
        left: How often it may still be opened.
        most: How often it may be for one part, besides what `MOST` allows.
        implied: What should be decided otherwise among facts, as the file's maker knows; it is tried first.
    """

    again: Callable[[Mapping[str, str], str | None], Imported]
    look: Callable[[Imported], Off | None]
    answers: Sequence[str] = ()
    last: Callable[[Imported], str] = lambda _: ""
    left: Iterator[int] = iter(())
    most: int = 0
    implied: Callable[[Sequence[Fact]], Mapping[str, str]] = lambda _: {}


def opener(path: Path) -> Callable[[Mapping[str, str], str | None], Imported]:
    """Return what opens a network of a file with decisions; the file is read once for each network and each join.

    How modules are joined is decided while networks are found, all else when one of them is planned.
    """
    once = cache(lambda name, join: read_once(path, ImportOptions({"join": join} if join else {}, network=name)))
    return lambda settings, name: once(name, settings.get("join"))(settings)


def judged(seed: int, made_of: tuple[str, ...], opened: Opened) -> Outcome:
    """Return what became of a file: right, warned of, refused or silent."""
    try:
        offs = [(one, opened.look(one)) for one in _networks(opened, {}).values()]
    except UserError as error:
        return Outcome(seed, made_of, "refused", str(error)[:160])
    unshown = _unshown([one for one, _ in offs], opened)
    wrong = [(one, off) for one, off in offs if off is not None]
    if not wrong and not unshown:
        return Outcome(seed, made_of, "right")
    how = next(
        filter(None, (warned_of(opened._replace(left=iter(range(ALL)), most=most)) for most in (0, FEW, ALL))), ""
    )
    text = "; ".join([*(off.text for _, off in wrong), *(f"{name} is not shown" for name in unshown)])
    if how:
        return Outcome(seed, made_of, "warned", f"{text}; {how}"[:400])
    return Outcome(seed, made_of, "SILENT", f"{text}; {[list(one.network.remarks) for one, _ in offs]}")


def warned_of(opened: Opened) -> str:
    """Return how all that is wrong in a file is warned of; empty where something is silent."""
    facts = opened.again({}, None).report.facts
    meant = opened.implied(facts).get("join")
    others = [other for one in facts if one.key == "join" and one.warning for other in one.others]
    others.sort(key=lambda one: (one != meant, one != "apart"))  # apart, each part is judged by itself
    for join in (*others[: meant in others], "", *others[meant in others :]):
        how = _whole(opened, {"join": join} if join else {})
        if how:
            return f"choice: join={join}; {how}" if join else how
    return ""


def _whole(opened: Opened, settings: Mapping[str, str]) -> str:
    """Return how all that is wrong in each network of a file is warned of, with decisions made; or that nothing is."""
    hows: list[str] = []
    try:
        networks = _networks(opened, settings)
    except UserError:
        return ""
    for name, one in networks.items():
        how = _of_network(one, opened, settings, name)
        if not how:
            return ""
        hows.append(how)
    missing = _unshown([*networks.values()], opened)
    if any(not _is_cut(name, [*networks.values()]) for name in missing):
        return ""
    cut = [f"cut: {name}" for name in missing]
    return "; ".join(dict.fromkeys([*cut, *hows]))


def _of_network(found: Imported, opened: Opened, settings: Mapping[str, str], name: str | None) -> str:
    """Return how all that is wrong in one network is warned of, from the first part up; or that nothing is."""
    off = opened.look(found)
    if off is None:
        return "right"
    how = says_so(off, found.report.facts)
    if how:
        return how
    changed, other = _as_implied(found, opened, settings, name)
    rest = _of_network(other, opened, {**settings, **changed}, name) if changed else ""
    if rest:
        return f"{_said(changed)}; {rest}"
    for changed, other in _choices(off, found, opened, settings, name):
        rest = _of_network(other, opened, {**settings, **changed}, name)
        if rest:
            return f"{_said(changed)}; {rest}"
    return ""


def _said(changed: Mapping[str, str]) -> str:
    return f"choice: {', '.join(f'{key}={value}' for key, value in changed.items())}"


def _as_implied(
    found: Imported, opened: Opened, settings: Mapping[str, str], name: str | None
) -> tuple[_Changes, Imported]:
    """Return what the maker of a file would decide of what is warned of, and what that opens; nothing where that fails.

    What is asked only because of a decision is decided too.
    """
    changed: _Changes = {}
    other = found
    for _ in range(ROUNDS):
        more = {key: value for key, value in opened.implied(other.report.facts).items()
                if key != "join" and key not in settings and key not in changed}  # fmt: skip
        if not more:
            return changed, other
        changed |= more
        try:
            other = opened.again({**settings, **changed}, name)
        except UserError:
            return {}, found
    return changed, other


def says_so(off: Off, facts: Sequence[Fact]) -> str:
    """Return whether a warning says of what differs that it is cut or not understood; no choice is tried."""
    warned = [one for one in facts if one.warning]
    if not off.shown:
        cut = [one for one in warned if one.key in (off.part, f"{off.part}.understood", "network")]
        return f"cut: {cut[0].key}" if cut else ""
    parts = {off.part, *off.unseen}
    if off.part == "input":
        layers = [int(one.key[5:-5]) for one in facts if re.fullmatch(r"layer\d+\.cell", one.key)]
        parts |= {*_READING, *(f"layer{n}" for n in range(min(layers, default=0) + 1))}
    unsure = [one for one in warned if one.how == "unknown" and one.key.split(".")[0] in parts]
    unsure += [one for one in warned if not one.others and off.name and _names(off.name, one.why, at_first=True)]
    return f"said: {unsure[0].key}" if unsure else ""


def _names(name: str, text: str, at_first: bool = False) -> bool:
    """Say whether a text names a part, or begins with its name."""
    found = re.search(rf"(?<![\w.]){re.escape(name)}(?![\w.]*\w)", text)
    return found is not None and (not at_first or found.start() == 0)


def _is_cut(name: str, networks: Sequence[Imported]) -> bool:
    """Say whether a warning says of an answer that is not shown, or of every answer, that it is not."""
    facts = [one for found in networks for one in found.report.facts if one.warning]
    return any(one.key in ("readout", "readout.understood") or _names(name, one.why) for one in facts)


def _unshown(networks: Sequence[Imported], opened: Opened) -> list[str]:
    shown = {opened.last(one) for one in networks if one.network.readout is not None}
    return [one for one in opened.answers if one not in shown]


def _networks(opened: Opened, settings: Mapping[str, str]) -> dict[str | None, Imported]:
    first = opened.again(settings, None)
    return {name: opened.again(settings, name) for name in first.names} if len(first.names) > 1 else {None: first}


def _choices(
    off: Off, found: Imported, opened: Opened, settings: Mapping[str, str], name: str | None
) -> Iterator[tuple[dict[str, str], Imported]]:
    """Iterate over choices, some at once, that make what differs right, with what they open."""
    left = min(opened.most, MOST[off.part.rstrip("0123456789")])
    alone = _Alone(opened.most > FEW)
    for changed in _tried(found, off, alone):
        if not left or next(opened.left, None) is None:
            return
        left -= 1
        try:
            other = opened.again({**settings, **changed}, name)
        except UserError:
            alone.broken.append(changed)
            continue
        now = opened.look(other)
        if now is None or now.rank > off.rank:
            yield changed, other
        elif now.rank < off.rank:
            alone.broken.append(changed)
        elif len(changed) == 1:
            alone.fitting += [changed] if now.fits else []
            alone.moved.append((changed, other, now))


@dataclass
class _Alone:
    """What single choices did that did not put a part right.

    Attributes:
        omits: Whether what leaves something out is tried too.
        fitting: Those that left all below it right, and of which it has the right shape.
        moved: Those that left all below it right, with what they opened.
        broken: Those that put something below it wrong, or could not be opened.
    """

    omits: bool
    fitting: list[_Changes] = field(default_factory=list)
    moved: list[tuple[_Changes, Imported, Off]] = field(default_factory=list)
    broken: list[_Changes] = field(default_factory=list)


def _tried(found: Imported, off: Off, alone: _Alone) -> Iterator[_Changes]:
    """Iterate over what is tried.

    That is one choice first, then two places, then what leaves something out, then one more of what is asked because of
    the first alone, then several of any part.
    """
    near = _nearest(off, found.report.facts)
    own = [one for one in near if one.key.split(".")[0] == off.part]
    every, inner = _offered(near, off, found), _offered(own, off, found)
    whole = [one for one in every if not _omits(one)]
    yield from whole
    placed = [one for one in whole if one not in alone.broken and all(key.startswith("place.") for key in one)]
    yield from _at_once(combinations(placed, 2))
    yield from (one for one in every if alone.omits and _omits(one))
    for first, other, now in alone.moved:
        more = _offered(_asked(found, other, _nearest(now, other.report.facts)), now, other)
        yield from ({**first, **one} for one in more if not _omits(one))
    yield from _at_once(_together(off, alone, every, inner))


def _asked(found: Imported, other: Imported, facts: Sequence[Fact]) -> list[Fact]:
    """Return what is asked because of a choice alone; all, where it changes the numbers of layers."""
    if len(other.network.layers) != len(found.network.layers):
        return [*facts]
    known = {(one.key, others) for one in found.report.facts for others in one.others}
    return [one for one in facts if not any((one.key, others) in known for others in one.others)]


def _omits(changed: _Changes) -> bool:
    """Say whether a choice leaves something out."""
    return "none" in changed.values()


def _at_once(sets: Iterator[tuple[_Changes, ...]]) -> Iterator[_Changes]:
    """Iterate over choices that are made at once; two of one fact are none.

    But one fact may depart from all that are set at once.
    """
    for each in sets:
        single = [key for one in each if len(one) == 1 for key in one]
        if len(set(single)) == len(single):
            yield {key: value for one in each for key, value in one.items()}


def _together(
    off: Off, alone: _Alone, every: Sequence[_Changes], inner: Sequence[_Changes]
) -> Iterator[tuple[_Changes, ...]]:
    """Iterate over two choices of any part, and three of the part itself or with a residual.

    Where the shape is wrong, one that makes it right is among them, and what alone puts something wrong below is taken
    last.
    """
    kept = [one for one in every if one not in alone.broken and not _omits(one)]
    inner = [one for one in inner if one in kept]
    past = [one for one in kept if [*one.values()] == ["added"]]  # a residual leaves what is right below it right
    sets: list[Iterator[tuple[_Changes, ...]]]
    if off.fits:
        sets = [combinations(inner, 2), ((one, *two) for one in past for two in combinations(inner, 2))]
        sets += [product(*(_of(inner, key) for key in ("readout", "readout.over", ""))), combinations(kept, 2)]
        sets += [combinations(inner, 3), combinations(every, 2)]
    else:
        sets = [product(alone.fitting, inner), product(alone.fitting, kept)]
        sets.append((first, *two) for first in alone.fitting for two in combinations(inner, 2))
        sets.append((first, *two) for first in alone.fitting for two in product(past, inner))
        sets.append(combinations(kept, 2))
    yield from chain.from_iterable(sets)


def _of(changes: Sequence[_Changes], key: str) -> list[_Changes]:
    """Return the choices of one fact; of no key those of a function."""
    named = ("readout", "readout.over")
    return [one for one in changes if [*one] == [key] or (not key and len(one) == 1 and not one.keys() & {*named})]


def _offered(facts: Sequence[Fact], off: Off, found: Imported) -> list[_Changes]:
    """Return choices that could put a part right: of several functions at once, then of one fact each."""
    single = [{one.key: other} for one in facts for other in one.others if other not in _NEVER_DRAWN]
    every = {one.key: "linear" for one in facts if "linear" in one.others and one.key.split(".")[0] == off.part}
    module = off.name.rpartition(".l")[0]
    same = [one.key.split(".")[0] for one in found.report.facts
            if module and one.key.endswith(".name") and one.value.startswith(f"{module}.l")]  # fmt: skip
    relu = {one.key: "relu" for one in facts if one.key in [f"{layer}.activation" for layer in same]}
    return [*(one for one in (every, relu) if len(one) > 1), *single]


def _height(off: Off) -> int:
    number = re.fullmatch(r"layer(\d+)", off.part)
    return int(number[1]) if number else -1 if off.part == "input" else 1 << 20


def _nearest(off: Off, facts: Sequence[Fact]) -> list[Fact]:
    """Return the facts that are warned of and could have made a part wrong, those of its own first."""
    warned = [one for one in facts if one.warning and one.others and one.key != "join"]
    height = _height(off)

    def rank(fact: Fact) -> int | None:
        subject = fact.key.split(".")[0]
        if subject == off.part:
            return 0
        if subject in _READING:
            return 2
        number = re.fullmatch(r"layer(\d+)", subject)
        if number and (int(number[1]) <= height or off.part == "input"):
            return 1
        return None

    ranked = [(rank(one), n, one) for n, one in enumerate(warned)]
    return [one for _, _, one in sorted((made, -n, one) for made, n, one in ranked if made is not None)]
