"""From the parts of an import to a network the engine runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.language.cell import parse_cell
from lstm_tui.engine.model.spec import OWN
from lstm_tui.formats.importers.dense_layers import comment, readout_text, steps_cell, steps_text
from lstm_tui.formats.importers.import_report import ImportReport
from lstm_tui.formats.importers.plan import (
    AffineScale,
    Dense,
    Norm,
    Op,
    Plan,
    PositionEmbedding,
    Recurrent,
    WrittenReadout,
    WrittenSteps,
)
from lstm_tui.formats.verify.alternatives import cell_text

if TYPE_CHECKING:
    from lstm_tui.engine.model.network import Network

IMPORTED = "imported"
"""The key of a network's card under which its import report stands."""


@dataclass
class _Draft:
    """The description of a network, and its parameters, while they grow."""

    width: int
    layers: list[dict[str, Any]] = field(default_factory=list)
    cells: dict[str, str] = field(default_factory=dict)
    tensors: dict[str, Array] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)

    def steps(self, ops: list[Op]) -> None:
        """Add what stands before a recurrent layer as a layer that keeps nothing."""
        number = len(self.layers)
        text, given, sizes, out = steps_cell(ops, number, self.width)
        self._stepping(text, given, sizes, out, "+".join(dict.fromkeys(comment(getattr(op, "name", "")) for op in ops)))

    def page(self, page: WrittenSteps) -> None:
        """Add what is written already, as a layer that keeps nothing."""
        if page.inputs != self.width:
            raise UserError(f"{page.name} reads {page.inputs} numbers, and gets {self.width}")
        text, sizes = steps_text(page.name, page.lines, page.sizes, page.states, len(self.layers))
        self._stepping(text, page.given, sizes, page.outputs, page.name)

    def _stepping(self, text: str, given: Mapping[str, Array], sizes: Mapping[str, int], out: int, name: str) -> None:
        number = len(self.layers)
        layer = {"cell": f"steps_{number}", "hidden_size": out, "directions": ["forward"], "sizes": dict(sizes)}
        self._add(layer, text, name)
        self.tensors |= {f"layer{number}.forward/{name}": array for name, array in given.items()}
        self.width = out

    def recurrent(self, part: Recurrent) -> None:
        """Add a recurrent layer."""
        number = len(self.layers)
        if part.inputs != self.width:
            raise UserError(f"{part.name} reads {part.inputs} numbers, and gets {self.width}")
        self._add(*self._described(part, number), part.name)
        if part.second is not None:
            own, text = self._described(part.second, number)
            direction = own.pop("directions")[0]
            own["cell"] = self._named(own["cell"], text)
            self.layers[-1]["directions"].append(direction)
            self.layers[-1][OWN] = {direction: own}
        self.width = output_width(part)

    def _described(self, part: Recurrent, number: int) -> tuple[dict[str, Any], str]:
        """Return the description of a layer and the text of its cell; its parameters are added."""
        text = cell_text(part)
        cell = parse_cell(text, part.name)
        for direction, given in part.passes:
            prefix = f"layer{number}.{direction}/"
            self.tensors |= {prefix + name: array for name, array in given.items()}
            for state in cell.initial if part.initial else ():
                size = part.sizes.get("P", part.hidden) if state == "h" else part.hidden
                start = part.initial.get(direction, {}).get(state)
                self.tensors[f"{prefix}{state}_0"] = np.zeros(size, np.float32) if start is None else start
        return {
            "cell": cell.name,
            "hidden_size": part.hidden,
            "directions": [direction for direction, _ in part.passes],
            "merge": part.merge,
            "sizes": dict(part.sizes),
            "without": list(part.without),
        }, text

    def _add(self, layer: dict[str, Any], text: str, name: str) -> None:
        layer["cell"] = self._named(layer["cell"], text)
        self.layers.append(layer)
        self.names.append(name)

    def _named(self, name: str, text: str) -> str:
        """Keep the text of a cell and return its name, which is new where another cell has the same."""
        own, number = name, 1
        while self.cells.get(name, text) != text:  # of one kind, with other numbers in its activations
            number += 1
            text = text.replace(f'name = "{name}"', f'name = "{own[:60]}_{number}"', 1)
            name = f"{own[:60]}_{number}"
        self.cells[name] = text
        return name


def output_width(part: Recurrent) -> int:
    """Return how many numbers the layer above sees."""
    size = part.sizes["D"] if part.joined else part.sizes.get("P", part.hidden)
    second = 0 if part.second is None else output_width(part.second)
    return size * len(part.passes) + second if part.merge == "concat" else size


def assemble(plan: Plan, report: ImportReport, file: str, sha256: str) -> Network:
    """Return the network of a plan; the report travels in its card.

    Raises:
        UserError: The parts do not fit each other.
    """
    from lstm_tui.engine.model.network import build_network

    try:
        spec, tensors = describe(plan, report)
        dtype = np.float64 if all(array.dtype == np.float64 for array in tensors.values()) else np.float32
        network = build_network(spec, tensors, dtype=dtype, file=file, sha256=sha256)
        return replace(network, front=plan.front)
    except UserError as error:
        raise UserError(f"{report.file}: {error}") from error
    except MemoryError as error:
        raise UserError(f"{report.file}: describes a network that does not fit into memory") from error


def describe(plan: Plan, report: ImportReport) -> tuple[dict[str, Any], dict[str, Array]]:
    """Return the description of a network and its parameters.

    Raises:
        UserError: The parts do not fit each other.
    """
    last = max((n for n, part in enumerate(plan.chain) if isinstance(part, Recurrent)), default=None)
    if last is None:
        raise UserError("it has no recurrent layer")
    draft = _Draft(_first_width(plan))
    waiting: list[Op] = []
    for part in plan.chain[: last + 1]:
        if not isinstance(part, Recurrent | WrittenSteps):
            waiting.append(part)
            continue
        if waiting:
            draft.steps(waiting)
            waiting = []
        if isinstance(part, WrittenSteps):
            draft.page(part)
        else:
            draft.recurrent(part)
    top = plan.chain[last]
    spec: dict[str, Any] = {"name": plan.name, "layers": draft.layers, "cells": draft.cells, "readout": None}
    head = [part for part in plan.chain[last + 1 :] if not isinstance(part, Recurrent | WrittenSteps)]
    if head or plan.readout is not None:
        text, given, outputs = _readout(plan.readout, head, top if isinstance(top, Recurrent) else None, draft.width)
        spec |= {"readout": "file", "readouts": {"file": text}, "outputs": outputs}
        draft.tensors |= {f"readout/{name}": array for name, array in given.items()}
        said = plan.tokens is not None and outputs == len(plan.tokens["vocabulary"])  # a token: what comes next
        spec["classes"] = list(plan.classes) or ([] if said else [str(n) for n in range(outputs)])
    if plan.embedding is None:
        spec["input_size"] = _first_width(plan)
        if plan.tokens is not None:
            spec["tokens"] = dict(plan.tokens)
    else:
        draft.tensors["embedding"] = plan.embedding
        spec["tokens"] = dict(plan.tokens or ids_vocabulary(len(plan.embedding)))
        spec["embedding_size"] = plan.embedding.shape[1]
    if plan.answers is not None:
        words, how = spec["tokens"]["vocabulary"], plan.answers
        spec["answers"] = {"begin": words[how.begin], "end": words[how.end], "most": how.most}
    report.warnings += _not_finite(draft.tensors)
    masks: dict[str, Any] = {"mask_id": plan.mask_id, "mask_value": plan.mask_value}
    masks["pad"] = None if plan.pad is None else list(plan.pad)
    masks["pad_id"] = plan.pad_id or None
    masks = {name: value for name, value in masks.items() if value is not None}
    spec["card"] = {IMPORTED: report.content() | {"layers": draft.names} | masks}
    return spec, draft.tensors


def _readout(
    page: WrittenReadout | None, ops: list[Op], top: Recurrent | None, width: int
) -> tuple[str, Mapping[str, Array], int]:
    return readout_text(ops, top, width) if page is None else (page.text, page.given, page.outputs)


def ids_vocabulary(count: int) -> dict[str, Any]:
    """Return the vocabulary of a file that has ids and no tokens: the ids themselves, written as words."""
    return {"kind": "words", "lowercase": False, "vocabulary": [str(n) for n in range(count)]}


def _first_width(plan: Plan) -> int:
    if plan.embedding is not None:
        return int(plan.embedding.shape[1])
    for part in plan.chain:
        if isinstance(part, Recurrent | WrittenSteps):
            return part.inputs
        if isinstance(part, Dense):
            return int(part.w.shape[1])
        if isinstance(part, AffineScale) or (isinstance(part, Norm) and part.s is not None):
            assert part.s is not None
            return len(part.s)
        if isinstance(part, PositionEmbedding):
            return int(part.table.shape[1])
    raise UserError("how many numbers it reads is not known")


def _not_finite(tensors: dict[str, Array]) -> list[str]:
    bad = [name for name, tensor in tensors.items() if not np.isfinite(tensor).all()]
    more = f" and {len(bad) - 4} more" if len(bad) > 4 else ""
    return [f"not all its weights are finite numbers: {', '.join(bad[:4])}{more}"] if bad else []
