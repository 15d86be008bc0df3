"""The guide: spreads the colors that a user gave over what they belong to.

What belongs together is told by the colornet's own features, by lightness and by place, whatever
the hints are (as LGA-Net does, ICCV 2025). Within a picture a Gaussian process spreads hints, and a
small net looks at the result once more; between pictures a kernel carries color to what looks alike
there. Without a hint nothing here runs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from vidcolor.errors import SettingsError
from vidcolor.nets.layers import upsample_to

_ABUNIT = 30.0
"""ab units that are 1 to the refiner."""
_FEWEST = 1e-4
"""Least variance that the process leaves."""
_EXPECTED = 10.0
"""ab units by which a color may miss an expected one."""
_STATE = 15
"""Maps that the refiner sees beside features."""
_BLOCK = 1 << 18
"""Affinities that are held at a time where they are only summed up."""


@dataclass(frozen=True)
class GuideConfig:
    """The shape of a guide, stored with its weights."""

    net: str
    """sha256 of the weights file whose features it reads, hexadecimal."""
    fine: int = 128
    """Channels of the colornet's last map, at its output size."""
    coarse: int = 256
    """Channels of its map at half that size."""
    embedding: int = 32
    """Length of the vector by which places are compared."""
    width: int = 48
    """Channels of the refiner at the output size."""

    def __post_init__(self) -> None:
        counts = (self.fine, self.coarse, self.embedding, self.width)
        fits = all(isinstance(count, int) and 1 <= count <= 2048 for count in counts)
        if not fits or self.width % 8 or not isinstance(self.net, str):
            raise SettingsError(f"no guide can be made from {self}")


class Embedding(nn.Module):
    """What a place shows, as a vector: places of one thing lie near each other."""

    def __init__(self, fine: int, coarse: int, size: int) -> None:
        super().__init__()
        self.fine, self.coarse = nn.Conv2d(fine, size, 1), nn.Conv2d(coarse, size, 1)

    def forward(self, fine: Tensor, coarse: Tensor) -> Tensor:
        """``(B, D, h, w)`` float32.

        Args:
            fine: ``(B, C, h, w)``, as of `DistributionNet.fuse`.
            coarse: ``(B, C', h', w')``.
        """
        own: Tensor = self.fine(normalize(fine))
        return own.float() + upsample_to(self.coarse(normalize(coarse)), own).float()


class Affinity(nn.Module):
    """How far two places go together, 0..1: a sum of Gaussians over features, lightness, place."""

    def __init__(self, kernels: int) -> None:
        super().__init__()
        self.sharpness = nn.Parameter(torch.zeros(kernels))
        """Logarithms of factors on the distance of embeddings."""
        self.lightness = nn.Parameter(torch.full((kernels,), math.log(20.0)))
        """Logarithms of lengths, L* units."""
        self.reach = nn.Parameter(torch.zeros(kernels))
        """Logarithms of lengths, short sides of the picture."""
        self.share = nn.Parameter(torch.zeros(kernels))
        """Logarithms of the kernels' shares."""

    def forward(
        self,
        places: Tensor,
        others: Tensor,
        shares: Tensor | None = None,
        values: Tensor | None = None,
    ) -> Tensor:
        """``(N, M)`` affinities, or their sums with ``(M, K)`` values: ``(N, K)``.

        A Gaussian of a distance is the exponential of one matrix product: |a - b|^2 is
        a.a + b.b - 2 a.b. A block of rows at a time stays in the processor's cache.

        Args:
            places: ``(N, D + 3)`` of `places_of`.
            others: ``(M, D + 3)``.
            shares: Of the kernels; None takes the learned ones.
            values: What is summed up.
        """
        found = []
        shares = self.share.exp() if shares is None else shares
        kernels = [(*self._stretch(places, others, n), shares[n]) for n in range(len(shares))]
        rows = max(1, _BLOCK // max(1, len(others)))
        for first in range(0, len(places), rows):
            block = None
            for own, their, share in kernels:
                part = (own[first : first + rows] @ their).exp() * share
                block = part if block is None else block + part
            assert block is not None
            found.append(block if values is None else block @ values)
        return torch.cat(found)

    def _stretch(self, places: Tensor, others: Tensor, n: int) -> tuple[Tensor, Tensor]:
        """``(N, D + 5)`` and ``(D + 5, M)``, whose product is the exponent."""
        D = places.shape[1] - 3
        lengths = torch.cat(
            [
                (self.sharpness[n].exp() / D**0.5).expand(D),
                (-self.lightness[n]).exp().expand(1),
                (-self.reach[n]).exp().expand(2),
            ]
        )
        middle = others.mean(0)  # near 0, squares lose no digits
        own, their = (places - middle) * lengths, (others - middle) * lengths
        ones = torch.ones_like
        own = torch.cat([own, own.square().sum(1, True) / -2, ones(own[:, :1])], 1)
        their = torch.cat([their, ones(their[:, :1]), their.square().sum(1, True) / -2], 1)
        return own, their.T.contiguous()


@dataclass(frozen=True)
class Spread:
    """What hints say of all places: if they are of the whole scene, and if of one thing."""

    wide: Tensor
    """``(N, 4)`` change of ab; how sure it is, 0..1; the hints' share of the color, about 0..1."""
    narrow: Tensor
    """``(N, 4)`` the same by the kernel for surprising hints."""
    surprise: Tensor
    """``()`` how much the hints surprise: logit of the narrow one's share."""


class Refiner(nn.Module):
    """Looks at spread color and the features of the picture, and corrects it."""

    def __init__(self, config: GuideConfig) -> None:
        super().__init__()
        W = config.width
        self.fine, self.coarse = (
            nn.Conv2d(config.fine, W, 1),
            nn.Conv2d(config.coarse, 2 * W, 1),
        )
        self.start4 = _block(W + _STATE, W)
        self.down8, self.join8 = _block(W, 2 * W, 2), _block(4 * W, 2 * W)
        self.down16 = _block(2 * W, 3 * W, 2)
        self.deep16 = nn.Sequential(_block(3 * W, 3 * W), _block(3 * W, 3 * W))
        self.up8, self.fuse8 = nn.Conv2d(3 * W, 2 * W, 1), _block(2 * W, 2 * W)
        self.up4, self.fuse4 = (
            nn.Conv2d(2 * W, W, 1),
            nn.Sequential(_block(W, W), _block(W, W)),
        )
        self.out = nn.Conv2d(W, 4, 3, padding=1)
        nn.init.zeros_(self.out.weight)
        assert self.out.bias is not None
        nn.init.zeros_(self.out.bias)

    def forward(self, fine: Tensor, coarse: Tensor, state: Tensor) -> Tensor:
        """``(B, 4, h, w)`` corrections: to the change of ab, to a factor on it, to a logit.

        Args:
            fine: As of `Embedding.forward`.
            coarse: The same.
            state: ``(B, _STATE, h, w)`` all that is known besides.
        """
        a = self.start4(torch.cat([self.fine(normalize(fine)), state], 1))
        b = self.down8(a)
        deep = upsample_to(self.coarse(normalize(coarse)), b)
        b = self.join8(torch.cat([b, deep], 1))
        b = self.fuse8(b + upsample_to(self.up8(self.deep16(self.down16(b))), b))
        a = self.fuse4(a + upsample_to(self.up4(b), a))
        found: Tensor = self.out(a)
        return found


class GuideNet(nn.Module):
    """Embedding, affinities and refiner for one colornet."""

    def __init__(self, config: GuideConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = Embedding(config.fine, config.coarse, config.embedding)
        self.within = Affinity(2)
        """Between places of one picture."""
        self.apart = Affinity(2)
        """The same for hints whose color surprises: it is that of one thing, not of the light."""
        self.surprise = nn.Parameter(torch.tensor([1.5, 3.0]))
        """How fast, and from which mean of `measure_surprise`, hints are taken for surprising."""
        self.noise = nn.Parameter(torch.tensor(math.log(0.03)))
        """Logarithm of the variance that a hint is believed to have."""
        self.between = Affinity(3)
        """Between places of two pictures."""
        self.unlike = nn.Parameter(torch.tensor(math.log(0.05)))
        """Logarithm of the affinity to nothing in the other picture: the automatic color's vote."""
        self.refiner = Refiner(config)

    def spread(
        self, places: Tensor, hinted: Tensor, colors: Tensor, ab: Tensor, surprise: Tensor
    ) -> Spread:
        """Colors of a picture's places by two Gaussian processes whose mean is ``ab``.

        The colors are absolute: where a hint is sure, what ``ab`` says there does not show.

        Args:
            places: ``(N, D + 3)`` of `places_of`.
            hinted: ``(n,)`` numbers of the places with a hint.
            colors: ``(n, 2)`` their ab.
            ab: ``(N, 2)`` automatic color.
            surprise: ``(n,)`` of `measure_surprise`.
        """
        return Spread(
            self._regress(self.within, places, hinted, colors, ab),
            self._regress(self.apart, places, hinted, colors, ab),
            self.surprise[0] * (surprise.mean() - self.surprise[1]),
        )

    def _regress(
        self, kernel: Affinity, places: Tensor, hinted: Tensor, colors: Tensor, ab: Tensor
    ) -> Tensor:
        """As `spread`, by one kernel; ``(N, 4)`` as of `Spread`."""
        known = places[hinted]
        shares = kernel.share.softmax(0)
        noise = torch.eye(len(hinted), device=places.device) * self.noise.exp()
        across = kernel(places, known, shares)
        solved = torch.linalg.solve(kernel(known, known, shares) + noise, across.T).T
        sure = 1 - (1 - (solved * across).sum(1, keepdim=True)).clamp(_FEWEST, 1)
        share = solved.sum(1, keepdim=True)
        return torch.cat([solved @ colors - share * ab, sure, share], 1)

    def refine(
        self, features: tuple[Tensor, Tensor], spread: Spread, picture: Tensor, hints: Tensor
    ) -> tuple[Tensor, Tensor]:
        """``(2, h, w)`` ab of a picture with hints, and ``(1, h, w)`` their share of it, 0..1.

        Args:
            features: ``(1, C, h, w)`` fine and ``(1, C', h', w')`` coarse, as of
                `DistributionNet.fuse`.
            spread: Of the hints.
            picture: ``(3, h, w)`` lightness and automatic ab.
            hints: ``(3, h, w)`` ab of the hints, and 1 where there is one.
        """
        size = picture.shape[1:]
        wide, narrow = (part.T.view(4, *size) for part in (spread.wide, spread.narrow))
        lightness, ab, given = picture[:1], picture[1:], hints[2:]
        state = torch.cat(
            [
                wide[:2] / _ABUNIT,
                narrow[:2] / _ABUNIT,
                wide[2:],
                narrow[2:],
                ab / 50,
                lightness / 50 - 1,
                (hints[:2] - ab) / _ABUNIT * given,
                given,
                spread.surprise.expand(1, *size) / 4,
            ]
        )
        found = self.refiner(*features, state[None])[0]
        blend = torch.sigmoid(spread.surprise + found[3:] * 4)
        both = torch.lerp(wide, narrow, blend)
        factor = 1 + found[2:3]
        change = both[:2] * factor + found[:2] * _ABUNIT * both[2:3]
        return ab + change, (both[3:] * factor).clamp(0, 1)

    def carry(self, places: Tensor, known: Tensor, colors: Tensor) -> Tensor:
        """Color of another picture's places for those that look alike.

        Args:
            places: ``(N, D + 3)``.
            known: ``(M, D + 3)`` places of the other picture.
            colors: ``(M, 3)`` their ab times weight, and weight 0..1; places of weight 0 say that
                what looks like them gets no color from here.

        Returns:
            ``(N, 3)`` of the same meaning.
        """
        values = torch.cat([colors, torch.ones_like(colors[:, :1])], 1)
        sums: Tensor = self.between(places, known, values=values)
        return sums[:, :3] / (sums[:, 3:] + self.unlike.exp())


def measure_surprise(logits: Tensor, bins: Tensor, colors: Tensor) -> Tensor:
    """``(n,)`` how little the net expected the colors of some places, in nats.

    Args:
        logits: ``(n, Q)`` of these places.
        bins: ``(Q, 2)`` ab.
        colors: ``(n, 2)`` ab.
    """
    near = torch.cdist(colors, bins).square() / (-2 * _EXPECTED**2)
    return -torch.logsumexp(logits.float().log_softmax(1) + near, 1)


def places_of(embedding: Tensor, lightness: Tensor) -> Tensor:
    """``(h * w, D + 3)`` what is compared of each place: embedding, L*, y, x in short sides.

    Args:
        embedding: ``(D, h, w)``.
        lightness: ``(1, h, w)`` L* at the same size.
    """
    h, w = lightness.shape[1:]
    short = min(h, w)
    y, x = torch.meshgrid(torch.arange(h) / short, torch.arange(w) / short, indexing="ij")
    grid = torch.stack([y, x]).to(lightness)
    return torch.cat([embedding, lightness, grid]).flatten(1).T.contiguous()


def normalize(features: Tensor) -> Tensor:
    """``(B, C, h, w)`` with mean 0 and variance 1 at each place; float32."""
    channels = features.shape[1:2]
    return F.layer_norm(features.float().permute(0, 2, 3, 1), channels).permute(0, 3, 1, 2)


def _block(channels: int, out: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, out, 3, stride, 1), nn.GroupNorm(8, out), nn.SiLU(inplace=True)
    )
