"""Measure the five ratios of docs/performance.md and compare them with the committed ones.

    .venv/bin/python scripts/measure/speed.py [--case mini-480p ...] [--device auto] [--repeat 3]
    .venv/bin/python scripts/measure/speed.py --write

Each case is a run of `vidcolor bench`: a net, a synthetic film, a preset. Its rounds measure every
part in turn, so that a machine whose speed drifts changes both sides of a ratio; what counts is the
median of the rounds. The figures are in speed_figures.json beside this file, for each kind of
machine: processor, usable cores, units for small numbers, GPU. A figure got worse where its median
lies beyond the worse end of the range that was seen, by more than its tolerance: one line tells it,
and the exit code is 1. Where no figures are kept for this kind of machine they are only printed.
`--write` keeps the figures of the cases that were measured. Nothing else may run meanwhile. Where a
call may not take so long, `--rounds FILE` lets the next one go on with the round that was cut off.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from vidcolor.benchmark.results import Benchmark, Fresh, Round, Spread, Timing
from vidcolor.benchmark.run import measure
from vidcolor.benchmark.synthetic_video import RATE, pictures
from vidcolor.media.encode.synthetic import make_film
from vidcolor.settings import BenchmarkSettings, ColorizerSettings, EncodeSettings, Settings

FILE = Path(__file__).with_name("speed_figures.json")
ROUNDS = 3
"""At least so many make a median."""
BUSY = 0.05
"""Share of the cores above which other programs disturb."""
KIND = ("cpu", "usable_cores", "vectors", "avx512_bf16", "vnni", "amx", "gpu")
"""What `describe_machine` tells that makes a kind of machine."""


@dataclass(frozen=True)
class Case:
    """What is colored, and by what."""

    weights: str
    width: int
    height: int
    preset: str
    frames: int
    """So many that a round takes about a minute of two cores."""


CASES = {
    "default-480p": Case("default", 640, 480, "medium", 72),
    "default-1080p": Case("default", 1920, 1080, "medium", 40),
    "mini-480p": Case("mini", 640, 480, "medium", 240),
    "mini-1080p": Case("mini", 1920, 1080, "veryfast", 96),
}
"""The rows of the table in docs/performance.md."""


@dataclass(frozen=True)
class Figure:
    """Something that is compared."""

    title: str
    tolerance: float
    """Share of the kept range's worse end by which a median may lie beyond it."""
    unit: str = ""
    more_is_better: bool = False


FIGURES = {
    "whole_to_floor": Figure("whole / floor", 0.05),
    "speed_of_transcode": Figure("speed of a transcode", 0.05, more_is_better=True),
    "paint_to_transcode": Figure("lightness + paint / transcode", 0.05),
    "smooth_to_transcode": Figure("smooth / transcode", 0.05),
    "net_to_matmul": Figure("net / matmul", 0.05, more_is_better=True),
    "first_frame": Figure("first frame", 0.15, "s"),
    "peak_bytes": Figure("memory", 0.10, "MiB"),
}
"""The five ratios, and two figures beside them that a machine's drift hardly moves."""

_FRESH = ("first_frame", "peak_bytes")


class RoundsFile:
    """Rounds of earlier calls, where a case takes longer than a call may."""

    def __init__(self, path: Path | None) -> None:
        """None keeps nothing."""
        self._path = path
        self._cases: dict[str, Any] = {}
        if path and path.exists():
            self._cases = json.loads(path.read_text())

    def load(self, case: str) -> list[Benchmark]:
        """Those of a case, one in each."""
        return [
            Benchmark(one["facts"], [read_round(one["round"])]) for one in self._cases.get(case, ())
        ]

    def add(self, case: str, found: Benchmark) -> None:
        """Keeps one more."""
        if self._path:
            one = {"facts": found.facts, "round": asdict(found.rounds[0])}
            self._cases.setdefault(case, []).append(one)
            self._path.write_text(json.dumps(self._cases))


def read_round(told: Mapping[str, Any]) -> Round:
    """What `asdict` made of a round."""
    parts = {name: Timing(**part) for name, part in told["parts"].items()}
    return Round(**{**told, "parts": parts, "fresh": Fresh(**told["fresh"])})


def measure_case(name: str, device: str, repeat: int, file: RoundsFile) -> Benchmark:
    """All rounds of a case, each as `vidcolor bench` measures it.

    Raises:
        SystemExit: The rounds of the file are of another machine, net or version.
    """
    case = CASES[name]
    settings = Settings(
        colorizer=ColorizerSettings(weights=case.weights, device=device),
        encode=EncodeSettings(preset=case.preset),
    )
    if found := file.load(name):
        print(f"{name}: rounds of earlier calls that are used: {len(found)}", flush=True)
    with TemporaryDirectory(prefix="vidcolor-speed-") as folder:
        film = Path(folder) / "made.mkv"
        if len(found) < repeat:
            make_film(film, pictures(case.width, case.height, case.frames), RATE)
        while len(found) < repeat:
            one = measure(film, settings, BenchmarkSettings(frames=case.frames, repeat=1))
            found.append(one)
            file.add(name, one)
    kinds = [(kind_of(one.facts["machine"]), versions_of(one)) for one in found]
    if any(kind != kinds[0] for kind in kinds):
        raise SystemExit("the file of rounds is of another machine, net or version; remove it")
    return Benchmark(found[-1].facts, [one.rounds[0] for one in found])


def figures_of(found: Benchmark) -> dict[str, Spread]:
    """Median and range of each of `FIGURES` that the system tells; memory in MiB."""
    spreads = {name: found.fresh(name) if name in _FRESH else found.ratio(name) for name in FIGURES}
    if not spreads["peak_bytes"].least:
        del spreads["peak_bytes"]
    else:
        spreads["peak_bytes"] = Spread(*(v / 2**20 for v in vars(spreads["peak_bytes"]).values()))
    return spreads


def kind_of(machine: Mapping[str, Any]) -> dict[str, Any]:
    """What makes a kind of machine, of what `describe_machine` tells."""
    return {name: machine[name] for name in KIND if name in machine}


def is_worse(figure: Figure, now: float, kept: Spread) -> bool:
    """Whether a median lies beyond the worse end of the kept range by more than the tolerance."""
    if figure.more_is_better:
        return now < kept.least * (1 - figure.tolerance)
    return now > kept.most * (1 + figure.tolerance)


def is_better(figure: Figure, now: float, kept: Spread) -> bool:
    """The same at the other end."""
    if figure.more_is_better:
        return now > kept.most * (1 + figure.tolerance)
    return now < kept.least * (1 - figure.tolerance)


def complaints(case: str, found: Mapping[str, Spread], kept: Mapping[str, Spread]) -> list[str]:
    """A line for each figure of a case that got worse."""
    return [
        f"worse: {case}: {figure.title} is {say(figure, found[name].median)}, was"
        f" {say(figure, kept[name].median)} ({say_range(figure, kept[name])},"
        f" {figure.tolerance:.0%} beyond tolerated)"
        for name, figure in FIGURES.items()
        if name in found and name in kept and is_worse(figure, found[name].median, kept[name])
    ]


def describe_case(
    case: str, found: Mapping[str, Spread], kept: Mapping[str, Spread] | None
) -> list[str]:
    """The figures of a case, beside those that are kept."""
    lines = [case]
    for name, spread in found.items():
        figure = FIGURES[name]
        words = f"{say(figure, spread.median):>10}  {say_range(figure, spread):20}"
        if kept and name in kept:
            word = "ok"
            if is_worse(figure, spread.median, kept[name]):
                word = "WORSE"
            elif is_better(figure, spread.median, kept[name]):
                word = "better"
            words += f"kept {say(figure, kept[name].median):>10}  "
            words += f"{say_range(figure, kept[name]):20}{word}"
        lines.append(f"  {figure.title:31}{words}".rstrip())
    return lines


def say(figure: Figure, value: float) -> str:
    """A value with its unit."""
    digits = {"": 3, "s": 1, "MiB": 0}[figure.unit]
    return f"{value:.{digits}f} {figure.unit}".rstrip()


def say_range(figure: Figure, spread: Spread) -> str:
    """Both ends of a range."""
    return f"{say(figure, spread.least).split()[0]}..{say(figure, spread.most).split()[0]}"


class Kept:
    """The file of figures."""

    def __init__(self, path: Path) -> None:
        """Reads the file; one that is not there has no figures."""
        self._path = path
        self._machines: list[dict[str, Any]] = []
        if path.exists():
            self._machines = json.loads(path.read_text())["machines"]

    def _cases(self, kind: Mapping[str, Any]) -> dict[str, Any] | None:
        return next((one["cases"] for one in self._machines if one["machine"] == kind), None)

    def knows(self, kind: Mapping[str, Any]) -> bool:
        """Whether there are figures of such a machine."""
        return self._cases(kind) is not None

    def figures(self, kind: Mapping[str, Any], case: str) -> dict[str, Spread] | None:
        """Those of a case; None where there are none, or of another film."""
        entry = (self._cases(kind) or {}).get(case)
        if entry is None or entry["case"] != asdict(CASES[case]):
            return None
        return {name: Spread(**spread) for name, spread in entry["figures"].items()}

    def versions(self, kind: Mapping[str, Any], case: str) -> dict[str, str]:
        """Of what the kept figures of a case were measured."""
        found: dict[str, str] = (self._cases(kind) or {})[case]["versions"]
        return found

    def put(
        self,
        kind: Mapping[str, Any],
        case: str,
        figures: Mapping[str, Spread],
        versions: Mapping[str, str],
    ) -> None:
        """Keeps the figures of a case in place of earlier ones."""
        if not self.knows(kind):
            self._machines.append({"machine": dict(kind), "cases": {}})
        cases = self._cases(kind)
        assert cases is not None
        cases[case] = {
            "case": asdict(CASES[case]),
            "versions": dict(versions),
            "figures": {
                name: {end: float(f"{value:.4g}") for end, value in asdict(spread).items()}
                for name, spread in figures.items()
            },
        }

    def save(self) -> None:
        """Writes the file."""
        self._path.write_text(json.dumps({"machines": self._machines}, indent=1) + "\n")


def versions_of(found: Benchmark) -> dict[str, str]:
    """Of everything whose speed is measured, and of the net."""
    net = found.facts["net"]
    weights = f"{net['weights']} {net['sha256'][:8]} in {net['numbers']}"
    return {**found.facts["versions"], "net": weights}


def check_case(name: str, found: Benchmark, kept: Kept, write: bool) -> list[str]:
    """Prints a case; a line for each figure that got worse.

    Args:
        name: Of the case.
        found: What was measured of it.
        kept: The figures to compare with; gets the new ones where ``write`` is set.
        write: Whether to keep what was found.
    """
    kind, figures, versions = kind_of(found.facts["machine"]), figures_of(found), versions_of(found)
    before = kept.figures(kind, name)
    print("\n".join(describe_case(name, figures, before)), flush=True)
    if before:
        then = kept.versions(kind, name)
        for key in [key for key in versions if versions[key] != then.get(key)]:
            print(f"  {key}: {versions[key]} now, {then.get(key)} when the figures were kept")
    elif kept.knows(kind):
        print("  no figures of this case are kept for this kind of machine")
    if (share := found.others().most) >= BUSY:
        print(f"  other programs took {share:.0%} of the cores; close them and measure again")
    if write:
        kept.put(kind, name, figures, versions)
        kept.save()
    return complaints(name, figures, before or {})


def main(words: list[str] | None = None, path: Path = FILE) -> int:
    """Measures, compares; 1 where a figure got worse."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--case", action="append", choices=CASES, help="only this; may be repeated")
    parser.add_argument("--device", default="auto", help="as of vidcolor bench")
    parser.add_argument("--repeat", type=int, default=ROUNDS, help="rounds (default %(default)s)")
    parser.add_argument(
        "--rounds", type=Path, metavar="FILE", help="keep rounds here, and go on after those there"
    )
    parser.add_argument("--write", action="store_true", help="keep what was measured")
    args = parser.parse_args(words)
    if args.repeat < ROUNDS:
        parser.error(f"--repeat must be {ROUNDS} or more: fewer make no median")
    kept = Kept(path)
    worse: list[str] = []
    compared = 0
    for number, name in enumerate(args.case or CASES):
        found = measure_case(name, args.device, args.repeat, RoundsFile(args.rounds))
        kind = kind_of(found.facts["machine"])
        if number == 0:
            print("machine: " + ", ".join(f"{key} {value}" for key, value in kind.items()))
            if not kept.knows(kind):
                print("no figures are kept for this kind of machine; --write keeps these")
        compared += kept.figures(kind, name) is not None
        worse += check_case(name, found, kept, args.write)
    if args.write:
        print(f"kept in {path}")
        return 0
    cases = f"{compared} of {len(args.case or CASES)} cases compared"
    print("\n".join(worse) if worse else f"no figure got worse; {cases}")
    return int(bool(worse))


if __name__ == "__main__":
    sys.exit(main())
