"""A net for each preset."""

from __future__ import annotations

from vidcolor.model.booknet import BookNet
from vidcolor.model.colornet import ColorNet, ColorNetConfig
from vidcolor.model.filmnet import FilmNet
from vidcolor.model.mininet import MiniNet

MINI = ColorNetConfig(preset="mini", width=288, blocks=(3, 1))
"""The shape of the shipped ``mini``."""


def build_net(config: ColorNetConfig) -> ColorNet:
    """A net with fresh weights."""
    nets: dict[str, type[ColorNet]] = {"film": FilmNet, "mini": MiniNet, "book": BookNet}
    return nets[config.preset](config)
