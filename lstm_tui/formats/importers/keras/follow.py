"""The tensors of a Keras model: what each is of the states and inputs, its axes, its order and its mask.

A layer has several outputs (a recurrent one gives its states beside what it shows), so what is followed is a layer and
the number of its output, never a layer alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.keras.gate_layouts import UnsupportedLayer, floats
from lstm_tui.formats.importers.keras.graph import (
    CALCULATED,
    RECURRENT,
    TENSOR,
    KerasGraph,
    KerasNode,
    Ref,
    mask_is_own,
)
from lstm_tui.formats.importers.keras.layers import ATTENTION, NOTHING, steps
from lstm_tui.formats.importers.keras.settings import LOOKUPS, check_settings
from lstm_tui.formats.importers.plan import Activation, AffineScale, Dense, Norm
from lstm_tui.formats.importers.values import (
    Combined,
    Given,
    Lookup,
    OpValue,
    Reduced,
    State,
    StepsSoftmax,
    Value,
    added,
    joined,
    sources,
    with_numbers,
)

Mask = tuple[Any, ...]
"""What keeps steps out: `ids` or `rows` of a layer, `or`, `and` of masks, a mask `against` its series, or a `layer`."""
_POOLS = {"GlobalMaxPooling1D": "max", "GlobalAveragePooling1D": "mean"}
_MERGED = {"Add": "add", "Subtract": "sub", "Multiply": "mul", "Maximum": "max", "Minimum": "min", "Average": "add"}
_OVER = {"Sum": "sum", "Mean": "mean", "Max": "max", "Min": "min"}
_NO_MATTER = ("name", "dtype")
ALONG = ("BatchNormalization", "LayerNormalization", "Normalization", "Softmax")
"""Layers that are taken along an axis."""
_FILLED = ("Multiply", "Maximum", "Minimum")
"""Layers that Keras 3 lets leave out what is masked of each of the tensors they join."""
_MASK_ENDS = (
    "GlobalMaxPooling1D", "MaxPooling1D", "AveragePooling1D", "Flatten", "Reshape", "Permute", "ZeroPadding1D",
    "Conv1D", *LOOKUPS,
)  # fmt: skip
"""Layers that no generation of Keras lets pass a mask on."""
_MASK_ENDS_BEFORE_3 = ("Rescaling", "Identity", "Normalization")
"""Layers that pass it on in Keras 3 alone."""
STATES = {"lstm": ("h", "c"), "gru": ("h",), "rnn": ("h",)}


@dataclass(frozen=True, eq=False)
class KerasTensor:
    """One output of a layer.

    Attributes:
        value: What it is; None where that is not known.
        why: Why it is not known.
        rank: How many axes it has, the batch among them; None where that is not known.
        turned: Whether its series runs from the end.
        mask: What keeps steps out of it, or None.
    """

    value: Value | None
    why: str = ""
    rank: int | None = 3
    turned: bool = False
    mask: Mask | None = None


@dataclass
class KerasTensors:
    """Every tensor of a graph.

    Attributes:
        graph: The graph.
        weights: Returns the weights of a layer.
        generation: Of Keras.
        tensors: By layer and number.
        entered: What each recurrent layer reads.
        shown: What each recurrent layer shows of all steps.
        states: The states of each recurrent layer, by direction of the file and name.
        masked: What keeps steps out of each recurrent layer.
    """

    graph: KerasGraph
    weights: Callable[[KerasNode], Sequence[Array]]
    generation: int
    tensors: dict[Ref, KerasTensor] = field(default_factory=dict)
    entered: dict[str, KerasTensor] = field(default_factory=dict)
    shown: dict[str, Value] = field(default_factory=dict)
    states: dict[str, list[State]] = field(default_factory=dict)
    _ends: dict[tuple[int, str], Value] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Follow every layer, each after what it reads."""
        waiting = list(self.graph.nodes)
        done: set[str] = set()
        while waiting:
            ready = [name for name in waiting if set(self.graph.nodes[name].inputs) <= done]
            if not ready:
                return
            for name in ready:
                self._follow(self.graph.nodes[name])
            done.update(ready)
            waiting = [name for name in waiting if name not in done]

    def at(self, ref: Ref) -> KerasTensor:
        """Return a tensor."""
        return self.tensors.get(ref, KerasTensor(None, f"{ref[0]} has no such output"))

    def _follow(self, node: KerasNode) -> None:
        read = [self.at(ref) for ref in node.reads]
        try:
            check_all(node)
            if node.recurrent:
                self._recurrent(node, read)
                return
            made = self._made(node, read)
            passed = made.mask if passes_mask(node, self.generation) else None
            self.tensors[node.name, 0] = replace(made, mask=passed)
        except (UnsupportedLayer, KeyError, ValueError, TypeError, IndexError, AttributeError) as error:
            # a description may say anything anywhere; whatever does not follow from it is not understood
            known = isinstance(error, UnsupportedLayer)
            why = f"{node.known_as} cannot be run: {error if known else 'its description is not understood'}"
            first = next((one.why for one in read if one.value is None), "")
            masked = any(one.mask is not None for one in read) and passes_mask(node, self.generation)
            mask = ("unknown", node.name) if masked else None
            for number in range(6):
                self.tensors[node.name, number] = KerasTensor(None, first or why, None, mask=mask)
            if node.recurrent:
                self._recurrent(node, [KerasTensor(None, first or why)])

    def _recurrent(self, node: KerasNode, read: Sequence[KerasTensor]) -> None:
        given = read[0] if read else KerasTensor(Given("input", 0))
        mask = self._mask_of(node, given)
        inner = node.inner if node.kind == "Bidirectional" and node.inner is not None else node
        both = [inner] if inner is node else [inner, node.backward or inner]
        self.entered[node.name] = replace(given, mask=mask)
        groups: list[list[State]] = []
        for way, cell in enumerate(both):
            hidden = _units(cell)
            kind = RECURRENT.get(cell.kind, "rnn")
            groups.append([State(node, way, name, hidden) for name in STATES[kind]])
        states = [one for group in groups for one in group]
        self.states[node.name] = states
        ahead = "first" if backward(node, given.turned) else "last"
        ends = [ahead, "last" if ahead == "first" else "first"]
        series = bool(inner.config.get("return_sequences"))
        merge = str(node.config.get("merge_mode", "concat")) if len(groups) > 1 else "concat"
        tops = [group[0] for group in groups]
        self.shown[node.name] = merged(tops, merge)
        turned = (bool(inner.config.get("go_backwards")) and not inner.kind.startswith("Reversed")) != given.turned
        if series:
            # Keras turns the series round, and not the mask
            after = ("against", mask) if mask is not None and turned != given.turned else mask
            result = KerasTensor(self.shown[node.name], rank=3, turned=turned, mask=after)
            if mask is not None and any(_is_masked_askew(node, one) for one in both):
                why = f"{node.known_as} runs unrolled from the end, where Keras lays the mask over its series unturned"
                result = KerasTensor(None, why, rank=3, mask=("unknown", node.name))
        else:
            last = [self._end(top, how) for top, how in zip(tops, ends, strict=False)]
            result = KerasTensor(merged(last, merge), rank=2)
        outputs = [result]
        if node.kind == "Bidirectional" and node.config.get("merge_mode", "concat") is None:
            parts: Sequence[Value] = (
                tops if series else [self._end(top, how) for top, how in zip(tops, ends, strict=False)]
            )
            outputs = [replace(result, value=None if result.value is None else one) for one in parts]
        if inner.config.get("return_state"):
            for group, how in zip(groups, ends, strict=False):
                outputs += [KerasTensor(self._end(one, how), rank=2) for one in group]
        for number, one in enumerate(outputs):
            self.tensors[node.name, number] = one

    def _end(self, value: Value, how: str) -> Value:
        return self._ends.setdefault((id(value), how), Reduced(how, value))

    def _mask_of(self, node: KerasNode, given: KerasTensor) -> Mask | None:
        """Return what keeps steps out of a layer: what the file says of its call, or what its input brings along."""
        if not node.masks or (given.mask is not None and mask_is_own(self.graph, node)):
            return given.mask
        if mask_is_own(self.graph, node):
            makers = [self.graph.nodes[name] for name in self.graph.before(node.name)]
            own = [mask for one in makers if (mask := own_mask(one)) is not None]
            return own[0] if len(own) == 1 else ("layer", node.masks[0])
        return given.mask if given.mask == ("layer", node.masks[0]) else ("layer", node.masks[0])

    def _made(self, node: KerasNode, read: Sequence[KerasTensor]) -> KerasTensor:
        kind, config = node.kind, node.config
        if kind == "InputLayer":
            shape = config.get("batch_shape") or config.get("batch_input_shape") or config.get("shape")
            width = shape[-1] if isinstance(shape, list) and shape and isinstance(shape[-1], int) else 1
            return KerasTensor(Given(node.name, int(width)), rank=len(shape) if isinstance(shape, list) else None)
        if not read:
            read = [KerasTensor(Given("input", int(config.get("input_dim") or 1)), rank=None)]
        for one in read:
            if one.value is None:
                raise UnsupportedLayer(one.why)
        first = read[0]
        assert first.value is not None
        if kind == "Embedding":
            table = floats(self.weights(node))[0]
            made = Lookup(node.name, table, first.value, first.value.series)
            return KerasTensor(made, rank=None if first.rank is None else first.rank + 1, mask=own_mask(node))
        if kind in LOOKUPS:
            if not isinstance(first.value, Given):
                raise UnsupportedLayer("it looks up what is computed")
            return replace(first, rank=2)
        if kind == "Masking":
            return replace(first, mask=own_mask(node))
        if kind in CALCULATED and any(one is not TENSOR for one in node.call):
            return self._calculated(node, first)
        if kind in _MERGED or kind == "Concatenate":
            return self._merged(node, read)
        if kind in _POOLS:
            return self._pooled(node, first)
        if kind == "GetItem":
            return self._taken(node, first)
        if kind == "Flatten" and not first.value.series:
            return replace(first, rank=2)
        if kind in ("Flatten", "Reshape", "Permute", "RepeatVector"):
            raise UnsupportedLayer("it lays steps and units out anew")
        if kind in NOTHING:
            return first
        if kind in _OVER:
            return self._reduced(node, first)
        if kind == "Dot":
            return self._weighted(node, read)
        if kind in ATTENTION and len(set(node.reads)) > 1:
            raise UnsupportedLayer(_looks_over(node))
        if kind == "Softmax" and config.get("axis") in (1, -2, [1], [-2]) and first.rank == 3 and first.value.series:
            self._unmasked(first.value)
            return replace(first, value=StepsSoftmax(first.value))
        if kind == "PReLU":
            return replace(first, value=self._sloped(node, first.value))
        check_axis(node, first.rank)
        value = first.value
        for op in steps(node, self.weights(node), self.generation):
            assert isinstance(op, Dense | AffineScale | Norm | Activation)
            value = OpValue(op, value)
        if kind == "Softmax" and first.mask is not None:
            raise UnsupportedLayer("it takes the mask into its sum")
        return replace(first, value=value)

    def _sloped(self, node: KerasNode, value: Value) -> Value:
        """Return a relu that lets a learned share of what is negative through, of every unit its own."""
        slopes = floats(self.weights(node))[0]
        if slopes.shape != (*(1,) * (slopes.ndim - 1), value.width):
            raise UnsupportedLayer("its slopes are not one for each unit")
        low = OpValue(Activation(node.name, "Min=min(a, 0)"), value)
        scaled = OpValue(AffineScale(node.name, slopes.reshape(-1), np.zeros(value.width, slopes.dtype)), low)
        return Combined("add", OpValue(Activation(node.name, "relu"), value), scaled)

    def _calculated(self, node: KerasNode, given: KerasTensor) -> KerasTensor:
        """Return a tensor put together with numbers of the file."""
        assert given.value is not None
        both = operands(node, given.value.width)
        numbers = next((one for one in both if one is not None), None)
        if len(both) != 2 or numbers is None or sum(one is None for one in both) != 1:
            raise UnsupportedLayer("it computes with several constants")
        whole = np.broadcast_to(numbers, (given.value.width,)).astype(np.float32)
        op = with_numbers(node.name, CALCULATED[node.kind], whole, both[0] is None)
        if op is None:
            raise UnsupportedLayer("it computes with other numbers for each unit in a way that is not known here")
        return replace(given, value=OpValue(op, given.value), mask=None)  # a function passes no mask on

    def _merged(self, node: KerasNode, read: Sequence[KerasTensor]) -> KerasTensor:
        values = [one.value for one in read if one.value is not None]
        if len({one.series for one in values}) > 1:
            raise UnsupportedLayer("it joins a series and a vector")
        if len({one.turned for one in read}) > 1:
            raise UnsupportedLayer("it joins a series with one that runs from the end")
        masks = [one.mask for one in read]
        check_joined_masks(node, masks, self.generation)
        mask = joined_mask(node.kind, masks, self.generation)
        result = replace(read[0], mask=mask)
        if node.kind == "Concatenate":
            axis = node.config.get("axis", -1)
            if axis not in (-1, (read[0].rank or 0) - 1):
                raise UnsupportedLayer("it joins along another axis than the last")
            return replace(result, value=joined(values))
        widths = {one.width for one in values}
        attends = node.kind == "Multiply" and len(values) == 2 and 1 in widths  # one number a step, and all units
        if len(widths) > 1 and not attends:
            raise UnsupportedLayer("it joins values of different sizes")
        value = added(values, _MERGED[node.kind])
        if node.kind == "Average":
            value = mean_of(node.name, value, len(values))
        return replace(result, value=value)

    def _pooled(self, node: KerasNode, given: KerasTensor) -> KerasTensor:
        if given.value is None or not given.value.series:
            raise UnsupportedLayer("it takes what has no steps")
        masks = self._masks_of(given.value)
        if node.kind == "GlobalAveragePooling1D" and masks != {given.mask}:
            raise UnsupportedLayer("other steps are masked than below")
        if masks != {None} and node.kind == "GlobalMaxPooling1D":
            raise UnsupportedLayer(
                "it takes the masked steps in, where the layer below repeats what it gave before, or zeros"
            )
        how = _POOLS[node.kind]
        return KerasTensor(self._end(given.value, how), rank=3 if node.config.get("keepdims") else 2)

    def _unmasked(self, value: Value) -> None:
        if self._masks_of(value) != {None}:
            raise UnsupportedLayer("it may take masked steps in")

    def _reduced(self, node: KerasNode, given: KerasTensor) -> KerasTensor:
        """Return a sum, mean, largest or smallest over the steps, as Keras 3 files its functions."""
        value = given.value
        if value is None or not value.series or given.rank != 3 or node.config.get("axis") not in (1, -2, [1], [-2]):
            raise UnsupportedLayer("it is not taken over the steps of a series")
        self._unmasked(value)
        return KerasTensor(self._end(value, _OVER[node.kind]), rank=3 if node.config.get("keepdims") else 2)

    def _weighted(self, node: KerasNode, read: Sequence[KerasTensor]) -> KerasTensor:
        """Return the sum of steps, each weighted by one number: attention as a product of matrices."""
        values = [one.value for one in read if one.value is not None and one.value.series and one.rank == 3]
        said = node.config.get("axes")
        if (
            len(values) != 2
            or said not in (1, [1, 1])
            or node.config.get("normalize")
            or read[0].turned != read[1].turned
        ):
            raise UnsupportedLayer("it is no sum of weighted steps")
        if min(one.width for one in values) != 1:
            raise UnsupportedLayer("it multiplies every unit with every other")
        product = Combined("mul", *values)
        self._unmasked(product)
        return KerasTensor(self._end(product, "sum"), rank=3)

    def _masks_of(self, value: Value) -> set[Mask | None]:
        """Return what keeps steps out of the recurrent layers that a value comes from."""
        names = {one.layer.name for one in sources(value) if isinstance(one, State)}
        return {self.entered[name].mask for name in names} or {None}

    def _taken(self, node: KerasNode, given: KerasTensor) -> KerasTensor:
        """Return one step of a series, as `x[:, -1]` takes it."""
        items = node.given[0] if node.given and isinstance(node.given[0], list) else None
        value = given.value
        whole = {"start": None, "stop": None, "step": None}
        plain = items is not None and len(items) in (2, 3) and all(
            isinstance(one, Mapping) and one.get("config") == whole for one in (items[0], *items[2:])
        )  # fmt: skip
        if not plain or items is None or value is None or not value.series or items[1] not in (0, -1):
            raise UnsupportedLayer("it takes some of the steps or units")
        if self._masks_of(value) != {None}:
            raise UnsupportedLayer("it may take a masked step")
        last = (items[1] == -1) != given.turned
        return KerasTensor(self._end(value, "last" if last else "first"), rank=2)


def _looks_over(node: KerasNode) -> str:
    """Return why a layer that is asked by one series and looks over another is not run by itself."""
    others = ", ".join(dict.fromkeys(visible(name) for name, _ in node.reads[1:] if name != node.reads[0][0]))
    return f"it looks over {others}, which is given from outside; encoder and decoder in one model open as one network"


def check_all(node: KerasNode) -> None:
    """Refuse a layer with a setting that is not known here, in itself, in its call or in what it wraps.

    Raises:
        UnsupportedLayer: There is one; it is named.
    """
    check_call(node)
    check_settings(node.written or node.kind, node.config)
    if node.written != node.kind and node.kind in RECURRENT:
        check_settings(node.kind, node.config)
    for one in (node.inner, node.backward):
        if one is not None:
            check_all(one)


def check_axis(node: KerasNode, rank: int | None) -> None:
    """Refuse a layer that is taken along another axis than the units.

    Raises:
        UnsupportedLayer: It is; the axis is said.
    """
    inner, inside = node, rank
    if node.kind == "TimeDistributed" and node.inner is not None:
        inner, inside = node.inner, None if rank is None else rank - 1
    axis = inner.config.get("axis")
    if axis in (None, []) or inner.kind not in ALONG:
        return
    said = axis if isinstance(axis, list) else [axis]
    last = -1 if inside is None else inside - 1
    known = (-1, last) if inside is not None else (-1, 2)
    if len(said) != 1 or said[0] not in known:
        named = ", ".join(str(one) for one in said)
        raise UnsupportedLayer(f"it is taken along axis {named}, and not along the units")


def check_call(node: KerasNode) -> None:
    """Refuse a layer whose call is given more than tensors, where that is not used.

    Raises:
        UnsupportedLayer: It is; what it is given is said.
    """
    more = [one for one in node.call if one is not TENSOR and one is not None and one != []]
    if more and node.kind not in CALCULATED and node.kind != "GetItem":
        raise UnsupportedLayer(f"its call is given {visible(str(more[0])[:40])}, which is not known here")
    for key, value in node.named.items():
        if value is None or value is False or value == [] or key in _NO_MATTER:
            continue
        raise UnsupportedLayer(f"its call is given {visible(key[:40])}={visible(str(value)[:40])}")


def operands(node: KerasNode, width: int | None = None) -> list[Array | None]:
    """Return what a calculation is given, in order: None for a tensor, numbers otherwise, one or a unit each.

    Raises:
        UnsupportedLayer: It is given something else.
    """
    made: list[Array | None] = []
    for one in node.call:
        if one is TENSOR:
            made.append(None)
            continue
        inside = one.get("config") if isinstance(one, Mapping) and one.get("class_name") == "__numpy__" else None
        array = np.asarray(inside.get("value") if isinstance(inside, Mapping) else one)
        along = [size for size in array.shape if size != 1]
        if array.dtype.kind not in "fiu" or len(along) > 1 or (along and array.shape[-1] == 1):
            raise UnsupportedLayer("it computes with what is no number for each unit")
        if along and width is not None and along != [width]:
            raise UnsupportedLayer("it computes with more numbers than there are units")
        made.append(array.reshape(-1).astype(np.float32))
    return made


def passes_mask(node: KerasNode, generation: int) -> bool:
    """Say whether what a layer gives is masked like what it reads; a layer that is not known here may pass it on."""
    if node.function or node.kind in _MASK_ENDS:
        return False
    return generation >= 3 or node.kind not in _MASK_ENDS_BEFORE_3


def own_mask(node: KerasNode) -> Mask | None:
    """Return the mask that a layer makes of what it reads."""
    if node.kind == "Embedding" and node.config.get("mask_zero"):
        return ("ids", node.name)
    return ("rows", node.name) if node.kind == "Masking" else None


def joined_mask(kind: str, masks: Sequence[Mask | None], generation: int) -> Mask | None:
    """Return the mask of what several tensors are joined to, as each generation of Keras made it."""
    there = [one for one in masks if one is not None]
    if not there:
        return None
    if len(set(masks)) == 1:
        return there[0]
    if generation >= 3:
        return None if kind != "Concatenate" and len(there) < len(masks) else (
            None if len(there) < len(masks) else ("or", *there)
        )  # fmt: skip
    return ("and", *there)


def merged(values: Sequence[Value], mode: str) -> Value:
    """Return two directions as one."""
    if len(values) == 1:
        return values[0]
    if mode in ("concat", "None"):
        return joined(values)
    value = added(values, {"sum": "add", "ave": "add", "mul": "mul"}.get(mode, "add"))
    return mean_of("average", value, 2) if mode == "ave" else value


def mean_of(name: str, value: Value, count: int) -> Value:
    """Return a sum divided by how many it is of."""
    part = np.full(value.width, 1 / count, np.float32)
    return OpValue(AffineScale(name, part, np.zeros_like(part)), value)


def backward(node: KerasNode, turned: bool) -> bool:
    """Say whether the first direction of a layer reads the tape from its end."""
    inner = node.inner if node.kind == "Bidirectional" and node.inner is not None else node
    return (bool(inner.config.get("go_backwards")) or inner.kind.startswith("Reversed")) != turned


def check_joined_masks(node: KerasNode, masks: Sequence[Mask | None], generation: int) -> None:
    """Refuse a layer that joins tensors of which other steps are masked, where its numbers hang on that.

    Raises:
        UnsupportedLayer: Keras 3 joins less than it reads.
    """
    if generation >= 3 and node.kind in _FILLED and not node.function and len(set(masks)) > 1:
        raise UnsupportedLayer("what it joins is masked at other steps, where some versions of Keras join less")


def _is_masked_askew(node: KerasNode, cell: KerasNode) -> bool:
    """Say whether zeros for masked steps fall on steps that are not masked; a Bidirectional asks for such zeros."""
    zeros = node.kind == "Bidirectional" or bool(cell.config.get("zero_output_for_mask"))
    return zeros and bool(cell.config.get("unroll")) and (node.kind == "Bidirectional" or bool(
        cell.config.get("go_backwards")))  # fmt: skip


def _units(node: KerasNode) -> int:
    units = node.config.get("units", node.config.get("output_dim"))
    if not isinstance(units, int) or isinstance(units, bool) or units < 1:
        return 1
    return units
