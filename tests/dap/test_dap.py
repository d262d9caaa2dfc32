"""The debugger in editors: what the protocol asks for does what the typed verb does, to the same bits."""

from __future__ import annotations

import json
import os
import random
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dap.editor import Editor, editor, schema
from made_captures import made_capture
from present import present
from registries import sampled

import lstm_tui
from lstm_tui.cli.arguments import parse
from lstm_tui.cli.source import source_of
from lstm_tui.dap.adapter import _LIFE, CAPABILITIES
from lstm_tui.dap.requests import _TABLE
from lstm_tui.debugger.commands.dispatch import answer
from lstm_tui.debugger.session import Session
from lstm_tui.engine.language.cell import cell_names, load_cell
from lstm_tui.formats.importers.open import ImportOptions, open_file
from lstm_tui.living.capture import as_capture

REQUESTS = {*_LIFE, *_TABLE}
WORDS = {"supportsDelayedStackTraceLoading": "stackTrace", "supportsSteppingGranularity": "next",
         "supportsConditionalBreakpoints": "setBreakpoints", "supportsHitConditionalBreakpoints": "setBreakpoints",
         "supportsLogPoints": "setBreakpoints", "supportsEvaluateForHovers": "evaluate",
         "supportsStepBack": "stepBack", "supportsFunctionBreakpoints": "setFunctionBreakpoints",
         "supportsDataBreakpoints": "setDataBreakpoints"}  # fmt: skip


def session_of(*words: str) -> Session:
    """Return the session that `lstm-tui run` opens, at the start of its pass."""
    session = Session.open(source_of(parse(["run", *words]), aloud=False))
    answer(session, "start")
    return session


def test_every_capability_has_its_request_and_every_request_is_one_of_the_protocol() -> None:
    for word in CAPABILITIES:
        request = WORDS.get(word) or word.removeprefix("supports").removesuffix("Request")
        assert request[0].lower() + request[1:] in REQUESTS, word
        assert word in schema()["definitions"]["Capabilities"]["properties"]
    for request in REQUESTS:
        assert f"{request[0].upper()}{request[1:]}Request" in schema()["definitions"], request


def test_another_network_takes_over_in_place_and_its_passes_are_the_threads() -> None:
    with editor() as one:
        one.launch("sample.txt")
        said = one.ask("evaluate", expression="model story", context="repl")["result"]
        assert said.startswith("story instead of sentiment")
        assert [each["name"] for each in one.ask("threads")["threads"]] == ["layer0.forward"]
        one.step("next")
        names = {each["name"] for each in one.frames()}
        assert any("“The”" in name for name in names)
        one.ask("evaluate", expression="undo", context="repl")
        assert [each["name"] for each in one.ask("threads")["threads"]] == ["layer0.forward", "layer0.backward"]


def test_it_opens_stands_before_the_first_equation_and_shows_page_and_text() -> None:
    with editor() as one:
        stopped = one.launch("sample.txt")
        assert stopped["reason"] == "entry"
        assert [each["name"] for each in one.ask("threads")["threads"]] == ["layer0.forward", "layer0.backward"]
        page, text = one.frames()
        assert page["name"] == "before the first equation"
        assert Path(page["source"]["path"]).read_text() == load_cell("lstm").text
        assert (text["name"], text["line"], text["column"]) == ("t=0 “The”", 1, 1)
        one.step("next")
        equation = load_cell("lstm").equations[0]
        assert (one.frames()[0]["line"], one.frames()[0]["name"]) == (equation.line, equation.text)
        values = one.scope("Values")
        assert [each["value"] == "not computed yet" for each in values] == [False, True, True, True, True, True]


MOVES = {
    "next": ({}, "step"), "stepIn": ({}, "stepi"), "stepBack": ({}, "reverse-step"),
    "next by op": ({"granularity": "instruction"}, "stepi"),
    "stepBack by op": ({"granularity": "instruction"}, "reverse-stepi"),
    "stepOut": ({}, None), "continue": ({}, "continue"), "reverseContinue": ({}, "reverse-continue"),
    "restart": ({}, "start"),
}  # fmt: skip
"""Of each way to move the arguments, and the verb that does the same."""


@pytest.mark.parametrize("seed", [*range(10), *(pytest.param(n, marks=pytest.mark.slow) for n in range(10, 60))])
def test_a_session_of_an_editor_comes_to_the_bits_of_the_typed_one(seed: int) -> None:
    rng = random.Random(seed)
    words = rng.choice(
        [("sample.txt",), ("sample.txt", "--model", "sentiment-forward"), ("--model", "story"), ("--model", "tiny")]
    )
    typed = session_of(*words)
    stops = rng.sample(["c", "mean(f) < .5", "h if t > 1", "1", "o"], 2)
    with editor() as one:
        one.launch(None, *words, before=lambda: None)
        asked = [{"name": f"break {stop}" * (n % 2) or stop} for n, stop in enumerate(stops)]
        assert all(each["verified"] for each in one.ask("setFunctionBreakpoints", breakpoints=asked)["breakpoints"])
        for stop in stops:
            answer(typed, f"break {stop}")
        for _ in range(12):
            if rng.random() < 0.2:
                unit, number = rng.randrange(2), rng.choice(["0", "1", ".25", "-2"])
                values = [each for each in one.scope("Values") if each["variablesReference"]]
                if values:
                    value = rng.choice(values)
                    set_to = one.ask(
                        "setVariable", variablesReference=value["variablesReference"], name=f"[{unit}]", value=number
                    )
                    answer(typed, f"set {value['name']}[{unit}] = {number}")
                    one.event("stopped")  # it cannot redraw alone, as it said
                    assert float(set_to["value"]) == float(number)
            name = rng.choice([*MOVES])
            arguments, verb = MOVES[name]
            one.step(name.split()[0], **arguments)
            if verb is None:
                end = (
                    typed.frame.position.equation == len(typed.frame.equations) - 1 and typed.frame.position.op is None
                )
                verb = "until" if end else "finish"
            answer(typed, verb)
            compare(one, typed)


def compare(one: Editor, typed: Session) -> None:
    """Hold what an editor is shown against a session: the place, and every number of every value."""
    frame = typed.frame
    page, text = one.frames()
    equations = [each.text for each in frame.equations]
    told = "before the first equation" if frame.equation is None else equations[frame.position.equation]
    assert page["name"].partition("   (op ")[0] == told
    assert ("(op " in page["name"]) == (frame.position.op is not None)
    assert text["name"] == f"t={frame.t} “{frame.token}”"
    for value in one.scope("Values"):
        if not value["variablesReference"]:
            assert not frame.reached(frame.position.pass_name, value["name"])
            continue
        numbers = [float(each["value"]) for each in one.inside(value)]
        expected = frame.passed[value["name"]][frame.t]
        np.testing.assert_array_equal(np.array(numbers, dtype=expected.dtype), expected)


@pytest.mark.parametrize("name", cell_names())
def test_a_breakpoint_on_a_line_of_any_cell_stops_behind_its_equation(name: str, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("one two three\n")
    with editor() as one:
        free = {size.letter for size in load_cell(name).sizes.values() if size.letter} - {"H", "I"}
        sizes = [word for letter in free for word in ("--size", f"{letter}=4")]
        one.launch(str(text), "--cell", name, "--hidden", "8", *sizes)
        source = one.frames()[0]["source"]
        lines = {one.line: one.text for one in load_cell(name).equations}
        if "path" not in source:  # optional parameters are left out, or sizes differ: the page is what is run
            content = one.ask("source", source=source, sourceReference=source["sourceReference"])["content"]
            lines = dict(enumerate(content.splitlines(), 1))
        for line, equation in lines.items():
            made = one.ask("setBreakpoints", source=source, breakpoints=[{"line": line}])["breakpoints"][0]
            assert (made["verified"], made["line"]) == (True, line)
            one.step("restart")
            stopped = one.step("continue")
            assert (stopped["reason"], stopped["hitBreakpointIds"]) == ("breakpoint", [made["id"]])
            frame = one.frames()[0]
            assert (frame["line"], frame["name"]) == (line, equation.partition("   #")[0])


def test_stops_of_every_kind() -> None:
    with editor() as one:
        one.launch("sample.txt")
        page, text = (each["source"] for each in one.frames())
        first = one.frames()[0]["line"]

        made = one.ask("setBreakpoints", source=page, breakpoints=[
            {"line": first, "condition": "t > 2"}, {"line": first + 500},
            {"line": first + 5, "logMessage": "t={t} keeps {mean(f)}"}, {"line": first, "hitCondition": "never"},
        ])["breakpoints"]  # fmt: skip
        assert [each["verified"] for each in made] == [True, False, True, False]
        assert one.step("continue")["hitBreakpointIds"] == [made[0]["id"]]
        assert one.frames()[1]["name"].startswith("t=3")
        printed = [each["body"]["output"] for each in one.events if each["event"] == "output"]
        assert [line.partition(" keeps")[0] for line in printed[-3:]] == ["t=0", "t=1", "t=2"]

        one.ask("setBreakpoints", source=page, breakpoints=[{"line": first, "hitCondition": "2"}])
        one.step("restart")
        one.step("continue")
        assert one.frames()[1]["name"].startswith("t=1")

        one.ask("setBreakpoints", source=page, breakpoints=[])
        where = one.ask("setBreakpoints", source=text, breakpoints=[{"line": 1, "column": 6}, {"line": 3}])[
            "breakpoints"
        ]
        assert [each["verified"] for each in where] == [True, False]
        one.step("restart")
        assert one.step("continue")["reason"] == "breakpoint"
        assert one.frames()[1]["name"] == "t=2 “was”"
        one.ask("setBreakpoints", source=text, breakpoints=[])

        memory = next(each for each in one.scope("Values") if each["name"] == "c")
        info = one.ask("dataBreakpointInfo", variablesReference=memory["variablesReference"], name="[3]")
        assert info["dataId"] == "layer0.forward.c[3]"
        one.ask("setDataBreakpoints", breakpoints=[{"dataId": info["dataId"]}])
        one.step("restart")
        assert one.step("continue")["reason"] == "data breakpoint"
        one.ask("setDataBreakpoints", breakpoints=[])

        one.typed("set c[0] @ 3 = inf")
        one.ask("setExceptionBreakpoints", filters=["nan"])
        one.event("stopped")
        one.step("restart")
        assert one.step("continue")["reason"] == "exception"
        assert (
            "inf" in one.ask("exceptionInfo", threadId=1)["description"]
            or "∞" in one.ask("exceptionInfo", threadId=1)["description"]
        )
        assert one.frames()[1]["name"].startswith("t=3")
        assert one.step("reverseContinue")["reason"] == "end"


def test_a_thread_is_a_pass_and_a_line_stops_in_the_one_that_goes_on() -> None:
    with editor() as one:
        one.launch("sample.txt")
        source, line = one.frames()[0]["source"], one.frames()[0]["line"]
        one.ask("setBreakpoints", source=source, breakpoints=[{"line": line + 3}])
        one.step("reverseContinue", threadId=2)  # its start is the end of the tape
        one.step("restart")
        assert one.step("continue", threadId=2)["threadId"] == 2
        assert one.frames(2)[0]["line"] == line + 3
        one.step("continue", threadId=2)
        first = one.frames(2)[1]["name"]
        one.step("continue", threadId=2)
        assert int(one.frames(2)[1]["name"][2]) == int(first[2]) - 1  # it reads from the end


def test_weights_unfold_by_range_and_can_be_set() -> None:
    with editor() as one:
        one.launch(None, "--model", "tiny")
        weights = {each["name"]: each for each in one.scope("Weights")}
        rows = one.inside(weights["W_f"])
        numbers = one.inside(rows[1], start=1, count=1)
        assert [each["name"] for each in numbers] == ["[1]"]
        set_to = one.ask("setVariable", variablesReference=rows[1]["variablesReference"], name="[1]", value="0.5")
        assert set_to["value"] == "0.5"
        assert "weight layer0.forward/W_f[1,1] = 0.5" in one.typed("edits")
        x = one.scope("Inputs")[0]
        assert "cannot be set" in one.refused(
            "setVariable", variablesReference=x["variablesReference"], name="[0]", value="1"
        )


def test_the_memory_by_token_is_that_of_the_ledger() -> None:
    with editor() as one:
        one.launch("sample.txt")
        one.ask("gotoTargets", source=one.frames()[1]["source"], line=1)
        one.step("goto", targetId=4)
        shares = {each["name"]: each for each in one.scope("Memory by token")}
        assert shares["4 bad"]["value"] == "not read yet"
        typed = session_of("sample.txt")
        answer(typed, "goto 3")
        for t, token in enumerate(("The", "movie", "was", "not")):
            expected = float(typed.evaluate(f"share(tok[{t}])").value.values[0, 0])
            assert shares[f"{t} {token}"]["value"] == f"{100 * expected:.0f} %"
            assert len(one.inside(shares[f"{t} {token}"])) == 32


def test_places_are_offered_and_gone_to() -> None:
    with editor() as one:
        one.launch("sample.txt")
        page, text = (each["source"] for each in one.frames())
        targets = one.ask("gotoTargets", source=text, line=1)["targets"]
        assert [each["label"] for each in targets][3] == "t=3 “not”"
        one.step("goto", targetId=targets[3]["id"])
        assert one.frames()[1]["column"] == targets[3]["column"]
        assert "ask for the places again" in one.refused("goto", threadId=1, targetId=targets[3]["id"])
        other = one.ask("gotoTargets", source=text, line=3)["targets"]
        assert one.step("goto", targetId=other[0]["id"])["reason"] == "goto"
        assert one.frames()[1]["line"] == 3
        equation = one.ask("gotoTargets", source=page, line=one.frames()[0]["line"])["targets"]
        assert len(equation) == 1
        where = one.ask("breakpointLocations", source=page, line=1, endLine=100)["breakpoints"]
        assert [each["line"] for each in where] == [each.line for each in load_cell("lstm").equations]


def test_who_goes_to_a_token_is_the_pass_that_was_asked() -> None:
    with editor() as one:
        one.launch("sample.txt")
        text = one.frames()[1]["source"]
        for thread in (2, 1, 2):
            targets = one.ask("gotoTargets", source=text, line=1)["targets"]
            assert one.step("goto", threadId=thread, targetId=targets[2]["id"])["threadId"] == thread
            assert one.frames(thread)[1]["name"].startswith("t=2")


def test_the_console_takes_verbs_and_questions_and_completes_them() -> None:
    with editor() as one:
        one.launch("sample.txt")
        assert one.typed("1 + 1") == "2"
        assert "t=3" in one.typed("goto 3")
        assert one.event("stopped")["reason"] == "goto"
        assert "brake" in one.refused("evaluate", expression="brake 3", context="repl")
        hovered = one.ask("evaluate", expression="c", context="hover")
        assert len(one.inside(hovered, start=0, count=4)) == 4
        assert "no value" in one.refused("evaluate", expression="nothing", context="watch")
        found = one.ask("completions", text="bre", column=4)["targets"]
        assert "break" in [each["label"] for each in found]
        one.typed("quit")
        one.event("terminated")


@pytest.mark.slow
def test_gates_that_a_port_exchanged_are_named_in_the_console_by_what_was_recorded_of_the_model(tmp_path: Path) -> None:
    model = str(Path(__file__).parents[1] / "formats" / "files" / "torch_tagger.pt")
    (tmp_path / "ids.txt").write_text("3 1 4 1 5\n")
    said = present(lstm_tui.trace("3 1 4 1 5", model).output)
    np.savez(tmp_path / "R.npz", input=np.array([3, 1, 4, 1, 5]), output=said)  # what it said, and no more
    order = "layer0.gate_order"
    right = next(fact.value for fact in open_file(model, ImportOptions()).report.facts if fact.key == order)
    exchanged = right.translate(str.maketrans("fi", "if"))
    line = f"verify {tmp_path / 'R.npz'}"
    with editor() as one:
        one.launch(str(tmp_path / "ids.txt"), "--model", model)
        assert one.typed(line).splitlines()[-1] == "the same within 0.0001"
    with editor() as one:
        one.launch(str(tmp_path / "ids.txt"), "--model", model, "--set", f"{order}={exchanged}")
        assert "output is the first that differs" in one.typed(line)
        assert f"it fits with --set {order}={right}" in one.typed(line)


def test_a_capture_of_a_running_model_is_opened_with_its_tokens_and_its_answer(tmp_path: Path) -> None:
    made = made_capture()
    as_capture(made).save(tmp_path / "run.npz")
    with editor() as one:
        one.launch(str(tmp_path / "run.npz"), "--module", "enc.rnn", "--sequence", "1")
        assert [one.step("stepOut") for _ in range(3)]
        assert one.frames()[1]["name"] == "t=2 “good”"
        (h,) = (each["value"] for each in one.scope("Values") if each["name"] == "h")
        assert [float(number) for number in h.strip("[]").split()] == pytest.approx(made.runs[1].y[2], abs=1e-3)
    with editor() as one:
        one.ask("initialize", adapterID="lstm-tui")
        said = one.refused("launch", program=str(tmp_path / "run.npz"), args=["--module", "other"])
        assert "no recurrent module" in said


def test_an_edited_equation_is_another_page() -> None:
    with editor() as one:
        one.launch("sample.txt")
        before = one.frames()[0]["source"]
        one.typed("let f = 1")
        after = one.frames()[0]["source"]
        assert "path" in before
        assert "path" not in after
        content = one.ask("source", source=after, sourceReference=after["sourceReference"])["content"]
        assert "f = 1" in content
        one.typed("undo")
        assert one.frames()[0]["source"] == before


def test_lines_and_columns_may_count_from_0() -> None:
    with editor() as one:
        one.ask("initialize", adapterID="x", linesStartAt1=False, columnsStartAt1=False)
        one.send("launch", program="sample.txt")
        one.event("initialized")
        one.ask("configurationDone")
        one.event("stopped")
        page, text = one.frames()
        assert (text["line"], text["column"]) == (0, 0)
        made = one.ask("setBreakpoints", source=page["source"], breakpoints=[{"line": page["line"]}])["breakpoints"]
        assert made[0]["line"] == page["line"] == load_cell("lstm").equations[0].line - 1


def test_without_a_stop_at_the_entry_it_goes_on_to_the_first_breakpoint() -> None:
    with editor() as one:

        def before() -> None:
            one.ask("setFunctionBreakpoints", breakpoints=[{"name": '"not"'}])

        assert one.launch("sample.txt", before=before, stopOnEntry=False)["reason"] == "function breakpoint"
        assert one.frames()[1]["name"] == "t=3 “not”"


BAD_LAUNCHES: dict[str, tuple[dict[str, Any], str]] = {
    "no file": ({"program": "nothing.txt"}, "no such file"),
    "no option": ({"program": "sample.txt", "args": ["--nope"]}, "--nope"),
    "a number": ({"program": 3}, "launch takes"),
    "args of numbers": ({"args": [1]}, "each of `args`"),
    "args as one text": ({"args": "--model tiny"}, "launch takes"),
    "plain": ({"program": "sample.txt", "args": ["--plain"]}, "--plain"),
    "stdin": ({"program": "-"}, "belongs to the editor"),
    "a folder": ({"program": "sample.txt", "cwd": "/nowhere/at/all"}, "no folder"),
    "no model": ({"program": "sample.txt", "args": ["--model", "nothing"]}, "nothing"),
    "help": ({"args": ["--help"]}, ""),
}


@pytest.mark.parametrize("case", BAD_LAUNCHES)
def test_what_cannot_be_opened_is_said_in_one_line_and_can_be_asked_again(case: str) -> None:
    arguments, why = BAD_LAUNCHES[case]
    with editor() as one:
        assert "comes first" in one.refused("threads")
        said = one.refused("launch", **arguments)
        assert why in said
        assert "\n" not in said
        one.launch("sample.txt")
        assert "already" in one.refused("launch", program="sample.txt")
        assert "launch" in one.refused("attach")


THINGS: list[Any] = [
    None, 0, 1, -1, 10**30, 2.5, True, "", "c", "layer0.forward", "[0]", "\x1b[2J", "x" * 5000, [], [1], {},
    {"path": 3}, {"path": "\0"}, {"path": "/" * 9000}, {"sourceReference": 1}, {"sourceReference": 10**20},
    [{"line": "x"}], [{"line": 7, "condition": "(((("}], [{"name": "c if"}], [{"dataId": None}], ["nan", 3],
]  # fmt: skip
KEYS = (
    "threadId", "frameId", "variablesReference", "name", "value", "expression", "context", "source", "line", "column",
    "endLine", "breakpoints", "filters", "targetId", "text", "start", "count", "levels", "startFrame", "granularity",
)  # fmt: skip


@pytest.mark.parametrize("seed", range(6))
def test_whatever_is_asked_is_answered_and_nothing_raw_comes_back(seed: int) -> None:
    rng = random.Random(seed)
    with editor() as one:
        one.launch("sample.txt")
        for _ in range(150):
            command = rng.choice([*_TABLE, "nothing", "cancel"])
            arguments = {key: rng.choice(THINGS) for key in rng.sample(KEYS, rng.randrange(len(KEYS)))}
            said = one.answer(one.send(command, **arguments))
            assert "\x1b" not in json.dumps(said, ensure_ascii=False)
        assert one.ask("threads")["threads"]


def process(*more: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "lstm_tui", "dap", *more],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_as_a_process_it_talks_on_standard_input_and_output_and_ends_with_the_editor() -> None:
    with process() as child:
        assert child.stdin is not None
        assert child.stdout is not None
        one = Editor(child.stdout, child.stdin)  # type: ignore[arg-type]
        one.launch("sample.txt")
        one.typed("set c[0] = 1")
        one.ask("disconnect")
        assert child.wait(60) == 0


@pytest.mark.parametrize(("sent", "code", "said"), sampled([
    (b"", 0, b""),
    (b"hello\r\n\r\n", 1, b"Content-Length"),
    (b"Content-Length: 99999999\r\n\r\n", 1, b"longer than"),
    (b"Content-Length: 50\r\n\r\n{", 1, b"inside a message"),
    (b"Content-Length: 2\r\n\r\n[]", 1, b"no JSON object"),
    (b"Content-Length: 5\r\n\r\n{nope", 1, b"not JSON"),
    (b"X: 1\r\n" * 40, 1, b"lines in front"),
], 3))  # fmt: skip
def test_what_is_no_conversation_is_one_line(sent: bytes, code: int, said: bytes) -> None:
    with process() as child:
        out, errors = child.communicate(sent, timeout=60)
    assert (child.returncode, out) == (code, b"")
    assert said in errors
    assert errors.count(b"\n") == (1 if code else 0)


def test_on_a_port_it_waits_for_one_editor_of_this_user() -> None:
    with process("--port", "0") as child:
        assert child.stderr is not None
        line = child.stderr.readline().decode()
        port = int(line.partition("127.0.0.1:")[2].partition(";")[0])
        with (
            socket.create_connection(("127.0.0.1", port)) as connection,
            connection.makefile("rb") as reading,
            connection.makefile("wb") as writing,
        ):
            one = Editor(reading, writing)
            one.launch("sample.txt")
            one.ask("disconnect")
        assert child.wait(60) == 0


@pytest.mark.slow
def test_a_real_editor_steps_stops_edits_and_goes_back(tmp_path: Path) -> None:
    emacs = shutil.which("emacs")
    if emacs is None or not list(Path("/usr/share/emacs/site-lisp/elpa").glob("dap-mode-*")):
        pytest.skip("there is no Emacs with dap-mode")
    (tmp_path / "t.txt").write_text("The movie was not bad\n")
    client = Path(__file__).with_name("emacs_client.el")
    done = subprocess.run(
        [emacs, "--batch", "-Q", "-l", str(client), sys.executable, str(tmp_path / "t.txt")],
        capture_output=True, text=True, timeout=240, env={**os.environ, "HOME": str(tmp_path)}, cwd=tmp_path,
    )  # fmt: skip
    told = dict(line.split(": ", 1) for line in done.stdout.splitlines() if ": " in line)
    typed = lstm_tui.session("The movie was not bad", "sentiment")
    typed.execute("start")
    lines = {one.name: one.line for one in load_cell("lstm").equations}
    assert told["entry"] == told["reverse"] == f"before the first equation, line {lines['f']}"
    assert told["over"] == told["back"] == f"f = sigmoid(W_f @ x + U_f @ h + b_f), line {lines['f']}"
    assert told["in"] == f"i = sigmoid(W_i @ x + U_i @ h + b_i)   (op 1 of 5), line {lines['i']}"
    assert told["breakpoint"] == f"c = f * c + i * g, line {lines['c']}"
    typed.execute("until c")
    assert float(told["value"]) == pytest.approx(typed.value("mean(f)"), abs=1e-4)
    assert told["edit"] == typed.execute("set f[3] = 0").splitlines()[0]
