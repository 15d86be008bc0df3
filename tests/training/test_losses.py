from __future__ import annotations

import math

import pytest
import torch

from vidcolor.color.lab import ab_bins, lab_to_rgb
from vidcolor.evaluation.metrics import colorfulness
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


def test_soft_encoding_is_a_distribution_around_the_color() -> None:
    bins = ab_bins(10)
    chosen = bins[[0, 50, 130, 258]]
    ab = chosen.T.reshape(1, 2, 2, 2) + 2.0
    target = soft_encode(ab, bins)
    assert target.shape == (1, 259, 2, 2)
    assert target.min() >= 0
    torch.testing.assert_close(target.sum(1), torch.ones(1, 2, 2))
    assert torch.equal(bins[target.argmax(1).flatten()], chosen)
    # The Gaussian itself, with sigma 5, for one pixel.
    scores = torch.exp(-((bins - (chosen[2] + 2)) ** 2).sum(1) / (2 * 5**2))
    torch.testing.assert_close(target[0, :, 1, 0], scores / scores.sum(), atol=1e-5, rtol=1e-3)


def test_soft_encoding_of_vivid_colors_is_not_rounded_in_autocast() -> None:
    bins = ab_bins(10)
    ab = torch.tensor([[63.0, 51.0], [-71.0, 68.0]]).T.reshape(1, 2, 1, 2)
    with torch.autocast("cpu", torch.bfloat16):
        found = soft_encode(ab, bins)
    torch.testing.assert_close(found, soft_encode(ab, bins))


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_class_weights_have_mean_1_and_lift_rare_colors(power: float) -> None:
    prior = torch.tensor([0.7, 0.2, 0.1, 0.0])
    weights = class_weights(prior, power)
    assert float((weights * prior).sum()) == pytest.approx(1)
    assert weights.isfinite().all()
    if power:
        assert (weights.diff() > 0).all()
    else:
        torch.testing.assert_close(weights, torch.ones(4))


def test_losses_fall_towards_the_truth() -> None:
    bins = ab_bins(10)
    ab = torch.tensor([30.0, -20.0]).view(1, 2, 1, 1).expand(1, 2, 4, 4)
    right = soft_encode(ab, bins).clamp(min=1e-9).log()
    wrong = soft_encode(-ab, bins).clamp(min=1e-9).log()
    weights = torch.ones(len(bins))
    good = truth_losses(right, ab, ab, bins, weights)
    bad = truth_losses(wrong, -ab, ab, bins, weights)
    assert list(good) == ["classify", "regress"]
    assert good["regress"] == 0
    assert all(good[name] < bad[name] for name in good)
    assert book_losses(ab, ab)["mse"] == 0
    assert float(book_losses(ab + 12.8, ab)["mse"]) == pytest.approx(0.01)


def test_a_student_has_nothing_to_learn_from_itself() -> None:
    draw = torch.Generator().manual_seed(4)
    logits = torch.randn(2, 7, 3, 3, generator=draw)
    ab = torch.randn(2, 2, 3, 3, generator=draw) * 20
    # Softmax does not see a constant.
    same = student_losses(logits + 3, ab, logits, ab)
    assert same["regress"] == 0
    assert float(same["distil"]) == pytest.approx(0, abs=1e-6)
    other = torch.randn(2, 7, 3, 3, generator=draw)
    found = student_losses(logits, ab + 5, other, ab)
    p, q = other.softmax(1), logits.softmax(1)
    divergence = (p * (p / q).log()).sum(1).mean()
    assert float(found["distil"]) == pytest.approx(float(divergence), rel=1e-4)
    assert found["regress"] > 0


def test_a_hint_compares_features_of_unit_variance_at_the_students_size() -> None:
    features = torch.randn(2, 5, 8, 8, generator=torch.Generator().manual_seed(5)) * 30 + 4
    pooled = features.view(2, 5, 4, 2, 4, 2).mean((3, 5))
    flat = pooled.flatten(1)
    unit = (flat - flat.mean(1, keepdim=True)) / flat.var(1, unbiased=False, keepdim=True).sqrt()
    assert float(hint_loss(unit.view_as(pooled), features)) == pytest.approx(0, abs=1e-6)
    assert float(hint_loss(torch.zeros(2, 5, 4, 4), features)) == pytest.approx(1, rel=1e-3)


def test_recomposed_colors_are_those_of_lab_and_can_be_learned_from_out_of_gamut() -> None:
    L = torch.tensor([30.0, 60.0, 90.0]).view(1, 1, 1, 3)
    ab = torch.tensor([[10.0, -20.0, 5.0], [15.0, 20.0, -8.0]]).view(1, 2, 1, 3)
    # A plain gamma of 2.2 stands for sRGB's curve.
    close = lab_to_rgb(torch.cat([L, ab], 1))
    torch.testing.assert_close(recompose(L, ab), close, atol=0.02, rtol=0)
    wild = (ab * 30).requires_grad_()
    shown = recompose(L, wild)
    assert shown.min() >= 0
    assert shown.max() <= 1
    (gradient,) = torch.autograd.grad(shown.sum(), wild)
    assert gradient.isfinite().all()
    assert gradient.abs().max() > 0


def test_the_colorful_loss_is_the_difference_of_the_measure() -> None:
    draw = torch.Generator().manual_seed(6)
    one, other = torch.rand(2, 1, 3, 16, 16, generator=draw)
    other = other * 0.3 + 0.3
    difference = abs(colorfulness(one[0] * 255) - colorfulness(other[0] * 255))
    assert float(colorful_loss(one, other)) == pytest.approx(difference / 10, rel=1e-2)
    assert float(colorful_loss(other, one)) == pytest.approx(difference / 10, rel=1e-2)
    assert colorful_loss(one, one) == 0


def test_the_perceptual_loss_counts_each_scale_alike() -> None:
    def features(rgb: torch.Tensor) -> list[torch.Tensor]:
        return [rgb, rgb[:, :1, ::2, ::2] * 1000]

    truth = torch.full((1, 3, 4, 4), 0.5)
    assert perceptual_loss(features, truth, truth) == 0
    # A tenth too bright is a tenth off in both maps, whatever their size.
    assert float(perceptual_loss(features, truth * 1.1, truth)) == pytest.approx(0.1, rel=1e-4)


def test_the_log_error_is_psnr_picture_by_picture() -> None:
    truth = torch.rand(2, 3, 16, 16)
    result = truth + torch.tensor([0.1, 0.01]).view(2, 1, 1, 1)
    near = truth + torch.tensor([0.1, 0.005]).view(2, 1, 1, 1)
    # 20 dB, and 40 dB less the 3 that the floor takes there: 10 log10 is 4.34 ln.
    found = float(log_error_loss(result, truth)) * -10 / math.log(10)
    assert found == pytest.approx((20 + 37) / 2, abs=0.05)
    # Half the error of the dull picture counts although the mean error hardly falls.
    assert log_error_loss(near, truth) < log_error_loss(result, truth) - 0.2
