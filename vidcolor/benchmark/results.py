"""What a benchmark found: timings of rounds, their medians, and the ratios that matter."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

RATIOS = (
    "whole_to_floor",
    "whole_to_colored_floor",
    "speed_of_transcode",
    "paint_to_transcode",
    "smooth_to_transcode",
    "color_to_encoder",
    "net_to_matmul",
)
"""Names of what `ratios` tells."""


@dataclass(frozen=True)
class Timing:
    """What some frames cost."""

    frames: int
    wall: float
    """Seconds by the clock."""
    cpu: float
    """Seconds of all threads together; one that waits by turning in a loop, as those of OpenMP do
    for a while, counts as if it worked."""

    @property
    def each(self) -> float:
        """Seconds by the clock, per frame."""
        return self.wall / self.frames

    @property
    def cpu_each(self) -> float:
        """Seconds of all threads, per frame."""
        return self.cpu / self.frames


@dataclass(frozen=True)
class Fresh:
    """A run in a process of its own, as a user starts one."""

    help: float
    """Seconds of ``vidcolor --help``."""
    first_frame: float
    """Seconds from the start of the process until the encoder had a frame."""
    total: float
    """Seconds of the process."""
    peak_bytes: int
    """Memory that it had at most; 0 where the system does not tell."""
    gpu_bytes: int
    """Memory of the GPU that it had at most."""


@dataclass(frozen=True)
class Round:
    """Everything measured once."""

    parts: dict[str, Timing]
    """By name: ``transcode``, the stages alone, ``whole``."""
    inside: dict[str, float]
    """Seconds that each stage was busy or waited for a core within the whole, per frame."""
    inferred: float
    """Share 0..1 of the frames that the net saw in the whole; the others are blank or repeats, or
    carry color of others."""
    fresh: Fresh
    matmul: float
    """Operations per second of a multiplication of large matrices, where the net runs."""
    others: float
    """Share 0..1 of the cores that other programs took meanwhile; 0 where nobody tells."""


@dataclass(frozen=True)
class Spread:
    """A figure of several rounds."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """The median of at least one value, and how far the others lie from it."""
        found = list(values)
        return cls(median(found), min(found), max(found))


@dataclass(frozen=True)
class Benchmark:
    """All rounds, and what they were measured on."""

    facts: dict[str, dict[str, Any]]
    """``film``, ``machine``, ``versions``, ``net``, ``encoder``, ``settings``; plain types."""
    rounds: list[Round]

    @property
    def shared(self) -> bool:
        """Whether net and codec share the cores of the CPU."""
        return str(self.facts["net"]["device"]).startswith("cpu")

    def each(self, part: str) -> Spread:
        """Seconds per frame of a part by the clock."""
        return Spread.of(one.parts[part].each for one in self.rounds)

    def cpu_each(self, part: str) -> Spread:
        """Seconds per frame of a part, of all threads."""
        return Spread.of(one.parts[part].cpu_each for one in self.rounds)

    def inside(self, stage: str) -> Spread:
        """Seconds per frame of a stage within the whole."""
        return Spread.of(one.inside[stage] for one in self.rounds)

    def ratio(self, name: str) -> Spread:
        """One of `RATIOS`; each round has its own, so that the machine's drift falls out."""
        operations = self.facts["net"]["operations"]
        return Spread.of(ratios(one, self.shared, operations)[name] for one in self.rounds)

    def fresh(self, name: str) -> Spread:
        """A figure of the runs in processes of their own."""
        return Spread.of(getattr(one.fresh, name) for one in self.rounds)

    def operations_per_second(self) -> Spread:
        """What the net reaches."""
        operations = self.facts["net"]["operations"]
        return Spread.of(operations / one.parts["colornet"].each for one in self.rounds)

    def matmul(self) -> Spread:
        """Operations per second that a multiplication of large matrices reaches."""
        return Spread.of(one.matmul for one in self.rounds)

    def inferred(self) -> Spread:
        """Share 0..1 of the frames that the net saw in the whole."""
        return Spread.of(one.inferred for one in self.rounds)

    def others(self) -> Spread:
        """Share 0..1 of the cores that other programs took."""
        return Spread.of(one.others for one in self.rounds)

    def to_dict(self) -> dict[str, Any]:
        """Plain types only, ready for JSON: the facts, the figures, and every round."""
        parts, stages = self.rounds[0].parts, self.rounds[0].inside
        return self.facts | {
            "seconds_per_frame": {name: asdict(self.each(name)) for name in parts},
            "cpu_seconds_per_frame": {name: asdict(self.cpu_each(name)) for name in parts},
            "seconds_per_frame_in_whole": {name: asdict(self.inside(name)) for name in stages},
            "ratios": {name: asdict(self.ratio(name)) for name in RATIOS},
            "fresh": {name: asdict(self.fresh(name)) for name in Fresh.__annotations__},
            "net_operations_per_second": asdict(self.operations_per_second()),
            "matmul_operations_per_second": asdict(self.matmul()),
            "inferred": asdict(self.inferred()),
            "others": asdict(self.others()),
            "rounds": [asdict(one) for one in self.rounds],
        }


def ratios(one: Round, shared: bool, operations: float) -> dict[str, float]:
    """The ratios of a round.

    The transcode encodes the film as it is, without color, which is the floor in the word's full
    sense. Color costs the encoder something that no colorizer can save; ``colored`` adds it.

    Args:
        one: The round.
        shared: Whether net and codec share the cores: then the floor is the sum of both, else the
            slower of them.
        operations: Multiplications and additions of the net, per frame.
    """
    part = one.parts
    net = part["colornet"].each * one.inferred + part["smooth"].each
    plain = part["transcode"].each
    colored = plain + max(0.0, part["encode"].each - part["encode gray"].each)
    painting = part["lightness"].cpu_each + part["paint"].cpu_each

    def floor(transcode: float) -> float:
        return transcode + net if shared else max(transcode, net)

    return {
        "whole_to_floor": part["whole"].each / floor(plain),
        "whole_to_colored_floor": part["whole"].each / floor(colored),
        "speed_of_transcode": plain / part["whole"].each,
        "paint_to_transcode": painting / part["transcode"].cpu_each,
        "smooth_to_transcode": part["smooth"].cpu_each / part["transcode"].cpu_each,
        "color_to_encoder": part["encode"].each / part["encode gray"].each,
        "net_to_matmul": operations / part["colornet"].each / one.matmul,
    }
