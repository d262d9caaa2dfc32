"""A living PyTorch model captured: run once on a batch, forwards and backwards, and left as it was."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from lstm_tui.engine.arrays import Array, quiet
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.captures.answer_axes import answers_by_sequence
from lstm_tui.formats.captures.captured_batch import CapturedBatch
from lstm_tui.formats.captures.captured_run import CapturedModule, CapturedRun
from lstm_tui.formats.captures.embedding_found import with_token_rows
from lstm_tui.formats.captures.module_network import mode_of
from lstm_tui.formats.captures.traced_rows import TracedRows, traced_rows
from lstm_tui.formats.verify.recording import answers_of, look_at, part_of, recorded, tensor_of
from lstm_tui.formats.verify.torch_calls import Entered, Looked, array_of, weights_of

Names = Callable[[int], str]
"""From an id to its token."""


@quiet()
def captured(
    model: Any,
    batch: Any,
    targets: Any = None,
    loss: Callable[..., Any] | None = None,
    tokens: Any = None,
    classes: Sequence[str] = (),
    with_recording: bool = True,
) -> CapturedBatch:
    """Run a PyTorch model once, and return what it did; see `lstm_tui.capture`.

    Args:
        model: As there.
        batch: As there.
        targets: As there.
        loss: As there.
        tokens: As there.
        classes: As there.
        with_recording: Whether it is to be saved, so that `verify` can read it too.

    Raises:
        UserError: As there.
    """
    aims = None if targets is None else tensor_of(model, targets)
    taken = None if loss is None else _loss_of(loss, aims)
    looked, inputs = look_at(model, batch, taken)
    made = capture_of(visible(type(model).__name__), looked, inputs, aims, tokens, classes)
    names = token_names(tokens) or (None if tokens else str)
    made = with_token_rows(made, dict(model.named_parameters()), names)
    return replace(made, arrays=recorded(model, looked, inputs)) if with_recording else made


def _loss_of(loss: Callable[..., Any], aims: Any) -> Callable[[Any], Any]:
    """Return the loss as a function of what the model gives."""
    return (lambda output: loss(output)) if aims is None else (lambda output: loss(output, aims))


def capture_of(
    model: str,
    looked: Looked,
    inputs: Mapping[str, Array],
    aims: Any,
    tokens: Any,
    classes: Sequence[str],
    known: Mapping[str, CapturedModule] | None = None,
) -> CapturedBatch:
    """Return what a model did as a capture.

    Args:
        model: Name of the model's class.
        looked: What it did in one run.
        inputs: What it was given, by the names of a recording.
        aims: The targets as a tensor, or None.
        tokens: What the ids mean.
        classes: Names of the outputs.
        known: Its modules, where their weights were taken already.
    """
    names = token_names(tokens)
    modules: dict[str, CapturedModule] = dict(known or {})
    runs: list[CapturedRun] = []
    count = looked.batch or 1
    answer = next(iter(answers_of(looked.output).values()), None)
    target = None if aims is None else array_of(aims)
    if target is not None and target.shape[:2] == (count, count) and not looked.batch_first:
        target = None  # nobody can tell which axis is the batch
    traced = traced_rows(looked, inputs)
    for (path, _), group in groupby(looked.entered, lambda one: (one.name, one.call)):
        entered = list(group)
        name, module = path or model, entered[0].module
        if name not in modules:
            modules[name] = CapturedModule(name, mode_of(module), weights_of(module), looked.d_weights.get(path, {}))
        in_order = count == 1 or traced.in_order(entered)
        by_sequence = answers_by_sequence(answer, target, entered, looked, traced)
        for one in entered:
            tape = _tape(one, traced, tokens, names, in_order)
            said = by_sequence(one) if in_order else None
            aim = None if target is None or not in_order else part_of(target, one.batch, count, looked)
            made = _run(modules[name], one, tape, said, aim, _class_names(classes, tokens, said))
            runs.append(replace(made, ids=traced.ids_of(one)))
    batch = CapturedBatch(model, modules, tuple(runs), count, looked.loss, looked.gradient_norm)
    return replace(batch, unseen=looked.unseen, axes=_time_first(looked, inputs))


def _time_first(looked: Looked, inputs: Mapping[str, Array]) -> str:
    """Say that a module takes the first axis of the input for the time, as it does without batch_first=True."""
    shapes = {one.shape[:2] for one in inputs.values() if one.ndim > 1}
    for one in looked.entered if looked.batch else ():
        steps, is_whole = len(one.x), hasattr(one.module, "num_layers") and not one.module.batch_first
        if is_whole and steps != looked.batch and (steps, looked.batch) in shapes:
            return (
                f"{visible(one.name or 'the model')} takes the first axis of the input, {steps}, for the time, and the "
                f"second, {looked.batch}, for the sequences: batch_first=True takes them the other way"
            )
    return ""


def _run(
    module: CapturedModule,
    one: Entered,
    tape: tuple[str, ...],
    said: Array | None,
    aim: Array | None,
    classes: tuple[str, ...],
) -> CapturedRun:
    assert one.h is not None, "it was called"
    linked = one.linked or (False,) * len(one.ends)
    return CapturedRun(
        module, one.batch, one.call, one.x, one.h, one.initial, one.final, one.ends, linked, one.d_h,
        one.d_ends, tape, said, aim, classes, one.broken, one.dtype, one.dropout,
    )  # fmt: skip


def _tape(one: Entered, traced: TracedRows, tokens: Any, names: Names | None, in_order: bool) -> tuple[str, ...]:
    """Return what stands on the tape of a sequence; empty where it is not known."""
    if isinstance(tokens, list | tuple) and tokens and all(isinstance(one, list | tuple) for one in tokens):
        given = tuple(map(str, tokens[one.batch])) if in_order and one.batch < len(tokens) else ()
        return given[: len(one.x)] if len(given) >= len(one.x) else ()
    ids = traced.ids_of(one)
    return tuple(str(n) if names is None else names(n) for n in ids)


def token_names(tokens: Any) -> Names | None:
    """Return what the id of a token is called, for whatever a vocabulary is kept in.

    Args:
        tokens: A list of tokens by id; a mapping of tokens to ids or of ids to tokens; a vocabulary of torchtext, a
            tokenizer of Hugging Face; a function of an id; or, a list for each sequence, the tokens themselves.

    Raises:
        UserError: It is nothing of that kind.
    """
    if tokens is None or (isinstance(tokens, list | tuple) and any(isinstance(one, list | tuple) for one in tokens)):
        return None
    for way in ("id_to_token", "convert_ids_to_tokens", "lookup_token"):
        if hasattr(tokens, way):
            ask = getattr(tokens, way)
            return lambda n: str(ask(n))
    table = getattr(tokens, "itos", None) or getattr(tokens, "vocabulary", None) or tokens
    if isinstance(table, Mapping):
        by_id = {int(key): one for key, one in table.items()} if all(
            isinstance(key, int) for key in table) else {int(n): key for key, n in table.items()}  # fmt: skip
        return lambda n: str(by_id.get(n, n))
    if isinstance(table, Sequence) and not isinstance(table, str):
        return lambda n: str(table[n]) if 0 <= n < len(table) else str(n)
    if callable(tokens):
        return lambda n: str(tokens(n))
    raise UserError("tokens= must be a list of tokens by id, a vocabulary, a tokenizer, or a function of an id")


def _class_names(classes: Sequence[str], tokens: Any, said: Array | None) -> tuple[str, ...]:
    """Return the names of outputs: those given, or the vocabulary where there is one output for each token."""
    if classes or said is None or not said.ndim:
        return tuple(map(str, classes))
    table = getattr(tokens, "itos", None) or getattr(tokens, "vocabulary", None) or tokens
    if isinstance(table, list | tuple) and len(table) == said.shape[-1] and all(isinstance(one, str) for one in table):
        return tuple(table)
    return ()
