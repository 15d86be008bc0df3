"""Measures of colored pictures: pure functions on tensors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from vidcolor.color.lab import lab_to_rgb, rgb_to_lab
from vidcolor.errors import SettingsError

MIN_SIDE = 32
"""Shortest side, in pixels, of a picture that every measure can look at."""

JUMP_BLOCKS = 16
"""Chroma jumps are looked for in square blocks, so many to the short side of the picture."""

JUMP_SHARE = 0.05
"""Share of the blocks that may jump further than `chroma_jump` says."""


def psnr(result: Tensor, truth: Tensor) -> float:
    """Peak signal-to-noise ratio in dB of two ``(3, H, W)`` pictures with codes 0..255."""
    error = ((result.double() - truth.double()) ** 2).mean()
    return float(10 * torch.log10(255**2 / error.clamp(min=1e-10)))


def ssim(result: Tensor, truth: Tensor) -> float:
    """Structural similarity, 1 for equal pictures; the mean of the three channels.

    Wang et al. 2004, by torchmetrics: Gaussian window with sigma 1.5 and 11 x 11 pixels, K1 0.01,
    K2 0.03, population variances, edges mirrored.

    Args:
        result: ``(3, H, W)``, codes 0..255, sides of at least `MIN_SIDE`.
        truth: Of the same shape.

    Raises:
        SettingsError: torchmetrics is not installed.
    """
    try:
        from torchmetrics.functional.image import structural_similarity_index_measure
    except ImportError as error:
        raise _no_torchmetrics("SSIM") from error
    value = structural_similarity_index_measure(
        result.float()[None], truth.float()[None], gaussian_kernel=True, sigma=1.5, data_range=255.0
    )
    assert isinstance(value, Tensor)
    return float(value)


def lpips_weights() -> Path:
    """Where torchvision keeps AlexNet, whose weights LPIPS needs; the file may not be there."""
    from torchvision.models import AlexNet_Weights

    name: str = AlexNet_Weights.IMAGENET1K_V1.url.rpartition("/")[2]
    return Path(str(torch.hub.get_dir())) / "checkpoints" / name


def lpips_net() -> Callable[[Tensor, Tensor], float]:
    """LPIPS version 0.1 with AlexNet, 0 for equal pictures (Zhang et al. 2018), by torchmetrics.

    Call this only where `lpips_weights` is a file: otherwise torchvision fetches 230 MB.

    Returns:
        (result, truth) -> distance. Both are ``(3, H, W)``, codes 0..255, sides of at least
        `MIN_SIDE`; AlexNet sees them as -1..1.

    Raises:
        SettingsError: torchmetrics is not installed.
    """
    try:
        from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity
    except ImportError as error:
        raise _no_torchmetrics("LPIPS") from error
    net = LearnedPerceptualImagePatchSimilarity(net_type="alex", normalize=True)

    def distance(result: Tensor, truth: Tensor) -> float:
        net.reset()
        return float(net(result.float()[None] / 255, truth.float()[None] / 255))

    return distance


def gray_version(rgb: Tensor) -> Tensor:
    """The picture without its colors: the gray of the same CIE L*.

    Args:
        rgb: ``(3, H, W)``, sRGB codes 0..255.

    Returns:
        The same shape, uint8.
    """
    lab = rgb_to_lab(rgb.float() / 255)
    lab[1:] = 0
    return (lab_to_rgb(lab) * 255).round().to(torch.uint8)


def colorfulness(rgb: Tensor) -> float:
    """How colorful a picture looks, 0 for gray, about 40 for a photograph.

    Hasler and Süsstrunk 2003, with absolute values taken first, as the colorization literature
    does (DDColor, ColorMNet).

    Args:
        rgb: ``(3, H, W)`` float, codes 0..255.
    """
    rg, yb = _opponents(rgb)
    return _spread_and_mean(rg.abs(), yb.abs())


def colorfulness_signed(rgb: Tensor) -> float:
    """How colorful a picture looks, as Hasler and Süsstrunk 2003 define it: signs are kept.

    Opposite hues count for more than in `colorfulness`, and a tint of one hue for the same.

    Args:
        rgb: ``(3, H, W)`` float, codes 0..255.
    """
    return _spread_and_mean(*_opponents(rgb))


def channel_histograms(rgb: Tensor) -> Tensor:
    """``(3, 256)`` float64: how often each code occurs in each channel; rows sum to 1.

    Args:
        rgb: ``(3, H, W)`` uint8, codes 0..255.
    """
    counts = [torch.bincount(channel.flatten(), minlength=256) for channel in rgb]
    return torch.stack(counts).double() / rgb[0].numel()


def jensen_shannon(histograms: Tensor, other: Tensor) -> float:
    """Jensen-Shannon divergence in nats, 0 for equals, ln 2 at most; the mean of the channels.

    ``JS = KL(P | M) / 2 + KL(Q | M) / 2`` with ``M = (P + Q) / 2``.

    Args:
        histograms: ``(C, bins)`` float64, rows that sum to 1.
        other: Of the same shape.
    """
    middle = (histograms + other) / 2
    # Where P is 0 so is its term; where P is not, M is not.
    terms = torch.xlogy(histograms, histograms / middle.clamp(min=1e-300))
    terms = terms + torch.xlogy(other, other / middle.clamp(min=1e-300))
    return max(0.0, float(terms.sum(1).mean() / 2))  # rounding may end just below 0


def warp_error(maps: Tensor, warped: Tensor, seen: Tensor) -> float:
    """Mean squared difference, over channels and places seen, to the next frame brought here.

    ``sum(seen (warped - maps)^2) / sum(seen)``, both sums over the channels too: Lai et al.,
    "Learning Blind Video Temporal Consistency", 2018, whose maps are RGB 0..1.

    Args:
        maps: ``(C, h, w)`` of a frame.
        warped: ``(C, h, w)``: the next frame, warped along the flow from this one into it.
        seen: ``(h, w)`` bool, true somewhere: where the flow can be relied on.
    """
    return float(((warped - maps)[:, seen].double() ** 2).mean())


def chroma_jump(ab: Tensor, warped: Tensor, seen: Tensor) -> float | None:
    """How far the color of a large area pops from one frame to the next, in units of CIE ab.

    The change of ab along the flow is averaged, as a vector, over the places seen of each of the
    square blocks, `JUMP_BLOCKS` to the short side; blocks of which less than half is seen do not
    count. Their 95th percentile is the jump: if a twentieth of the picture changes its color by
    10, this is about 10. Means over the picture drown a pop in the noise of all the rest, and
    percentiles of single pixels show that noise and errors of the flow, even in real colors; in
    the mean of a block both go out, and a pop does not.

    Args:
        ab: ``(2, h, w)`` CIE a*, b* of a frame.
        warped: ``(2, h, w)``: those of the next frame, warped along the flow into it.
        seen: ``(h, w)`` bool: where the flow can be relied on.

    Returns:
        None where no block is seen.
    """
    block = max(1, min(seen.shape) // JUMP_BLOCKS)
    weight = seen.to(ab.dtype)
    table = torch.cat([(warped - ab) * weight, weight[None]])[None]
    means = F.avg_pool2d(table, block, ceil_mode=True, count_include_pad=False)[0]
    counted = means[2] >= 0.5
    if not counted.any():
        return None
    change = (means[:2, counted] / means[2, counted]).norm(dim=0)
    return float(change.quantile(1 - JUMP_SHARE))


def frechet_distance(
    mean: Tensor, covariance: Tensor, other_mean: Tensor, other_covariance: Tensor
) -> float:
    """Squared Fréchet distance of two Gaussians (Dowson and Landau 1982), 0 when they are equal.

    ``|m1 - m2|^2 + tr(C1 + C2 - 2 (C1^1/2 C2 C1^1/2)^1/2)``. The roots are those of symmetric
    matrices, by eigenvalues, so that matrices without full rank (fewer samples than D) do no harm.

    Args:
        mean: ``(D,)`` float64.
        covariance: ``(D, D)`` float64, symmetric, no negative eigenvalues.
        other_mean: As ``mean``.
        other_covariance: As ``covariance``.
    """
    root = _symmetric_root(covariance)
    product = root @ other_covariance @ root
    # The trace of a root is the sum of the roots of the eigenvalues.
    overlap = torch.linalg.eigvalsh((product + product.T) / 2).clamp(min=0).sqrt().sum()
    apart = ((mean - other_mean) ** 2).sum()
    spread = covariance.trace() + other_covariance.trace() - 2 * overlap
    return max(0.0, float(apart + spread))  # rounding may end just below 0


def _opponents(rgb: Tensor) -> tuple[Tensor, Tensor]:
    red, green, blue = rgb.unbind(0)
    return red - green, (red + green) / 2 - blue


def _spread_and_mean(rg: Tensor, yb: Tensor) -> float:
    spread = (rg.var() + yb.var()).sqrt()
    mean = (rg.mean() ** 2 + yb.mean() ** 2).sqrt()
    return float(spread + 0.3 * mean)


def _symmetric_root(matrix: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    root: Tensor = (vectors * values.clamp(min=0).sqrt()) @ vectors.T
    return root


def _no_torchmetrics(what: str) -> SettingsError:
    return SettingsError(f"{what} needs torchmetrics; run: pip install 'vidcolor[evaluate]'")
