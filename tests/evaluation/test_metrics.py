from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torchvision.models import alexnet

from vidcolor.core.optical_flow import warp
from vidcolor.errors import SettingsError
from vidcolor.evaluation.metrics import (
    MIN_SIDE,
    channel_histograms,
    chroma_jump,
    colorfulness,
    colorfulness_signed,
    frechet_distance,
    gray_version,
    jensen_shannon,
    lpips_net,
    lpips_weights,
    psnr,
    ssim,
    warp_error,
)


def noise(seed: int, H: int = 40, W: int = 50) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (3, H, W), generator=draw, dtype=torch.uint8)


def flat(*colors: tuple[int, int, int], side: int = 200) -> Tensor:
    """Stripes of these colors, ``(3, H, W)``."""
    stripes = [torch.tensor(c).view(3, 1, 1).expand(3, side, side) for c in colors]
    return torch.cat(stripes, 2).double()


def test_psnr_of_a_known_error() -> None:
    truth = torch.full((3, 8, 8), 100.0)
    assert psnr(truth + 5, truth) == pytest.approx(10 * np.log10(255**2 / 25))


def test_psnr_counts_bytes_without_wrapping() -> None:
    # uint8 differences wrap round: 0 - 255 would be 1.
    black, white = torch.zeros(3, 4, 4, dtype=torch.uint8), torch.full((3, 4, 4), 255).byte()
    assert psnr(black, white) == pytest.approx(0, abs=1e-6)


def test_psnr_of_equals_is_large_but_finite() -> None:
    picture = torch.rand(3, 8, 8) * 255
    assert 100 < psnr(picture, picture) < 200


def plain_ssim(a: np.ndarray, b: np.ndarray) -> float:
    """Wang et al. 2004, equation 13, window by window."""
    steps = np.arange(11) - 5
    bell = np.exp(-(steps**2) / (2 * 1.5**2))
    window = np.outer(bell, bell) / bell.sum() ** 2
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    values = []
    for one, other in zip(a.astype(float), b.astype(float), strict=True):
        H, W = one.shape
        one, other = np.pad(one, 5, mode="reflect"), np.pad(other, 5, mode="reflect")
        for y in range(H):
            for x in range(W):
                p, q = one[y : y + 11, x : x + 11], other[y : y + 11, x : x + 11]
                mp, mq = (window * p).sum(), (window * q).sum()
                vp, vq = (window * (p - mp) ** 2).sum(), (window * (q - mq) ** 2).sum()
                cov = (window * (p - mp) * (q - mq)).sum()
                top = (2 * mp * mq + c1) * (2 * cov + c2)
                values.append(top / ((mp**2 + mq**2 + c1) * (vp + vq + c2)))
    return float(np.mean(values))


@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
def test_ssim_is_that_of_the_paper(share: float) -> None:
    truth = noise(1, 33, 38)
    result = torch.lerp(truth.float(), noise(2, 33, 38).float(), share).round().byte()
    assert ssim(result, truth) == pytest.approx(plain_ssim(result.numpy(), truth.numpy()), abs=1e-4)


def test_ssim_of_equals_is_1_up_to_the_smallest_picture() -> None:
    truth = noise(3, MIN_SIDE, MIN_SIDE)
    assert ssim(truth, truth) == pytest.approx(1)


@pytest.mark.parametrize("measure", ["ssim", "lpips"])
def test_a_missing_torchmetrics_is_told(measure: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("torchmetrics.functional.image", "torchmetrics.image.lpip"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(SettingsError, match=r"pip install 'vidcolor\[evaluate\]'"):
        ssim(noise(1), noise(2)) if measure == "ssim" else lpips_net()


def test_gray_version_keeps_the_light() -> None:
    rgb = noise(4)
    code = rgb.double().numpy() / 255
    light = np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)
    luminance = np.einsum("c,chw->hw", [0.2126390, 0.7151687, 0.0721923], light)
    curve = 1.055 * luminance ** (1 / 2.4) - 0.055
    expected = np.where(luminance <= 0.0031308, 12.92 * luminance, curve) * 255
    gray = gray_version(rgb)
    assert gray.dtype == torch.uint8
    assert np.abs(gray.numpy() - expected).max() < 0.51
    assert (gray_version(gray).int() - gray.int()).abs().max() == 0


def test_colorfulness_is_the_papers_formula() -> None:
    rgb = torch.rand(3, 40, 50) * 255
    red, green, blue = rgb.double().numpy()
    rg, yb = red - green, (red + green) / 2 - blue
    signed = np.hypot(rg.std(), yb.std()) + 0.3 * np.hypot(rg.mean(), yb.mean())
    assert colorfulness_signed(rgb) == pytest.approx(signed, rel=1e-3)
    rg, yb = np.abs(rg), np.abs(yb)
    absolute = np.hypot(rg.std(), yb.std()) + 0.3 * np.hypot(rg.mean(), yb.mean())
    assert colorfulness(rgb) == pytest.approx(absolute, rel=1e-3)


@pytest.mark.parametrize(
    ("picture", "signed", "absolute"),
    [
        (flat((200, 100, 50), (50, 100, 200)), 143.6, 68.5),  # two hues: the forms part
        (noise(5, 500, 500).double(), 138.9, 113.1),
        (flat((120, 100, 60)), 16.2, 16.2),  # a tint alone: all from the mean
    ],
    ids=["two hues", "noise", "sepia"],
)
def test_the_two_forms_of_colorfulness(picture: Tensor, signed: float, absolute: float) -> None:
    assert colorfulness_signed(picture) == pytest.approx(signed, rel=0.01)
    assert colorfulness(picture) == pytest.approx(absolute, rel=0.01)


def test_gray_has_no_colorfulness_and_more_color_has_more() -> None:
    rgb = torch.rand(3, 40, 50) * 255
    gray = rgb.mean(0, keepdim=True).expand(3, -1, -1)
    for measure in (colorfulness, colorfulness_signed):
        assert measure(gray) == 0
        assert 0 < measure(torch.lerp(gray, rgb, 0.5)) < measure(rgb)


def test_histograms_count_each_code_of_each_channel() -> None:
    rgb = noise(10)
    expected = [np.histogram(c, bins=256, range=(0, 256))[0] / c.size for c in rgb.numpy()]
    assert np.array_equal(channel_histograms(rgb).numpy(), np.stack(expected))


def test_jensen_shannon_from_equal_to_apart() -> None:
    p, q = (channel_histograms(noise(seed)) for seed in (11, 12))
    assert jensen_shannon(p, p) == 0
    assert 0 < jensen_shannon(p, q) == jensen_shannon(q, p) < np.log(2)
    black, white = (channel_histograms(torch.full((3, 4, 4), v).byte()) for v in (0, 255))
    assert jensen_shannon(black, white) == pytest.approx(np.log(2))


def test_warp_error_of_a_translated_picture_is_0_away_from_borders() -> None:
    large = noise(13).float() / 255
    before, after = large[:, 2:-2, 3:-3], large[:, 4:, 1:-5]  # moves 2 up and 2 to the right
    h, w = before.shape[1:]
    flow = torch.tensor([2.0, -2.0]).view(1, 2, 1, 1).expand(1, 2, h, w)
    inside = torch.zeros(h, w, dtype=torch.bool)
    inside[2:, :-2] = True
    brought = warp(after[None], flow)[0]
    assert warp_error(before, brought, inside) == pytest.approx(0, abs=1e-9)
    assert warp_error(before, brought, ~inside) > 0.01
    assert warp_error(before, after, inside) > 0.1


def test_warp_error_is_a_mean_over_channels_and_places_seen() -> None:
    before, after = torch.zeros(2, 6, 8), torch.zeros(2, 6, 8)
    after[0], after[1] = 3, 4
    after[:, 0] = 99
    seen = torch.ones(6, 8, dtype=torch.bool)
    seen[0] = False
    assert warp_error(before, after, seen) == (3**2 + 4**2) / 2


@pytest.mark.parametrize(("share", "low", "high"), [(0.02, 0, 1), (0.1, 9, 11), (1, 10, 11)])
def test_chroma_jump_is_that_of_a_large_area(share: float, low: float, high: float) -> None:
    # 10 ab units over this share of the picture, whose noise is half as large.
    torch.manual_seed(14)
    before, after = torch.zeros(2, 240, 320), 5 * torch.randn(2, 240, 320) / 2**0.5
    height, width = round(240 * share**0.5), round(320 * share**0.5)
    after[:, :height, :width] += torch.tensor([6.0, -8.0]).view(2, 1, 1)
    found = chroma_jump(before, after, torch.ones(240, 320, dtype=torch.bool))
    assert found is not None
    assert low < found < high


def test_chroma_jump_leaves_out_what_is_hidden() -> None:
    before, after = torch.zeros(2, 70, 100), torch.zeros(2, 70, 100)
    after[0, :, :52] = 30
    seen = torch.ones(70, 100, dtype=torch.bool)
    seen[:, :52] = False
    assert chroma_jump(before, after, seen) == 0
    assert chroma_jump(before, after, ~seen) == pytest.approx(30)
    assert chroma_jump(before, after, seen & ~seen) is None


def gaussian(seed: int, size: int, samples: int) -> tuple[Tensor, Tensor]:
    """Mean and covariance of correlated samples; without full rank where they are few."""
    draw = np.random.default_rng(seed)
    rows = draw.normal(size=(samples, size)) @ draw.normal(size=(size, size)) + draw.normal(
        size=size
    )
    return torch.from_numpy(rows.mean(0)), torch.from_numpy(np.cov(rows.T))


def test_frechet_distance_of_independent_gaussians_has_a_closed_form() -> None:
    mean, other_mean = (
        torch.tensor([1.0, 2.0, 3.0]).double(),
        torch.tensor([1.0, 0.0, 7.0]).double(),
    )
    spread, other_spread = torch.tensor([1.0, 4.0, 9.0]), torch.tensor([16.0, 4.0, 0.0])
    found = frechet_distance(mean, spread.double().diag(), other_mean, other_spread.double().diag())
    # Squares of the differences of the means and of the standard deviations.
    assert found == pytest.approx((0 + 4 + 16) + (3**2 + 0 + 3**2))


def test_frechet_distance_is_the_textbooks() -> None:
    (m1, c1), (m2, c2) = gaussian(1, 12, 300), gaussian(2, 12, 200)
    # The eigenvalues of the product itself, which is not symmetric.
    roots = np.sqrt(np.linalg.eigvals(c1.numpy() @ c2.numpy()).astype(complex)).real
    apart = np.sum((m1 - m2).numpy() ** 2)
    expected = apart + np.trace(c1) + np.trace(c2) - 2 * roots.sum()
    assert frechet_distance(m1, c1, m2, c2) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(m2, c2, m1, c1) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("samples", [300, 5])
def test_frechet_distance_of_equals_is_0_and_of_a_shift_is_its_square(samples: int) -> None:
    mean, covariance = gaussian(3, 12, samples)
    assert frechet_distance(mean, covariance, mean, covariance) == pytest.approx(0, abs=1e-5)
    shifted = frechet_distance(mean + 2, covariance, mean, covariance)
    assert shifted == pytest.approx(4 * 12, abs=1e-5)


@pytest.fixture
def alexnet_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Random convolutions where torchvision keeps AlexNet's weights."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    path = lpips_weights()
    assert path.is_relative_to(tmp_path)
    assert not path.exists()
    path.parent.mkdir(parents=True)
    with torch.device("meta"):
        shapes = alexnet().state_dict()
    # A zero seen many times over is stored as one: the classifier is not looked at.
    state = {name: torch.zeros(1).expand(value.shape) for name, value in shapes.items()}
    torch.manual_seed(6)
    for name in state:
        if name.startswith("features.") and name.endswith("weight"):
            state[name] = torch.empty(shapes[name].shape)
            nn.init.kaiming_normal_(state[name])
    torch.save(state, path)
    return path


def test_lpips_is_that_of_the_paper(alexnet_file: Path) -> None:
    truth, result = noise(7, 64, 80), noise(8, 64, 80)
    measure = lpips_net()
    state = torch.load(alexnet_file)
    own = Path(sys.modules["torchmetrics"].__file__ or "").parent
    linear = torch.load(own / "functional/image/lpips_models/alex.pth", map_location="cpu")
    layers = alexnet().features.eval().requires_grad_(False)
    layers.load_state_dict(
        {k.removeprefix("features."): v for k, v in state.items() if k.startswith("features.")}
    )
    # Zhang et al. 2018, equation 1, with the input scaling of their code.
    x = torch.stack([result, truth]).float() / 127.5 - 1
    shift, scale = torch.tensor([-0.030, -0.088, -0.188]), torch.tensor([0.458, 0.448, 0.450])
    x = (x - shift.view(3, 1, 1)) / scale.view(3, 1, 1)
    expected, found = 0.0, 0
    for layer in layers[:12]:
        x = layer(x)
        if isinstance(layer, nn.ReLU):
            unit = x / x.norm(dim=1, keepdim=True).clamp(min=1e-8)
            weight = linear[f"lin{found}.model.1.weight"]
            difference = (unit[:1] - unit[1:]) ** 2
            expected += float((difference * weight.view(1, -1, 1, 1)).sum(1).mean())
            found += 1
    assert found == 5
    assert expected > 0.01
    for _ in range(2):  # a measure keeps nothing of the pair before
        assert measure(result, truth) == pytest.approx(expected, rel=1e-3)
        assert measure(truth, truth) == pytest.approx(0, abs=1e-6)
    tiny = noise(9, MIN_SIDE, MIN_SIDE)
    assert measure(tiny, tiny) == pytest.approx(0, abs=1e-6)
