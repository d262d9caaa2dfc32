"""Files of Keras that hold weights alone: the layers are found by shapes, and what no shape tells is assumed aloud."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import field, replace
from functools import cache
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import sentence
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.answers import FROM_THE_END
from lstm_tui.formats.importers.cell_states import FINAL_CELL, keeps_cell_state
from lstm_tui.formats.importers.import_report import MOST_OFFERED, NOT_RECORDED, PLACED, How, ImportReport
from lstm_tui.formats.importers.keras.file import KerasFile
from lstm_tui.formats.importers.keras.gate_layouts import UnsupportedLayer, is_cudnn
from lstm_tui.formats.importers.keras.graph import RECURRENT, KerasNode
from lstm_tui.formats.importers.keras.layers import flipped, recurrent, refuse, steps
from lstm_tui.formats.importers.keras.weight_layers import (
    NORMS,
    Chain,
    WeightLayer,
    below_a_pool,
    chains_of,
    pooled,
    reads_flat,
    shape_kind,
    weight_layers,
    without_weights,
)
from lstm_tui.formats.importers.plan import Activation, Dense, Found, Op, Plan, Recurrent, Reduce

_GATES = ("sigmoid", "hard_sigmoid_keras2", "hard_sigmoid_keras3")
_CANDIDATES = ("tanh", "relu", "linear", "sigmoid", "elu", "softsign")
_ASSUMED = ("gate_activation", "activation")
_NO_RESET = "a file of weights does not record reset_after of a GRU without a bias"
_LAST = ("linear", "softmax", "sigmoid", "tanh", "relu")
_OVER = ("last", "each", "mean", "max")
_EPSILON = 1e-3  # Keras's default of both normalisations, which no file of weights records


def find_keras_weights(file: KerasFile, where: str) -> list[Found]:
    """Return the chain of recurrent layers of a file of weights.

    Raises:
        UserError: There is none.
    """
    layers = weight_layers(file)
    names = tuple(one.name for one in layers if one.recurrent)
    if not names:
        known = ", ".join(visible(one.name) for one in layers if one.weights) or "none"
        raise UserError(f"{where}: no recurrent layer is known by the shapes of its weights ({known})")

    chains = cache(lambda: _chains(layers))

    def plan(report: ImportReport) -> Plan:
        report.say("keras", file.version or f"generation {file.generation}", "confirmed", "the file")
        report.warnings.append("the file holds weights alone: give the model's .json beside it, or --set description=…")
        return _Planning(file, layers, chains, where, report).plan()

    return [Found("", names, plan)]


def _chains(layers: Sequence[WeightLayer]) -> list[Chain]:
    """Return the chains that layers could be, the likeliest first: without a layer that reads what a flatten gives."""
    standing, embedded = [one for one in layers if one.known], _embedded(layers)
    chains, flat = chains_of(standing, embedded), reads_flat(layers)
    if chains and any(one.name in chains[0].members for one in flat):
        return [*chains_of([one for one in standing if one not in flat], embedded), *chains]
    return chains


def _embedded(layers: Sequence[WeightLayer]) -> list[int]:
    """Return the widths of the tables that ids may be looked up in."""
    return [one.weights[0].shape[1] for one in layers if one.kind == "Embedding"]


@dataclass
class _Planning:
    """One file of weights being planned."""

    file: KerasFile
    layers: Sequence[WeightLayer]
    chains: Callable[[], Sequence[Chain]]
    where: str
    report: ImportReport
    keys: dict[str, str] = field(default_factory=dict)
    """What facts of a layer begin with, by its name."""
    is_masked: bool = False
    """Whether ids of 0 are left out."""

    def plan(self) -> Plan:
        """Return the plan, with everything that is left said."""
        report = self.report
        tables = [one for one in self.layers if one.kind == "Embedding"]
        taken, rivals = self._joined()
        order = [one for one, _ in taken.layers]
        embedding = next((one for one in tables if one.weights[0].shape[1] == order[0].reads), None)
        mask = None
        if embedding is not None:
            ids = len(embedding.weights[0])
            said = f"{visible(embedding.name)}, {ids} ids"
            report.say("embedding", said, "inferred", "its width is what is read")
            masking = report.choose("masking", "none", ("0",), "assumed", NOT_RECORDED, together=NOT_RECORDED)
            mask = None if masking == "none" else 0
            self.is_masked = mask is not None
            self.keys[embedding.name] = "embedding"
        chain = self._chain(taken)
        if mask is not None and any(isinstance(one, Reduce) and one.how == "max" for one in chain):
            report.doubt("readout", "the maximum of Keras takes the masked steps in")
        if isinstance(chain[-1], Recurrent) and not any(one.kind == "Dense" for one in rivals):
            report.assume("readout", "none", NOT_RECORDED)
        self._left(order, rivals)
        table = None if embedding is None else embedding.weights[0]
        return Plan("", chain, table, mask_id=mask)

    def _joined(self) -> tuple[Chain, list[WeightLayer]]:
        """Return the layers that read each other, and those of which it is said that they could stand there too."""
        standing = [one for one in self.layers if one.known]
        chains = self.chains()
        if not chains:
            return self._alone(standing), []
        first = chains[0]
        others = [one.names for one in chains[1:MOST_OFFERED]]
        rivals: list[WeightLayer] = []
        how: How = "inferred"
        why = "the only order that their classes and widths allow"
        if len({one.members for one in chains}) > 1:
            first = first.below_the_top()
            others = [one.names for one in chains[:MOST_OFFERED] if one.names != first.names]
            rivals = [one for one in standing if any(one.name in chain.members - first.members for chain in chains)]
            each = " and ".join(visible(one.name) for one in rivals)
            how, why = "assumed", f"{each} could stand above it or below, and weights alone do not say which does"
        elif len(chains) > 1 or len(first.layers) < len(standing) or self._apart(first):
            how, why = "assumed", "names, classes and widths say no more"
        apart = first.side_by_side()
        if apart and how == "inferred":
            how, why = "assumed", "a dense layer reads as much as one below it: it could stand beside that"
        lifted = first.lifted(_embedded(self.layers))
        if lifted and how == "inferred":
            how, why = "assumed", "a dense layer below reads as much as the top layer gives: it could stand above that"
        apart += lifted
        others += [one.names for one in apart if one.names not in others]
        others += [one.name for one in standing if one.recurrent and one.name not in (first.names, *others)]
        if len(standing) == 1:
            return first, []
        together = "" if rivals else PLACED
        chosen = self.report.choose("join", first.names, others, how, why, together=together)
        if chosen == first.names:
            return first, rivals
        alone = [Chain(((one, True),)) for one in standing if one.recurrent]
        return next(one for one in (*chains, *apart, *alone) if one.names == chosen), []

    def _alone(self, standing: Sequence[WeightLayer]) -> Chain:
        """Return one recurrent layer of several that do not follow each other: the first that reads a table, or all."""
        layers = [one for one in standing if one.recurrent]
        embedded = _embedded(self.layers)
        layers.sort(key=lambda one: one.reads not in embedded)
        sizes = ", ".join(f"{visible(one.name)} {one.reads} → {one.units}" for one in layers)
        why = f"its recurrent layers do not follow each other by their sizes: {sizes}"
        first, *others = (one.name for one in layers)
        chosen = self.report.choose("join", visible(first), [visible(one) for one in others], "assumed", why)
        return next(Chain(((one, True),)) for one in layers if visible(one.name) == chosen)

    def _apart(self, chain: Chain) -> bool:
        """Say whether a recurrent layer that reads another could as well stand beside it and read the same."""
        layers = [one for one, _ in chain.layers if one.recurrent]
        return any(one.reads == layers[0].reads for one in layers[1:])

    def _chain(self, taken: Chain) -> list[Recurrent | Op]:
        """Return what the layers do, one after the other."""
        report = self.report
        last = max(n for n, (one, _) in enumerate(taken.layers) if one.recurrent)
        chain: list[Recurrent | Op] = []
        waiting: list[str] = []
        ordered: list[Op] = []
        heads = [one for one, _ in taken.layers[last + 1 :]]
        over: list[Op] = []
        over_at = len(taken.layers)
        count = 0
        turned = False
        for number, (one, joined) in enumerate(taken.layers):
            if not one.recurrent:
                key = "readout" if number > last else f"layer{count}"
                self.keys[one.name] = key
                if number == last + 1:
                    over, heads_below = self._over(chain, heads)
                    over_at = number + heads_below
                chain += [*(over if number == over_at else []), *ordered, *self._steps(one, key)]
                waiting.append(one.name)
                ordered = []
                continue
            chain += ordered
            if waiting:
                report.say(f"layer{count}.name", ", ".join(map(visible, waiting)), "inferred", "run at each step")
                count += 1
            self.keys[one.name] = f"layer{count}"
            if turned and self.is_masked:
                report.doubt(f"layer{count}", f"{visible(one.name)} reads from the end, where Keras turns no mask")
            *below, part = self._recurrent(one, joined, f"layer{count}", turned)
            assert isinstance(part, Recurrent)
            count += len(below) + 1
            chain += [*below, part]
            ordered = _ends_swapped(part) if turned and one.both and joined else []
            waiting = [one.name] if ordered else []
            turned = turned if one.both else part.directions == ("backward",)
        if heads and over_at == len(taken.layers):
            chain += over
        if turned and self.is_masked and any(isinstance(one, Reduce) and one.how == "mean" for one in chain):
            report.doubt("readout", "a mean of what comes from the end, where Keras turns no mask")
        if turned and not any(isinstance(one, Reduce) for one in chain):
            report.warnings.append(FROM_THE_END)
        return chain

    def _recurrent(self, one: WeightLayer, joined: bool, key: str, turned: bool) -> list[Recurrent | Op]:
        """Return a recurrent layer: twice where it is called twice, with what stands between."""
        report = self.report
        part = _layer(self.file, one.name, one.kind, list(one.weights), key, self.where, report, turned)
        if one.both and not joined:
            why = "the next layer reads as many numbers as one direction gives; a file of weights does not record more"
            part = replace(part, merge=report.choose(f"{key}.merge", "sum", ("average", "mul"), "assumed", why))
        if part.inputs != one.gives(joined):
            return [part]
        called = report.choose(f"{key}.calls", "one", ("two",), "assumed", NOT_RECORDED)
        if not one.both:
            said = report.choose(f"{key}.residual", "none", ("added",), "assumed", NOT_RECORDED)
            part = replace(part, residual=said == "added")
        if called == "one":
            return [part]
        again = f"layer{int(key.removeprefix('layer')) + 1}"
        report.say(f"{again}.name", one.name, "set", "the user said that it is called twice")
        if turned and one.both and joined:
            return [part, *_ends_swapped(part), part]
        against = not one.both and (part.directions == ("backward",)) != turned
        return [part, flipped(part) if against else part]

    def _steps(self, one: WeightLayer, key: str) -> list[Op]:
        """Return what a layer does at every step."""
        report = self.report
        if one.kind in NORMS:
            return self._norm(one, key)
        dense = Dense(one.name, one.weights[0].T, one.weights[1] if len(one.weights) > 1 else None)
        function = f"{key}.{visible(one.name)}_activation"
        if key == "readout":
            report.say("readout", visible(one.name), "inferred", "shapes")
        said = report.choose(
            function, "linear", _LAST[1:], "assumed", "a file of weights does not record it", together=NOT_RECORDED
        )
        return [dense, *([] if said == "linear" else [Activation(one.name, said)])]

    def _over(self, chain: Sequence[Recurrent | Op], heads: Sequence[WeightLayer]) -> tuple[list[Op], int]:
        """Return what is taken of the steps of the layers so far, and how many of the layers above stand below that."""
        known = pooled(self.layers)
        spread = any(one.kind == "Dense" and one.filed == "time_distributed" for one in self.layers)
        own = known or ("each" if spread else "last")
        how: How = "assumed" if known is None else "inferred"
        why = "a file of weights does not record it" if how == "assumed" else "a layer of the file is called so"
        top = next(one for one in reversed(chain) if isinstance(one, Recurrent))
        others = [one for one in (*_OVER, *([FINAL_CELL] if keeps_cell_state(top) else [])) if one != own]
        places: dict[str, tuple[str, int]] = {}
        if all(one.row is None for one in self.layers):  # the last step is the same wherever it is taken
            ways = [known] if known else ["mean", "max"]
            places = {f"{way} after {visible(one.name)}": (way, n) for n, one in enumerate(heads, 1) for way in ways}
            if known is not None:
                how, why = "assumed", "a layer of the file is called so; which layers stand below it is not recorded"
        said = self.report.choose("readout.over", own, [*others, *places], how, why, together=NOT_RECORDED)
        over, below = places.get(said, (said, sum(below_a_pool(one, self.layers) for one in heads)))
        return [] if over == "each" else [Reduce("final" if over == "last" else over)], below

    def _norm(self, one: WeightLayer, key: str) -> list[Op]:
        setting = f"{key}.epsilon_{visible(one.name)}"
        config: dict[str, Any] = {}
        if one.kind != "Normalization":
            said = self.report.offer(setting, sentence(_EPSILON, 6), ("1e-05", "1e-06", "1e-07"), free=True)
            try:
                config["epsilon"] = float(said)
            except ValueError:
                config["epsilon"] = -1.0
            if not 0 <= config["epsilon"] <= 1:
                raise UserError(f"--set {setting}={visible(said)}: it should be a number, such as 0.001")
        try:
            made = steps(KerasNode(one.name, one.kind, config), list(one.weights), self.file.generation)
        except UnsupportedLayer as error:
            raise refuse(self.where, KerasNode(one.name, one.kind, config), str(error)) from error
        return made

    def _left(self, taken: Sequence[WeightLayer], rivals: Sequence[WeightLayer]) -> None:
        """Say of every layer that nothing took what it may change."""
        used = {one.name for one in taken} | {name for name, key in self.keys.items() if key == "embedding"}
        for one in self.layers:
            if one.name in used or not one.weights:
                continue
            self.report.unused.append(visible(one.name))
            if one not in rivals:
                for key in self._beside(one, taken):
                    self.report.doubt(key, f"{one.text} is in the file and has no place here")
        for one in without_weights(self.layers):
            for key in self._beside(one, taken):
                self.report.doubt(key, f"what {visible(one.name)} does is not in a file of weights")

    def _beside(self, one: WeightLayer, taken: Sequence[WeightLayer]) -> list[str]:
        """Return the parts whose numbers a layer that is not run may change."""
        recurrent = [other for other in taken if other.recurrent]
        flat = [other for other in reads_flat(self.layers) if other not in taken]
        if one.row is None and (one in flat or (flat and one.filed == "flatten")):
            return ["readout"]
        if one.row is None:
            return [*(self.keys[other.name] for other in recurrent), "readout"]
        above = [self.keys[other.name] for other in recurrent if one.before(other)]
        return [above[0] if above else "readout"]


def _ends_swapped(part: Recurrent) -> list[Op]:
    """Return what puts first what Keras puts first of two directions, where what they read comes from the end."""
    return [Dense("select", np.roll(np.eye(2 * part.hidden, dtype=np.float32), part.hidden, axis=0))]


def _layer(
    file: KerasFile, name: str, kind: str, weights: list[Array], key: str, where: str, report: ImportReport,
    turned: bool,
) -> Recurrent:  # fmt: skip
    """Return a recurrent layer; what it reads is `turned` where it comes from the end."""
    inner_kind = shape_kind(weights[: len(weights) // 2]) if kind == "Bidirectional" else kind
    version = tuple(int(one) for one in file.version.split("-")[0].split(".")[:2] if one.isdigit())
    old = version < (2, 3) and file.generation < 3 and "tf" not in file.version
    bias = len(weights) // (2 if kind == "Bidirectional" else 1) != 2
    config: dict[str, Any] = {"activation": "tanh", "recurrent_activation": "sigmoid", "reset_after": not old}
    config["use_bias"] = bias
    asked = list(_ASSUMED)
    if inner_kind == "GRU" and not bias:  # of a GRU with a bias, its shape says it
        ways = ("before", "after") if old else ("after", "before")
        reset = report.choose(f"{key}.reset", ways[0], ways[1:], "assumed", _NO_RESET, together=NOT_RECORDED)
        config["reset_after"] = reset == "after"
        asked.append("reset")
    node = KerasNode(name, inner_kind, config)
    if kind == "Bidirectional":
        node = KerasNode(name, kind, {"merge_mode": "concat"}, inner=node)
    decided = {one: said for one, said in report.settings.items() if one.rpartition(".")[2] not in asked}
    notes = ImportReport(report.file, settings=decided)
    try:
        part = recurrent(node, weights, (), key, file.generation, notes)
    except UnsupportedLayer as error:
        raise refuse(where, node, str(error)) from error
    told = ("name", "size")
    kept = [fact for fact in notes.facts if fact.key.rpartition(".")[2] in told or fact.how == "set"]
    report.facts += [replace(fact, why="the file") if fact.key.endswith(".name") else fact for fact in kept]
    report.offered += [fact for fact in notes.offered if fact.key.rpartition(".")[2] not in asked]
    report.say(f"{key}.cell", inner_kind, "inferred", "shapes")
    if kind == "Bidirectional":
        report.say(f"{key}.directions", "both", "inferred", "shapes")
        part = flipped(part) if turned else part
    else:
        ways = ("backward", "forward") if turned else ("forward", "backward")
        why = "a file of weights does not record go_backwards"
        why = f"what it reads comes from the end, and {why}" if turned else why
        way = report.choose(f"{key}.directions", ways[0], ways[1:], "assumed", why, together=NOT_RECORDED)
        part = replace(part, passes=[(way, part.passes[0][1])])
    functions = dict(part.functions)
    group = weights[: len(weights) // 2] if kind == "Bidirectional" else weights
    if is_cudnn(RECURRENT[inner_kind], KerasNode(name, inner_kind, {}), group):
        why = "two biases end to end are those of a layer of cuDNN, which knows no other"
        report.say(f"{key}.gate_activation", "sigmoid", "confirmed", why)
        report.say(f"{key}.activation", "tanh", "confirmed", why)
        plain = {slot: "sigmoid" if slot == "gates" else "tanh" for slot in functions}
        return Recurrent(**{**vars(part), "functions": plain})
    if "gates" in functions:
        said = f"Keras {file.version}" if file.version else "this Keras"
        why = f"a file of weights does not record it; {'hard_sigmoid' if old else 'sigmoid'} is the default of {said}"
        own = "hard_sigmoid_keras2" if old else "sigmoid"
        functions["gates"] = report.choose(f"{key}.gate_activation", own, _GATES, "assumed", why, together=NOT_RECORDED)
    why = "a file of weights does not record it; tanh is the default"
    functions["candidate"] = report.choose(
        f"{key}.activation", "tanh", _CANDIDATES[1:], "assumed", why, together=NOT_RECORDED
    )
    if "output" in functions:
        functions["output"] = functions["candidate"]
    return Recurrent(**{**vars(part), "functions": functions})
