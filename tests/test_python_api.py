"""`import lstm_tui` as a library."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import numpy as np
import pytest
from shown import is_one_safe_line

import lstm_tui
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.tokens import Tokens
from lstm_tui.formats.importers.native import save
from lstm_tui.formats.importers.untrained import Untrained, untrained
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


def test_public_names() -> None:
    assert set(lstm_tui.__all__) <= set(dir(lstm_tui))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = lstm_tui.nothing


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
