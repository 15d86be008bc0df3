"""Measure whole films, the nets and everything around them on a GPU, in eight minutes.

    PYTHONPATH=. python3 scripts/measure/gpu.py [--seconds 480] [--out gpu.jsonl]
    PYTHONPATH=. python3 scripts/measure/gpu.py --device cpu --seconds 120 --film 128x96 --frames 24

Run it in a checkout, on a machine with an NVIDIA GPU where nothing else runs. It needs torch with
CUDA, numpy, opencv-python-headless, pillow, safetensors, charset-normalizer and tqdm, av and
tomlkit, but neither kornia nor torchvision, and for `torch.compile` triton and a C compiler.
vidcolor need not be installed, and nothing is downloaded.

Its parts run one after the other, each in a process of its own, most important first: what the
device is; `vidcolor bench` with each net through x264 (veryfast) and NVENC; the nets by batch,
alone and with their copies, and their share of a large matrix product; painting and what it copies;
decoders, NVDEC among them; CUDA graphs; where the net's time goes; `torch.compile`. Each part has a
share of the time, and what it leaves goes to those after it. Figures are appended to the file as
JSON lines as soon as they are known, so a run that is cut off leaves what it had; a part that fails
or that runs out of its time is told, and the others go on. On a CPU the parts that need a GPU are
told as skipped.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

HERE = Path(__file__).resolve().parent
SCENES = 48
"""Pictures that are made; a longer film shows them again."""


@dataclass(frozen=True)
class Part:
    """Something that is measured."""

    name: str
    share: float
    """Of the time, beside the shares of the others."""
    weights: str = ""
    codec: str = ""
    mode: str = ""
    needs_gpu: bool = False


def list_parts(nets: Sequence[str]) -> list[Part]:
    """What is measured of these nets, most important first."""
    names = {net: Path(net).stem for net in nets}
    parts = [Part("device", 15)]
    for codec in ("libx264", "h264_nvenc"):
        parts += [
            Part(f"bench {names[net]} {codec}", 50, net, codec, needs_gpu=codec == "h264_nvenc")
            for net in nets
        ]
    parts += [Part(f"net {names[net]}", 25, net) for net in nets]
    parts += [Part("paint", 25, nets[0]), Part("decode", 20)]
    parts += [Part(f"graphs {names[net]}", 12, net, needs_gpu=True) for net in nets]
    parts += [Part(f"kernels {names[net]}", 10, net, needs_gpu=True) for net in nets]
    for mode in ("reduce-overhead", "max-autotune-no-cudagraphs"):
        parts += [
            Part(f"compile {names[net]} {mode}", 30, net, mode=mode, needs_gpu=True) for net in nets
        ]
    return parts


class Results:
    """The file of results."""

    def __init__(self, path: Path) -> None:
        """A file that is empty, or not there yet."""
        self.path = path
        path.write_text("")

    def write(self, part: str, **figures: Any) -> None:
        """One line, here and in the file."""
        line = json.dumps({"part": part} | figures)
        with self.path.open("a+b") as file:
            file.seek(max(0, file.tell() - 1))
            broken = file.read() not in (b"", b"\n")  # a part that was stopped left half a line
            file.write(b"\n" * broken + line.encode() + b"\n")
        print(line, flush=True)

    def read(self) -> list[dict[str, Any]]:
        """All lines that are whole."""
        found = []
        for line in self.path.read_text().splitlines():
            try:
                found.append(json.loads(line))
            except ValueError:
                continue
        return found


def run_part(command: list[str], seconds: float, log: Path) -> str:
    """Runs a part; what is to be said of it, empty where all went well.

    Args:
        command: What to run.
        seconds: After so many it is stopped with all that it started.
        log: Gets what it writes to stderr.
    """
    with log.open("wb") as errors:
        process = subprocess.Popen(command, stderr=errors, start_new_session=True)
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            return f"stopped after {seconds:.0f} s, its time"
        finally:
            stop(process)
    if not code:
        return ""
    last = " ".join(log.read_text(errors="replace").strip().splitlines()[-1:])[:300]
    return f"ended with code {code}: {last}"


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ends the process and those that it started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def measure_all(
    parts: Sequence[Part],
    results: Results,
    job: dict[str, Any],
    until: float,
    script: Path = HERE / "gpu_parts.py",
) -> None:
    """One part after the other.

    Args:
        parts: Which.
        results: Where they write.
        job: What all parts are told: ``device``, ``film``, ``frames``.
        until: When all has to be done, by `time.monotonic`.
        script: What runs a part.
    """
    log = results.path.with_name(results.path.name + ".stderr")
    runs = [part for part in parts if not part.needs_gpu or job["device"].startswith("cuda")]
    for part in parts:
        if part not in runs:
            results.write(part.name, skipped="no CUDA")
    for place, part in enumerate(runs):
        left = until - time.monotonic()
        seconds = left * part.share / sum(other.share for other in runs[place:])
        if seconds < 1:
            results.write(part.name, skipped="no time left")
            continue
        began = time.monotonic()
        told = job | {"part": part.name, "weights": part.weights, "codec": part.codec}
        told |= {"mode": part.mode, "out": str(results.path), "until": began + seconds}
        fault = run_part([sys.executable, str(script), json.dumps(told)], seconds, log)
        took = {"seconds": round(time.monotonic() - began, 1)}
        results.write(part.name, **(took | {"failed": fault} if fault else took | {"done": True}))
    log.unlink(missing_ok=True)


def make_film(path: Path, width: int, height: int, frames: int) -> None:
    """The film of `vidcolor bench`; its pictures come again where it is long."""
    from vidcolor.benchmark.synthetic_video import RATE, pictures
    from vidcolor.media.encode.synthetic import make_film as encode

    made = list(pictures(width, height, min(frames, SCENES)))
    encode(path, (made[number % len(made)] for number in range(frames)), RATE)


def summarize(lines: Sequence[dict[str, Any]]) -> list[str]:
    """The whole beside the slower of transcode and net, the best of each net, what went wrong."""
    said = []
    for part in dict.fromkeys(line["part"] for line in lines):
        own = [line for line in lines if line["part"] == part]
        if rounds := [line for line in own if "slower_to_whole" in line]:
            speed = median(line["whole_frames_per_second"] for line in rounds)
            share = median(line["slower_to_whole"] for line in rounds)
            said.append(
                f"{part}: {speed:.1f} frames/s, {share:.2f} of the slower of transcode and net"
                f" (goal 0.9), rounds: {len(rounds)}"
            )
        if alone := [line for line in own if "share_of_matmul" in line]:
            best = max(alone, key=lambda line: line["frames_per_second"])
            said.append(
                f"{part}: {best['frames_per_second']:.0f} frames/s alone with {best['batch']} at a"
                f" time, {best['share_of_matmul']:.2f} of a large matrix product"
            )
        for key, word in (("graph_ms", "as a CUDA graph"), ("compiled_ms", "compiled")):
            said += [
                f"{part}: {line['eager_ms']:.2f} ms as it is, {line[key]:.2f} ms {word}, batch of"
                f" {line['batch']}"
                for line in own
                if key in line
            ]
        said += [f"{part}: FAILED: {line['failed']}" for line in own if "failed" in line]
        said += [f"{part}: skipped: {line['skipped']}" for line in own if "skipped" in line]
    return said


def parse(words: list[str] | None) -> argparse.Namespace:
    """The options, with those of the device."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--device", default="cuda", help="cuda, cuda:N or cpu")
    parser.add_argument("--seconds", type=float, default=480, help="for all (default %(default)s)")
    parser.add_argument("--film", default="1920x1080", help="its size (default %(default)s)")
    parser.add_argument("--frames", type=int, default=240, help="its length (default %(default)s)")
    parser.add_argument("--weights", action="append", help="nets (default: mini, default)")
    parser.add_argument("--out", type=Path, default=Path("gpu.jsonl"), help="file of results")
    return parser.parse_args(words)


def main(words: list[str] | None = None) -> int:
    """Measures; 1 where a part failed."""
    until = time.monotonic()
    args = parse(words)
    until += args.seconds
    results = Results(args.out)
    with TemporaryDirectory(prefix="vidcolor-gpu-") as folder:
        film = Path(folder) / "made.mkv"
        width, height = (int(side) for side in args.film.split("x"))
        began = time.monotonic()
        make_film(film, width, height, args.frames)
        results.write("film", seconds=round(time.monotonic() - began, 1), size=args.film)
        job = {"device": args.device, "film": str(film), "frames": args.frames}
        measure_all(list_parts(args.weights or ["mini", "default"]), results, job, until)
    lines = results.read()
    print("\n".join(summarize(lines)))
    return int(any("failed" in line for line in lines))


if __name__ == "__main__":
    sys.exit(main())
