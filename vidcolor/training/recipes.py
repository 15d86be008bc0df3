"""How each preset is trained: its net, what it sees, its losses, its optimiser."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from vidcolor.errors import SettingsError
from vidcolor.nets.book import BookNet, VGG16Classes
from vidcolor.nets.colornet import ColorNet, ColorNetConfig, DistributionNet
from vidcolor.nets.registry import MINI, build_net
from vidcolor.nets.vgg import VGG16Features, load_imagenet, read_vgg
from vidcolor.nets.vgg_fused import FilmNet
from vidcolor.nets.weights import load_weights
from vidcolor.training.data.augment import book_view, clean_pair, film_pair
from vidcolor.training.data.stills import View, random_crop
from vidcolor.training.losses import (
    book_losses,
    colorful_loss,
    hint_loss,
    perceptual_loss,
    recompose,
    student_losses,
    truth_losses,
)
from vidcolor.training.settings import TrainSettings

Losses = dict[str, Tensor]


class Painted(NamedTuple):
    """What a critic judges, at a quarter of the size of the crops."""

    lightness: Tensor
    """``(B, 1, h, w)`` L."""
    ab: Tensor
    """``(B, 2, h, w)`` of the net, at the dial's default."""
    truth: Tensor
    """``(B, 2, h, w)`` true ab."""


class Recipe(nn.Module):
    """A net with what it needs to learn; the run keeps its state dict."""

    view: View = staticmethod(random_crop)
    """How a picture becomes a square of the batch."""

    def __init__(self, net: ColorNet) -> None:
        super().__init__()
        self.net = net

    def optimizer(self, settings: TrainSettings) -> torch.optim.Optimizer:
        """AdamW; VGG16's thawed blocks learn at a tenth of the rate."""
        moving = [(k, p) for k, p in self.named_parameters() if p.requires_grad]
        slow = [p for key, p in moving if ".vgg." in key]
        fast = [p for key, p in moving if ".vgg." not in key]
        groups = [{"params": fast, "scale": 1.0}, {"params": slow, "scale": 0.1}]
        return torch.optim.AdamW(
            [group for group in groups if group["params"]],
            lr=settings.learning_rate,
            betas=(0.9, 0.99),
            weight_decay=settings.weight_decay,
            fused=True,
        )

    def schedule(self, done: float, step: int) -> float:
        """Factor on the learning rate: 200 steps of warm-up, then a half cosine to 0.

        Args:
            done: Share of the run, 0..1.
            step: Steps done.
        """
        return min(1.0, (step + 1) / 200) * 0.5 * (1 + math.cos(math.pi * done))

    def pair(self, rgb: Tensor, draw: torch.Generator) -> tuple[Tensor, Tensor]:
        """uint8 RGB ``(B, 3, h, w)`` -> the L that the net sees, the ab that it should find."""
        return film_pair(rgb, draw)

    def losses(self, L: Tensor, ab: Tensor, batch: int) -> tuple[Losses, Painted | None]:
        """Losses on one batch, and what a critic may judge of it.

        Args:
            L: ``(B, 1, h, w)``.
            ab: ``(B, 2, h, w)``.
            batch: Number of the crops' batch in the run; a teacher looks once at each.
        """
        raise NotImplementedError


class FilmRecipe(Recipe):
    """Rebalanced classification and regression from the true colors; film, and mini alone."""

    net: DistributionNet
    weights: Tensor

    def __init__(self, net: ColorNet, settings: TrainSettings) -> None:
        super().__init__(net)
        self.terms = {"perceptual": settings.perceptual, "colorful": settings.colorful}
        self.critical = settings.adversarial > 0
        self.register_buffer("weights", torch.ones(len(self.net.bins)))
        if isinstance(net, FilmNet):
            freeze(net.vgg, settings.thawed)

    def losses(self, L: Tensor, ab: Tensor, batch: int) -> tuple[Losses, Painted | None]:  # noqa: ARG002
        """``classify``, ``regress`` and the terms that were asked for."""
        logits, regressed = self.net.predict(L)
        truth = F.avg_pool2d(ab, 4)
        found = truth_losses(logits, regressed, truth, self.net.bins, self.weights)
        return self.finish(found, L, logits, regressed, truth)

    def finish(
        self, found: Losses, L: Tensor, logits: Tensor, regressed: Tensor, truth: Tensor
    ) -> tuple[Losses, Painted | None]:
        """Add the terms that judge the color chosen at the dial's default."""
        if not (any(self.terms.values()) or self.critical):
            return found, None
        ab = self.net.choose(logits, regressed)
        small = F.avg_pool2d(L, 4)
        if weight := self.terms["colorful"]:
            shown, true = recompose(small, ab), recompose(small, truth)
            found["colorful"] = weight * colorful_loss(shown, true)
        if weight := self.terms["perceptual"]:
            assert isinstance(self.net, FilmNet)
            # At half the size: VGG16 on two more full pictures would double the cost of a step.
            half = F.avg_pool2d(L, 2)
            shown, true = (recompose(half, F.interpolate(c, half.shape[2:])) for c in (ab, truth))
            features = self.net.vgg
            found["perceptual"] = weight * perceptual_loss(
                lambda rgb: features.rgb_features(rgb, 3)[1:], shown, true
            )
        return found, Painted(small, ab, truth)


class StudentRecipe(FilmRecipe):
    """A mini that learns from a film net: its distribution, its safe color, its features."""

    def __init__(self, net: ColorNet, settings: TrainSettings) -> None:
        super().__init__(net, settings)
        teacher, _ = load_weights(settings.teacher)
        if not isinstance(teacher, FilmNet) or not torch.equal(teacher.bins, self.net.bins):
            raise SettingsError(
                f"--teacher {settings.teacher} is not a film net with the same bins"
            )
        self.guess = nn.Conv2d(net.config.width, teacher.config.width, 1)
        # In a tuple, so that the teacher is no part of the state dict.
        self.teacher = (teacher.requires_grad_(False).to(memory_format=torch.channels_last),)
        self.taught: tuple[tuple[int, int], list[Tensor]] | None = None
        """Number and side of the crops that the teacher looked at last, and what it saw."""

    def pair(self, rgb: Tensor, draw: torch.Generator) -> tuple[Tensor, Tensor]:
        """The aged L for the student; the clean L for the teacher rides in front of the ab."""
        L, ab = film_pair(rgb, draw)
        return L, torch.cat([clean_pair(rgb)[0], ab], 1)

    def losses(self, L: Tensor, ab: Tensor, batch: int) -> tuple[Losses, Painted | None]:
        """``distil``, ``regress``, ``hint`` and the terms that were asked for."""
        look = batch, L.shape[-1]  # crops may grow between two agings of a batch
        if self.taught is None or self.taught[0] != look:
            teacher = self.teacher[0].to(L.device)
            with torch.no_grad():
                maps = teacher.encode(ab[:, :1])
                self.taught = look, [maps[-1], *teacher.decode(maps)]
        features, taught_logits, taught_ab = self.taught[1]
        maps = self.net.encode(L)
        logits, regressed = self.net.decode(maps)
        found = student_losses(logits, regressed, taught_logits, taught_ab)
        found["hint"] = hint_loss(self.guess(maps[-1]), features)
        return self.finish(found, L, logits, regressed, F.avg_pool2d(ab[:, 1:], 4))


class BookRecipe(Recipe):
    """The chapter's: whole pictures at 256 x 256, MSE, RMSprop."""

    view: View = staticmethod(book_view)

    def __init__(self, net: ColorNet) -> None:
        super().__init__(net)
        assert isinstance(net, BookNet)
        net.vgg.requires_grad_(False)

    def optimizer(self, settings: TrainSettings) -> torch.optim.Optimizer:
        """RMSprop with the defaults of Keras."""
        moving = [p for p in self.parameters() if p.requires_grad]
        groups = [{"params": moving, "scale": 1.0}]
        return torch.optim.RMSprop(groups, lr=settings.learning_rate, alpha=0.9, eps=1e-7)

    def schedule(self, done: float, step: int) -> float:  # noqa: ARG002
        """The chapter leaves the rate as it is."""
        return 1.0

    def pair(self, rgb: Tensor, draw: torch.Generator) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        """The picture as it is."""
        return clean_pair(rgb)

    def losses(self, L: Tensor, ab: Tensor, batch: int) -> tuple[Losses, Painted | None]:  # noqa: ARG002
        """``mse`` alone."""
        return book_losses(self.net(L), ab), None


def make_recipe(settings: TrainSettings) -> Recipe:
    """The recipe of the preset with its net, fresh or from ``start``.

    Raises:
        SettingsError: ``start`` or ``teacher`` is another kind of net.
        WeightsError: weights that are to be used cannot be read.
    """
    net = start_net(settings)
    if isinstance(net, BookNet):
        return BookRecipe(net)
    return StudentRecipe(net, settings) if settings.teacher else FilmRecipe(net, settings)


def start_net(settings: TrainSettings) -> ColorNet:
    """The net to train."""
    if settings.start:
        net, _ = load_weights(settings.start)
        if net.config.preset != settings.preset:
            raise SettingsError(
                f"{settings.start} is a {net.config.preset} net; use --preset {net.config.preset}"
            )
        return net.train()
    if settings.preset == "mini":
        return build_net(MINI)
    if settings.preset == "film":
        net = build_net(ColorNetConfig())
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
    return net


def freeze(vgg: VGG16Features, thawed: int) -> None:
    """Let only the upper ``thawed`` blocks of VGG16 learn."""
    convolutions = [layer for layer in vgg.features if isinstance(layer, nn.Conv2d)]
    first = {0: 13, 1: 10, 2: 7, 3: 4, 4: 2, 5: 0}[thawed]
    for layer in convolutions[:first]:
        layer.requires_grad_(False)
