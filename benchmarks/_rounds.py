"""Processes in turn: every peer once, then every peer again, so that noise disturbs all of them alike."""

from __future__ import annotations

import compileall
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import _machine, workloads
from benchmarks._peers import PEERS, ROOT, Peer, chosen, environment_of, probe


class PeerFailed(Exception):
    """The process of a peer ended without a result; the message is the end of what it said."""


def measure(
    name: str,
    variant: str,
    *,
    rounds: int,
    changes: Mapping[str, Any],
    only: Sequence[str] | None,
    pythons: Mapping[str, str],
    timeout: float,
) -> dict[str, Any]:
    """Run a workload for `rounds` rounds; its record: every measurement, and who did not run and why.

    `changes` are the settings that differ from the workload's own (the variant's are included here).
    """
    workload = workloads.load(name)
    settings = {**(workloads.variants(workload)[variant].settings if variant else {}), **changes}
    workloads.apply(workload, settings)
    record: dict[str, Any] = {
        "workload": name,
        "variant": variant,
        "settings": workloads.settings(workload),
        "machine": _machine.describe(),
        "load_before": _machine.load(),
        "skipped": {},
        "versions": {},
        "runs": [],
    }
    ready: list[str] = []
    for peer in chosen(workload, settings, only):
        missing, record["versions"][peer] = probe(PEERS[peer], pythons.get(peer))
        if missing:
            record["skipped"][peer] = f"{' and '.join(missing)} not installed"
        else:
            ready.append(peer)
    compileall.compile_dir(ROOT / "src", quiet=1)  # as an installer did for the other libraries
    with tempfile.TemporaryDirectory(prefix="lamella-benchmarks-") as scratch:
        try:
            _alternate(record, ready, rounds, settings, pythons, timeout, Path(scratch))
        except KeyboardInterrupt:
            _say("\ninterrupted; what was measured so far follows")
    return record


def _alternate(
    record: dict[str, Any],
    ready: list[str],
    rounds: int,
    settings: Mapping[str, Any],
    pythons: Mapping[str, str],
    timeout: float,
    scratch: Path,
) -> None:
    title = ":".join(filter(None, [record["workload"], record["variant"]]))
    # Round 0 fills the cache of the peers that are measured with a warm one.
    for number in range(rounds + 1):
        for name in list(ready):
            peer = PEERS[name]
            if number == 0 and not peer.warm_cache:
                continue
            started = time.monotonic()
            cache = scratch / (f"{name}-warm" if peer.warm_cache else f"{name}-{number}")
            try:
                run = run_process(peer, pythons.get(name), record["workload"], settings, scratch, cache, timeout)
            except PeerFailed as failure:
                ready.remove(name)
                record["skipped"][name] = str(failure).splitlines()[-1]
                _say(f"{title}: {name} failed and is left out\n{failure}")
                continue
            _say(f"{title}: round {number or 'of warm-up'}, {name}, {time.monotonic() - started:.1f} s")
            if number:
                record["runs"].append({"round": number, **run})


def run_process(
    peer: Peer,
    interpreter: str | None,
    workload: str,
    settings: Mapping[str, Any],
    scratch: Path,
    cache: Path,
    timeout: float,
) -> dict[str, Any]:
    """One process of `peer`: the line of JSON that `_worker` prints. `cache` is its compile-cache folder."""
    environment = environment_of(peer)
    environment["LAMELLA_CACHE_DIR"] = str(cache)
    environment["KERAS_HOME"] = str(scratch / "keras")  # neither the user's keras.json nor a new one
    spec = {
        "workload": workload,
        "peer": peer.name,
        "family": peer.family,
        "module": peer.module,
        "options": dict(peer.options),
        "settings": dict(settings),
        "started": time.monotonic(),
    }
    command = [interpreter or sys.executable, "-m", "benchmarks._worker", json.dumps(spec)]
    try:
        process = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=timeout)
    except subprocess.TimeoutExpired as error:
        raise PeerFailed(f"no result after {timeout:.0f} s (--timeout)") from error
    lines = process.stdout.strip().splitlines()
    if process.returncode or not lines:
        said = "\n".join(process.stderr.strip().splitlines()[-8:])
        raise PeerFailed(said or f"exit status {process.returncode} and no message")
    return json.loads(lines[-1])


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
