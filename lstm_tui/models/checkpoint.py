"""The state of a training in a file, so that it goes on after an interruption as if there had been none."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lstm_tui.analysis.train.loop import TrainState
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import exact
from lstm_tui.formats.importers.torch.resume import load_checkpoint, save_checkpoint
from lstm_tui.formats.io.files import label

VERSION = 2
SUFFIX = ".checkpoint"
_GROUPS = ("weights", "mean", "square", "best")


def checkpoint_of(output: str | Path) -> Path:
    """Return where the state of the training of a network stands: beside its file."""
    return Path(f"{output}{SUFFIX}")


def save_state(path: Path, state: TrainState, asked: Mapping[str, Any]) -> None:
    """Write a state and what was asked of the training.

    Raises:
        UserError: It cannot be written.
    """
    groups = {"weights": state.weights, "mean": state.mean, "square": state.square, "best": state.best or {}}
    arrays = {f"{group}/{name}": array for group, weights in groups.items() for name, array in weights.items()}
    content = {
        "version": VERSION,
        "asked": dict(asked),
        "epoch": state.epoch,
        "batch": state.batch,
        "loss": _text(state.loss),
        "counted": state.counted,
        "steps": state.steps,
        "shuffle": dict(state.shuffle),
        "random": dict(state.random),
        "losses": [_text(loss) for loss in state.losses],
        "scores": [_text(score) for score in state.scores],
        "best_epoch": state.best_epoch,
        "averaged": state.averaged,
    }
    save_checkpoint(path, arrays, content)


def load_state(path: Path, asked: Mapping[str, Any]) -> TrainState:
    """Read a state to go on from.

    Raises:
        UserError: There is none, it is damaged, or another training was asked for; the first difference is named.
    """
    where = label(path)
    if not path.exists():
        raise UserError(f"{where}: there is no such checkpoint to go on from; the training was finished or never begun")
    arrays, fields = load_checkpoint(path)
    if fields.get("version", int) != VERSION:
        raise UserError(f"{where}: is of another version of lstm-tui; delete it and train again")
    _same(fields.get("asked", dict), asked, where)
    groups: dict[str, dict[str, Any]] = {group: {} for group in _GROUPS}
    for name, array in arrays.items():
        group, _, rest = name.partition("/")
        if group in groups:
            groups[group][rest] = array
    return TrainState(
        epoch=fields.get("epoch", int),
        batch=fields.get("batch", int),
        loss=_numbers([fields.get("loss", str)], where)[0],
        counted=fields.get("counted", int),
        weights=groups["weights"],
        mean=groups["mean"],
        square=groups["square"],
        steps=fields.get("steps", int),
        shuffle=fields.get("shuffle", dict),
        random=fields.get("random", dict),
        losses=_numbers(fields.items("losses", str), where),
        scores=_numbers(fields.items("scores", str), where),
        best=groups["best"] or None,
        best_epoch=fields.get("best_epoch", int),
        averaged=fields.get("averaged", int),
    )


def _same(then: Mapping[str, Any], now: Mapping[str, Any], where: str) -> None:
    for key, value in now.items():
        if then.get(key) != value:
            if key == "corpus":
                raise UserError(f"{where}: is of a training on another corpus; give that one, or delete it")
            raise UserError(
                f"{where}: is of a training with --{key} {_short(then.get(key))}, not {_short(value)}; "
                "say the same to go on, or delete it"
            )


def _short(value: object) -> str:
    text = "left out" if value is None else str(value)
    return text if len(text) <= 40 else text[:39] + "…"


def _text(number: float) -> str:
    """Return a number as text that reads back bit for bit; JSON has no NaN."""
    return exact(float(number))


def _numbers(texts: list[str], where: str) -> tuple[float, ...]:
    try:
        return tuple(float(np.float64(text)) for text in texts)
    except ValueError as error:
        raise UserError(f"{where}: is damaged: a loss is no number; delete it and train again") from error
