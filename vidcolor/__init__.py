"""vidcolor colours black-and-white film: luma untouched, every track kept, one command."""

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
    from vidcolor.pipeline import colorize_film, colorize_image
    from vidcolor.preview import contact_sheet, still_at
    from vidcolor.settings import Settings
    from vidcolor.shots import detect_shots
    from vidcolor.training.trainer import train

_HOMES = {
    "Colorizer": "colorizer",
    "Report": "frames",
    "Settings": "settings",
    "VidcolorError": "errors",
    "available_weights": "model.weights",
    "colorize_film": "pipeline",
    "colorize_image": "pipeline",
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
    "Colorizer",
    "Report",
    "Settings",
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
