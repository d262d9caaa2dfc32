"""What an import of a generated file came to: right, cut or refused with a line, or silently wrong."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.runtime.run import run
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.formats.importers.open import Imported, ImportOptions, open_file
from lstm_tui.formats.inputs.inputs import Sequences
from lstm_tui.formats.inputs.numeric_series import read_series

from .rounding import apart, rounded_otherwise

RIGHT, CUT, REFUSED, WRONG, CRASHED = "right", "cut with a line", "refused with a line", "SILENT WRONG", "TRACEBACK"
UNTOLD = "rounding decides"
"""Of networks that move so far with their last bits that a mistake could not be told from them; not in the table."""
VERDICTS = (RIGHT, CUT, REFUSED, WRONG, CRASHED)


@dataclass
class Case:
    """One generated file.

    Attributes:
        name: What kind of network it is, for the table.
        write: Writes the file into a folder and returns its path.
        inputs: What is given, by the file's names; (T, I) or (T,).
        outputs: What the file's own framework gives, by the file's names, in tape order where it is a series.
        states: What recurrent layers show, by their names in the file, (T, H) in tape order.
        kept: Which steps are not masked.
        told: Everything that made it, to be seen again.
        run: Opens a file of this kind, which may have other numbers in it, with its own framework and returns what
            that gives of the same inputs, as in `outputs`.
    """

    name: str
    write: Callable[[Path], Path]
    inputs: Mapping[str, Array]
    outputs: Mapping[str, Array]
    states: Mapping[str, Array] = field(default_factory=dict)
    kept: Array | None = None
    told: str = ""
    run: Callable[[Path], Mapping[str, Array]] | None = None


@dataclass
class Table:
    """Verdicts by kind of network, everything that was silently wrong, and what was drawn and could not be built."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)
    unbuilt: Counter[str] = field(default_factory=Counter)
    untold: Counter[str] = field(default_factory=Counter)

    def add(self, case: Case, verdict: str, why: str, number: int) -> None:
        """Count one case."""
        if verdict == UNTOLD:
            self.untold[case.name] += 1
            return
        self.counts.setdefault(case.name, Counter())[verdict] += 1
        if verdict in (WRONG, CRASHED):
            self.findings.append(f"{verdict} {case.name} number {number}: {why}\n    {case.told}")

    def lines(self) -> Iterator[str]:
        """Return the table in Markdown."""
        yield f"| network | files | {' | '.join(VERDICTS)} |"
        yield "|---|" + "---|" * (len(VERDICTS) + 1)
        total: Counter[str] = Counter()
        for name, counts in sorted(self.counts.items()):
            total.update(counts)
            yield _row(name, counts)
        yield _row("**all**", total)

    def rows(self) -> Iterator[str]:
        """Return the rows of a document's table, which has no column for what failed.

        Raises:
            ValueError: Something failed, so that there is no such row.
        """
        for name, counts in sorted(self.counts.items()):
            if counts[CRASHED]:
                raise ValueError(f"{counts[CRASHED]} of {name} failed")
            at_once = ", several sequences at once" if name.endswith("_batch") else ""
            yield _row(f"{name.removesuffix('_batch')}{at_once}", counts, VERDICTS[:-1])


def _row(name: str, counts: Counter[str], verdicts: Sequence[str] = VERDICTS) -> str:
    return f"| {name} | {sum(counts.values())} | {' | '.join(str(counts[one]) for one in verdicts)} |"


def judged(case: Case) -> tuple[str, str]:
    """Return the verdict on a case, and why."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = case.write(folder)
        try:
            opened = open_file(path)
        except UserError as error:
            text = str(error)
            unclear = "it says what is not understood" in text or not text.isprintable()
            return (CRASHED if unclear else REFUSED), text
        try:
            verdict, why = compared(case, opened, folder, path)
            return _read_otherwise(case, opened, folder, path) or (verdict, why) if verdict == WRONG else (verdict, why)
        except UserError as error:
            return REFUSED, str(error)


def _read_otherwise(case: Case, opened: Imported, folder: Path, path: Path) -> tuple[str, str] | None:
    """Return that a file is right as its other reading, where a warning says that it does not say which is meant."""
    for fact in opened.report.facts:
        for other in fact.others if fact.key.startswith("input.") and fact.warning in opened.network.remarks else ():
            again = open_file(path, ImportOptions({fact.key: other}))
            if compared(case, again, folder, path)[0] in (RIGHT, CUT):
                return CUT, f"{fact.warning}; it is {other}"
    return None


def compared(case: Case, opened: Imported, folder: Path, path: Path) -> tuple[str, str]:
    direct = any("directly" in remark or "zeros here" in remark for remark in opened.network.remarks)
    if direct:
        return CUT, "; ".join(opened.network.remarks)
    given: dict[str, Any] = {name: np.asarray(one, np.float32) for name, one in case.inputs.items()}
    np.savez(folder / "x.npz", **given)
    lost: str | None = None
    untold = ""
    for setting in ({}, *_other_heads(opened)):
        again = open_file(path, ImportOptions(setting)) if setting else opened
        verdict, why = _of_a_head(case, again, folder)
        if verdict == WRONG:
            return WRONG, why
        lost = why if verdict == CUT else lost
        untold = why if verdict == UNTOLD else untold
    if untold:
        return UNTOLD, untold
    return (RIGHT, "") if lost is None and not _cut(opened) else (CUT, lost or "")


def _of_a_head(case: Case, opened: Imported, folder: Path) -> tuple[str, str]:
    """Return the verdict on the states and on one answer of a file; cut where it has no readout."""
    network = opened.network
    sequence = Sequences(read_series(folder / "x.npz"), network)[0]
    trace = run(network, sequence)
    shaken = cache(lambda: [run(one, sequence) for one in rounded_otherwise(network)])
    wrong = _states_differ(case, opened, trace, shaken)
    if wrong:
        return WRONG, wrong
    name, said = _output(opened)
    if said is None:
        given = ", ".join(case.outputs)
        return (CUT, "; ".join(network.remarks)) if network.remarks else (
            WRONG, f"no readout and no remark; the file gives {given}"
        )  # fmt: skip
    distance: float | None = 0.0
    if name in case.outputs:
        mine, wanted = _answer(network, trace), case.outputs[name]
        if any("gives its series from the end" in remark for remark in network.remarks):
            wanted = np.squeeze(wanted)[::-1]
        if case.kept is not None and wanted.ndim > 1 and len(wanted) == len(case.kept) and len(mine) == case.kept.sum():
            wanted = wanted[case.kept]
        wanted = np.squeeze(wanted)
        if mine.size != wanted.size and any("steps of a sequence and no more" in one for one in network.remarks):
            wanted = wanted[: len(np.squeeze(mine))].reshape(-1)
        if mine.size != wanted.size:
            return WRONG, f"{name}: {mine.shape} for {wanted.shape}: {network.remarks}"
        shape = wanted.shape
        moved = lambda: [_answer(network, one).reshape(shape) for one in shaken()]  # noqa: E731
        distance = apart(mine.reshape(shape), wanted, moved)
    if distance:
        return WRONG, f"{name} is off by {distance:.3g}; remarks: {network.remarks}"
    if wrong is None or distance is None:
        return UNTOLD, f"the {'states' if wrong is None else name} of a network that its last bits move far"
    return RIGHT, ""


def _answer(network: Network, trace: Trace) -> Array:
    """Return what a network answers: its readout, or what its top layer shows."""
    assert trace.ran is not None
    made = trace.ran.merged[-1] if network.readout is None else (
        trace.output if network.readout.page.per_token else trace.result
    )  # fmt: skip
    assert made is not None
    return made


def _cut(opened: Imported) -> bool:
    return any(" is cut: " in remark for remark in opened.network.remarks)


def _other_heads(opened: Imported) -> list[dict[str, str]]:
    fact = next((one for one in opened.report.facts if one.key == "readout.output"), None)
    return [] if fact is None else [{"readout.output": other} for other in fact.others]


def _output(opened: Imported) -> tuple[str, str | None]:
    """Return the name of the output a network gives, and how it is said; None where there is none."""
    for fact in opened.report.facts:
        if fact.key == "readout" and fact.value == "none":
            name = fact.why.rpartition("the states are the output ")[2]
            return name, fact.value
        if fact.key == "readout":
            return fact.why.partition("the graph of ")[2].partition(", compared")[0], fact.value
    return "", None


def _own(values: Mapping[str, Array], output: str) -> Array:
    """Return the hidden state of a pass, which may show its input too."""
    return values["h"] if "h" in values else values[output]


def _states_differ(case: Case, opened: Imported, trace: Trace, shaken: Callable[[], Sequence[Trace]]) -> str | None:
    """Return where a layer shows other states than the file; empty where it does not, None where nothing can be told.

    `shaken` makes runs of the network with other last bits: what differs by no more than some of that is rounding.
    """
    named = {one.value: one.key.split(".")[0] for one in opened.report.facts if one.key.endswith(".name")}
    untold = False
    for name, wanted in case.states.items():
        layer = named.get(name)
        if layer is None:
            continue
        passes = [one for one in opened.network.passes if one.name.startswith(f"{layer}.")]

        def shown(made: Trace, passes: Sequence[Any] = passes) -> Array:
            return np.concatenate([_own(made[one.name], one.cell.output) for one in passes], axis=1)

        mine = shown(trace)
        if mine.shape != wanted.shape:
            short = any("steps of a sequence and no more" in one for one in opened.network.remarks)
            if short or mine.shape[0] != wanted.shape[0]:
                continue
            return f"{name} shows {mine.shape} for {wanted.shape}"
        turned = np.roll(wanted, wanted.shape[1] // 2, axis=1) if len(passes) > 1 else wanted
        # a node may read a series that was turned round, and then shows its directions in the other order
        each = [apart(mine, one, lambda: [shown(made) for made in shaken()])
                for one in (wanted, wanted[::-1], turned[::-1])]  # fmt: skip
        if 0.0 not in each:
            known = [one for one in each if one is not None]
            if len(known) == len(each):
                return f"the states of {name} are off by {min(known):.3g}; remarks: {opened.network.remarks}"
            untold = True
    return None if untold else ""
