"""How training shows its progress: a live bar on a terminal, plain lines elsewhere."""

import sys
import time
from typing import Any

import numpy as np

from lamella.errors import ArgumentError
from lamella.training._callback import Callback, verbosity


class Progbar:
    """A progress bar with running metrics.

    Args:
        target: the number of steps; None when unknown.
        width: of the bar, in characters.
        verbose: 0 silent, 1 a bar, 2 one line when it is full.
        interval: the least time between two drawings, in seconds.
        stateful_metrics: names whose values are shown as given; the others are averaged over the updates.
        stateless_metrics: names whose values are averaged, the others being shown as given; by default all that are not
            stateful.
        unit_name: what a step is called.
    """

    def __init__(
        self,
        target: int | None,
        width: int = 20,
        verbose: int = 1,
        interval: float = 0.05,
        stateful_metrics: Any = None,
        stateless_metrics: Any = None,
        unit_name: str = "step",
    ):
        self.target = target
        self.width = width
        self.verbose = verbose
        self.interval = interval
        self.unit_name = unit_name
        if stateful_metrics is not None and stateless_metrics is not None:
            raise ArgumentError(
                "Only one of `stateful_metrics` and `stateless_metrics` can be given: the metrics without a name there are of "
                f"the other kind. Received: stateful_metrics={stateful_metrics!r}, stateless_metrics={stateless_metrics!r}"
            )
        self.stateful_metrics = set(stateful_metrics or ())
        self.stateless_metrics = None if stateless_metrics is None else set(stateless_metrics)
        self._live = sys.stdout.isatty() if hasattr(sys.stdout, "isatty") else False
        self._values: dict[str, Any] = {}
        self._order: list[str] = []
        self._seen_so_far = 0
        self._start = time.perf_counter()
        self._last_drawn = 0.0
        self._display: Any = None
        self._averages = True
        self._finished = False

    def update(self, current: int, values: Any = None, finalize: bool | None = None) -> None:
        """Show that `current` steps are done.

        Args:
            current: steps done so far.
            values: pairs (name, value) of the last step; of several values, as a list or an array, the mean is shown.
            finalize: whether this is the last update; by default when `current` reaches the target.
        """
        if finalize is None:
            finalize = self.target is not None and current >= self.target
        for name, value in values or ():
            self._take(name, value, current)
        self._seen_so_far = current
        if self._finished or not self.verbose:
            return
        now = time.perf_counter()
        if self.verbose == 1 and self._live:
            if finalize or now - self._last_drawn >= self.interval:
                self._draw(current, now, finalize)
        elif finalize:
            sys.stdout.write(self._line(current, now) + "\n")
            sys.stdout.flush()
        self._finished = finalize
        if finalize:
            self.close()

    def add(self, n: int, values: Any = None) -> None:
        """Show that `n` more steps are done."""
        self.update(self._seen_so_far + n, values)

    def close(self) -> None:
        """Let go of the terminal; the bar stays as it is."""
        if self._display is not None:
            self._display.stop()
            self._display = None
        self._finished = True

    def _take(self, name: str, value: Any, current: int) -> None:
        if name not in self._values:
            self._order.append(name)
        named = self.stateless_metrics
        averaged = name not in self.stateful_metrics if named is None else name in named
        if isinstance(value, (list, np.ndarray)):
            value = float(np.mean(value))
        if not (averaged and self._averages):
            self._values[name] = value
            return
        steps = max(current - self._seen_so_far, 1)
        total, count = self._values.get(name, (0.0, 0))
        self._values[name] = (total + value * steps, count + steps)

    def _shown(self, name: str) -> str:
        value = self._values[name]
        if isinstance(value, tuple):
            value = value[0] / max(value[1], 1)
        try:
            value = float(value)
        except (TypeError, ValueError):
            return f"{name}: {value}"
        return f"{name}: {value:.4f}" if abs(value) > 1e-3 else f"{name}: {value:.4e}"

    def _metrics(self) -> str:
        return "".join(f" - {self._shown(name)}" for name in self._order)

    def _line(self, current: int, now: float) -> str:
        """The finished bar as a line of text."""
        elapsed = now - self._start
        per_step = format_seconds(elapsed / max(current, 1)) + f"/{self.unit_name}"
        count = f"{current}/{current if self.target is None else self.target}"
        if self.verbose == 2:
            return f"{count} - {elapsed:.0f}s - {per_step}{self._metrics()}"
        return f"{count} {'━' * self.width} {format_clock(elapsed)} {per_step}{self._metrics()}"

    def _draw(self, current: int, now: float, finalize: bool) -> None:
        from rich.console import Console
        from rich.live import Live
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        elapsed = now - self._start
        per_step = format_seconds(elapsed / max(current, 1)) + f"/{self.unit_name}"
        target = current if finalize else self.target
        row = Table.grid(padding=(0, 1))
        row.add_column(no_wrap=True)
        row.add_column(no_wrap=True)
        row.add_column(no_wrap=True, overflow="ellipsis")
        if target is None:
            count, timing = f"{current}/Unknown", f"{format_clock(elapsed)} {per_step}"
        else:
            width = 2 * len(str(target)) + 1
            remaining = (target - current) * elapsed / max(current, 1)
            count = f"{current}/{target}".rjust(width)
            timing = f"{format_clock(elapsed if finalize else remaining)} {per_step}"
        bar = ProgressBar(total=target, completed=current, width=self.width)
        row.add_row(count, bar, Text(timing + self._metrics()))
        if self._display is None:
            # Whatever callbacks print while the bar lives appears above it.
            self._display = Live(console=Console(file=sys.stdout, highlight=False), auto_refresh=False)
            self._display.start()
        self._display.update(row, refresh=True)
        self._last_drawn = now


def format_seconds(seconds: float) -> str:
    """A duration with the unit that suits it: 3s, 12ms, 45us."""
    if seconds >= 1 or seconds == 0:
        return f"{seconds:.0f}s"
    if seconds >= 1e-3:
        return f"{seconds * 1e3:.0f}ms"
    return f"{seconds * 1e6:.0f}us"


def format_clock(seconds: float) -> str:
    """A duration for a person who waits: 0.4s, 12s, 3:05, 1:02:33."""
    if seconds < 10:
        return f"{seconds:.1f}s"
    seconds = int(seconds)
    if seconds < 60:
        return f"{seconds}s"
    if seconds < 3600:
        return f"{seconds // 60}:{seconds % 60:02d}"
    return f"{seconds // 3600}:{seconds % 3600 // 60:02d}:{seconds % 60:02d}"


class ProgbarLogger(Callback):
    """Shows the metrics of training, evaluation and prediction on standard output.

    On a terminal it is a bar that is redrawn about ten times a second; elsewhere, a line an epoch.
    """

    reads_only = True
    # `fit` calls `show(...)` at the end of each chunk instead of the batch hooks of every step.
    drawn_by_chunk = True

    def __init__(self) -> None:
        super().__init__()
        self.progbar: Progbar | None = None
        self._training = False

    def listens_to(self) -> tuple[str, ...]:
        """No batch hooks: chunks are enough."""
        return ()

    def _begin(self) -> None:
        params = self.params or {}
        self.progbar = Progbar(params.get("steps"), verbose=verbosity(params.get("verbose", 1)))
        self.progbar._averages = False  # the logs are running means already

    def show(self, step: int, logs: dict[str, Any]) -> None:
        """Show the running metrics after `step` steps."""
        if self.progbar is not None:
            self.progbar.update(step, list(logs.items()), finalize=False)

    def _finish(self, logs: dict | None) -> None:
        if self.progbar is None:
            return
        if self.progbar.target is None:
            self.progbar.target = self.progbar._seen_so_far
        shown = {k: v for k, v in (logs or {}).items() if isinstance(v, (int, float))}
        self.progbar.update(self.progbar.target or 0, list(shown.items()), finalize=True)
        self.progbar = None

    def on_train_begin(self, logs: dict | None = None) -> None:
        self._training = True

    def on_train_end(self, logs: dict | None = None) -> None:
        self._training = False
        self.close()

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        params = self.params or {}
        epochs = params.get("epochs", 1)
        if verbosity(params.get("verbose", 1)) and epochs > 1:
            sys.stdout.write(f"Epoch {epoch + 1}/{epochs}\n")
        self._begin()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self._finish(logs)

    def on_test_begin(self, logs: dict | None = None) -> None:
        if not self._training:
            self._begin()

    def on_test_end(self, logs: dict | None = None) -> None:
        if not self._training:
            self._finish(logs)

    def on_predict_begin(self, logs: dict | None = None) -> None:
        self._begin()

    def on_predict_end(self, logs: dict | None = None) -> None:
        self._finish(None)

    def close(self) -> None:
        """End the line of an interrupted bar."""
        if self.progbar is not None:
            self.progbar.close()
            self.progbar = None
