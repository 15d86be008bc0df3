"""Color the same videos with two checkouts and compare the results bit by bit.

    .venv/bin/python scripts/measure/compare_checkouts.py OTHER [--weights mini] [VIDEO ...]

OTHER checkout needs its own .venv (its scripts/venv makes it). Without videos, it takes the sample
and synthetic ones with a variable rate, 10 bits, fields, and a cut end. Each is colored with the
default net and with mini, lossy and lossless. These must be equal: exit codes, what is not copied,
damage, the timestamps of all packets, and decoded luma and chroma of every frame.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from hashlib import sha256
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import av
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
WAYS = [("--lossless",), ()]
REPORTED = ("frames", "left_behind", "damage", "carried", "shot_starts", "codec", "pixels")


def made_videos(folder: Path) -> Iterator[Path]:
    """Small videos of the kinds that a change of the frame path breaks first."""
    steady = [Fraction(n, 25) for n in range(40)]
    uneven = [Fraction(n * n, 400) for n in range(40)]
    yield make_video(folder / "vfr.mkv", uneven, "yuv420p", {})
    yield make_video(folder / "ten_bits.mkv", steady, "yuv420p10le", {})
    yield make_video(folder / "fields.mkv", steady, "yuv420p", {"x264-params": "tff=1"})
    whole = make_video(folder / "whole.ts", steady, "yuv420p", {})
    cut = folder / "cut.ts"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 3 // 5])
    yield cut


def make_video(path: Path, times: list[Fraction], pixels: str, options: dict[str, str]) -> Path:
    """A gray square that wanders over a gray slope; two shots."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options=options | {"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = 192, 128, pixels
        stream.codec_context.time_base = Fraction(1, 1000)
        slope = np.tile(np.linspace(40, 200, 192), (128, 1))
        for number, seconds in enumerate(times):
            picture = slope.copy() if number < len(times) // 2 else slope[:, ::-1].copy()
            picture[40:80, 2 * number : 2 * number + 40] = 230 - 2 * number
            rgb = np.repeat(picture.astype(np.uint8)[..., None], 3, axis=2)
            frame = av.VideoFrame.from_ndarray(rgb, "rgb24").reformat(format=pixels)
            frame.pts, frame.time_base = round(seconds * 1000), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def color(checkout: Path, video: Path, target: Path, words: tuple[str, ...]) -> dict[str, Any]:
    """What a checkout makes of a video: exit code, report, and digests of the target."""
    told = target.with_suffix(".json")
    command = [str(checkout / ".venv/bin/python"), "-m", "vidcolor", str(video), str(target)]
    command += [*words, "--report", str(told), "-q"]
    run = subprocess.run(command, cwd=checkout, capture_output=True, text=True)
    found: dict[str, Any] = {"code": run.returncode}
    if run.returncode in (0, 3):
        report = json.loads(told.read_text())
        found |= {name: report.get(name) for name in REPORTED}
        found |= digests(target)
    else:
        found["line"] = run.stderr.strip().splitlines()[-1:]
    return found


def digests(path: Path) -> dict[str, str]:
    """Of all packets' times, and of luma and chroma of all frames as they are decoded."""
    times, luma, chroma = sha256(), sha256(), sha256()
    with av.open(str(path)) as container:
        for packet in container.demux():
            times.update(f"{packet.stream.index} {packet.pts} {packet.dts};".encode())
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            for number, plane in enumerate(frame.planes):
                rows = np.frombuffer(bytes(plane), np.uint8).reshape(plane.height, plane.line_size)
                depth = frame.format.components[0].bits
                used = rows[:, : plane.width * (1 if depth == 8 else 2)]
                (luma if number == 0 else chroma).update(used.tobytes())
    return {"times": times.hexdigest(), "luma": luma.hexdigest(), "chroma": chroma.hexdigest()}


def main() -> int:
    """Print a line for each video and way; 1 where anything differs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("other", type=Path)
    parser.add_argument("videos", type=Path, nargs="*")
    parser.add_argument("--weights", action="append", help="net to use; may be repeated")
    args = parser.parse_intermixed_args()
    differ = 0
    with TemporaryDirectory(prefix="vidcolor-compare-") as name:
        folder = Path(name)
        videos = [path.resolve() for path in args.videos]
        videos = videos or [ROOT / "samples" / "newsreel.mp4", *made_videos(folder)]
        for video, net, way in product(videos, args.weights or ["mini", "default"], WAYS):
            suffix, words = ".mkv" if way else ".mp4", ("--weights", net, "--force", *way)
            pair = [
                color(checkout, video, folder / f"{side}{suffix}", words)
                for side, checkout in (("before", args.other.resolve()), ("after", ROOT))
            ]
            unlike = [key for key in pair[1] if pair[0].get(key) != pair[1][key]]
            differ += bool(unlike)
            result = f"DIFFERS in {', '.join(unlike)}" if unlike else "equal"
            print(
                f"{video.name:16} {net:8} {' '.join(way):11} {pair[1]['code']}  {result}",
                flush=True,
            )
    return int(differ > 0)


if __name__ == "__main__":
    sys.exit(main())
