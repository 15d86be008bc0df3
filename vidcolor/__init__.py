"""vidcolor colors black-and-white film: luma untouched, every track kept.

A film and a picture::

    import vidcolor

    report = vidcolor.colorize_film("film.mp4", "out.mp4")
    print(report.frames, report.left_behind)
    vidcolor.colorize_film("photo.jpg", "out.png")

Dials are in settings, one dataclass for each part of the way::

    from vidcolor import ColorizerSettings, EncodeSettings, Settings

    settings = Settings(
        colorizer=ColorizerSettings(weights="mini", vivid=0.8),
        encode=EncodeSettings(crf=18),
    )
    vidcolor.colorize_film("film.mp4", "out.mp4", settings=settings, on_progress=print)

Many films share one `Colorizer`, which holds the net. `still_at` and `contact_sheet` show what a
film will look like, `detect_shots` where its cuts are. Whatever vidcolor refuses is a
`VidcolorError` whose text is one line; the target is then as it was.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from vidcolor.cluster import colorize_on_cluster
    from vidcolor.colorizer import Colorizer
    from vidcolor.comparison import side_by_side
    from vidcolor.errors import VidcolorError
    from vidcolor.evaluation import evaluate
    from vidcolor.film.decode import decode
    from vidcolor.film.probe import open_film
    from vidcolor.frames import Report
    from vidcolor.model.weights import available_weights, load_weights, save_weights
    from vidcolor.pipeline import colorize_film
    from vidcolor.preview import contact_sheet, still_at
    from vidcolor.settings import (
        ChunkSettings,
        ClusterSettings,
        ColorizerSettings,
        CompareSettings,
        EncodeSettings,
        OpenSettings,
        OutputSettings,
        PaintSettings,
        Settings,
        ShotSettings,
        SmoothSettings,
        TitleSettings,
    )
    from vidcolor.shots import detect_shots
    from vidcolor.stills import colorize_image
    from vidcolor.training.settings import TrainSettings
    from vidcolor.training.trainer import train

_HOMES = {
    "ChunkSettings": "settings",
    "ClusterSettings": "settings",
    "Colorizer": "colorizer",
    "ColorizerSettings": "settings",
    "CompareSettings": "settings",
    "EncodeSettings": "settings",
    "OpenSettings": "settings",
    "OutputSettings": "settings",
    "PaintSettings": "settings",
    "Report": "frames",
    "Settings": "settings",
    "ShotSettings": "settings",
    "SmoothSettings": "settings",
    "TitleSettings": "settings",
    "TrainSettings": "training.settings",
    "VidcolorError": "errors",
    "available_weights": "model.weights",
    "colorize_film": "pipeline",
    "colorize_image": "stills",
    "colorize_on_cluster": "cluster",
    "contact_sheet": "preview",
    "decode": "film.decode",
    "detect_shots": "shots",
    "evaluate": "evaluation",
    "load_weights": "model.weights",
    "open_film": "film.probe",
    "save_weights": "model.weights",
    "side_by_side": "comparison",
    "still_at": "preview",
    "train": "training.trainer",
}

__all__ = [
    "ChunkSettings",
    "ClusterSettings",
    "Colorizer",
    "ColorizerSettings",
    "CompareSettings",
    "EncodeSettings",
    "OpenSettings",
    "OutputSettings",
    "PaintSettings",
    "Report",
    "Settings",
    "ShotSettings",
    "SmoothSettings",
    "TitleSettings",
    "TrainSettings",
    "VidcolorError",
    "available_weights",
    "colorize_film",
    "colorize_image",
    "colorize_on_cluster",
    "contact_sheet",
    "decode",
    "detect_shots",
    "evaluate",
    "load_weights",
    "open_film",
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
