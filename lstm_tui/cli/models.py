"""`lstm-tui models`: the bundled networks, and the card of one."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

from lstm_tui.cli.table import table
from lstm_tui.engine.visible import visible
from lstm_tui.formats.bytes_of import size_text
from lstm_tui.formats.native import read_header


def command(options: Namespace) -> int:
    """List the bundled networks without loading any, or describe one."""
    from lstm_tui.formats.opening import find_model
    from lstm_tui.models import bundled

    if options.model is not None:
        path = find_model(options.model)
        print("\n".join(_card(read_header(path), path)))
        return 0
    rows = []
    for name in bundled():
        path = find_model(name)
        header = read_header(path)
        size = size_text(path.stat().st_size)
        rows.append((name, _reads(header), _layers(header), _thousands(header["parameters"]), size, _accuracy(header)))
    print(table(("model", "reads", "layers", "parameters", "file", "accuracy"), rows, right=(3, 4)))
    print("\n`lstm-tui models NAME` tells how one was trained; --model NAME runs it.")
    return 0


def _card(header: dict[str, Any], path: Path) -> list[str]:
    lines = [
        f"{visible(header['name'])}: {visible(str(path))}, {size_text(path.stat().st_size)}",
        f"  reads: {_reads(header)}",
        f"  layers: {_layers(header)}",
        f"  readout: {visible(header.get('readout') or 'none')}",
        f"  parameters: {_thousands(header['parameters'])}",
    ]
    return lines + [f"  {line}" for line in _entries(header.get("card") or {})]


def _entries(content: dict[str, Any], indent: str = "") -> list[str]:
    lines = []
    for key, value in content.items():
        if isinstance(value, dict):
            lines += [f"{indent}{visible(key)}:", *_entries(value, indent + "  ")]
        else:
            text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            lines.append(f"{indent}{visible(key)}: {visible(text)}")
    return lines


def _reads(header: dict[str, Any]) -> str:
    tokens = header.get("tokens")
    if tokens is None or tokens["kind"] == "numbers":
        return f"numbers, {header.get('input_size')} a step"
    vocabulary = tokens.get("vocabulary")
    return tokens["kind"] if vocabulary is None else f"{_thousands(len(vocabulary))} {tokens['kind']}"


def _layers(header: dict[str, Any]) -> str:
    parts = []
    for layer in header["layers"]:
        both = " both ways" if len(layer["directions"]) > 1 else ""
        parts.append(f"{visible(layer['cell'])} {layer['hidden_size']}{both}")
    return ", ".join(parts)


def _accuracy(header: dict[str, Any]) -> str:
    card = header.get("card") or {}
    value = card.get("accuracy")
    return "" if value is None else visible(str(value))


def _thousands(count: int) -> str:
    return f"{count:,}".replace(",", " ")
