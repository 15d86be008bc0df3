"""vidcolor colors black-and-white film: luma untouched, every track kept.

A film and a picture:

    import vidcolor

    report = vidcolor.colorize_video("film.mp4", "out.mp4")
    print(report.frames, report.left_behind)
    vidcolor.colorize_video("photo.jpg", "out.png")

Options are in `Settings`, one dataclass for each stage; a bar shows how far it is, in a notebook
too:

    from vidcolor import ColorizerSettings, EncodeSettings, Settings

    settings = Settings(
        colorizer=ColorizerSettings(weights="mini", vivid=0.8),
        encode=EncodeSettings(crf=18),
    )
    with vidcolor.ProgressBar() as bar:
        vidcolor.colorize_video("film.mp4", "out.mp4", settings=settings, on_progress=bar)

To color
    `colorize_video` files, `colorize_image` arrays, `colorize_frames` frames of your own,
    `colorize_on_cluster` many films on many machines. A `Colorizer` holds the net: load one and
    hand it to all of them. What a run did is in its `Report`.
To say which colors
    A `ColorSheet` of `Hint`, `Reference`, `Stretch` and `Palette`, or the path of one.
To look first
    `still_at`, `contact_sheet`, `side_by_side`; `detect_shots` finds cuts. `open_video` is for a
    ``with`` block, `decode` gives its frames.
To measure and to train
    `evaluate`, `train`; `available_weights`, `load_weights`, `save_weights`.

If vidcolor refuses something, it raises a `VidcolorError` whose text is one line, and the target is
unchanged. It prints nothing: what it has to say besides goes to the logger ``vidcolor``.
"""

from __future__ import annotations

import logging
from importlib import import_module
from typing import TYPE_CHECKING, Any

logging.getLogger(__name__).addHandler(logging.NullHandler())  # silent until someone asks

__version__ = "1.0.0"

if TYPE_CHECKING:
    from vidcolor.cluster.ray_backend import colorize_on_cluster
    from vidcolor.colorize.chain import colorize_frames
    from vidcolor.colorize.colorizer import Colorizer
    from vidcolor.colorize.session import Session
    from vidcolor.core.report import Progress, Report
    from vidcolor.errors import VidcolorError
    from vidcolor.evaluation.evaluate import evaluate
    from vidcolor.guidance.entries import Hint, Palette, Reference, Stretch
    from vidcolor.guidance.types import ColorSheet
    from vidcolor.media.decode.decoder import decode
    from vidcolor.media.open import open_video
    from vidcolor.nets.weights import available_weights, load_weights, save_weights
    from vidcolor.preview.compare import side_by_side
    from vidcolor.preview.previews import contact_sheet, still_at
    from vidcolor.run.image import colorize_image
    from vidcolor.run.progress_bar import ProgressBar
    from vidcolor.run.video import colorize_video
    from vidcolor.settings import (
        ChunkSettings,
        ClusterSettings,
        ColorizerSettings,
        CompareSettings,
        EncodeSettings,
        InputSettings,
        OutputSettings,
        PaintSettings,
        ScriptSettings,
        Settings,
        ShotSettings,
        TemporalSettings,
        TitleSettings,
    )
    from vidcolor.shots.detector import detect_shots
    from vidcolor.training.loop import train
    from vidcolor.training.settings import TrainSettings

_HOMES = {
    "ChunkSettings": "settings",
    "ClusterSettings": "settings",
    "ColorSheet": "guidance.types",
    "Colorizer": "colorize.colorizer",
    "ColorizerSettings": "settings",
    "CompareSettings": "settings",
    "EncodeSettings": "settings",
    "Hint": "guidance.entries",
    "InputSettings": "settings",
    "OutputSettings": "settings",
    "PaintSettings": "settings",
    "Palette": "guidance.entries",
    "Progress": "core.report",
    "ProgressBar": "run.progress_bar",
    "Reference": "guidance.entries",
    "Report": "core.report",
    "ScriptSettings": "settings",
    "Session": "colorize.session",
    "Settings": "settings",
    "ShotSettings": "settings",
    "Stretch": "guidance.entries",
    "TemporalSettings": "settings",
    "TitleSettings": "settings",
    "TrainSettings": "training.settings",
    "VidcolorError": "errors",
    "available_weights": "nets.weights",
    "colorize_video": "run.video",
    "colorize_frames": "colorize.chain",
    "colorize_image": "run.image",
    "colorize_on_cluster": "cluster.ray_backend",
    "contact_sheet": "preview.previews",
    "decode": "media.decode.decoder",
    "detect_shots": "shots.detector",
    "evaluate": "evaluation.evaluate",
    "load_weights": "nets.weights",
    "open_video": "media.open",
    "save_weights": "nets.weights",
    "side_by_side": "preview.compare",
    "still_at": "preview.previews",
    "train": "training.loop",
}

__all__ = [
    "ChunkSettings",
    "ClusterSettings",
    "ColorSheet",
    "Colorizer",
    "ColorizerSettings",
    "CompareSettings",
    "EncodeSettings",
    "Hint",
    "InputSettings",
    "OutputSettings",
    "PaintSettings",
    "Palette",
    "Progress",
    "ProgressBar",
    "Reference",
    "Report",
    "ScriptSettings",
    "Session",
    "Settings",
    "ShotSettings",
    "Stretch",
    "TemporalSettings",
    "TitleSettings",
    "TrainSettings",
    "VidcolorError",
    "available_weights",
    "colorize_frames",
    "colorize_image",
    "colorize_on_cluster",
    "colorize_video",
    "contact_sheet",
    "decode",
    "detect_shots",
    "evaluate",
    "load_weights",
    "open_video",
    "save_weights",
    "side_by_side",
    "still_at",
    "train",
]


def __getattr__(name: str) -> Any:
    """Public names are imported when first used: ``import vidcolor`` costs no torch."""
    if name not in _HOMES:
        raise AttributeError(f"module 'vidcolor' has no attribute {name!r}")
    return getattr(import_module(f"vidcolor.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    """The public names, also those that were not used yet: for Tab and ``help``."""
    return sorted([*__all__, "__version__", "__all__", "__doc__", "__file__", "__path__"])
