"""Each op of a program of one step: it opens as the file gives it, or what it does that has no equation is said."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from campaigns.step_graphs import HIDDEN, WIDTH, Hand, StepCase, compared, recorded, scan
from test_step_graphs import STATE, opened, plain, refused

from lstm_tui.engine.errors import UserError
from lstm_tui.formats.importers.import_report import ImportReport
from lstm_tui.formats.importers.program.graph import UnsupportedNode
from lstm_tui.formats.importers.step_graphs import lower, tried
from lstm_tui.formats.importers.step_graphs.lower import Lowering
from lstm_tui.formats.importers.step_graphs.plan import StepProgram
from lstm_tui.formats.importers.torch.program_builder import Budget, ProgramBuilder, TensorRef
from lstm_tui.formats.importers.torch.program_ops import call

pytest.importorskip("onnx")
ROW = (1, HIDDEN)
NOT_A_PAGE = ", so its step cannot be written as a page of equations"
Node = tuple[Any, ...]
"""The kind of a node, its inputs, its outputs, and its attributes by name where it has any."""


def put(hand: Hand, nodes: list[Node]) -> Hand:
    for kind, inputs, outputs, *given in nodes:
        hand.node(kind, inputs, outputs, **(given[0] if given else {}))
    return hand


def at_hand() -> Hand:
    """Return a plain layer beside constants that a node may read; the new state `h_out` is not made yet."""
    hand = plain()
    hand.weight("k", *ROW)
    for name, sizes in (("square", (HIDDEN, HIDDEN)), ("row", (HIDDEN,)), ("kernel", (2, 2, 3)), ("two", (2,))):
        hand.weight(name, *sizes)
    for name, number in (
        ("zero", 0.0),
        ("half", 0.5),
        ("third", 3.0),
        ("least", -0.3),
        ("most", 0.4),
        ("minus", -2.0),
        ("inf", np.inf),
    ):
        hand.weight(name, numbers=number)
    hand.weight("minus", numbers=-2.0)
    for name, numbers in (
        ("first", (0,)), ("last", (1,)), ("flat", ROW), ("cube", (1, 2, 4)), ("wide", (2, 4)), ("tall", (4, 2)),
        ("both", (0, 1)), ("end", (HIDDEN,)), ("turned", tuple(range(HIDDEN))[::-1]), ("begin", (2,)),
        ("stop", (HIDDEN + 2,)), ("pads", (0, 1, 0, 1)), ("twice", (1, 2)), ("times", (1, 40_000)),
        ("much", (1, 40_000, HIDDEN)), ("image", (1, 4, 1, 2)), ("picture", (1, 1, 2, 4)),
    ):  # fmt: skip
        hand.index(name, *numbers)
    order = np.arange(HIDDEN)[::-1]
    hand.weight("elements", numbers=order[None], kind=np.int64)
    hand.weight("places", numbers=order[:, None], kind=np.int64)
    hand.weight("variance", numbers=np.linspace(0.1, 1.0, HIDDEN))
    return hand


def one(kind: str, reads: str = "s", **attributes: Any) -> list[Node]:
    """Return an op of the row, and what follows it."""
    return [(kind, reads, "t", attributes), ("Add", "t h", "u"), ("Tanh", "u", "h_out")]


def of_positive(kind: str, reads: str = "p") -> list[Node]:
    return [("Sigmoid", "s", "p"), *one(kind, reads)]


def by_truth(kind: str, reads: str = "s h") -> list[Node]:
    return [("Greater", "s zero", "g"), ("Less", "h half", "l"), (kind, reads, "c"), ("Where", "c s h", "h_out")]


def reduced(kind: str) -> list[list[Node]]:
    """Return a reduction of the row and of parts of it, kept as an axis and not."""
    by_part: list[Node] = [("Sigmoid", "s", "p"), ("Reshape", "p wide", "w")]
    after: list[Node] = [("Mul", "w t", "m"), ("Reshape", "m flat", "h_out")]
    return [
        of_positive(kind, "p last"),
        of_positive(kind),
        [("Sigmoid", "s", "p"), *one(kind, "p both", keepdims=0)],
        [*by_part, (kind, "w last", "t"), *after],
        [*by_part, (kind, "w first", "t", {"keepdims": 0}), *after],
    ]


def cubed(kind: str, reads: str, *after: Node, **attributes: Any) -> list[Node]:
    """Return an op of two channels of four places each."""
    return [("Reshape", "s cube", "c"), (kind, f"c{reads}", "t", attributes), *after]


BACK: list[Node] = [("Reshape", "t flat", "u"), ("Tanh", "u", "h_out")]
SPREAD: list[Node] = [("Mul", "c t", "m"), ("Reshape", "m flat", "u"), ("Tanh", "u", "h_out")]
WIDE: Node = ("Reshape", "s wide", "w")
OPS: dict[str, list[list[Node]]] = {
    **{kind: [of_positive(kind)] for kind in (*lower._FUNCTIONS, *lower._MACROS, *sorted(lower._SAME))},
    **{kind: [one(kind, "s h"), one(kind, "s k"), one(kind, "k s")] for kind in ("Add", "Sub", "Mul")},
    "Div": [[("Exp", "h", "e"), *one("Div", "s e")], one("Div", "s third"), [("Exp", "s", "e"), *one("Div", "k e")]],
    **{kind: [one(kind, "s h k"), one(kind, "s h"), one(kind)] for kind in lower._FOLDED},
    **{kind: [by_truth(kind, "g l")] for kind in ("And", "Or", "Xor")},
    "Not": [by_truth("Not", "g")],
    **{kind: [by_truth(kind), by_truth(kind, "s zero")] for kind in sorted(lower._COMPARED - {"NotEqual"})},
    **{kind: reduced(kind) for kind in sorted(lower._REDUCED)},
    "Conv": [cubed("Conv", " kernel two", *BACK, pads=[1, 1]), cubed("Conv", " kernel", *BACK, pads=[1, 1])],
    "AveragePool": [cubed("AveragePool", "", *BACK, kernel_shape=[3], pads=[1, 1])],
    "GlobalAveragePool": [cubed("GlobalAveragePool", "", *SPREAD)],
    "Clip": [one("Clip", "s least most"), one("Clip", "s least"), one("Clip", "s - most")],
    "Pow": [of_positive("Pow", f"p {n}") for n in ("half", "third", "minus")],
    "PRelu": [one("PRelu", "s row"), one("PRelu", "s h")],
    "BatchNormalization": [one("BatchNormalization", "s row row row variance", epsilon=0.1)],
    "Softmax": [one("Softmax"), [WIDE, ("Softmax", "w", "t", {"axis": 0}), *BACK]],
    "LogSoftmax": [one("LogSoftmax"), [WIDE, ("LogSoftmax", "w", "t", {"axis": 0}), *BACK]],
    "LayerNormalization": [one("LayerNormalization", "s row row"), one("LayerNormalization", "s row", epsilon=0.3)],
    "RMSNormalization": [one("RMSNormalization", "s row"), one("RMSNormalization", "s row", epsilon=0.3)],
    "InstanceNormalization": [cubed("InstanceNormalization", " two two", *BACK, epsilon=0.3)],
    "MatMul": [
        one("MatMul", "s square"),
        [("Transpose", "h", "c"), ("MatMul", "s c", "t"), ("Mul", "t h", "h_out")],
        [("Transpose", "h", "c"), ("MatMul", "c s", "t"), ("MatMul", "h t", "h_out")],
        [WIDE, ("Reshape", "h tall", "v"), ("MatMul", "w v", "m"), ("MatMul", "m w", "t"), *BACK],
        [("Transpose", "s", "c"), ("MatMul", "square c", "t"), *BACK],
        [("Reshape", "s cube", "c"), ("Reshape", "h cube", "d"), ("Transpose", "d", "e", {"perm": [0, 2, 1]}),
         ("MatMul", "c e", "m"), ("MatMul", "m c", "t"), *BACK],
    ],
    "Gemm": [
        one("Gemm", "s square row", alpha=0.5, beta=2.0),
        one("Gemm", "s square h", transB=1, beta=-1.0),
        [("Transpose", "s", "c"), *one("Gemm", "c square", transA=1)],
    ],
    "Einsum": [one("Einsum", "s square", equation="ab,bc->ac"), one("Einsum", "square s", equation="ab,cb->ca")],
    "Where": [by_truth("Identity", "g"), [("Greater", "s h", "g"), ("Where", "g s k", "h_out")]],
    "Concat": [
        [("Concat", beside, "c", {"axis": 1}), ("Slice", "c begin stop last", "t"), *BACK]
        for beside in ("s h", "s k", "k s")
    ],
    "Slice": [[("Concat", "s s", "c", {"axis": 1}), ("Slice", "c begin stop last", "t"), *BACK]],
    "Expand": [[WIDE, ("ReduceMean", "w last", "m"), ("Expand", "m wide", "t"), *BACK]],
    "Flatten": [[("Reshape", "s cube", "c"), ("Flatten", "c", "t"), *BACK]],
    "Gather": [one("Gather", "s turned", axis=1)],
    "GatherElements": [one("GatherElements", "s elements", axis=1)],
    "GatherND": [[("Transpose", "s", "c"), ("GatherND", "c places", "t"), *BACK]],
    "Pad": [
        [("Pad", "s pads zero", "c"), ("Slice", "c begin stop last", "t"), *BACK],
        [("Pad", "s pads zero", "c"), ("ReduceL2", "c last", "t"), ("Add", "t h", "h_out")],
        [("Pad", "s pads half", "c"), ("Softmax", "c", "d"), ("Slice", "d begin stop last", "t"), *BACK],
    ],
    "Reshape": [[("Reshape", "s tall", "t"), *BACK]],
    "Split": [[("Split", "s", "p q", {"axis": 1, "num_outputs": 2}), ("Concat", "q p", "t", {"axis": 1}), *BACK]],
    "Squeeze": [[("Squeeze", "s first", "v"), ("Unsqueeze", "v first", "t"), *BACK]],
    "Tile": [[("Tile", "s twice", "c"), ("Slice", "c begin stop last", "t"), *BACK]],
    "Transpose": [[WIDE, ("Transpose", "w", "t"), *BACK]],
    "Unsqueeze": [[("Unsqueeze", "s first", "v"), ("Squeeze", "v first", "t"), *BACK]],
    "DepthToSpace": [[("Reshape", "s image", "c"), ("DepthToSpace", "c", "t", {"blocksize": 2}), *BACK]],
    "SpaceToDepth": [[("Reshape", "s picture", "c"), ("SpaceToDepth", "c", "t", {"blocksize": 2}), *BACK]],
}  # fmt: skip
OF_TORCH = {"NotEqual", "GroupNormalization"}
"""Ops that programs of PyTorch have, and ONNX has not, or otherwise."""
SINCE = {"RMSNormalization": 23}
"""The version of ONNX's operators that has an op, where it is not 18."""


def test_every_op_that_has_an_equation_is_tried() -> None:
    known = (lower._FUNCTIONS, lower._MACROS, lower._SIGNS, lower._FOLDED, lower._SAME, lower._TRUTHS, lower._COMPARED,
             lower._REDUCED, lower._BY_PLACE, lower._METHODS, lower._MOVES)  # fmt: skip
    assert set(OPS) == {kind for those in known for kind in those} - OF_TORCH


@pytest.mark.parametrize(("kind", "n"), [(kind, n) for kind, forms in OPS.items() for n in range(len(forms))])
def test_an_op_gives_in_its_page_what_it_gives_in_the_file(kind: str, n: int, tmp_path: Path) -> None:
    """Whoever runs the file: onnx, by which it is understood, and onnxruntime."""
    import onnx

    if SINCE.get(kind, 0) > onnx.defs.onnx_opset_version():
        pytest.skip("this onnx has no such operator")
    data = put(at_hand(), OPS[kind][n]).model(STATE, {"h_out": ROW}, SINCE.get(kind, 18))
    file = opened(tmp_path, data)
    assert [fact.how for fact in file.report.facts if fact.key == "compared"] == ["confirmed"]
    assert file.network.front is None
    if find_spec("onnxruntime") is not None:
        case = StepCase(kind, lambda: data, {"h": "h_out"})
        distance, _ = compared(tmp_path / "graph.onnx", {}, recorded(case, data, 3))
        assert distance < 1e-5


def loop(trips: int) -> Callable[[Hand], Any]:
    """Return what runs the function of a state so many times, and gives each number on the way."""

    def made(hand: Hand) -> None:
        body = Hand(2)
        body.node("Identity", "going", "goes_on")
        body.node("Tanh", "v", "v_next")
        body.node("Identity", "v_next", "each")
        ends = {"i": ("INT64",), "going": ("BOOL",), "v": ROW}, {"goes_on": ("BOOL",), "v_next": ROW, "each": ROW}
        hand.weight("yes", numbers=True, kind=np.bool_)
        hand.index("trips", trips)
        hand.node("Loop", "trips yes s", "h_out all", body=body.graph(*ends, "body"))

    return made


TRUTH: list[Node] = [("Gather", "h first", "h0", {"axis": 1}), ("Reshape", "h0 last", "h1"),
                     ("Greater", "h1 zero", "g"), ("Cast", "g", "live", {"to": 7})]  # fmt: skip
REFUSED: dict[str, tuple[list[Node] | Callable[[Hand], Any], str]] = {
    "a slice by a state": ([*TRUTH, ("Slice", "s live end last", "t"), ("ReduceSum", "t last", "u"),
                            ("Add", "u h", "h_out")],
                           "(Slice) moves numbers to where the input or a state says"),
    "a place by a state": ([*TRUTH, *one("Gather", "s live", axis=1)],
                           "(Gather) moves numbers to where the input or a state says"),
    "whole numbers": ([*TRUTH, ("Add", "live last", "n"), ("Cast", "n", "f", {"to": 1}), ("Add", "f h", "h_out")],
                      "(Add) computes with whole numbers, which have no equation"),
    "a loop that is not run": (loop(0), "(Loop) is not run once"),
    "a loop of many trips": (loop(65), "(Loop) is run more than 64 times a step"),
    "many numbers": ([("Tile", "s times", "c"), ("Reshape", "c much", "d"), ("ReduceMean", "d last", "t"), *BACK],
                     "(Tile) makes more than 131072 numbers a step"),
    "what is not finite": ([("Greater", "s h", "g"), ("Where", "g s inf", "h_out")],
                           "(Where) puts numbers that are not finite in the place of others"),
    "limits by a state": (one("Clip", "s h"), "(Clip) has limits that are not constant"),
    "a norm by a state": (one("BatchNormalization", "s h row row variance"),
                          "(BatchNormalization) has numbers that are not constant"),
    "a kernel by a state": ([("Reshape", "h cube", "d"),
                             *cubed("Conv", " d", ("ReduceSum", "t", "w", {"keepdims": 0}), ("Add", "w h", "h_out"))],
                            "(Conv) has weights that are not constant, or more than one row"),
    "two factors": (one("Einsum", "s h", equation="ab,ab->ab"), "(Einsum) has no equation here"),
    "three factors": (one("Einsum", "s row row", equation="ab,b,b->ab"), "(Einsum) has no equation here"),
    "a power by a state": (of_positive("Pow", "p h"), "(Pow) has a power that is not one number"),
    "an odd power": (of_positive("Pow", "p inf"), "(Pow) takes the power inf, which has no equation"),
    "rounding": (one("Floor"), "(Floor) has no equation here"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_equation_is_said_of_the_node(name: str, tmp_path: Path) -> None:
    nodes, said = REFUSED[name]
    hand = at_hand()
    if callable(nodes):
        nodes(hand)
    else:
        put(hand, nodes)
    assert refused(tmp_path, hand).endswith(f"{said}{NOT_A_PAGE}")


def test_an_op_of_another_domain_has_no_equation() -> None:
    node = SimpleNamespace(domain="com.acme", op_type="Tanh", name="n", input=["x"], output=["y"])
    with pytest.raises(UnsupportedNode, match=r"n \(com\.acme\.Tanh\) has no equation here"):
        Lowering(SimpleNamespace(constants={})).run([node])  # type: ignore[arg-type]


def by_state(tables: int, reads: str = "") -> Hand:
    """Return what looks ids up that a state moves on."""
    hand = put(Hand(1), [("Gather", "h first", "h0", {"axis": 1}), ("Reshape", "h0 one", "h1")])
    hand.index("first", 0)
    hand.index("one", 1)
    put(hand, [("Cast", "h1", "moved", {"to": 7}), ("Add", "i moved", "at")])
    for n in range(tables):
        hand.weight(f"E{n}", 7, HIDDEN)
        hand.node("Gather", f"E{n} at", f"e{n}")
    hand.node("Sum", " ".join(["h", *(f"e{n}" for n in range(tables)), *reads.split()]), "u")
    hand.node("Tanh", "u", "h_out")
    return hand


def two_ids() -> Hand:
    hand = Hand(1)
    hand.weight("E", 7, WIDTH)
    put(hand, [("Gather", "E i", "e"), ("Gather", "E j", "f"), ("Add", "e f", "x")])
    return put(plain(hand=hand), [("Tanh", "s", "h_out")])


def meaned(width: int) -> Hand:
    """Return what reads a row of so many numbers, and takes their mean."""
    hand = Hand(1)
    hand.index("row", 1, width)
    hand.index("last", 1)
    return put(hand, [("Reshape", "x row", "y"), ("ReduceMean", "y last", "m"), ("Add", "h m", "u"),
                      ("Tanh", "u", "h_out")])  # fmt: skip


IDS = ("INT64", 1)
INPUTS: dict[str, tuple[Callable[[], Hand], Mapping[str, Any], Mapping[str, str], str]] = {
    "two ids": (two_ids, {"i": IDS, "j": IDS, "h": ROW}, {}, "reads i and j, both ids"),
    "two tables": (lambda: by_state(2), {"i": IDS, "h": ROW}, {}, f"the ids i are looked up in 2 tables{NOT_A_PAGE}"),
    "ids and numbers": (lambda: by_state(1, "x"), {"i": IDS, "h": ROW, "x": ROW}, {"state__x": "none"},
                        f"the step reads ids (i) and numbers (x) at once{NOT_A_PAGE}"),
    "a width that is none": (lambda: meaned(12), {"x": (1, "width"), "h": ROW}, {"input__x__width": "abc"},
                             "--set input.x.width=abc is no whole number such as 512"),
    "a width of nothing": (lambda: meaned(12), {"x": (1, "width"), "h": ROW}, {"input__x__width": "0"},
                           "--set input.x.width=0 is no whole number such as 512"),
    "an odd width": (lambda: meaned(7919), {"x": (1, "width"), "h": ROW}, {},
                     "the width of x is free in the file; --set input.x.width=512 says it"),
}  # fmt: skip


@pytest.mark.parametrize("name", INPUTS)
def test_what_goes_in_and_is_not_told_apart_is_named(name: str, tmp_path: Path) -> None:
    hand, inputs, settings, said = INPUTS[name]
    assert refused(tmp_path, hand(), inputs, **settings).endswith(f"graph.onnx: {said}")


@pytest.mark.parametrize("width", [1, 9, 30])
def test_a_width_that_the_file_leaves_free_is_said_by_the_user(width: int, tmp_path: Path) -> None:
    hand = Hand(1)
    hand.index("last", 1)
    put(hand, [("ReduceMean", "x last", "m"), ("Add", "h m", "u"), ("Tanh", "u", "h_out")])
    data = hand.model({"x": (1, "width"), "h": ROW}, {"h_out": ROW})
    file = opened(tmp_path, data, input__x__width=str(width))
    assert (file.network.input_size, file.network.front) == (width, None)
    assert "batch" not in {fact.key for fact in file.report.facts}


def test_a_frame_of_another_size_is_refused(tmp_path: Path) -> None:
    hand = Hand(1)
    hand.weight("W", WIDTH, HIDDEN)
    put(hand, [("MatMul", "x W", "a"), ("Floor", "a", "f"), ("Add", "f h", "u"), ("Tanh", "u", "h_out")])
    front = opened(tmp_path, hand.model(STATE, {"h_out": ROW})).network.front
    assert front is not None
    assert front.run({"x": np.ones((2, WIDTH))}).shape == (2, HIDDEN)
    with pytest.raises(UserError, match=f"x has {WIDTH} numbers a step, and {WIDTH + 1} are given"):
        front.run({"x": np.ones((2, WIDTH + 1))})


def test_a_page_is_tried_beside_the_file_before_it_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = put(plain(), [("Tanh", "s", "h_out")]).model(STATE, {"h_out": ROW})

    def fails(*_: Any) -> Any:
        raise UnsupportedNode("a node is not run here")

    with monkeypatch.context() as patch:
        patch.setattr(tried.StepTrial, "stepped", fails)
        with pytest.raises(UserError, match=r"graph\.onnx: a node is not run here, so it cannot be tried"):
            opened(tmp_path, data)
    with pytest.raises(UserError, match="f: y has 2 numbers a step, and the page that was made has 3"):
        tried._check(np.zeros((4, 3)), np.zeros((4, 2)), "y", "f", False)
    with pytest.raises(UserError, match="f: y is not finite for what was tried"):
        tried._check(np.zeros((4, 2)), np.full((4, 2), np.nan), "y", "f", False)


def test_a_loop_that_gives_something_else_over_a_series_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = tried.StepTrial.stepped

    def otherwise(self: tried.StepTrial, inputs: Any) -> Any:
        return [{name: array + 1 for name, array in step.items()} for step in whole(self, inputs)]

    assert opened(tmp_path, scan()).network
    monkeypatch.setattr(tried.StepTrial, "stepped", otherwise)
    with pytest.raises(UserError, match=r"the loop gives .+ otherwise over a series than trip by trip"):
        opened(tmp_path, scan())


def of_torch(kind: str, b: ProgramBuilder, s: TensorRef, h: TensorRef) -> Any:
    """Return what an op that programs of PyTorch have makes of a row."""
    scale, shift = (b.constant(np.linspace(low, 1.5, HIDDEN).astype(np.float32)) for low in (-1, 0.3))
    if kind == "NotEqual":
        zero = b.constant(np.zeros(1, np.float32))
        apart = call(b, "ne", [call(b, "relu", [s], {}), zero], {})
        return call(b, "where", [apart, s, h], {})
    return call(b, "group_norm", [s, 2, scale, shift, 1e-2], {})


@pytest.mark.parametrize("kind", sorted(OF_TORCH))
def test_an_op_of_pytorch_gives_in_its_page_what_the_program_gives(kind: str) -> None:
    b = ProgramBuilder(Budget(), one_step=True)
    random = np.random.default_rng(5)
    x, h = (TensorRef(name, random.normal(size=(1, width)).astype(np.float32), True)
            for name, width in (("x", WIDTH), ("h", HIDDEN)))  # fmt: skip
    b.inputs |= {"x": (1, (1, WIDTH)), "h": (1, (1, HIDDEN))}
    weights = [b.constant(random.normal(size=(HIDDEN, width)).astype(np.float32)) for width in (WIDTH, HIDDEN)]
    s = call(b, "add", [call(b, "linear", [one, w], {}) for one, w in zip((x, h), weights, strict=True)], {})
    b.outputs.append(call(b, "tanh", [of_torch(kind, b, s, h)], {}).name)
    assert kind in {node.op_type for node in b.nodes}
    report = ImportReport("f")
    StepProgram(b.graph(), "f").plan(report)
    assert [fact.how for fact in report.facts if fact.key == "compared"] == ["confirmed"]
