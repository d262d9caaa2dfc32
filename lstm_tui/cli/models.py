"""`lstm-tui models`: the bundled networks, and the card of one."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lstm_tui.cli.printing import print_json, table
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import fixed
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.native import read_header
from lstm_tui.formats.io.files import size_text

_SAID = ("parameters",)  # entries of a card that stand above it


def command(options: Namespace) -> int:
    """List the bundled networks without loading any, or describe one."""
    from lstm_tui.models import bundled_names
    from lstm_tui.models.bundled import find_model

    if options.measure is not None:
        return _measured(options)
    if options.model is not None:
        path = find_model(options.model)
        if options.json:
            print_json(_content(read_header(path), path))
            return 0
        print("\n".join(_card(read_header(path), path)))
        return 0
    rows = []
    if options.json:
        paths = [find_model(name) for name in bundled_names()]
        print_json([_content(read_header(path), path) for path in paths])
        return 0
    for name in bundled_names():
        path = find_model(name)
        header = read_header(path)
        size = size_text(path.stat().st_size)
        counts = (_thousands(header["parameters"]), _thousands(header["cost"]))
        rows.append((name, _reads(header), _layers(header), *counts, size, _accuracy(header)))
    print(table(("model", "reads", "layers", "parameters", "a token", "file", "accuracy"), rows, right=(3, 4, 5)))
    print("\n`a token`: the parameters that are multiplied for each token. `lstm-tui models NAME` tells how one was")
    print("trained; `--model NAME` runs it; without it, text goes to sentiment and numbers to forecast.")
    return 0


def _measured(options: Namespace) -> int:
    """Measure the networks of a task, one after the other, and lay them side by side."""
    from lstm_tui.cli.printing import Bar
    from lstm_tui.debugger.edits.variants import SAID
    from lstm_tui.models.measured_table import TIMED, both_ways_words, group_of, measured

    if options.model is not None:
        raise UserError(f"--measure takes a task and no network: leave {visible(options.model)} out")
    group = group_of(options.measure)
    rows = []
    with Bar("measuring") as bar:
        for n, name in enumerate(group.names):
            bar(n, len(group.names))
            rows.append(measured(name, group))
    if options.json:
        found = {"task": group.task, "judged_by": group.noun, "chance": group.chance}
        print_json({**found, "networks": [asdict(one) for one in rows]})
        return 0
    named = any(one.variant for one in rows)
    cells = [
        (
            one.name, _layer(one.cell, one.units, one.context != "before"), *([one.variant] if named else []),
            one.context, _thousands(one.parameters),
            f"{fixed(100 * one.accuracy, 1)} %", fixed(one.loss, 3), fixed(one.microseconds, 2),
            "yes" if one.before_the_end else "no",
        )
        for one in rows
    ]  # fmt: skip
    heads = ("model", "cell", *(["variant"] if named else []), "context", "parameters", "right", "loss", "µs a token",
             "says before the end")  # fmt: skip
    print(table(heads, cells, right=range(len(heads) - 5, len(heads) - 1)))
    if said := both_ways_words(rows):
        print(f"\n{said}")
    print(f"\nMeasured now, on {rows[0].judged} {group.noun}; guessing is right in {fixed(100 * group.chance, 1)} %.")
    print(f"`µs a token`: of one text of {TIMED} tokens, on this machine as busy as it is.")
    print("`context`: what is known at a token; `says before the end`: of a text that is not read to its end yet.")
    if named:
        print(SAID)
    return 0


def _content(header: dict[str, Any], path: Path) -> dict[str, Any]:
    """Return what a file says of itself; its vocabulary by its size, since it may be long."""
    tokens = header.get("tokens") or {"kind": "numbers"}
    vocabulary = tokens.get("vocabulary")
    return {
        "name": header["name"],
        "path": str(path),
        "bytes": path.stat().st_size,
        "reads": tokens["kind"],
        "input_size": header.get("input_size"),
        "vocabulary_size": None if vocabulary is None else len(vocabulary),
        "layers": header["layers"],
        "readout": header.get("readout"),
        "asked": header.get("asked"),
        "parameters": header["parameters"],
        "parameters_a_token": header["cost"],
        "card": header.get("card") or {},
    }


def _card(header: dict[str, Any], path: Path) -> list[str]:
    lines = [
        f"{visible(header['name'])}: {visible(str(path))}, {size_text(path.stat().st_size)}",
        f"  reads: {_reads(header)}",
        f"  layers: {_layers(header)}",
        f"  readout: {visible(header.get('readout') or 'none')}"
        + (", asked at the last token only" if header.get("asked") == "last" else ""),
        f"  parameters: {_thousands(header['parameters'])}, of which {_thousands(header['cost'])} for every token",
    ]
    return lines + [f"  {line}" for line in _entries(header.get("card") or {})]


def _entries(content: dict[str, Any], indent: str = "") -> list[str]:
    lines = []
    for key, value in content.items():
        if isinstance(value, dict) and any(isinstance(one, dict) for one in value.values()):
            lines += [f"{indent}{visible(key)}:", *_entries(value, indent + "  ")]
        elif isinstance(value, list) and any(isinstance(one, dict) for one in value):
            lines += [f"{indent}{visible(key)}:", *(f"{indent}  {_short(one)}" for one in value)]
        elif key not in _SAID:
            lines.append(f"{indent}{visible(key)}: {_short(value)}")
    return lines


def _short(value: Any) -> str:
    """Return a value of a card on one line."""
    if isinstance(value, dict):
        return ", ".join(f"{visible(key)} {_short(one)}" for key, one in value.items())
    if isinstance(value, list):
        return ", ".join(map(_short, value))
    return visible(str(value))


def _reads(header: dict[str, Any]) -> str:
    tokens = header.get("tokens")
    if tokens is None or tokens["kind"] == "numbers":
        return f"numbers, {header.get('input_size')} a step"
    vocabulary = tokens.get("vocabulary")
    return tokens["kind"] if vocabulary is None else f"{_thousands(len(vocabulary))} {tokens['kind']}"


def _layers(header: dict[str, Any]) -> str:
    return ", ".join(_layer(one["cell"], one["hidden_size"], len(one["directions"]) > 1) for one in header["layers"])


def _layer(cell: str, units: int, both_ways: bool) -> str:
    return f"{visible(cell)} {units}{' both ways' if both_ways else ''}"


def _accuracy(header: dict[str, Any]) -> str:
    card = header.get("card") or {}
    value = card.get("accuracy")
    return "" if value is None else visible(str(value))


def _thousands(count: int) -> str:
    return f"{count:,}".replace(",", " ")
