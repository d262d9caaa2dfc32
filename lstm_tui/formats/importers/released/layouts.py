"""Which released layouts are among the tensors of a file."""

from __future__ import annotations

from collections.abc import Mapping

from lstm_tui.engine.arrays import Array
from lstm_tui.formats.importers.plan import Found
from lstm_tui.formats.importers.released.encoder_decoder import find_encoder_decoder
from lstm_tui.formats.importers.released.linear_attention import find_linear_attention
from lstm_tui.formats.importers.released.mamba import find_mamba
from lstm_tui.formats.importers.released.rwkv5 import find_rwkv5
from lstm_tui.formats.importers.released.rwkv6 import find_rwkv6
from lstm_tui.formats.importers.released.rwkv7 import find_rwkv7
from lstm_tui.formats.importers.released.xlstm import find_xlstm

LAYOUTS = (find_encoder_decoder, find_linear_attention, find_mamba, find_rwkv5, find_rwkv6, find_rwkv7, find_xlstm)


def find_released(tensors: Mapping[str, Array], where: str) -> list[Found]:
    """Return the networks of a file whose tensors are named as a released layout names them; none where none is."""
    return [one for layout in LAYOUTS for one in layout(tensors, where)]
