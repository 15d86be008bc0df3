"""Color clips whose colors are known, with and without smoothing, and measure both.

python scripts/measure/steadiness.py OUT clip.mp4 folder_of_frames ... [--frames 50]

Each clip is turned gray, colored twice with vidcolor, and compared with the truth. The films stay
in OUT, so that you can look at them. Needs the extra ``evaluate``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import torch
from torch import Tensor

from vidcolor import Colorizer, Settings, colorize_video, evaluate
from vidcolor.media.decode.rgb import film_rgb
from vidcolor.media.images.files import read_rgb
from vidcolor.media.open import film_is_still, open_video
from vidcolor.settings import EncodeSettings, OutputSettings, TemporalSettings
from vidcolor.training.data.augment import REC601


def frames_of(clip: Path) -> Iterator[Tensor]:
    """``(3, H, W)`` uint8, even sides: of a film, or of a folder of pictures by name."""
    if clip.is_dir():
        pictures: Iterator[Tensor] = (
            read_rgb(p) for p in sorted(clip.iterdir()) if film_is_still(p)
        )
        yield from (rgb[:, : rgb.shape[1] & ~1, : rgb.shape[2] & ~1] for rgb in pictures)
        return
    with open_video(clip) as film:
        for rgb in film_rgb(film):
            yield rgb[:, : rgb.shape[1] & ~1, : rgb.shape[2] & ~1]


def write_film(path: Path, frames: list[Tensor], pixels: str) -> None:
    """Write frames without loss; ``gray`` takes their BT.601 luma."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=Fraction(25))
        stream.height, stream.width = frames[0].shape[1:]
        stream.pix_fmt = pixels
        for rgb in frames:
            if pixels == "gray":
                gray = torch.einsum("c,chw->hw", torch.tensor(REC601), rgb.float())
                picture = av.VideoFrame.from_ndarray(gray.round().byte().numpy(), format="gray")
            else:
                packed = rgb.permute(1, 2, 0).contiguous().numpy()
                picture = av.VideoFrame.from_ndarray(packed, format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))


def measure(
    clip: Path, out: Path, colorizer: Colorizer, args: argparse.Namespace
) -> dict[str, float]:
    """All numbers of `vidcolor.evaluate` for one clip."""
    frames = list(islice(frames_of(clip), args.skip, args.skip + args.frames))
    if not frames:
        raise SystemExit(f"{clip} has no frame after the first {args.skip} (--skip)")
    out.mkdir(parents=True, exist_ok=True)
    write_film(out / "truth.mkv", frames, "bgr0")
    write_film(out / "gray.mkv", frames, "gray")
    for name, smooth in (
        ("plain", TemporalSettings(strength=0)),
        ("steady", TemporalSettings(args.smooth, args.look_ahead)),
    ):
        settings = Settings(
            smooth=smooth, encode=EncodeSettings(lossless=True), output=OutputSettings(force=True)
        )
        target = out / f"{name}.mkv"
        colorize_video(out / "gray.mkv", target, colorizer=colorizer, settings=settings)
    scores = evaluate(out / "truth.mkv", out / "steady.mkv", per_frame=out / "plain.mkv")
    (out / "scores.json").write_text(json.dumps(scores.to_dict(), indent=1) + "\n")
    return {k: v for k, v in scores.to_dict().items() if isinstance(v, float)}


def main() -> None:
    """Parse, measure, print a table with the means."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("clips", type=Path, nargs="+", help="films, or folders of frames, in color")
    parser.add_argument("--frames", type=int, default=50, help="frames of each clip")
    parser.add_argument("--skip", type=int, default=0, help="frames to skip at the start")
    parser.add_argument("--weights", default="default")
    parser.add_argument("--smooth", type=float, default=TemporalSettings().strength)
    parser.add_argument("--look-ahead", type=int, default=TemporalSettings().look_ahead)
    args = parser.parse_args()
    stems = [clip.stem for clip in args.clips]
    for clip in args.clips:
        if stems.count(clip.stem) > 1:
            raise SystemExit(f"several clips would be written to {args.out / clip.stem}")
    colorizer = Colorizer.from_weights(args.weights)
    rows: dict[str, dict[str, float]] = {}
    for clip in args.clips:
        rows[clip.stem] = measure(clip, args.out / clip.stem, colorizer, args)
        print(clip.stem, *(f"{k}={v:.5g}" for k, v in rows[clip.stem].items()), flush=True)
    shared = set.intersection(*(set(row) for row in rows.values()))
    for key in (key for key in next(iter(rows.values())) if key in shared):
        print(f"mean {key:30} {sum(row[key] for row in rows.values()) / len(rows):.5g}")


if __name__ == "__main__":
    main()
