"""What every setting of a layer of Keras is here: used, without effect on what a trained layer gives, or refused.

One table for each kind of layer. A key that stands in no table is refused by its name, since it may change the numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.keras.gate_layouts import UnsupportedLayer

Rule = Callable[[Any], bool] | str
USED: Final = "used"
"""The setting decides what is built, where the layer is built."""
HARMLESS: Final = "harmless"
"""The setting has no effect on what a trained layer gives: how it began, was trained, or is scheduled."""
_HALF = ("float16", "bfloat16", "mixed_float16", "mixed_bfloat16")


def _of(keys: str, rule: Rule) -> dict[str, Rule]:
    return dict.fromkeys(keys.split(), rule)


def _off(value: Any) -> bool:
    return value in (None, False, 0)


def _dtype(value: Any) -> bool:
    return not isinstance(value, str | Mapping) or "int" not in policy_of(value) or policy_of(value).startswith("int32")


def _channels_last(value: Any) -> bool:
    return value in (None, "channels_last")


def policy_of(value: Any) -> str:
    """Return the name of a dtype or a policy of dtypes."""
    if isinstance(value, Mapping):
        inside = value.get("config")
        return str(inside.get("name", "")) if isinstance(inside, Mapping) else str(value.get("name", ""))
    return str(value)


def is_half(config: Mapping[str, Any]) -> bool:
    """Say whether a layer computes with numbers of half the bits."""
    return policy_of(config.get("dtype")) in _HALF


_COMMON: dict[str, Rule] = {
    **_of("name trainable batch_input_shape batch_shape input_shape input_dtype input_dim input_length", HARMLESS),
    **_of("build_config return_sequences", HARMLESS),  # of a recurrent layer it is used, of others it means nothing
    "dtype": _dtype,
    "quantization_config": _off,
    "lora_rank": _off,
    "lora_alpha": HARMLESS,
}
_TRAINED = _of(
    "kernel_initializer recurrent_initializer bias_initializer kernel_regularizer recurrent_regularizer "
    "bias_regularizer activity_regularizer kernel_constraint recurrent_constraint bias_constraint init inner_init "
    "W_regularizer U_regularizer b_regularizer W_constraint U_constraint b_constraint W_learning_rate_multiplier "
    "b_learning_rate_multiplier weights",
    HARMLESS,
)
_RECURRENT: dict[str, Rule] = {
    **_TRAINED,
    **_of("units output_dim activation recurrent_activation inner_activation use_bias bias return_sequences", USED),
    **_of("return_state go_backwards reset_after cell stateful zero_output_for_mask", USED),
    **_of(
        "unit_forget_bias forget_bias_init dropout recurrent_dropout dropout_W dropout_U seed implementation", HARMLESS
    ),
    **_of("unroll consume_less states num_constants", HARMLESS),
    "time_major": _off,
}
_DENSE: dict[str, Rule] = {
    **_TRAINED,
    **_of("units output_dim activation use_bias bias", USED),
}
_NORMALISATION = {
    **_of("axis epsilon center scale", USED),
    **_of("momentum synchronized renorm renorm_clipping renorm_momentum fused trainable virtual_batch_size", HARMLESS),
    **_of("beta_initializer gamma_initializer moving_mean_initializer moving_variance_initializer", HARMLESS),
    **_of("beta_regularizer gamma_regularizer beta_constraint gamma_constraint beta_init gamma_init mode", HARMLESS),
}
_POOL: dict[str, Rule] = {
    **_of("pool_size pool_length strides stride padding border_mode keepdims", USED),
    "data_format": _channels_last,
}
_NOISE: dict[str, Rule] = _of("rate p stddev sigma noise_shape seed l1 l2", HARMLESS)
_LOOKUP: dict[str, Rule] = {
    **_of("vocabulary output_mode num_oov_indices oov_token mask_token", USED),
    **_of("max_tokens pad_to_max_tokens vocabulary_size vocabulary_dtype oov_method salt dtype", HARMLESS),
    **_of("idf_weights sparse", _off),
    "encoding": lambda value: value in (None, "utf-8"),
}
_TABLES: dict[str, dict[str, Rule]] = {
    **dict.fromkeys(("LSTM", "GRU", "SimpleRNN", "CuDNNLSTM", "CuDNNGRU", "ReversedLSTM", "ReversedGRU"), _RECURRENT),
    "Bidirectional": _of("merge_mode layer backward_layer", USED) | _of("weights", HARMLESS),
    "TimeDistributed": _of("layer", USED),
    "Dense": _DENSE,
    "BatchNormalization": {**_NORMALISATION, "adjustment": _off, "mode": lambda value: value in (None, 0)},
    "LayerNormalization": {**_NORMALISATION, "rms_scaling": _off},
    "Activation": _of("activation", USED),
    "ReLU": _of("max_value negative_slope threshold", USED),
    "Softmax": _of("axis", USED),
    "ELU": _of("alpha", USED),
    "PReLU": {**_of("alpha_initializer alpha_regularizer alpha_constraint", HARMLESS), "shared_axes": USED},
    "LeakyReLU": _of("alpha negative_slope", USED),
    "Rescaling": _of("scale offset", USED),
    "Normalization": _of("axis mean variance invert", USED),
    "Embedding": {
        **_of("input_dim output_dim mask_zero", USED),
        **_of("embeddings_initializer embeddings_regularizer embeddings_constraint activity_regularizer", HARMLESS),
        **_of("init W_regularizer W_constraint weights dropout sparse", HARMLESS),
    },
    "Masking": _of("mask_value", USED),
    **dict.fromkeys(("GlobalMaxPooling1D", "GlobalAveragePooling1D", "MaxPooling1D", "AveragePooling1D"), _POOL),
    "Concatenate": _of("axis", USED),
    **{key: {} for key in ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Divide", "TrueDivide")},
    **dict.fromkeys(("Dropout", "SpatialDropout1D", "GaussianNoise", "GaussianDropout", "AlphaDropout"), _NOISE),
    "ActivityRegularization": _NOISE,
    "InputLayer": _of("sparse ragged optional type_spec ragged_rank", HARMLESS),
    "Identity": {},
    "Flatten": {"data_format": _channels_last},
    "Reshape": _of("target_shape", USED),
    "ZeroPadding1D": {"padding": USED, "data_format": _channels_last},
    "Conv1D": {
        **_TRAINED,
        **_of("filters nb_filter kernel_size filter_length strides subsample_length padding border_mode", USED),
        **_of("dilation_rate groups activation use_bias bias", USED),
        "data_format": _channels_last,
    },
    "GetItem": {},
    **dict.fromkeys(("Sum", "Mean", "Max", "Min"), _of("axis keepdims", USED) | _of("initial", _off)),
    "Dot": _of("axes normalize", USED),
    "TextVectorization": {
        **_LOOKUP,
        **_of("standardize split output_sequence_length", USED),
        **_of("ngrams ragged", _off),
    },
    **dict.fromkeys(("StringLookup", "IntegerLookup"), _LOOKUP | {"invert": _off}),
}
LOOKUPS: Final = ("TextVectorization", "StringLookup", "IntegerLookup")
"""Kinds of layers that make ids of texts."""
KINDS = tuple(_TABLES)
"""Kinds of layers that have a table."""


def table_of(kind: str) -> Mapping[str, Rule]:
    """Return what each setting of a kind of layer is; empty where the kind is not known."""
    return {**_COMMON, **_TABLES[kind]} if kind in _TABLES else {}


def check_settings(kind: str, config: Mapping[str, Any]) -> None:
    """Refuse a layer with a setting that is not known here, or has a value that is not.

    Raises:
        UnsupportedLayer: There is one; it is named.
    """
    table = table_of(kind)
    for key, value in config.items() if table else ():
        rule = table.get(key)
        if rule is None:
            raise UnsupportedLayer(f"its setting {visible(str(key)[:40])} is not known here")
        if callable(rule) and not rule(value):
            said = f"{visible(str(key)[:40])}={visible(str(value)[:40])}"
            raise UnsupportedLayer(f"its setting {said} is not run here")
