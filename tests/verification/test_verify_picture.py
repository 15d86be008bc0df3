"""A colored picture is held against its source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from guided import guided_settings
from PIL import Image
from stills import saved, scene

from vidcolor.run.batch import write_report
from vidcolor.run.video import colorize_video
from vidcolor.settings import Settings
from vidcolor.verification.verdict import Verdict
from vidcolor.verification.verify import Held, verify

Make = Callable[..., Path]


@pytest.fixture
def settings(quick_weights: Path) -> Settings:
    return guided_settings(quick_weights)


@pytest.fixture
def colored(tmp_path: Path, settings: Settings) -> Make:
    """Colors a picture; the target, with its report beside it."""

    def make(data: bytes, source: str, target: str, saturation: float = 1.0) -> Path:
        (tmp_path / source).write_bytes(data)
        told = replace(settings, paint=replace(settings.paint, saturation=saturation))
        write_report(colorize_video(tmp_path / source, tmp_path / target, settings=told))
        return tmp_path / target

    return make


def denied(verdict: Verdict) -> list[str]:
    return [f"{one.what}: {one.text}" for one in verdict.differs]


@pytest.mark.parametrize("target", ["out.png", "out.tif", "out.jpg"])
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
def test_what_was_written_holds(kind: str, target: str, colored: Make) -> None:
    path = colored(saved(scene(), kind), f"in.{kind.lower()}", target, saturation=4.0)
    verdict = verify(path)
    assert (denied(verdict), verdict.result) == ([], "same")
    (luma,) = (one.text for one in verdict.same if one.what == "luma")
    assert luma.startswith("lossy: PSNR " if target == "out.jpg" else "equal")
    assert {one.what for one in verdict.same} >= {"sha256", "source", "label", "pictures"}


def test_deep_pictures_and_pages(colored: Make, tmp_path: Path) -> None:
    deep = Image.fromarray(scene().astype(np.uint16) * 257)
    deep.save(tmp_path / "deep.png")
    path = colored((tmp_path / "deep.png").read_bytes(), "in.png", "out.png", saturation=4.0)
    assert denied(verify(path)) == []
    pages = [Image.fromarray(scene()), Image.fromarray(255 - scene())]
    pages[0].save(tmp_path / "pages.tif", save_all=True, append_images=pages[1:])
    path = colored((tmp_path / "pages.tif").read_bytes(), "in.tif", "out.tif")
    verdict = verify(path)
    assert denied(verdict) == []
    assert sum(one.text.startswith("equal") for one in verdict.same if one.what == "luma") == 2
    lone = colored((tmp_path / "pages.tif").read_bytes(), "in.tif", "lone.png")
    assert denied(verify(lone)) == []
    verdict = verify(lone, Held(source=path.with_name("in.png")))
    assert any(line.startswith("luma: ") for line in denied(verdict))


def test_another_picture_is_told(colored: Make, tmp_path: Path) -> None:
    path = colored(saved(scene(), "PNG"), "in.png", "out.png")
    changed = scene().copy()
    changed[3, 4] ^= 32
    (tmp_path / "other.png").write_bytes(saved(changed, "PNG"))
    found = denied(verify(path, Held(source=tmp_path / "other.png")))
    assert found == [
        "source: other.png is not the file that was colored",
        "luma: by up to 32 codes",
    ]
    jpeg = colored(saved(scene(), "PNG"), "in.png", "out.jpg")
    (tmp_path / "other.png").write_bytes(saved(255 - scene(), "PNG"))
    found = denied(verify(jpeg, Held(source=tmp_path / "other.png")))
    assert found[1].endswith("; less than 20 dB is not the same picture")
    (tmp_path / "small.png").write_bytes(saved(scene(24, 32), "PNG"))
    found = denied(verify(path, Held(source=tmp_path / "small.png")))
    assert found[1] == "luma: the picture is 64x48, that of the source 32x24"


def test_what_was_kept_is_there_still(colored: Make) -> None:
    told = saved(scene(), "TIFF", dpi=(300, 300))
    path = colored(told, "in.tif", "out.png")
    verdict = verify(path)
    assert denied(verdict) == []
    assert any(one.what == "kept" for one in verdict.same)
    with Image.open(path) as picture:
        picture.copy().save(path)
    words = {line.split(":")[0] for line in denied(verify(path))}
    assert words == {"sha256", "label", "kept"}
