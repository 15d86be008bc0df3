"""``vidcolor colors FILM --find NAME``: the hinted thing in the other shots."""

from __future__ import annotations

import argparse
from functools import partial

from vidcolor.cli.colors_check import plan
from vidcolor.cli.colors_shots import Subject
from vidcolor.cli.text import count, say
from vidcolor.core.timecode import timecode
from vidcolor.errors import SettingsError


def find(args: argparse.Namespace, subject: Subject) -> int:
    """Look for a thing, and write what was found into the sheet as comments; 0.

    Raises:
        SettingsError: No hint has this name, there is no sheet, or it is for a picture.
        FilmError: The film cannot be read.
    """
    if subject.info is None:
        raise SettingsError("--find looks in the shots of a film; this is a picture")
    from tqdm import tqdm

    from vidcolor.colorize.colorizer import Colorizer
    from vidcolor.colorize.find import Finder, hints_named
    from vidcolor.guidance.proposals import write_proposals
    from vidcolor.guidance.sheet_edits import edit_file
    from vidcolor.guidance.types import ColorSheet
    from vidcolor.media.decode.frame_windows import read_frames
    from vidcolor.settings import InputSettings

    info, name = subject.info, args.find.strip()
    if subject.sheet.exists():  # what is wrong is told before the film is read
        clock = subject.clock
        hints_named(ColorSheet.read(subject.sheet, clock.rate, clock.start), name)
    colorizer = Colorizer.from_weights()
    colorizer.listen()
    guidance = plan(args, subject)
    source = partial(read_frames, info.path, InputSettings(fps=info.rate_to_open))
    finder = Finder(guidance, colorizer, source, info.sample_aspect, info.rotation)
    quiet = True if args.quiet else None
    with tqdm(desc="looking", unit=" frames", disable=quiet, leave=False) as bar:

        def move(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        found = finder.find(name, move)
    proposed = [(one.hint, one.sure) for one in found]
    edit_file(subject.sheet, lambda text: write_proposals(text, name, proposed), subject.clock)
    numbers = {shot: number for number, shot in enumerate(guidance.shots, 1)}
    for one in found:
        assert one.hint.point is not None
        assert one.hint.time is not None
        x, y = one.hint.point
        say(
            f"shot {numbers[one.shot]}, {timecode(one.hint.time)}: {name} at {x:.2f},{y:.2f},"
            f" sure {one.sure:.2f}"
        )
    if found:
        what = count(len(found), "proposal")
        say(f"{subject.sheet}: {what} at its end; take the # off to keep one, or delete it")
    else:
        say(f"{name} was found in no other shot")
    return 0
