"""Image sequences as films: how they are found, what arrives of their pixels, what is refused."""

from __future__ import annotations

import gc
import os
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from films import make_film
from frames import dpx, moving, write_exr, write_frames
from PIL import Image, ImageCms

from vidcolor.core.files import check_file, identify
from vidcolor.core.find_sequence import NoSequence, find_sequence, sequence_at
from vidcolor.core.frames import Frame
from vidcolor.core.report import Damage
from vidcolor.core.sequence import FrameSequence, SequenceName, parse_pattern
from vidcolor.core.video_info import VideoInfo
from vidcolor.errors import FilmChanged, FilmUnreadable, SettingsError, UnsupportedPixels
from vidcolor.media.decode.decoder import decode
from vidcolor.media.decode.frame_windows import read_frames
from vidcolor.media.decode.rgb import film_rgb
from vidcolor.media.decode.seek import picture_end
from vidcolor.media.identity import of_the_same
from vidcolor.media.open import open_video
from vidcolor.media.sequences.facts import header_losses
from vidcolor.settings import InputSettings

FPS = InputSettings(fps=Fraction(24))
Read = tuple[VideoInfo, list[Frame], list[Damage]]


def read(word: Path | str, settings: InputSettings | None = None) -> Read:
    """The film, its frames, its damage."""
    with open_video(word, settings) as film:
        frames = list(decode(film))
        return film.info, frames, film.log.damage


def luma(frame: Frame) -> np.ndarray:
    return frame.luma.numpy().astype(np.int64)


def touch(folder: Path, *names: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).touch()
    return folder


# Names


@pytest.mark.parametrize(
    ("word", "pattern", "first"),
    [
        ("scan_%06d.dpx", "scan_%06d.dpx", "scan_000007.dpx"),
        ("100%%_%d.tif", "100%%_%d.tif", "100%_7.tif"),
        ("%4d.exr", "%04d.exr", "0007.exr"),
        ("name.%04d.exr", "name.%04d.exr", "name.0007.exr"),
    ],
)
def test_pattern(word: str, pattern: str, first: str) -> None:
    name = parse_pattern(f"a%d b/{word}")
    assert name is not None
    assert (name.pattern, name.path(7)) == (pattern, Path("a%d b") / first)
    assert parse_pattern(name.pattern_path) == name


@pytest.mark.parametrize("word", ["film.mkv", "100%.mkv", "a%%d.png", "%d/film.mkv", "50% d.mp4"])
def test_no_pattern(word: str) -> None:
    assert parse_pattern(word) is None


@pytest.mark.parametrize("word", ["a%d_%d.png", "a%099d.png"])
def test_bad_pattern(word: str) -> None:
    with pytest.raises(SettingsError):
        parse_pattern(word)


@pytest.mark.parametrize(
    ("names", "pattern", "first"),
    [
        (["9.png", "10.png", "11.png"], "%d.png", 9),
        (["098.png", "099.png", "100.png"], "%03d.png", 98),
        (["999.png", "1000.png"], "%d.png", 999),
        (["x099.png", "x100.png", "x1000.png"][:2], "x%03d.png", 99),
        (["reel_0086400.dpx", "reel_0086401.dpx"], "reel_%07d.dpx", 86400),
        (["name.0001.exr", "name.0002.exr"], "name.%04d.exr", 1),
        (["a2_1.JPG", "a2_2.JPG"], "a2_%d.JPG", 1),
        (["1.tif", "2.tif", "a.xml", "1.tif.md5", "b.framemd5", "look.cube", "s.wav", "Thumbs.db",
          "notes.txt", ".3.tif"], "%d.tif", 1),
    ],
)  # fmt: skip
def test_folder(tmp_path: Path, names: list[str], pattern: str, first: int) -> None:
    folder = touch(tmp_path / "frames", *names)
    found = find_sequence(folder)
    suffix = os.path.splitext(pattern)[1]
    count = sum(name.endswith(suffix) and name[0] != "." for name in names)
    assert (found.name.pattern, found.first, found.count) == (pattern, first, count)
    assert found.name.folder == folder
    assert check_file(folder) == check_file(folder / f"*{suffix}") == folder / pattern
    assert sequence_at(folder / pattern) == found


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["a1.png", "a2.png", "b1.png"], r"several sequences; name one: a%d.png, b%d.png"),
        (["a1.png", "a1.tif"], "several sequences"),
        (["009.png", "10.png"], "010.png|numbered in two ways"),
        (["a1.png", "a2.png", "cover.jpg"], "cover.jpg"),
        (["a1.png", "a2.png", "film.mkv"], "film.mkv"),
        (["7.png", "8.png", "10.png", "12.png"],
         r"9.png and 1 more are missing; frames 7 to 8, 10 and 12 are there"),
        (["007.png", "009.png"], r"008.png is missing; frames 7 and 9"),
        (["notes.txt", "film.mkv"], "is a folder; name a film inside it"),
    ],
)  # fmt: skip
def test_refused_folder(tmp_path: Path, names: list[str], says: str) -> None:
    with pytest.raises(FilmUnreadable, match=says):
        find_sequence(touch(tmp_path / "frames", *names))


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("a%d.png", r"no such frame, but a0[12].png; use a%02d.png"),
        ("b%d.png", "there is no such frame in"),
        ("a%02d.mp4", "frames of a sequence end in .dpx"),
        ("a*1.png", "leaves out frames of the sequence"),
        ("none/a%02d.png", "no such file"),
    ],
)
def test_refused_word(tmp_path: Path, word: str, says: str) -> None:
    touch(tmp_path, "a01.png", "a02.png")
    with pytest.raises(FilmUnreadable, match=says):
        check_file(tmp_path / word)


def test_file_with_percent_sign(tmp_path: Path) -> None:
    """A file whose name looks like a pattern is that file."""
    (tmp_path / "a%03d.mkv").write_bytes(b"x")
    assert check_file(tmp_path / "a%03d.mkv") == tmp_path / "a%03d.mkv"


def test_listed_again_after_a_change(tmp_path: Path) -> None:
    pattern = touch(tmp_path, *(f"{number}.png" for number in range(1, 9))) / "%d.png"
    old = time.time() - 100
    os.utime(tmp_path, (old, old))
    assert sequence_at(pattern) == sequence_at(pattern)
    (tmp_path / "4.png").unlink()
    with pytest.raises(FilmUnreadable, match=r"4\.png is missing"):
        sequence_at(pattern)


@pytest.mark.slow
def test_many_frames(tmp_path: Path) -> None:
    """One look at the folder: seconds at most, on any machine."""
    count = 50_000
    for number in range(count):
        os.close(os.open(tmp_path / f"reel_{86400 + number:07d}.dpx", os.O_CREAT | os.O_WRONLY))
    began = time.perf_counter()
    found = find_sequence(tmp_path)
    identify(found.name.pattern_path)
    assert time.perf_counter() - began < 20
    assert found == FrameSequence(SequenceName(tmp_path, "reel_", 7, ".dpx"), 86400, count)


# Pixels


@pytest.mark.parametrize("order", [">", "<"])
@pytest.mark.parametrize("color", [False, True])
@pytest.mark.parametrize(("bits", "packing"), [(8, 0), (10, 1), (10, 2), (12, 1), (12, 2), (16, 0)])
def test_dpx_luma(tmp_path: Path, bits: int, packing: int, color: bool, order: str) -> None:
    """Luma of gray, and of R = G = B, is that of the file, code by code."""

    def make(index: int) -> bytes:
        gray = moving(index, bits, (97, 16))
        samples = np.repeat(gray[..., None], 3, 2) if color else gray
        return dpx(samples, bits, order=order, packing=packing)

    folder = write_frames(tmp_path / "a%d b", 5, make)
    info, frames, damage = read(folder)
    assert (info.codec, info.frames, len(frames), damage) == ("dpx", 5, 5, [])
    assert (info.frame_rate, info.duration) == (24, Fraction(5, 24))
    assert (info.layout.bits, info.layout.full_range) == (bits, True)
    assert [frame.pts for frame in frames] == list(range(5))
    assert all(frame.time_base == Fraction(1, 24) for frame in frames)
    for index, frame in enumerate(frames):
        assert np.array_equal(luma(frame), moving(index, bits, (97, 16)))


@pytest.mark.parametrize(
    ("suffix", "bits", "color"),
    [
        *((suffix, 8, color) for suffix in ("png", "tif", "jp2") for color in (False, True)),
        *((suffix, 16, False) for suffix in ("png", "tif", "jp2")),
    ],
)
def test_picture_luma(tmp_path: Path, suffix: str, bits: int, color: bool) -> None:
    for index in range(3):
        gray = moving(index, bits)
        samples = np.repeat(gray[..., None], 3, 2) if color else gray
        kind = np.uint8 if bits == 8 else np.uint16
        Image.fromarray(samples.astype(kind)).save(tmp_path / f"{index:03d}.{suffix}")
    info, frames, damage = read(tmp_path, FPS)
    assert (info.layout.bits, len(frames), damage) == (bits, 3, [])
    for index, frame in enumerate(frames):
        assert np.array_equal(luma(frame), moving(index, bits))


def test_jpeg_luma(tmp_path: Path) -> None:
    for index in range(3):
        picture = Image.fromarray(moving(index).astype(np.uint8))
        picture.save(tmp_path / f"{index}.jpg", quality=95)
    info, frames, _ = read(tmp_path / "%d.jpg", FPS)
    assert info.layout.full_range
    for index, frame in enumerate(frames):
        seen = np.asarray(Image.open(tmp_path / f"{index}.jpg")).astype(int)
        assert abs(luma(frame) - seen).max() <= 1  # two decoders round otherwise


def srgb(light: np.ndarray) -> np.ndarray:
    """IEC 61966-2-1, written down once more."""
    low = np.clip(np.nan_to_num(light, nan=0, posinf=1, neginf=0), 0, 1)
    return np.where(low <= 0.0031308, 12.92 * low, 1.055 * low ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("kind", ["half", "float"])
@pytest.mark.parametrize("color", [False, True])
def test_exr_light(tmp_path: Path, kind: str, color: bool) -> None:
    """Linear light is codes of the sRGB curve; what is no number of light does no harm."""
    light = (moving(0, 16) / 50000 - 0.1).astype(np.float32)
    light[1, :4] = np.nan, np.inf, -np.inf, 7
    light = light.astype(np.float16 if kind == "half" else np.float32).astype(np.float32)
    frames = [np.stack([light] * 3) if color else light] * 3
    info, found, damage = read(write_exr(tmp_path / "light", frames, kind))
    assert (info.frame_rate, len(found), damage) == (24, 3, [])
    assert (info.layout.bits, info.layout.transfer, info.tags["transfer"]) == (16, "srgb", 13)
    assert any("linear light" in note for note in info.notes)
    for frame in found:
        assert abs(luma(frame) - srgb(light) * 65535).max() <= 1
    with open_video(tmp_path / "light") as film:
        first = next(film_rgb(film)).numpy().astype(int)
    assert abs(first - srgb(light) * 255).max() <= 2  # swscale, from planar codes


def test_colored_exr(tmp_path: Path) -> None:
    """Luma of colors is that of their codes, and the color that was there is seen."""
    flat = np.ones((3, 64, 96), np.float32) * np.array([0.2, 0.05, 0.6], np.float32)[:, None, None]
    with open_video(write_exr(tmp_path / "light", [flat] * 9, "float")) as film:
        frames = list(decode(film))
        assert film.log.source_color != "gray"
    green, blue, red = (float(srgb(np.float32(v))) for v in (0.2, 0.05, 0.6))
    expected = (0.299 * red + 0.587 * green + 0.114 * blue) * 65535
    assert abs(luma(frames[0]) - expected).max() <= 1


# What headers say


def test_rate_and_timecode(tmp_path: Path) -> None:
    code = 0x10595829
    folder = write_frames(
        tmp_path / "scans", 3, lambda i: dpx(moving(i), 8, rate=29.97, timecode=code + i)
    )
    with open_video(folder) as film:
        assert film.info.frame_rate == Fraction(30000, 1001)
        assert film.info.timecode == "10:59:58:29"
        assert film.info.sequence == find_sequence(folder)
        assert film.info.path == folder / "scan_%06d.dpx"
    with open_video(folder, InputSettings(fps=Fraction(24))) as film:
        assert film.info.frame_rate == 24
        assert film.info.timecode == ""  # 29 is no frame of 24
        assert any("29.97" in note for note in film.info.notes)


def test_drop_frame(tmp_path: Path) -> None:
    frame = dpx(moving(0), 8, rate=29.97, timecode=0x01000042)  # frame 02, with the flag of drop
    folder = write_frames(tmp_path / "scans", 2, lambda i: frame)
    with open_video(folder) as film:
        assert film.info.timecode == "01:00:00;02"
    with open_video(folder, InputSettings(fps=Fraction(25))) as film:
        assert film.info.timecode == "01:00:00:02"


@pytest.mark.parametrize("rate", [None, 0.0, float("nan"), float("inf"), 1e9, -24.0])
def test_no_rate(tmp_path: Path, rate: float | None) -> None:
    folder = write_frames(tmp_path / "scans", 2, lambda i: dpx(moving(i), 8, rate=rate))
    with pytest.raises(SettingsError, match="nothing says how many frames a second"):
        open_video(folder)
    with open_video(folder, FPS) as film:
        assert film.info.frame_rate == 24


@pytest.mark.parametrize(("transfer", "says"), [(1, "printing density"), (3, "logarithmic")])
def test_logarithmic_codes(tmp_path: Path, transfer: int, says: str) -> None:
    folder = write_frames(
        tmp_path / "scans", 2, lambda i: dpx(moving(i, 10), 10, transfer=transfer)
    )
    info, frames, _ = read(folder)
    assert any(says in note and "taken as they are" in note for note in info.notes)
    assert info.layout.transfer == "bt1886"
    assert np.array_equal(luma(frames[0]), moving(0, 10))


def test_color_profile_is_told(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture = Image.fromarray(moving(0).astype(np.uint8))
    for number in range(2):
        picture.save(tmp_path / f"{number}.png", icc_profile=profile)
    info, frames, _ = read(tmp_path, FPS)
    assert any("color profile" in note for note in info.notes)
    assert np.array_equal(luma(frames[0]), moving(0))


def test_color_profile_in_an_animation(tmp_path: Path) -> None:
    """PyAV 18 frees the name of a profile twice, which ended the program."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    pictures = [Image.fromarray(moving(index).astype(np.uint8)) for index in range(3)]
    path = tmp_path / "film.png"
    pictures[0].save(path, save_all=True, append_images=pictures[1:], icc_profile=profile)
    with open_video(path) as film:
        assert len(list(decode(film))) == 3
    gc.collect()


def test_what_a_film_cannot_hold(tmp_path: Path) -> None:
    """Film edge code and user data of DPX, and all that is more than codes in EXR, are told."""
    plain = bytearray(dpx(moving(0), 8))
    assert header_losses(find_sequence(write_frames(tmp_path / "a", 1, lambda i: plain))) == []
    plain[1664:1680] = b"KJ23012345671234"
    longer = plain[:2048] + b"scanned by hand".ljust(512, b"\0") + plain[2048:]
    longer[4:8] = (2048 + 512).to_bytes(4, "big")
    found = header_losses(find_sequence(write_frames(tmp_path / "b", 1, lambda i: longer)))
    assert [what for what, _ in found] == [
        "film edge code KJ23012345671234",
        "user data of the DPX headers",
    ]
    light = write_exr(tmp_path / "light", [moving(0) / np.float32(200)], "half")
    assert "light above white" in header_losses(find_sequence(light))[0][0]


def test_rate_of_a_film(tmp_path: Path) -> None:
    path = tmp_path / "film.mkv"
    make_film(path)
    with pytest.raises(SettingsError, match="--fps is for image sequences"):
        open_video(path, FPS)


def test_packed_ten_bits(tmp_path: Path) -> None:
    folder = write_frames(tmp_path / "scans", 2, lambda i: dpx(moving(i, 10), 10, packing=0))
    with pytest.raises(UnsupportedPixels, match="10 bits without padding"):
        open_video(folder)


# Parts


def test_parts(tmp_path: Path) -> None:
    folder = write_frames(tmp_path / "scans", 60, lambda i: dpx(moving(i), 8))
    start, end = Fraction(31, 24), Fraction(40, 24)
    info, frames, damage = read(folder, InputSettings(start=start, end=end))
    assert (len(frames), [frame.pts for frame in frames], damage) == (9, list(range(9)), [])
    assert np.array_equal(luma(frames[0]), moving(31))
    moments = [Fraction(n, 24) for n in (0, 17, 59)]
    found = list(read_frames(info.path, InputSettings(), moments))
    assert [seconds for seconds, _ in found] == moments
    for (_, frame), index in zip(found, (0, 17, 59), strict=True):
        assert np.array_equal(luma(frame), moving(index))
    with open_video(folder) as film:
        assert picture_end(film) == Fraction(60, 24)


# Damage


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    return write_frames(tmp_path / "scans", 80, lambda i: dpx(moving(i), 8))


@pytest.mark.parametrize("index", [0, 37, 79])
@pytest.mark.parametrize("threads", [1, 4])
def test_cut_frame(scans: Path, index: int, threads: int) -> None:
    """It is told by its name; all others arrive, at their own times."""
    path = scans / f"scan_{86400 + index:06d}.dpx"
    path.write_bytes(path.read_bytes()[:3000])
    _, frames, damage = read(scans, InputSettings(decoder_threads=threads))
    assert [frame.pts for frame in frames] == [n for n in range(80) if n != index]
    for frame in frames:
        assert np.array_equal(luma(frame), moving(frame.pts))
    missing = [one for one in damage if one.kind == "missing frame"]
    assert [one.text for one in missing] == [f"{path.name} cannot be decoded"]
    assert missing[0].seconds == pytest.approx(index / 24, abs=0.001)


@pytest.mark.parametrize("index", [37, 79])
def test_empty_frame(scans: Path, index: int) -> None:
    """FFmpeg would take it for the end."""
    path = scans / f"scan_{86400 + index:06d}.dpx"
    path.write_bytes(b"")
    _, frames, damage = read(scans)
    assert [frame.pts for frame in frames] == [n for n in range(80) if n != index]
    assert [one.text for one in damage] == [f"{path.name} is an empty file"]
    with open_video(scans) as film, pytest.raises(FilmUnreadable, match="is an empty file"):
        list(film_rgb(film))


def test_empty_first_frame(scans: Path) -> None:
    (scans / "scan_086400.dpx").write_bytes(b"")
    with pytest.raises(FilmUnreadable, match=r"scan_086400\.dpx: is an empty file"):
        open_video(scans)


def test_cut_jpeg(tmp_path: Path) -> None:
    """FFmpeg fills in what is missing and says nothing."""
    for index in range(6):
        Image.fromarray(moving(index).astype(np.uint8)).save(tmp_path / f"{index}.jpg")
    path = tmp_path / "3.jpg"
    path.write_bytes(path.read_bytes()[:900])
    _, _, damage = read(tmp_path, FPS)
    assert any("3.jpg" in one.text for one in damage)


def test_frame_gone_meanwhile(scans: Path) -> None:
    with open_video(scans) as film:
        frames = decode(film)
        next(frames)
        (scans / "scan_086470.dpx").unlink()
        with pytest.raises(FilmUnreadable, match=r"scan_086470\.dpx: cannot be read any more"):
            list(frames)


def test_frame_changed_meanwhile(scans: Path) -> None:
    with open_video(scans) as film:
        frames = of_the_same(decode(film), film)
        next(frames)
        (scans / "scan_086410.dpx").write_bytes(dpx(moving(1), 8))
        with pytest.raises(FilmChanged):
            list(frames)


@pytest.mark.parametrize(
    ("other", "says"),
    [
        (dpx(moving(0, size=(98, 64)), 8), "from 96x64 to 98x64"),
        (dpx(moving(0, 10), 10), "from gray to gray10le"),
        (dpx(np.repeat(moving(0)[..., None], 3, 2), 8), "from gray to rgb24"),
    ],
)
def test_mixed_frames(scans: Path, other: bytes, says: str) -> None:
    (scans / "scan_086437.dpx").write_bytes(other)
    with pytest.raises(UnsupportedPixels, match=rf"scan_086437\.dpx: the picture changes {says}"):
        read(scans)


def test_film_named_as_frame(tmp_path: Path) -> None:
    """No demuxer but that of sequences, and no decoder but that of the suffix, sees a frame."""
    make_film(tmp_path / "film.mkv")
    data = (tmp_path / "film.mkv").read_bytes()
    folder = write_frames(tmp_path / "scans", 3, lambda i: data, "f_{:05d}.png")
    with pytest.raises(FilmUnreadable):
        open_video(folder, FPS)


def test_no_sequence_is_told(tmp_path: Path) -> None:
    with pytest.raises(NoSequence) as found:
        find_sequence(touch(tmp_path / "a", "x1.png", "y1.png"))
    assert found.value.count == 2


def test_identity(scans: Path) -> None:
    """A frame that changes, goes or comes makes it another one; listing order does not."""
    pattern = scans / "scan_%06d.dpx"
    before = identify(pattern)
    assert identify(pattern) == before
    assert before.bytes == sum(path.stat().st_size for path in scans.iterdir())
    frame = scans / "scan_086410.dpx"
    os.utime(frame, ns=(1, 1))
    changed = identify(pattern)
    assert changed != before
    assert not before.is_like(changed)
    (scans / "scan_086480.dpx").write_bytes(frame.read_bytes())
    assert identify(pattern) not in (before, changed)
