"""What containers say beside FFmpeg: crops, and files that are played in another order."""

from __future__ import annotations

import io
import struct
from contextlib import closing
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from films import Spec, make_film
from PIL import Image
from seen import plane_view, see
from ways import lossless, recolor

from vidcolor.errors import CannotCarry, FilmUnreadable
from vidcolor.media.container_heads import declared_crop, linked_parts
from vidcolor.media.decode.decoder import decode
from vidcolor.media.decode.rgb import film_rgb
from vidcolor.media.open import open_video
from vidcolor.preview.compare import side_by_side
from vidcolor.preview.previews import frames_at
from vidcolor.settings import EncodeSettings, OutputSettings, Settings

SIZE = 64, 48
FRAMES = 4


def element(name: str, *data: bytes | int) -> bytes:
    """An EBML element."""
    whole = b"".join(d.to_bytes(8, "big") if isinstance(d, int) else d for d in data)
    return bytes.fromhex(name) + (len(whole) | 1 << 56).to_bytes(8, "big") + whole


def matroska(
    path: Path,
    crop: tuple[int, int, int, int] = (0, 0, 0, 0),
    display: bytes = b"",
    chapters: bytes = b"",
    info: bytes = b"",
    late: bool = False,
) -> Path:
    """Four pictures; ``late`` puts the chapters behind them, where only the seek head leads."""
    shape = element("b0", SIZE[0]) + element("ba", SIZE[1]) + display
    names = ("54cc", "54bb", "54dd", "54aa")
    shape += b"".join(element(n, value) for n, value in zip(names, crop, strict=True))
    track = [element("d7", 1), element("73c5", 1), element("83", 1), element("86", b"V_MJPEG")]
    tracks = element("1654ae6b", element("ae", *track, element("e0", shape)))
    head = element("1549a966", element("2ad7b1", 1_000_000), info)
    blocks = element("e7", 0)
    for number in range(FRAMES):
        out = io.BytesIO()
        gray = Image.new("L", SIZE, 60)
        gray.paste(Image.radial_gradient("L").resize((40, 30)), (4 + 2 * number, 6))
        gray.save(out, "JPEG")
        blocks += element("a3", b"\x81" + struct.pack(">hB", 40 * number, 0x80), out.getvalue())
    cluster = element("1f43b675", blocks)
    listed = element("1043a770", chapters) if chapters else b""
    rest = tracks + ((cluster + listed) if late else (listed + cluster))
    place = len(head) + len(tracks) + len(cluster)
    length = len(seek(0))
    front = (seek(length + place) if late else b"") + head
    start = element("1a45dfa3", element("4282", b"matroska"))
    path.write_bytes(start + element("18538067", front + rest))
    return path


def seek(place: int) -> bytes:
    entry = element("53ab", bytes.fromhex("1043a770")) + element("53ac", place)
    return element("114d9b74", element("4dbb", entry))


def stored(path: Path) -> list[np.ndarray]:
    """All of the luma that a film stores."""
    with av.open(str(path)) as container:
        return [plane_view(f.planes[0], 8).copy() for f in container.decode(video=0)]


WHOLE = element("54b0", SIZE[0]) + element("54ba", SIZE[1])
CROPS = [(2, 4, 2, 4), (10, 0, 0, 6), (3, 5, 0, 0), (0, 0, 1, 1)]


@pytest.mark.parametrize("crop", CROPS, ids=str)
@pytest.mark.parametrize("target", [".mkv", ".mp4"])
def test_what_is_cropped_is_not_written_and_the_rest_is_exact(
    tmp_path: Path, crop: tuple[int, int, int, int], target: str
) -> None:
    left, top, right, bottom = crop
    path = matroska(tmp_path / "in.mkv", crop, WHOLE)
    width, height = SIZE[0] - left - right, SIZE[1] - top - bottom
    wanted = [luma[top : top + height, left : left + width] for luma in stored(path)]
    # In Matroska ffv1 has no words for the shape of pixels.
    codec = {".mkv": "libx264", ".mp4": "ffv1"}[target]
    run = recolor(path, tmp_path / f"out{target}", lossless(codec=codec))
    assert (run.written.frames, run.left) == (FRAMES, [])
    for found, luma in zip(stored(tmp_path / f"out{target}"), wanted, strict=True):
        assert np.array_equal(found, luma)
    after = see(tmp_path / f"out{target}")
    # What is left is shown in the size that the file names, and that is the whole one here.
    assert after.size == (width, height)
    assert (after.sar or 1) * Fraction(width, height) == Fraction(*SIZE)
    with open_video(path) as film:
        assert film.info.crop == crop
        assert any(f"crops the picture of 64x48 to {width}x{height}" in n for n in film.info.notes)


def test_a_crop_holds_in_every_path(tmp_path: Path) -> None:
    path = matroska(tmp_path / "in.mkv", (2, 4, 2, 4), WHOLE)
    (shown,) = frames_at(path, [Fraction(0)])
    assert shown[1].shape == (3, 40, 53)
    with open_video(path) as film, closing(film_rgb(film)) as pictures:
        assert {tuple(picture.shape) for picture in pictures} == {(3, 40, 60)}
    fast = Settings(encode=EncodeSettings(preset="ultrafast"))
    side_by_side(path, path, tmp_path / "both.mkv", settings=fast)
    assert see(tmp_path / "both.mkv").size == (104, 40)


def test_a_crop_of_everything_is_none(tmp_path: Path) -> None:
    path = matroska(tmp_path / "in.mkv", (40, 0, 40, 0))
    assert declared_crop(path, "matroska,webm", 0, SIZE) is None
    with pytest.raises(FilmUnreadable, match="too damaged to read"):
        open_video(path)  # FFmpeg does not take it either
    make_film(tmp_path / "in.mp4", Spec(codec="libx264", frames=4))
    for aperture in ((0, 60), (200, 60), (80, 0)):
        path = tmp_path / "odd.mp4"
        path.write_bytes((tmp_path / "in.mp4").read_bytes())
        with open_video(with_aperture(path, *aperture)) as film:
            assert (film.info.crop, film.info.width) == (None, 96)
            assert len(list(decode(film))) == 4


UNITS = {0: Fraction(16, 9), 1: Fraction(16, 9), 2: Fraction(16, 9), 3: Fraction(16, 9), 4: None}


@pytest.mark.parametrize("unit", list(UNITS))
def test_units_of_the_display_size(tmp_path: Path, unit: int) -> None:
    display = element("54b0", 16) + element("54ba", 9) + element("54b2", unit)
    path = matroska(tmp_path / "in.mkv", (4, 4, 4, 4), display)
    with open_video(path) as film:
        info = film.info
    assert (info.width, info.height) == (56, 40)
    shape = (info.sample_aspect or 1) * Fraction(info.width, info.height)
    assert shape == (UNITS[unit] or Fraction(56, 40))


def with_aperture(path: Path, width: int, height: int, right: int = 0, down: int = 0) -> Path:
    """An MP4 that says which part of its picture is clean."""
    numbers = (width, 1, height, 1, right, 2, down, 2)
    clap = struct.pack(">I4sIIIIiIiI", 40, b"clap", *numbers)
    data = bytearray(path.read_bytes())
    at = data.index(b"moov") - 4
    assert data.index(b"mdat") < at  # nothing that is pointed to moves
    end = 0
    for name in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1"):
        at = data.index(name, at) - 4
        size = int.from_bytes(data[at : at + 4], "big")
        data[at : at + 4] = struct.pack(">I", size + len(clap))
        end = at + size
        at += 4
    data[end:end] = clap
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_a_clean_aperture_is_a_crop(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"in{suffix}"
    make_film(path, Spec(codec="libx264", frames=4, sar=Fraction(10, 11)))
    whole = stored(path)
    with_aperture(path, 80, 60, right=4, down=-2)
    with open_video(path) as film:
        assert film.info.crop == (10, 1, 6, 3)
        assert film.info.sample_aspect == Fraction(10, 11)
    recolor(path, tmp_path / "out.mkv", lossless())
    for found, luma in zip(stored(tmp_path / "out.mkv"), whole, strict=True):
        assert np.array_equal(found, luma[1:61, 10:90])


def chapter(start: int, end: int, *more: bytes) -> bytes:
    times = element("91", start * 1_000_000), element("92", end * 1_000_000)
    return element("b6", element("73c4", start + 1), *times, *more)


def edition(*chapters: bytes) -> bytes:
    return element("45b9", element("45dd", 1), *chapters)


OTHER = element("6e67", b"x" * 16)
OWN = element("73a4", b"y" * 16)
ORDERED = {
    "in order": (edition(chapter(0, 80), chapter(80, 160)), b"", []),
    "not ordered": (element("45b9", chapter(80, 160), chapter(0, 80)), b"", []),
    "other order": (edition(chapter(80, 160), chapter(0, 80)), b"", ["in the order of its file"]),
    "a part left out": (
        edition(chapter(0, 40), chapter(120, 160)),
        b"",
        ["in the order of its file"],
    ),
    "its end left out": (
        edition(chapter(0, 80), chapter(80, 160)),
        element("4489", struct.pack(">d", 900)),
        ["in the order of its file"],
    ),
    "to its end": (edition(chapter(0, 700)), element("4489", struct.pack(">f", 900)), []),
    "other files": (
        edition(chapter(0, 80), chapter(0, 9, OTHER)),
        OWN,
        ["not colored: 1 of its parts"],
    ),
    "itself": (edition(chapter(0, 80, element("6e67", b"y" * 16))), OWN, []),
    "next": (b"", OWN + element("3eb923", b"z" * 16), ["split over several files"]),
}


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("kind", list(ORDERED))
def test_what_players_would_put_in_another_order_is_told(
    tmp_path: Path, kind: str, late: bool
) -> None:
    chapters, info, words = ORDERED[kind]
    path = matroska(tmp_path / "in.mkv", chapters=chapters, info=info, late=late)
    found = [f"{what}: {why}" for what, why in linked_parts(path)]
    assert len(found) == len(words)
    assert all(word in text for word, text in zip(words, found, strict=True))
    run = recolor(path, tmp_path / "out.mkv", lossless())
    assert run.written.frames == FRAMES
    assert run.left == found
    if words:
        strict = Settings(encode=EncodeSettings(lossless=True), output=OutputSettings(strict=True))
        with pytest.raises(CannotCarry):
            recolor(path, tmp_path / "strict.mkv", strict)


def test_heads_that_make_no_sense(tmp_path: Path) -> None:
    path = matroska(tmp_path / "in.mkv", (2, 2, 2, 2), chapters=edition(chapter(0, 9, OTHER)))
    data = path.read_bytes()
    for end in range(0, len(data), 97):
        path.write_bytes(data[:end])
        declared_crop(path, "matroska,webm", 0, SIZE)
        list(linked_parts(path))
    chance = np.random.default_rng(5)
    for _ in range(100):
        broken = bytearray(data)
        for place in chance.integers(0, 400, 4):
            broken[place] = chance.integers(256)
        path.write_bytes(broken)
        for container in ("matroska,webm", "mov,mp4,m4a,3gp,3g2,mj2"):
            declared_crop(path, container, 0, SIZE)
        list(linked_parts(path))
