"""A net for each preset."""

from __future__ import annotations

from vidcolor.nets.book import BookNet
from vidcolor.nets.colornet import ColorNet, ColorNetConfig
from vidcolor.nets.mini import MiniNet
from vidcolor.nets.vgg_fused import FilmNet

MINI = ColorNetConfig(preset="mini", width=288, blocks=(3, 1))
"""The shape of the shipped ``mini``."""


def build_net(config: ColorNetConfig) -> ColorNet:
    """A net with fresh weights."""
    nets: dict[str, type[ColorNet]] = {"film": FilmNet, "mini": MiniNet, "book": BookNet}
    return nets[config.preset](config)
