"""Hostile files through the real command: refused in a line, quickly, in little memory."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from pathlib import Path

import av
import hostile_films as films
import pytest
from command import Command
from damage_checks import nothing_left

OLD = b"the film that was here before"
MIB = 1 << 20

TOO_LARGE = r"FILM: {0}x{0} has more than 67108864 pixels; raise --max-pixels to \d+ if .*"
PLAYLIST = "FILM: is a playlist; name the film itself"
REFUSED: list[tuple[str, str, Callable[[Path], Path], str]] = [
    ("D73", "huge.png", films.huge_png, TOO_LARGE.format(films.SIDE)),
    ("D73", "huge.mov", films.huge_png_in_film, "FILM: none of its frames can be decoded"),
    ("D74", "12000.h264", films.huge_h264, TOO_LARGE.format(12000)),
    ("D74", "16384.h264", films.huge_h264, "FILM: none of its frames can be decoded"),
    ("D75", "tracks.mp4", films.many_streams, "FILM: .*(more memory|streams).*"),
    (
        "D75",
        "endless.mkv",
        films.endless,
        "FILM: claims to last .* hours, more than the limit of .*",
    ),
    ("D76", "script.mp4", films.concat_script, PLAYLIST),
    ("D77", "list.mp4", films.playlist, PLAYLIST),
    ("D78", "elsewhere.mov", films.pictures_elsewhere, "FILM: has a header but no frames"),
    ("D79", "magic.avi", films.unsafe_codec, "FILM: the codec magicyuv is not on .* list .*"),
]


def peak() -> int:
    """The most memory this process has had since ``forget_peak``, in bytes."""
    status = Path("/proc/self/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found
    return int(found[1]) * 1024


def forget_peak() -> None:
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        pytest.skip("this system does not tell the peak of memory")


@pytest.mark.parametrize(("case", "name", "make", "says"), REFUSED, ids=lambda v: str(v)[:20])
def test_refused(
    case: str,
    name: str,
    make: Callable[[Path], Path],
    says: str,
    command: Command,
    tmp_path: Path,
) -> None:
    (tmp_path / "film").mkdir()
    (tmp_path / "out").mkdir()
    film = make(tmp_path / "film" / name)
    target = tmp_path / "out" / ("film.png" if name.endswith(".png") else "film.mp4")
    target.write_bytes(OLD)
    forget_peak()
    before = peak()
    outcome = command(film, target, "--force")
    assert outcome.code == 2
    assert re.fullmatch(
        "vidcolor: " + says.replace("FILM", f".*{re.escape(name)}"), outcome.err.strip()
    )
    assert peak() - before < 100 * MIB
    assert outcome.seconds < 10
    assert target.read_bytes() == OLD
    assert nothing_left(target.parent, target)


@pytest.mark.parametrize("make", [films.many_durations, films.huge_tag])
def test_tables_that_lie(make: Callable[[Path], Path], command: Command, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    film, target = make(tmp_path / "film.mp4"), tmp_path / "out" / "film.mp4"
    forget_peak()
    before = peak()
    outcome = command(film, target, "--no-smooth")
    assert peak() - before < 400 * MIB
    assert outcome.seconds < 20
    if outcome.code == 2:
        assert nothing_left(target.parent)
        return
    assert nothing_left(target.parent, target)
    with av.open(str(target)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 8


def test_the_traps_are_armed(tmp_path: Path) -> None:
    """Without vidcolor's limits FFmpeg does open the other file."""
    with av.open(str(films.concat_script(tmp_path / "script.mp4"))) as container:
        assert sum(1 for _ in container.decode(video=0)) == 8
    elsewhere = films.pictures_elsewhere(tmp_path / "elsewhere.mov")
    options = {"enable_drefs": "1", "use_absolute_path": "1"}
    with av.open(str(elsewhere), options=options) as container:
        assert sum(1 for p in container.demux(video=0) if p.size) == 8


@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\nhttp://127.0.0.1:{0}/a.ts\n",
        "ffconcat version 1.0\nfile http://127.0.0.1:{0}/a.ts\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=video {0} RTP/AVP 26\n",
        "<smil><body><video src='http://127.0.0.1:{0}/a.mp4'/></body></smil>",
    ],
)
def test_nobody_is_called(text: str, command: Command, tmp_path: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.setblocking(False)
        port = listener.getsockname()[1]
        film = tmp_path / "film.mp4"
        film.write_text(text.format(port))
        (tmp_path / "out").mkdir()
        for source in (str(film), f"http://127.0.0.1:{port}/film.mp4"):
            outcome = command(source, tmp_path / "out" / "film.mp4")
            assert outcome.code == 2
            with pytest.raises(BlockingIOError):
                listener.accept()
    assert nothing_left(tmp_path / "out")


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_titles_do_not_steer_the_terminal(suffix: str, command: Command, tmp_path: Path) -> None:
    film = films.steers_a_terminal(tmp_path / "film.mkv")
    film = film.rename(tmp_path / f"a{films.ESCAPES}.mkv")
    (tmp_path / "out").mkdir()
    target = tmp_path / "out" / f"b{films.ESCAPES}{suffix}"
    told = [command.run("info", str(film)), command.run("shots", str(film))]
    told += [command(film, target, "--no-smooth"), command(film, target, "-v")]
    told += [command(tmp_path / f"no{films.ESCAPES}.mkv", target)]
    assert [outcome.code for outcome in told[2:]] == [0 if suffix == ".mkv" else 3, 2, 2]
    for outcome in told:
        words = outcome.out + outcome.err
        assert [c for c in words if not c.isprintable() and c != "\n"] == []
    assert "owned" in told[0].out
    assert nothing_left(target.parent, target)
