"""The networks of a Keras model: its graph as chains of recurrent layers with what stands before and above them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import sentence
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.answers import FileOutput, written
from lstm_tui.formats.importers.feature_extractor import ExtractorGraph
from lstm_tui.formats.importers.import_report import ImportReport
from lstm_tui.formats.importers.keras.chains import MERGES, Item, Pair, Segment, segments_of, steps_on, whole_segments
from lstm_tui.formats.importers.keras.encoder_decoder import PairReader
from lstm_tui.formats.importers.keras.feature_extractor import Weights, keras_front, keras_mask
from lstm_tui.formats.importers.keras.file import KerasFile
from lstm_tui.formats.importers.keras.follow import (
    KerasTensor,
    KerasTensors,
    Mask,
    backward,
    check_all,
    check_axis,
    check_joined_masks,
    own_mask,
)
from lstm_tui.formats.importers.keras.gate_layouts import UnsupportedLayer, floats
from lstm_tui.formats.importers.keras.graph import MODELS, KerasGraph, KerasNode, read_graph
from lstm_tui.formats.importers.keras.layers import NOTHING, flipped, recurrent, refuse, steps
from lstm_tui.formats.importers.keras.lookups import tokens_of_lookup
from lstm_tui.formats.importers.keras.pair_graph import PairFinder, decoders
from lstm_tui.formats.importers.keras.settings import LOOKUPS, is_half
from lstm_tui.formats.importers.plan import Dense, Found, Op, Plan, Recurrent, Reduce, WrittenSteps
from lstm_tui.formats.importers.values import Given, Lookup, State, StepOp, Value, chain_of, linear, reads_past, sources


def find_keras(file: KerasFile, where: str) -> list[Found]:
    """Return the networks of a model.

    Raises:
        UserError: There is no recurrent layer in it.
    """
    assert file.config is not None
    graph = read_graph(file.config, where)
    places = {name: file.place_of(one.own, one.written or one.kind, one.within) for name, one in graph.nodes.items()}
    weights: Weights = lambda node: file.weights(*places[node.name])  # noqa: E731
    outputs = [one for one in graph.outputs if any(graph.nodes[name].recurrent for name in graph.before(one))]
    if not outputs:
        raise UserError(f"{where}: has no recurrent layer, so there is nothing to step through{_hint(graph)}")
    pair, apart = _pair(file, graph, weights, where)
    if pair is not None:
        return [pair]
    model = _Model(file, graph, KerasTensors(graph, weights, file.generation), weights, where, apart)
    every = [one for output in outputs for one in segments_of(graph, output)]
    whole = whole_segments([one.without_top() for one in every if one.layers])
    segments = list(dict.fromkeys(part for one in whole for part in _parted(model, one)))
    if not segments:
        above = next((one.cut for one in every if one.cut and not one.layers), "")
        raise UserError(f"{where}: {above or 'its recurrent layers cannot be told apart'}, and nothing can be stepped")
    found = []
    shared = len({segment.layers[0] for segment in segments}) < len(segments)
    for segment in segments:
        name = segment.layers[-1 if shared else 0] if len(segments) > 1 else ""
        found.append(Found(name, segment.layers, _planner(model, segment)))
    return found


def _pair(file: KerasFile, graph: KerasGraph, weights: Weights, where: str) -> tuple[Found | None, str]:
    """Return an encoder and a decoder as one network, or why they are none; without a decoder there is no reason."""
    if not decoders(graph):
        return None, ""
    try:
        pair = PairFinder(graph).find()
        PairReader(pair, file, weights, ImportReport(where)).plan()  # whether it can be read, before anything is said
    except (UnsupportedLayer, UserError) as error:
        return None, str(error).removeprefix(f"{where}: ")
    except (KeyError, ValueError, TypeError, IndexError, AttributeError):  # a description may say anything anywhere
        return None, "their description is not understood"

    def plan(report: ImportReport) -> Plan:
        _say_keras(file, report)
        return PairReader(pair, file, weights, report).plan()

    return Found("", tuple(one.name for one in (*pair.encoder, *pair.decoder)), plan), ""


def _hint(graph: KerasGraph) -> str:
    """Return what is like a recurrent layer, and why it is none."""
    alike = [node for node in graph.nodes.values() if node.kind in MODELS or "RNN" in node.kind or "LSTM" in node.kind]
    if not alike:
        return ""
    first = alike[0]
    cell = first.config.get("cell")
    inner = cell.get("config") if isinstance(cell, Mapping) else None
    if isinstance(inner, Mapping) and isinstance(inner.get("cells"), list):
        return (
            f"; {first.known_as} is not stepped: it is one layer with {len(inner['cells'])} cells in a stack; "
            "build the model of as many layers, one above another"
        )
    why = "has several inputs or outputs" if first.kind in MODELS else "is not stepped"
    return f"; {first.known_as} {why}"


@dataclass(frozen=True, eq=False)
class _Model:
    """A model that is planned."""

    file: KerasFile
    graph: KerasGraph
    tensors: KerasTensors
    weights: Weights
    where: str
    apart: str = ""
    """Why its encoder and its decoder are not opened as one network; empty where it has none."""

    def nodes(self, item: Item) -> tuple[KerasNode, ...]:
        """Return the recurrent layers of an item, the one that reads forward first."""
        return (item.forward, item.backward) if isinstance(item, Pair) else (item,)

    def entered(self, item: Item) -> KerasTensor:
        """Return what an item reads."""
        return self.tensors.entered[self.nodes(item)[0].name]

    def directed(self, item: Item) -> list[tuple[str, State]]:
        """Return the states of an item, each with its direction."""
        made = []
        for node in self.nodes(item):
            ahead = "backward" if backward(node, self.tensors.entered[node.name].turned) else "forward"
            other = "forward" if ahead == "backward" else "backward"
            made += [(other if one.way else ahead, one) for one in self.tensors.states[node.name]]
        return made

    def directed_tops(self, item: Item) -> list[tuple[str, State]]:
        """Return the hidden states of an item, each with its direction."""
        return [(way, one) for way, one in self.directed(item) if one.state == "h"]

    def shown(self, item: Item) -> list[Value]:
        """Return what an item shows of all steps, end to end."""
        if isinstance(item, Pair) and item.join.kind != "Concatenate":
            value = self.tensors.at((item.join.name, 0)).value
            return [] if value is None else [value]
        if isinstance(item, KerasNode) and item.kind == "Bidirectional" and item.config.get("merge_mode") in (
            "sum", "mul", "ave"
        ):  # fmt: skip
            return [self.tensors.shown[item.name]]
        return [one for _, one in sorted(self.directed_tops(item), key=lambda pair: pair[0], reverse=True)]

    def link(self, below: Item, above: Item) -> tuple[str, list[StepOp]]:
        """Return how what enters the lower of two layers goes past it, `added` or `joined`, and what stands between.

        Raises:
            UnsupportedLayer: It is not known, or the upper one does not read a series of the lower one.
        """
        given = self.entered(above)
        if given.value is None:
            raise UnsupportedLayer(given.why)
        begins = [name for node in self.nodes(above) for name, _ in node.reads[1:]]
        if begins:
            said = ", ".join(visible(one) for one in dict.fromkeys(begins))
            raise UnsupportedLayer(f"it begins with states of {said} (--initial gives them here)")
        if not given.value.series:
            raise UnsupportedLayer(f"{_known_as(below)} stands below, and gives no series at the same steps")
        shown, entering = self.shown(below), self.entered(below)
        base, ops = chain_of(given.value, [id(one) for one in (*shown, entering.value)])
        if given.mask != entering.mask:
            raise UnsupportedLayer(f"other steps are masked than of {_known_as(below)}")
        matrix = linear(base, shown)
        if matrix is not None:
            plain = matrix.shape[0] == matrix.shape[1] and np.array_equal(matrix, np.eye(len(matrix)))
            return "", ops if plain else [Dense("select", matrix), *ops]
        # each pass shows what enters it, so what is made of both passes by the layer itself has no such part
        alike = len(shown) == len(self.directed_tops(below)) and entering.turned == given.turned
        past = None if entering.value is None or not alike else reads_past(base, ops, shown, entering.value)
        if past is None:
            raise UnsupportedLayer(f"it reads more of {_known_as(below)} than a dense layer of what that shows")
        return past


def _known_as(item: Item) -> str:
    return item.known_as


def _parted(model: _Model, segment: Segment) -> list[Segment]:
    """Return a chain as those of its parts of which each layer reads the one below, by what its tensors are."""
    stepping = [n for n, one in enumerate(segment.items) if steps_on(one)]
    for below, above in pairwise(stepping):
        try:
            model.link(segment.items[below], segment.items[above])
        except UnsupportedLayer as error:
            upper = segment.items[above]
            cut = f"{upper.known_as}: {error}"
            first = Segment(segment.items[:above], segment.below, segment.cut)
            return [first, *_parted(model, Segment(segment.items[above:], None, cut))]
    return [segment]


def _say_keras(file: KerasFile, report: ImportReport) -> None:
    report.say("keras", file.version or f"generation {file.generation}", "confirmed", "the file")
    report.choose("description", file.described_by, (), "confirmed", "the layers", matters=False, free=True)


def _planner(model: _Model, segment: Segment) -> Callable[[ImportReport], Plan]:
    def plan(report: ImportReport) -> Plan:
        _say_keras(model.file, report)
        if model.apart:
            report.warnings.append(f"its encoder and decoder are not opened as one: {model.apart}")
        return _plan(model, segment, report)

    return plan


def _plan(model: _Model, segment: Segment, report: ImportReport) -> Plan:
    items = [one for one in segment.items if steps_on(one)]
    first = next(n for n, one in enumerate(segment.items) if steps_on(one))
    try:
        mask = _mask(model, items[0])
    except UnsupportedLayer as error:
        raise refuse(model.where, model.nodes(items[0])[0], str(error)) from error
    plan = _before(model, segment, first, mask, report)
    chain: list[Recurrent | Op | WrittenSteps] = list(plan.chain)
    number = 1 if chain else 0
    entering = _entering(model, segment, items[0], plan)
    names: dict[int, str] = {} if entering is None else {id(entering): "embedding"}
    for n, item in enumerate(items):
        try:
            past, ops = model.link(items[n - 1], item) if n else ("", [])
            if past:
                _pass_on(chain, number - 1, past, report)
            if ops:
                said = ", ".join(dict.fromkeys(visible(one.name) for one in ops))
                report.say(f"layer{number}.name", said, "confirmed", "run at each step")
                chain += ops
                number += 1
            part = _recurrent(model, item, f"layer{number}", report)
        except UnsupportedLayer as error:
            raise refuse(model.where, model.nodes(item)[0], str(error)) from error
        chain.append(part)
        _say_where_it_begins(model, item, f"layer{number}", report)
        for direction, state in model.directed(item):
            names[id(state)] = f"layer{number}.{direction}.{state.state}"
        if any(is_half(one.config) for one in model.nodes(item)):
            report.warnings.append(
                f"{visible(part.name)} computes with half the bits in the file: numbers differ by their rounding"
            )
        number += 1
    halves = [
        node for name in dict.fromkeys(one for answer in model.graph.outputs for one in model.graph.before(answer))
        if is_half((node := model.graph.nodes[name]).config) and not node.recurrent and node.kind not in NOTHING
    ]  # fmt: skip
    if halves:
        names_said = ", ".join(visible(one.name) for one in halves)
        report.warnings.append(
            f"{names_said} {'computes' if len(halves) == 1 else 'compute'} with half the bits in the file: numbers "
            "differ by their rounding"
        )
    readout = written(_answers(model, items, names), model.shown(items[-1]), names, "", report)
    return replace(plan, chain=chain, readout=readout)


def _pass_on(chain: list[Recurrent | Op | WrittenSteps], number: int, how: str, report: ImportReport) -> None:
    """Have the last layer of a chain show what enters it too."""
    lower = chain[-1]
    assert isinstance(lower, Recurrent)
    chain[-1] = lower.passed_on(how)
    said = f"{how} to what it shows, for the layer above"
    report.say(f"layer{number}.input", said, "confirmed", "the description")


def _entering(model: _Model, segment: Segment, lowest: Item, plan: Plan) -> Value | None:
    """Return what enters a network, by its lowest layer; None where it is not followed, or steps of it are masked."""
    given = model.entered(lowest)
    if given.value is None or given.mask is not None or segment.cut or given.turned or not given.value.series:
        return None
    if plan.front is not None:
        return given.value
    base, ops = chain_of(given.value)
    if plan.embedding is not None:
        return base if isinstance(base, Lookup) else None
    return base if isinstance(base, Given) and bool(ops) == bool(plan.chain) else None


def _say_where_it_begins(model: _Model, item: Item, key: str, report: ImportReport) -> None:
    """Warn of first states that layers compute of the input: here they are zeros."""
    for node in model.nodes(item):
        givers = [name for name, _ in node.reads[1:]]
        before = [name for giver in givers for name in model.graph.before(giver)]
        if givers and not any(model.graph.nodes[name].recurrent for name in before):
            said = ", ".join(visible(one) for one in dict.fromkeys(givers))
            report.say(f"{key}.initial", "zeros", "assumed", f"{said} gives others in the file: --initial")
            report.warnings.append(
                f"{visible(node.name)} begins with states of {said}: zeros here, --initial gives others"
            )


def _answers(model: _Model, items: Sequence[Item], names: Mapping[int, str]) -> list[FileOutput]:
    """Return the outputs of the model that depend on some layers."""
    own = {node.name for item in items for node in model.nodes(item)}
    several = [name for name, _ in model.graph.answers]
    found = []
    for name, number in model.graph.answers:
        tensor = model.tensors.at((name, number))
        if not own.intersection(model.graph.before(name)):
            continue
        known = name if several.count(name) == 1 else f"{name}.{number}"
        if tensor.value is not None and not any(id(one) in names for one in sources(tensor.value, names)):
            tensor = KerasTensor(None, "other layers make it of what these give")
        found.append(FileOutput(known, tensor.value, tensor.why, tensor.turned))
    return found


def _mask(model: _Model, item: Item) -> Mask | None:
    """Return what keeps steps out of the lowest layer.

    Raises:
        UnsupportedLayer: It is given from outside.
    """
    mask = model.entered(item).mask
    if mask is not None and mask[0] == "layer":
        keras_mask(model.graph, mask)
    return mask


def _before(model: _Model, segment: Segment, first: int, mask: Mask | None, report: ImportReport) -> Plan:
    """Return a plan with what stands below the first recurrent layer."""
    if segment.cut:
        report.warnings.append(f"{segment.cut}: {segment.layers[0]} takes its inputs directly")
        return Plan("", ())
    below = [one for one in segment.items[:first] if isinstance(one, KerasNode)]
    plan = Plan("", ())
    ops: list[Op] = []
    lookup: KerasNode | None = None
    facts, warnings = len(report.facts), len(report.warnings)
    try:
        if segment.below is not None:
            raise UnsupportedLayer("it has several inputs")
        for node in below:
            check_all(node)
            if node.kind in LOOKUPS and not ops and plan.embedding is None and lookup is None:
                lookup = node
            elif node.kind == "Embedding" and not ops and plan.embedding is None:
                table = floats(model.weights(node))[0]
                tokens = None if lookup is None else tokens_of_lookup(lookup, model.file, len(table), report)
                report.say("embedding", f"{visible(node.name)}, {len(table)} ids", "confirmed", "the description")
                masked = 0 if mask == own_mask(node) and mask is not None else None
                if masked is not None:
                    report.say("masking", "id 0 never enters a pass", "confirmed", "mask_zero")
                plan = replace(plan, embedding=table, mask_id=masked, tokens=tokens)
            elif node.kind == "Masking" and not ops and plan.embedding is None:
                value = float(node.config.get("mask_value", 0.0))
                if mask == own_mask(node):
                    report.say(
                        "masking", f"rows of {sentence(value, 6)} never enter a pass", "confirmed", "the description"
                    )
                    plan = replace(plan, mask_value=value)
            else:
                check_axis(node, model.tensors.at(node.reads[0]).rank if node.reads else None)
                ops += steps(node, model.weights(node), model.file.generation)
        if mask is not None and plan.mask_id is None and plan.mask_value is None:
            raise UnsupportedLayer("its mask is made of more than one layer")
        if ops:
            names = ", ".join(dict.fromkeys(visible(one.name) for one in ops if not isinstance(one, Reduce)))
            report.say("layer0.name", names, "confirmed", "run at each step")
        return replace(plan, chain=ops)
    except UnsupportedLayer:
        del report.facts[facts:], report.warnings[warnings:]
        return _with_front(model, below[-1].name if below else str(segment.below), segment, mask, report)


def _with_front(model: _Model, output: str, segment: Segment, mask: Mask | None, report: ImportReport) -> Plan:
    try:
        front = keras_front(model.graph, output, model.weights, model.file.generation, mask)
        for node in (model.graph.nodes[name] for name, _, _ in front.steps if name in model.graph.nodes):
            try:
                masks = [model.tensors.at(ref).mask for ref in node.reads]
                check_joined_masks(node, masks, model.file.generation)
            except UnsupportedLayer as error:
                raise UnsupportedLayer(f"{node.known_as}: {error}") from error
        tokens = _tokens_in_front(model, front, report)
    except UnsupportedLayer as error:
        report.warnings.append(f"{error}; it cannot be run, so {segment.layers[0]} takes its inputs directly")
        return Plan("", ())
    run = ", ".join(visible(name) for name, _, _ in front.steps if name in model.graph.nodes)
    report.say("front", run, "confirmed", "run as array ops before the first recurrent layer")
    report.say("input", ", ".join(visible(one) for one in front.inputs), "confirmed", "the description")
    if mask is not None:
        report.say("masking", "masked steps never enter a pass", "confirmed", "the description")
    return Plan("", (), front=front, tokens=tokens)


def _tokens_in_front(model: _Model, front: ExtractorGraph, report: ImportReport) -> dict[str, Any] | None:
    """Return how text becomes the ids of the one input of array ops, where a layer of them looks texts up."""
    lookups = [model.graph.nodes[name] for name, _, _ in front.steps if _looks_up(model.graph, name)]
    if len(lookups) != 1 or len(front.inputs) != 1 or len(front.ids) != 1:
        return None
    return tokens_of_lookup(lookups[0], model.file, next(iter(front.ids.values())), report)


def _looks_up(graph: KerasGraph, name: str) -> bool:
    return name in graph.nodes and graph.nodes[name].kind in LOOKUPS


def _recurrent(model: _Model, item: Item, key: str, report: ImportReport) -> Recurrent:
    """Return a layer.

    Raises:
        UnsupportedLayer: It cannot be stepped.
    """
    generation = model.file.generation
    if isinstance(item, Pair):
        notes = ImportReport(report.file, settings=report.settings)
        ahead = recurrent(item.forward, model.weights(item.forward), (), key, generation, notes)
        again = ImportReport(report.file, settings=report.settings)
        back = recurrent(item.backward, model.weights(item.backward), (), key, generation, again)
        merge = MERGES[item.join.kind]
        report.facts += [fact for fact in notes.facts if not fact.key.endswith(".directions")]
        report.offered += notes.offered
        report.warnings += notes.warnings
        who = f"{visible(item.forward.name)} and {visible(item.backward.name)}"
        report.say(f"{key}.directions", f"both, {merge}", "inferred", f"{who} read the same")
        passes = [("forward", ahead.passes[0][1]), ("backward", back.passes[0][1])]
        said = [(one.cell, one.hidden, one.functions, one.without) for one in (ahead, back)]
        if said[0] == said[1]:
            return replace(ahead, name=item.join.name, passes=passes, merge=merge)
        second = replace(back, passes=[("backward", back.passes[0][1])])
        return replace(ahead, name=item.join.name, merge=merge, second=second)
    check_all(item)
    file = model.file
    names = file.weight_names(*file.place_of(item.own, item.kind, item.within)) if file.form == "names" else []
    turned = model.entered(item).turned
    part = recurrent(item, model.weights(item), names, key, generation, report, turned)
    if item.kind.startswith("Reversed"):
        told = report.choose(
            f"{key}.output_order", "token", ("reading",), "assumed", f"{item.kind} is a class of its author's"
        )
        if told == "reading":
            raise UnsupportedLayer("a series from the end cannot be joined here")
        part = replace(part, passes=[("backward", part.passes[0][1])])
    return flipped(part) if turned else part
