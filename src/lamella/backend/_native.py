"""Machine code of our own on a CPU: LLVM makes it for the processor at hand, and XLA calls it.

`Code` holds the words that the kernels are written in, and what runs them: XLA calls a handler, which hands the parts
of the work to XLA's own threads and works on them itself, until none is left. A part is computed by one thread in an
order of its own, so results do not depend on the number of threads.
"""

import contextlib
import ctypes
import functools
import hashlib
import inspect
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lamella.backend import _cache


@functools.cache
def engine(kernels: type["Code"]) -> Any:
    """LLVM's engine with the code of these kernels, made on the first call; None where there are none for this processor.

    `LAMELLA_NATIVE=0` says that there are none.
    """
    lanes = 0 if os.environ.get("LAMELLA_NATIVE", "1") == "0" else _lanes()
    return _compiled(kernels, lanes) if lanes else None


def _lanes() -> int:
    """The single-precision numbers in a vector of this processor; 0 where there are no kernels for it."""
    if os.name != "posix":
        return 0
    try:
        import llvmlite.binding as llvm
    except ImportError:
        return 0
    has = llvm.get_host_cpu_features().get
    if has("avx512f"):
        return 16
    if has("avx2") and has("fma"):
        return 8
    return 4 if llvm.get_process_triple().startswith(("aarch64", "arm64")) else 0


def _compiled(kernels: type["Code"], lanes: int) -> Any:
    """An engine with the code, which is made once for each processor and release of LLVM."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    library = ctypes.CDLL(None)
    for name in ("malloc", "free", "sched_yield"):
        llvm.add_symbol(name, ctypes.cast(getattr(library, name), ctypes.c_void_p).value)
    processor = llvm.get_host_cpu_name()
    features = llvm.get_host_cpu_features().flatten() + ",-prefer-256-bit" * (lanes == 16)
    sources = [Path(inspect.getfile(kind)).read_text() for kind in kernels.__mro__[:-1]]
    known = (sources, processor, features, llvm.llvm_version_info)
    name = hashlib.sha256(repr(known).encode()).hexdigest()
    directory = _cache.directory("native")
    kept = None if directory is None else directory / f"{kernels.__name__}-{name}"
    machine = llvm.Target.from_default_triple().create_target_machine(processor, features, opt=2, jit=True)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    try:
        code = None if kept is None else kept.read_bytes()
    except OSError:
        code = None
    if code is None:
        module = llvm.parse_assembly(str(kernels(lanes).module))
        builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=2))
        builder.getModulePassManager().run(module, builder)
        code = machine.emit_object(module)
        if kept is not None:
            _write(kept, code)
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return engine


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all, whatever other processes do."""
    part = path.with_name(f"{path.name}.{os.getpid()}")
    with contextlib.suppress(OSError):
        part.write_bytes(data)
        part.replace(path)


class Code:
    """Kernels, in LLVM's words."""

    handlers: Sequence[str] = ()
    """The names of the functions that XLA calls."""

    def __init__(self, lanes: int):
        from llvmlite import ir

        self.ir = ir
        self.lanes, self.width = lanes, 2 * lanes
        self.rows = 4 if lanes == 8 else 8
        """So many rows of two vectors are summed up in registers."""
        self.int, self.flag = ir.IntType(64), ir.IntType(1)
        self.float, self.pointer = ir.FloatType(), ir.PointerType()
        self.vector = ir.VectorType(self.float, lanes)
        self.module = ir.Module("lamella")
        self.module.triple = ""
        self.external: dict[str, Any] = {}

    # ---- words -------------------------------------------------------------------------------------------

    def declared(self, name: str, result: Any, arguments: list) -> Any:
        return self.ir.Function(self.module, self.ir.FunctionType(result, arguments), name)

    def function(self, name: str, arguments: Sequence, result: Any = None) -> tuple[Any, Any, list]:
        function = self.declared(name, result or self.ir.VoidType(), list(arguments))
        function.attributes.add("noinline")  # or each call has a copy, which takes a while to compile
        return function, self.ir.IRBuilder(function.append_basic_block()), list(function.args)

    def number(self, value: int) -> Any:
        return self.ir.Constant(self.int, value)

    def at(self, b: Any, base: Any, *distances: Any) -> Any:
        """The address so many numbers behind `base`."""
        for distance in distances:
            distance = self.number(distance) if isinstance(distance, int) else distance
            base = b.gep(base, [distance], source_etype=self.float)
        return base

    def entry(self, b: Any, base: Any, index: int, kind: Any = None) -> Any:
        """The entry of eight bytes at `index`."""
        return b.load(b.gep(base, [self.number(index)], source_etype=self.int), typ=kind or self.int)

    def space(self, b: Any, kind: Any, count: int = 1) -> Any:
        with b.goto_entry_block():
            found = b.alloca(kind, self.number(count))
        found.align = 64
        found.type = self.pointer  # llvmlite still gives it one that knows what is there
        return found

    @contextlib.contextmanager
    def loop(self, b: Any, start: Any, stop: Any, step: Any) -> Iterator[Any]:
        counter = self.space(b, self.int)
        test, body, end = (b.append_basic_block(name) for name in ("test", "body", "end"))
        b.store(start, counter)
        b.branch(test)
        b.position_at_end(test)
        index = b.load(counter, typ=self.int)
        b.cbranch(b.icmp_signed("<", index, stop), body, end)
        b.position_at_end(body)
        yield index
        b.store(b.add(index, step), counter)
        b.branch(test)
        b.position_at_end(end)

    def least(self, b: Any, one: Any, other: Any) -> Any:
        return b.select(b.icmp_signed("<", one, other), one, other)

    def known(self, name: str) -> Any:
        """A function of the C library's or of LLVM's own."""
        ir, i, p, v, n = self.ir, self.int, self.pointer, self.vector, f"v{self.lanes}f32"
        word, flags = ir.IntType(32), ir.VectorType(self.flag, self.lanes)
        octets = ir.VectorType(ir.IntType(8), self.lanes)
        kinds = {
            "malloc": ("malloc", p, [i]),
            "free": ("free", ir.VoidType(), [p]),
            "sched_yield": ("sched_yield", word, []),
            "prefetch": ("llvm.prefetch.p0", ir.VoidType(), [p, word, word, word]),
            "fma": (f"llvm.fma.{n}", v, [v] * 3),
            "round": (f"llvm.nearbyint.{n}", v, [v]),
            "load": (f"llvm.masked.load.{n}.p0", v, [p, word, flags, v]),
            "load_bytes": (f"llvm.masked.load.v{self.lanes}i8.p0", octets, [p, word, flags, octets]),
            "store": (f"llvm.masked.store.{n}.p0", ir.VoidType(), [v, p, word, flags]),
        }
        if name not in self.external:
            symbol, result, arguments = kinds[name]
            self.external[name] = self.declared(symbol, result, arguments)
        return self.external[name]

    def load(self, b: Any, address: Any) -> Any:
        return b.load(address, align=4, typ=self.vector)

    def splat(self, b: Any, value: Any) -> Any:
        kind = self.ir.VectorType(value.type, self.lanes)
        undefined = self.ir.Constant(kind, self.ir.Undefined)
        first = b.insert_element(undefined, value, self.ir.Constant(self.ir.IntType(32), 0))
        return b.shuffle_vector(first, undefined, self.places([0] * self.lanes))

    def places(self, places: Sequence[int]) -> Any:
        return self.ir.Constant(self.ir.VectorType(self.ir.IntType(32), len(places)), list(places))

    # ---- threads -----------------------------------------------------------------------------------------

    # What the threads that work on one call share, in entries of eight bytes: counts, the numbers that describe the work, of
    # which the first is how many parts it has, the other arguments and the results. A helper may come when the call has
    # returned, and its arguments are gone: it must find here, and only here, that nothing is left to do.
    _NEXT, _DONE, _HOLDERS, _PARTS, _GIVEN = range(5)

    def given(self, b: Any, shared: Any, place: int) -> Any:
        """The address of an argument, the description being the first, or of a result, which come behind."""
        return self.entry(b, shared, self._GIVEN + place, self.pointer)

    def handler(self, name: str, part: Any, arguments: int, results: int) -> None:
        """Adds the function `name` for XLA to call, which calls `part(shared, index, slot)` for each part of the work.

        `slot` is where a thread keeps the address of memory of its own, once it has some.
        """
        work = self._work(f"{name}_work", part)
        helper = self._helper(f"{name}_help", work)
        self._handler(name, work, helper, arguments, results)

    def _count(self, b: Any, shared: Any, place: int) -> Any:
        return b.gep(shared, [self.number(place)], source_etype=self.int)

    def _work(self, name: str, part: Any) -> Any:
        """Computes parts as long as there are any that no thread has taken: (shared)."""
        function, b, (shared,) = self.function(name, [self.pointer])
        parts = self.entry(b, shared, self._PARTS)
        slot = self.space(b, self.pointer)
        b.store(self.ir.Constant(self.pointer, None), slot)
        take, compute, end = (b.append_basic_block(block) for block in ("take", "compute", "end"))
        b.branch(take)
        b.position_at_end(take)
        index = b.atomic_rmw("add", self._count(b, shared, self._NEXT), self.number(1), "seq_cst")
        b.cbranch(b.icmp_signed("<", index, parts), compute, end)
        b.position_at_end(compute)
        b.call(part, [shared, index, slot])
        b.atomic_rmw("add", self._count(b, shared, self._DONE), self.number(1), "seq_cst")
        b.branch(take)
        b.position_at_end(end)
        b.call(self.known("free"), [b.load(slot, typ=self.pointer)])
        b.ret_void()
        return function

    def _leave(self, b: Any, shared: Any) -> None:
        """The last that leaves takes what was shared away; a helper may come when all is done."""
        holders = b.atomic_rmw("sub", self._count(b, shared, self._HOLDERS), self.number(1), "seq_cst")
        with b.if_then(b.icmp_signed("==", holders, self.number(1))):
            b.call(self.known("free"), [shared])

    def _helper(self, name: str, work: Any) -> Any:
        """What another thread of XLA's runs: (shared)."""
        function, b, (shared,) = self.function(name, [self.pointer])
        b.call(work, [shared])
        self._leave(b, shared)
        b.ret_void()
        return function

    def _handler(self, name: str, work: Any, helper: Any, arguments: int, results: int) -> None:
        """What XLA calls: (frame). The offsets are those of XLA's c_api.h on machines with addresses of 64 bits."""
        ir, i, p = self.ir, self.int, self.pointer
        _, b, (frame,) = self.function(name, [p], p)
        nothing = ir.Constant(p, None)
        extension, api, context = (self.entry(b, frame, place, p) for place in (1, 2, 3))
        with b.if_then(b.icmp_unsigned("!=", extension, nothing)):
            # Asked which version of the interface this is written for, before the first call.
            metadata = self.entry(b, extension, 3, p)
            b.store(self.entry(b, api, 4), b.gep(metadata, [self.number(3)], source_etype=i))
            b.store(ir.Constant(ir.IntType(32), 0), b.gep(metadata, [self.number(4)], source_etype=i))
            b.store(self.number(0), b.gep(metadata, [self.number(5)], source_etype=i))
            b.ret(nothing)
        buffers = [(9, place) for place in range(arguments)] + [(14, place) for place in range(results)]
        shared = b.call(self.known("malloc"), [self.number(8 * (self._GIVEN + len(buffers)))])
        for place in (self._NEXT, self._DONE):
            b.store(self.number(0), self._count(b, shared, place))
        for place, (kind, index) in enumerate(buffers):
            data = self.entry(b, self.entry(b, self.entry(b, frame, kind, p), index, p), 3, p)
            b.store(data, self._count(b, shared, self._GIVEN + place))
        parts = self.entry(b, self.given(b, shared, 0), 0)
        b.store(parts, self._count(b, shared, self._PARTS))

        call = ir.FunctionType(p, [p])
        count = self.space(b, i)
        b.store(self.number(1), count)
        asked = self.space(b, i, 4)
        for place, value in enumerate((self.number(32), nothing, context, count)):
            b.store(value, b.gep(asked, [self.number(place)], source_etype=i))
        b.call(self._of_interface(b, api, 18, call), [asked])
        threads = self.least(b, b.load(count, typ=i), parts)
        b.store(threads, self._count(b, shared, self._HOLDERS))
        task = self.space(b, i, 5)
        for place, value in enumerate((self.number(40), nothing, context, helper, shared)):
            b.store(value, b.gep(task, [self.number(place)], source_etype=i))
        with self.loop(b, self.number(1), threads, self.number(1)):
            b.call(self._of_interface(b, api, 17, call), [task])

        b.call(work, [shared])
        wait, yielded, end = (b.append_basic_block(block) for block in ("wait", "yielded", "end"))
        b.branch(wait)
        b.position_at_end(wait)
        done = b.load_atomic(self._count(b, shared, self._DONE), "seq_cst", 8, typ=i)
        b.cbranch(b.icmp_signed("<", done, parts), yielded, end)
        b.position_at_end(yielded)
        b.call(self.known("sched_yield"), [])
        b.branch(wait)
        b.position_at_end(end)
        self._leave(b, shared)
        b.ret(nothing)

    def _of_interface(self, b: Any, api: Any, place: int, kind: Any) -> Any:
        return b.inttoptr(self.entry(b, api, place), kind.as_pointer())
