"""Code of TorchScript that is not as PyTorch saves it: why it is not followed is said, and nothing of it is run."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_torch_programs import FROZEN, changed, line_or_network

FUNCTION = """class Last(Module):
  __parameters__ = []
  rnn : __torch__.torch.nn.modules.rnn.LSTM
  head : __torch__.torch.nn.modules.linear.Linear
  training : bool
  def forward(self: __torch__.Last,
    x: Tensor) -> Tensor:
"""
BODIES = {
    "endless": "    while True:\n      a = 1\n    return x\n",
    "endless for": "    for n in range(100000000000):\n      a = torch.add(n, 1)\n    return x\n",
    "recursive": "    return (self).forward(x, )\n",
    "huge": "    return torch.zeros([100000, 100000, 100000])\n",
    "huge range": "    a = torch.arange(100000000000000)\n    return a\n",
    "huge list": "    a = list(range(100000000000))\n    return x\n",
    "grown list": "    a = [1, 2]\n" + "    a = torch.add(a, a)\n" * 80 + "    return x\n",
    "grown text": '    a = "aa"\n' + "    a = torch.add(a, a)\n" * 80 + "    return x\n",
    "grown number": "    a = 3\n" + "    a = torch.mul(a, a)\n" * 80 + "    return x\n",
    "repeated": '    a = torch.mul("abc", 100000000000)\n    return x\n',
    "imports": "    import os\n    return x\n",
    "builtins": '    a = __import__("os").system("touch PWNED")\n    return x\n',
    "evaluated": '    a = eval("1")\n    return x\n',
    "dunder": "    a = self.__class__.__mro__\n    return x\n",
    "formatted": '    ops.prim.RaiseException(torch.format("{0.__class__}", 1), "x")\n    return x\n',
    "escape": '    ops.prim.RaiseException("\\x1b]52;c;aGk=\\x07", "x")\n    return x\n',
    "deep": "    a = " + "(" * 5000 + ")" * 5000 + "\n    return x\n",
    "nested": "    return " + "torch.relu(" * 59 + "x" + ")" * 59 + "\n",
    "chain": "    a = " + "-" * 50000 + "1\n    return x\n",
    "sum": "    a = " + "1 + " * 50000 + "1\n    return x\n",
    "dots": "    a = self" + ".a" * 50000 + "\n    return x\n",
    "comprehension": "    a = [n for n in range(10)]\n    return x\n",
    "lambda": "    a = lambda: 1\n    return x\n",
    "no code": "    return (\n",
    "unknown module": "    a = __torch__.nothing.here\n    return a(x)\n",
    "lost attribute": "    return self.nothing\n",
    "kept": "    self.a = x\n    return x\n",
    "number": "    return 1\n",
    "nothing": "    pass\n",
    "wrong axis": "    return torch.select(x, 70, 1)\n",
    "wrong kinds": '    return torch.lstm(x, 1, "a", None, [], x, {}, (), 3)\n',
    "no arguments": "    return torch.lstm()\n",
    "gone": "    return y\n",
    "depends": "    if torch.gt(torch.sum(x), 0):\n      y = torch.relu(x)\n    else:\n      y = x\n    return y\n",
    "nul": '    a = "\\0"\n    return x\n',
    "negative": "    return torch.zeros([-1, -5])\n",
    "constant": "    return CONSTANTS.c999999\n",
    "unpacked": "    a, b, c, = x\n    return a\n",
    "split": "    return torch.split(x, 0)[0]\n",
    "repeat": "    return torch.repeat(x, [100000, 100000, 100000])\n",
    "expand": "    return torch.expand(x, [100000, 100000, 100000])\n",
    "more than it takes": "    return (self).other(x, x, x)\n"
    "  def other(self: __torch__.Last,\n    x: Tensor) -> Tensor:\n    return x\n",
    "a part of a tensor": "    x[0] = 1\n    return x\n",
    "reads of a number": "    a = 3\n    return a.b\n",
    "several for one": "    a = int(torch.zeros([3]))\n    return x\n",
    "a text and a number": '    a = torch.add("a", 1)\n    return x\n',
    "divided by nothing": "    a = torch.floordiv(1, 0)\n    return x\n",
    "nothing appended": "    a = [1]\n    _0 = torch.append(a)\n    return x\n",
    "taken out": "    a = [1]\n    _0 = torch.pop(a, 7)\n    return x\n",
    "extended by a number": "    a = [1]\n    _0 = torch.extend(a, 3)\n    return x\n",
    "part not there": "    a = [1]\n    b = a[3]\n    return x\n",
}
BY_HAND = "it calls none of its recurrent layers as one, such as torch.lstm: it steps them by hand"
CODE = "its code __torch__/___torch_mangle_5.py"
WHY = {
    "endless": "it is longer than what is followed here",
    "endless for": "it is longer than what is followed here",
    "recursive": "its calls nest deeper than is followed here",
    "huge": BY_HAND,
    "huge range": BY_HAND,
    "huge list": "it is longer than what is followed here",
    "grown list": "it makes longer lists than are followed here",
    "grown text": "it makes longer lists than are followed here",
    "grown number": "it counts further than whole numbers go",
    "repeated": "it is longer than what is followed here",
    "imports": "its code has a statement (Import) that is not followed",
    "builtins": "it calls __import__, which is not followed",
    "evaluated": "it calls eval, which is not followed",
    "dunder": "it reads __class__, which is not in the file",
    "formatted": "it refuses these inputs: {0.__class__}",
    "escape": "it refuses these inputs: ␛]52;c;aGk=␇",
    "deep": f"{CODE} nests deeper than is followed here",
    "nested": BY_HAND,
    "chain": f"{CODE} is not TorchScript as it is saved",
    "sum": f"{CODE} is not TorchScript as it is saved",
    "dots": f"{CODE} is not TorchScript as it is saved",
    "comprehension": "its code has an expression (ListComp) that is not followed",
    "lambda": f"{CODE} is not TorchScript as it is saved",
    "no code": f"{CODE} cannot be read (SyntaxError)",
    "unknown module": "its code lacks __torch__/nothing.py",
    "lost attribute": "it reads nothing, which is not in the file",
    "kept": "it keeps a from one call to the next",
    "number": BY_HAND,
    "nothing": BY_HAND,
    "wrong axis": BY_HAND,
    "wrong kinds": "lstm takes a tensor or a list of tensors as hx, and is given 1",
    "no arguments": "lstm is called in a way that is not followed",
    "gone": BY_HAND,
    "depends": "which way it takes depends on the numbers",
    "nul": BY_HAND,
    "negative": BY_HAND,
    "constant": "it reads the constant c999999, which is not in the file",
    "unpacked": "a value is taken apart into other parts than it has",
    "split": BY_HAND,
    "repeat": BY_HAND,
    "expand": BY_HAND,
    "more than it takes": "other is given more than it takes",
    "reads of a number": "it reads b of what has none",
    "part not there": "it takes a part that is not there",
    "a part of a tensor": "it changes a part of a tensor in place",
    "several for one": "it takes several numbers for one",
    "a text and a number": "add is given what it cannot take",
    "divided by nothing": "floordiv is given what it cannot take",
    "nothing appended": "append is given what it cannot take",
    "taken out": "pop is given what it cannot take",
    "extended by a number": "extend is given what it cannot take",
}
"""Why the program is not followed then."""


LONG = ("endless for", "grown list")
"""What is given up only after a second of the processor."""


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow] * (name in LONG)) for name in BODIES])
def test_whatever_the_code_says_gives_one_line_or_a_network(name: str, tmp_path: Path) -> None:
    """The layer still opens by itself, as its tensors have names; nothing of the code is run."""
    path = FROZEN / "program_last_trace.pt"

    def with_body(member: str, data: bytes) -> bytes:
        return (FUNCTION + BODIES[name]).encode() if b"class Last(Module)" in data and member.endswith(".py") else data

    said = line_or_network(changed(path, tmp_path / "m.pt", with_body))
    assert f"the program is not followed: {WHY[name]}; --set program=weights" in said
    assert not Path("PWNED").exists()
