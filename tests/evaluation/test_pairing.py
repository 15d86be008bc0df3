from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import torch
from synthetic import texture
from torch import Tensor

from vidcolor.core.frames import Frame
from vidcolor.evaluation import pairing as matching
from vidcolor.evaluation.metrics import gray_version
from vidcolor.evaluation.pairing import Match, mark_cuts, matches
from vidcolor.media.images.files import write_rgb
from vidcolor.settings import ShotSettings


def view(seed: int, H: int = 48, W: int = 64) -> Tensor:
    """``(3, H, W)`` uint8: another dark or light gray picture for each seed, of its own tint."""
    gray = texture(seed, H, W) * 120 + 100 * (seed % 2)
    return torch.stack([gray + 10, gray, gray + 3 * seed]).to(torch.uint8)


def shots(folder: Path, named: dict[str, Tensor]) -> list[list[str]]:
    """The names of a folder's pictures, shot by shot."""
    folder.mkdir()
    for name, rgb in named.items():
        write_rgb(rgb, folder / f"{name}.png")
    matched, count = matches([folder, folder])
    assert count == len(named)
    found: list[list[str]] = []
    for match, cut in mark_cuts(matched):
        found += [[]] if cut else []
        found[-1].append(match.name)
    return found


def alike(names: Sequence[str]) -> dict[str, Tensor]:
    return dict.fromkeys(names, view(0))


def test_pictures_numbered_one_after_another_are_a_clip(tmp_path: Path) -> None:
    clip = [f"swan{i}" for i in range(4, 13)]
    found = shots(tmp_path / "clip", alike(clip))
    assert found == [clip]  # swan10 comes after swan9, whatever the alphabet
    padded = [f"{i:05}" for i in range(98, 103)]
    assert shots(tmp_path / "padded", alike(padded)) == [padded]


def test_cuts_are_found_in_a_clip(tmp_path: Path) -> None:
    named = {f"{i:03}": view(i // 10) for i in range(30)}
    found = shots(tmp_path / "clip", named)
    assert [shot[0] for shot in found] == ["000", "010", "020"]


def test_gaps_other_names_and_other_sizes_start_a_shot(tmp_path: Path) -> None:
    found = shots(tmp_path / "gap", alike(["a1", "a2", "a4", "b5", "b6", "still"]))
    assert found == [["a1", "a2"], ["a4"], ["b5", "b6"], ["still"]]
    sizes = {str(i): view(0, W=64 if i < 3 else 40) for i in range(1, 5)}
    assert shots(tmp_path / "sizes", sizes) == [["1", "2"], ["3", "4"]]
    assert shots(tmp_path / "album", alike(["cat", "dog"])) == [["cat"], ["dog"]]


@pytest.mark.parametrize("late", [0, 5])
def test_few_frames_are_held_however_late_cuts_are_told(
    late: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = matching.mark_shots

    def later(frames: Iterator[Frame], settings: ShotSettings) -> Iterator[Frame]:
        held: list[Frame] = []
        for frame in stage(frames, settings):
            held.append(frame)
            if len(held) > late:
                yield held.pop(0)
        yield from held

    monkeypatch.setattr(matching, "mark_shots", later)
    views = [view(seed) for seed in range(4)]
    pulled = 0

    def matched() -> Iterator[Match]:
        nonlocal pulled
        for i in range(80):
            pulled += 1
            rgb = views[i // 20]
            yield Match(str(i), None, {"truth": rgb, "result": rgb, "gray": gray_version(rgb)})

    names, cuts, ahead = [], [], 0
    for match, cut in mark_cuts(matched()):
        names.append(match.name)
        cuts += [match.name] if cut else []
        ahead = max(ahead, pulled - len(names))
    assert names == [str(i) for i in range(80)]
    assert cuts == ["0", "20", "40", "60"]
    assert ahead <= late + 12
