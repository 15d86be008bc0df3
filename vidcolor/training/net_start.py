"""How the net of a run begins: fresh or from weights, with more parts, with parts that stay."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import nn

from vidcolor.errors import SettingsError
from vidcolor.nets.book import VGG16Classes
from vidcolor.nets.colornet import ColorNet, ColorNetConfig, DistributionNet
from vidcolor.nets.efficientnet_lite import load_imagenet_lite
from vidcolor.nets.registry import MINI, build_net
from vidcolor.nets.vgg import VGG16Features, load_imagenet, read_vgg
from vidcolor.nets.vgg_fused import FilmNet
from vidcolor.nets.weights import load_weights
from vidcolor.training.settings import TrainSettings

MEAN_AGREEMENT = 0.6
"""Of the hues of a place, over photographs and the film net."""


def start_net(settings: TrainSettings) -> ColorNet:
    """The net to train, fresh or from ``start``.

    Raises:
        SettingsError: ``start`` is another kind of net.
        WeightsError: weights that are to be used cannot be read.
    """
    if settings.start:
        net, _ = load_weights(settings.start)
        if net.config.preset != settings.preset:
            raise SettingsError(
                f"{settings.start} is a {net.config.preset} net; use --preset {net.config.preset}"
            )
        if settings.lite:
            net = add_lite(net, settings.lite)
        if settings.agreement and isinstance(net, DistributionNet):
            add_agreement(net, settings.agreement)
        return net.train()
    if settings.preset == "mini":
        return build_net(replace(MINI, agreement=settings.agreement))
    if settings.preset == "film":
        config = ColorNetConfig(lite=bool(settings.lite), agreement=settings.agreement)
        net = build_net(config)
    else:
        # A file with the convolutions alone has no class probabilities: their features do instead.
        whole = settings.vgg == "torchvision" or "classifier.6.weight" in read_vgg(settings.vgg)
        net = build_net(ColorNetConfig(preset="book", embedding=1000 if whole else 512))
    vgg = net.vgg
    if isinstance(vgg, VGG16Classes):
        vgg.load(settings.vgg)
    else:
        assert isinstance(vgg, VGG16Features)
        load_imagenet(vgg, settings.vgg)
        if isinstance(net, FilmNet) and settings.lite:
            load_imagenet_lite(net.lite, settings.lite)
    return net


def add_lite(net: ColorNet, source: str) -> ColorNet:
    """A film net with EfficientNet-Lite2 beside VGG16; it gives the same colors until it learns."""
    if net.config.lite:
        raise SettingsError("the net of --start has EfficientNet-Lite2 already; leave out --lite")
    wider = build_net(replace(net.config, lite=True))
    assert isinstance(wider, FilmNet)
    wider.load_state_dict(net.state_dict(), strict=False)
    load_imagenet_lite(wider.lite, source)
    return wider


@torch.no_grad()
def add_agreement(net: DistributionNet, exponent: float) -> None:
    """Let colors of doubtful hue fade; the regressed ones grow by what they lose on average."""
    if net.config.agreement != exponent:
        for parameter in net.regress.parameters():
            parameter.mul_(MEAN_AGREEMENT ** (net.config.agreement - exponent))
        net.config = replace(net.config, agreement=exponent)


def freeze(vgg: VGG16Features, thawed: int) -> None:
    """Let only the upper ``thawed`` blocks of VGG16 learn."""
    convolutions = [layer for layer in vgg.features if isinstance(layer, nn.Conv2d)]
    first = {0: 13, 1: 10, 2: 7, 3: 4, 4: 2, 5: 0}[thawed]
    for layer in convolutions[:first]:
        layer.requires_grad_(False)
