"""What is checked before the net is loaded: weights, inputs, outputs, reports, room.

Options come first, as parsers and settings check them; then, with nothing heavy loaded, what the
file system tells; then what a look into the film tells. Whatever is checked here is checked again
where it is used: the pipeline trusts nobody.
"""

from __future__ import annotations

import argparse
import glob
import os
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from vidcolor.cli.text import say
from vidcolor.core.find_sequence import sequence_at, sequence_folder
from vidcolor.core.paths import (
    CONTAINERS,
    HELPERS,
    STILL_SUFFIXES,
    finished_path,
    is_pattern,
    models_folder,
    work_folder,
)
from vidcolor.errors import FilmUnreadable, OutputError, SettingsError, WeightsNotFound
from vidcolor.settings import InputSettings, OutputSettings, Settings

if TYPE_CHECKING:
    from vidcolor.core.video_info import VideoInfo
    from vidcolor.media.open import VideoReader

PIPE = "-"
"""As OUT: the film goes to standard output; as IN: it comes from standard input."""


def check_weights(*names: str) -> None:
    """See that there are nets of such names, or files.

    Raises:
        WeightsNotFound: There is none.
    """
    nets = shipped_nets()
    for name in names:
        if name in HELPERS:
            raise WeightsNotFound(
                f"{name} is not a net for coloring; use one of: {', '.join(nets)}"
            )
        # A damaged list is told when it is read in earnest.
        if nets and name not in nets and not Path(name).is_file():
            raise WeightsNotFound(
                f"no weights {name!r}; give a .safetensors file or one of: {', '.join(nets)}"
            )


def shipped_nets() -> list[str]:
    """Names of the nets that ship; none where their list cannot be read."""
    try:
        entries = tomllib.loads((models_folder() / "weights.toml").read_text(encoding="utf-8"))
        names = [entry["name"] for entry in entries["weights"]]
    except (OSError, KeyError, ValueError):
        return []
    return sorted(name for name in names if name not in HELPERS)


def check_colors(name: str | None) -> None:
    """See that there is such a color sheet.

    Raises:
        SettingsError: There is none.
    """
    if name not in (None, "auto", "none") and not os.path.isfile(name):
        raise SettingsError(f"no color sheet {name!r}; give --colors a file, auto or none")


def check_source(name: str) -> None:
    """See that a film or picture is there, and that it can be read.

    Raises:
        FilmUnreadable: It is not, or cannot.
    """
    from vidcolor.core.files import check_file

    path = check_file(name)
    sequence = sequence_at(path)
    if not os.access(sequence.path(0) if sequence else path, os.R_OK):
        raise FilmUnreadable(f"{name}: cannot be opened: Permission denied")


def check_folder_or_file(name: str) -> None:
    """See that a film, a picture or a folder is there.

    Raises:
        FilmUnreadable: It is not.
    """
    if not os.path.isdir(name):
        check_source(name)


def check_output(source: str | None, target: str, settings: OutputSettings) -> None:
    """See that a target may be written.

    Raises:
        OutputError: It may not.
    """
    from vidcolor.core.target import check_target

    path = Path(target)
    from vidcolor.core.frame_target import check_frames, frame_target

    name = frame_target(path)
    # A run that was stopped may have put the target there itself, and one that was finished with a
    # color sheet may be made anew after an edit.
    if os.path.isdir(work_folder(path)) or os.path.isfile(finished_path(path)):
        settings = replace(settings, force=True)
    if settings.split:
        from vidcolor.run.split import check_split

        return check_split(Path(source) if source else None, path, settings)
    if name:
        return check_frames(name, sequence_at(source) if source else None, settings)
    check_target(Path(source) if source else None, path, settings)
    return None


def check_beside(option: str, path: Path | str | None, *others: str) -> None:
    """See that a file of a report can be written when the work is done.

    Args:
        option: That named it.
        path: The file; None where there is none.
        others: Films and targets, none of which it may be.

    Raises:
        OutputError: It cannot.
    """
    if path is None:
        return
    path = Path(path)
    folder = path.absolute().parent
    why = ""
    try:
        if "\0" in str(path):
            why = "not a file name"
        elif not folder.is_dir():
            why = f"there is no folder {folder}; create it first"
        elif path.is_dir():
            why = "is a folder; name a file inside it"
        elif any(_is_same_file(path, Path(other)) for other in others if other != PIPE):
            why = "is the film itself; choose another name"
        elif not os.access(path if path.exists() else folder, os.W_OK):
            why = "cannot be written; choose another place"
    except (OSError, ValueError) as error:
        why = f"cannot be written ({getattr(error, 'strerror', None) or error})"
    if why:
        raise OutputError(f"{option} {path}: {why}")


def _is_same_file(one: Path, other: Path) -> bool:
    if one.exists() and other.exists():
        return os.path.samefile(one, other)
    return os.path.abspath(one) == os.path.abspath(other)


def check_folder(name: str) -> None:
    """See that targets can be put into a folder, which need not be there yet.

    Raises:
        OutputError: They cannot.
    """
    folder = Path(os.path.abspath(name))
    while not os.path.lexists(folder) and folder != folder.parent:
        folder = folder.parent
    if folder.is_dir() and not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"{name}: the folder {folder} is read-only")


def check_sources(words: Sequence[str]) -> None:
    """See that of several words at least one names a film, a folder or a pattern.

    One that is missing among others is told when its turn comes, and stops none of them.

    Raises:
        FilmUnreadable: None does.
    """
    found = (glob.iglob(word, recursive=True) if is_pattern(word) else [word] for word in words)
    if not any(os.path.exists(name) for names in found for name in names):
        check_source(words[0])


def check_one(args: argparse.Namespace, settings: Settings) -> VideoInfo | None:
    """All that can be known before one film or picture is colored; options are known to be good.

    Returns:
        What the film is; None for a picture, and for a film that comes through a pipe.

    Raises:
        VidcolorError: What would stop it later.
    """
    check_weights(settings.colorizer.weights)
    if args.source != PIPE:
        check_source(args.source)
    check_colors(args.colors)
    for sound in settings.open.sound:
        check_source(sound)
    source = None if args.source == PIPE else args.source
    if args.target != PIPE:
        check_output(source, args.target, settings.output)
    check_beside("--report", args.report, args.source, args.target)
    if source is None:
        check_piped(args)
        return None
    if args.target != PIPE:
        check_suffix(args.source, args.target, is_y4m(args))
    from vidcolor.media.open import film_is_still

    if film_is_still(args.source):
        check_no_sound(args, settings)
        return None
    with looked_into(args.source, settings.open) as film:
        check_plan(film.info, args, settings)
    return film.info


def check_no_sound(args: argparse.Namespace, settings: Settings) -> None:
    """See that no sound is wanted beside a picture; an animation has its own way to be a film.

    Raises:
        SettingsError: It is.
    """
    if settings.open.sound and Path(args.target).suffix.lower() in STILL_SUFFIXES:
        raise SettingsError(f"{Path(args.source).name}: --sound is for films; this is a picture")


def check_no_terminal() -> None:
    """See that standard input is a pipe or a file.

    Raises:
        SettingsError: It is a terminal.
    """
    if os.isatty(0):
        raise SettingsError("- reads the film from a pipe, not a terminal; name a file")


def check_piped(args: argparse.Namespace) -> None:
    """See that a film can come through standard input; nothing of it is read.

    Raises:
        SettingsError: It cannot, or not into such a target.
    """
    check_no_terminal()
    if args.fps is not None:
        raise SettingsError("--fps is for image sequences; a film from a pipe has its own rate")
    if args.colors == "auto":
        raise SettingsError("no color sheet lies beside a pipe; give --colors a file, or none")
    if args.shots:
        raise SettingsError("--shots reads the film before; a pipe gives it only once")
    if args.target != PIPE and not is_y4m(args):
        from vidcolor.media.encode.encoder import container_of

        if container_of(Path(args.target)) == "mxf":
            raise SettingsError("MXF cannot be written from a pipe; use a .mov or .mkv name")


def is_y4m(args: argparse.Namespace) -> bool:
    """Whether OUT is y4m: by its suffix, or a pipe by ``--to``."""
    if args.target == PIPE:
        return "y4m" in args.to
    return Path(args.target).suffix.lower() == ".y4m"


def check_plan(info: VideoInfo, args: argparse.Namespace, settings: Settings) -> None:
    """See that a film can be encoded as the options say, and that there is room for it.

    Raises:
        OutputError: It cannot, or there is none.
        SettingsError: An option does not fit the encoder.
    """
    if is_y4m(args):
        from vidcolor.media.mux.y4m import plan_y4m

        plan_y4m(info, settings.encode)
        return
    if args.target == PIPE:
        from vidcolor.media.mux.pipe_sink import plan_pipe

        plan_pipe(info, settings.encode)
        return
    from vidcolor.media.sequences.plan import plan_target
    from vidcolor.run.disk_space import check_room

    target = Path(args.target)
    plan = plan_target(info, target, settings.encode)
    short = check_room(info, target, plan, settings.open, settings.encode)
    if short and not args.quiet:
        say(f"note: {short}")


def check_suffix(source: str, target: str, is_raw: bool = False) -> None:
    """See that a film, or a picture, can be written under such a name.

    Raises:
        SettingsError: It cannot.
    """
    from vidcolor.core.frame_target import frame_target
    from vidcolor.media.encode.encoder import container_of
    from vidcolor.media.images.kinds import check_kind
    from vidcolor.media.open import film_is_still

    path = Path(target)
    if not film_is_still(source):
        if frame_target(path) is None and not is_raw:
            container_of(path)
    elif path.suffix.lower() not in STILL_SUFFIXES:
        check_kind(Path(source))  # one that cannot be read is told first
        known = ", ".join(STILL_SUFFIXES)
        raise SettingsError(f"{path.name}: for a picture, the output must end in {known}")


def is_name_of_one(target: str) -> bool:
    """Whether a film or a picture can be written under such a name."""
    return target == PIPE or Path(target).suffix.lower() in (*CONTAINERS, *STILL_SUFFIXES)


def looked_into(source: str, settings: InputSettings) -> VideoReader:
    """The film, opened as it will be: what cannot be colored is refused.

    Raises:
        FilmError: It cannot.
        SettingsError: It has no such picture.
    """
    from vidcolor.media.open import open_video

    return open_video(source, settings)


def check_film(source: str, settings: InputSettings) -> None:
    """See that a film, which may be a picture, can be opened.

    Raises:
        FilmError: It cannot.
    """
    check_source(source)
    from vidcolor.media.open import film_is_still

    if not film_is_still(source):
        looked_into(source, settings).close()


def rate_for(source: str, fps: Fraction | None) -> Fraction | None:
    """The rate that is asked for, where a source is an image sequence; others have their own."""
    return fps if sequence_folder(source) else None
