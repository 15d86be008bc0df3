"""The process that makes previews: asked, waited for, replaced when it hangs or dies."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from fractions import Fraction
from pathlib import Path

import av
import pytest
from synthetic import texture

from vidcolor.core import purposes
from vidcolor.errors import FilmError, PreviewProcessDied
from vidcolor.media.images.files import write_rgb
from vidcolor.settings import ScriptSettings
from vidcolor.web import preview_worker as looker
from vidcolor.web.library import Film
from vidcolor.web.options import PURPOSES, SAME, Choice
from vidcolor.web.preview_client import LATER, Worker
from vidcolor.web.preview_worker import answer
from vidcolor.web.shot_scanner import ShotScanner

STAND_IN = """
import json, os, sys, time
for line in sys.stdin:
    asked = json.loads(line)
    if asked["do"] == "die":
        os._exit(1)
    if asked["do"] == "hang":
        time.sleep(60)
    if asked["do"] == "refuse":
        print(json.dumps({"error": "the film cannot be read"}), flush=True)
        continue
    if asked["do"] == "slow":
        time.sleep(0.3)
    print(json.dumps({"ok": asked | {"pid": os.getpid(), "long": "x" * 200_000}}), flush=True)
"""


@pytest.fixture
def hire(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Worker]]:
    """``hire(patience=)``: a worker whose process is the stand-in."""
    (tmp_path / "stand_in.py").write_text(STAND_IN)
    here = str(Path(__file__).parents[2])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), here]))
    hired: list[Worker] = []

    def make(patience: float = 20) -> Worker:
        hired.append(Worker(tmp_path, patience=patience, words=("stand_in",)))
        return hired[-1]

    yield make
    for worker in hired:
        worker.close()


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_it_answers_and_stays_the_same_process(hire: Callable[..., Worker]) -> None:
    worker = hire()
    first = worker.ask("say", word="é<script>").result(20)
    assert first["word"] == "é<script>"
    assert worker.ask("say").result(20)["pid"] == first["pid"]
    with pytest.raises(FilmError, match="the film cannot be read"):
        worker.ask("refuse").result(20)
    assert worker.ask("say").result(20)["pid"] == first["pid"]


def test_what_the_person_waits_for_comes_first(hire: Callable[..., Worker]) -> None:
    worker, order = hire(), []
    asked = [("slow", LATER), ("b", LATER), ("c", LATER), ("now", 0)]
    futures = [
        worker.ask("slow" if name == "slow" else "say", urgency, name=name)
        for name, urgency in asked
    ]
    for future in futures:
        future.add_done_callback(lambda done: order.append(done.result()["name"]))
    for future in futures:
        future.result(20)
    assert order.index("now") < order.index("b") < order.index("c")


def test_one_that_dies_is_replaced(hire: Callable[..., Worker]) -> None:
    worker = hire()
    first = worker.ask("say").result(20)["pid"]
    with pytest.raises(PreviewProcessDied, match="failed on"):
        worker.ask("die").result(20)
    second = worker.ask("say").result(20)["pid"]
    assert second != first
    assert not alive(first)


def test_one_that_hangs_is_killed_and_replaced(hire: Callable[..., Worker]) -> None:
    worker = hire(patience=1.5)
    first = worker.ask("say").result(20)["pid"]
    with pytest.raises(PreviewProcessDied, match="too long"):
        worker.ask("hang").result(20)
    assert not alive(first)
    assert worker.ask("say").result(20)["pid"] != first


def test_it_closes_at_once_whatever_it_does(hire: Callable[..., Worker]) -> None:
    worker = hire()
    pid = worker.ask("say").result(20)["pid"]
    hangs, waits = worker.ask("hang"), worker.ask("say")
    time.sleep(0.1)
    began = time.monotonic()
    worker.close()
    assert time.monotonic() - began < 1
    assert not alive(pid)
    with pytest.raises(PreviewProcessDied):
        hangs.result(0)
    with pytest.raises(CancelledError):
        waits.result(0)


def test_who_asks_after_it_was_closed_is_told_so(hire: Callable[..., Worker]) -> None:
    worker = hire()
    stop, answers = threading.Event(), []

    def ask() -> None:
        while not stop.is_set():
            answers.append(worker.ask("say"))
            time.sleep(0.001)

    thread = threading.Thread(target=ask)
    thread.start()
    time.sleep(0.05)
    worker.close()
    time.sleep(0.05)
    stop.set()
    thread.join()
    assert all(answer.done() for answer in answers)
    assert answers[-1].cancelled()


def test_what_nobody_waits_for_any_more_makes_room(
    hire: Callable[..., Worker], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The real process, with work that never ends by itself and looks up between its steps.
    (tmp_path / "endless.py").write_text(
        "import time\nfrom vidcolor.web import preview_worker as looker\n"
        "def endless():\n    while True:\n        looker.WISH.check()\n        time.sleep(0.01)\n"
        "looker.WORK['endless'] = endless\nlooker.WORK['say'] = lambda: {}\nlooker.main()\n"
    )
    worker = Worker(tmp_path, patience=30, words=("endless",))
    try:
        first, waits = worker.ask("endless"), worker.ask("endless")
        worker.ask("endless").give_up()
        while not first.running():
            time.sleep(0.01)
        next_one = worker.ask("say")
        waits.give_up()
        began = time.monotonic()
        first.give_up()
        assert next_one.result(20) == {}
        assert time.monotonic() - began < 10
        with pytest.raises(FilmError, match="no longer needed"):
            first.result(0)
        assert waits.cancelled()
        assert worker.ask("say").result(20) == {}  # what was given up is not the next one's matter
    finally:
        worker.close()


def test_a_preview_is_given_up_between_two_frames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = Path(__file__).parents[2] / "samples" / "newsreel.mp4"
    looks = []

    def check() -> None:
        looks.append(1)
        if len(looks) == 3:
            raise looker.GivenUp

    monkeypatch.setattr(looker.WISH, "check", check)
    words = {"path": str(sample), "moment": "5", "height": 90}
    found = asked(do="frame", target=str(tmp_path / "a.jpg"), **words)
    assert found == {"error": "this preview is no longer needed"}
    assert list(tmp_path.iterdir()) == []
    found = asked(do="frame", target=str(tmp_path / "a.jpg"), **words)
    assert "ok" in found
    assert [path.name for path in tmp_path.iterdir()] == ["a.jpg"]


def test_a_photograph_is_looked_into_like_a_film(tmp_path: Path, quick_weights: Path) -> None:
    photo = tmp_path / "photo.png"
    write_rgb((texture(3, 48, 64) * 255).byte().expand(3, -1, -1), photo)
    found = asked(do="facts", path=str(photo))["ok"]
    assert isinstance(found, dict)
    assert (found["picture"], found["width"], found["height"]) == (True, 64, 48)
    before, after = tmp_path / "before.jpg", tmp_path / "after.jpg"
    choice = Choice(weights=str(quick_weights), device="cpu").plain()
    words = {"path": str(photo), "moment": "1/50"}
    found = asked(do="still", before=str(before), after=str(after), choice=choice, **words)
    assert found == {"ok": {"seconds": "0", "neutral": ""}}
    assert before.stat().st_size
    assert after.stat().st_size


def asked(**words: object) -> dict[str, object]:
    return answer(json.dumps(words).encode())


def test_facts_of_a_film() -> None:
    sample = Path(__file__).parents[2] / "samples" / "newsreel.mp4"
    found = asked(do="facts", path=str(sample))["ok"]
    assert isinstance(found, dict)
    assert (found["width"], found["height"], found["rate"]) == (480, 360, "24")
    assert (found["sound"], found["subtitles"]) == (1, 1)
    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ({"do": "facts", "path": "missing.mp4"}, "no such file"),
        ({"do": "facts", "path": __file__}, "not a media file"),
        (
            {
                "do": "still",
                "path": "x.mp4",
                "moment": "0",
                "choice": {"saturation": 9},
                "before": "b",
                "after": "a",
            },
            "--saturation 9 is outside",
        ),
        ({"do": "nets", "weights": "nowhere"}, "nowhere"),
        ({"do": "warm", "choice": {"weights": "nowhere"}}, "nowhere"),
        ({"do": "unknown"}, "unexpected KeyError"),
    ],
)
def test_what_cannot_be_answered_is_one_line(words: dict[str, object], line: str) -> None:
    found = asked(**words)
    assert set(found) == {"error"}
    assert line in str(found["error"])
    assert "\n" not in str(found["error"])


def test_a_line_that_is_no_json_is_answered_too() -> None:
    assert "unexpected JSONDecodeError" in str(answer(b"{\n")["error"])


def test_shots_are_found_in_a_process_of_their_own(tmp_path: Path) -> None:
    with av.open(tmp_path / "film.mkv", "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "gray"
        for seed in (3, 4, 5):
            luma = (texture(seed, 48, 64) * 219 + 16).byte().numpy()
            for _ in range(10):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(luma, "gray")))
        container.mux(stream.encode(None))
    film, broken = Film("a", tmp_path / "film.mkv", "a.mkv"), Film("b", Path(__file__), "x.mp4")
    study = ShotScanner(tmp_path)
    assert study.of(film).starts == []
    study.begin(broken)
    study.begin(film)
    end = time.monotonic() + 40
    while not study.of(film).finished:
        assert time.monotonic() < end
        time.sleep(0.05)
    starts = study.of(film).starts
    study.begin(film)  # is known already
    assert study.of(film).starts == starts
    study.close()
    assert starts == [0, Fraction(2, 5), Fraction(4, 5)]
    assert study.of(broken).over
    assert not study.of(broken).finished


def test_a_choice_is_in_range() -> None:
    for words in (
        *({"saturation": 5.0}, {"size": 100}, {"vivid": 1.1}, {"smooth": float("nan")}),
        {"titles": "none"},
        {"script": "none"},
        {"purpose": "cinema"},
    ):
        with pytest.raises(ValueError, match=r"outside|multiple|no --titles|no --script|no --for"):
            Choice(**words)
    assert Choice().settings().colorizer.vivid is None
    assert Choice(vivid=0.6).settings().colorizer.vivid == 0.6
    assert Choice(smooth=0.9).unsteadied() == Choice(smooth=0.0)


def test_a_choice_tells_what_is_done_with_cards() -> None:
    assert Choice().settings().titles.cards == "auto"
    assert Choice().told() == "default settings"
    assert not [word for word in Choice().words() if "titles" in word]
    for cards, told in (("keep", "keep gray"), ("color", "color")):
        choice = Choice(titles=cards)
        assert choice.settings().titles.cards == cards
        assert f"--titles={cards}" in choice.words()
        assert choice.told() == f"title cards: {told}"


def test_a_choice_may_leave_out_the_label() -> None:
    assert Choice().settings().output.label
    assert "--no-label" not in Choice().words()
    bare = Choice(label=False)
    assert not bare.settings().output.label
    assert "--no-label" in bare.words()
    assert bare.told() == "without a label"
    assert bare.plain() == Choice().plain()  # frames on the page are the same


def test_a_choice_may_be_for_a_purpose() -> None:
    assert set(PURPOSES) == {SAME, *purposes.PURPOSES}
    assert not [word for word in Choice().words() if word.startswith("--for")]
    for purpose in purposes.PURPOSES:
        choice = Choice(purpose=purpose)
        assert f"--for={purpose}" in choice.words()
        assert choice.told() == f"save for: {PURPOSES[purpose]}"
        # A frame, a stretch that is played and a picture have none.
        assert choice.plain() == Choice().plain()
        assert choice.unscripted().words() == Choice().unscripted().words()
        assert choice.for_picture() == Choice()


def test_a_choice_tells_whether_the_film_gets_one_palette() -> None:
    assert Choice().settings().script == ScriptSettings()
    assert "palette" not in Choice().told()
    for script, told in (("auto", "on"), ("off", "off")):
        choice = Choice(script=script)
        assert choice.settings().script == ScriptSettings(script)
        assert f"--script={script}" in choice.words()
        usual = script == ScriptSettings().make
        assert choice.told() == (
            "default settings" if usual else f"one palette for the whole film: {told}"
        )
        # A frame by itself is the same with it and without: the preview process keeps what it has.
        assert choice.plain() == Choice().plain()
