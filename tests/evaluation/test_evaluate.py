from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from shared import write_film
from synthetic import photo
from torch import Tensor
from torchvision.models.vgg import cfgs, make_layers

from vidcolor.cli.main import main
from vidcolor.errors import FilmUnreadable, NotComparable
from vidcolor.evaluation import evaluate as evaluation
from vidcolor.evaluation.evaluate import Scores, evaluate
from vidcolor.evaluation.metrics import gray_version
from vidcolor.evaluation.temporal_metrics import RATIOS
from vidcolor.media.images.files import write_rgb
from vidcolor.nets.vgg import VGG16Features

MEANS = (123.68, 116.779, 103.939)
"""Of R, G, B over ImageNet."""

BESIDE = ("_truth", "_at", "_per_frame", "cdc_gray", "warp_error_gray")
"""Ends of the names of values that stand in the line of another."""

BESIDE_PER_FRAME = ("psnr_gain", "colorfulness_kept", *RATIOS)

Captured = pytest.CaptureFixture[str]


pytestmark = pytest.mark.usefixtures("no_alexnet")


def pictures(count: int, first: int = 0, H: int = 48, W: int = 64) -> list[Tensor]:
    return [photo(seed, H, W) for seed in range(first, first + count)]


def faded(rgb: Tensor, share: float = 0.5) -> Tensor:
    """A result: the same picture with less color."""
    gray = rgb.float().mean(0, keepdim=True).expand(3, -1, -1)
    return torch.lerp(gray, rgb.float(), share).round().to(torch.uint8)


def write_folder(folder: Path, named: dict[str, Tensor]) -> Path:
    folder.mkdir()
    for name, rgb in named.items():
        write_rgb(rgb, folder / name)
    return folder


def table_of(out: str) -> dict[str, str]:
    """Measure -> value as printed; headings left out."""
    words = [line.split() for line in out.splitlines()]
    return {w[0]: w[1] for w in words if len(w) > 1 and re.fullmatch(r"-|-?[0-9.]+", w[1])}


def numpy_scores(truth: Sequence[Tensor], result: Sequence[Tensor]) -> dict[str, float]:
    """Means over frames of the measures that numpy has at hand."""
    rows: dict[str, list[float]] = {}
    for t, r in zip(truth, result, strict=True):
        t, r = t.numpy().astype(float), r.numpy().astype(float)
        rows.setdefault("psnr", []).append(
            20 * np.log10(255) - 10 * np.log10(np.mean((t - r) ** 2))
        )
        for suffix, (red, green, blue) in (("", r), ("_truth", t)):
            rg, yb = red - green, (red + green) / 2 - blue
            for name, a, b in (("_signed", rg, yb), ("", np.abs(rg), np.abs(yb))):
                value = np.hypot(a.std(), b.std()) + 0.3 * np.hypot(a.mean(), b.mean())
                rows.setdefault(f"colorfulness{name}{suffix}", []).append(value)
    return {name: float(np.mean(values)) for name, values in rows.items()}


@pytest.mark.usefixtures("quick")
def test_a_film_is_measured_frame_by_frame(tmp_path: Path) -> None:
    truth = pictures(5)
    result = [faded(rgb, 0.3 + 0.1 * i) for i, rgb in enumerate(truth)]
    calls: list[tuple[int, int | None]] = []
    scores = evaluate(
        write_film(tmp_path / "truth.mkv", truth),
        write_film(tmp_path / "result.mkv", result),
        on_progress=lambda *at: calls.append(at),
    )
    expected = numpy_scores(truth, result)
    found = scores.to_dict()
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-3)
    change = abs(expected["colorfulness"] - expected["colorfulness_truth"])
    assert scores.delta_colorfulness == pytest.approx(change, rel=1e-3)
    assert scores.psnr_grey < scores.psnr
    assert 0.5 < scores.ssim < 1
    assert (scores.frames, calls) == (5, [(n, None) for n in range(1, 6)])


@pytest.mark.usefixtures("quick")
def test_equals_score_best_and_gray_scores_as_gray(tmp_path: Path) -> None:
    truth = pictures(2)
    film = write_film(tmp_path / "truth.mkv", truth)
    same = evaluate(film, film)
    assert same.psnr > 100
    assert same.ssim == pytest.approx(1)
    assert same.delta_colorfulness == 0
    gray = [gray_version(rgb) for rgb in truth]
    scores = evaluate(film, write_film(tmp_path / "gray.mkv", gray))
    assert scores.psnr == pytest.approx(scores.psnr_grey)
    assert scores.colorfulness == scores.colorfulness_signed == 0


@pytest.mark.usefixtures("quick")
def test_pictures_of_folders_find_each_other_by_stem(tmp_path: Path) -> None:
    one, other = pictures(2)
    truth = write_folder(tmp_path / "truth", {"b.png": one, "a.png": other})
    result = write_folder(tmp_path / "result", {"a.jpg": other, "b.jpg": one})
    (truth / "notes.txt").write_text("no picture")
    (truth / ".hidden.png").write_bytes((truth / "a.png").read_bytes())
    calls: list[tuple[int, int | None]] = []
    scores = evaluate(str(truth), str(result), on_progress=lambda *at: calls.append(at))
    assert scores.psnr > 30  # JPEG at its best; the other picture would give 10
    assert calls == [(1, 2), (2, 2)]


@pytest.mark.usefixtures("quick")
def test_single_pictures(tmp_path: Path) -> None:
    (rgb,) = pictures(1)
    write_rgb(rgb, tmp_path / "truth.png")
    write_rgb(faded(rgb), tmp_path / "result.png")
    scores = evaluate(tmp_path / "truth.png", tmp_path / "result.png")
    expected = numpy_scores([rgb], [faded(rgb)])
    assert scores.frames == 1
    assert scores.psnr == pytest.approx(expected["psnr"])


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("longer", ["truth", "result"])
def test_films_of_different_length_are_refused(longer: str, tmp_path: Path) -> None:
    frames = pictures(3)
    for name in ("truth", "result"):
        write_film(tmp_path / f"{name}.mkv", frames[: 3 if name == longer else 2])
    with pytest.raises(NotComparable, match=rf"ends after 2 frames, but {longer}\.mkv goes on"):
        evaluate(tmp_path / "truth.mkv", tmp_path / "result.mkv")


@pytest.mark.usefixtures("quick")
def test_other_sizes_and_tiny_pictures_are_refused(tmp_path: Path) -> None:
    film = write_film(tmp_path / "truth.mkv", pictures(1))
    wide = write_film(tmp_path / "wide.mkv", pictures(1, W=66))
    with pytest.raises(NotComparable, match="frame 1: the truth is 64x48, the result 66x48"):
        evaluate(film, wide)
    tiny = write_film(tmp_path / "tiny.mkv", pictures(1, H=30))
    with pytest.raises(NotComparable, match="64x30 is too small"):
        evaluate(tiny, tiny)


@pytest.mark.usefixtures("quick")
def test_folders_that_do_not_match_are_refused(tmp_path: Path) -> None:
    (rgb,) = pictures(1)
    truth = write_folder(tmp_path / "truth", {f"{n}.png": rgb for n in range(8)})
    some = write_folder(tmp_path / "some", {"0.png": rgb})
    twice = write_folder(tmp_path / "twice", {"0.png": rgb, "0.jpg": rgb})
    empty = write_folder(tmp_path / "empty folder", {})
    with pytest.raises(NotComparable, match=r"some: has no picture named 1, 2, 3, 4, 5 and 2 more"):
        evaluate(truth, some)
    with pytest.raises(NotComparable, match=r"some: has no picture named 1, 2, 3, 4, 5 and 2 more"):
        evaluate(some, truth)
    with pytest.raises(NotComparable, match=r"0\.jpg and 0\.png have the same name"):
        evaluate(some, twice)
    with pytest.raises(NotComparable, match="has no pictures"):
        evaluate(empty, empty)
    with pytest.raises(NotComparable, match="one of the two is a folder"):
        evaluate(truth, truth / "0.png")
    with pytest.raises(FilmUnreadable, match="no such file"):
        evaluate(truth / "0.png", truth / "none.png")


@pytest.mark.usefixtures("quick")
def test_the_frechet_distance_is_that_of_vgg16s_features(
    shipped: VGG16Features, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluation, "FRECHET_MIN_FRAMES", 6)
    truth = pictures(6, H=48, W=48)  # nothing to resize
    result = [faded(rgb, 0.2) for rgb in truth]
    films = [write_film(tmp_path / "t.mkv", truth), write_film(tmp_path / "r.mkv", result)]
    scores = evaluate(*films)
    layers = make_layers(cfgs["D"])[:23]  # torchvision's VGG16 up to relu4_3
    layers.load_state_dict(shipped.features.state_dict())
    sides = []
    for frames in (truth, result):
        with torch.no_grad():
            maps = layers(torch.stack(frames).float() - torch.tensor(MEANS).view(3, 1, 1))
        sides.append(maps.mean((2, 3)).double().numpy())
    (m1, m2), centred = [s.mean(0) for s in sides], [s - s.mean(0) for s in sides]
    # tr (C1 C2)^1/2 is the sum of the singular values of the centred features' product.
    overlap = np.linalg.svd(centred[0] @ centred[1].T, compute_uv=False).sum() / 5
    spread = sum(np.sum(c**2) / 5 for c in centred)
    expected = np.sum((m1 - m2) ** 2) + spread - 2 * overlap
    assert expected > 0.1
    assert scores.frechet_vgg16 == pytest.approx(expected, rel=1e-3)
    assert "N = 6: biased" in scores.notes["frechet_vgg16"]
    assert evaluate(films[0], films[0]).frechet_vgg16 == pytest.approx(0, abs=1e-4)


def test_the_shipped_features_are_imagenets_first_four_blocks(shipped: VGG16Features) -> None:
    # The Fréchet distance means the same only as long as these are.
    digest = hashlib.sha256()
    for name, value in sorted(shipped.features.state_dict().items()):
        digest.update(name.encode() + value.half().numpy().tobytes())
    assert digest.hexdigest() == "77bbc6f1250e6a3ac8fe9ae69f71e14961671d6a24cee79c34544814657ec2eb"


@pytest.mark.usefixtures("quick")
def test_what_is_left_out_is_told(tmp_path: Path) -> None:
    film = write_film(tmp_path / "a.mkv", pictures(1))
    scores = evaluate(film, film)
    assert scores.lpips is None
    assert "alexnet-owt" in scores.notes["lpips"]
    assert scores.frechet_vgg16 is None
    assert "at least 64" in scores.notes["frechet_vgg16"]
    assert not (tmp_path / "empty").exists()  # nothing was fetched


@pytest.mark.usefixtures("quick")
def test_lpips_is_there_where_its_weights_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = write_film(tmp_path / "a.mkv", pictures(4))
    values = iter([0.1, 0.2, 0.3, 0.6])
    monkeypatch.setattr(evaluation, "lpips_weights", lambda: film)
    monkeypatch.setattr(evaluation, "lpips_net", lambda: lambda _result, _truth: next(values))
    scores = evaluate(film, film)
    assert scores.lpips == pytest.approx(0.3)
    assert "lpips" not in scores.notes


@pytest.mark.usefixtures("quick")
def test_the_command_prints_a_table_and_writes_json(tmp_path: Path, capsys: Captured) -> None:
    truth = pictures(2)
    one = str(write_film(tmp_path / "truth.mkv", truth))
    other = str(write_film(tmp_path / "result.mkv", [faded(rgb) for rgb in truth]))
    file = tmp_path / "scores.json"
    assert main(["evaluate", one, other, "--json", str(file)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    scores = Scores(**json.loads(file.read_text()))
    assert scores == evaluate(one, other)
    table = table_of(out)
    assert table["psnr"] == f"{scores.psnr:.2f}"
    assert table["ssim"] == f"{scores.ssim:.4f}"
    assert table["frames"] == "2"
    assert table["lpips"] == table["frechet_vgg16"] == "-"
    shown = {name for name in scores.to_dict() if not name.endswith(BESIDE)}
    assert set(table) == shown - {"truth", "result", "per_frame", "notes"} - set(BESIDE_PER_FRAME)
    assert out.count("; truth ") == 4
    assert "beside" not in out


@pytest.mark.usefixtures("quick")
def test_json_that_cannot_be_written_is_told_first(tmp_path: Path, capsys: Captured) -> None:
    film = str(write_film(tmp_path / "a.mkv", pictures(1)))
    assert main(["evaluate", film, film, "--json", str(tmp_path / "no" / "file.json")]) == 2
    out, err = capsys.readouterr()
    assert out == "", "nothing was measured"
    assert "file.json" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "told"), [([], "TRUTH"), (["a.mkv"], "RESULT"), (["none.mkv", "b"], "none.mkv")]
)
def test_bad_words_are_refused_in_one_line(
    words: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["evaluate", *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert told in err
    assert err.count("\n") == 1


def test_the_command_has_help(capsys: Captured) -> None:
    assert main(["evaluate", "--help"]) == 0
    assert "vidcolor evaluate" in capsys.readouterr().out
