"""The guide: spreads the colors that a user gave over what they belong to.

What belongs together is told by the colornet's own features, by lightness and by place, whatever
the hints are (as LGA-Net does, ICCV 2025). Within a picture Gaussian processes spread hints;
between pictures a kernel carries color to what looks alike there. Without a hint nothing here runs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from vidcolor.errors import SettingsError
from vidcolor.nets.layers import upsample_to

_MOST_DOUBT = 12.0
"""Logarithm of the variance of a hint that the wide process does not believe at all."""
_CAUTION = 1.9
"""Nats by which hints count as more surprising than they are: who clicks a sweater means the
sweater. Without it one hint of true color gains 1.1 instead of 0.6 dB, and a red sweater turns the
wall behind it pink."""
_AGREEMENT = 2.0
"""Nats of surprise that one nat of `measure_agreement` makes up for: hints that agree from afar
speak of the light. With 5 hints of true color that gains 0.8 dB, with 20 0.7 dB, and hints of
three things in other colors spread no further than before."""
_TOGETHER = 0.7
"""How far hints surprise together: of true ones, few do in a picture, of wishes all."""
_EXPECTED = 10.0
"""ab units by which a color may miss an expected one."""
_CLAIM = (0.1, 0.8)
"""Share of a hint in a place from which the place takes part in its thing, and from which it is all
of it: kernels fade, things end. A color that leaked from a click to 7 % of its own change leaks to
5 %, and within the thing of a stroke 2 % of the way to its color are left instead of 10 %."""
_FARTHER = 1.5
"""Factor on the reach of the narrow process, whose fading ends things too early otherwise."""
_MISFIT = 0.05
"""Variance that is left to each hint where two explanations of them are weighed."""
_LEAST_ERROR = 4.0
"""Squared ab error that says nothing of the light."""
_LOG2_E = math.log2(math.e)
_FAINTEST = -86.0
"""Logarithm of the least affinity, base 2. Smaller ones would become denormal numbers, by which an
exponential and a product take four times as long."""
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
    width: int = 128
    """Channels of the hidden layer that makes the vector."""

    def __post_init__(self) -> None:
        counts = (self.fine, self.coarse, self.embedding, self.width)
        fits = all(isinstance(count, int) and 1 <= count <= 2048 for count in counts)
        if not fits or not isinstance(self.net, str):
            raise SettingsError(f"no guide can be made from {self}")


class Embedding(nn.Module):
    """What a place shows, as a vector: places of one thing lie near each other."""

    def __init__(self, fine: int, coarse: int, width: int, size: int) -> None:
        super().__init__()
        self.fine, self.coarse = _project(fine, width, size), _project(coarse, width, size)

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

        A Gaussian of a distance is the exponential of a matrix product: |a - b|^2 is a.a + b.b -
        2 a.b. That of the embeddings is the same for all kernels but for a factor. A block of rows
        at a time stays in the processor's cache.

        Args:
            places: ``(N, D + 3)`` of `places_of`.
            others: ``(M, D + 3)``.
            shares: Of the kernels; None takes the learned ones.
            values: What is summed up.
        """
        shares = self.share.exp() if shares is None else shares
        values = None if values is None else values.T.contiguous()
        D = places.shape[1] - 3
        middle = others.mean(0)  # near 0, squares lose no digits
        places, others = places - middle, others - middle
        alike, alike_there = _stretch(places[:, :D] / D**0.5, others[:, :D] / D**0.5)
        rest, rest_there = places[:, D:], others[:, D:]
        kernels = [self._compare(rest, rest_there, n, one) for n, one in enumerate(shares)]
        rows = max(1, _BLOCK // max(1, len(others)))
        add = torch.add if torch.is_grad_enabled() else Tensor.add_  # in place, gradients are lost
        found = []
        for first in range(0, len(places), rows):
            part = slice(first, first + rows)
            same = alike[part] @ alike_there
            block = None
            for (own, their), sharp in zip(kernels, self.sharpness, strict=True):
                exponent = (same * (2 * sharp).exp()).addmm_(own[part], their)
                one = exponent.clamp_(min=_FAINTEST).exp2_()
                block = one if block is None else add(block, one)
            assert block is not None
            found.append(block if values is None else F.linear(block, values))
        return torch.cat(found)

    def _compare(
        self, places: Tensor, others: Tensor, n: int, share: Tensor
    ) -> tuple[Tensor, Tensor]:
        """As `_stretch`, of ``(N, 3)`` and ``(M, 3)`` lightness and places, and with the share."""
        near, reach = (-self.lightness[n]).exp().expand(1), (-self.reach[n]).exp().expand(2)
        lengths = torch.cat([near, reach])
        return _stretch(places * lengths, others * lengths, share.log())


def _stretch(own: Tensor, their: Tensor, more: Tensor | float = 0.0) -> tuple[Tensor, Tensor]:
    """``(N, K + 2)`` and ``(K + 2, M)``, whose product is half the squared distance, negative.

    In powers of 2, which take a third of the time of those of e, and with ``more`` added.
    """
    ones = torch.ones_like
    own = torch.cat([own, more - own.square().sum(1, True) / 2, ones(own[:, :1])], 1) * _LOG2_E
    their = torch.cat([their, ones(their[:, :1]), their.square().sum(1, True) / -2], 1)
    return own, their.T.contiguous()


class GuideNet(nn.Module):
    """Embedding and affinities for one colornet."""

    doubt: Tensor

    def __init__(self, config: GuideConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = Embedding(config.fine, config.coarse, config.width, config.embedding)
        self.wide, self.narrow = Affinity(2), Affinity(2)
        """Between places of one picture: of hints that may be of the light, and of one thing."""
        self.register_buffer("doubt", torch.tensor([4.0, 2.9]))
        """How fast, and from which surprise on, the wide process doubts a hint."""
        self.noise = nn.Parameter(torch.tensor([math.log(0.05), math.log(0.02)]))
        """Logarithms of the variance that each process leaves to a hint at least."""
        self.between = Affinity(3)
        """Between places of two pictures."""
        self.unlike = nn.Parameter(torch.tensor(math.log(0.05)))
        """Logarithm of the affinity to nothing in the other picture: the automatic color's vote."""

    def spread(
        self, places: Tensor, hinted: Tensor, colors: Tensor, ab: Tensor, surprise: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Colors of a picture's places by two Gaussian processes, one upon the other.

        The first is wide: it lets hints speak of the light and of all that is alike, as far as the
        net expected them or they agree with each other. Samples of one color are one voice there:
        a long stroke says no more of the wall than a click. The second is narrow: it brings each
        hint's thing to the hint's color.
        The colors are absolute: where a hint is sure, what ``ab`` says there does not show.

        Args:
            places: ``(N, D + 3)`` of `places_of`.
            hinted: ``(n,)`` numbers of the places with a hint.
            colors: ``(n, 2)`` their ab.
            ab: ``(N, 2)`` automatic color.
            surprise: ``(n,)`` of `measure_surprise`.

        Returns:
            ``(N, 2)`` ab, and ``(N, 1)`` the hints' share of it, about 0..1.
        """
        near = places.clone()
        near[:, -2:] /= _FARTHER
        voices = _group(colors)
        surprise = voices @ surprise
        surprise = torch.lerp(surprise, surprise.mean(), _TOGETHER)
        agreement = self.measure_agreement(
            places[hinted], near[hinted], voices, colors - ab[hinted]
        )
        unsure = surprise + _CAUTION - _AGREEMENT * agreement
        far = self.doubt[0] * (unsure - self.doubt[1])
        doubt = far.clamp(max=_MOST_DOUBT).exp() + self.noise[0].exp()
        weights = _regress(self.wide, places, places[hinted], voices, doubt)
        share = weights.sum(1, keepdim=True)
        light = ab * (1 - share) + weights @ (voices @ colors)
        each = torch.eye(len(hinted))
        sure = self.noise[1].exp().expand(len(hinted))
        weights = _regress(self.narrow, near, near[hinted], each, sure)
        part = weights.sum(1, keepdim=True)
        claim = _claim(part)
        thing = light * (1 - claim) + weights @ colors * (claim / part.clamp(min=_CLAIM[0]))
        return thing, 1 - (1 - share) * (1 - claim)

    @torch.no_grad()
    def measure_agreement(
        self, known: Tensor, near: Tensor, voices: Tensor, errors: Tensor
    ) -> Tensor:
        """How much better the light explains what hints correct than that each means its thing.

        The logarithm of the ratio of two marginal likelihoods (Rasmussen and Williams, Gaussian
        Processes for Machine Learning, 5.4.1), both at their most likely variance.

        Args:
            known: ``(n, D + 3)`` places with a hint.
            near: The same as the narrow process has them.
            voices: ``(m, n)`` means over those of one color.
            errors: ``(n, 2)`` ab by which the automatic color misses the hints.

        Returns:
            Nats, 0 or more; 0 for a single voice.
        """
        errors = voices @ errors
        wide, narrow = (
            voices @ kernel(of, of, kernel.share.softmax(0)) @ voices.T
            for kernel, of in ((self.wide, known), (self.narrow, near))
        )
        light = _explain((wide + narrow) / 2, errors)
        return (light - _explain(narrow, errors)).clamp(min=0)

    def carry(self, places: Tensor, known: Tensor, colors: Tensor, care: float = 1.0) -> Tensor:
        """Color of another picture's places for those that look alike.

        Args:
            places: ``(N, D + 3)``.
            known: ``(M, D + 3)`` places of the other picture.
            colors: ``(M, 3)`` their ab times weight, and weight 0..1; places of weight 0 say that
                what looks like them gets no color from here.
            care: Factor on the vote of the automatic color.

        Returns:
            ``(N, 3)`` of the same meaning.
        """
        values = torch.cat([colors, torch.ones_like(colors[:, :1])], 1)
        sums: Tensor = self.between(places, known, values=values)
        return sums[:, :3] / (sums[:, 3:] + self.unlike.exp() * care)


def _regress(
    kernel: Affinity, places: Tensor, known: Tensor, voices: Tensor, noise: Tensor
) -> Tensor:
    """``(N, m)`` weights of the mean of a Gaussian process at places.

    It knows ``(m, n)`` means of ``known`` places, ``voices``, each with ``(m,)`` noise.
    """
    shares = kernel.share.softmax(0)
    inner = voices @ kernel(known, known, shares) @ voices.T + torch.diag(noise)
    weights: Tensor = torch.linalg.solve(inner, voices @ kernel(known, places, shares))
    return weights.T


def _claim(share: Tensor) -> Tensor:
    """How far places belong to the things of hints, by what the narrow process says."""
    low, high = _CLAIM
    t = ((share - low) / (high - low)).clamp(0, 1)
    return t * t * (3 - 2 * t)


def _group(colors: Tensor) -> Tensor:
    """``(m, n)`` weights of means over the rows of each of m different colors."""
    _, number = torch.unique(colors, dim=0, return_inverse=True)
    member = F.one_hot(number).T.to(colors)
    return member / member.sum(1, keepdim=True)


def _explain(covariance: Tensor, errors: Tensor) -> Tensor:
    """Logarithm of the likelihood of ``(m, 2)`` errors, but for what does not matter."""
    inner = covariance + torch.eye(len(errors)) * _MISFIT
    root = torch.linalg.cholesky(inner)
    white = torch.linalg.solve_triangular(root, errors, upper=False)
    variance = white.square().mean() + _LEAST_ERROR
    likelihood: Tensor = -len(errors) * variance.log() - 2 * root.diagonal().log().sum()
    return likelihood


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


def _project(channels: int, width: int, size: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, width, 1), nn.SiLU(inplace=True), nn.Conv2d(width, size, 1)
    )
