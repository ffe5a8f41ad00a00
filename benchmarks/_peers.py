"""Who runs: one row per peer, and the Python interpreter that has it installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Peer:
    """A library in the configuration in which it is measured.

    `family` names the loop in `benchmarks/loops` that trains with it, `options` are further arguments of that
    loop. A peer `on_request` runs only when a workload's `PEERS` or the command line names it.
    """

    name: str
    family: str
    module: str
    requires: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    on_request: bool = False
    warm_cache: bool = False


def _keras(backend: str) -> Peer:
    return Peer(f"keras-{backend}", "keras", "keras", ("keras", backend), {"KERAS_BACKEND": backend})


def _lamella(backend: str) -> Peer:
    environment = {"LAMELLA_BACKEND": backend}
    return Peer(f"lamella-{backend}", "keras", "lamella", ("lamella", backend), environment, on_request=True)


PEERS = {
    peer.name: peer
    for peer in (
        Peer("lamella", "keras", "lamella", ("lamella", "jax")),
        Peer("lamella-warm", "keras", "lamella", ("lamella", "jax"), on_request=True, warm_cache=True),
        _lamella("tensorflow"),
        _lamella("torch"),
        Peer("tf-function", "tensorflow", "tensorflow", ("tensorflow",), on_request=True),
        _keras("jax"),
        _keras("tensorflow"),
        _keras("torch"),
        # Keras 3.16 (nightly) scans `steps_per_execution` steps in one program; 64 is where it was fastest.
        Peer(
            "keras-nightly",
            "keras",
            "keras",
            ("keras", "jax"),
            {"KERAS_BACKEND": "jax"},
            {"steps_per_execution": 64},
            on_request=True,
        ),
        # The steps of an execution are unrolled in Keras 3.15: with more of them it compiles for minutes.
        Peer(
            "keras-jax-16",
            "keras",
            "keras",
            ("keras", "jax"),
            {"KERAS_BACKEND": "jax"},
            {"steps_per_execution": 16},
            on_request=True,
        ),
        Peer("torch", "torch", "torch", ("torch",)),
        Peer("torch-compiled", "torch", "torch", ("torch",), options={"compiled": True}, on_request=True),
        Peer("torch-channels-last", "torch", "torch", ("torch",), options={"channels_last": True}),
        Peer("sklearn", "sklearn", "sklearn", ("sklearn",)),
        Peer("scan", "scan", "jax", ("jax",)),
    )
}
OURS = ("lamella", "lamella-warm")
LIMITS = ("scan",)
"""Not libraries, but what a library could reach: never the 'best peer' of a bar."""

DISTRIBUTIONS = (
    "numpy",
    "jax",
    "jaxlib",
    "keras",
    "keras-nightly",
    "tensorflow",
    "tensorflow-cpu",
    "torch",
    "scikit-learn",
)

_PROBE = """
import importlib.metadata, importlib.util, json, platform, sys
modules, distributions = json.loads(sys.argv[1])
versions = {"python": platform.python_version()}
for name in distributions:
    try:
        versions[name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        pass
missing = [name for name in modules if importlib.util.find_spec(name) is None]
print(json.dumps({"missing": missing, "versions": versions}))
"""


def peers_of(workload: ModuleType, settings: Mapping[str, Any]) -> list[str]:
    """The names of the peers that can run `workload`, in the order of the table.

    A workload may list them itself (`PEERS`); otherwise the Keras program runs everywhere, and the other
    families where the workload has a version for them. Progress bars are compared where there is one.
    """
    if hasattr(workload, "PEERS"):
        return list(workload.PEERS)

    def fits(peer: Peer) -> bool:
        if peer.name == "torch-channels-last" and not getattr(workload, "IMAGES", False):
            return False
        if peer.family == "keras":
            return True
        return not settings.get("VERBOSE") and hasattr(workload, f"{peer.family}_model")

    return [peer.name for peer in PEERS.values() if fits(peer)]


def chosen(workload: ModuleType, settings: Mapping[str, Any], only: Collection[str] | None) -> list[str]:
    """The peers to run: lamella and all that fit, or those of `only` that do."""
    names = peers_of(workload, settings)
    ours = [name for name in OURS if hasattr(workload, "PEERS") or not PEERS[name].on_request]
    if only is None:
        only = [name for name in names if hasattr(workload, "PEERS") or not PEERS[name].on_request]
    return [name for name in names if name in only or name in ours]


def environment_of(peer: Peer) -> dict[str, str]:
    """The environment of the peer's process: the caller's, less what would favour one library."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("KERAS_BACKEND", "LAMELLA_BACKEND", "JAX_COMPILATION_CACHE_DIR", "PYTHONDONTWRITEBYTECODE")
    }
    sources = [str(ROOT), str(ROOT / "src")] if peer.module == "lamella" else [str(ROOT)]
    environment["PYTHONPATH"] = os.pathsep.join([*sources, *filter(None, [os.environ.get("PYTHONPATH")])])
    environment["TF_CPP_MIN_LOG_LEVEL"] = "2"
    return environment | dict(peer.environment)


def probe(peer: Peer, interpreter: str | None) -> tuple[list[str], dict[str, str]]:
    """The required modules that `interpreter` lacks, and the versions of the packages it has."""
    try:
        answer = subprocess.run(
            [interpreter or sys.executable, "-c", _PROBE, json.dumps([peer.requires, DISTRIBUTIONS])],
            env=environment_of(peer),
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise SystemExit(f"--python {peer.name}={interpreter}: this does not run as a Python: {error}") from error
    found = json.loads(answer.stdout)
    return found["missing"], found["versions"]
