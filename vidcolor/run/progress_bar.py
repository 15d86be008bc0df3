"""A bar for those who color from Python: of letters on a terminal, of the browser in a notebook."""

from __future__ import annotations

import warnings
from types import TracebackType
from typing import Any

from vidcolor.core.report import Progress


class ProgressBar:
    """A bar for ``on_progress``, in a ``with`` block.

    In a notebook it is a widget where ipywidgets is installed, else, as on a terminal, a line of
    letters. It knows what `colorize_video`, `side_by_side`, `contact_sheet` and `evaluate` tell.

        with vidcolor.ProgressBar() as bar:
            vidcolor.colorize_video("film.mp4", "out.mp4", on_progress=bar)
    """

    def __init__(self, title: str = "", **options: Any) -> None:
        """Show it.

        Args:
            title: What stands before the bar.
            options: As of ``tqdm.auto.tqdm``, such as ``leave`` or ``disable``.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that ipywidgets would look better
            from tqdm.auto import tqdm

        self._title = title
        self._bar: Any = tqdm(desc=title or None, unit=" frames", **options)
        self._begun = False

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __call__(self, progress: Progress | int, total: int | None = None) -> None:
        """Show how far a run is.

        Args:
            progress: As it is handed to ``on_progress``: a `Progress`, or how many are done.
            total: How many there are, where ``progress`` is a number; None where nobody knows.
        """
        bar = self._bar
        if not isinstance(progress, Progress):
            bar.total = total
            bar.update(progress - bar.n)
            return
        bar.total = progress.total
        if progress.doing:
            bar.set_description(": ".join(filter(None, (self._title, progress.doing))))
            return
        if not self._begun:  # what earlier runs did is not the speed of this one
            self._begun = True
            bar.set_description(self._title or None, refresh=False)
            bar.n = bar.initial = bar.last_print_n = progress.frames
            bar.refresh()
            return
        bar.update(progress.frames - bar.n)

    def close(self) -> None:
        """Leave the bar as it is; may come twice."""
        self._bar.close()
