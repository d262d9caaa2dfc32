"""`lstm-tui inspect`: what was understood of a network's file, how each fact is known, and what else it could be."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from lstm_tui.cli.printing import print_json, table
from lstm_tui.cli.source import reading, say
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.file_endings import ANY_SERIES
from lstm_tui.formats.importers.open import Imported, open_file, read_tensors
from lstm_tui.models.bundled import find_model

if TYPE_CHECKING:
    from pathlib import Path

    from lstm_tui.engine.model.network import Network
    from lstm_tui.formats.importers.import_report import Fact

STANDARD_OUTPUT = "-"
_UNUSED = 12  # names of tensors that are listed


def command(options: Namespace) -> int:
    """Print the report, as text or JSON, or write the decisions to a file."""
    path = find_model(options.model)
    if options.write_map is not None:
        return _write_map(path, options)
    opened = open_file(path, reading(options))
    if options.json:
        print_json(_content(opened))
        return 0
    print("\n".join(_lines(opened)))
    return 0


def _write_map(path: Path, options: Namespace) -> int:
    """Write every decision, or of a file that is refused a skeleton with every tensor in it."""
    from lstm_tui.formats.importers.mapping_file import mapping_text, skeleton_text
    from lstm_tui.formats.io.files import label, replacing

    done = "written; give it with --map"
    try:
        text = mapping_text(open_file(path, reading(options)).report)
    except UserError as error:
        if options.map is not None or options.set:
            raise
        try:
            text = skeleton_text(label(path), str(error), read_tensors(path))
        except UserError:
            raise error from None
        done = "written, to be filled in: no network was found in the file"
    if options.write_map == STANDARD_OUTPUT:
        print(text, end="")
        return 0
    with replacing(options.write_map) as stream:
        stream.write(text.encode())
    say(f"{options.write_map}: {done}")
    return 0


def _content(opened: Imported) -> dict[str, Any]:
    """Return the report as JSON values, with what became of every tensor."""
    tensors = [
        {"name": one.name, "shape": list(one.shape), "part": one.part, "beside": one.beside}
        for one in opened.report.tensors.values()
    ]
    return opened.report.content() | {"networks": list(opened.names), "tensors": tensors}


def _lines(opened: Imported) -> list[str]:
    report, network = opened.report, opened.network
    count = f"{network.parameter_count:,}".replace(",", " ")
    lines = [f"{report.file}: {visible(report.format)}", f"  reads {_reads(network)}; {count} parameters", ""]
    rows = [(fact.key, fact.value, fact.how, _why(fact)) for fact in report.facts]
    lines += table(("what", "is", "known", "from"), rows).split("\n")
    if report.unused:
        more = f" and {len(report.unused) - _UNUSED} more" if len(report.unused) > _UNUSED else ""
        lines += ["", f"not used: {', '.join(report.unused[:_UNUSED])}{more}"]
    if report.remarks:
        lines += ["", *(f"warning: {remark}" for remark in report.remarks)]
    return lines


def _reads(network: Network) -> str:
    if network.tokens is None:
        from lstm_tui.formats.inputs.preprocess import reads_ids

        if count := reads_ids(network):
            return f"ids from 0 to {count - 1}, in one column, or text with --vocabulary"
        front = network.front
        if front is not None and len(front.inputs) > 1:
            return f"numbers by name: {', '.join(map(visible, front.inputs))} (.npz)"
        if front is not None:
            return f"numbers, as {visible(front.inputs[0])} takes them ({ANY_SERIES})"
        return f"numbers, {network.input_size} a step ({ANY_SERIES})"
    count = len(network.tokens.vocabulary)
    if network.tokens.are_ids:
        return f"ids from 0 to {count - 1}, as text or in one column (which texts they are is not known)"
    if network.tokens.kind == "bytes":
        return network.tokens.kind
    told = network.tokens.told
    return f"{told} {network.tokens.kind}" + (f", by {count} ids" if told < count else "")


def _why(fact: Fact) -> str:
    other = f"could be {', '.join(fact.others)}" if fact.others else ""
    against = f"against it: {fact.key.split('.')[0]}.understood" if fact.against else ""
    return "; ".join(part for part in (fact.why, other, against) if part)
