"""How each preset is trained: its net, what it sees, its losses, its optimiser."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from vidcolor.color.lab import rgb_to_lab
from vidcolor.core.paths import cache_folder
from vidcolor.errors import SettingsError, TrainingError
from vidcolor.media.images.files import write_rgb
from vidcolor.nets.book import BookNet
from vidcolor.nets.colornet import ColorNet, DistributionNet, NetInput
from vidcolor.nets.guide_net import GuideNet
from vidcolor.nets.trust_gate import Gate
from vidcolor.nets.vgg import VGG16Features
from vidcolor.nets.vgg_fused import FilmNet
from vidcolor.nets.weights import load_features, load_weights
from vidcolor.training.checkpoints import Run
from vidcolor.training.convolution import quicken
from vidcolor.training.data.augment import Expose, book_view, clean_pair, film_pair
from vidcolor.training.data.clips import extract_clips
from vidcolor.training.data.crops import Micro, batches
from vidcolor.training.data.picture_index import SHORT_SIDE, index_stills
from vidcolor.training.data.stills import (
    RandomCrops,
    Still,
    View,
    random_crop,
    remember,
    split_stills,
)
from vidcolor.training.data.strong import bend, expose, wide_crop
from vidcolor.training.logs import LOSSES
from vidcolor.training.losses import (
    book_losses,
    class_weights,
    colorful_loss,
    hint_loss,
    log_error_loss,
    perceptual_loss,
    recompose,
    soft_encode,
    student_losses,
    truth_losses,
)
from vidcolor.training.net_start import freeze, start_net
from vidcolor.training.settings import TrainSettings
from vidcolor.training.validation import SCORES, sheet, validate

WARM_SHARE = 0.05
"""Share of a run after which the learning rate no longer rises."""

Losses = dict[str, Tensor]
Net = ColorNet | Gate | GuideNet
"""What can be trained."""


class Painted(NamedTuple):
    """What a critic judges, at a quarter of the size of the crops."""

    lightness: Tensor
    """``(B, 1, h, w)`` L."""
    ab: Tensor
    """``(B, 2, h, w)`` of the net, at the dial's default."""
    truth: Tensor
    """``(B, 2, h, w)`` true ab."""


class Recipe(nn.Module):
    """A net with what it needs to learn: what the loop asks of a preset.

    The run keeps its state dict.
    """

    name = "net"
    """Of the weights file, before its hash."""
    loss_names: tuple[str, ...] = LOSSES
    score_names: tuple[str, ...] = SCORES
    """Columns of the log."""
    warm_up = 200
    """Steps in which the rate rises."""

    def __init__(self, net: Net) -> None:
        super().__init__()
        self.net: Any = net

    def gather(self, run: Run) -> None:
        """Find what the net learns from, and what is kept to validate on.

        Raises:
            TrainingError: There is nothing.
        """
        raise NotImplementedError

    def optimizer(self, settings: TrainSettings) -> torch.optim.Optimizer:
        """For what moves; its groups have a ``scale`` of the learning rate."""
        raise NotImplementedError

    def schedule(self, done: float, step: int) -> float:
        """Factor on the learning rate: a warm-up, then a half cosine to 0.

        The warm-up ends after `warm_up` steps, or after `WARM_SHARE` of a short run.

        Args:
            done: Share of the run, 0..1.
            step: Steps done.
        """
        warm = max((step + 1) / self.warm_up, done / WARM_SHARE)
        return min(1.0, warm) * 0.5 * (1 + math.cos(math.pi * done))

    def batches(self, run: Run) -> Iterator[list[Any]]:
        """For each step from the run's position to its end, what this process learns from."""
        raise NotImplementedError

    def losses(self, batch: Any, run: Run) -> tuple[Losses, Painted | None]:
        """Losses on one of the `batches`, and what a critic may judge of it."""
        raise NotImplementedError

    def validate(self, net: Any, run: Run) -> dict[str, float]:
        """Scores of a net like this one, with a ``score``; none where nothing was kept for it."""
        raise NotImplementedError

    def notes(self, run: Run) -> dict[str, Any]:
        """What the net learned from; goes into its file."""
        raise NotImplementedError


class ColorRecipe(Recipe):
    """A colornet, which learns from single pictures."""

    view: View = staticmethod(random_crop)
    """How a picture becomes a square of the batch."""
    strong = False
    """Whether that square has a rim, for `bend` to cut off."""
    expose: Expose | None = None
    """What happens to the gray before it ages."""
    net: ColorNet
    stills: list[Still]
    kept: list[Still]
    """Pictures to validate on."""
    emptied: set[str]
    """Sources to train on of which no picture is left: each looks like one of another."""

    def gather(self, run: Run) -> None:
        """All usable pictures, each looked at once and then remembered for all runs."""
        with run.team.lead():
            found, skipped = find_pictures(run)
        self.stills, self.kept = split_stills(found, run.settings.kept_sources)
        left = {still.source for still in self.stills}
        self.emptied = {still.source for still in found} - left - set(run.settings.kept_sources)
        skipped["twins"] = len(found) - len(self.stills) - len(self.kept)
        run.note(f"{len(self.stills)} pictures to train on, {len(self.kept)} to validate on")
        run.note(
            "left out: " + (", ".join(f"{n} {why}" for why, n in skipped.items() if n) or "none")
        )
        if run.settings.kept_sources:
            run.note("sources to validate on: " + ", ".join(run.settings.kept_sources))
        if not self.stills:
            raise TrainingError(
                f"no picture is left to train on; all {len(self.kept)} are needed to validate on"
            )

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

    def batches(self, run: Run) -> Iterator[list[Micro]]:
        """Numbered batches of crops."""
        return batches(run, self.stills, self.view, self.emptied)

    def losses(self, batch: Micro, run: Run) -> tuple[Losses, Painted | None]:
        """Those of `color_losses` on what the net sees of the crops."""
        number, rgb = batch
        device = run.team.device
        look = number // run.settings.looks
        with torch.no_grad():
            rgb = rgb.to(device, non_blocking=True)
            if self.strong:
                # By the number of the crops alone: a teacher looks once at what its student sees.
                rgb = bend(rgb, run.draw(-1 - look, device))
            L, ab = self.pair(rgb, run.draw(number, device))
        L = L.contiguous(memory_format=torch.channels_last)
        with run.team.autocast():
            return self.color_losses(L, ab, look)

    def pair(self, rgb: Tensor, draw: torch.Generator) -> tuple[Tensor, Tensor]:
        """uint8 RGB ``(B, 3, h, w)`` -> the L that the net sees, the ab that it should find."""
        return film_pair(rgb, draw, self.expose)

    def color_losses(self, L: Tensor, ab: Tensor, batch: int) -> tuple[Losses, Painted | None]:
        """Losses on one batch, and what a critic may judge of it.

        Args:
            L: ``(B, 1, h, w)``.
            ab: ``(B, 2, h, w)``.
            batch: Number of the crops' batch in the run; a teacher looks once at each.
        """
        raise NotImplementedError

    def validate(self, net: ColorNet, run: Run) -> dict[str, float]:
        """Scores on pictures kept from training, and a sheet of them in the run folder."""
        if not self.kept:
            return {}
        found = validate(net, self.kept, run.team.autocast)
        if not found.triptychs:
            return {}
        write_rgb(sheet(found.triptychs), run.folder / f"sheet-{run.at.step:06d}.png")
        return found.scores

    def notes(self, run: Run) -> dict[str, Any]:
        """Settings that make a difference, and the number of pictures."""
        made = ("start", "teacher", "accumulate", "thawed", "sides", "augment", "kept_sources")
        losses = ("perceptual", "colorful", "log_error", "adversarial", "rebalance")
        notes = {key: getattr(run.settings, key) for key in (*made, *losses)}
        parts = {"lite": self.net.config.lite, "agreement": self.net.config.agreement}
        return notes | parts | {"pictures": len(self.stills)}


def find_pictures(run: Run) -> tuple[list[Still], Counter[str]]:
    """All usable pictures, and reason -> how many were left out for it."""
    found: list[Still] = []
    skipped: Counter[str] = Counter()
    if run.settings.stills:
        pictures, faults = find_stills(run)
        found += pictures
        skipped.update(faults)
    if run.settings.clips:
        clips = [Path(folder) for folder in run.settings.clips]
        pictures, faults = extract_clips(clips, run.folder / "clips", run.on_index)
        found += pictures
        skipped.update(faults)
    return found, skipped


def find_stills(run: Run) -> tuple[list[Still], dict[str, int]]:
    """As `find_pictures`, of the stills alone."""
    stills = [Path(folder) for folder in run.settings.stills]
    cache = Path(run.settings.cache or cache_folder())
    # Half as large again as the largest crops, which are of a part of the picture.
    short_side = max(SHORT_SIDE, max(run.settings.sides) * 3 // 2)
    pictures, faults = index_stills(stills, cache, run.on_index, run.folder, short_side)
    if run.team.leader:  # for whoever wants to know what a net has learned from
        remember(run.folder / "stills.json", {}, pictures, faults)
    return pictures, faults


class FilmRecipe(ColorRecipe):
    """Rebalanced classification and regression from the true colors; film, and mini alone."""

    net: DistributionNet
    weights: Tensor

    def __init__(self, net: ColorNet, settings: TrainSettings) -> None:
        super().__init__(net)
        self.log_error = settings.log_error
        self.terms = {"perceptual": settings.perceptual, "colorful": settings.colorful}
        self.critical = settings.adversarial > 0
        # The net's own may be made for gray. In a tuple, so that it is no part of the state dict.
        self.judge: tuple[VGG16Features, ...] = ()
        if settings.perceptual:
            self.judge = (load_features().requires_grad_(False),)
        if settings.augment == "strong":
            self.view, self.strong, self.expose = wide_crop, True, expose
        self.register_buffer("weights", torch.ones(len(self.net.bins)))
        if isinstance(net, FilmNet):
            freeze(net.vgg, settings.thawed)
            if net.config.lite:
                net.lite.requires_grad_(False)
        quicken(net)

    def gather(self, run: Run) -> None:
        """Pictures, and how rare each color is in them."""
        super().gather(run)
        if not (run.folder / "last.pt").is_file():
            share = count_bins(self.stills, self.net.bins.cpu(), run.settings, self.emptied)
            self.weights.copy_(class_weights(share, run.settings.rebalance))

    def color_losses(self, L: Tensor, ab: Tensor, batch: int) -> tuple[Losses, Painted | None]:  # noqa: ARG002
        """``classify``, ``regress`` and the terms that were asked for."""
        logits, regressed = self.net.predict(NetInput(L))
        truth = F.avg_pool2d(ab, self.net.output_stride)
        safe = self.net.choose(logits, regressed, 0.0)
        found = truth_losses(logits, safe, truth, self.net.bins, self.weights)
        self.add_log_error(found, L, safe, truth)
        return self.finish(found, L, logits, regressed, truth)

    def add_log_error(self, found: Losses, L: Tensor, safe: Tensor, truth: Tensor) -> None:
        """Add ``log_error``, of the safest color: it alone is to be as near as can be."""
        if self.log_error:
            small = F.avg_pool2d(L, self.net.output_stride)
            shown, true = (recompose(small, color) for color in (safe, truth))
            found["log_error"] = self.log_error * log_error_loss(shown, true)

    def finish(
        self, found: Losses, L: Tensor, logits: Tensor, regressed: Tensor, truth: Tensor
    ) -> tuple[Losses, Painted | None]:
        """Add the terms that judge the color chosen at the dial's default."""
        if not (any(self.terms.values()) or self.critical):
            return found, None
        ab = self.net.choose(logits, regressed)
        small = F.avg_pool2d(L, self.net.output_stride)
        if weight := self.terms["colorful"]:
            shown, true = recompose(small, ab), recompose(small, truth)
            found["colorful"] = weight * colorful_loss(shown, true)
        if weight := self.terms["perceptual"]:
            # At half the size: VGG16 on two more full pictures would double the cost of a step.
            half = F.avg_pool2d(L, 2)
            shown, true = (recompose(half, F.interpolate(c, half.shape[2:])) for c in (ab, truth))
            judge = self.judge[0].to(L.device)
            found["perceptual"] = weight * perceptual_loss(
                lambda rgb: judge.rgb_features(rgb, 3)[1:], shown, true
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
        L, ab = film_pair(rgb, draw, self.expose)
        return L, torch.cat([clean_pair(rgb)[0], ab], 1)

    def color_losses(self, L: Tensor, ab: Tensor, batch: int) -> tuple[Losses, Painted | None]:
        """``distil``, ``regress``, ``hint`` and the terms that were asked for."""
        look = batch, L.shape[-1]  # crops may grow between two agings of a batch
        if self.taught is None or self.taught[0] != look:
            teacher = self.teacher[0].to(L.device)
            with torch.no_grad():
                maps = teacher.encode(NetInput(ab[:, :1]))
                heads = teacher.decode(maps)
                self.taught = look, [maps[-1], heads[0], teacher.choose(*heads, 0.0)]
        features, taught_logits, taught_ab = self.taught[1]
        maps = self.net.encode(NetInput(L))
        logits, regressed = self.net.decode(maps)
        safe = self.net.choose(logits, regressed, 0.0)
        found = student_losses(logits, safe, taught_logits, taught_ab)
        found["hint"] = hint_loss(self.guess(maps[-1]), features)
        truth = F.avg_pool2d(ab[:, 1:], self.net.output_stride)
        self.add_log_error(found, L, safe, truth)
        return self.finish(found, L, logits, regressed, truth)


class BookRecipe(ColorRecipe):
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

    def color_losses(self, L: Tensor, ab: Tensor, batch: int) -> tuple[Losses, Painted | None]:  # noqa: ARG002
        """``mse`` alone."""
        return book_losses(self.net(NetInput(L)), ab), None


def count_bins(
    stills: list[Still], bins: Tensor, settings: TrainSettings, emptied: Collection[str] = ()
) -> Tensor:
    """(Q,) share of each ab bin in 512 crops, or fewer where there are few pictures."""
    count = min(512, -(-len(stills) // 4) * 32)
    factors = dict(settings.source_weights)
    data = RandomCrops(stills, 64, settings.seed + 7919, factors, count, emptied=emptied)
    total = torch.zeros(len(bins))
    for index in range(0, count, 32):
        rgb = torch.stack([data[index + i] for i in range(32)])
        ab = F.avg_pool2d(rgb_to_lab(rgb.float() / 255)[:, 1:], 4)
        total += soft_encode(ab, bins).sum((0, 2, 3))
    return total / total.sum()


def make_recipe(settings: TrainSettings) -> Recipe:
    """The recipe of a colornet's preset with its net, fresh or from ``start``.

    Raises:
        SettingsError: ``start`` or ``teacher`` is another kind of net.
        WeightsError: weights that are to be used cannot be read.
    """
    net = start_net(settings)
    if isinstance(net, BookNet):
        recipe: Recipe = BookRecipe(net)
    else:
        recipe = (StudentRecipe if settings.teacher else FilmRecipe)(net, settings)
    return recipe.to(memory_format=torch.channels_last)
