"""A folder with every file that the commands of the docs name, each as small as it may be."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
from frame_files import write_scans
from PIL import Image
from synthetic import texture

DEFAULTS = 'weights = "mini"\nsize = 64\n'
"""What makes the commands quick; it is the vidcolor.toml of the folder."""

SECONDS = 125
"""Of films in which moments such as 1:30 and 2:00 are named; of one frame a second."""


def write_film(path: Path, rate: int = 1, frames: int = SECONDS) -> Path:
    """A gray film of two shots, 256x144."""
    codec = "mpeg4" if path.suffix == ".avi" else "libx264"
    with av.open(path, "w") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.width, stream.height, stream.pix_fmt = 256, 144, "yuv420p"
        shots = [(texture(seed, 144, 256) * 219 + 16).numpy().astype(np.uint8) for seed in (3, 4)]
        for number in range(frames):
            planes = np.vstack([shots[2 * number // frames], np.full((72, 256), 128, np.uint8)])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(planes, "yuv420p")))
        container.mux(stream.encode(None))
    return path


def write_photo(path: Path, color: bool = False, size: tuple[int, int] = (96, 128)) -> Image.Image:
    """A photograph, height and width ``size``."""
    path.parent.mkdir(exist_ok=True)
    gray = (texture(5, *size) * 255).byte().numpy()
    photo = Image.fromarray(gray if not color else np.dstack([gray, gray // 2, 255 - gray]))
    photo.save(path)
    return photo


def write_sound(path: Path) -> None:
    """Two seconds of a hum."""
    with av.open(path, "w") as container:
        stream = container.add_stream("pcm_s16le", rate=48000, layout="mono")
        hum = (8000 * np.sin(np.arange(96000) / 30)).astype(np.int16)[None]
        frame = av.AudioFrame.from_ndarray(hum, "s16", "mono")
        frame.sample_rate = 48000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def fill(room: Path, run: Callable[[str], object]) -> None:
    """Write all of it.

    Args:
        room: The folder, which is empty and the current one.
        run: Runs a command line, such as ``vidcolor film.mkv out.mkv``.
    """
    (room / "vidcolor.toml").write_text(DEFAULTS)
    write_film(room / "film.mp4")
    write_film(room / "film.mov", 25, 30)
    write_film(room / "film.avi", 25, 30)
    for name in ("films", "samples"):
        (room / name).mkdir()
    copies = {
        "film.mp4": ("a.mp4", "newsreel.mp4", "films/a.mp4", "plain.mp4"),
        "film.mov": ("films/b.mov", "samples/newsreel.mp4"),
        "film.avi": ("b.avi",),
    }
    for source, names in copies.items():
        for name in names:
            shutil.copy(room / source, room / name)
    write_film(room / "film.mkv")
    for name in ("silent.mkv", "master.mkv"):
        shutil.copy(room / "film.mkv", room / name)
    write_scans(room / "scans", 4, first=1)
    for path in (room / "scans").iterdir():
        path.rename(path.with_name(path.name.replace("reel_0", "scan_")))
    for number in range(4):
        write_photo(room / "frames" / f"f_{number:03d}.png")
    write_photo(room / "photo.jpg")
    write_photo(room / "album" / "one.jpg")
    write_photo(room / "postcard.jpg", color=True)
    write_photo(room / "stills" / "frame-14.png", color=True, size=(144, 256))
    pages = [write_photo(room / "page.png").copy() for _ in range(2)]
    pages[0].save(room / "pages.tif", save_all=True, append_images=pages[1:])
    write_sound(room / "take.wav")
    for line in (
        "vidcolor film.mkv out.mkv --report out.json",
        "vidcolor film.mkv out.mkv --force --report out.mkv.json",
        "vidcolor film.mp4 true.mp4 --report report.json",
        "vidcolor film.mov reel.mxf",
        "vidcolor shots film.mov --to edl -o cut.edl",
        "vidcolor shots film.mp4 --to csv -o film-Scenes.csv",
    ):
        run(line)
    shutil.copy(room / "out.mkv", room / "colored.mkv")
