"""The networks of a Keras model: its graph as chains of recurrent layers with what stands before and above them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import sentence
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.import_report import ImportReport
from lstm_tui.formats.importers.keras.chains import MERGES, Item, Pair, Segment, name_of, segments_of, steps_on
from lstm_tui.formats.importers.keras.feature_extractor import Weights, keras_front
from lstm_tui.formats.importers.keras.file import KerasFile
from lstm_tui.formats.importers.keras.gate_layouts import UnsupportedLayer, floats
from lstm_tui.formats.importers.keras.graph import MODELS, KerasGraph, KerasNode, mask_is_own, read_graph
from lstm_tui.formats.importers.keras.layers import recurrent, refuse, steps
from lstm_tui.formats.importers.plan import Found, Op, Plan, Recurrent, Reduce

_POOLS = {"GlobalMaxPooling1D": "max", "GlobalAveragePooling1D": "mean"}


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
        alike = [
            node for node in graph.nodes.values() if node.kind in MODELS or "RNN" in node.kind or "LSTM" in node.kind
        ]
        why = (
            "is called more than once, or has several inputs" if alike and alike[0].kind in MODELS else "is not stepped"
        )
        hint = f"; {alike[0].known_as} {why}" if alike else ""
        raise UserError(f"{where}: has no recurrent layer, so there is nothing to step through{hint}")
    every = segments_of(graph, outputs[0])
    segments = [one for one in every if one.layers]
    above = next((one.cut for one in every if one.cut and not one.layers), "")
    if not segments:
        raise UserError(f"{where}: {above or 'its recurrent layers cannot be told apart'}, and nothing can be stepped")
    found = []
    for segment in segments:
        name = segment.layers[0] if len(segments) > 1 else ""
        found.append(
            Found(name, segment.layers, _planner(file, graph, segment, weights, where, len(outputs) - 1, above))
        )
    return found


def _planner(
    file: KerasFile, graph: KerasGraph, segment: Segment, weights: Weights, where: str, others: int, above: str
) -> Callable[[ImportReport], Plan]:
    def plan(report: ImportReport) -> Plan:
        report.say("keras", file.version or f"generation {file.generation}", "confirmed", "the file")
        report.choose("description", file.described_by, (), "confirmed", "the layers", matters=False, free=True)
        if others:
            report.warnings.append(f"the model has {others} more outputs, which are not shown")
        if above:
            report.warnings.append(f"{above}; there is no readout")
        return _plan(file, graph, segment, weights, where, report)

    return plan


def _plan(
    file: KerasFile, graph: KerasGraph, segment: Segment, weights: Weights, where: str, report: ImportReport
) -> Plan:
    first = next(n for n, one in enumerate(segment.items) if steps_on(one))
    plan = _before(graph, segment, first, weights, file.generation, report)
    chain = list(plan.chain)
    number = 1 if chain else 0
    from_the_end = False
    for n, item in enumerate(segment.items[first:], first):
        if steps_on(item):
            try:
                if isinstance(item, KerasNode) and not mask_is_own(graph, item):
                    raise UnsupportedLayer(f"it is given a mask by {visible(', '.join(item.masks))}")
                part, whole, turned = _recurrent(file, item, weights, f"layer{number}", from_the_end, report)
            except UnsupportedLayer as error:
                raise refuse(where, item if isinstance(item, KerasNode) else item.forward, str(error)) from error
            chain.append(part)
            number += 1
            from_the_end ^= turned
            more = any(steps_on(one) for one in segment.items[n + 1 :])
            if not whole and not more:
                chain.append(Reduce("final"))
                report.say("readout.over", "final", "confirmed", "return_sequences is false")
            continue
        try:
            ops = _steps(item, weights, file.generation)
        except UnsupportedLayer as error:
            report.warnings.append(f"{item.known_as} cannot be run: {error}; there is no readout")
            while chain and not isinstance(chain[-1], Recurrent):
                chain.pop()
            break
        if ops and any(steps_on(one) for one in segment.items[n + 1 :]) and isinstance(chain[-1], Recurrent):
            report.say(f"layer{number}.name", name_of(item), "confirmed", "run at each step")
            number += 1
        chain += ops
    if from_the_end:
        report.warnings.append("the file gives its last series from the end; here each vector stands at its own token")
    last = max(n for n, one in enumerate(segment.items) if steps_on(one))
    head = [name_of(one) for one in segment.items[last + 1 :]]
    if not isinstance(chain[-1], Recurrent):
        report.say("readout", ", ".join(visible(one) for one in head) or "the final states", "confirmed", "the graph")
    return replace(plan, chain=chain)


def _before(
    graph: KerasGraph, segment: Segment, first: int, weights: Weights, generation: int, report: ImportReport
) -> Plan:
    """Return a plan with what stands below the first recurrent layer."""
    if segment.cut:
        report.warnings.append(f"{segment.cut}: {segment.layers[0]} takes its inputs directly")
        return Plan("", ())
    below = [one for one in segment.items[:first] if isinstance(one, KerasNode)]
    plan = Plan("", ())
    ops: list[Op] = []
    try:
        if segment.below is not None:
            raise UnsupportedLayer("it has several inputs")
        for node in below:
            if node.kind == "Embedding" and not ops and plan.embedding is None:
                table = floats(weights(node))[0]
                report.say("embedding", f"{visible(node.name)}, {len(table)} ids", "confirmed", "the description")
                masked = 0 if node.config.get("mask_zero") else None
                if masked is not None:
                    report.say("masking", "id 0 never enters a pass", "confirmed", "mask_zero")
                plan = replace(plan, embedding=table, mask_id=masked)
            elif node.kind == "Masking" and not ops:
                value = float(node.config.get("mask_value", 0.0))
                report.say(
                    "masking", f"rows of {sentence(value, 6)} never enter a pass", "confirmed", "the description"
                )
                plan = replace(plan, mask_value=value)
            else:
                made = steps(node, weights(node), generation)
                ops += made
        if ops:
            names = ", ".join(dict.fromkeys(visible(one.name) for one in ops if not isinstance(one, Reduce)))
            report.say("layer0.name", names, "confirmed", "run at each step")
        return replace(plan, chain=ops)
    except UnsupportedLayer:
        return _with_front(graph, below[-1].name if below else str(segment.below), weights, generation, segment, report)


def _with_front(
    graph: KerasGraph, output: str, weights: Weights, generation: int, segment: Segment, report: ImportReport
) -> Plan:
    try:
        front = keras_front(graph, output, weights, generation)
    except UnsupportedLayer as error:
        report.warnings.append(f"{error}; it cannot be run, so {segment.layers[0]} takes its inputs directly")
        return Plan("", ())
    run = ", ".join(visible(name) for name, _, _ in front.steps)
    report.say("front", run, "confirmed", "run as array ops before the first recurrent layer")
    report.say("input", ", ".join(visible(one) for one in front.inputs), "confirmed", "the description")
    return Plan("", (), front=front)


def _recurrent(
    file: KerasFile, item: Item, weights: Weights, key: str, from_the_end: bool, report: ImportReport
) -> tuple[Recurrent, bool, bool]:
    """Return a layer, whether it gives a whole series, and whether that runs from the end."""
    if isinstance(item, Pair):
        notes = ImportReport(report.file, settings=report.settings)
        ahead = recurrent(item.forward, weights(item.forward), (), key, file.generation, notes)
        again = ImportReport(report.file, settings=report.settings)
        back = recurrent(item.backward, weights(item.backward), (), key, file.generation, again)
        merge = MERGES[item.join.kind]
        report.facts += [fact for fact in notes.facts if not fact.key.endswith(".directions")]
        report.offered += notes.offered
        who = f"{visible(item.forward.name)} and {visible(item.backward.name)}"
        report.say(f"{key}.directions", f"both, {merge}", "inferred", f"{who} read the same")
        passes = [("forward", ahead.passes[0][1]), ("backward", back.passes[0][1])]
        return replace(ahead, name=item.join.name, passes=passes, merge=merge), True, False
    if item.calls > 1 or len(item.inputs) > 1:
        raise UnsupportedLayer("it is called more than once, or given states from another layer")
    names = file.weight_names(*file.place_of(item.own, item.kind, item.within)) if file.form == "names" else []
    part = recurrent(item, weights(item), names, key, file.generation, report)
    inner = item.inner.config if item.kind == "Bidirectional" and item.inner is not None else item.config
    if item.kind.startswith("Reversed"):
        told = report.choose(
            f"{key}.output_order", "token", ("reading",), "assumed", f"{item.kind} is a class of its author's"
        )
        if told == "reading":
            raise UnsupportedLayer("a series from the end cannot be joined here")
        part = replace(part, passes=[("backward", part.passes[0][1])])
        return part, bool(inner.get("return_sequences")), False
    backward = bool(inner.get("go_backwards")) and item.kind != "Bidirectional"
    if from_the_end:
        flipped = [("backward" if way == "forward" else "forward", given) for way, given in part.passes]
        if len(flipped) > 1 and part.merge == "concat":
            raise UnsupportedLayer("it reads both ways what comes from the end")
        part = replace(part, passes=flipped if len(flipped) == 1 else flipped[::-1])
    return part, bool(inner.get("return_sequences")), backward


def _steps(item: Item, weights: Weights, generation: int) -> list[Op]:
    if isinstance(item, Pair):
        raise UnsupportedLayer("it joins two layers")
    if item.kind in _POOLS:
        return [Reduce(_POOLS[item.kind])]
    return steps(item, weights(item), generation)
