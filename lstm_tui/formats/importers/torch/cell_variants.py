"""Cells that tensors beside a layer call for: peepholes into the old memory, sums and memory normalised."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.language.cell import load_cell
from lstm_tui.formats.importers.import_report import ImportReport
from lstm_tui.formats.importers.plan import Recurrent


def peephole_before() -> str:
    """Return the LSTM with peepholes whose output gate looks at the old memory: its line stands above the memory's."""
    text = load_cell("lstm_peephole").text.replace('name = "lstm_peephole"', 'name = "lstm_peephole_old"')
    lines = text.replace("this one looks at the NEW memory", "this one looks at the old memory too").split("\n")
    memory = next(n for n, line in enumerate(lines) if line.startswith("c ="))
    output = next(n for n, line in enumerate(lines) if line.startswith("o ="))
    lines.insert(memory, lines.pop(output))
    return "\n".join(lines)


def normed_lstm(
    part: Recurrent,
    given: Mapping[str, Array],
    order: str,
    norms: Mapping[str, tuple[Array, Array | None]],
    report: ImportReport,
    key: str,
) -> Recurrent:
    """Return a layer whose sums are normalised, the part of x and the part of h each for itself.

    Args:
        part: The layer without its norms.
        given: Its tensors by PyTorch's names.
        order: Its gates in the order of their rows.
        norms: Scale and shift of `x` and `h`, and of `c` where the memory is normalised.
        report: Decides what weights do not say: whether the memory is kept as it is normalised, or only shown so.
        key: Of the layer in the report.
    """
    report.say(f"{key}.normalised", ", ".join(sorted(norms)), "inferred", "names and sizes of its norms; epsilon 1e-5")
    parameters: dict[str, Array] = {"W_a": given["weight_ih"], "U_a": given["weight_hh"]}
    terms = []
    for what, product in (("x", "W_a @ x"), ("h", "U_a @ h")):
        terms.append(_normed(what, product, norms, parameters))
    biases = [given[one] for one in ("bias_ih", "bias_hh") if one in given]
    for n, (bias, matrix) in enumerate(zip(biases, ("W_a @ x", "U_a @ h"), strict=False)):
        inside = report.choose(
            f"{key}.norm_bias",
            "after",
            ("before",),
            "assumed",
            "weights alone do not say which side of the norm it is on",
        )
        name = "e_x" if n == 0 else "e_h"
        parameters[name] = bias
        if inside == "before":
            terms[n] = terms[n].replace(f"({matrix})", f"({matrix} + {name})")
        else:
            terms.append(name)
    lines = [f"a = {' + '.join(terms)}   # sums: what all four gates see, past and input brought to one scale"]
    words = {"f": "forget gate: how much of each memory to keep", "i": "input gate: how much of the candidate to write",
             "o": "output gate: how much of the memory to show", "g": "candidate: what could be written"}  # fmt: skip
    for gate in "fiog":
        function = "tanh" if gate == "g" else "sigmoid"
        lines.append(f"{gate} = {function}(part(a, {order.index(gate)}, 4))   # {words[gate]}")
    kept = "kept"
    if "c" in norms:
        why = "weights alone do not say whether the memory is kept as it is normalised"
        kept = report.choose(f"{key}.norm_c", "kept", ("shown",), "assumed", why)
    if "c" in norms and kept == "kept":
        lines.append(
            f"c = {_normed('c', 'f * c + i * g', norms, parameters)}   # memory: keep, then write, to one scale"
        )
        lines.append("h = o * tanh(c)   # hidden state: what the rest of the network sees")
    else:
        shown = _normed("c", "c", norms, parameters) if "c" in norms else "c"
        lines.append("c = f * c + i * g   # memory: keep, then write")
        lines.append(f"h = o * tanh({shown})   # hidden state: what the rest of the network sees")
    text = (
        'name = "lstm_normed"\ntitle = "LSTM with layer normalisation"\n'
        'source = "Ba, Kiros & Hinton 2016, as the tensors of the file have it"\nstate = ["h", "c"]\n'
        "sizes = { a = \"4*H\" }\nequations = '''\n" + "\n".join(lines) + "\n'''\n"
    )
    direction = part.passes[0][0]
    return replace(part, cell=text, passes=[(direction, parameters)], without=(), functions={})


def _normed(
    what: str, inside: str, norms: Mapping[str, tuple[Array, Array | None]], parameters: dict[str, Array]
) -> str:
    """Return a norm as text, and put its scale and shift among the parameters."""
    scale, shift = norms[what]
    parameters[f"s_{what}"] = scale
    if shift is None:
        return f"s_{what} * layernorm({inside})"
    parameters[f"b_{what}"] = shift
    return f"s_{what} * layernorm({inside}) + b_{what}"
