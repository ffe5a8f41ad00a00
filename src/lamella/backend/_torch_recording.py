"""A function on PyTorch, written down while it runs: every kernel it calls, those of autograd included.

`record` hands the function stand-ins for its arguments. A `Traced` holds a tensor and the number of a value; whatever
is computed from one is computed at once, by the tensors, and noted as a `Node`. What Python does besides is not
noted. So a function that looks at a value, or writes to a tensor it did not make, cannot be recorded: `NotRecordable`.
"""

import contextvars
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import optree
import torch
from torch.utils._python_dispatch import TorchDispatchMode


class NotRecordable(Exception):
    """Why a recording would not do what the function does."""


@dataclass(frozen=True)
class Value:
    """The value `number` of a recording, as an argument of a node."""

    number: int


@dataclass
class Node:
    """One call: `results = target(*args, **kwargs)`, where tensors are `Value`s, or constants as they are.

    Attributes:
        results: the numbers of the values it makes, None for results that are no tensors.
        single: whether the target returns one tensor rather than a sequence.
        writes: whether it changes arguments.
        repeatable: whether the same arguments give the same results.
    """

    target: Callable
    args: tuple
    kwargs: dict
    results: list
    single: bool
    writes: bool = False
    repeatable: bool = True

    def reads(self) -> list[int]:
        """The numbers of the values among its arguments."""
        return [leaf.number for leaf in optree.tree_leaves((self.args, self.kwargs)) if isinstance(leaf, Value)]


@dataclass(frozen=True)
class Layout:
    """What is known of a value: which memory it lies in, and how."""

    storage: int
    shape: tuple
    stride: tuple
    offset: int
    dtype: torch.dtype

    @classmethod
    def of(cls, x: torch.Tensor) -> "Layout":
        """That of `x`."""
        return cls(storage(x), tuple(x.shape), x.stride(), x.storage_offset(), x.dtype)


@dataclass
class Recording:
    """What `record` returns.

    Attributes:
        inputs: how many values are arguments; they come first.
        nodes: in the order they ran.
        outputs: a Value, or a constant, for each leaf of what the function returned.
        treedef: the structure around the outputs.
        layouts: that of each value. Memory that was given back may be that of another value again.
        filled: the values that do not depend on those of the arguments, by number: ones, zeros, ...
        written: the memory that nodes write to.
    """

    inputs: int
    layouts: list[Layout]
    nodes: list[Node] = field(default_factory=list)
    outputs: list = field(default_factory=list)
    treedef: Any = None
    filled: dict[int, torch.Tensor] = field(default_factory=dict)
    written: set[int] = field(default_factory=set)


_FILLED = (
    torch.ops.aten.ones_like.default,
    torch.ops.aten.zeros_like.default,
    torch.ops.aten.full_like.default,
    torch.ops.aten.new_zeros.default,
    torch.ops.aten.new_ones.default,
    torch.ops.aten.new_full.default,
)


_active: contextvars.ContextVar["_Recorder | None"] = contextvars.ContextVar("torch_recording", default=None)


def is_traced(value: Any) -> bool:
    """Whether `value` stands for a tensor of a recording."""
    return isinstance(value, Traced)


def refuse(reason: str) -> None:
    """End the recording under way, if there is one."""
    recorder = _active.get()
    if recorder is not None:
        recorder.fail(reason)


def opaque(function: Callable) -> Callable:
    """`function`, of tensors and other values to tensors without gradients, as a single node of a recording."""

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        if _active.get() is None or not any(isinstance(x, Traced) for x in optree.tree_leaves((args, kwargs))):
            return function(*args, **kwargs)
        return _active.get().call(function, args, kwargs)  # type: ignore[union-attr]

    return run


def record(fn: Callable, args: Sequence) -> tuple[Recording, Any]:
    """The recording of `fn(*args)`, and what it returned.

    Raises:
        NotRecordable: where the calls are not all there is to it.
    """
    leaves, treedef = optree.tree_flatten(tuple(args))
    leaves = [leaf.detach() for leaf in leaves]
    recorder = _Recorder(leaves)
    inputs = [Traced(leaf, i, recorder) for i, leaf in enumerate(leaves)]
    token = _active.set(recorder)
    try:
        with recorder:
            result = fn(*optree.tree_unflatten(treedef, inputs))
        outputs, recorder.recording.treedef = optree.tree_flatten(result)
    except Exception as error:
        raise NotRecordable(recorder.failed or f"{type(error).__name__}: {error}") from error
    finally:
        recorder.closed = True
        _active.reset(token)
    if recorder.failed:
        raise NotRecordable(recorder.failed)
    if not all(isinstance(leaf, torch.Tensor) for leaf in outputs):
        raise NotRecordable("it returns values that are no tensors")
    recorder.recording.outputs = [_noted(leaf) for leaf in outputs]
    return recorder.recording, optree.tree_map(_tensor_of, result)


class Traced(torch.Tensor):
    """Stands for the value `number`, which is `inner` now."""

    inner: torch.Tensor
    number: int
    recorder: "_Recorder"

    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, inner: torch.Tensor, number: int, recorder: "_Recorder") -> "Traced":
        made = torch.Tensor._make_wrapper_subclass(
            cls,
            inner.size(),
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
            dtype=inner.dtype,
            layout=inner.layout,
            device=inner.device,
            requires_grad=False,
        )
        made.inner, made.number, made.recorder = inner, number, recorder
        return made

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = kwargs or {}
        recorder = next(x for x in optree.tree_leaves((args, kwargs)) if isinstance(x, Traced)).recorder
        if recorder.closed:  # somebody kept it
            return func(*optree.tree_map(_tensor_of, args), **optree.tree_map(_tensor_of, kwargs))
        return recorder.dispatch(func, args, kwargs)

    def __repr__(self) -> str:
        return f"Traced({self.number}, {self.inner!r})"

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.inner.__reduce_ex__(protocol)

    def tolist(self) -> Any:
        return _read(self).tolist()

    def numpy(self, **kwargs: Any) -> Any:
        return _read(self).numpy(**kwargs)


_READS = (torch.ops.aten._local_scalar_dense.default, torch.ops.aten.is_nonzero.default, torch.ops.aten.equal.default)


class _Recorder(TorchDispatchMode):
    """Notes what is done with its stand-ins; as a mode, sees that no draw of PyTorch's own is taken for a constant."""

    def __init__(self, inputs: Sequence[torch.Tensor]):
        super().__init__()
        self.closed = False
        self.failed = ""
        self.recording = Recording(len(inputs), [Layout.of(x) for x in inputs])
        self._given = {storage(x) for x in inputs}

    def fail(self, reason: str) -> None:
        self.failed = self.failed or reason
        raise NotRecordable(self.failed)

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        if torch.Tag.nondeterministic_seeded in func.tags and not any(issubclass(t, Traced) for t in types):
            self.fail(f"it draws random numbers by {func} without a key")
        return func(*args, **(kwargs or {}))

    def dispatch(self, func: Any, args: tuple, kwargs: dict) -> Any:
        if func in _READS:
            self.fail("it looks at a value that is computed in it")
        writes = func._schema.is_mutable
        if writes:
            self._check_written(func, args, kwargs)
        repeatable = torch.Tag.nondeterministic_seeded not in func.tags
        return self._note(func, args, kwargs, writes, repeatable)

    def call(self, function: Callable, args: tuple, kwargs: dict) -> Any:
        with torch.utils._python_dispatch._disable_current_modes():
            return self._note(function, args, kwargs, False, True)

    def _note(self, target: Callable, args: tuple, kwargs: dict, writes: bool, repeatable: bool) -> Any:
        result = target(*optree.tree_map(_tensor_of, args), **optree.tree_map(_tensor_of, kwargs))
        known = {id(x.inner): x for x in optree.tree_leaves((args, kwargs)) if isinstance(x, Traced)} if writes else {}
        single = isinstance(result, torch.Tensor)
        wrapped = [self._stand_in(x, known) for x in ([result] if single else result or ())]
        numbers = [x.number if isinstance(x, Traced) else None for x in wrapped]
        noted = tuple(_noted(x, self) for x in args), {k: _noted(x, self) for k, x in kwargs.items()}
        self.recording.nodes.append(Node(target, *noted, numbers, single, writes, repeatable))
        if target in _FILLED and not any(isinstance(x, Value) for x in optree.tree_leaves((noted[0][1:], noted[1]))):
            self.recording.filled[numbers[0]] = result
        return wrapped[0] if single else None if result is None else type(result)(wrapped)

    def _stand_in(self, tensor: Any, known: dict) -> Any:
        if tensor is None or not isinstance(tensor, torch.Tensor):
            if tensor is not None:
                self.fail("it looks at a value that is computed in it")
            return None
        if id(tensor) in known:
            return known[id(tensor)]
        self.recording.layouts.append(Layout.of(tensor))
        return Traced(tensor, len(self.recording.layouts) - 1, self)

    def _check_written(self, func: Any, args: tuple, kwargs: dict) -> None:
        for i, argument in enumerate(func._schema.arguments):
            if argument.alias_info is None or not argument.alias_info.is_write:
                continue
            value = args[i] if i < len(args) else kwargs.get(argument.name)
            for tensor in optree.tree_leaves(value):
                inner = tensor.inner if isinstance(tensor, Traced) else None
                if inner is None or storage(inner) in self._given or "resize" in str(func):
                    self.fail(f"it writes by {func} to a tensor that it did not make")
                self.recording.written.add(storage(inner))


def storage(tensor: torch.Tensor) -> int:
    """A number for the memory that a tensor lies in, as long as it does."""
    return tensor.untyped_storage()._cdata


def _tensor_of(x: Any) -> Any:
    return x.inner if isinstance(x, Traced) else x


def _read(x: Traced) -> torch.Tensor:
    if not x.recorder.closed:
        x.recorder.fail("it looks at a value that is computed in it")
    return x.inner


def _noted(x: Any, recorder: "_Recorder | None" = None) -> Any:
    """An argument of a node: values by number."""
    if isinstance(x, Traced):
        return Value(x.number)
    if isinstance(x, (list, tuple)) and any(isinstance(v, (torch.Tensor, list, tuple)) for v in x):
        return type(x)(_noted(v, recorder) for v in x) if type(x) in (list, tuple) else tuple(_noted(v) for v in x)
    if isinstance(x, torch.Tensor) and x.requires_grad and recorder is not None:
        recorder.fail("it uses a tensor that is trained, and not among the variables of the model")
    return x
