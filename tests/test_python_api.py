"""`import lstm_tui` as a library."""

from __future__ import annotations

import copy
import io
import pickle
import sys
import types
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from present import present
from shown import is_one_safe_line

import lstm_tui
from lstm_tui.cli import main
from lstm_tui.engine.compiler.ops import EVERY_OP, STEPS_OPS
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.network import build_network
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.model.tokens import Tokens
from lstm_tui.engine.runtime.run import run
from lstm_tui.formats.importers.native import save
from lstm_tui.formats.importers.untrained import Untrained, untrained
from lstm_tui.formats.traces import trace_file
from lstm_tui.formats.verify import verification
from lstm_tui.models import bundled_names

TEXT = untrained(Untrained(hidden=3, bidirectional=True), Tokens("words", ("<unk>", "The", "movie")))
NUMBERS = untrained(Untrained("gru", 2), None, 2)


def test_a_text_is_traced() -> None:
    trace = lstm_tui.trace("The movie was bad", TEXT)
    assert isinstance(trace, lstm_tui.Trace)
    forget = trace["layer0.forward"]["f"]
    assert forget.shape == (4, 3)
    assert forget.dtype == np.float32
    assert trace.sequence.unknown == (2, 3)
    assert (trace.sequence.file, trace.sequence.line) == (None, 1)


def test_a_file_is_traced_by_line_or_whole(tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    path.write_text("The movie\n\nThe end of it\n")
    assert len(lstm_tui.trace(path, TEXT).sequence) == 2
    assert len(lstm_tui.trace(path, TEXT, line=3).sequence) == 4
    assert len(lstm_tui.trace(str(path), TEXT, whole=True).sequence) == 6
    with pytest.raises(UserError, match="line 2 is empty"):
        lstm_tui.trace(path, TEXT, line=2)


def test_rows_of_numbers_are_traced() -> None:
    rows = [[1, 2], [3, 4], [5, 6]]
    for given in (rows, np.array(rows), np.array(rows, dtype=np.float32)):
        assert lstm_tui.trace(given, NUMBERS)["layer0.forward"]["h"].shape == (3, 2)
    double = lstm_tui.trace(rows, NUMBERS, dtype="float64")
    assert double["layer0.forward"]["h"].dtype == np.float64


def test_a_model_is_a_network_or_a_file(tmp_path: Path) -> None:
    path = tmp_path / "n.safetensors"
    save(NUMBERS, path)
    network = lstm_tui.load(path)
    assert isinstance(network, lstm_tui.Network)
    traces = [lstm_tui.trace([[1, 2]], model) for model in (network, path, str(path))]
    assert len({trace["layer0.forward"]["h"].tobytes() for trace in traces}) == 1


def test_initial_states_are_given_by_pass() -> None:
    trace = lstm_tui.trace([[1, 2]], NUMBERS, initial={"layer0.forward": {"h": [0.5, -0.5]}})
    assert trace["layer0.forward"].initial["h"].tolist() == [0.5, -0.5]


@pytest.mark.skipif("sentiment" not in bundled_names(), reason="no network is bundled yet")
def test_the_default_models_are_the_bundled_ones() -> None:
    assert lstm_tui.trace("The movie was not bad").model["name"] == "sentiment"
    assert lstm_tui.load("sentiment").name == "sentiment"


def test_a_file_is_verified_from_python_as_by_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "MOST_TRIED", 12)  # as many in any time
    files = Path(__file__).parent / "formats" / "files"
    expected = np.load(files / "torch_expected.npz")
    h, reference = expected["lstm_both"], tmp_path / "ref.npz"
    np.savez(reference, input=expected["x"], **{"layer1.forward/h": h[:, :4], "layer1.backward/h": h[:, 4:]})
    for shift in (0.0, 0.5):
        np.savez(reference, input=expected["x"], **{"layer1.forward/h": h[:, :4] + shift})
        found = lstm_tui.verify(files / "torch_lstm_both.pt", reference)
        assert isinstance(found, lstm_tui.Verification)
        assert (found.same is False) == bool(shift)
        assert (found.first is None) == (not shift)
        main(["verify", str(files / "torch_lstm_both.pt"), "--reference", str(reference)])
        assert capsys.readouterr().out.splitlines() == str(found).splitlines()
    assert lstm_tui.verify(files / "torch_lstm_both.pt", reference, tolerance=1.0).first is None
    with pytest.raises(UserError, match="gate_order"):
        lstm_tui.verify(files / "torch_lstm_both.pt", reference, decisions={"layer0.gate_order": "none"})


def test_public_names() -> None:
    assert set(lstm_tui.__all__) <= set(dir(lstm_tui))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = vars(lstm_tui)["__getattr__"]("nothing")


def test_a_session_is_driven_by_typed_lines_and_by_methods(tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    path.write_text("The movie\n\nThe movie The\n")
    session = lstm_tui.session(path, TEXT, line=3)
    assert repr(session) == "<session at t=0 “The”, layer0.forward>"
    assert session.execute('break "The"') == 'breakpoint 1: token == "The", in layer0.forward'
    assert session.execute("continue").endswith("t=0 “The”, layer0.forward")  # nothing ran before
    assert session.execute("continue").endswith("t=2 “The”, layer0.forward")
    assert session.frame.t == 2
    assert session.execute("line 1").startswith("t=0 “The”")
    assert session.goto(1).token == "movie"
    with pytest.raises(UserError, match="no verb"):
        session.execute("nonsense")
    assert session.frame.t == 1
    before = session.frame.trace
    session.execute("set layer0.forward.f[0] @ 0 = 0")
    assert session.frame.trace is not before
    assert session.undo().trace is before


def test_a_session_begins_with_the_states_it_is_given() -> None:
    session = lstm_tui.session([[1, 2]], NUMBERS, dtype="float64", initial={"layer0.forward": {"h": [0.5, -0.5]}})
    assert session.frame.passed.initial["h"].tolist() == [0.5, -0.5]
    assert session.frame.passed["h"].dtype == np.float64


class Tensor:
    """What a tensor of PyTorch is to us: it gives no array while it is trained, stands elsewhere or is of bfloat16."""

    def __init__(self, rows: object, done: tuple[str, ...] = ()) -> None:
        self.rows, self.done = np.asarray(rows), done

    def detach(self) -> Tensor:
        return Tensor(self.rows, (*self.done, "detach"))

    def cpu(self) -> Tensor:
        return Tensor(self.rows, (*self.done, "cpu"))

    def double(self) -> Tensor:
        return Tensor(self.rows.astype(np.float64), (*self.done, "double"))

    def is_floating_point(self) -> bool:
        return True

    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
        assert self.done == ("detach", "cpu", "double")
        return self.rows


class Table:
    """What a table of pandas or polars is to us."""

    def __init__(self, rows: object) -> None:
        self.rows = rows

    def to_numpy(self) -> np.ndarray:
        return np.asarray(self.rows)


def test_tensors_and_tables_are_rows_of_numbers() -> None:
    rows = [[1, 2], [3, 4], [5, 6]]
    wanted = lstm_tui.trace(rows, NUMBERS)["layer0.forward"]["h"]
    for given in (Tensor(rows), Table(rows)):
        assert lstm_tui.trace(given, NUMBERS)["layer0.forward"]["h"].tobytes() == wanted.tobytes()


class Frame(Table):
    """What a table of polars is to us: it knows its schema without being collected, and cannot be collected."""

    def __init__(self, table: dict[str, list[float]]) -> None:
        super().__init__(list(zip(*table.values(), strict=True)))
        self.columns = list(table)

    def collect_schema(self) -> dict[str, str]:
        return {}


class Lazy:
    """What a table of polars that is not made yet is to us."""

    def collect_schema(self) -> dict[str, str]:
        return {}

    def collect(self) -> Frame:
        return Frame({"a": [1.0]})


def test_a_table_of_polars_is_read_and_one_that_is_not_made_says_how() -> None:
    trace = lstm_tui.trace(Frame({"a": [1, 3], "b": [2, 4]}), NUMBERS)
    assert np.array_equal(present(trace.sequence.x), [[1, 2], [3, 4]])
    assert trace.sequence.columns == ("a", "b")
    with pytest.raises(UserError, match=r"give what its collect\(\) returns"):
        lstm_tui.trace(Lazy(), NUMBERS)  # type: ignore[arg-type]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_columns_of_the_same_names_in_another_order_are_warned_of(order: tuple[int, ...], tmp_path: Path) -> None:
    known = lstm_tui.load("forecast")
    names = [known.classes[n] for n in order]
    table = Frame({name: [0.1, 0.2] for name in names})
    (tmp_path / "t.csv").write_text("\n".join([",".join(names), "0.1,0.1,0.1", "0.2,0.2,0.2"]))
    for given in (table, tmp_path / "t.csv"):
        said = [one for one in lstm_tui.trace(given, known).remarks if "another order" in one]
        assert len(said) == (order != (0, 1, 2))
        assert all(", ".join(names) in one and ", ".join(known.classes) in one for one in said)
    other = Frame({name: [0.1, 0.2] for name in ("a", *names[1:])})
    assert not [one for one in lstm_tui.trace(other, known).remarks if "another order" in one]


@pytest.mark.parametrize("op", [*EVERY_OP.values(), *STEPS_OPS.values()], ids=lambda op: op.name)
def test_what_computes_is_the_same_one_behind_a_pickle(op: object) -> None:
    assert pickle.loads(pickle.dumps(op)) is op


def test_runs_and_networks_go_through_a_pickle() -> None:
    for given, network in (("The movie was bad", TEXT), ([[1, 2], [3, 4]], NUMBERS), ("The movie", "sentiment")):
        trace = lstm_tui.trace(given, network)
        again = pickle.loads(pickle.dumps(trace))
        for one in (again, lstm_tui.trace(given, again.network)):
            for name, passed in trace.items():
                for value, series in passed.items():
                    assert one[name][value].tobytes() == series.tobytes()


def test_a_tensor_of_pytorch_is_rows_of_numbers() -> None:
    torch = pytest.importorskip("torch")
    wanted = lstm_tui.trace([[1, 2], [3, 4]], NUMBERS)["layer0.forward"]["h"]
    for dtype in (torch.float32, torch.bfloat16, torch.int64):
        given = torch.tensor([[1, 2], [3, 4]], dtype=dtype, requires_grad=dtype != torch.int64)
        assert lstm_tui.trace(given, NUMBERS)["layer0.forward"]["h"].tobytes() == wanted.tobytes()


def test_lists_of_different_lengths_are_refused_in_a_line() -> None:
    with pytest.raises(lstm_tui.UserError, match="the array"):
        lstm_tui.trace([[1, 2], [3]], NUMBERS)


@pytest.mark.parametrize("name", bundled_names())
def test_a_network_and_its_trace_say_what_they_are_in_a_few_safe_lines(name: str) -> None:
    network = lstm_tui.load(name)
    source = "bad" if network.tokens is not None else np.zeros((3, network.input_size))
    trace = lstm_tui.trace(source, network)
    for one in (network, trace, *trace.values()):
        told = repr(one)
        assert len(told) < 1000
        assert len(told.splitlines()) <= 20
        assert all(is_one_safe_line(line) for line in told.splitlines())
    assert f"{network.parameter_count:,} parameters" in repr(network)
    lines = repr(network).split("\n")
    for n, layer in enumerate(network.layers):
        first = layer.passes[0]
        units = f"{first.program.hidden_size} unit{'s' * (first.program.hidden_size > 1)}"
        directions = " and ".join(one.direction for one in layer.passes)
        assert f"  layer{n} {first.cell.name}, {units}, {directions}" in lines
    for passed in trace.values():
        for value, series in passed.items():
            assert any(value in part.split() and part.endswith(str(series.shape)) for part in _parts(repr(passed)))


def _parts(told: str) -> list[str]:
    """Return the values that a pass tells of, those of one shape together."""
    return [part + ")" for part in told.partition("; ")[2].removesuffix(">").removesuffix(")").split("), ")]


def test_names_from_strangers_are_shown_safely() -> None:
    strange = Tokens("words", ("<unk>", "\x1b[2J", "\u202e"))
    network = untrained(Untrained(hidden=2), strange)
    told = repr(lstm_tui.trace("\x1b[2J \u202e", network))
    assert all(is_one_safe_line(line) for line in told.splitlines())


def test_the_types_are_shipped() -> None:
    assert (Path(lstm_tui.__file__).parent / "py.typed").exists()


def test_a_trace_is_asked_by_token_and_by_place() -> None:
    trace = lstm_tui.trace("The movie was not bad , Not bad", "sentiment")
    assert trace.places("not") == (3, 6)
    assert trace.places("nott") == ()
    for where, t in (("BAD", 4), (4, 4), (-1, 7)):
        found = trace.at(where)
        assert list(found) == list(trace)
        for name, values in found.items():
            assert list(values) == list(trace[name])
            for value, row in values.items():
                np.testing.assert_array_equal(row, trace[name][value][t])
    for wrong, said in (("movi", "did you mean “movie”"), (8, "it has 8 tokens"), (-9, "it has 8 tokens")):
        with pytest.raises(UserError, match=said):
            trace.at(wrong)


def test_a_trace_is_a_table_of_columns() -> None:
    trace = lstm_tui.trace("The movie was bad", TEXT)
    table = trace.table(["c", "h"])
    assert list(table)[:2] == ["t", "token"]
    assert len(table) == 2 + 2 * 2 * 3
    assert {len(column) for column in table.values()} == {4}
    assert list(table["token"]) == ["The", "movie", "was", "bad"]
    for name in trace:
        for unit in range(3):
            np.testing.assert_array_equal(table[f"{name}.c[{unit}]"], trace[name]["c"][:, unit])
    assert len(trace.table()) == 2 + sum(series.shape[1] for passed in trace.values() for series in passed.values())
    with pytest.raises(UserError, match=r"no pass has a value cc; did you mean c"):
        trace.table(["cc"])
    pandas = pytest.importorskip("pandas")
    assert pandas.DataFrame(table).shape == (4, 14)


def test_a_table_is_of_the_library_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    class Frame(types.ModuleType):
        def DataFrame(self, columns: dict[str, np.ndarray]) -> tuple[str, list[str]]:
            return self.__name__, list(columns)

    trace = lstm_tui.trace("The movie", TEXT)
    for missing, wanted in (((), "pandas"), (("pandas",), "polars")):
        for name in ("pandas", "polars"):
            monkeypatch.setitem(sys.modules, name, None if name in missing else Frame(name))
        assert trace.to_frame(["c"]) == (wanted, list(trace.table(["c"])))
    for name in ("pandas", "polars"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UserError, match="needs pandas or polars"):
        trace.to_frame()


def test_a_value_is_asked_by_its_token_and_is_an_array_in_all_else() -> None:
    trace = lstm_tui.trace("The movie was bad The", TEXT)
    memory = trace["layer0.forward"]["c"]
    assert isinstance(memory, lstm_tui.ValueArray)
    plain = np.array(memory)
    for where, t in (("The", 0), ("movie", 1), (-1, 4), (np.int64(2), 2)):
        assert memory.at(where).tobytes() == plain[t].tobytes()
        assert trace["layer0.forward"].at(where)["c"].tobytes() == plain[t].tobytes()
    for made in (
        memory[1:],
        memory + 1,
        memory * memory,
        memory.sum(axis=0),
        np.tanh(memory),
        memory[0],
        np.array(memory),
    ):
        assert type(made) is np.ndarray
    assert isinstance(memory.max(), np.floating)
    for copied in (memory.copy(), memory.T, copy.deepcopy(memory)):
        assert np.array_equal(np.sort(np.ravel(copied)), np.sort(np.ravel(plain)))
        with pytest.raises(UserError, match="knows no tape"):
            lstm_tui.ValueArray.at(copied.view(lstm_tui.ValueArray), "The")
    assert type(pickle.loads(pickle.dumps(memory))) is np.ndarray
    assert repr(memory) == repr(plain)
    with pytest.raises(ValueError, match="read-only"):
        memory[0, 0] = 1
    with pytest.raises(UserError, match=r"no “movi” on this tape; did you mean “movie”\?"):
        memory.at("movi")
    for wrong in (1.5, None, 99):
        with pytest.raises(UserError) as told:
            memory.at(wrong)  # type: ignore[arg-type]
        assert is_one_safe_line(str(told.value))


def test_a_wrong_name_is_answered_with_the_nearest() -> None:
    trace = lstm_tui.trace("The movie", TEXT)
    for wrong, said in (
        ("layer0.foward", "layer0.forward"),
        ("layer0", "both ways"),
        (7, "layer0.forward"),
        (None, "layer0"),
    ):
        with pytest.raises(UserError, match=said) as told:
            trace[wrong]  # type: ignore[index]
        assert isinstance(told.value, KeyError)
        assert is_one_safe_line(str(told.value))
    with pytest.raises(UserError, match=r"layer0\.forward has no value cc; did you mean c\?"):
        trace[0]["cc"]
    assert trace[1] is trace["layer0.backward"]
    assert trace[-1] is trace[1]
    assert "layer0" not in trace
    assert trace.get("layer1") is None
    assert lstm_tui.trace([[1, 2]], NUMBERS)["layer0"].name == "layer0.forward"
    with pytest.raises(AttributeError, match=r"did you mean lstm_tui\.load"):
        vars(lstm_tui)["__getattr__"]("laod")


def test_one_run_is_another_whatever_its_numbers_are() -> None:
    one, other = (lstm_tui.trace("The movie", TEXT) for _ in range(2))
    assert one == one
    assert one != other
    assert one[0] != other[0]
    assert len({one, other, one[0]}) == 3


def test_a_run_is_one_array_and_one_table() -> None:
    trace = lstm_tui.trace("The movie was bad", TEXT)
    columns = [column for name, column in trace.table().items() if name not in ("t", "token")]
    assert np.array_equal(np.asarray(trace), np.stack(columns, axis=1))
    assert np.asarray(trace[0], dtype=np.float64).dtype == np.float64
    assert list(trace[0].table("h")) == ["t", "token", "h[0]", "h[1]", "h[2]"]
    assert list(trace.table(["h"]))[5] == "layer0.backward.h[0]"
    with pytest.raises(UserError, match="no pass has a value cc; did you mean c"):
        trace.to_frame("cc")
    with pytest.raises(UserError, match="pandas or polars"):
        trace.to_frame(library="excel")  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_tables_hold_the_numbers_and_are_read_again(library: Any) -> None:
    module = pytest.importorskip(library)
    trace = lstm_tui.trace("The movie was bad", TEXT)
    tables = [one.to_frame(library=library) for one in (trace, trace[0], trace[0]["c"], lstm_tui.ledger(trace))]
    for made in tables:
        assert isinstance(made, module.DataFrame)
        assert list(made["token"]) == list(trace.sequence.tokens)
    assert np.array_equal(trace.to_frame(["h"], library)["layer0.forward.h[1]"].to_numpy(), trace[0]["h"][:, 1])
    rows = module.DataFrame({"a": [1.0, 2.0], "b": [3, 4]})
    assert np.array_equal(present(lstm_tui.trace(rows, NUMBERS).sequence.x), [[1, 3], [2, 4]])
    with pytest.raises(UserError, match=r"column 'b' holds a str, not a number|holds texts"):
        lstm_tui.trace(module.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]}), NUMBERS)


@pytest.mark.slow
def test_a_run_is_a_data_set() -> None:
    pytest.importorskip("xarray")
    trace = lstm_tui.trace("The movie was bad", TEXT)
    made = trace.to_xarray(["c"])
    assert list(made.data_vars) == ["layer0.forward.c", "layer0.backward.c"]
    assert made["layer0.forward.c"].dims == ("t", "layer0.forward.unit")
    assert np.array_equal(made["layer0.forward.c"].to_numpy(), trace[0]["c"])
    assert list(made["token"].to_numpy()) == list(trace.sequence.tokens)
    again = lstm_tui.trace(made["layer0.forward.c"][:, :2], NUMBERS)
    assert np.array_equal(present(again.sequence.x), trace[0]["c"][:, :2])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (None, "this is None"), ({"a": [1]}, "this is a dict"), ({1, 2}, "this is a set"), (object(), "an object"),
        (lstm_tui.load("tiny"), "a Network: give it as model"), (b"good", "a bytes: decode it"),
        ((row for row in [[1.0]]), r"give list\(…\) of it"),
        (io.BytesIO(b"x"), "a BytesIO: give the path"),
        (["The", "movie"], "holds texts"), ([[1, 2], [3]], "row 2 has 1 number, and row 1 has 2"), (5, "one number"),
        (np.array([[1, "x"]], dtype=object), "row 1, column 2 holds a str"), ([[1, 2], [3, [4]]], "of one length"),
    ],
)  # fmt: skip
def test_what_is_no_input_is_said_in_one_line(given: Any, said: str) -> None:
    with pytest.raises(UserError, match=said) as told:
        lstm_tui.trace(given, NUMBERS)
    assert is_one_safe_line(str(told.value))


@pytest.mark.parametrize("given", [None, 3, b"step", ["step"], lstm_tui.load])
def test_what_is_no_text_is_said_in_one_line_wherever_a_text_is_asked(given: Any) -> None:
    """They ended in `argument of type 'int' is not iterable`, or in `'str' object has no attribute 'tape'`."""
    session = lstm_tui.session("a film")
    for ask in (session.execute, session.evaluate, session.value, lstm_tui.ledger, lstm_tui.watch):
        with pytest.raises(UserError, match="; this is ") as told:
            ask(given)
        assert is_one_safe_line(str(told.value))


def test_what_a_table_says_is_missing_is_nan() -> None:
    given = np.array([[1, None], [2.5, type("NAType", (), {})()]], dtype=object)
    assert np.array_equal(
        present(lstm_tui.trace(given, NUMBERS).sequence.x), [[1, np.nan], [2.5, np.nan]], equal_nan=True
    )


def test_options_of_another_kind_are_said_in_one_line() -> None:
    for options in ({"dtype": "float16"}, {"line": "a"}, {"line": True}, {"interpreter": "cuda"}):
        for opening in (lstm_tui.trace, lstm_tui.session):
            with pytest.raises(UserError) as told:
                opening("The movie", TEXT, **options)
            assert is_one_safe_line(str(told.value))
    assert lstm_tui.load(TEXT) is TEXT


def test_a_session_is_asked_and_edited_from_python() -> None:
    session = lstm_tui.session("The movie was bad", TEXT)
    assert session.goto("was").t == 2
    assert session.goto(-5).t == 0
    assert session.goto(99).t == 3
    passed = session.frame.passed
    assert session.value("mean(f)") == pytest.approx(float(passed["f"][3].mean()))
    assert np.array_equal(session.value("c"), passed["c"][3].astype(np.float64))
    assert session.value("token") == "bad"
    assert session.value("f[0] > 2") is False
    assert session.value("U_f").shape == (3, 3)
    with pytest.raises(UserError):
        session.value("gibberish(")
    ledger = session.ledger()
    total = np.asarray(ledger).sum(axis=0) + ledger.start
    np.testing.assert_allclose(total, passed["c"][3], atol=1e-6)
    np.testing.assert_allclose(ledger.at("was"), ledger.by_token[2])
    session.edit("set f[0] @ 1 = 0", "set f[1] @ 1 = 0")
    assert session.history.done == 2
    with pytest.raises(UserError, match="edits nothing"):
        session.edit("info")
    assert session.compare().other is session.frame.trace
    assert session.compare().one is session.baseline


def test_what_stands_at_a_prompt_is_short_and_safe() -> None:
    network = untrained(Untrained(hidden=3), Tokens("words", ("<unk>", "\x1b[31m", *map(str, range(2_000)))))
    session = lstm_tui.session("1 2 3", network)
    trace = session.frame.trace
    session.edit("set f[0] = 0")
    many = lstm_tui.trace("1 " * 3_000, network)
    for one in (
        network, *network.layers, *network.passes, network.passes[0].cell, network.passes[0].program, network.tokens,
        trace, trace[0], trace.sequence, many, many.sequence, session, session.frame, session.source,
        session.frame.difference, session.ledger(), session.compare(), lstm_tui.load("sentiment").readout,
    ):  # fmt: skip
        assert len(repr(one)) < 600
        assert all(is_one_safe_line(line) for line in repr(one).splitlines())


def test_a_trace_file_is_opened_from_python(tmp_path: Path) -> None:
    trace = lstm_tui.trace("The movie was bad", TEXT)
    trace_file.write(trace, tmp_path / "t.npz")
    again = lstm_tui.open_trace(tmp_path / "t.npz")
    assert np.array_equal(again["layer0.forward"]["c"].at("was"), trace["layer0.forward"]["c"].at("was"))
    with pytest.raises(UserError, match="no such file"):
        lstm_tui.open_trace(tmp_path / "none.npz")


def test_a_part_of_a_long_run_is_asked_by_token() -> None:
    text = Sequence("words", ("not", *["so"] * 3_000), np.ones(3_001, np.int64))
    trace = run(lstm_tui.load("story"), text, "numba", array_bytes=0)
    assert trace.windows is not None
    memory = trace["layer0"]["c"]
    assert np.array_equal(memory.at("not"), memory[0])
    assert np.array_equal(memory.at(-1), memory[3_000])
    ledger = lstm_tui.ledger(trace, 2_500)
    assert ledger.start_name == f"tokens read before t={ledger.first}"
    with pytest.raises(UserError, match="begins at place"):
        ledger.at("not")


def test_a_memory_that_cannot_be_split_by_token_says_why() -> None:
    layers = [{"cell": "rnn", "hidden_size": 3, "directions": ["forward"]}]
    trace = lstm_tui.trace(np.ones((4, 2)), build_network({"name": "plain", "input_size": 2, "layers": layers}))
    with pytest.raises(lstm_tui.UserError) as told:
        lstm_tui.ledger(trace, 2)
    assert str(told.value) == "layer0.forward: h is computed anew at every token: it cannot be split by token."
