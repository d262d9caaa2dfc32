"""`lstm_tui.series`: one text through every checkpoint of a training, and what is asked of each run, as curves."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lstm_tui.debugger.breakpoints.assertions import asked_pass
from lstm_tui.debugger.expressions import ExpressionError, Scope, evaluate, parse
from lstm_tui.debugger.source import Source
from lstm_tui.engine.arrays import Array, Rows, quiet
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError, nearest
from lstm_tui.engine.number_text import count_of, from_to, sentence
from lstm_tui.engine.runtime.tables import Library, table_of
from lstm_tui.engine.text_safety import visible
from lstm_tui.engine.whole_number import whole_number
from lstm_tui.formats.importers.open import reading_of
from lstm_tui.formats.inputs.inputs import open_source
from lstm_tui.models.bundled import open_model

if TYPE_CHECKING:
    from lstm_tui.engine.runtime.trace import Trace

MOST_CHECKPOINTS = 10_000
_MOST_SHOWN, _MOST_STEPS = 8, 20
"""Questions at a prompt, and checkpoints in a notebook."""
_CURVE = 40
"""Points of a curve at a prompt."""
_LEVELS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class ValueChange:
    """What happened to one thing asked between two checkpoints that follow each other.

    Attributes:
        asked: What was asked.
        before: Step of the one.
        after: Step of the other.
        said: What happened, in a line.
    """

    asked: str
    before: int
    after: int
    said: str

    def __str__(self) -> str:
        """Say it."""
        return self.said


@dataclass(frozen=True, eq=False)
class CheckpointSeries:
    """What was asked of one text in every checkpoint: `made["mean(f)"]` is (N, T), or (N,) of what is one number a run.

    Attributes:
        files: The checkpoints, in the order of their steps.
        steps: Step of each: the last number in its name; its place where there is none.
        tokens: What was read.
        values: By what was asked; a truth is 1 or 0, and NaN is what is not known or not there.
        truths: Which of them are truths.
        remarks: What is assumed of how the checkpoints are read, each once; `settings=` decides it.
    """

    files: tuple[Path, ...]
    steps: tuple[int, ...]
    tokens: tuple[str, ...]
    values: Mapping[str, Array]
    truths: frozenset[str] = field(default_factory=frozenset)
    remarks: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Return how many checkpoints there are, N."""
        return len(self.files)

    def __getitem__(self, asked: str) -> Array:
        """Return what was asked, (N, T) or (N,).

        Raises:
            UserError: It was not asked.
        """
        if asked not in self.values:
            near = nearest(asked, self.values)
            hint = f"did you mean {near}?" if near else f"there are {', '.join(self.values)}"
            raise UserError(f"{visible(asked)} was not asked of these checkpoints; {hint}")
        return self.values[asked]

    def at(self, token: str | int | np.integer[Any]) -> dict[str, Array]:
        """Return everything asked at one token, (N,) each: the first of several alike, or a place from 0.

        Raises:
            UserError: There is no such token or place.
        """
        if isinstance(token, bool) or not isinstance(token, str | int | np.integer):
            raise UserError(f"{visible(str(token))[:40]} is no token and no place: give a text or a whole number")
        placed = not isinstance(token, str)
        t = int(token) if placed else next((n for n, one in enumerate(self.tokens) if one == token), -1)
        if not 0 <= t < len(self.tokens):
            what = f"no place {t}" if placed else f"no “{visible(str(token))}”"
            raise UserError(f"there is {what} on this tape of {count_of(len(self.tokens), 'token')}")
        return {asked: one if one.ndim == 1 else one[:, t] for asked, one in self.values.items()}

    def changes(self, asked: str | None = None) -> tuple[ValueChange, ...]:
        """Return when truths became other ones, and between which checkpoints each number moved most.

        Where a number is not finite, and so how far it moved is not known, the line says so.

        Args:
            asked: Of which; by default of all.

        Raises:
            UserError: It was not asked.
        """
        wanted = list(self.values) if asked is None else [asked]
        return tuple(change for one in wanted for change in self._changes(one))

    def _changes(self, asked: str) -> Iterator[ValueChange]:
        curves = self[asked]
        rows = curves[:, None] if curves.ndim == 1 else curves
        places = [None] if curves.ndim == 1 else list(range(rows.shape[1]))
        if asked not in self.truths:
            with np.errstate(all="ignore"):
                moved = np.abs(np.diff(rows, axis=0))
            known = np.isfinite(moved)
            there = ~np.isnan(rows).all(axis=0)  # at a token before its own, what is asked of one is in no checkpoint
            unknown = int((~known[:, there]).any(axis=1).sum())
            if not known.any():
                if len(moved):
                    said = f"{visible(asked)}: when it moved most is not known: it is no finite number"
                    yield ValueChange(asked, self.steps[0], self.steps[-1], said)
                return
            moved = np.where(known, moved, -1.0)
            n, column = (int(one) for one in np.unravel_index(int(np.argmax(moved)), moved.shape))
            before, after = float(rows[n, column]), float(rows[n + 1, column])
            limit = f" as far as is known ({unknown} of {len(moved)} moves are not)" if unknown else ""
            if before != after or unknown:
                yield self._change(
                    asked, n, places[column], f"moved most{limit}, from {sentence(before)} to {sentence(after)},"
                )
            return
        for column, place in enumerate(places):
            for n in range(len(self) - 1):
                before, after = rows[n, column], rows[n + 1, column]
                if before != after and not np.isnan(before) and not np.isnan(after):
                    yield self._change(asked, n, place, f"became {'true' if after else 'false'}")

    def _change(self, asked: str, n: int, place: int | None, what: str) -> ValueChange:
        where = "" if place is None else f" at t={place} “{visible(self.tokens[place])}”"
        before, after = self.steps[n], self.steps[n + 1]
        return ValueChange(asked, before, after, f"{visible(asked)} {what} between steps {before} and {after}{where}")

    def table(self) -> dict[str, Array]:
        """Return columns of N rows, of which pandas and polars make a table: `step`, `file`, then what was asked."""
        columns: dict[str, Array] = {
            "step": np.array(self.steps), "file": np.array([str(one) for one in self.files], dtype=object)
        }  # fmt: skip
        for asked, one in self.values.items():
            if one.ndim == 1:
                columns[asked] = one
            else:
                columns |= {f"{asked} @ {t}": one[:, t] for t in range(one.shape[1])}
        return columns

    def to_frame(self, library: Library | None = None) -> Any:
        """Return it as a table of pandas, or of polars where pandas is not installed; columns as of `table`.

        Args:
            library: `pandas` or `polars`.

        Raises:
            UserError: It is not installed.
        """
        texts = {name: one.tolist() if one.dtype == object else one for name, one in self.table().items()}
        return table_of(texts, library)

    def _repr_html_(self) -> str:
        """Return what a notebook shows: each question by step, at the last token where it differs by token."""
        from lstm_tui.documents.blocks import LabelledNumber, Scale, Table, TableColumn, TableRow
        from lstm_tui.documents.notebook import section_of

        asked = list(self.values.items())[:_MOST_SHOWN]
        with quiet():
            curves = [one if one.ndim == 1 else one[:, -1] for _, one in asked]
            ends = [max(np.abs(one[np.isfinite(one)]).max(initial=0.0), 1e-12) for one in curves]
        columns = tuple(
            TableColumn(visible(name), "" if one.ndim == 1 else f"at “{visible(self.tokens[-1])}”",
                        Scale("signed", float(end)), "bar")
            for (name, one), end in zip(asked, ends, strict=True)
        )  # fmt: skip
        shown = np.unique(np.linspace(0, len(self) - 1, min(len(self), _MOST_STEPS)).round().astype(int))
        rows = tuple(
            TableRow((str(self.steps[n]),), tuple(LabelledNumber(float(one[n])) for one in curves)) for n in shown
        )
        part = f"; {len(shown)} of {count_of(len(self), 'checkpoint')}" if len(shown) < len(self) else ""
        table = Table(f"By the step of the training{part}", ("step",), columns, rows)
        return section_of(f"{count_of(len(self), 'checkpoint')} over {count_of(len(self.tokens), 'token')}", (table,))

    def curves(self) -> list[str]:
        """Return a line for each thing asked, a curve over the checkpoints: of several tokens, at the last."""
        lines = []
        for asked, one in self.values.items():
            curve = one if one.ndim == 1 else one[:, -1]
            where = "" if one.ndim == 1 else f" at “{visible(self.tokens[-1])}”"
            lines.append(f"{visible(asked)}{where}: {_curve(curve)} {from_to(curve[0], curve[-1], 4, sentence)}")
        return lines

    def __repr__(self) -> str:
        """Say in a few lines what was asked, a curve each: at the last token, of what differs from token to token."""
        lines = [
            f"<CheckpointSeries: {count_of(len(self), 'checkpoint')}, steps {self.steps[0]} to {self.steps[-1]}, "
            f"{count_of(len(self.tokens), 'token')}"
        ]
        lines += [f"  {one}" for one in self.curves()[:_MOST_SHOWN]]
        if len(self.values) > _MOST_SHOWN:
            lines.append(f"  … {len(self.values) - _MOST_SHOWN} more")
        lines += [f"  {visible(remark)}" for remark in self.remarks]
        return "\n".join(lines) + ">"


def _curve(numbers: Array) -> str:
    """Return numbers as a row of blocks, the largest the highest; what is no finite number as a cross."""
    picked = numbers[np.unique(np.linspace(0, len(numbers) - 1, min(len(numbers), _CURVE)).round().astype(int))]
    known = picked[np.isfinite(picked)]
    low, span = (float(known.min()), float(np.ptp(known))) if len(known) else (0.0, 0.0)
    level = [min(int((one - low) / span * len(_LEVELS)), len(_LEVELS) - 1) if span else 0 for one in known]
    blocks = iter(level)
    return "".join(_LEVELS[next(blocks)] if np.isfinite(one) else "×" for one in picked)


def series(
    checkpoints: str | Path | Iterable[str | Path],
    source: str | Path | Rows,
    *asked: str,
    pass_name: str | None = None,
    settings: Mapping[str, str] | None = None,
    network: str | None = None,
    vocabulary: str | Path | Sequence[str] | Mapping[str, int] | None = None,
    tokens: str | None = None,
    map: str | Path | None = None,
    pad: tuple[str, int] | None = None,
    classes: Sequence[str] = (),
) -> CheckpointSeries:
    """Read one text with every checkpoint of a training, and ask each run the same.

    Args:
        checkpoints: A pattern of files such as `"ckpt/*.pt"`, or files; they are ordered by the last number in their
            names.
        source: What is read, as for `lstm_tui.trace`.
        *asked: Expressions of the debugger's language, one number or truth each: `mean(f)`, `b_f[7] > 0`,
            `share("not", at="bad")`.
        pass_name: The pass that names without one belong to; by default the top one that reads forwards.
        settings: Decisions on how the files are read, as `--set` gives them.
        network: Which of several networks of a file, as `--network`.
        vocabulary: A file of tokens, as `--vocabulary`.
        tokens: What a text is split into, as `--tokens`.
        map: A file of decisions and names of tensors, as for `lstm_tui.load`.
        pad: Where a text is padded, and to how many tokens, as for `lstm_tui.load`.
        classes: Names of the outputs.

    Returns:
        What was asked, by checkpoint and token.

    Raises:
        UserError: There is no such file, one cannot be read, or what is asked is wrong.
    """
    reading = reading_of(settings, map, network, vocabulary, tokens, pad, classes)

    def run(file: Path) -> Trace:
        return Source.of_input(open_model(str(file), reading), open_source(source)).run()

    return series_of_runs(checkpoints, asked, run, pass_name)


@quiet()
def series_of_runs(
    checkpoints: str | Path | Iterable[str | Path],
    asked: Sequence[str],
    run: Callable[[Path], Trace],
    pass_name: str | None = None,
) -> CheckpointSeries:
    """Ask each run of one text the same, a run of every checkpoint.

    Args:
        checkpoints: As for `series`.
        asked: As for `series`.
        run: Makes the run of a checkpoint.
        pass_name: As for `series`.

    Raises:
        UserError: As for `series`.
    """
    files = sorted(_files(checkpoints), key=lambda one: (_step_of(one) is None, _step_of(one) or 0, str(one)))
    if not files:
        raise UserError(f"there is no checkpoint {visible(str(checkpoints))}")
    if len(files) > MOST_CHECKPOINTS:
        raise UserError(f"there are {len(files)} checkpoints, and {MOST_CHECKPOINTS} is the most")
    if not asked:
        raise UserError('ask something of each checkpoint, such as "mean(f)"')
    rows: dict[str, list[Array]] = {one: [] for one in asked}
    truths: set[str] = set()
    remarks: dict[str, None] = {}
    read: tuple[str, ...] = ()
    for file in files:
        trace = run(file)
        remarks |= dict.fromkeys(trace.remarks)
        if read and trace.sequence.tokens != read:
            raise UserError(f"{visible(str(file))}: reads other tokens of the text than the checkpoints before it")
        read = trace.sequence.tokens
        for one in asked:
            values, is_truth = _asked_of(trace, one, pass_name, file)
            rows[one].append(values)
            truths |= {one} if is_truth else set()
    steps = [_step_of(one) for one in files]
    numbered = len(set(steps)) == len(steps) and None not in steps
    return CheckpointSeries(
        tuple(files),
        tuple(one or 0 for one in steps) if numbered else tuple(range(len(files))),
        read,
        {one: np.stack(values) for one, values in rows.items()},
        frozenset(truths),
        tuple(remarks),
    )


def _files(given: str | Path | Iterable[str | Path]) -> list[Path]:
    """Return the files of a pattern, or those that are named."""
    if not isinstance(given, str | Path):
        return [Path(one) for one in given]
    path = Path(given)
    if path.is_dir():
        return [one for one in path.iterdir() if one.is_file()]
    try:
        return [one for one in Path(path.anchor or ".").glob(str(path.relative_to(path.anchor))) if one.is_file()]
    except (ValueError, NotImplementedError, OSError) as error:
        raise UserError(f"{visible(str(given))} is no pattern of files: {visible(str(error))}") from error


def _step_of(file: Path) -> int | None:
    found = re.findall(r"\d{1,15}", file.stem)
    return whole_number(found[-1], most=10**15) if found else None


def _asked_of(trace: Trace, text: str, pass_name: str | None, file: Path) -> tuple[Array, bool]:
    """Return what is asked of a run, (T,) or one number (), and whether it is a truth."""
    scope = Scope(trace, asked_pass(trace, pass_name))
    try:
        answer = evaluate(parse(text), scope, 0, scope.steps)
    except ExpressionError as error:
        raise UserError(f"{visible(text)}: {error} ({visible(file.name)})") from error
    if answer.kind == "text" or answer.size != 1:
        what = "a text" if answer.kind == "text" else f"{answer.size} numbers"
        raise UserError(f"{visible(text)} is {what}: ask for one number or truth, such as mean(f) or f[3]")
    values, known = np.broadcast_arrays(answer.values.astype(np.float64), answer.known)
    made: Array = np.where(known, values, np.nan)[:, 0]
    return (made if len(made) > 1 or scope.steps == 1 else made[0]), answer.kind == "truth"
