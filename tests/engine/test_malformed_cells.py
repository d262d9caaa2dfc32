"""Every mistake in a cell file is one line that points at itself. In these texts « stands before the mistake."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from lstm_tui.engine.compiler.compile import compile_cell
from lstm_tui.engine.errors import LanguageError, UserError
from lstm_tui.engine.language.cell import cell_names, load_cell, parse_cell
from lstm_tui.engine.model.network import build_network

GOOD = "h = tanh(W_h @ x + U_h @ h + b_h)   # hidden"


def page(equations: str = GOOD, more: str = "", state: str = '["h"]', name: str = '"made"') -> str:
    return (
        f'name = {name}\ntitle = "made up — ünïcode"\nsource = "us"\nstate = {state}\n{more}'
        f"equations = '''\n# ein Kommentar: ü 漢字\n{equations}\n'''\n"
    )


def many(count: int) -> str:
    return "\n".join(f"v{n} = x" for n in range(count))


# (what is wrong, the text, a part of the message, the nearest right name)
MISTAKES: list[tuple[str, str, str, str | None]] = [
    # the page
    ("no end of a string", 'name = "made«\n', "Illegal character", None),
    ("nothing after =", "name = «\n", "Invalid value", None),
    ("a key twice", page(more='output = "h"\noutput = "h"«\n'), "Cannot overwrite", None),
    ("a byte order mark inside", page(more="\ufeff«output = 1\n").replace("\ufeff«", "«\ufeff"), "Invalid", None),
    ("no name", '«state = ["h"]\n', "`name` is missing", None),
    ("no title", '«name = "a"\n', "`title` is missing", None),
    ("no state", page().replace('state = ["h"]\n', "").replace("name", "«name", 1), "`state` is missing", None),
    ("no equations", '«name = "a"\ntitle = "b"\nsource = "c"\nstate = ["h"]\n', "`equations` is missing", None),
    ("empty equations", page(equations="").replace("'''", "«'''", 1), "holds no equation", None),
    ("unknown key", page(more="«stat = 3\n"), "means nothing here", "state"),
    ("unknown key in quotes", page(more='«"outputs" = "h"\n'), "means nothing here", "output"),
    ("a name with a blank", page(name='«"a b"'), "ASCII letters", None),
    ("a name that is no text", page(name="«3"), "text in quotes", None),
    ("a state that is no list", page(state='«"h"'), "list of names", None),
    ("an empty state", page(state="«[]"), "names no value", None),
    ("a state twice", page(state='["h", «"h"]'), "twice", None),
    ("a state without equation", page(state='["h", «"hh"]'), "has no equation", "h"),
    ("output names nothing", page(more='output = «"hx"\n'), "names no value", "h"),
    ("dotted keys", page(more="a.b.c«.d.e.f = 1\n"), "dotted", None),
    ("dotted keys in a table", page(more="sizes = { a.b.c«.d = 1 }\n"), "dotted", None),
    ("a bomb of dotted keys", "a.a.a«" + ".a" * 30_000 + " = 1\n", "dotted", None),
    ("deep brackets", page(more="fixed = { p = " + "[" * 15 + "«[" + "[" * 3_000 + "\n"), "nested deeper", None),
    ("10 MB", "«" + page(more="# " + "x" * 10_000_000 + "\n"), "at most", None),
    # names
    ("unknown function", page("h = «tahn(W_h @ x)"), "no function `tahn`", "tanh"),
    ("unknown function behind a tab", page("h\t=\t«sigmod(W_h @ x)"), "no function", "sigmoid"),
    ("a name that nothing defines", page("gate = x\nh = tanh(«gat)"), "not defined", "gate"),
    ("a name like nothing", page("h = tanh(«q)"), "not defined", None),
    ("a matrix as a vector", page("h = tanh(«W_h * x)"), "is a matrix", None),
    ("a vector as a matrix", page("h = tanh(«w_h @ x)"), "is no matrix", "W_h"),
    ("a value as a matrix", page("h = tanh(«h @ x)"), "is a vector", None),
    ("a product of products", page("h = tanh(«W_h @ U_h @ x)"), "write brackets", None),
    ("an expression left of @", page("h = tanh((«x + h) @ x)"), "one matrix, by name", None),
    ("read above its equation", page("a = «b\nb = x\nh = a"), "above its equation", None),
    ("assigned twice", page("h = x\n«h = x"), "assigned twice", None),
    ("x assigned", page("«x = h\nh = x"), "reserved", None),
    ("a reserved name", page("«token = x\nh = x"), "reserved", None),
    ("a function assigned", page("«tanh = x\nh = x"), "is a function", None),
    ("a word of Python assigned", page("«lambda = x\nh = x"), "cannot be a name", None),
    ("a fixed vector assigned", page("«p = x\nh = x", more="fixed = { p = [1] }\n"), "given from outside", None),
    ("a function without call", page("h = «tanh"), "is a function", None),
    ("a reserved word read", page("h = x * «token"), "reserved", None),
    ("an index assigned", page("«h[0] = x"), "is not a name", None),
    ("a very long name", page("h = «" + "q_" * 100), "too long", None),
    ("prev of no state", page("g = x\nh = prev(«g)"), "takes a state", None),
    ("prev of a slip", page("state_of = x\nh = prev(«hh)"), "takes a state", "h"),
    ("prev of an expression", page("h = prev(«h + x)"), "by name", None),
    # forms
    ("no equation", page("«tanh(x)"), "name = expression", None),
    ("a comparison as equation", page("«h == x"), "name = expression", None),
    ("nothing on the right", page("h =«   # nothing"), "nothing stands after", None),
    ("wrong arity", page("h = «max(x)"), "takes 2 arguments, not 1", None),
    ("too many arguments", page("h = «tanh(x, h)"), "takes 1 argument, not 2", None),
    ("no argument", page("h = «tanh()"), "takes 1 argument, not 0", None),
    ("a keyword argument", page("h = clip(x, lo«=0, hi=1)"), "by place", None),
    ("a starred argument", page("h = max(«*x)"), "missing before `*`", None),
    ("an attribute", page("h = x«.real"), "not in the language", None),
    ("a dunder", page("h = x«.__class__"), "an attribute", None),
    ("a subscript", page("h = x«[0]"), "a subscript", None),
    ("a string", page('h = tanh(«"x")'), "a string", None),
    ("a string in quotes of one", page("h = tanh(«'x')").replace("'''", '"""'), "a string", None),
    ("lambda", page("h = «lambda v: v"), "`lambda` is not in the language", None),
    ("if", page("h = x «if x else h"), "`if`", None),
    ("and", page("h = x «and h"), "`and`", None),
    ("True", page("h = x * «True"), "`True`", None),
    ("a comparison", page("h = x «< h"), "a comparison", None),
    ("a second =", page("h = x «= h"), "second =", None),
    ("a power", page("h = x «** 2"), "**", None),
    ("floor division", page("h = x «// 2"), "//", None),
    ("a remainder", page("h = x «% 2"), "%", None),
    ("a list", page("h = «[x, h]"), "list", None),
    ("a tuple", page("h = x«, h"), "comma", None),
    ("a plus sign", page("h = «+x"), "this sign", None),
    ("a call of a call", page("h = «tanh(x)(x)"), "by its name", None),
    ("a call of a number", page("h = «2(x)"), "by its name", None),
    ("a semicolon", page("h = x«; g = x"), "not in the language", None),
    ("a backslash", page("h = x + «\\"), "not in the language", None),
    ("a bracket never closed", page("h = tanh«(x"), "`(` is not closed", None),
    ("a bracket too many", page("h = tanh(x)«)"), "`)` does not belong here", None),
    ("an operator at the end", page("h = x +«"), "missing after `+`", None),
    ("a hexadecimal number", page("h = x * «0x10"), "not a number", None),
    ("a number with a word", page("h = «1if"), "not a number", None),
    ("a complex number", page("h = x * «1j"), "not a number", None),
    ("a number with a _", page("h = x * «1_000"), "not a number", None),
    ("an infinite number", page("h = x * «1e999"), "not finite", None),
    ("part beyond the end", page("a = x\nh = part(a, «4, 4)"), "0 <= k < n", None),
    ("part of a value", page("h = part(x, «x, 4)"), "whole numbers", None),
    ("part of a half", page("h = part(x, «0.5, 2)"), "whole numbers", None),
    ("concat of one", page("h = «concat(x)"), "two vectors or more", None),
    ("an op over steps", page("h = «mean_steps(x)"), "only `whole` of a readout", None),
    ("a mathematical h", page("h = tanh(x) + «𝐡"), "not ASCII", None),
    ("a ligature", page("h = tanh(«ﬁ_x)"), "not ASCII", None),
    ("a mathematical name assigned", page("«𝐡 = x\nh = x"), "is not a name", None),
    ("a no-break space", page("h = x«\u00a0+ x"), "not ASCII", None),
    # bounds
    ("5,000 minuses", page("h =« " + "-" * 5_000 + "x"), "4000", None),
    ("33 minuses", page("h = " + "-" * 32 + "«-x"), "nested deeper", None),
    ("100,000 +", "«" + page("h = x" + "+x" * 100_000), "at most", None),
    ("257 +", page("h = x" + "+x" * 256 + "«+x"), "more than 256 operators", None),
    ("a deep sum", page("h = «x" + "+x" * 200), "parts deep", None),
    ("deep parentheses", page("h = " + "(" * 32 + "«(x" + ")" * 33), "nested deeper", None),
    ("201 equations", page(many(200) + "\n«h = x"), "more than 200", None),
    # other keys
    ("sizes of nothing", page(more='sizes = { «g = "P" }\n'), "names no value", None),
    ("a bad size", page(more='sizes = { h = «"H+1" }\n'), "a number, a letter", None),
    ("a size of 0", page(more="sizes = { h = «0 }\n"), "a number, a letter", None),
    ("a size of 0 times H", page(more='sizes = { h = «"0*H" }\n'), "a number, a letter", None),
    ("a true size", page(more="sizes = { h = «true }\n"), "a number, a letter", None),
    ("sizes that are no table", page(more="sizes = «3\n"), "must be a table", None),
    ("initial of no state", page("g = x\nh = g", more="initial = { «g = 1 }\n"), "is no state", None),
    ("initial nan", page(more="initial = { h = «nan }\n"), "a number or the name", None),
    ("initial of a matrix", page(more='initial = { h = «"W_h" }\n'), "vector parameter", None),
    ("initial of a value", page(more='initial = { h = «"x" }\n'), "vector parameter", None),
    ("initial of a list", page(more="initial = { h = «[1] }\n"), "a number or the name", None),
    ("optional of nothing", page(more='optional = ["b_h", «"b_g"]\n'), "names no parameter", "b_h"),
    ("fixed of text", page(more='fixed = { p = «"1, 2" }\n'), "finite numbers", None),
    ("fixed of nothing", page(more="fixed = { p = «[] }\n"), "finite numbers", None),
    ("fixed infinite", page(more="fixed = { p = «[inf] }\n"), "finite numbers", None),
    ("fixed of a function's name", page(more="fixed = { «tanh = [1] }\n"), "is a function", None),
    ("mask of nothing", page(more='fixed = { p = [1] }\nmask = { «U_x = "p[row] < p[col]" }\n'), "no matrix", "U_h"),
    ("mask of a vector", page(more='fixed = { p = [1] }\nmask = { «b_h = "p[row] < p[col]" }\n'), "no matrix", "W_h"),
    ("mask without vectors", page(more='mask = { U_h = "«p[row] < p[col]" }\n'), "no fixed vector", None),
    ("mask of a slip", page(more='fixed = { pqr = [1] }\nmask = { U_h = "pqr[row] < «pgr[col]" }\n'), "fixed", "pqr"),
    ("mask of an expression", page(more='fixed = { p = [1] }\nmask = { U_h = «"p < 2" }\n'), "must compare", None),
    ("below of nothing", page(more='below = { c_in = «"c" }\n'), "value of this cell", None),
    ("below of a slip", page("hh = x\nh = hh", more='below = { c_in = «"hhh" }\n'), "value of this cell", "hh"),
    ("below of a number", page(more="below = { c_in = «3 }\n"), "value of this cell", None),
    ("below and fixed", page(more='fixed = { p = [1] }\nbelow = { «p = "h" }\n'), "given from outside", None),
    ("below with a slip", page(more='below = { c_in = { reads = "h", «botom = "x" } }\n'), "only", "bottom"),
    ("bottom with a slip", page(more='below = { c_in = { reads = "h", bottom = "V_c @ «y" } }\n'), "not defined", None),
    ("bottom of a state", page(more='below = { c_in = { reads = "h", bottom = "x + «h" } }\n'), "neither", None),
    ("bottom of a number", page(more='below = { c_in = { reads = "h", bottom = «1 } }\n'), "in quotes", None),
    ("a macro with a mistake", page(more='functions = { soft = "a / (1 + «abbs(a))" }\n'), "no function", "abs"),
    ("a macro of another name", page(more='functions = { soft = "«b + 1" }\n'), "not defined", None),
    ("a macro in itself", page(more='functions = { soft = "a + «soft(a)" }\n'), "inside a macro", None),
    ("a macro in a macro", page(more='functions = { m = "a", n = "2 * «m(a)" }\n'), "inside a macro", None),
    ("an empty macro", page(more='functions = { soft = «"" }\n').replace('«""', '"«"'), "nothing stands", None),
    ("a macro that is no text", page(more="functions = { soft = «3 }\n"), "in quotes", None),
    ("a macro of a reserved name", page(more='functions = { «part = "a" }\n'), "cannot be a macro", None),
    ("a macro behind an escape", page(more='functions = { soft = "a\\t+ «b" }\n'), "not defined", None),
    (
        "macros that blow up",
        page("h = «" + "m(" * 20 + "x" + ")" * 20, more='functions = { m = "a + a" }\n'),
        "2000 is the most",
        None,
    ),
    (
        "macros side by side",
        page("h = " + " + ".join(["m(x)"] * 250), more='functions = { m = "' + "+".join(["a"] * 60) + '" }\n'),
        "2000 parts",
        None,
    ),
    ("equations in a line", page().replace("'''\n# ein Kommentar: ü 漢字\nh = ", "'''h = «q + "), "not defined", None),
    ("a table in sections", page() + '[sizes]\nh = "H"\n«g = 3\n', "names no value", None),
]  # fmt: skip


def marked(text: str) -> tuple[str, int, int]:
    """Return a text without its mark, and the line and column of the mark."""
    at = text.index("«")
    return text.replace("«", ""), text.count("\n", 0, at) + 1, at - (text.rfind("\n", 0, at) + 1) + 1


@pytest.mark.parametrize(("text", "message", "suggestion"), [r[1:] for r in MISTAKES], ids=[r[0] for r in MISTAKES])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_a_mistake_is_named_where_it_stands(text: str, message: str, suggestion: str | None, line_end: str) -> None:
    if "«" in text:
        text, line, column = marked(text)
    else:
        line = column = 0
    with pytest.raises(LanguageError) as caught:
        parse_cell(text.replace("\n", line_end), source="made.toml")
    error = caught.value
    assert message in error.message
    assert error.suggestion == suggestion
    if line:
        assert (error.line, error.column) == (line, column), str(error)
    assert str(error).startswith(f"made.toml:{error.line}:{error.column}: ")
    assert str(error).isprintable()


# Mistakes that only sizes show: they are found when the cell is compiled for an input of 3 and 4 units.
SIZE_MISTAKES = [
    ("one parameter, two sizes", page("h = tanh(b_h)\ng = «b_h", more="sizes = { g = 2 }\n"), "4 and with 2"),
    ("one matrix, two shapes", page("g = U_g @ x\nh = «U_g @ g"), "4×3 and as 4×4"),
    ("x and h added", page("h = «x + h"), "do not fit"),
    ("x copied", page("h = «x"), "its equation gives 3"),
    ("a part that does not divide", page("h = tanh(«part(x, 0, 2) + h)"), "equal parts"),
    ("softmax of one number", page("h = softmax(«sum(x))"), "do not fit"),
    ("dot of two lengths", page("h = dot(«x, h)"), "do not fit"),
    ("inside a macro", page("h = h + «m(x)", more='functions = { m = "a + tanh(a)" }\n'), "do not fit"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), [row[1:] for row in SIZE_MISTAKES], ids=[row[0] for row in SIZE_MISTAKES])
def test_sizes_that_do_not_fit(text: str, message: str) -> None:
    text, line, column = marked(text)
    cell = parse_cell(text, source="made.toml")
    with pytest.raises(LanguageError) as caught:
        compile_cell(cell, 3, 4)
    assert message in caught.value.message
    assert (caught.value.line, caught.value.column) == (line, column), str(caught.value)
    assert caught.value.source == "made.toml"


def test_what_is_quoted_from_a_file_is_safe_to_show() -> None:
    text = page(more='output = "\\u001b]52;c;x\\u0007\\u202e"\n')
    with pytest.raises(LanguageError) as caught:
        parse_cell(text, source="\x1b[31mmade.toml")
    assert str(caught.value).isprintable()
    assert "␛]52" in str(caught.value)


def test_a_pipe_without_a_writer_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "cell.toml")
    with pytest.raises(UserError, match=r"cell\.toml: is no regular file"):
        load_cell(str(tmp_path / "cell.toml"))


LIST = """name = "lists"
title = "Lists"
source = "a test"
state = {state}
optional = {optional}
equations = '''
c = tanh(W_c @ x + U_c @ c + b_c)
h = tanh(c)
'''
"""


@pytest.mark.parametrize("apart", [" ", "\n  ", "  # why\n"])
@pytest.mark.parametrize(
    ("state", "optional"),
    [(("c", "zz"), ("b_c",)), (("zz", "c", "h"), ("b_c",)), (("c",), ("b_c", "b_zz")), (("c",), ("zz",))],
)
def test_a_mistake_in_a_list_is_told_where_its_entry_stands(
    state: tuple[str, ...], optional: tuple[str, ...], apart: str
) -> None:
    def listed(names: tuple[str, ...]) -> str:
        return "[" + apart + ("," + apart).join(f'"{name}"' for name in names) + "\n]"

    text = LIST.format(state=listed(state), optional=listed(optional))
    with pytest.raises(LanguageError) as caught:
        parse_cell(text)
    place = text.index('zz"')
    place = text.rindex('"', 0, place)
    assert (caught.value.line, caught.value.column) == (
        text[:place].count("\n") + 1,
        place - text.rfind("\n", 0, place),
    )


WITH_OWN_INPUT = [name for name in cell_names() if "x" in load_cell(name).sizes]


@pytest.mark.parametrize("name", WITH_OWN_INPUT)
def test_a_cell_whose_input_is_as_wide_as_it_says_what_width_it_takes(name: str) -> None:
    """Where that is its hidden size, the hidden size that it names is taken."""
    size = load_cell(name).sizes["x"]

    def described(hidden: int) -> dict[str, Any]:
        return {"name": "n", "input_size": 8, "layers": [{"cell": name, "hidden_size": hidden}]}

    if size.letter != "H" or size.factor != 1:
        return
    with pytest.raises(UserError) as refused:
        build_network(described(16))
    said = f"cell {name} needs an input of 16 numbers (its hidden size), not 8; use a hidden size of 8"
    assert str(refused.value).endswith(said)
    assert build_network(described(8)).input_size == 8
