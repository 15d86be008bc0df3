"""``vidcolor IN OUT --cluster``: the same films, colored by many workers."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from vidcolor.cli import batch
from vidcolor.cli.one import shown_of
from vidcolor.cli.progress import FilmLines, ProgressFile, Shown, progress_file
from vidcolor.cli.text import at_least
from vidcolor.errors import ClusterError, SettingsError
from vidcolor.settings import ClusterSettings, Settings

if TYPE_CHECKING:
    from vidcolor.core.report import Progress, Report
    from vidcolor.run.batch import Outcome
    from vidcolor.run.inputs import BatchItem

OPTION = "--cluster"

GRACE = 8.0
"""Seconds that there are to let the workers go when the command is interrupted."""


def add_cluster(p: argparse.ArgumentParser) -> None:
    """Whether, where and by whom."""
    group = p.add_argument_group("many workers (docs/scaling.md; pip install 'vidcolor[cluster]')")
    group.add_argument(
        OPTION,
        metavar="[=ADDRESS]",
        help="color the chunks on a Ray cluster (auto, HOST:PORT), or start Ray on this machine",
    )
    default = ClusterSettings()
    group.add_argument(
        "--workers",
        type=at_least(1),
        default=default.workers,
        metavar="N",
        help="number of workers (default: as many as fit)",
    )
    group.add_argument(
        "--worker-cpus",
        type=at_least(1),
        default=default.cpus,
        metavar="N",
        help="cores per worker (default: 1; with a GPU, its share of the cores)",
    )
    group.add_argument(
        "--worker-gpus",
        type=float,
        default=default.gpus,
        metavar="X",
        help="GPUs per worker, or a share of one (default: 1 if there are any)",
    )


def spelled_out(words: Sequence[str]) -> list[str]:
    """The words with an empty address where there is none, so that no film is taken for one."""
    return [f"{OPTION}=" if word == OPTION else word for word in words]


def cluster_settings(args: argparse.Namespace) -> ClusterSettings | None:
    """What the options ask for; None where everything is done here.

    Raises:
        SettingsError: They make no sense.
    """
    if args.cluster is None:
        if args.workers or args.worker_cpus or args.worker_gpus is not None:
            raise SettingsError("--workers, --worker-cpus and --worker-gpus need --cluster")
        return None
    return ClusterSettings(args.cluster, args.workers, args.worker_cpus, args.worker_gpus)


def color_one(args: argparse.Namespace, settings: Settings, cluster: ClusterSettings) -> Report:
    """Color a film, show a bar; its report.

    Raises:
        VidcolorError: What went wrong.
    """
    check_ray()
    from vidcolor.cluster.ray_backend import colorize_on_cluster
    from vidcolor.run.inputs import BatchItem

    args.interrupt.grace = GRACE
    source, target = Path(args.source), Path(args.target)
    item = BatchItem(args.source, source, target, colors=args.colors)
    with progress_file(args.progress) as lines, shown_of(args, lines) as shown:
        (outcome,) = colorize_on_cluster(
            [item],
            settings,
            cluster,
            several=False,
            on_progress=lambda _, progress: shown(progress),
            on_note=_Notes(args, shown),
        )
        if outcome.error:
            raise outcome.error
        assert outcome.report
        shown.report = outcome.report
    return outcome.report


def color_several(args: argparse.Namespace, settings: Settings, cluster: ClusterSettings) -> int:
    """Color all films, print the table; the exit code, as of `batch.run`.

    Raises:
        VidcolorError: Nothing can be begun.
    """
    check_ray()
    found = batch.checked_reels(args, settings)
    args.interrupt.grace = GRACE
    films = len(found.items)
    rows: dict[BatchItem, batch.Row] = {}
    args.ended = rows
    with progress_file(args.progress) as lines, Shown(None, args.quiet, f"0/{films}") as bar:
        from vidcolor.cluster.ray_backend import colorize_on_cluster

        shown = _AllShown(bar, found.items, lines)
        for outcome in colorize_on_cluster(
            found.items, settings, cluster, on_progress=shown, on_note=_Notes(args, bar)
        ):
            shown.end(outcome)
            row = rows[outcome.item] = batch.row_of(outcome)
            batch.tell(outcome, row, f"{len(rows)}/{films}", args)
    return batch.conclude([rows[item] for item in found.items], found, args)


def check_ray() -> None:
    """See that Ray is installed.

    Raises:
        ClusterError: It is not.
    """
    if find_spec("ray") is None:
        raise ClusterError("--cluster needs Ray: pip install 'vidcolor[cluster]'")


class _Notes:
    """Prints what is told of workers: trouble always, the rest where more is asked for."""

    def __init__(self, args: argparse.Namespace, shown: Shown) -> None:
        self._shown = shown
        self._wanted = (not args.quiet and args.verbose, not args.quiet)

    def __call__(self, text: str, trouble: bool) -> None:
        if self._wanted[trouble]:
            self._shown.note(f"note: {text}")


class _AllShown:
    """One bar for all films, and lines of JSON about each."""

    def __init__(self, bar: Shown, items: Sequence[BatchItem], lines: ProgressFile | None) -> None:
        self._bar = bar
        self._reels, self._file = list(items), lines
        self._lines: dict[BatchItem, FilmLines] = {}
        self._progress: dict[BatchItem, Progress] = {}
        self._ended = 0

    def __call__(self, item: BatchItem, progress: Progress) -> None:
        """Show how far a film is."""
        if lines := self._of(item):
            lines.tell(progress)
        self._progress[item] = progress
        self._show()

    def end(self, outcome: Outcome) -> None:
        """Show that something became of a film."""
        if lines := self._of(outcome.item):
            lines.end(outcome.report)
        self._ended += 1
        self._bar.name(f"{self._ended}/{len(self._reels)}")
        self._show()

    def _show(self) -> None:
        from vidcolor.core.report import Progress

        seen = self._progress.values()
        totals = [each.total for each in seen]
        total = None if None in totals else sum(filter(None, totals))
        self._bar(Progress(sum(each.frames for each in seen), total, 0.0))

    def _of(self, item: BatchItem) -> FilmLines | None:
        if self._file and item not in self._lines:
            number, films = self._reels.index(item) + 1, len(self._reels)
            self._lines[item] = self._file.film(film=number, films=films, name=item.name)
        return self._lines.get(item)
