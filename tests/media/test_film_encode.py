"""Choice of codec and pixel format, refusals, tags, HDR, fields and rotation."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import pytest
from films import Spec, make_film
from seen import see
from ways import fast, lossless, recolor

from vidcolor.errors import EncoderMissing, SettingsError, UnsupportedPixels
from vidcolor.media.decode.decoder import decode
from vidcolor.media.encode.encoder import EncodePlan, encode, plan_encode
from vidcolor.media.mux.file_sink import FileSink
from vidcolor.media.mux.muxer import Muxer
from vidcolor.media.open import VideoReader, open_video
from vidcolor.settings import EncodeSettings

DEFAULTS = [
    ("yuv420p", ".mp4", "libx264", "yuv420p"),
    ("yuv420p10le", ".mkv", "libx264", "yuv420p10le"),
    ("yuv422p10le", ".mov", "libx264", "yuv422p10le"),
    ("yuv444p", ".mp4", "libx264", "yuv444p"),
    ("yuv420p12le", ".mp4", "libx265", "yuv420p12le"),
    ("yuv422p12le", ".mkv", "libx265", "yuv422p12le"),
    ("yuv444p14le", ".mkv", "ffv1", "yuv444p14le"),
    ("gray16le", ".mp4", "ffv1", "yuv420p16le"),
    ("gray", ".mp4", "libx264", "yuv420p"),
    ("gray12le", ".mkv", "libx265", "yuv420p12le"),
    ("yuv411p", ".mkv", "libx264", "yuv422p"),
    ("yuv410p", ".mkv", "libx264", "yuv420p"),
    ("yuv440p", ".mkv", "libx264", "yuv444p"),
    ("yuva420p", ".mkv", "libx264", "yuv420p"),
    ("yuv420p", ".webm", "libvpx-vp9", "yuv420p"),
    ("yuv422p", ".webm", "libvpx-vp9", "yuv422p"),
    ("yuv422p10le", ".webm", "libsvtav1", "yuv420p10le"),
]


def plan(tmp_path: Path, spec: Spec, target: str, settings: EncodeSettings) -> EncodePlan:
    source = tmp_path / "in.mkv"
    make_film(source, spec)
    with open_video(source) as film:
        return plan_encode(film.info, tmp_path / target, settings)


@pytest.mark.parametrize(("pix_fmt", "suffix", "codec", "layout"), DEFAULTS)
def test_defaults(tmp_path: Path, pix_fmt: str, suffix: str, codec: str, layout: str) -> None:
    made = plan(tmp_path, Spec(pix_fmt=pix_fmt, frames=1), f"out{suffix}", EncodeSettings())
    assert (made.codec, made.layout.format, made.luma) == (codec, layout, "exact")


@pytest.mark.parametrize(
    ("pix_fmt", "target", "codec"),
    [
        ("yuv420p", "o.mkv", "ffv1"),
        ("yuv420p", "o.mp4", "ffv1"),
        ("yuv420p10le", "o.mov", "libx264"),
    ],
)
def test_lossless_codecs(tmp_path: Path, pix_fmt: str, target: str, codec: str) -> None:
    made = plan(tmp_path, Spec(pix_fmt=pix_fmt, frames=1), target, EncodeSettings(lossless=True))
    assert made.codec == codec
    assert made.lossless


REFUSED = [
    ("gray16le", "o.mov", {}, EncoderMissing, "MOV cannot hold 16 bits per sample; use a .mkv"),
    ("gray16le", "o.webm", {}, EncoderMissing, "WebM cannot hold 16 bits per sample; use a .mkv"),
    ("yuv420p", "o.webm", {"lossless": True}, SettingsError, "WebM has no lossless codec; use"),
    ("yuv420p12le", "o.mov", {"lossless": True}, EncoderMissing, "MOV cannot hold 12 bits per s"),
    (
        "yuv420p",
        "o.avi",
        {},
        SettingsError,
        "for a film, the output must end in .mp4, .m4v, .mov, .mkv, .webm",
    ),
    ("yuv420p", "o.mp4", {"codec": "nosuch"}, EncoderMissing, "no encoder nosuch"),
    ("yuv420p", "o.mp4", {"codec": "aac"}, EncoderMissing, "aac does not encode video"),
    ("yuv420p", "o.mp4", {"codec": "prores_ks"}, EncoderMissing, "a .mp4 file cannot hold prores"),
    ("yuv420p12le", "o.mkv", {"codec": "libx264"}, EncoderMissing, "libx264 cannot encode 12 bits"),
    ("yuv420p10le", "o.mkv", {"codec": "mpeg4"}, EncoderMissing, "mpeg4 cannot encode 10 bits"),
    ("yuv420p", "o.mkv", {"codec": "ffv1", "crf": 20.0}, SettingsError, "ffv1 has no CRF"),
    ("yuv420p", "o.mkv", {"codec": "ffv1", "preset": "x"}, SettingsError, "ffv1 has no presets"),
    ("yuv420p", "o.mkv", {"codec": "mpeg4", "lossless": True}, SettingsError, "without loss"),
    ("yuv420p", "o.mkv", {"lossless": True, "crf": 1.0}, SettingsError, "exclude each other"),
]


@pytest.mark.parametrize(("pix_fmt", "target", "changes", "error", "words"), REFUSED)
def test_refusals(
    tmp_path: Path, pix_fmt: str, target: str, changes: dict, error: type, words: str
) -> None:
    with pytest.raises(error, match=words):
        plan(tmp_path, Spec(pix_fmt=pix_fmt, frames=1), target, EncodeSettings(**changes))


def begin(film: VideoReader, target: Path, settings: EncodeSettings) -> None:
    with Muxer(film, plan_encode(film.info, target, settings), FileSink(target)):
        pass


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"options": (("crff", "18"),)}, SettingsError, "does not know the option crff=18"),
        ({"options": (("tune", "nonsense"),)}, EncoderMissing, "cannot be opened .* tune=nonsense"),
        ({"codec": "libvpx-vp9", "preset": "warp"}, SettingsError, "libvpx-vp9 has no presets"),
        ({"codec": "h264_nvenc"}, EncoderMissing, "needs hardware that this machine lacks"),
    ],
)
def test_encoders_that_do_not_start(
    tmp_path: Path, changes: dict, error: type, words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "in.mkv"
    make_film(source, Spec(frames=2))
    target = tmp_path / "out.mp4"
    with open_video(source) as film, pytest.raises(error, match=words):
        begin(film, target, EncodeSettings(**changes))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.mkv"]


def test_users_codec_may_have_more_bits(tmp_path: Path) -> None:
    source = tmp_path / "in.mkv"
    make_film(source, Spec(frames=2))
    settings = EncodeSettings(codec="prores_ks")
    with open_video(source) as film:
        made = plan_encode(film.info, tmp_path / "out.mov", settings)
    assert made.layout.format == "yuv422p10le"
    assert made.luma == "converted from yuv420p"


@pytest.mark.parametrize(
    "codec", ["libx264", "libx265", "ffv1", "libvpx-vp9", "libsvtav1", "mpeg4"]
)
def test_codecs_work_and_are_quiet(
    tmp_path: Path, codec: str, capfd: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "in.mkv"
    make_film(source, Spec(frames=5, rate=Fraction(25)))
    recolor(source, tmp_path / "out.mkv", fast(codec=codec, preset=None))
    assert len(see(tmp_path / "out.mkv").pts) == 5
    printed = capfd.readouterr()
    assert printed.out == ""
    assert (
        printed.err.replace("Svt[warn]: Failed to set thread priority: Invalid argument\n", "")
        == ""
    )


@pytest.mark.parametrize("bits", ["", "10le"])
@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_lossless_x264_and_x265(tmp_path: Path, codec: str, bits: str) -> None:
    source = tmp_path / "in.mkv"
    make_film(source, Spec(pix_fmt=f"yuv420p{bits}", frames=3))
    recolor(source, tmp_path / "out.mp4", lossless(codec=codec))
    assert see(tmp_path / "out.mp4").luma == see(source).luma


TAGS = [
    ((1, 1, 1, 1), (96, 64)),
    ((2, 1, 1, 1), (96, 64)),
    ((1, 5, 5, 6), (96, 64)),
    ((1, 6, 6, 6), (96, 64)),
    ((1, 9, 9, 14), (96, 64)),
    ((1, 7, 7, 7), (96, 64)),
]


@pytest.mark.parametrize(("tags", "size"), TAGS)
@pytest.mark.parametrize("target", [".mp4", ".mkv", ".webm"])
def test_color_tags_survive(
    tmp_path: Path, tags: tuple[int, ...], size: tuple[int, int], target: str
) -> None:
    source = tmp_path / "in.mkv"
    make_film(source, Spec(codec="libx264", tags=tags, frames=2))  # type: ignore[arg-type]
    assert see(source).tags == tags
    recolor(source, tmp_path / f"out{target}")
    assert see(tmp_path / f"out{target}").tags == tags


UNTAGGED = [
    ((720, 480), Fraction(30000, 1001), (1, 6, 6, 6)),
    ((720, 576), Fraction(25), (1, 5, 5, 6)),
    ((1280, 720), Fraction(24), (1, 1, 1, 1)),
    ((640, 600), Fraction(24), (1, 1, 1, 1)),
]


@pytest.mark.parametrize(("size", "rate", "tags"), UNTAGGED)
def test_untagged_films_get_what_players_assume(
    tmp_path: Path, size: tuple[int, int], rate: Fraction, tags: tuple[int, ...]
) -> None:
    source = tmp_path / "in.mkv"
    make_film(source, Spec(codec="libx264", width=size[0], height=size[1], rate=rate, frames=1))
    with open_video(source) as film:
        assert tuple(film.info.tags.values()) == tags
        assert any("no color tags in the file" in note for note in film.info.notes)
    recolor(source, tmp_path / "out.mp4", fast())
    assert see(tmp_path / "out.mp4").tags == tags


X265_HDR = (
    "hdr10=1:master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"
)


@pytest.mark.parametrize("codec", ["libx264", "libx265", "libsvtav1"])
@pytest.mark.parametrize("target", [".mp4", ".mkv"])
def test_hdr10_metadata_survives(tmp_path: Path, codec: str, target: str) -> None:
    source = tmp_path / "in.mkv"
    spec = Spec(
        codec="libx265",
        pix_fmt="yuv420p10le",
        frames=2,
        tags=(1, 9, 9, 16),
        options={"x265-params": f"{X265_HDR}:max-cll=1000,400"},
    )
    make_film(source, spec)
    with open_video(source) as film:
        assert film.info.layout.transfer == "pq"
        assert film.info.layout.siting == (0.0, 0.0)
        assert film.info.hdr["light"] == (1000, 400)
    recolor(source, tmp_path / f"out{target}", fast(codec=codec, preset=None))
    before, after = see(source), see(tmp_path / f"out{target}")
    assert after.tags == (1, 9, 9, 16)
    assert after.side_data["CONTENT_LIGHT_LEVEL"] == before.side_data["CONTENT_LIGHT_LEVEL"]
    assert _display(after.side_data) == pytest.approx(_display(before.side_data), abs=1e-4)


def _display(side: dict[str, bytes]) -> list[float]:
    import struct

    numbers = struct.unpack("<22i", side["MASTERING_DISPLAY_METADATA"][:88])
    return [n / d for n, d in zip(numbers[:20:2], numbers[1:20:2], strict=True)]


@pytest.mark.parametrize("order", ["tff", "bff"])
@pytest.mark.parametrize("target", [".mp4", ".mkv", ".mov"])
def test_field_order_survives(tmp_path: Path, order: str, target: str) -> None:
    source = tmp_path / "in.mpg"
    spec = Spec(codec="mpeg2video", width=96, height=64, rate=Fraction(25), interlaced=order)
    make_film(source, spec)
    before = see(source)
    assert before.interlaced
    with open_video(source) as film:
        assert film.info.field_order == {"tff": "top", "bff": "bottom"}[order]
        for frame in decode(film):
            assert frame.interlaced
            assert frame.top_field_first == (order == "tff")
    recolor(source, tmp_path / f"out{target}", fast())
    after = see(tmp_path / f"out{target}")
    assert after.interlaced
    with open_video(tmp_path / f"out{target}") as film:
        assert film.info.field_order == {"tff": "top", "bff": "bottom"}[order]


@pytest.mark.parametrize("order", ["tff", "bff"])
def test_field_order_survives_conversion(tmp_path: Path, order: str) -> None:
    source = tmp_path / "in.mkv"
    make_film(source, Spec(codec="libx264", pix_fmt="gray", interlaced=order))
    recolor(source, tmp_path / "out.mp4", fast())
    with open_video(tmp_path / "out.mp4") as film:
        assert film.info.field_order == {"tff": "top", "bff": "bottom"}[order]


TURNED = (0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30)
MIRRORED = (-65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30)


@pytest.mark.parametrize("matrix", [TURNED, MIRRORED])
@pytest.mark.parametrize("target", [".mp4", ".mov", ".mkv"])
def test_rotation_survives(tmp_path: Path, matrix: tuple[int, ...], target: str) -> None:
    source = tmp_path / "in.mp4"
    make_film(source, Spec(codec="libx264", matrix=matrix, frames=2))
    before = see(source).matrix
    assert before is not None
    recolor(source, tmp_path / f"out{target}", fast())
    assert see(tmp_path / f"out{target}").matrix == before


def test_vp9_cannot_say_the_pixel_aspect(tmp_path: Path) -> None:
    source = tmp_path / "in.mkv"
    make_film(source, Spec(codec="libx264", sar=Fraction(16, 11), frames=2))
    run = recolor(source, tmp_path / "out.webm")
    assert run.left == ["pixel aspect 16/11: libvpx-vp9 cannot write it"]


@pytest.mark.parametrize("target", [".mp4", ".mov", ".mkv"])
def test_sample_aspect_survives(tmp_path: Path, target: str) -> None:
    source = tmp_path / "in.mkv"
    make_film(source, Spec(codec="libx264", sar=Fraction(16, 11), frames=2))
    recolor(source, tmp_path / f"out{target}")
    assert see(tmp_path / f"out{target}").sar == Fraction(16, 11)


def test_frames_of_another_size_are_refused(tmp_path: Path) -> None:
    small, large = tmp_path / "small.mkv", tmp_path / "large.mkv"
    make_film(small, Spec(frames=2))
    make_film(large, Spec(frames=2, width=128))
    target = tmp_path / "out.mkv"
    with open_video(small) as film, open_video(large) as other:
        made = plan_encode(film.info, target, EncodeSettings())
        refused = pytest.raises(UnsupportedPixels, match="the encoder expects")
        with Muxer(film, made, FileSink(target)) as writer, refused:
            writer.write(encode(decode(other), writer.video))
    assert not target.exists()


def test_captions_stay_with_their_frames(tmp_path: Path) -> None:
    import av

    source, captioned = tmp_path / "in.mkv", tmp_path / "cc.mkv"
    make_film(source, Spec(codec="mpeg2video", frames=10, rate=Fraction(25), options={"bf": "0"}))
    user = b"\x00\x00\x01\xb2GA94\x03\x41\xff\xfc\x94\x20\xff"
    with av.open(str(source)) as a, av.open(str(captioned), "w", format="matroska") as b:
        out = b.add_stream_from_template(a.streams[0], opaque=True)
        for packet in a.demux():
            if packet.size:
                data = bytes(packet)
                at = data.index(b"\x00\x00\x01\x01")
                made = av.Packet(data[:at] + user + data[at:])
                made.pts, made.dts, made.time_base = packet.pts, packet.dts, packet.time_base
                made.is_keyframe, made.stream = packet.is_keyframe, out
                b.mux(made)
    recolor(captioned, tmp_path / "out.mp4", fast())
    with av.open(str(tmp_path / "out.mp4")) as container:
        kinds = [{s.type.name for s in f.side_data} for f in container.decode(video=0)]
    assert len(kinds) == 10
    assert all("A53_CC" in kind for kind in kinds)


def test_pixel_aspect_of_lossless_codecs_in_matroska_is_listed(tmp_path: Path) -> None:
    source = tmp_path / "in.mkv"
    make_film(source, Spec(codec="libx264", sar=Fraction(16, 11), frames=2))
    run = recolor(source, tmp_path / "out.mkv", lossless())
    assert run.left == [
        "pixel aspect 16/11: ffv1 in .mkv cannot write it; use .mp4, or --codec libx264"
    ]
    assert see(tmp_path / "out.mkv").sar is None  # else it need not be listed any more
    assert recolor(source, tmp_path / "out.mp4", lossless()).left == []
    assert see(tmp_path / "out.mp4").sar == Fraction(16, 11)


@pytest.mark.skipif(not hasattr(os, "sched_getscheduler"), reason="Linux alone")
def test_no_encoder_takes_the_machine_for_itself(tmp_path: Path) -> None:
    """libsvtav1 would give all its threads and this one real-time priority, where one is root."""
    before = os.sched_getscheduler(0)
    source = tmp_path / "in.mkv"
    make_film(source, Spec(frames=2))
    for codec in ("libsvtav1", "libx264"):
        target = tmp_path / f"{codec}.mkv"
        with open_video(source) as film:
            made = plan_encode(film.info, target, EncodeSettings(codec=codec))
            with Muxer(film, made, FileSink(target)) as writer:
                writer.write(encode(decode(film, made.layout), writer.video))
                threads = [int(name) for name in os.listdir("/proc/self/task")]
                assert {os.sched_getscheduler(thread) for thread in threads} == {before}
        assert os.sched_getscheduler(0) == before
