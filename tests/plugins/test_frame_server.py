"""The frame server: the colors of a film where read in order, bounded whatever is asked."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest
import torch
from hinted import point
from synthetic import bits_of, make_frame, texture

from vidcolor.colorize.chain import colorize_frames
from vidcolor.colorize.colorizer import Colorizer
from vidcolor.colorize.session import Session
from vidcolor.core.frames import Frame
from vidcolor.core.threads import WorkerThreads
from vidcolor.errors import SettingsError
from vidcolor.guidance.entries import Stretch
from vidcolor.guidance.plan import Guidance, ShotRange
from vidcolor.guidance.types import ColorSheet
from vidcolor.nets.colornet import ColorNet
from vidcolor.plugins import frame_server
from vidcolor.plugins.frame_server import FrameServer, SourceFrame
from vidcolor.settings import ColorizerSettings, Settings, TemporalSettings

H, W = 48, 64
CUTS = (0, 37, 60)
LENGTH = 90
SMALL = ColorizerSettings(device="cpu", size=64, threads=2)


def make(number: int) -> Frame:
    """A picture that moves, another one from each cut on."""
    shot = max(place for place, cut in enumerate(CUTS) if cut <= number)
    wide = texture(shot + 1, H, W + 40)
    left = (number - CUTS[shot]) // 2
    return make_frame(wide[:, left : left + W].contiguous(), pts=number)


class Source:
    """Counts which frames are read, and can refuse one."""

    def __init__(self, broken: int | None = None, starts: dict[int, bool] | None = None) -> None:
        self.numbers: list[int] = []
        self.broken, self.starts = broken, starts or {}

    def __call__(self, number: int) -> SourceFrame:
        self.numbers.append(number)
        if number == self.broken:
            raise OSError(f"frame {number} is broken")
        return SourceFrame(make(number), self.starts.get(number))


def make_session(net: ColorNet, strength: float = 0.9, guidance: Guidance | None = None) -> Session:
    colorizer = Colorizer(net, SMALL, name="quick", sha256="aa")
    colorizer.dtype = torch.float32
    settings = Settings(smooth=TemporalSettings(strength, look_ahead=6)).without_script
    return Session(settings, colorizer, guidance)


def chroma(frame: Frame) -> bytes:
    return bits_of(frame.chroma[0]) + bits_of(frame.chroma[1])


def film(session: Session, frames: Iterator[Frame]) -> list[bytes]:
    """As a film is colored."""
    with WorkerThreads(2) as pool:
        return [chroma(frame) for frame in colorize_frames(frames, session, threads=pool)]


@pytest.fixture(scope="module")
def truth(quick: ColorNet) -> list[bytes]:
    return film(make_session(quick), map(make, range(LENGTH)))


@contextmanager
def serving(
    net: ColorNet, source: Callable[[int], SourceFrame] | None = None, **options: object
) -> Iterator[FrameServer]:
    session = options.pop("session", None) or make_session(net)
    options = {"radius": 8, "requests": 2} | options
    with FrameServer(source or Source(), LENGTH, session, **options) as server:  # type: ignore[arg-type]
        yield server


def test_read_in_order_it_gives_the_colors_of_the_film(quick: ColorNet, truth: list[bytes]) -> None:
    source = Source()
    with serving(quick, source) as server:
        found = [server.frame(number) for number in range(LENGTH)]
        assert [chroma(frame) for frame in found] == truth
        assert all(bits_of(f.luma) == bits_of(make(n).luma) for n, f in enumerate(found))
    assert source.numbers == [0, *range(LENGTH)]  # the first one tells what they are like


def test_a_little_out_of_order_nothing_is_read_twice(quick: ColorNet, truth: list[bytes]) -> None:
    source = Source()
    order = sorted(range(LENGTH), key=lambda number: number + random.Random(number).random() * 3)
    assert order != sorted(order)
    with serving(quick, source) as server:
        found = {number: chroma(server.frame(number)) for number in order}
    assert [found[number] for number in range(LENGTH)] == truth
    assert source.numbers == [0, *range(LENGTH)]


def test_threads_that_ask_at_once_get_the_same(quick: ColorNet, truth: list[bytes]) -> None:
    with serving(quick, requests=8) as server, ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda number: chroma(server.frame(number)), range(LENGTH)))
    assert found == truth


def test_a_frame_after_a_jump_rests_on_its_shot_only(quick: ColorNet) -> None:
    """Its shot begins at 37, fewer frames before it than the radius."""
    session = make_session(quick)
    whole = film(session, map(make, range(37, LENGTH)))
    source = Source()
    with serving(quick, source) as server:
        assert chroma(server.frame(42)) == whole[5]
        assert source.numbers[:2] == [0, 28]
        # The way on from there is that of a film, and what lies behind was kept.
        # So is a jump to 66, whose shot begins at 60, within the radius.
        assert [chroma(server.frame(number)) for number in (38, 43, 66)] == [
            whole[number - 37] for number in (38, 43, 66)
        ]
        assert source.numbers.count(50) == 1


def test_a_jump_within_a_shot_takes_the_frames_before(quick: ColorNet, truth: list[bytes]) -> None:
    part = film(make_session(quick), map(make, range(17, 60)))
    source = Source()
    with serving(quick, source) as server:
        found = chroma(server.frame(25))
    assert found == part[8]
    assert source.numbers[1] == 11
    ours, film_s = (torch.tensor(list(one)).float() for one in (found, truth[25]))
    assert (ours - film_s).abs().mean() < 1


def test_without_smoothing_a_jump_colors_one_frame_only(quick: ColorNet) -> None:
    session = make_session(quick, strength=0)
    alone = film(make_session(quick, strength=0), map(make, range(LENGTH)))
    with serving(quick, session=session) as server:
        assert chroma(server.frame(25)) == alone[25]
    assert session.inferred <= 8  # with those that the threads have in hand


def test_backwards_a_pass_serves_many_frames(quick: ColorNet) -> None:
    source = Source()
    with serving(quick, source) as server:
        for number in range(35, 3, -1):
            server.frame(number)
    passes = sum(b <= a for a, b in zip(source.numbers, source.numbers[1:], strict=False))
    assert passes <= 5


@pytest.mark.slow
def test_any_order_holds_few_frames(quick: ColorNet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame_server, "MAX_KEPT", 20 * H * W)
    alive = set[int]()
    most = 0

    class Counted(Source):
        def __call__(self, number: int) -> SourceFrame:
            nonlocal most
            source = super().__call__(number)
            key = object()
            alive.add(id(key))
            most = max(most, len(alive))
            source.frame.picture = _Token(alive, key)
            return source

    with serving(quick, Counted()) as server:
        for place in range(20):
            server.frame(random.Random(place).randrange(LENGTH))
    assert most < 70, most
    assert not alive


class _Token:
    def __init__(self, alive: set[int], key: object) -> None:
        self._alive, self._key = alive, key

    def __del__(self) -> None:
        self._alive.discard(id(self._key))


def test_cuts_of_the_other_program_hold(quick: ColorNet, truth: list[bytes]) -> None:
    """It says that a shot begins at 20, which nobody sees, and that none does at 37."""
    starts = dict.fromkeys(range(LENGTH), False) | {20: True, 60: True}
    alone = film(make_session(quick), map(make, range(20, 37)))
    with serving(quick, Source(starts=starts)) as server:
        found = [server.frame(number) for number in range(LENGTH)]
    assert [number for number, frame in enumerate(found) if frame.starts_shot] == [0, 20, 60]
    assert chroma(found[20]) != truth[20]
    assert chroma(found[20]) == alone[0]


def test_frames_before_one_that_cannot_be_read_are_given(quick: ColorNet) -> None:
    source = Source(broken=30)
    with serving(quick, source) as server:
        for number in range(30):
            server.frame(number)
        for _ in range(2):
            with pytest.raises(OSError, match="frame 30 is broken"):
                server.frame(30)
        source.broken = None
        assert server.frame(30).pts == 30


@pytest.mark.parametrize(("length", "radius"), [(0, 24), (1, -1), (1, 1001)])
def test_what_cannot_be_is_refused(length: int, radius: int, quick: ColorNet) -> None:
    with pytest.raises(SettingsError, match=r"no frames|radius"):
        FrameServer(Source(), length, make_session(quick), radius=radius)


def test_there_is_no_frame_beyond_the_last_one(quick: ColorNet) -> None:
    with serving(quick) as server:
        for number in (-1, LENGTH):
            with pytest.raises(SettingsError, match=f"there is no frame {number}"):
                server.frame(number)


def test_a_clip_of_one_frame(quick: ColorNet) -> None:
    with FrameServer(Source(), 1, make_session(quick)) as server:
        assert chroma(server.frame(0)) == film(make_session(quick), iter([make(0)]))[0]


def test_a_server_that_nobody_holds_gives_its_threads_back(quick: ColorNet) -> None:
    before = threading.active_count()
    torch_threads = torch.get_num_threads()
    server = FrameServer(Source(), LENGTH, make_session(quick))
    server.frame(3)
    assert threading.active_count() > before
    del server
    assert threading.active_count() == before
    assert torch.get_num_threads() == torch_threads


def test_dials_of_a_color_sheet_hold(quick: ColorNet) -> None:
    gray = Stretch(start=Fraction(20, 25), end=Fraction(30, 25), keep_gray=True)
    session = make_session(quick, guidance=Guidance(ColorSheet(stretches=(gray,)), Fraction(25)))
    with serving(quick, session=session) as server:
        found = [set(chroma(server.frame(number))) == {128} for number in range(40)]
    assert found == [20 <= number < 30 for number in range(40)]


def hinting(*frames: int) -> Guidance:
    hints = tuple(point((0.4, 0.5), frame=number) for number in frames)
    return Guidance(ColorSheet(hints=hints), Fraction(25))


@pytest.mark.usefixtures("quick_guide")
def test_hints_hold_for_their_shots(quick: ColorNet, truth: list[bytes]) -> None:
    session = make_session(quick, guidance=hinting(45))
    shots = [ShotRange(Fraction(a, 25), Fraction(b, 25)) for a, b in pairwise([*CUTS, LENGTH])]
    film_s = make_session(quick, guidance=hinting(45).with_shots(shots))
    film_s.source = lambda moments: ((Fraction(45, 25), make(45)) for _ in moments)
    wanted = film(film_s, map(make, range(LENGTH)))
    source = Source()
    with serving(quick, source, session=session, rate=Fraction(25)) as server:
        found = [chroma(server.frame(number)) for number in range(LENGTH)]
    assert found == wanted
    assert [found[n] == truth[n] for n in (36, 37, 50, 59, 60)] == [True, False, False, False, True]
    # All frames for the shots, and once more to be colored.
    assert source.numbers == [0, *range(LENGTH), *range(LENGTH)]


@pytest.mark.usefixtures("quick_guide")
@pytest.mark.parametrize(
    ("frame", "rate", "words"),
    [(45, None, "need a constant frame rate"), (LENGTH, Fraction(25), "speaks of 0:00:03.600")],
)
def test_hints_that_cannot_be_followed_are_refused(
    frame: int, rate: Fraction | None, words: str, quick: ColorNet
) -> None:
    session = make_session(quick, guidance=hinting(frame))
    with pytest.raises(SettingsError, match=words):
        FrameServer(Source(), LENGTH, session, rate=rate)


def test_fields_are_painted_apart(quick: ColorNet, truth: list[bytes]) -> None:
    def woven(number: int) -> SourceFrame:
        return SourceFrame(replace(make(number), interlaced=True))

    with serving(quick, woven) as server:
        found = chroma(server.frame(5))
    frames = (woven(number).frame for number in range(CUTS[1]))  # its shot
    assert found == film(make_session(quick), frames)[5]
    assert found != truth[5]
