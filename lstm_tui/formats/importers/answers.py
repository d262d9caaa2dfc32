"""What a file answers: each of its outputs as states, as a readout, or cut with the reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.equations_of_values import page_of
from lstm_tui.formats.importers.import_report import ImportReport
from lstm_tui.formats.importers.plan import WrittenReadout
from lstm_tui.formats.importers.values import (
    Given,
    Joined,
    Reduced,
    State,
    Value,
    in_order,
    names_of,
    sources,
)

FROM_THE_END = "the file gives its series from the end; here each vector stands at its own token"


@dataclass(frozen=True, eq=False)
class FileOutput:
    """One output of a file.

    Attributes:
        name: Its name.
        value: What it is of the states; None where that is not understood.
        why: Why it is not.
        turned: Whether its series runs from the end.
        shape: Its shape for people; empty where it is not known.
    """

    name: str
    value: Value | None
    why: str = ""
    turned: bool = False
    shape: str = ""

    @property
    def states(self) -> bool:
        """Whether it is states and nothing that is made of them."""
        return self.value is not None and all(
            isinstance(one, State | Joined | Reduced) and (not isinstance(one, Reduced) or isinstance(one.of, State))
            for one in in_order(self.value)
        )

    def within(self, names: Mapping[int, str]) -> FileOutput:
        """Return it as a chain of layers can give it; its states, and what enters the lowest, have these names."""
        if self.value is None:
            return self
        unknown = [one for one in sources(self.value, names) if id(one) not in names]
        if any(isinstance(one, Given) for one in unknown):
            return FileOutput(self.name, None, "it also reads the input, past the recurrent layers", shape=self.shape)
        if unknown:
            return FileOutput(
                self.name,
                None,
                "it reads layers that are not of this chain, or that read on where it is cut",
                shape=self.shape,
            )
        return self


def written(
    answers: Sequence[FileOutput], top: Sequence[Value], names: Mapping[int, str], tried: str, report: ImportReport
) -> WrittenReadout | None:
    """Return the readout of a chain of layers, where one is understood, and say what became of every output.

    Args:
        answers: The outputs that depend on the chain.
        top: What its uppermost layer shows, end to end.
        names: What a readout calls each state, and what enters the lowest layer, by its identity.
        tried: How it is known.
        report: Learns what was understood.
    """
    outputs = [one.within(names) for one in answers]
    heads = [one for one in outputs if one.value is not None and not _is(one.value, top) and not one.states]
    lost = [one for one in outputs if one.value is None]
    there = ", ".join(f"{visible(one.name)} {one.shape}".strip() for one in outputs)
    for one in lost:
        rest = "it is not shown" if heads else "there is no readout"
        report.warn(f"the output {visible(one.name)} is cut: {one.why}; {rest} (the outputs are {there})")
    if heads:
        wanted = heads[0].name
        if len(heads) > 1:
            wanted = report.choose(
                "readout.output", visible(heads[0].name), [visible(one.name) for one in heads[1:]], "assumed",
                f"the file has {len(heads)} answers",
            )  # fmt: skip
        return _said(next(one for one in heads if wanted in (one.name, visible(one.name))), top, names, tried, report)
    series = [one for one in outputs if one.value is not None and _is(one.value, top)]
    if series:
        if not lost:
            report.say("readout", "none", "confirmed", f"the states are the output {visible(series[0].name)}")
        _note_order(series[0], report)
    elif not outputs:
        report.say("readout", "none", "confirmed", "no output of the file depends on these layers")
    elif not lost:
        return _said(outputs[0], top, names, tried, report)
    return None


def _is(value: Value, top: Sequence[Value]) -> bool:
    if len(top) == 1 and value is top[0]:
        return True
    parts = value.parts if isinstance(value, Joined) else (value,)
    return [id(one) for one in parts] == [id(one) for one in top]


def _said(
    answer: FileOutput, top: Sequence[Value], names: Mapping[int, str], tried: str, report: ImportReport
) -> WrittenReadout | None:
    assert answer.value is not None
    try:
        page = page_of(answer.value, top, names)
    except UserError as error:
        report.warn(f"the output {visible(answer.name)} is cut: {error}; there is no readout")
        return None
    ops = ", ".join(visible(one) for one in names_of(answer.value))
    states = "the final states" if not answer.value.series else "states"
    report.say("readout", ops or states, "confirmed", f"the graph of {visible(answer.name)}{tried}")
    over = dict.fromkeys(_how(one, names) for one in in_order(answer.value) if isinstance(one, Reduced))
    if over:
        report.say("readout.over", ", ".join(over), "confirmed", "the graph")
    _note_order(answer, report)
    return page


def _how(reduced: Reduced, names: Mapping[int, str]) -> str:
    """Return what is taken over the steps; the last that a pass reads is its final state."""
    if isinstance(reduced.of, State):
        last = "first" if ".backward." in names[id(reduced.of)] else "last"
        return "final" if reduced.how == last else reduced.how
    return reduced.how


def _note_order(answer: FileOutput, report: ImportReport) -> None:
    if answer.turned:
        report.warnings.append(FROM_THE_END)
