"""One recurrent module of a running PyTorch model, by its weights, as a network of our own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lstm_tui.engine.arrays import Array, quiet
from lstm_tui.engine.model.network import RUNNING_MODULE, WHY_NO_TOKENS, Network
from lstm_tui.formats.importers.assemble import assemble
from lstm_tui.formats.importers.import_report import ImportReport
from lstm_tui.formats.importers.plan import Plan
from lstm_tui.formats.importers.torch.parameter_names import find_groups, plan_group
from lstm_tui.formats.importers.torch.safe_unpickler import Made

MODES = ("LSTM", "GRU", "RNN_TANH", "RNN_RELU")


def mode_of(module: Any) -> str:
    """Return which equations a recurrent module of PyTorch has: one of `MODES`."""
    mode = getattr(module, "mode", type(module).__name__.removeprefix("Parametrized").removesuffix("Cell"))
    return f"RNN_{getattr(module, 'nonlinearity', 'tanh').upper()}" if mode == "RNN" else str(mode)


@quiet()
def network_of_module(
    name: str, mode: str, weights: Mapping[str, Array], remarks: tuple[str, ...] = (), why_no_tokens: str = ""
) -> Network:
    """Return a module as a network without a readout.

    Args:
        name: What it is called.
        mode: One of `MODES`.
        weights: By PyTorch's names, such as `weight_ih_l0`.
        remarks: What should be known of it.
        why_no_tokens: Why it is not known what enters it for a token, as a sentence's end.

    Raises:
        UserError: The weights are of no such module.
    """
    report = ImportReport(name, RUNNING_MODULE)
    report.warnings.extend(remarks)
    group = find_groups({f"module.{key}": one for key, one in weights.items()}, name)[0]
    kind = f"torch.nn.modules.rnn.{'RNN' if mode.startswith('RNN') else mode}"
    nonlinearity = mode.removeprefix("RNN_").lower() if mode.startswith("RNN") else None
    made = Made(kind, state={"mode": mode, "nonlinearity": nonlinearity})
    network = assemble(Plan(name, plan_group(group, report, 0, {group.prefix: made})), report, name, "")
    card = {**network.card, WHY_NO_TOKENS: why_no_tokens} if why_no_tokens else network.card
    return replace(network, file=None, sha256=None, card=card)
