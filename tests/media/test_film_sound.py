"""Sound beside the picture: every codec that a container can hold, and every packet in its time."""

from __future__ import annotations

import io
import zlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
import pytest
from av.packet import Packet
from films import Audio, Spec, Subtitle, make_film
from seen import see, subtitle_texts
from ways import fast, recolor

from vidcolor.errors import CannotCarry
from vidcolor.media.mux.muxer import Muxer
from vidcolor.media.mux.riff_audio import name_by_tag
from vidcolor.settings import EncodeSettings, OutputSettings, Settings

RATE = 48000
# fmt: off
BY_TAG = (
    "adpcm_ms", "adpcm_ima_wav", "adpcm_yamaha", "adpcm_swf", "pcm_alaw", "pcm_mulaw", "wmav1",
    "wmav2",
)
# fmt: on


def tiny_packets(path: Path, samples: int, rate: int, frames: int = 5) -> None:
    """A film whose PCM sound has ``samples`` of them in a packet."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=24)
        video.width, video.height, video.pix_fmt = 96, 64, "yuv420p"
        sound = container.add_stream("pcm_s16le", rate=rate)
        sound.codec_context.layout = "mono"
        container.start_encoding()
        total, at = rate * frames // 24, 0
        for index in range(frames):
            picture = av.VideoFrame(96, 64, "yuv420p")
            picture.pts = index
            container.mux(video.encode(picture))
            while at < (index + 1) * total // frames:
                packet: Packet[Any] = Packet(bytes(2 * samples))
                packet.time_base = Fraction(1, rate)
                packet.pts = packet.dts = at
                packet.duration = samples
                packet.stream = sound
                container.mux(packet)
                at += samples
        container.mux(video.encode(None))


@pytest.mark.parametrize(
    ("target", "samples", "rate"),
    [
        (".mkv", 8, 48000),
        pytest.param(".mkv", 1, 8000, marks=pytest.mark.slow),
        pytest.param(".mkv", 5, 8000, marks=pytest.mark.slow),
        pytest.param(".mp4", 8, 48000, marks=pytest.mark.slow),
    ],
)
def test_packets_shorter_than_a_tick_do_not_drift(
    tmp_path: Path, target: str, samples: int, rate: int
) -> None:
    source, out = tmp_path / "in.mkv", tmp_path / f"out{target}"
    tiny_packets(source, samples, rate)
    run = recolor(source, out, fast())
    assert run.left == []
    assert run.damage == []
    before, after = see(source), see(out)
    assert before.times[1][-1] > Fraction(19, 100)
    if target == ".mkv":
        assert after.packets[1] == before.packets[1]
        assert after.times[1] == before.times[1]
    else:  # where PCM has no packets of its own
        assert abs(after.times[1][-1] - before.times[1][-1]) < Fraction(1024 + samples, rate)


@pytest.mark.parametrize("target", [".mp4", pytest.param(".mov", marks=pytest.mark.slow)])
def test_a_pause_in_pcm_stays_a_pause(tmp_path: Path, target: str) -> None:
    """MP4 counts samples: a second without sound would bring all behind it a second early."""
    source, out = tmp_path / "in.mkv", tmp_path / f"out{target}"
    make_film(tmp_path / "whole.mkv", Spec(frames=24, codec="mpeg4", audio=(Audio("pcm_s16le"),)))
    with av.open(str(tmp_path / "whole.mkv")) as a, av.open(str(source), "w") as b:
        video = b.add_stream_from_template(a.streams.video[0], opaque=True)
        sound = b.add_stream("pcm_s16le", rate=RATE)
        sound.codec_context.layout = "mono"
        b.start_encoding()
        for packet in a.demux():
            if packet.stream.type == "video" and packet.size:
                packet.stream = video
                b.mux(packet)
            elif packet.size and not 0.25 < packet.pts * packet.time_base < 0.75:
                packet.stream = sound
                b.mux(packet)
    run = recolor(source, out, fast())
    assert run.left == []
    assert run.damage == []
    whole, held = (np.frombuffer(heard(p)[2], "<i2") for p in (tmp_path / "whole.mkv", out))
    assert len(held) == pytest.approx(len(whole), abs=RATE // 50)
    assert not held[RATE * 3 // 10 : RATE * 7 // 10].any()
    end = slice(RATE * 8 // 10, RATE * 9 // 10)
    lag = min(range(-96, 97), key=lambda n: abs(np.roll(held, n)[end] - whole[end]).sum())
    assert abs(lag) <= RATE // 1000


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".webm", ".mkv", ".mp4", ".ts"])
def test_short_opus_keeps_its_times(tmp_path: Path, suffix: str) -> None:
    source = tmp_path / f"in{suffix}"
    codec = {".webm": "libvpx", ".ts": "mpeg2video"}.get(suffix, "mpeg4")
    options = {"frame_duration": "2.5"}
    make_film(
        source, Spec(codec=codec, rate=Fraction(25), audio=(Audio("libopus", options=options),))
    )
    before = see(source)
    assert len(before.times[1]) > 150
    for target in ("out.mkv", "out.mp4"):
        run = recolor(source, tmp_path / target, fast())
        assert run.left == []
        assert run.damage == []
        after = see(tmp_path / target)
        shift = after.pts[0] - before.pts[0]
        tick = Fraction(1, 1000) if "mkv" in (suffix[1:], target[-3:]) else Fraction(1, 10000)
        for old, new in zip(before.times[1], after.times[1], strict=True):
            assert abs(new - old - shift) <= tick + Fraction(1, 1000) * (suffix == ".webm")


@pytest.mark.slow
def test_a_film_whose_times_go_back_once_is_put_right_at_once(tmp_path: Path) -> None:
    """What is moved is moved to its neighbor; all behind it stays where it was."""
    source, broken = tmp_path / "in.mkv", tmp_path / "broken.mkv"
    make_film(source, Spec(codec="libx264", frames=48, audio=(Audio("ac3"),)))
    with av.open(str(source)) as a, av.open(str(broken), "w") as b:
        outs = [b.add_stream_from_template(s, opaque=True) for s in a.streams]
        sounds = last = 0
        for packet in (p for p in a.demux() if p.size):
            if packet.stream.index == 1:
                sounds += 1
                if sounds == 20:
                    packet.pts = packet.dts = last
                last = packet.dts
            packet.stream = outs[packet.stream.index]
            b.mux(packet)
    run = recolor(broken, tmp_path / "out.mkv", fast())
    before, after = see(source).times[1], see(tmp_path / "out.mkv").times[1]
    assert [d.kind for d in run.damage] == ["timestamp"]
    assert after[:19] == before[:19]
    assert after[20:] == before[20:]


@pytest.mark.parametrize(
    "codec", [BY_TAG[0], *(pytest.param(name, marks=pytest.mark.slow) for name in BY_TAG[1:])]
)
def test_matroska_holds_sound_by_its_riff_tag(tmp_path: Path, codec: str) -> None:
    source, out = tmp_path / "in.avi", tmp_path / "out.mkv"
    rate = 22050 if codec == "adpcm_swf" else RATE
    make_film(source, Spec(codec="mpeg4", audio=(Audio(codec, rate=rate, layout="stereo"),)))
    run = recolor(source, out, fast())
    assert run.left == []
    assert see(out).packets[1] == see(source).packets[1]
    assert heard(out) == heard(source)
    assert heard(out)[0] == codec
    assert check_sums(out)
    # Once more, from Matroska to Matroska.
    again = recolor(out, tmp_path / "again.mkv", fast())
    assert again.left == []
    assert heard(tmp_path / "again.mkv") == heard(source)


@pytest.mark.slow
def test_two_by_tag_beside_one_by_name(tmp_path: Path) -> None:
    source, out = tmp_path / "in.avi", tmp_path / "out.mkv"
    sounds = (Audio("pcm_alaw"), Audio("pcm_s16le", layout="stereo"), Audio("adpcm_ms"))
    make_film(source, Spec(codec="mpeg4", audio=sounds))
    assert recolor(source, out, fast()).left == []
    assert [heard(out, i) for i in range(3)] == [heard(source, i) for i in range(3)]
    assert [heard(out, i)[0] for i in range(3)] == ["pcm_alaw", "pcm_s16le", "adpcm_ms"]


@pytest.mark.slow
def test_no_other_container_says_it_can(tmp_path: Path) -> None:
    source = tmp_path / "in.avi"
    make_film(source, Spec(codec="mpeg4", audio=(Audio("adpcm_ms"),)))
    for target in ("mp4", "webm"):
        settings = Settings() if target == "webm" else fast()
        run = recolor(source, tmp_path / f"out.{target}", settings)
        advice = f"--audio {'aac' if target == 'mp4' else 'opus'} converts it"
        why = f"{target} cannot hold adpcm_ms; {advice}"
        assert run.left == [f"audio stream 1 (adpcm_ms): {why}"]


def test_names_are_given_only_to_what_stands_in(tmp_path: Path) -> None:
    for data in (b"", b"\x1a\x45\xdf\xa3\xff", bytes(200), b"\xff" * 200):
        file = io.BytesIO(data)
        name_by_tag(file)
        assert file.getvalue() == data
    source = tmp_path / "in.mkv"
    make_film(source, Spec(codec="mpeg4", audio=(Audio("pcm_s16le"),)))
    whole = io.BytesIO(source.read_bytes())
    name_by_tag(whole)
    assert whole.getvalue() == source.read_bytes()


@pytest.mark.parametrize("count", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_streams_that_the_header_refuses_are_left_behind_alone(tmp_path: Path, count: int) -> None:
    source = tmp_path / "in.mkv"
    sounds = (Audio("aac"), *[Audio("flac", language="eng")] * count, Audio("ac3"))
    make_film(source, Spec(codec="libx264", audio=sounds))
    run = recolor(source, tmp_path / "out.mov", fast())
    assert [left.what for left in run.written.left_behind] == [
        f"audio stream {index} (flac, eng)" for index in range(2, 2 + count)
    ]
    assert run.written.carried == ("audio stream 1 (aac)", f"audio stream {2 + count} (ac3)")
    after = see(tmp_path / "out.mov")
    assert [stream["codec"] for stream in after.streams] == ["h264", "aac", "ac3"]
    settings = Settings(
        encode=EncodeSettings(preset="ultrafast"), output=OutputSettings(strict=True)
    )
    with pytest.raises(CannotCarry):
        recolor(source, tmp_path / "strict.mov", settings)


def heard(path: Path, index: int = 0) -> tuple[str, int, bytes]:
    """(codec, samples, all of them) of a film's sound."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[index]
        frames = [frame for packet in container.demux(stream) for frame in packet.decode()]
        data = b"".join(frame.to_ndarray().tobytes() for frame in frames)
        return stream.codec_context.name, sum(frame.samples for frame in frames), data


def check_sums(path: Path) -> bool:
    """Whether the check sum of a Matroska file's tracks is right."""
    data = path.read_bytes()
    at = data.index(bytes.fromhex("1654ae6b"), 200) + 4  # behind the index, which names it too
    width = 9 - data[at].bit_length()
    length = int.from_bytes(data[at : at + width], "big") & ((1 << 7 * width) - 1)
    tracks = data[at + width : at + width + length]
    assert tracks[:2] == b"\xbf\x84"
    return zlib.crc32(tracks[6:]).to_bytes(4, "little") == tracks[2:6]


@pytest.mark.parametrize("target", [".mp4", pytest.param(".mkv", marks=pytest.mark.slow)])
def test_subtitles_that_begin_before_the_picture_keep_their_times(
    tmp_path: Path, target: str
) -> None:
    """FFmpeg would move all of them in an MP4, by as much as the first begins too early."""
    source, out = tmp_path / "in.mkv", tmp_path / f"out{target}"
    events = ((0.2, 0.3, "gone"), (0.8, 0.4, "cut"), (1.3, 0.2, "whole"))
    late = tuple(range(1000, 2000, 40))
    spec = Spec(
        codec="libx264",
        frames=len(late),
        rate=Fraction(25),
        time_base=Fraction(1, 1000),
        pts=late,
        subtitles=(Subtitle(events=events),),
    )
    make_film(source, spec)
    run = recolor(source, out, fast())
    after = see(out)
    texts = [(at - float(after.pts[0]), data) for at, data in subtitle_texts(out, 1)]
    if target == ".mkv":
        assert [at for at, _ in texts] == pytest.approx([-0.8, -0.2, 0.3], abs=0.002)
        assert run.damage == []
    else:
        assert [at for at, _ in texts] == pytest.approx([0.0, 0.3], abs=0.002)
        assert [data[2:] for _, data in texts] == [b"cut", b"whole"]
        assert ["left out" in damage.text for damage in run.damage] == [True]
    assert run.left == []


@pytest.mark.slow
@pytest.mark.parametrize("late", ["picture", "sound"])
@pytest.mark.parametrize("target", [".mkv", ".mp4", ".mov"])
def test_sound_and_picture_need_not_begin_together(tmp_path: Path, late: str, target: str) -> None:
    whole, source, out = tmp_path / "whole.mkv", tmp_path / "in.mkv", tmp_path / f"out{target}"
    make_film(whole, Spec(codec="libx264", frames=24, audio=(Audio("ac3", seconds=2.0),)))
    delays = {"video": 500 * (late == "picture"), "audio": 500 * (late == "sound")}
    with av.open(str(whole)) as a, av.open(str(source), "w") as b:
        outs = [b.add_stream_from_template(s, opaque=True) for s in a.streams]
        for packet in (p for p in a.demux() if p.size):
            packet.pts += delays[packet.stream.type]
            packet.dts = None if packet.dts is None else packet.dts + delays[packet.stream.type]
            packet.stream = outs[packet.stream.index]
            b.mux(packet)
    run = recolor(source, out, fast())
    before, after = see(source), see(out)
    assert run.left == []
    assert run.damage == []
    told = [times.times[1][0] - times.pts[0] for times in (before, after)]
    assert abs(told[0] - told[1]) <= Fraction(1, 500)
    assert abs(told[0]) > Fraction(4, 10)


class Refusing:
    """A container that takes no packet of some streams."""

    def __init__(self, inner: Any, streams: set[str], error: Exception) -> None:
        self._inner, self._streams, self._error = inner, streams, error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def mux_one(self, packet: Any) -> None:
        if packet.stream.metadata.get("title") in self._streams:
            raise self._error
        self._inner.mux_one(packet)


@pytest.mark.parametrize(
    "kind",
    [
        "PatchWelcomeError",
        *(pytest.param(f"{n}Error", marks=pytest.mark.slow) for n in ("Experimental", "Overflow")),
    ],
)
def test_streams_that_are_refused_late_are_left_behind_alone(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "in.mkv"
    sounds = tuple(Audio("ac3", title=title) for title in ("a", "no", "b", "never"))
    texts = (Subtitle(),)
    make_film(source, Spec(codec="libx264", frames=6, audio=sounds, subtitles=texts))
    build, error = Muxer._build, getattr(av.error, kind)(1, "not this one")

    def building(self: Muxer) -> None:
        build(self)
        self._container = Refusing(self._container, {"no", "never"}, error)  # type: ignore[assignment]

    monkeypatch.setattr(Muxer, "_build", building)
    run = recolor(source, tmp_path / "out.mkv", fast())
    assert [left.what for left in run.written.left_behind] == [
        "audio stream 2 (ac3)",
        "audio stream 4 (ac3)",
    ]
    kept = [stream["title"] for stream in see(tmp_path / "out.mkv").streams if stream["title"]]
    assert kept == ["a", "b"]


def test_chapters_that_are_refused_are_left_behind_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "in.mkv"
    chapters = ((0.0, 0.2, "One"), (0.2, 0.4, "Two"))
    make_film(source, Spec(codec="libx264", frames=6, audio=(Audio("ac3"),), chapters=chapters))
    build = Muxer._build

    def building(self: Muxer) -> None:
        build(self)
        if self.passthrough.chapters:
            raise av.error.InvalidDataError(1, "bad times")

    monkeypatch.setattr(Muxer, "_build", building)
    run = recolor(source, tmp_path / "out.mp4", fast())
    assert run.left == ["2 chapters: the container refuses them (bad times)"]
    assert run.written.carried == ("audio stream 1 (ac3)",)


EVENTS = (
    (0.1, 0.5, "one"),
    (0.1, 0.5, "two"),
    (0.3, 0.5, "overlap"),
    (0.8, 0.1, "then"),
    (0.9, 0.1, "then"),
    (0.95, 0.3, "then"),
    (1.5, 0.0, "how long?"),
)


@pytest.mark.parametrize("codec", ["subrip", pytest.param("ass", marks=pytest.mark.slow)])
@pytest.mark.parametrize("target", [".mp4", pytest.param(".mov", marks=pytest.mark.slow)])
def test_texts_that_are_on_the_screen_together_share_a_sample(
    tmp_path: Path, codec: str, target: str
) -> None:
    """MP4 shows one at a time; of two that begin together the first had no length at all."""
    source, out = tmp_path / "in.mkv", tmp_path / f"out{target}"
    make_film(source, Spec(frames=5, rate=Fraction(2), subtitles=(Subtitle(codec, EVENTS),)))
    run = recolor(source, out, fast())
    with av.open(str(out)) as container:
        texts = [
            (round(p.pts * p.time_base * 1000), (p.duration * p.time_base), bytes(p)[2:].decode())
            for p in container.demux(container.streams.subtitles[0])
            if p.size > 2
        ]
    assert [(at, text) for at, _, text in texts] == [
        (100, "one\ntwo"),
        (300, "one\ntwo\noverlap"),
        (600, "overlap"),
        (800, "then"),
        (900, "then"),
        (1500, "how long?"),
    ]
    lengths = [float(length) for _, length, _ in texts[:-1]]
    assert lengths == pytest.approx([0.2, 0.3, 0.2, 0.1, 0.35], abs=0.002)
    assert texts[-1][1] > 0.5
    assert run.damage == []
    assert any("shown at the same time were joined" in note for note in run.notes)


def test_sound_that_the_target_hides_is_told(tmp_path: Path) -> None:
    """One wrong time in an MPEG-PS, and an MP4 hides all sound before its begin but one packet."""
    source, out = tmp_path / "in.mpg", tmp_path / "out.mp4"
    spec = Spec(codec="mpeg2video", frames=12, rate=Fraction(25), audio=(Audio("mp2"),))
    make_film(source, spec)
    data = bytearray(source.read_bytes())
    at = data.index(b"\0\0\1\xe0")
    data[at + 7] = 0xC0  # the upper bits of the first picture's time
    source.write_bytes(data)
    run = recolor(source, out, fast())
    sounds = [len(see(path).packets[1]) for path in (source, out)]
    assert sounds[1] < sounds[0] / 2
    missing = f"audio stream 1 (mp2): {sounds[0] - sounds[1]} of {sounds[0]} packets"
    assert any(missing in damage.text for damage in run.damage)
