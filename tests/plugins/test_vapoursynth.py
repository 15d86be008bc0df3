"""The filter in the real VapourSynth, whose wheels need Python 3.12: skipped where it is missing.

python3.12 -m venv v312 && v312/bin/pip install -e . pytest vapoursynth
v312/bin/python -m pytest tests/plugins
"""

from __future__ import annotations

import gc
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from synthetic import bits_of, make_frame, make_layout, texture

from vidcolor.colorize.chain import colorize_frames
from vidcolor.colorize.session import Session
from vidcolor.core.frames import Frame
from vidcolor.core.threads import WorkerThreads
from vidcolor.plugins.vapoursynth import LABEL, colorize
from vidcolor.settings import ColorizerSettings, Settings

vs = pytest.importorskip("vapoursynth", reason="VapourSynth is not installed")

ROOT = Path(__file__).resolve().parent.parent.parent
H, W = 48, 64
LENGTH, CUT = 40, 23
INTEGERS = ["GRAY8", "GRAY10", "GRAY16", "YUV420P8", "YUV422P10", "YUV444P12", "YUV420P16"]
INTEGERS += ["YUV440P8", "YUV411P8", "YUV410P8"]
FLOATS = ["GRAYS", "GRAYH", "YUV420PS", "YUV444PH"]

pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")


def unit(number: int) -> torch.Tensor:
    wide = texture(1 if number < CUT else 2, H, W + LENGTH)
    return wide[:, number : number + W].contiguous()


def make_clip(name: str = "YUV420P8", **props: Any) -> Any:
    """A clip whose luma is that of `unit`, and whose chroma is no gray."""
    form = getattr(vs, name)
    blank = vs.core.std.BlankClip(format=form, width=W, height=H, length=LENGTH, fpsnum=25)

    def fill(n: int, f: Any) -> Any:
        made = f.copy()
        plane = np.asarray(made[0])
        bits = made.format.bits_per_sample
        codes = unit(n).numpy()
        if plane.dtype.kind != "f":
            codes = np.round((codes * 219 + 16) * (1 << (bits - 8)))
        plane[:] = codes.astype(plane.dtype)
        made.props["Own"] = n
        for key, value in props.items():
            made.props[key] = value
        return made

    return blank.std.ModifyFrame(blank, fill)


def bytes_of(frame: Any, plane: int) -> bytes:
    return np.asarray(frame[plane]).tobytes()


def chain(weights: Path, layout: Any, starts: dict[int, bool] | None = None) -> list[Frame]:
    """As vidcolor colors the same frames."""
    settings = Settings(
        colorizer=ColorizerSettings(str(weights), "cpu", 64, threads=2)
    ).without_script
    frames = (make_frame(unit(number), layout, number) for number in range(LENGTH))
    with WorkerThreads(2) as pool:
        return list(colorize_frames(frames, Session.load(settings), threads=pool))


@pytest.fixture(autouse=True)
def clips_are_given_back() -> Iterator[None]:
    """Clips lie in circles, and with them the threads of their filters."""
    yield
    gc.collect()


@pytest.fixture
def small(quick_weights: Path) -> dict[str, Any]:
    return {"weights": str(quick_weights), "device": "cpu", "size": 64, "threads": 2}


@pytest.mark.parametrize("name", INTEGERS + FLOATS)
def test_luma_and_properties_stay(name: str, small: dict[str, Any]) -> None:
    clip = make_clip(name, _Matrix=1, _Transfer=1, _Primaries=1, Kept="yes")
    out = colorize(clip, **small)
    assert (out.num_frames, out.width, out.height, out.fps) == (LENGTH, W, H, clip.fps)
    form, own = out.format, clip.format
    assert form.name == (name if name.startswith("YUV") else name.replace("GRAY", "YUV444P"))
    assert (form.bits_per_sample, form.sample_type) == (own.bits_per_sample, own.sample_type)
    for number in (0, 30, LENGTH - 1):
        before, after = clip.get_frame(number), out.get_frame(number)
        assert bytes_of(before, 0) == bytes_of(after, 0)
        assert {key: after.props[key] for key in before.props} == dict(before.props)
        colored = np.asarray(after[1]).astype(np.float64)
        assert colored.std() > 1e-3 * (1 if name in FLOATS else 1 << own.bits_per_sample)


@pytest.mark.parametrize(
    ("name", "bits", "sub"),
    [("YUV420P8", 8, (1, 1)), ("YUV422P10", 10, (1, 0)), ("GRAY16", 16, (0, 0))],
)
def test_in_order_it_is_what_the_program_does(
    name: str, bits: int, sub: tuple[int, int], small: dict[str, Any], quick_weights: Path
) -> None:
    siting = (0.0, 0.5) if sub[1] else (0.0, 0.0)
    layout = make_layout(bits, sub, matrix="bt601", siting=siting)
    truth = chain(quick_weights, layout)
    for number, frame in enumerate(colorize(make_clip(name), **small).frames()):
        for plane in (1, 2):
            assert bytes_of(frame, plane) == bits_of(truth[number].chroma[plane - 1]), number


def test_floats_are_near_what_integers_are(small: dict[str, Any]) -> None:
    half, deep = (colorize(make_clip(name), **small) for name in ("YUV444PS", "YUV444P16"))
    one, other = half.get_frame(12), deep.get_frame(12)
    codes = np.asarray(other[1]).astype(float)
    assert np.abs(np.asarray(one[1]) - (codes - 32768) / (224 * 256)).max() < 1e-3


def test_missing_tags_are_added(small: dict[str, Any]) -> None:
    props = colorize(make_clip(), **small).get_frame(0).props
    assert (props["_Matrix"], props["_Primaries"], props["_Transfer"]) == (6, 6, 6) or props[
        "_Matrix"
    ] == 5
    assert props["_ChromaLocation"] == 0
    # As VapourSynth converts from now on, it did before.
    gray = make_clip("GRAY8").resize.Bicubic(format=vs.GRAYS).get_frame(0)
    after = colorize(make_clip("GRAY8"), **small).std.ShufflePlanes(0, vs.GRAY)
    assert bytes_of(gray, 0) == bytes_of(after.resize.Bicubic(format=vs.GRAYS).get_frame(0), 0)


def test_the_label_says_what_colored_it(small: dict[str, Any]) -> None:
    assert "sha256:" in colorize(make_clip(), **small).get_frame(0).props[LABEL]
    assert LABEL not in colorize(make_clip(), **small, label=False).get_frame(0).props


def test_scene_changes_of_the_clip_are_used(small: dict[str, Any]) -> None:
    clip = make_clip()

    def mark(n: int, f: Any) -> Any:
        made = f.copy()
        made.props["_SceneChangePrev"] = int(n == 10)
        made.props["_SceneChangeNext"] = int(n == 9)
        return made

    marked = clip.std.ModifyFrame(clip, mark)
    part = colorize(clip[10:CUT], **small).get_frame(0)
    found = list(colorize(marked[:CUT], **small).frames(close=False))[10]
    assert bytes_of(found, 1) == bytes_of(part, 1)


@pytest.mark.parametrize("threads", [1, 4])
def test_two_filters_at_once_in_any_order_end(threads: int, small: dict[str, Any]) -> None:
    before = vs.core.num_threads
    vs.core.num_threads = threads
    try:
        clip = make_clip()
        both = [colorize(clip, **small), colorize(clip, **small, smooth=0)]
        out = vs.core.std.StackHorizontal(both)
        for number in (20, 3, 39, 0, 25):
            out.get_frame(number)
        futures = [out.get_frame_async(number) for number in range(LENGTH)]
        assert all(future.result(timeout=60).width == 2 * W for future in futures)
    finally:
        vs.core.num_threads = before


def refused() -> Iterator[Any]:
    blank = vs.core.std.BlankClip
    other = blank(format=vs.GRAY8, width=32, height=32, length=2)
    yield blank(format=vs.RGB24, length=2), {}, "no luma to keep.*core.resize.Bicubic"
    yield blank(format=vs.GRAY32, length=2), {}, "32 bits"
    yield vs.core.std.Splice([blank(format=vs.GRAY8), other], mismatch=True), {}, "changes within"
    yield vs.core.std.Splice([blank(format=vs.GRAY16), other], mismatch=True), {}, "changes within"
    yield make_clip(_Matrix=8), {}, "color matrix 8"
    yield make_clip(), {"weights": "none"}, "no weights 'none'"
    yield make_clip(), {"size": 100}, "multiple of 16"
    yield make_clip(), {"radius": -1}, "radius -1"
    yield make_clip(), {"titles": "some"}, "no --titles"
    yield make_clip(), {"colors": "nowhere.toml"}, "nowhere.toml"
    yield "a clip", {}, "no clip"


@pytest.mark.parametrize("place", range(11))
def test_what_is_refused_is_told_in_one_line(place: int, small: dict[str, Any]) -> None:
    clip, options, words = list(refused())[place]
    with pytest.raises(vs.Error, match=words) as caught:
        colorize(clip, **small | options)
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("quick_guide")
@pytest.mark.parametrize("threads", [1, 2])
def test_hints_of_a_color_sheet_color_their_shot(
    threads: int, small: dict[str, Any], tmp_path: Path
) -> None:
    sheet = tmp_path / "some.colors.toml"
    sheet.write_text('[[hint]]\ntime = 0.4\npoint = [0.5, 0.5]\ncolor = "navy"\nsize = 0.5\n')
    before, vs.core.num_threads = vs.core.num_threads, threads
    try:
        plain, hinted = (colorize(make_clip(), **small, colors=one) for one in (None, sheet))
        same = [
            bytes_of(hinted.get_frame(number), 1) == bytes_of(plain.get_frame(number), 1)
            for number in (0, CUT - 1, CUT, LENGTH - 1)
        ]
    finally:
        vs.core.num_threads = before
    assert same == [False, False, True, True]


def test_an_error_of_the_source_comes_through(small: dict[str, Any]) -> None:
    clip = make_clip()

    def fail(n: int, f: Any) -> Any:
        if n == 30:
            raise ValueError("the disk is gone")
        return f

    out = colorize(clip.std.ModifyFrame(clip, fail), **small)
    assert bytes_of(out.get_frame(29), 0) == bytes_of(clip.get_frame(29), 0)
    with pytest.raises(vs.Error, match="the disk is gone") as caught:
        out.get_frame(30)
    assert "colorize: " in str(caught.value).strip().rsplit("\n", 1)[-1]


def test_fields_are_told_by_a_property(small: dict[str, Any], quick_weights: Path) -> None:
    layout = make_layout(matrix="bt601")
    settings = Settings(colorizer=ColorizerSettings(str(quick_weights), "cpu", 64, threads=2))
    frames = (replace(make_frame(unit(n), layout, n), interlaced=True) for n in range(LENGTH))
    with WorkerThreads(2) as pool:
        session = Session.load(settings.without_script)
        truth = next(iter(colorize_frames(frames, session, threads=pool)))
    found = colorize(make_clip(_FieldBased=2), **small).get_frame(0)
    assert bytes_of(found, 1) == bits_of(truth.chroma[0])


def test_a_varying_frame_rate_is_kept(small: dict[str, Any]) -> None:
    clip = make_clip().std.SetFrameProps(_AbsoluteTime=0.5)
    rough = vs.core.std.Splice([clip, clip.std.AssumeFPS(fpsnum=24)])
    assert rough.fps == Fraction(0, 1)
    out = colorize(rough, **small)
    assert out.fps == rough.fps
    assert bytes_of(out.get_frame(50), 0) == bytes_of(rough.get_frame(50), 0)


def test_vspipe(small: dict[str, Any], tmp_path: Path) -> None:
    vspipe = Path(sys.executable).with_name("vspipe")
    if not vspipe.exists():
        pytest.skip("there is no vspipe beside this Python")
    script = tmp_path / "color.vpy"
    folders = [str(path) for path in (ROOT, ROOT / "tests" / "helpers", Path(__file__).parent)]
    script.write_text(
        "import sys\n"
        f"sys.path[:0] = {folders}\n"
        "import test_vapoursynth as t, vapoursynth as vs\n"
        "clip = t.make_clip()\n"
        f"out = t.colorize(clip, **{small!r})\n"
        "out.set_output(0)\n"
        "for place, one in enumerate((clip, out), 1):\n"
        "    one.std.ShufflePlanes(0, vs.GRAY).set_output(place)\n"
    )
    env = os.environ | {"XDG_CONFIG_HOME": str(tmp_path)}
    env["PATH"] = f"{vspipe.parent}{os.pathsep}{env['PATH']}"  # it asks for its own configuration

    def run(output: int) -> bytes:
        words = [str(vspipe), "-o", str(output), str(script), "-"]
        return subprocess.run(words, check=True, capture_output=True, env=env, timeout=120).stdout

    whole, gray, colored = (run(output) for output in range(3))
    assert len(whole) == LENGTH * H * W * 3 // 2
    assert hashlib.md5(gray).hexdigest() == hashlib.md5(colored).hexdigest()
    found = b"".join(
        bytes_of(frame, plane)
        for frame in colorize(make_clip(), **small).frames()
        for plane in range(3)
    )
    assert whole == found


def test_it_goes_on_where_vapoursynth_may_lend_little(small: dict[str, Any]) -> None:
    """One frame here has 3 MB, and about 60 are under way."""
    before = vs.core.max_cache_size
    vs.core.max_cache_size = 64
    try:
        blank = vs.core.std.BlankClip(format=vs.YUV420P8, width=1920, height=1080, length=400)
        out = colorize(blank, **small)
        for number in (300, 10, 200):
            assert out.get_frame_async(number).result(timeout=120).width == 1920
    finally:
        vs.core.max_cache_size = before
