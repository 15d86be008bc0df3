from __future__ import annotations

import pytest
import torch

from vidcolor.color.lab import ab_bins
from vidcolor.training.losses import book_losses, class_weights, film_losses, soft_encode


def test_soft_encoding_is_a_distribution_around_the_colour() -> None:
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


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_class_weights_have_mean_1_and_lift_rare_colours(power: float) -> None:
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
    good = film_losses(right, ab, ab, bins, weights)
    bad = film_losses(wrong, -ab, ab, bins, weights)
    assert list(good) == ["classify", "regress", "total"]
    assert good["regress"] == 0
    assert all(good[name] < bad[name] for name in good)
    assert good["total"] == good["classify"] + good["regress"]
    assert book_losses(ab, ab)["total"] == 0
    assert float(book_losses(ab + 12.8, ab)["mse"]) == pytest.approx(0.01)
