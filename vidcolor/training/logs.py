"""What a run tells: a CSV, TensorBoard, a plot."""

from __future__ import annotations

import csv
import os
from importlib.util import find_spec
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path
from typing import Any

from vidcolor.core.files import appender, reader, write_own
from vidcolor.errors import TrainingError
from vidcolor.training.validation import SCORES

LOSSES = (
    *("classify", "regress", "distil", "hint", "perceptual", "colorful", "log_error", "mse"),
    *("deceive", "critic", "total"),
)
"""Every loss there is; a run fills some of the columns."""

LOG_STEPS = 20
"""Steps between two lines of losses in the log."""


class RunLog:
    """``log.csv``, TensorBoard events and ``log.png`` in a run folder.

    TensorBoard and the plot need the extra ``train`` and are left out without it.
    """

    def __init__(
        self,
        run: Path,
        step: int,
        losses: tuple[str, ...] = LOSSES,
        scores: tuple[str, ...] = SCORES,
    ) -> None:
        """Go on at ``step``: what a lost stretch of the run wrote after it is dropped."""
        self.file, self.plot = run / "log.csv", run / "log.png"
        self.losses, self.scores = losses, scores
        self.columns = ("step", "minutes", "rate", *losses, *scores)
        rows = _rows_before(self.file, step)
        text = StringIO(newline="")
        writer = csv.DictWriter(text, self.columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
        write_own(self.file, text.getvalue().encode())
        self.board: Any = None
        if find_spec("tensorboard"):
            from torch.utils.tensorboard import SummaryWriter

            self.board = SummaryWriter(run / "tensorboard", purge_step=step + 1)

    def write(self, step: int, minutes: float, values: dict[str, float]) -> None:
        """Add a line: losses every few steps, scores when there are any."""
        line = {"step": step, "minutes": round(minutes, 3)}
        line |= {name: round(value, 5) for name, value in values.items()}
        with TextIOWrapper(appender(self.file), newline="") as file:
            csv.DictWriter(file, self.columns).writerow(line)
        if self.board:
            for name, value in values.items():
                group = "scores" if name in self.scores else "losses"
                group = group if name in (*self.losses, *self.scores) else "run"
                self.board.add_scalar(f"{group}/{name}", value, step)
            self.board.flush()

    def draw(self) -> None:
        """Plot losses and scores so far."""
        if find_spec("matplotlib"):
            draw_log(read_log(self.file), self.plot, self.losses, self.scores)

    def close(self) -> None:
        """Close the files."""
        if self.board:
            self.board.close()


def format_scores(scores: dict[str, float]) -> str:
    """Scores as a line for people."""
    return ", ".join(f"{name} {value:.3f}" for name, value in scores.items())


def read_log(file: Path) -> list[dict[str, str]]:
    """The lines of a ``log.csv``; a line that a crash cut short is left out."""
    with TextIOWrapper(reader(file), newline="") as lines:
        return [row for row in csv.DictReader(lines) if None not in row.values() and row["step"]]


def _rows_before(file: Path, step: int) -> list[dict[str, str]]:
    """The lines up to a step; none where there is no log yet.

    Raises:
        TrainingError: Something else is in its place.
    """
    try:
        rows = read_log(file) if os.path.lexists(file) else []
        return [row for row in rows if float(row["step"]) <= step]
    except OSError as error:
        raise TrainingError(f"{file} cannot be read ({error.strerror})") from error
    except (ValueError, KeyError, csv.Error) as error:
        raise TrainingError(f"{file} is not a training log; remove it and run again") from error


def draw_log(
    rows: list[dict[str, str]], target: Path, losses: tuple[str, ...], scores: tuple[str, ...]
) -> None:
    """Two plots over the steps: losses, and scores."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 7), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    for axes, names, title in ((above, losses, "losses"), (below, scores, "scores")):
        for name in names:
            points = [(float(row["step"]), float(row[name])) for row in rows if row[name]]
            if points:
                axes.plot(
                    *zip(*points, strict=True), label=name, marker="." if axes is below else ""
                )
        axes.set_title(title)
        axes.grid(visible=True)
        if axes.lines:
            axes.legend(fontsize="small", ncols=2)
    above.set_yscale("log")
    below.set_xlabel("step")
    drawn = BytesIO()
    figure.savefig(drawn, format="png", dpi=100)
    write_own(target, drawn.getvalue())
