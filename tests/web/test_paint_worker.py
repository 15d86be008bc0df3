"""The painter of the page: obeys the sheet, looks at a frame once, and keeps to its shot."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from guided import write_shots
from synthetic import texture

from vidcolor.color.lab import rgb_to_lab
from vidcolor.color.parse import parse_color
from vidcolor.colorize import colorizer as colorizer_module
from vidcolor.media.images.files import write_rgb
from vidcolor.media.images.reference import read_reference
from vidcolor.nets.guide_net import GuideConfig, GuideNet
from vidcolor.web import paint_worker, preview_worker, worker_parts
from vidcolor.web.options import Choice

SHOT = 14
"""Frames of a shot."""
SECOND = f"{(SHOT + 3) / 25 + 0.02:.2f}"
"""On screen is the fourth frame of the second shot of `write_shots`."""
SHOT_2 = [str(SHOT / 25), str(2 * SHOT / 25)]


@pytest.fixture
def film(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A film, and a guide that has learned nothing: affinity alone carries."""
    torch.manual_seed(3)

    def load(net: str, _weights: object) -> tuple[GuideNet, str]:
        return GuideNet(
            GuideConfig(net, fine=16, coarse=32, embedding=8, width=16)
        ).eval().requires_grad_(False), "sha"

    monkeypatch.setattr(colorizer_module, "load_guide", load)
    for kept in (paint_worker._examine, paint_worker._look_of, worker_parts._colorizer):
        kept.cache_clear()
    yield write_shots(tmp_path / "film.mkv", 3, SHOT)
    for kept in (paint_worker._examine, paint_worker._look_of, worker_parts._colorizer):
        kept.cache_clear()


@pytest.fixture
def choice(tiny_weights: Path) -> dict[str, Any]:
    return Choice(weights=str(tiny_weights), size=64, device="cpu", titles="color").plain()


def painted(
    film: Path, choice: dict[str, Any], sheet: str, moment: str = SECOND, **more: Any
) -> tuple[torch.Tensor, dict[str, Any]]:
    """``(3, H, W)`` Lab of a frame as a sheet says, and the answer."""
    path = film.with_name("film.colors.toml")
    path.write_text(sheet)
    targets = film.with_name("before.png"), film.with_name("after.png")
    words = {"path": str(film), "moment": moment, "choice": choice, "sheet": str(path)}
    words |= {"shot": SHOT_2, "before": str(targets[0]), "after": str(targets[1]), **more}
    line = json.dumps({"do": "paint", "number": 1, **words}).encode()
    found = preview_worker.answer(line)
    assert "ok" in found, found
    rgb = torch.from_numpy(read_reference(targets[1]).copy())[..., :3].permute(2, 0, 1) / 255
    return rgb_to_lab(rgb), found["ok"]


def hint(time: float, color: str = "blue", place: str = "point = [0.5, 0.5]") -> str:
    return f'[[hint]]\ntime = {time}\n{place}\nwidth = 0.3\ncolor = "{color}"\n'


def lightness_of(code: str) -> float:
    """L* of ``#rrggbb``."""
    return float(rgb_to_lab(torch.tensor(parse_color(code)).view(3, 1, 1) / 255)[0])


def ab_at(lab: torch.Tensor, x: float = 0.5, y: float = 0.5) -> tuple[float, float]:
    spot = lab[1:, int(y * lab.shape[1]) - 2 :, int(x * lab.shape[2]) - 2 :][:, :4, :4]
    a, b = spot.flatten(1).mean(1).tolist()
    return a, b


def test_a_hint_is_obeyed_and_without_one_the_color_is_the_nets(
    film: Path, choice: dict[str, Any]
) -> None:
    plain, found = painted(film, choice, "")
    assert (found["seconds"], found["neutral"]) == ("17/25", "")
    assert plain[1:].abs().mean() > 4
    blue, _ = painted(film, choice, hint(17 / 25))
    assert ab_at(blue)[1] < -15 < ab_at(plain)[1]
    gray, _ = painted(film, choice, hint(17 / 25, "gray", "polygon=[[0,0],[1,0],[1,1],[0,1]]"))
    assert gray[1:].abs().mean() < 3


def test_the_net_looks_once_however_often_the_sheet_changes(
    film: Path, choice: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []
    examine = colorizer_module.Colorizer.examine

    def counted(self: Any, *words: Any, **more: Any) -> Any:
        looks.append(1)
        return examine(self, *words, **more)

    monkeypatch.setattr(colorizer_module.Colorizer, "examine", counted)
    for color in ("", hint(17 / 25), hint(17 / 25, "red")):
        painted(film, choice, color)
    point = {"path": str(film), "moment": SECOND, "choice": choice, "point": [0.2, 0.3]}
    found = paint_worker.suggest(**point)
    assert 1 <= len(found["colors"]) <= 9
    assert all(lightness_of(one["light"]) > 55 for one in found["colors"]), (
        "none is too dark to see"
    )
    assert sum(one["share"] for one in found["colors"]) <= 1.01
    assert len(looks) == 1


def test_what_is_said_of_another_frame_holds_in_its_shot_alone(
    film: Path, choice: dict[str, Any]
) -> None:
    whole = "polygon=[[0,0],[1,0],[1,1],[0,1]]"
    plain, _ = painted(film, choice, "")
    same, _ = painted(film, choice, hint(20 / 25, "blue", whole))
    other, _ = painted(film, choice, hint(3 / 25, "blue", whole))
    unknown, _ = painted(film, choice, hint(20 / 25, "blue", whole), shot=None)
    assert same[2].mean() < plain[2].mean() - 5
    assert torch.equal(other, plain)
    assert torch.equal(unknown, plain), "where no shot is known, only the frame itself counts"


def test_dials_of_the_sheet_count(film: Path, choice: dict[str, Any]) -> None:
    plain, _ = painted(film, choice, "")
    strong, _ = painted(film, choice, "[[stretch]]\nsaturation = 0.5\n")
    gray, found = painted(film, choice, "[[stretch]]\nkeep_gray = true\n")
    assert strong[1:].abs().mean() < 0.7 * plain[1:].abs().mean()
    assert gray[1:].abs().mean() < 1
    assert found["neutral"] == "asked"
    # What a hint says is not made weaker.
    own, _ = painted(film, choice, hint(17 / 25))
    half, _ = painted(film, choice, hint(17 / 25) + "[[stretch]]\nsaturation = 0.5\n")
    assert ab_at(half) == pytest.approx(ab_at(own), abs=4)


def test_a_picture_and_a_look_are_painted(film: Path, choice: dict[str, Any]) -> None:
    picture = film.with_name("photo.png")
    rows = (texture(5, 64, 96) * 255).to(torch.uint8)
    write_rgb(rows.expand(3, 64, 96).contiguous(), picture)
    blue = torch.stack([rows // 3, rows // 3, rows])
    write_rgb(blue, film.with_name("blue.png"))
    here = {"moment": "1/50", "shot": ["0", None]}
    plain, _ = painted(picture, choice, "", **here)
    look, _ = painted(picture, choice, '[[reference]]\nimage = "blue.png"\n', **here)
    said, _ = painted(picture, choice, hint(0).replace("time = 0\n", ""), **here)
    assert look[2].mean() < plain[2].mean() - 5
    assert ab_at(said)[1] < -15


def test_a_palette_draws_the_colors_of_its_stretch(film: Path, choice: dict[str, Any]) -> None:
    plain, _ = painted(film, choice, "")
    sepia = '[[palette]]\nname = "cold"\ncolors = ["navy", "steelblue"]\n'
    cold, _ = painted(film, choice, sepia + '[[stretch]]\npalette = "cold"\n')
    assert cold[2].mean() < plain[2].mean() - 2


def test_a_sheet_that_does_not_fit_is_told(film: Path) -> None:
    path = film.with_name("film.colors.toml")
    for text, line in (
        (hint(99), "outside the video"),
        ('[[reference]]\nimage = "no.png"\n', "no such file"),
        ('[[reference]]\nimage = "film.colors.toml"\n', "no image"),
    ):
        path.write_text(text)
        asked = {"do": "check", "number": 1, "path": str(film), "sheet": str(path)}
        assert line in preview_worker.answer(json.dumps(asked).encode())["error"]
    path.write_text(hint(1))
    assert paint_worker.check_file(str(film), str(path)) == {"notes": []}
