"""A report holds the numbers of the run and no others, for whoever sees it, prints it or has it read aloud."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from edited_networks import sentence, stacked
from present import present
from read_report import Read, near, numbers, words

import lstm_tui
from lstm_tui.debugger.commands.dispatch import answer
from lstm_tui.debugger.edits.edit_reader import parse_edit, parse_edit_script
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import Source
from lstm_tui.documents.blocks import TableRow, figure
from lstm_tui.documents.html import page
from lstm_tui.documents.report import selection
from lstm_tui.documents.report.report import content, report_of
from lstm_tui.documents.report.selection import MAPPED, MOST_NUMBERS, ReportSelection
from lstm_tui.engine.compiler.roles import memory_of
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.language.cell import cell_names
from lstm_tui.engine.model.network import build_network
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.formats.traces.trace_file import read, write
from lstm_tui.models.bundled import open_model

CELLS = cell_names()
TINTED = 80
"""How much of the colour of a tint the strongest has, in hundredths."""
AXIS = re.compile(r"(±|0 to )([\d.e+-]+)$")
EDITS = ('replace 4 "good"', 'insert 3 "not"', "set layer0.forward.f[1] @ 2:4 = 0", "remove 0",
         "weight layer0.backward/b_f[2] = -4")  # fmt: skip
EVERYTHING = ReportSelection(units=(slice(None),))


def reported(session: Session, wanted: ReportSelection = EVERYTHING) -> Read:
    return Read(page(report_of(session, wanted)))


def opened(cell: str = "lstm") -> Session:
    network = stacked(cell)
    return Session.open(Source(network, [sentence(network)]))


def bundled(text: str, model: str) -> Session:
    return Session(lstm_tui.trace(text, model=model))


def made(cell: str, hidden: int = 3, steps: int = 4) -> Session:
    """Return a session on numbers, of a cell that may need a free size."""
    sizes = {"P": 2} if "projected" in cell and cell.startswith("lstm") else {}
    layer = {"cell": cell, "hidden_size": hidden, "directions": ["forward", "backward"], "sizes": sizes}
    network = build_network({"input_size": 3, "layers": [layer], "name": "made"}, seed=3)
    x = np.random.default_rng(5).normal(size=(steps, 3)).astype(np.float32)
    return Session.open(Source(network, [Sequence("numbers", tuple(f"{a:.2f} {b:.2f}" for a, b, _ in x), x=x)]))


# --- the numbers ---


@pytest.mark.parametrize("cell", CELLS)
def test_every_number_of_a_unit_is_that_of_the_run(cell: str) -> None:
    session = made(cell)
    report, trace, seen = reported(session), session.frame.trace, set()
    for name, passed in trace.items():
        count = passed[memory_of(passed.cell)].shape[1]
        memory = memory_of(passed.cell)
        for unit in range(count):
            table = report.table(f"Unit {passed.entry_of(memory, unit)} of {name}:")
            values = [heading.split()[0].replace("C", "c") for heading in table.headings[2:]]
            seen |= {(name, value) for value in values}
            assert len(table.rows) == 4
            for t, (heads, cells) in enumerate(table.rows):
                assert heads[0] == str(t)
                for value, cell_text in zip(values, cells, strict=True):
                    assert near(cell_text, float(passed[value][t, unit]), 3), (name, value, t, unit, cell_text)
        for value in passed.cell.values:
            maps = [one for caption, one in report.tables.items() if caption.startswith(f"{value} of {name} by unit")]
            if (name, value) not in seen:  # a value of another size has a map of its own
                assert passed[value].shape[1] != count
                for unit in range(min(passed[value].shape[1], MAPPED)):
                    for t, text in enumerate(maps[0].row(passed.entry_of(value, unit))):
                        assert near(text, float(passed[value][t, unit]), 2)


@pytest.mark.parametrize("cell", CELLS)
def test_the_map_of_the_memory_and_its_means_are_those_of_the_run(cell: str) -> None:
    session = made(cell)
    report = reported(session)
    for name, passed in session.frame.trace.items():
        memory = memory_of(passed.cell)
        table = report.table(f"{'C' if memory == 'c' else memory} of {name} by unit and token")
        count = passed[memory].shape[1]
        for unit in range(count):
            for t, text in enumerate(table.row(passed.entry_of(memory, unit))):
                assert near(text, float(passed[memory][t, unit]), 2)
        for heads, cells in table.rows[count:]:
            value = present(re.match(r"mean (\w+), ", heads[0]))[1]
            for t, text in enumerate(cells):
                assert near(text, float(passed[value][t].astype(np.float64).mean()), 2)


def test_bars_are_as_long_as_their_numbers_and_on_their_side() -> None:
    report = reported(opened())
    found = 0
    for table in report.tables.values():
        for cell in table.element.iter("td"):
            style, kind = cell.get("style", ""), cell.get("class", "").split()
            if "--b" in style and "gate" in kind:
                found += 1
            if "signed" in kind:
                first, last = (float(part) for part in re.findall(r"([\d.e-]+)%", style))
                value = numbers(words(cell))[0]
                assert (first, last)[value < 0] == pytest.approx(50)
                assert first <= 50 <= last
                found += 1
    assert found > 500
    unit = report.table("Unit 0 of layer0.forward:")
    for cell in (one for one in unit.element.iter("td") if "keep" in one.get("class", "")):
        assert float(cell.get("style", "").removeprefix("--b:").rstrip("%")) == pytest.approx(
            100 * float(words(cell)), abs=0.1
        )


@pytest.mark.parametrize("cell", CELLS)
def test_every_bar_is_its_number_on_the_axis_that_its_heading_names(cell: str) -> None:
    """Lengths in hundredths of a cell: from the middle where the axis is ±, from the left where it is from 0."""
    report = reported(made(cell))
    read = 0
    for table in report.tables.values():
        heads = len(table.rows[0][0])
        for row in table.element.iter("tr"):
            own = AXIS.search(words(present(row.find("th"))))
            for td, heading in zip(row.findall("td")[heads - 1 :], table.headings[heads:], strict=False):
                kind, style = td.get("class", ""), td.get("style", "")
                if not kind.startswith(("gate", "signed")):
                    continue
                end = present(own or AXIS.search(heading))
                value, full = numbers(words(td))[0], float(end[2])
                at = [float(number) for number in re.findall(r":([\d.e-]+)%", style)]
                rounded = 50 * 0.0006 / full + 0.06
                if end[1] == "±":
                    assert sorted((50.0, 50 + 50 * max(-1.0, min(value / full, 1.0)))) == pytest.approx(at, abs=rounded)
                else:
                    assert at == pytest.approx([100 * max(0.0, min(value / full, 1.0))], abs=2 * rounded)
                read += 1
    assert read > 20


@pytest.mark.parametrize("cell", CELLS)
def test_tints_and_chips_are_as_strong_as_their_numbers(cell: str) -> None:
    """Within one table a tint is proportional to its number, and of its sign; a chip to its token's share."""
    report = reported(made(cell))
    for caption, table in report.tables.items():
        tints = [
            (td.get("class"), float(td.get("style", "").removeprefix("--v:").rstrip("%")), numbers(words(td))[0])
            for td in table.element.iter("td")
            if td.get("style", "").startswith("--v:")
        ]
        end = re.search(r"tints from −([\d.e+-]+) to", caption)
        for kind, strength, value in tints:
            assert kind == "share" or value == 0 or (kind == "less") == (value < 0)
            assert strength == pytest.approx(TINTED * min(abs(value) / (float(end[1]) if end else 1.0), 1.0), abs=0.5)
    chips = [one for one in report.body.iter("span") if "chip" in one.get("class", "").split()]
    tape = report.table("Every token in order")
    shares = [float(entries[0]) for _, entries in tape.rows] if tape.headings[2].startswith("share") else [0.0] * 4
    strengths = [float(one.get("style", "").removeprefix("--b:").rstrip("%")) for one in chips]
    assert strengths == pytest.approx([100 * one / max(*shares, 1e-9) for one in shares], abs=0.3)


def test_each_unit_of_the_ledger_sums_to_its_memory_and_every_part_is_what_the_gates_have_kept() -> None:
    session = opened()
    report = reported(session)
    for name, passed in session.frame.trace.items():
        table = report.table(f"What of each token is in C of {name}")
        f, i, g, c = (passed[value].astype(np.float64) for value in "figc")
        order = list(range(5)) if passed.direction == "forward" else list(range(5))[::-1]
        columns = [int(heading.split()[1]) for heading in table.headings[2:]]
        for place, token in enumerate(order):
            for unit, text in zip(
                columns, table.row(str(token), session.frame.trace.sequence.tokens[token]), strict=True
            ):
                part = i[token, unit] * g[token, unit]
                for later in order[place + 1 :]:
                    part *= f[later, unit]
                assert near(text, part, 3), (name, token, unit)
        for unit, said, sums, same in zip(
            columns, table.row("C of the run"), table.row("sum"), table.row("the same"), strict=True
        ):
            assert near(said, float(c[order[-1], unit]), 3)
            assert sums == said
            assert same == "yes"
    assert "Attribution, not causation" in report.text


def test_shares_are_those_of_a_loop_over_tokens_and_sum_to_one() -> None:
    session = opened()
    report = reported(session)
    passed = session.frame.trace["layer0.forward"]
    table = report.table("Share of each token in C of layer0.forward")
    f, i, g = (passed[value].astype(np.float64) for value in "fig")
    for after in range(5):
        sizes = [
            float(np.abs(i[token] * g[token] * f[token + 1 : after + 1].prod(axis=0)).sum())
            for token in range(after + 1)
        ]
        for token, size in enumerate(sizes):
            text = table.row(str(token), session.frame.trace.sequence.tokens[token])[after]
            assert near(text, size / sum(sizes), 2)
        assert table.row("all shares")[after] == "1.00"
        assert table.row("the same in every unit")[after] == "yes"
    tape = report.table("Every token in order")
    for token, size in enumerate(sizes):
        assert near(tape.rows[token][1][0], size / sum(sizes), 3)


def test_what_each_token_adds_sums_to_the_verdict_before_the_softmax() -> None:
    session = bundled("The movie was not bad", "sentiment")
    table = reported(session, ReportSelection()).table("What each token adds to")
    positive, negative = (float(present(session.frame.trace.result)[n]) for n in (1, 0))
    total = float(table.row("sum")[0].replace("−", "-"))
    assert total == pytest.approx(math.log(positive / negative), abs=2e-3)
    parts = [float(cells[0].replace("−", "-")) for _, cells in table.rows[:-1]]
    assert sum(parts) == pytest.approx(total, abs=5e-3)


def test_a_language_model_tells_its_surprise_and_what_it_says_at_each_token() -> None:
    session = bundled("Anna and Mei like music . they like music .", "story")
    trace = session.frame.trace
    output, ids = present(trace.output), present(trace.sequence.ids)
    report = reported(session, ReportSelection())
    tape = report.table("Every token in order")
    assert tape.headings[-3].startswith("surprise")
    for t, (_, cells) in enumerate(tape.rows):
        if t:
            bits = -math.log2(float(output[t - 1, ids[t]]))
            assert near(cells[-3], bits, 2)
        best = int(np.argmax(output[t]))
        assert cells[-2] == trace.classes[best]
        assert near(cells[-1], float(output[t, best]), 3)
    said = report.table("After the last token")
    assert len(said.rows) == 10
    assert "perplexity" in report.text
    assert said.rows[0][0][-1] == trace.classes[int(np.argmax(present(trace.result)))]


def test_a_series_has_numbers_for_tokens_and_what_is_foretold() -> None:
    x = np.sin(np.arange(30, dtype=np.float32)[:, None] * np.array([0.1, 0.4, 0.9], np.float32))
    session = Session(lstm_tui.trace(x, model="forecast"))
    tape = reported(session, ReportSelection()).table("Every token in order")
    assert [heading.split()[0] for heading in tape.headings[-3:]] == ["says"] * 3
    for t, (_, cells) in enumerate(tape.rows):
        for n, text in enumerate(cells[-3:]):
            assert near(text, float(present(session.frame.trace.output)[t, n]), 3)


def test_a_cell_without_ledger_says_why() -> None:
    report = reported(opened("rnn"))
    assert "There is no ledger: h is computed anew at" in report.text
    assert not any("What of each token" in caption for caption in report.tables)
    assert "it cannot be split" in report.text


def test_attention_stands_on_the_tape_and_in_the_readout() -> None:
    session = bundled("The movie was not bad", "verdict-attention")
    report = reported(session, ReportSelection())
    weights = session.frame.trace.readout["a"][:, 0]
    tape, series = report.table("Every token"), report.table("Values of the readout")
    place = next(n for n, heading in enumerate(tape.headings[2:]) if heading.startswith("attention a"))
    for t, weight in enumerate(weights):
        assert near(tape.rows[t][1][place], float(weight), 3)
        assert near(series.rows[t][1][series.headings.index("a") - 2], float(weight), 3)


def test_what_is_no_number_is_there_by_name() -> None:
    session = opened()
    session.edit(parse_edit("set layer0.forward.c[1] @ 2 = inf"), parse_edit("scale layer0.forward.c[1] @ 3 * 0"))
    report = reported(session)
    text = report.table("Unit 1 of layer0.forward:")
    place = next(n for n, heading in enumerate(text.headings[2:]) if heading.startswith("C"))
    assert text.rows[2][1][place].startswith("+∞ ◆ edited")
    assert text.rows[3][1][place].startswith("NaN ◆ edited")
    with np.errstate(all="ignore"):
        for t in range(5):
            assert near(text.rows[t][1][place].split()[0], float(session.frame.trace["layer0.forward"]["c"][t, 1]), 3)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0.000"), (-0.0, "0.000"), (4e-5, "4e−5"), (-1.23456, "−1.235"), (123456.0, "1.23e5"),
     (math.inf, "∞"), (-math.inf, "−∞"), (math.nan, "NaN"), (9.9e-4, "0.001"), (5e-324, "5e−324")],
)  # fmt: skip
def test_a_number_that_is_not_0_never_looks_like_it(value: float, text: str) -> None:
    assert figure(value) == text


# --- edits ---


def test_the_answer_and_the_picture_lead_and_the_hash_comes_last() -> None:
    network = open_model("story")
    session = Session.open(Source(network, [sentence(network, "Ganesh likes AIML . Ram likes DevSecOps .")]))
    session.goto(4)
    for name in ("r.md", "r.html"):
        text = content(session, ReportSelection(standing=True), name).decode()
        order = ("it says he", "memories are cleared", "(×)", "perplexity", "size of C", "in words", "SHA-256")
        places = [text.index(one) for one in order]
        assert places == sorted(places), name
        assert text.count("SHA-256") == 1


def test_edits_are_told_and_every_number_stands_beside_that_of_the_baseline() -> None:
    session = opened()
    session.edit(*map(parse_edit, EDITS))
    report, difference = reported(session), present(session.frame.difference)
    picture, recipe = ("".join(one.itertext()) for one in list(report.body.iter("pre"))[:2])
    assert "(×)" in picture, "the picture leads"
    assert parse_edit_script(recipe) == session.history.active
    items = [words(item) for item in next(report.body.iter("main")).iter("li")]
    assert items == list(session.words)
    for name, passed in session.frame.trace.items():
        for unit in range(passed.hidden_size):
            table = report.table(f"Unit {unit} of {name}:")
            values = [heading.split()[0].replace("C", "c") for heading in table.headings[2:]]
            for t, (_, cells) in enumerate(table.rows):
                origin = difference.origins[t]
                for value, text in zip(values, cells, strict=True):
                    now = float(passed[value][t, unit])
                    old = None if origin is None else float(difference.before[name][value][origin, unit])
                    shown = text.replace("◆ edited", "").split()
                    assert near(shown[0], now, 3)
                    if old is None or old == now:
                        assert len(shown) == 1
                    elif shown[1] == "was":
                        assert near(shown[2], old, 3)
                    else:
                        assert shown[1] == "by"
                        assert float(shown[2].replace("−", "-")) == pytest.approx(now - old, rel=0.51, abs=6e-5)
    held = report.table("Unit 1 of layer0.forward:")
    assert [t for t, (_, cells) in enumerate(held.rows) if "◆" in cells[0]] == [1, 2]


def test_the_tape_shows_what_came_and_what_went() -> None:
    session = opened()
    session.edit(*map(parse_edit, EDITS))
    rows = [heads for heads, _ in reported(session).table("Every token in order").rows]
    assert rows == [("", "The deleted"), ("0", "movie"), ("1", "was"), ("2", "not inserted"), ("3", "not"),
                    ("4", "good was “bad”")]  # fmt: skip


def test_the_verdict_stands_beside_that_without_the_edits() -> None:
    session = bundled("The movie was not bad", "sentiment")
    before = present(session.frame.trace.result)
    session.edit(parse_edit('replace 4 "good"'))
    table = reported(session).table("Of the whole")
    for (name,), (text,) in table.rows:
        n = session.frame.trace.classes.index(name)
        now, _, old = text.partition(" was ")
        assert near(now, float(present(session.frame.trace.result)[n]), 3)
        assert near(old, float(before[n]), 3)


def test_another_equation_has_no_number_beside_a_value_that_was_not_there() -> None:
    session = opened()
    session.edit(parse_edit("ablate cifg"))
    report = reported(session)
    assert "f = 1 − i" in report.text or "1 - i" in report.text


def test_a_tape_that_was_cut_to_its_last_token_is_whole() -> None:
    session = opened()
    session.edit(*(parse_edit("remove 0") for _ in range(4)))
    rows = reported(session).table("Every token in order").rows
    assert [heads[-1] for heads, _ in rows] == ["The deleted", "movie deleted", "was deleted", "not deleted", "bad"]
    session.undo()
    session.edit(parse_edit("remove 1"))
    assert [heads[-1] for heads, _ in reported(session).table("Every token in order").rows][-1] == "bad deleted"


# --- what is told ---


def test_a_trace_file_is_reported_without_its_network(tmp_path: Path) -> None:
    session = opened()
    session.edit(parse_edit("set layer0.forward.f[1] @ 2 = 0"))
    write(session.frame.trace, tmp_path / "t.json")
    trace = read(tmp_path / "t.json")
    assert trace.network is None
    report = reported(Session(trace))
    assert "a trace file without its network" in report.text
    assert "set layer0.forward.f[1] @ 2 = 0.0" in report.text
    assert "baseline, which is the run without these edits, is not in this file" in report.text
    table = report.table("Unit 1 of layer0.forward:")
    for t, (_, cells) in enumerate(table.rows):
        assert near(cells[0], float(trace["layer0.forward"]["f"][t, 1]), 3)


@pytest.mark.parametrize(
    "part", [{"values": ["h"]}, {"units": slice(1, 3)}, {"steps": slice(1, 4)}, {"values": ["f", "c"]}]
)
def test_part_of_a_trace_is_reported_as_far_as_it_goes(tmp_path: Path, part: dict[str, Any]) -> None:
    write(opened().frame.trace, tmp_path / "t.json", **part)
    report = reported(Session(read(tmp_path / "t.json")))
    assert any("layer0.forward by unit" in caption for caption in report.tables)


def test_steps_units_and_passes_are_chosen() -> None:
    wanted = ReportSelection(slice(1, 3), (slice(2, 3), slice(0, 1)), ("layer1.backward",))
    report = reported(opened(), wanted)
    units = [caption for caption in report.tables if caption.startswith("Unit ")]
    assert [caption.split(":")[0] for caption in units] == ["Unit 2 of layer1.backward", "Unit 0 of layer1.backward"]
    assert [heads[0] for heads, _ in report.table("Unit 2").rows] == ["1", "2"]
    left = report.text[report.text.index("What is not told here") :]
    assert "t = 1 to 2 are told in full" in left
    assert "Of 4 passes, 1 are told" in left
    assert "--steps A:B" in left


def test_what_a_report_would_hold_counts_no_unit_that_is_on_no_map(monkeypatch: pytest.MonkeyPatch) -> None:
    """A map shows some of the units: of a wider network it holds no more numbers."""
    monkeypatch.setattr(selection, "MOST_NUMBERS", 0)

    def counted(cell: str, hidden: int) -> int:
        with pytest.raises(UserError, match=r"that is \d+ numbers") as refused:
            report_of(made(cell, hidden), ReportSelection(steps=slice(None), units=(slice(0, 4),)))
        return int(present(re.search(r"that is (\d+) numbers", str(refused.value)))[1])

    assert counted("layernorm_lstm", 70) == counted("layernorm_lstm", 40) > counted("lstm", 40)


def test_a_report_of_all_says_of_nothing_that_it_is_left_out() -> None:
    text = reported(made("lstm")).text
    assert not re.search(r"Of \d+ (tokens|passes)|Of the \d+ units|are told", text)


def test_units_come_as_the_screen_orders_them() -> None:
    session = bundled("The movie was not bad", "sentiment")
    session.goto(3)
    report = reported(session, ReportSelection(standing=True))
    memory = np.abs(session.frame.trace["layer0.forward"]["c"][3])
    units = [int(caption.split()[1]) for caption in report.tables if "of layer0.forward: C = " in caption]
    assert units == np.argsort(-memory, kind="stable")[:8].tolist()


def test_it_tells_where_the_session_stands() -> None:
    session = opened()
    session.select_pass("layer1.backward")
    session.goto(3)
    report = reported(session, ReportSelection(standing=True))
    assert "at t = 3 “not” in layer1.backward, behind h" in report.text
    assert "the chosen pass" in report.text
    assert [heads for heads, _ in report.table("Every token").rows][3] == ("3", "not here")
    assert "here" not in reported(session).table("Every token").rows[3][0][-1]


def rows_of(block: object) -> Iterator[TableRow]:
    """Yield the rows of every table of a page."""
    if isinstance(block, TableRow):
        yield block
    elif isinstance(block, list | tuple):
        for one in block:
            yield from rows_of(one)
    elif is_dataclass(block):
        for one in fields(block):
            yield from rows_of(getattr(block, one.name))


@pytest.mark.parametrize("t", [0, 3])
def test_the_row_of_the_token_it_stands_at_is_marked_and_no_other(t: int) -> None:
    session = opened()
    session.goto(t)
    marked = [row for row in rows_of(report_of(session, ReportSelection(standing=True))) if row.part == "here"]
    assert marked
    assert {row.heads[0] for row in marked} == {str(t)}
    assert not [row for row in rows_of(report_of(session, EVERYTHING)) if row.part == "here"]


@pytest.mark.slow
def test_a_long_text_of_many_units_is_bounded_and_says_what_is_left_out() -> None:
    network = build_network(
        {
            "input_size": 2,
            "name": "wide",
            "layers": [{"cell": "lstm", "hidden_size": 96, "directions": ["forward", "backward"]}] * 3,
        },
        seed=1,
    )
    x = np.random.default_rng(2).normal(size=(600, 2)).astype(np.float32)
    session = Session.open(Source(network, [Sequence("numbers", tuple(map(str, range(600))), x=x)]))
    text = page(report_of(session, ReportSelection()))
    assert len(text) < 2_000_000
    read_again = Read(text)
    assert "Of 600 tokens, t = 0 to 39 are told in full; t = 0 to 399 are listed" in read_again.text
    assert "Of 6 passes, 4 are told" in read_again.text
    assert "Of the 96 units of layer0.forward, the 8 with the largest memory are told in full and 32 on its map" in (
        read_again.text
    )
    session.goto(500)
    standing = reported(session, ReportSelection(standing=True))
    assert "t = 480 to 519" in standing.text
    with pytest.raises(UserError, match=f"a report holds {MOST_NUMBERS}: take fewer"):
        report_of(session, ReportSelection(steps=slice(None), units=(slice(None),)))


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (ReportSelection(steps=slice(9, 12)), "none of these steps is there: the tape has 5 tokens"),
        (ReportSelection(units=(slice(50, 60),)), "none of these units is there"),
        (ReportSelection(passes=("layer0.forwrd",)), "did you mean layer0.forward?"),
        (ReportSelection(passes=("\x1b",)), "there is no pass ␛"),
    ],
)
def test_what_is_not_there_is_one_line(wanted: ReportSelection, words: str) -> None:
    with pytest.raises(UserError) as caught:
        report_of(opened(), wanted)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


# --- who reads it ---

NASTY = ("</script><img src=x onerror=alert(1)>", "\u202eevil\u2066", "\x1b[2J", '"><b a="', "&amp;", "]]>", "", " ",
         "שלום", "`x`", "\ufffe", "\ud800", "http://example.org/x.js", "long" * 500)  # fmt: skip


def nasty() -> Session:
    network = build_network(
        {
            "name": "<i>" + NASTY[1],
            "tokens": {"kind": "words", "lowercase": False, "vocabulary": ["<unk>", *NASTY]},
            "embedding_size": 3,
            "layers": [{"cell": "lstm", "hidden_size": 2, "directions": ["forward"]}],
            "readout": "dense",
            "card": {"imported": {"warnings": ["<script>warned</script>"]}},
        },
        seed=2,
    )
    ids, unknown = present(network.tokens).encode([*NASTY, "<new>"])
    sequence = Sequence("words", (*NASTY, "<new>"), ids=ids, unknown=unknown, file="<u>\x1b.txt", line=1)
    session = Session.open(Source(network, [sequence]))
    session.edit(parse_edit('replace 2 "&amp;"'))
    return session


def pages() -> dict[str, str]:
    edited = opened()
    edited.edit(*map(parse_edit, EDITS))
    sessions = {"plain": opened(), "edited": edited, "nasty": nasty(), "rnn": opened("rnn"), "numbers": made("gru")}
    return {name: page(report_of(session, ReportSelection(standing=True))) for name, session in sessions.items()}


PAGES = pages()


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_fetched_and_nothing_runs(name: str) -> None:
    text = PAGES[name]
    assert "default-src 'none'; style-src 'unsafe-inline'" in text
    tags = set(re.findall(r"<(\w+)", text))
    assert not tags & {"script", "img", "link", "iframe", "object", "embed", "base", "form", "svg", "image", "i", "u"}
    attributes = {key for one in Read(text).body.iter() for key in one.keys()}  # noqa: SIM118
    assert attributes <= {"class", "style", "id", "href", "scope", "role", "tabindex", "aria-label",
                          "aria-labelledby", "aria-hidden"}  # fmt: skip
    styles = {one.get("style", "") for one in Read(text).body.iter()}
    assert all(re.fullmatch(r"(--[abv]:[\d.e-]+%;?)*", style) for style in styles)
    css = text[text.index("<style>") : text.index("</style>")]
    assert "url(" not in css
    assert "@import" not in css
    assert all(one.get("href", "").startswith("#") for one in Read(text).body.iter("a"))


def test_text_of_strangers_is_text() -> None:
    text = PAGES["nasty"]
    assert not any(ord(sign) < 32 and sign != "\n" for sign in text)
    assert not any(sign in text for sign in "\u202e\u2066\x1b\ufffe")
    report = Read(text)
    for shown in ("</script><img src=x onerror=alert(1)>", "⟨202e⟩evil⟨2066⟩", "␛[2J", "&amp;", "␣", "שלום", "⟨d800⟩",
                  "<script>warned</script>", "<u>␛.txt", "<i>⟨202e⟩", "⟨fffe⟩"):  # fmt: skip
        assert shown in report.text, shown
    assert "longlonglong" in report.text
    assert "long" * 20 not in report.text
    assert "“<new>”" in report.text


@pytest.mark.parametrize("name", PAGES)
def test_it_can_be_read_aloud(name: str) -> None:
    text = PAGES[name]
    body = Read(text).body
    assert '<html lang="en">' in text
    assert re.search(r"<title>[^<]+</title>", text)
    assert [one.tag for one in body] == ["a", "header", "nav", "main", "footer"]
    headings = [int(one.tag[1]) for one in body.iter() if re.fullmatch(r"h\d", one.tag)]
    assert headings[0] == 1
    assert headings.count(1) == 1
    assert all(below - above <= 1 for above, below in pairwise(headings))
    names = [one.get("id") for one in body.iter() if one.get("id")]
    assert len(names) == len(set(names))
    assert {one.get("href", "")[1:] for one in body.iter("a")} == set(names)
    assert {one.get("aria-labelledby") for one in body.iter("section")} == set(names)
    captions = [words(one) for one in body.iter("caption")]
    assert len(captions) == len(set(captions))  # tables are told apart by them
    for table in body.iter("table"):
        assert table[0].tag == "caption"
        heads = list(present(table.find("thead")).iter("th"))
        assert all(head.get("scope") == "col" and words(head) for head in heads)
        for row in (one for part in table.findall("tbody") for one in part):
            assert len(row) == len(heads)
            assert [cell.get("scope") for cell in row if cell.tag == "th"] == ["row"]
    for group in (one for one in body.iter("div") if one.get("tabindex")):
        assert group.get("role") == "group"
        assert group.get("aria-label") in captions


@pytest.mark.parametrize("name", PAGES)
def test_what_is_hidden_from_who_listens_stands_in_a_table_too(name: str) -> None:
    report = Read(PAGES[name])
    hidden = [one for one in report.body.iter() if one.get("aria-hidden")]
    (tape,) = hidden
    listed = " ".join(" ".join(heads) for heads, _ in report.table("Every token in order").rows)
    assert all(words(chip) in listed for chip in tape)


def test_the_recipe_and_the_sums_are_not_told_by_colour_alone() -> None:
    report = Read(PAGES["edited"])
    for table in report.tables.values():
        for cell in table.element.iter("td"):
            if {"more", "less", "signed"} & set(cell.get("class", "").split()):
                shown = words(cell).split()[0]
                assert shown[0] in "+−" or float(shown) == 0 or shown == "NaN"


# --- the verb ---


def test_the_verb_writes_the_session_as_it_stands(tmp_path: Path) -> None:
    session = opened()
    answer(session, "remove 0")
    answer(session, "goto 2")
    (said,) = answer(session, f"report {tmp_path}/my page.html steps 1:3 units 0,2: pass layer0.forward")
    assert said.startswith("report written to ")
    report = Read((tmp_path / "my page.html").read_text("utf-8"))
    assert "t = 2 “not”" in report.text
    assert [caption.split(" of ")[0] for caption in report.tables if caption.startswith("Unit")] == [
        "Unit 0", "Unit 2", "Unit 3",
    ]  # fmt: skip
    assert f"report {tmp_path}/my page.html steps A:B" in report.text
    assert [path.name for path in tmp_path.iterdir()] == ["my page.html"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("report", "write the report where?"),
        ("report a.txt", "a.txt: a report is an .html file"),
        ("report a.html steps 9:12", "none of these steps is there"),
        ("report a.html steps x", "is not a range"),
        ("report a.html units 0,,1", "is not a range"),
        ("report a.html pass nothing", "there is no pass nothing"),
        ("report a.html steps 0:1 steps 1:2", "`steps` is given twice"),
        ("report nowhere/a.html", "there is no folder"),
        ("report steps 0:2", "write the report where?"),
    ],
)
def test_what_cannot_be_reported_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError) as caught:
        answer(opened(), line)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_an_old_report_stays_until_the_new_one_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.html"
    path.write_text("old")
    with pytest.raises(UserError):
        answer(opened(), f"report {path} over units 99")
    assert path.read_text() == "old"
    answer(opened(), f"report {path} over")
    assert path.read_text("utf-8").endswith("</html>\n")
