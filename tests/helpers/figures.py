"""A benchmark with made figures, for tests of what is made of them."""

from __future__ import annotations

from typing import Any

from vidcolor.benchmark.results import Benchmark, Fresh, Round, Timing

PARTS = {  # milliseconds of a frame by the clock, and of all cores
    "transcode": (10, 20),
    "decode": (1, 2),
    "encode gray": (8, 16),
    "shots": (1, 1),
    "lightness": (1, 1),
    "colornet": (20, 40),
    "smooth": (5, 10),
    "paint": (1, 2),
    "encode": (10, 20),
    "whole": (42, 80),
}


def one_round(inferred: float = 1.0, **others: tuple[float, float]) -> Round:
    parts = {
        name: Timing(50, 0.05 * wall, 0.05 * cpu) for name, (wall, cpu) in (PARTS | others).items()
    }
    inside = {"decode": 0.001, "color": 0.03, "paint": 0.002, "stitch": 0.0001}
    return Round(parts, inside, inferred, Fresh(0.1, 3.5, 9.0, 900 << 20, 0), 1e12, 0.0)


def benchmark(rounds: list[Round], device: str = "cpu") -> Benchmark:
    machine = {
        "cpu": "A\x1b[2JB",
        "cores": 4,
        "usable_cores": 2,
        "vectors": "AVX2",
        "avx512_bf16": False,
        "vnni": True,
        "amx": True,
        "free_memory_bytes": 1 << 30,
        "system": "Linux",
    }
    film: dict[str, Any] = {"name": "a.mp4", "made": False, "codec": "h264", "pixels": "gray"}
    film |= {"width": 640, "height": 480, "rate": 25.0, "frames": 50, "frames_held": 50}
    net = {"weights": "mini", "sha256": "12345678abc", "device": device, "numbers": "float32"}
    net |= {"matmul_numbers": "float32"}
    facts = {
        "film": film,
        "machine": machine,
        "versions": {"torch": "2.4"},
        "net": net | {"size": [256, 352], "batch": 4, "at_a_time": 2, "operations": 2e9},
        "encoder": {"codec": "libx264", "pixels": "yuv420p", "threads": 2, "options": {"crf": "1"}},
        "settings": {"repeat": len(rounds)},
    }
    return Benchmark(facts, rounds)
