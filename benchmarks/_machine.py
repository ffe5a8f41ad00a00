"""Where it ran: processor, cores, memory, versions, and how busy the machine was."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from pathlib import Path
from typing import Any

from benchmarks._peers import ROOT

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "XLA_FLAGS",
    "CUDA_VISIBLE_DEVICES",
)


def describe() -> dict[str, Any]:
    """The machine in a few words, and the settings in the environment that choose threads or devices."""
    return {
        "processor": _processor(),
        "gpu": _gpu(),
        "cores": usable_cores(),
        "memory_gib": _memory_gib(),
        "system": f"{platform.system()} {platform.release()}",
        "date": time.strftime("%Y-%m-%d"),
        "commit": _commit(),
        "environment": {name: os.environ[name] for name in THREAD_VARIABLES if name in os.environ},
    }


def usable_cores() -> int:
    """The cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def load() -> float | None:
    """How many processes wanted a core over the last minute; None where the system does not say."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    fields = {}
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            key, _, value = line.partition(":")
            fields.setdefault(key.strip(), value.strip())
    name = fields.get("model name") or platform.processor() or platform.machine()
    if "cpu family" in fields:  # virtual machines often hide the model behind the bare brand
        name += f" (family {fields['cpu family']}, model {fields['model']})"
    wide = [flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_tile") if flag in fields.get("flags", "").split()]
    return ", ".join([name, *wide])


def _gpu() -> str | None:
    """The names of the NVIDIA cards; None without one."""
    found = _output("nvidia-smi", "--query-gpu=name", "--format=csv,noheader")
    return ", ".join(found.splitlines()) if found else None


def _memory_gib() -> int | None:
    try:
        return round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30)
    except (AttributeError, OSError, ValueError):
        return None


def _commit() -> str | None:
    return _output("git", "describe", "--always", "--dirty", "--exclude=*")


def _output(*command: str) -> str | None:
    """What a command prints; None where it is not there, or fails."""
    try:
        found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    except OSError:
        return None
    return found.stdout.strip() if found.returncode == 0 and found.stdout.strip() else None
