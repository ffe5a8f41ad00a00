"""What every test starts from: Keras as the oracle on JAX, programs compiled anew, shared tables importable.

Tests import what they share by its path in this folder, as in `from parity.ops._runner import Case`.
"""

import functools
import itertools
import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("LAMELLA_COMPILATION_CACHE", "0")
# Most of the time goes to XLA. What it compiled stays for the next run, and for the worker beside this one.
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(Path(__file__).parents[1] / ".pytest_cache" / "xla"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")

sys.path.append(str(Path(__file__).parent))

# The same examples in every run, and no limit on their time: the machines are noisy.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.load_profile("steady")


def pytest_collection_modifyitems(config, items):
    """Expect the contracts that are known not to hold yet to fail."""
    reasons, reason = {}, ""
    for line in (Path(__file__).parent / "contracts" / "known_deviations.txt").read_text().splitlines():
        if line.startswith("# "):
            reason = line[2:]
        elif line:
            reasons[line] = reason
    for item in items:
        name = item.nodeid.removeprefix("tests/")
        known = reasons.get(name) or reasons.get(name.partition("::")[0])  # one test, or a whole file
        if known:
            item.add_marker(pytest.mark.xfail(reason=known, strict=False))


# Tables compile tens of thousands of small programs that run once. XLA leaves out most of its optimisations there, and takes
# its plain code generator, which halves the time; elsewhere tests run what a user runs. `LAMELLA_TEST_OPTIMIZED=1` has it everywhere.
_COMPILED_BRIEFLY = tuple(
    f"tests/{folder}/"
    for folder in [
        "activations",
        "constraints",
        "contracts",
        "layers",
        "losses",
        "metrics",
        "ops",
        "parity",
        "quantizers",
        "regularizers",
    ]
)


@functools.cache
def _cheapen_compiles():
    """Let XLA take its plain code generator where JAX leaves out optimisations, and JAX write all programs in one context.

    JAX has an option of the first kind per program only, and makes a context per program, which is half the work of a small one.
    """
    from jax._src import compiler
    from jax._src.interpreters import mlir

    theirs = compiler.get_compile_options

    def ours(*args, env_options_overrides=None, **kwargs):
        if sys.modules["jax"].config.read("jax_disable_most_optimizations"):
            env_options_overrides = {"xla_cpu_use_fusion_emitters": False} | (env_options_overrides or {})
        return theirs(*args, env_options_overrides=env_options_overrides, **kwargs)

    compiler.get_compile_options = ours
    mlir.make_ir_context = functools.cache(mlir.make_ir_context)


def pytest_runtest_setup(item):
    """Set how much XLA optimises, by the folder of the test."""
    if "jax" in sys.modules:
        config = sys.modules["jax"].config
        brief = item.nodeid.startswith(_COMPILED_BRIEFLY) and not os.environ.get("LAMELLA_TEST_OPTIMIZED")
        if brief:
            _cheapen_compiles()
        if config.read("jax_disable_most_optimizations") != brief:
            config.update("jax_disable_most_optimizations", brief)


_tests_run = itertools.count(1)


def pytest_runtest_teardown(item, nextitem):
    """Forget compiled programs now and then: a worker runs tens of thousands of tests, and JAX keeps them all."""
    if next(_tests_run) % 400 == 0 and "jax" in sys.modules:
        sys.modules["jax"].clear_caches()
