"""``vidcolor bench [FILM]``: what each part of the way costs on this machine."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vidcolor.cli.checks import check_beside, check_source, check_weights, looked_into
from vidcolor.cli.color import add_color, add_cut, add_encoding, settings_of
from vidcolor.cli.text import Parser, add_verbose, at_least, count, printable, write_late
from vidcolor.errors import SettingsError
from vidcolor.settings import BenchmarkSettings, ChunkSettings

if TYPE_CHECKING:
    from vidcolor.benchmark.results import Benchmark, Spread


def parser() -> argparse.ArgumentParser:
    """The options of the command; those of color and encoding are the ones of ``vidcolor``."""
    default = BenchmarkSettings()
    p = Parser(
        prog="vidcolor bench",
        description="Measure how fast this machine colors: a bare transcode, each stage, the whole"
        " run, start-up and memory, in interleaved rounds. Nothing is kept.",
    )
    p.add_argument("film", metavar="FILM", nargs="?", help="(default: a synthetic film)")
    add_color(p, sheet=False)
    add_encoding(p)
    add_cut(p)
    p.set_defaults(force=False, fresh=False, strict=False, label=True)
    p.set_defaults(chunk=ChunkSettings().seconds)
    run = p.add_argument_group("measurement")
    run.add_argument(
        "--frames",
        type=at_least(16),
        default=default.frames,
        metavar="N",
        help="frames to measure, at most (default %(default)s)",
    )
    run.add_argument(
        "--repeat",
        type=at_least(1),
        default=default.repeat,
        metavar="N",
        help="number of rounds (default %(default)s)",
    )
    run.add_argument(
        "--synthetic",
        type=size,
        metavar="WxH",
        help=f"size of the synthetic film (default {default.width}x{default.height})",
    )
    run.add_argument(
        "--json",
        metavar="FILE",
        help="also write all figures as JSON; - prints JSON instead of the table",
    )
    run.add_argument("-q", "--quiet", action="store_true", help="show no progress bar")
    add_verbose(run)
    return p


def size(word: str) -> tuple[int, int]:
    """``1920x1080`` -> (width, height), for argparse."""
    width, _, height = word.partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise argparse.ArgumentTypeError(
            f"{word!r} is not a size; use WIDTHxHEIGHT, such as 640x480"
        )
    return int(width), int(height)


def run(args: argparse.Namespace) -> int:
    """Measure with a bar, print the table; 0, or 3 where the JSON cannot be written in the end.

    Raises:
        SettingsError: A value is out of range, or a film is given beside a synthetic one.
        OutputError: The JSON could not be written.
    """
    settings = settings_of(args)
    if args.film and args.synthetic:
        raise SettingsError("--synthetic is for runs without a film; leave out FILM or --synthetic")
    given = {"frames": args.frames, "repeat": args.repeat}
    if args.synthetic:
        given |= dict(zip(("width", "height"), args.synthetic, strict=True))
    rounds = BenchmarkSettings(**given)
    check_weights(settings.colorizer.weights)
    check_beside("--json", None if args.json == "-" else args.json)
    if args.film:
        check_source(args.film)
        looked_into(args.film, settings.open).close()
    from tqdm import tqdm

    from vidcolor.benchmark.run import STEPS, measure

    with tqdm(
        total=1 + STEPS * rounds.repeat,
        bar_format="{l_bar}{bar}| {n}/{total} [{elapsed}]",
        disable=True if args.quiet else None,
        leave=False,
    ) as bar:

        def advance(what: str) -> None:
            bar.set_description_str(what)
            bar.update()

        found = measure(args.film, settings, rounds, advance)
    figures = found.to_dict()
    print(json.dumps(figures, indent=1) if args.json == "-" else describe(found))
    if args.json and args.json != "-":
        complaint = f"the figures cannot be written to {args.json}"
        return write_late(figures, Path(args.json), complaint)
    return 0


def describe(found: Benchmark) -> str:
    """The facts and the figures as tables."""
    return "\n".join([*_facts(found), "", *_table(found), "", *_figures(found)])


def _facts(found: Benchmark) -> list[str]:
    film, machine, net, encoder = (found.facts[n] for n in ("film", "machine", "net", "encoder"))
    name = "synthetic" if film["made"] else film["name"]
    units = [machine["vectors"], *(u for u in ("avx512_bf16", "vnni", "amx") if machine[u])]
    cores = f"{machine['usable_cores']} of {machine['cores']} cores"
    gpu = [machine["gpu"]] if "gpu" in machine else []
    h, w = net["size"]
    options = " ".join(f"{key}={value}" for key, value in encoder["options"].items())
    rows = {
        "film": [
            f"{name}: {film['width']}x{film['height']} {film['pixels']} {film['codec']}",
            f"{film['rate']:g} frames/s",
            f"{film['frames']} frames, {film['frames_held']} of them for single stages",
        ],
        "machine": [
            *gpu,
            f"{machine['cpu']}, {cores}, {' '.join(units)}",
            f"{machine['free_memory_bytes'] / 2**30:.1f} GiB free",
            machine["system"],
        ],
        "versions": [f"{key} {value}" for key, value in found.facts["versions"].items()],
        "net": [
            f"{net['weights']} {net['sha256'][:8]} on {net['device']}",
            f"{h}x{w}, {net['numbers']}",
            f"{count(net['at_a_time'], 'run')} in parallel, {count(net['batch'], 'frame')} per run",
            f"{net['operations'] / 1e9:.2f} G operations per frame",
        ],
        "encoder": [
            f"{encoder['codec']} {encoder['pixels']}, {encoder['threads']} threads",
            options,
        ],
    }
    return [f"{key:10}{printable('; '.join(values))}" for key, values in rows.items()]


def _table(found: Benchmark) -> list[str]:
    """Milliseconds of a frame: by the clock, of all threads, and within the whole."""
    rounds = len(found.rounds)
    lines = [
        f"ms per frame, median of {count(rounds, 'round')}; each stage runs alone",
        f"{'':13}{'frames/s':>10}{'median':>10}{'min':>9}{'max':>9}{'CPU time':>11}"
        f"{'in whole run':>14}",
    ]
    one = found.rounds[0]
    for part in [*one.parts, *(stage for stage in one.inside if stage not in one.parts)]:
        line = f"{part:13}{_time_of_part(found, part) if part in one.parts else '':49}"
        within = f"{1e3 * found.inside(part).median:14.2f}" if part in one.inside else ""
        lines.append((line + within).rstrip())
    return lines


def _time_of_part(found: Benchmark, part: str) -> str:
    each = found.each(part)
    clock, least, most = (1e3 * value for value in (each.median, each.least, each.most))
    cores = 1e3 * found.cpu_each(part).median
    return f"{1e3 / clock:10.1f}{clock:10.2f}{least:9.2f}{most:9.2f}{cores:11.2f}"


def _figures(found: Benchmark) -> list[str]:
    floor = "(transcode + net)" if found.shared else "max(transcode, net)"
    reached = found.operations_per_second().median / 1e9
    beside = f"{reached:.0f} G operations/s; matmul {found.matmul().median / 1e9:.0f}"
    beside += f" in {found.facts['net']['matmul_numbers']}"
    rows = [
        _row(f"whole / {floor}", found.ratio("whole_to_floor"), "", "net: colornet + smooth"),
        _row("same, with a color transcode", found.ratio("whole_to_colored_floor")),
        _row("whole / transcode, in frames/s", found.ratio("speed_of_transcode")),
        _row("lightness + paint / transcode", found.ratio("paint_to_transcode"), "", "CPU time"),
        _row("smooth / transcode", found.ratio("smooth_to_transcode"), "", "CPU time"),
        _row("encode color / encode gray", found.ratio("color_to_encoder")),
        _row("net / matmul", found.ratio("net_to_matmul"), "", beside),
        _row("vidcolor --help", found.fresh("help"), "s"),
        _row("first frame", found.fresh("first_frame"), "s", "from the start of the process"),
        _row("whole process", found.fresh("total"), "s"),
        _row("peak memory", _mib(found.fresh("peak_bytes")), "MiB"),
    ]
    if found.inferred().least < 1:
        rows.append(
            _row("share of frames inferred", found.inferred(), "", "taken into account above")
        )
    others = found.others()
    if others.most >= 0.05:
        remark = "cores in use; close them and measure again"
        rows.append(_row("other programs", others, "", remark))
    if any(one.fresh.gpu_bytes for one in found.rounds):
        rows.append(_row("peak GPU memory", _mib(found.fresh("gpu_bytes")), "MiB"))
    return rows


def _mib(spread: Spread) -> Spread:
    return type(spread)(*(value / 2**20 for value in vars(spread).values()))


def _row(name: str, spread: Spread, unit: str = "", remark: str = "") -> str:
    digits = 0 if unit == "MiB" else 2 if unit else 3
    values: list[Any] = [f"{v:.{digits}f}" for v in (spread.median, spread.least, spread.most)]
    line = f"{name:31}{values[0]:>8} {unit:4} {values[1]:>8} ..{values[2]:>8}"
    return f"{line}  {remark}".rstrip()
