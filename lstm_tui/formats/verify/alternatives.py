"""What else a file could have meant: every decision taken otherwise, for all layers or for one, then two at once.

Other activations, clipped sums or given first states are the text of a cell: a page of equations like any other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations, permutations

from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.language.cell import load_cell
from lstm_tui.formats.importers.feature_extractor import activation
from lstm_tui.formats.importers.import_report import Fact, ImportReport
from lstm_tui.formats.importers.plan import Recurrent

_ELSEWHERE = ("network", "container", "description", "join")
"""Decisions that take another network, and not this one in another way."""

_ABOVE = (".residual", ".merge", ".below", ".before")
"""Ends of keys of what stands around a layer: the layer may be right, and this not."""

_ADDS = "before"
"""Of what stands before a layer: taken otherwise, it is a layer of its own, and the keys above it count on."""


_ORDERS = ("gate_order", "bias_order")
"""Decisions that are an order of gates: each order is tried."""


@dataclass(frozen=True)
class _Other:
    """One decision taken otherwise, in every layer that could have it so, or in one of them."""

    kind: str
    value: str
    keys: tuple[str, ...]
    met: bool = True

    @property
    def settings(self) -> dict[str, str]:
        return dict.fromkeys(self.keys, self.value)


Settings = Mapping[str, str]


def other_readings(
    report: ImportReport, first: str, compared: Mapping[str, float] | None = None, close: float = 0.0,
    expected: Callable[[Settings, Settings], float] | None = None,
) -> Iterator[dict[str, str]]:  # fmt: skip
    """Iterate over other readings of a file, the simplest first: one decision in every layer, in one layer, then two.

    Args:
        report: What was understood of it.
        first: Name of the first value that differs; what stands above it cannot be the reason.
        compared: By name, how far values are apart: a layer that is as recorded needs no other reading.
        close: How far that may be.
        expected: How far from the recording two decisions should be together, asked when each was tried alone: pairs
            are tried in that order.
    """
    number = _layer_of(first)
    right = {_layer_of(name) for name, largest in (compared or {}).items() if largest <= close}
    right -= {_layer_of(name) for name, largest in (compared or {}).items() if largest > close} | {None}
    facts = [fact for fact in (*report.facts, *report.offered) if fact.others and fact.key not in _ELSEWHERE]
    if number is not None:
        facts = [fact for fact in facts if not fact.key.startswith("readout")]
        facts = [fact for fact in facts if (_layer_of(fact.key) or 0) <= number]
    facts = [fact for fact in facts if _layer_of(fact.key) not in right or fact.key.endswith(_ABOVE)]
    if right and not any(one is not None and one not in right for one in map(_layer_of, compared or {})):
        lowest = min(one for one in right if one is not None)
        facts = [fact for fact in facts if not fact.key.startswith("input") or lowest > 1]
    others = _others(facts)
    yield from (one.settings for one in others)
    yield from ({key: one.value} for one in others for key in one.keys if one.met and len(one.keys) > 1)
    tried: set[frozenset[tuple[str, str]]] = set()
    for one, other in _in_order(_pairs([one for one in others if one.met]), expected):
        every = [one.settings | other.settings]
        if _ADDS in (one.kind, other.kind):
            every.append(_counted_anew(one, other) if one.kind == _ADDS else _counted_anew(other, one))
        for settings in every:
            if frozenset(settings.items()) not in tried:
                tried.add(frozenset(settings.items()))
                yield settings


def _pairs(others: Sequence[_Other]) -> Iterator[tuple[_Other, _Other]]:
    """Iterate over two decisions at once: first those of every layer, then those of which one is of one layer alone."""
    seen = {frozenset(one.settings.items()) for one in others}
    every = len(others)
    units = [*others, *(replace(one, keys=(key,)) for one in others for key in one.keys if len(one.keys) > 1)]
    for whole in (True, False):
        for (n, one), (m, other) in combinations(enumerate(units), 2):
            if (n < every and m < every) != whole or set(one.keys) & set(other.keys):
                continue
            both = frozenset((one.settings | other.settings).items())
            if both not in seen:
                seen.add(both)
                yield one, other


def _in_order(
    pairs: Iterator[tuple[_Other, _Other]], expected: Callable[[Settings, Settings], float] | None
) -> Iterator[tuple[_Other, _Other]]:
    """Iterate over pairs by what is expected of them, asked when the first is due; or as they come."""
    if expected is None:
        yield from pairs
        return
    yield from sorted(pairs, key=lambda pair: expected(pair[0].settings, pair[1].settings))


def _counted_anew(adds: _Other, other: _Other) -> dict[str, str]:
    """Return two decisions of which one adds a layer before others, whose keys then count it."""
    at = [number for key in adds.keys if (number := _layer_of(key)) is not None]
    settings: dict[str, str] = {}
    for key in other.keys:
        number = _layer_of(key)
        more = 0 if number is None else sum(one <= number for one in at)
        settings[key if number is None else f"layer{number + more}.{key.partition('.')[2]}"] = other.value
    for before, number in enumerate(sorted(at)):
        settings[f"layer{number + before}.{_ADDS}"] = adds.value
    return settings


def _layer_of(name: str) -> int | None:
    """Return the number of the layer that a key or the name of a value belongs to, or None."""
    found = re.match(r"layer(\d{1,4})\.", name)
    return int(found[1]) if found else None


def _others(facts: list[Fact]) -> list[_Other]:
    keys: dict[tuple[str, str], list[str]] = {}
    met: dict[tuple[str, str], bool] = {}
    for fact in facts:
        kind = fact.key.rpartition(".")[2] if fact.key.startswith("layer") else fact.key
        rare = ["".join(one) for one in permutations(sorted(fact.value))] if kind in _ORDERS else []
        for value in dict.fromkeys((*fact.others, *rare)):
            if value != fact.value:
                given = keys.setdefault((kind, value), [])
                given += [] if fact.key in given else [fact.key]
                met[kind, value] = met.get((kind, value), False) or value in fact.others
    found = [_Other(kind, value, tuple(given), met[kind, value]) for (kind, value), given in keys.items()]
    return sorted(found, key=lambda one: not one.met)


_LSTM = {"gates": ("sigmoid", "fio"), "candidate": ("tanh", "g"), "output": ("tanh", "h")}
SLOTS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "lstm": _LSTM,
    "lstm_peephole": _LSTM,
    "lstm_projected": _LSTM,
    "greff_cifg": _LSTM,
    "gru": {"gates": ("sigmoid", "rz"), "candidate": ("tanh", "n")},
    "gru_reset_before": {"gates": ("sigmoid", "rz"), "candidate": ("tanh", "n")},
    "rnn": {"candidate": ("tanh", "h")},
}
"""Of each cell: its slots, with the function that stands there and the values it makes."""


def cell_text(part: Recurrent) -> str:
    """Return the text of the cell of a layer.

    Raises:
        UserError: The cell or an activation is not known.
    """
    text = _started(part) if "\n" in part.cell else _changed(part)
    if part.beside:
        text = _reading_first(text, part.inputs - part.beside, part.inputs)
    if part.joined:
        return _with_its_input(text)
    return with_residual(text) if part.residual else text


def _with_its_input(text: str) -> str:
    """Return the text of a cell that shows its hidden state and, behind it, its input: D numbers."""
    line = (
        "y = concat(h, x)   # with its input: what the layer above sees is the hidden state and the input, end to end"
    )
    return _with_output(text, "joined", "with its input", line, "D")


def _reading_first(text: str, read: int, given: int) -> str:
    """Return the text of a cell that reads the first numbers of its input; the rest goes past it."""
    parts = given // read
    line = f"xin = part(x, 0, {parts})   # its input: the first of {parts} parts; the rest goes past it"
    head, mark, rest = text.partition("equations = '''\n")
    body, end, tail = rest.partition("'''")
    lines = [_named_otherwise(one, "x", "xin") for one in body.split("\n")]
    return f"{_sized(head, f'xin = {read}')}{mark}{line}\n{chr(10).join(lines)}{end}{tail}"


def with_normed_input(text: str, size: int, scaled: bool) -> str:
    """Return the text of a cell that reads its input normalised, with a scale `s_x` and a shift `b_x` if `scaled`."""
    normed = "s_x * layernorm(x) + b_x" if scaled else "layernorm(x)"
    line = f"xin = {normed}   # its input, brought to one scale"
    head, mark, rest = text.partition("equations = '''\n")
    body, end, tail = rest.partition("'''")
    lines = [_named_otherwise(one, "x", "xin") for one in body.split("\n")]
    return f"{_sized(head, f'xin = {size}')}{mark}{line}\n{chr(10).join(lines)}{end}{tail}"


def _named_otherwise(line: str, old: str, new: str) -> str:
    code, hash_sign, comment = line.partition("#")
    return re.sub(rf"\b{old}\b", new, code) + hash_sign + comment


def _sized(head: str, entry: str) -> str:
    """Return what stands before the equations of a cell, with the size of one more value."""
    sized = re.sub(r"(?m)^sizes = \{ ?(.*?) ?\}$", rf"sizes = {{ \1, {entry} }}", head, count=1)
    return f"{head}sizes = {{ {entry} }}\n" if sized == head else sized


def with_residual(text: str, added: str = "x") -> str:
    """Return the text of a cell to whose hidden state its input, or a part of it, is added for the layer above."""
    line = f"y = h + {added}   # with its input: what the layer above sees is the hidden state and the input added"
    projected = re.search(r'(?m)^sizes = \{.*\bh = "P"', text)
    return _with_output(text, "added", "its input added", line, "P" if projected else "")


def _with_output(text: str, name: str, said: str, line: str, size: str) -> str:
    """Return the text of a cell that shows the layer above what one more line makes, of a size other than H."""
    head, mark, rest = text.partition("equations = '''")
    if size:
        head = _sized(head, f'y = "{size}"')
    body, end, tail = rest.partition("'''")
    head = re.sub(r'(?m)^name = "(.{0,57}).*"$', rf'name = "{name}_\1"', head, count=1)
    head = re.sub(r'(?m)^title = "(.*)"$', rf'title = "\1: {said}"', head, count=1)
    return f'{head}output = "y"\n{mark}{body}{line}\n{end}{tail}'


def _started(part: Recurrent) -> str:
    """Return equations of their own, begun with states that were given."""
    if not part.initial:
        return part.cell
    states = sorted({state for given in part.initial.values() for state in given})
    return _with_key(
        part.cell, f"initial = {{ {', '.join(f'{state} = {chr(34)}{state}_0{chr(34)}' for state in states)} }}"
    )


def _changed(part: Recurrent) -> str:
    text = load_cell(part.cell).text
    changed, macros = [], {}
    for slot, (own, values) in SLOTS.get(part.cell, {}).items():
        wanted = part.functions.get(slot, own)
        bounded = part.bound is not None and slot != "output"
        if wanted == own and not bounded:
            continue
        body = activation(wanted)
        named = wanted.partition("=")[0]
        function = f"{named}_{slot}" if "=" in wanted else named
        if bounded:
            limit = repr(part.bound)
            inner = f"clip(a, -{limit}, {limit})"
            body = f"{function}({inner})" if body is None else re.sub(r"\ba\b", inner, body)
            function = f"{function}_of_clipped"
        if body is not None:
            macros[function] = body
        text = "\n".join(_call(line, own, function) if _value(line) in values else line for line in text.split("\n"))
        if wanted != own:
            changed.append(named if slot == "gates" else f"{slot}_{named}")
    if part.bound is not None:
        changed.append("clipped")
    if part.initial:
        states = sorted({state for given in part.initial.values() for state in given})
        starts = ", ".join(f'{state} = "{state}_0"' for state in states)
        text = _with_key(text, f"initial = {{ {starts} }}")
        changed.append("started")
    if not changed:
        return text
    if macros:
        entries = ", ".join(f'{name} = "{body}"' for name, body in macros.items())
        text = _with_key(text, f"functions = {{ {entries} }}")
    name = "_".join([part.cell, *changed])[:64]
    text = re.sub(r'(?m)^name = ".*"$', f'name = "{name}"', text, count=1)
    return re.sub(r'(?m)^title = "(.*)"$', rf'title = "\1: {", ".join(changed)}"', text, count=1)


def _value(line: str) -> str:
    """Return the one-letter value a line defines; a line of another kind has none."""
    found = re.match(r"([a-z])\s*=", line)
    return found.group(1) if found else "-"


def _call(line: str, old: str, new: str) -> str:
    code, hash_sign, comment = line.partition("#")
    return re.sub(rf"\b{old}\(", f"{new}(", code) + hash_sign + comment


def _with_key(text: str, key: str) -> str:
    """Put a key before the equations."""
    return text.replace("equations = '''", f"{key}\nequations = '''", 1)
