"""What a running PyTorch model does: every call of its recurrent modules, and what its other modules give.

The model is looked at and left as it was: states that it keeps between calls, its buffers and its random numbers too.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import field
from importlib import import_module
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.verify.left_untouched import untouched
from lstm_tui.formats.verify.torch_functions import FunctionCalls, functions_seen

HALF = {"bfloat16": 2.0**-7, "float16": 2.0**-10}
"""Numbers of 16 bits by name: how far apart two of them are at 1."""
_SCRIPTED = ("LSTM", "GRU", "RNN", "LSTMCell", "GRUCell", "RNNCell")


@dataclass(frozen=True, eq=False)
class Entered:
    """What one recurrent module of a model was given, one sequence of a batch.

    Attributes:
        name: Its path in the model; empty where it is the model.
        module: The module.
        x: What it read, (T, I).
        initial: States it was given, (layers*directions, n) each; empty where it was given none.
        h: What it gave, (T, H).
        broken: A cell was given another state than it had before at this step, so no more is told of it; or None.
        batch: Which sequence of the batch.
        call: Which call of the module, from 0; calls that go on from the state of the one before are one.
        final: States it gave in the end, (layers*directions, n) each.
        ends: Of each of the P calls that are one, the step behind its last.
        linked: Of each of them, whether a gradient goes on from it to the one before; of the first never.
        d_h: The gradient of the loss that arrives at `h`, (T, H); None where no loss was taken.
        d_ends: That arrives at the states which each of them gave, without what comes from the next one that is
            linked, (P, layers*directions, n) each.
        dtype: Of what it gave, where that is of 16 bits: bfloat16 or float16; else empty.
        dropout: The part of the numbers between its layers that was dropped, in training mode; else 0.
    """

    name: str
    module: Any
    x: Array
    initial: tuple[Array, ...] = ()
    h: Array | None = None
    broken: int | None = None
    batch: int = 0
    call: int = 0
    final: tuple[Array, ...] = ()
    ends: tuple[int, ...] = ()
    linked: tuple[bool, ...] = ()
    d_h: Array | None = None
    d_ends: tuple[Array, ...] = ()
    dtype: str = ""
    dropout: float = 0.0


@dataclass(eq=False)
class ModuleCall:
    """A call, or several of which each goes on from the state that the one before gave."""

    name: str
    module: Any
    x: list[list[Array]]  # by sequence of the batch, pieces (T, I)
    y: list[list[Array]]
    initial: tuple[Array, ...]  # (layers*directions, B, n) each
    last: tuple[Array, ...]
    pieces: list[CallPiece] = field(default_factory=list)
    dtype: str = ""
    dropout: float = 0.0

    def entered(self, batch: int, call: int, broken: int | None) -> Entered:
        """Return what one sequence of the batch was given and gave."""
        linked = tuple(one.linked for one in self.pieces)
        d_h: Array | None = None
        d_ends: tuple[Array, ...] = ()
        if self.pieces and all(one.d_y for one in self.pieces):
            d_h = np.concatenate([one.d_y[batch] for one in self.pieces])
            d_ends = tuple(np.stack([one.d_ends[n][:, batch] for one in self.pieces]) for n in range(len(self.last)))
        return Entered(
            self.name,
            self.module,
            np.concatenate(self.x[batch]),
            tuple(one[:, batch] for one in self.initial),
            np.concatenate(self.y[batch]),
            broken,
            batch,
            call,
            tuple(one[:, batch] for one in self.last),
            tuple(np.cumsum([len(one) for one in self.x[batch]]).tolist()),
            linked,
            d_h,
            d_ends,
            self.dtype,
            self.dropout,
        )


@dataclass(eq=False)
class CallPiece:
    """One call of a module as tensors, so that a gradient can be asked of it, and then that gradient.

    Attributes:
        y: What it gave: a tensor, packed or not; of a cell its next hidden state.
        given: States it was given.
        ends: States it gave.
        rows: Takes a tensor like `y` apart by sequence.
        linked: Whether a gradient goes on to the piece before.
        d_y: By sequence, (T, H).
        d_ends: (layers*directions, B, n) each.
    """

    y: Any
    given: tuple[Any, ...]
    ends: tuple[Any, ...]
    rows: Callable[[Any], list[Array]]
    linked: bool = False
    d_y: list[Array] = field(default_factory=list)
    d_ends: tuple[Array, ...] = ()


@dataclass(eq=False)
class Looked:
    """What a model did in one run.

    Attributes:
        entered: Every call of its recurrent modules, each sequence of a batch by itself, in the order of the calls.
        around: Of every other module that was called: its path, what entered it and what it gave, as it was called.
        output: What the model gave.
        batch: How many sequences were in the batch; None where it read one alone.
        batch_first: Whether the first axis of what the recurrent modules read is the batch.
        packed: Whether a recurrent module read packed sequences, each as long as it is.
        loss: What the loss was; None where none was taken.
        d_weights: The gradient of the loss by the weights of each recurrent module that are parameters, by path and
            name.
        gradient_norm: Euclidean norm of the gradient by every parameter of the model; None where none was taken.
        left: Recurrent modules that take or give something else than their class, by path, and what is said of it.
        unseen: What goes from step to step by neither a module nor a function of PyTorch's recurrent ones, in a line.
    """

    entered: list[Entered] = field(default_factory=list)
    around: list[tuple[str, Array, Array]] = field(default_factory=list)
    output: Any = None
    batch: int | None = None
    batch_first: bool = False
    packed: bool = False
    loss: float | None = None
    d_weights: dict[str, dict[str, Array]] = field(default_factory=dict)
    gradient_norm: float | None = None
    left: dict[str, str] = field(default_factory=dict)
    unseen: str = ""


def look(
    model: Any, arguments: tuple[Any, ...], named: Mapping[str, Any], loss: Callable[[Any], Any] | None = None
) -> Looked:
    """Run a PyTorch model once and return what it did.

    Args:
        model: A module that holds recurrent modules, or calls functions such as `torch.lstm_cell` itself.
        arguments: What it takes, as tensors.
        named: What it takes by name.
        loss: Given what the model gave, returns the loss, of which the gradient is then taken; no `grad` is changed.

    Raises:
        UserError: It holds no recurrent module, none was called, it is of a kind that cannot be looked into, or the
            loss is no single number that depends on a recurrent module.
    """
    torch = import_module("torch")
    calls: list[ModuleCall] = []
    looked = Looked()
    graph = loss is not None

    def noted() -> tuple[list[ModuleCall], Looked]:
        return calls, looked

    try:
        with (
            untouched(torch, model),
            hooked(model, noted, with_graph=graph, forced=True, or_functions=True),
            torch.enable_grad() if loss is not None else torch.no_grad(),
            torch.backends.cudnn.flags(enabled=False) if loss is not None else nullcontext(),
        ):
            model.eval()
            own = of_its_own(torch, forced=True) if graph else lambda module, given, named: (given, named)
            with functions_seen(
                model, recurrent_kinds(torch), own, lambda name: noted_call(torch, name, noted, graph, forced=True)
            ) as functions:
                looked.output = model(*arguments, **named)
            looked.unseen = functions.unseen
            if loss is not None and calls and not looked.left:
                _take_back(torch, model, loss, calls, looked, functions)
    finally:
        for call in calls:
            for piece in call.pieces:
                piece.y, piece.given, piece.ends = None, (), ()
    if looked.left:
        raise UserError(next(iter(looked.left.values())))
    if not calls:
        raise UserError(_none_called(torch, model, looked.unseen))
    if not all(call.x for call in calls):
        raise UserError(f"the batch given to {visible(type(model).__name__)} holds no sequence; give it one or more")
    looked.entered = list(each_entered(calls))
    return looked


@contextmanager
def hooked(
    model: Any,
    noted: Callable[[], tuple[list[ModuleCall], Looked]],
    with_graph: bool = False,
    forced: bool = False,
    or_functions: bool = False,
) -> Iterator[None]:
    """Note every call of the recurrent modules of a model, and what its other modules give, as long as it lasts.

    Args:
        model: A PyTorch module.
        noted: Returns where calls are put, and where the rest is put.
        with_graph: Whether tensors are kept for a gradient, where PyTorch takes one.
        forced: Whether one is taken even where nothing is trained.
        or_functions: Whether a model without a recurrent module may call functions such as `torch.lstm_cell` itself.

    Raises:
        UserError: It holds no recurrent module.
    """
    refuse_keras(model)
    torch = import_module("torch")
    hooks = []
    refusal = _refusal(torch, model, visible(type(model).__name__), or_functions)
    if refusal:
        raise UserError(refusal)
    try:
        for name, module in model.named_modules():
            if isinstance(module, recurrent_kinds(torch)):
                if with_graph:
                    hooks.append(module.register_forward_pre_hook(of_its_own(torch, forced), with_kwargs=True))
                hooks.append(
                    module.register_forward_hook(noted_call(torch, name, noted, with_graph, forced), with_kwargs=True)
                )
            elif not any(True for _ in module.children()) and not isinstance(module, torch.jit.ScriptModule):
                hooks.append(module.register_forward_hook(_seen(torch, name, noted), with_kwargs=True))
        yield
    finally:
        for hook in hooks:
            hook.remove()


def recurrent_kinds(torch: Any, each: bool = False) -> tuple[Any, ...]:
    """Return the classes of PyTorch's recurrent modules and cells; `each` by itself, not what they come from."""
    layers = (torch.nn.LSTM, torch.nn.GRU, torch.nn.RNN) if each else ()
    return *layers, torch.nn.RNNBase, torch.nn.LSTMCell, torch.nn.GRUCell, torch.nn.RNNCell


def of_its_own(torch: Any, forced: bool) -> Callable[..., Any]:
    """Return a hook that gives a module copies: so the gradient by what entered it is of this one call.

    `forced` has what enters it ask for a gradient even where nothing below or in the module is trained.
    """

    def own(value: Any, wanted: bool) -> Any:
        if isinstance(value, torch.nn.utils.rnn.PackedSequence):
            return type(value)(own(value.data, wanted), *value[1:])
        if type(value) in (tuple, list):
            return type(value)(own(one, wanted) for one in value)
        if not isinstance(value, torch.Tensor):
            return value
        if value.requires_grad or not wanted or not value.is_floating_point():
            return value.clone()
        return value.detach().clone().requires_grad_()

    def before(module: Any, given: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
        first = _input_of(torch, given, named)
        return (
            tuple(own(one, forced and one is first) for one in given),
            {name: own(one, forced and one is first) for name, one in named.items()},
        )

    return before


def _input_of(torch: Any, given: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
    """Return what a recurrent module reads: its first argument, or the first tensor among those given by name."""
    series = (torch.Tensor, torch.nn.utils.rnn.PackedSequence)
    if given or "input" in named:
        return given[0] if given else named["input"]
    return next((one for one in named.values() if isinstance(one, series)), None)


def _states_of(torch: Any, module: Any, value: Any) -> tuple[Any, ...]:
    """Return the tensors of (h, c), or of h, where a value is states of a module by its form; else none."""
    states = tuple(value) if isinstance(value, tuple | list) else (value,)
    cell = not hasattr(module, "num_layers")
    is_lstm = isinstance(module, torch.nn.LSTMCell | torch.nn.LSTM)
    sizes = [getattr(module, "proj_size", 0) or module.hidden_size, module.hidden_size][: 1 + is_lstm]
    if len(states) != len(sizes):
        return ()
    for one, size in zip(states, sizes, strict=True):
        if not isinstance(one, torch.Tensor) or not one.is_floating_point() or one.dim() not in (2 - cell, 3 - cell):
            return ()
        rows = None if cell else module.num_layers * (1 + module.bidirectional)
        if one.shape[-1] != size or (rows is not None and one.shape[0] != rows):
            return ()
    return states


def _own_outputs(torch: Any, value: Any) -> Any:
    """Return copies of what a module gave, so that a model that writes into them leaves those that were noted."""
    if isinstance(value, torch.nn.utils.rnn.PackedSequence):
        return type(value)(value.data.clone(), *value[1:])
    if type(value) in (tuple, list):
        return type(value)(_own_outputs(torch, one) for one in value)
    return value.clone() if isinstance(value, torch.Tensor) else value


def _take_back(
    torch: Any,
    model: Any,
    loss: Callable[[Any], Any],
    calls: list[ModuleCall],
    looked: Looked,
    functions: FunctionCalls,
) -> None:
    """Take the loss, and put the gradient of it by what each call gave where it is kept.

    Raises:
        UserError: It is no single number, or does not depend on a recurrent module.
    """
    try:
        value = loss(looked.output)
    except (RuntimeError, ValueError, IndexError, TypeError, AttributeError) as error:
        said = visible(str(error).split("\n")[0])[:160]
        raise UserError(
            f"the loss cannot be taken of what {visible(type(model).__name__)} gives: {said}; "
            "give loss= a function of (output, targets) that makes them fit"
        ) from error
    if not isinstance(value, torch.Tensor) or value.numel() != 1 or not value.requires_grad:
        raise UserError("the loss must be one number of PyTorch that depends on what the model gave; give its mean")
    looked.loss = float(value.detach())
    pieces = [piece for call in calls for piece in call.pieces]
    asked = [one for piece in pieces for one in (data_of(piece.y), *piece.given, *piece.ends)]
    weights = [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]
    wanted = [one for one in (*asked, *(parameter for _, parameter in weights)) if one.requires_grad]
    found = torch.autograd.grad(value.reshape(()), wanted, allow_unused=True)
    by_tensor = {id(one): d for one, d in zip(wanted, found, strict=True) if d is not None}
    for call in calls:
        for number, piece in enumerate(call.pieces):
            after = call.pieces[number + 1] if number + 1 < len(call.pieces) else None
            by_piece(torch, piece, after, by_tensor)
    total = 0.0
    for name, parameter in weights:
        d = by_tensor.get(id(parameter))
        if d is None:
            continue
        total += float(d.detach().double().square().sum())
        path, _, leaf = name.rpartition(".")
        if any(call.name == path for call in calls):
            looked.d_weights.setdefault(path, {})[leaf] = array_of(d)
        for one, call_name, own_leaf in functions.weights():
            if one is parameter:
                looked.d_weights.setdefault(call_name, {})[own_leaf] = array_of(d)
    looked.gradient_norm = total**0.5


def by_piece(torch: Any, piece: CallPiece, after: CallPiece | None, by_tensor: Mapping[int, Any]) -> None:
    """Put the gradient that arrives at one call where it is kept; what the next call sends back is taken off."""
    y = data_of(piece.y)
    d_y = by_tensor.get(id(y), torch.zeros_like(y))
    is_state = any(one is piece.y for one in piece.ends)  # of a cell
    d_y = torch.zeros_like(y) if is_state else d_y
    piece.d_y = piece.rows(type(piece.y)(d_y, *piece.y[1:]) if hasattr(piece.y, "batch_sizes") else d_y)
    found = []
    for n, end in enumerate(piece.ends):
        d = by_tensor.get(id(end), torch.zeros_like(end))
        if after is not None and after.linked and id(after.given[n]) in by_tensor:
            d = d - by_tensor[id(after.given[n])].reshape(d.shape)
        one = array_of(d)
        if is_state:  # (B, n) or (n,)
            one = one.reshape(1, -1, one.shape[-1])
        elif one.ndim == 2:  # (layers*directions, n) of one sequence without a batch
            one = one[:, None]
        found.append(one)
    piece.d_ends = tuple(found)


def data_of(y: Any) -> Any:
    """Return the tensor of what a module gave, packed or not."""
    return y.data if hasattr(y, "batch_sizes") else y


def refuse_keras(model: Any) -> None:
    """Refuse a model of Keras, whatever computes it: its recurrent layers are none of PyTorch, and its file is read.

    Raises:
        UserError: It is one.
    """
    if any(kind.__module__.partition(".")[0] in _KERAS for kind in type(model).__mro__):
        raise UserError(
            f"{visible(type(model).__name__)} is a model of Keras, and a running model of PyTorch is looked at: "
            "save it, as in model.save('m.keras'), and lstm_tui.load('m.keras') reads it whole"
        )


def _refusal(torch: Any, model: Any, kind: str, or_functions: bool = False) -> str:
    """Say why nothing of a model can be looked at; empty where something can be."""
    if any(isinstance(module, recurrent_kinds(torch)) for module in model.modules()):
        return ""
    for module in model.modules():
        if isinstance(module, torch.jit.ScriptModule) and getattr(module, "original_name", "") in _SCRIPTED:
            return f"{kind} is scripted, and PyTorch lets nobody look into that: give the module it was scripted from"
        if ".quantized." in type(module).__module__ and any(one in type(module).__name__ for one in _SCRIPTED):
            return f"{kind} holds a quantised {type(module).__name__}: give the module from before it was quantised"
    return "" if or_functions else _NO_MODULE.format(kind)


_KERAS = ("keras", "tf_keras", "tensorflow")
_NO_MODULE = "{} holds no nn.LSTM, nn.GRU or nn.RNN, and none of their cells"


def no_module(torch: Any, model: Any) -> str:
    """Say that a model holds no recurrent module and has called no function; empty where it holds one."""
    held = any(isinstance(module, recurrent_kinds(torch)) for module in model.modules())
    return "" if held else _none_called(torch, model, "")


def is_compiled(model: Any) -> bool:
    """Say whether PyTorch compiles a model or a part of it, whose functions nobody sees one by one."""
    return any(
        type(one).__name__ == "OptimizedModule" or getattr(one, "_compiled_call_impl", None) is not None
        for one in model.modules()
    )


def _none_called(torch: Any, model: Any, unseen: str) -> str:
    """Say why nothing recurrent was seen in a run, and the way out."""
    kind = visible(type(model).__name__)
    if any(isinstance(module, recurrent_kinds(torch)) for module in model.modules()):
        said = f"{kind} did not call any of its recurrent modules"
    else:
        said = f"{_NO_MODULE.format(kind)}, and called no function such as torch.lstm_cell"
    if not unseen:
        return said
    return (
        f"{said}; what goes from step to step is {visible(unseen)}: write its equations as a cell file "
        "(`lstm-tui help cells`), and name that and the weights in a map (`lstm-tui help mapping`)"
    )


def each_entered(calls: list[ModuleCall]) -> Iterator[Entered]:
    """Iterate over calls, each sequence by itself; the first of a module says where it was given another state."""
    counts: dict[str, int] = {}
    for call in calls:
        number = counts[call.name] = counts.get(call.name, -1) + 1
        later = any(one.name == call.name and one is not call for one in calls)
        stepped = not hasattr(call.module, "num_layers")
        broken = sum(len(one) for one in call.x[0]) if stepped and later and number == 0 else None
        for batch in range(len(call.x)):
            yield call.entered(batch, number, broken)


def noted_call(
    torch: Any, name: str, noted: Callable[[], tuple[list[ModuleCall], Looked]], with_graph: bool, forced: bool
) -> Callable[..., Any]:
    """Return a hook that keeps a call of a recurrent module; one that is not read as its class is left alone."""

    def after(module: Any, given: tuple[Any, ...], named: Mapping[str, Any], output: Any) -> Any:
        calls, looked = noted()
        graph = with_graph and torch.is_grad_enabled()
        x = _input_of(torch, given, named)
        told = _states_of(torch, module, given[1] if len(given) > 1 else named.get("hx"))
        y, ends = _given_by(torch, module, output)
        if not _is_read(torch, module, x, y):
            if name not in looked.left:
                looked.left[name] = _left_alone(torch, module, name)
                if not forced:  # a loop that is watched goes on
                    warnings.warn(looked.left[name], stacklevel=2)
            return None
        if not hasattr(module, "num_layers"):
            rows, first, last = _cell_call(x, y, told, ends)
            looked.batch, looked.batch_first = (len(rows[0]) if x.dim() == 2 else looked.batch), True
        else:
            rows, first, last = _layer_call(torch, module, x, y, told, ends)
            packed = hasattr(x, "batch_sizes")
            looked.batch = len(rows[0]) if packed or x.dim() == 3 else looked.batch
            looked.batch_first = module.batch_first or packed
            looked.packed = looked.packed or packed
        if graph:  # of copies: inside the module c leads to h, and h_n may be a part of y
            output = _own_outputs(torch, output)
        made = _piece(torch, module, told, output) if graph else None
        before = next((one for one in reversed(calls) if one.name == name), None)
        goes_on = before is not None and first and len(first) == len(before.last)
        goes_on = goes_on and not getattr(module, "bidirectional", False)  # its second pass begins at the end
        if before is not None and goes_on and all(map(_same, first, before.last)):
            for kept, more in ((before.x, rows[0]), (before.y, rows[1])):
                for mine, piece in zip(kept, more, strict=True):
                    mine.append(piece)
            before.last = last
            if made is not None:
                made.linked = all(one.requires_grad for one in told)
                before.pieces.append(made)
        else:
            xs, ys = ([[one] for one in part] for part in rows)
            pieces = [] if made is None else [made]
            dtype = str(data_of(y).dtype).removeprefix("torch.")
            dropout = module.dropout if module.training and getattr(module, "num_layers", 1) > 1 else 0.0
            calls.append(
                ModuleCall(name, module, xs, ys, first, last, pieces, dtype if dtype in HALF else "", float(dropout))
            )
        return _own_outputs(torch, output) if graph else None

    return after


def _same(one: Array, other: Array) -> bool:
    return np.array_equal(one, other, equal_nan=True)


def _piece(torch: Any, module: Any, states: tuple[Any, ...], output: Any) -> CallPiece:
    """Return a call as tensors."""
    y, ends = _given_by(torch, module, output)
    if not hasattr(module, "num_layers"):
        return CallPiece(y, states, ends, lambda one: [row[None] for row in array_of(_at_least(one, 2))])
    return CallPiece(y, states, ends, lambda one: _rows(torch, module, one))


def _given_by(torch: Any, module: Any, output: Any) -> tuple[Any, tuple[Any, ...]]:
    """Return what a module gave at each step, and its states behind the last; none where it gave none."""
    if not hasattr(module, "num_layers"):
        ends = _states_of(torch, module, output)
        return (ends[0], ends) if ends else (output, ())
    if isinstance(output, torch.Tensor | torch.nn.utils.rnn.PackedSequence):
        return output, ()
    if not isinstance(output, tuple | list) or not output:
        return None, ()
    return output[0], _states_of(torch, module, output[1]) if len(output) > 1 else ()


def _is_read(torch: Any, module: Any, x: Any, y: Any) -> bool:
    """Whether what entered and left a module has the form that its class has, one row a step."""
    packed = [isinstance(one, torch.nn.utils.rnn.PackedSequence) for one in (x, y)]
    read, gave = data_of(x), data_of(y)
    if packed[0] != packed[1] or not all(isinstance(one, torch.Tensor) for one in (read, gave)):
        return False
    cell = not hasattr(module, "num_layers")
    axes = (2,) if packed[0] else (1, 2) if cell else (2, 3)
    width = (getattr(module, "proj_size", 0) or module.hidden_size) * (1 + getattr(module, "bidirectional", False))
    if read.dim() not in axes or not (read.is_floating_point() and gave.is_floating_point()):
        return False
    if packed[0] and not torch.equal(x.batch_sizes, y.batch_sizes):
        return False
    fits: bool = read.shape[:-1] == gave.shape[:-1] and (read.shape[-1], gave.shape[-1]) == (module.input_size, width)
    return fits and (not cell or bool(_states_of(torch, module, y)) or isinstance(module, torch.nn.LSTMCell))


def _left_alone(torch: Any, module: Any, name: str) -> str:
    """Say that a module cannot be looked into."""
    kind = next(one for one in recurrent_kinds(torch, each=True) if isinstance(module, one)).__name__
    return (
        f"{visible(name) or 'the model'}, a {visible(type(module).__name__)}, takes or gives something else than "
        f"nn.{kind}: a series that enters and one row a step that leaves are needed to look into it"
    )


def _at_least(tensor: Any, axes: int) -> Any:
    return tensor if tensor.dim() >= axes else tensor[None]


_Rows = tuple[list[Array], list[Array]]
_States = tuple[Array, ...]


def _cell_call(x: Any, y: Any, states: tuple[Any, ...], ends: tuple[Any, ...]) -> tuple[_Rows, _States, _States]:
    """Return a step of a cell: rows that entered and left it by sequence, its states before and after it."""
    xs, ys = (array_of(_at_least(one, 2)) for one in (x, y))
    before, after = (tuple(array_of(_at_least(one, 2))[None] for one in part) for part in (states, ends))
    return ([one[None] for one in xs], [one[None] for one in ys]), before, after


def _layer_call(
    torch: Any, module: Any, x: Any, y: Any, states: tuple[Any, ...], ends: tuple[Any, ...]
) -> tuple[_Rows, _States, _States]:
    """Return a call of a module: series that entered and left it by sequence, its states before and after it."""
    rows = _rows(torch, module, x), _rows(torch, module, y)
    before, after = (
        tuple(array_of(one if one.dim() == 3 else one[:, None]) for one in part) for part in (states, ends)
    )
    return rows, before, after


def _rows(torch: Any, module: Any, series: Any) -> list[Array]:
    """Return what entered or left a module by sequence, (T, n) each."""
    if hasattr(series, "batch_sizes"):
        return [array_of(one) for one in torch.nn.utils.rnn.unpack_sequence(series)]
    if series.dim() == 2:
        return [array_of(series)]
    return [array_of(one) for one in series.unbind(0 if module.batch_first else 1)]


def _seen(torch: Any, name: str, noted: Callable[[], tuple[list[ModuleCall], Looked]]) -> Callable[..., None]:
    """Return a hook that keeps what another module read and gave."""

    def after(module: Any, given: tuple[Any, ...], named: Mapping[str, Any], output: Any) -> None:
        read = next((one for one in (*given, *named.values()) if isinstance(one, torch.Tensor)), None)
        if read is not None and isinstance(output, torch.Tensor):
            noted()[1].around.append((name, array_of(read), array_of(output)))

    return after


def array_of(tensor: Any) -> Array:
    """Return a copy of a tensor; half precision as float32."""
    one = tensor.detach().cpu()
    return np.array((one.float() if str(one.dtype) in ("torch.bfloat16", "torch.float16") else one).numpy())


def weights_of(module: Any) -> dict[str, Array]:
    """Return the weights a recurrent module computes with, by PyTorch's names, however they are kept."""
    if not hasattr(module, "num_layers"):
        names = ["weight_ih", "weight_hh", "bias_ih", "bias_hh"]
    else:
        ends = [f"_l{n}{way}" for n in range(module.num_layers) for way in ("", "_reverse")[: 1 + module.bidirectional]]
        kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")
        names = [f"{kind}{end}" for end in ends for kind in kinds]
    found = {name: getattr(module, name, None) for name in names}
    return {name: array_of(one) for name, one in found.items() if one is not None}
