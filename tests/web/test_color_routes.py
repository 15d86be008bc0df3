"""What the page says of colors: into the sheet at once, checked, and out again."""

from __future__ import annotations

import io
import zipfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="needs pip install 'vidcolor[web]'")
import httpx
from web_desk import DIALS, asked_for, open_video, run

from vidcolor.guidance.sheet_file import parse_sheet
from vidcolor.web.color_edits import color_name
from vidcolor.web.session import ServerSession
from vidcolor.web.shot_scanner import Shots

SHOTS = Shots([Fraction(0), Fraction(4), Fraction(9)], Fraction(9), over=True, finished=True)
POINT = {"do": "hint", "frame": 50, "point": [[0.4, 0.5]], "color": "navy", "name": "coat"}


@pytest.fixture
def cut(desk: ServerSession, monkeypatch: pytest.MonkeyPatch) -> ServerSession:
    """A desk that knows the shots of its films, which have 25 frames a second."""
    monkeypatch.setattr(desk.study, "of", lambda _film: SHOTS)
    return desk


async def say(page: httpx.AsyncClient, film: str, said: object, frame: int = 50) -> dict[str, Any]:
    """What the sheet is after an edit."""
    answer = await page.post(f"/vidcolor/films/{film}/colors?frame={frame}", json=said)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_a_place_gets_a_color_another_one_a_name_and_goes_again(cut: ServerSession) -> None:
    async def play(page: httpx.AsyncClient) -> None:
        film = (await open_video(page))["film"]
        state = await say(page, film, POINT | {"width": 0.05})
        (hint,) = state["hints"]
        assert (hint["frame"], hint["kind"], hint["points"]) == (50, "point", [[0.4, 0.5]])
        assert (hint["hex"], hint["name"], hint["width"]) == ("#000080", "coat", 0.05)
        written = parse_sheet(state["text"]).hints
        assert [one.time for one in written] == [2]
        state = await say(page, film, {"do": "change", "number": 1, "color": "gray"})
        state = await say(page, film, {"do": "change", "number": 1, "name": "hat"})
        assert [(one["color"], one["name"]) for one in state["hints"]] == [("gray", "hat")]
        line = {"do": "hint", "frame": 60, "stroke": [[0, 0], [0.5, 0.5]], "color": "auto"}
        area = {"do": "hint", "frame": 61, "polygon": [[0, 0], [1, 0], [1, 1]], "color": "#123456"}
        await say(page, film, line)
        state = await say(page, film, area)
        assert [(one["kind"], one["hex"]) for one in state["hints"][1:]] == [
            ("stroke", ""),
            ("polygon", "#123456"),
        ]
        state = await say(page, film, {"do": "remove", "kind": "hint", "numbers": [1, 3]})
        assert [one["kind"] for one in state["hints"]] == ["stroke"]
        state = await say(page, film, {"do": "undo"})
        assert (len(state["hints"]), state["undo"], state["redo"]) == (3, True, True)
        state = await say(page, film, {"do": "redo"})
        assert len(state["hints"]) == 1

    run(cut, play)


@pytest.mark.parametrize(
    ("said", "status", "line"),
    [
        (POINT | {"point": [[1.4, 0.5]]}, 422, "outside the picture"),
        (POINT | {"color": "navyish"}, 422, "no color"),
        (POINT | {"color": "@coat"}, 422, "coat"),
        (POINT | {"width": 0}, 422, "covers nothing"),
        (POINT | {"width": "nan"}, 422, "outside 0 to 1"),
        (POINT | {"frame": "inf"}, 404, "reload"),
        (POINT | {"point": [[0.4]]}, 404, "reload"),
        (POINT | {"stroke": [[0, 0], [1, 1]]}, 404, "reload"),
        (POINT | {"name": "x" * 101}, 404, "too long"),
        ({"do": "hint"}, 404, "reload"),
        ({"do": "nothing"}, 404, "reload"),
        ({"do": "change", "number": 7, "color": "red"}, 422, "no hint 7"),
        ({"do": "change", "number": 7, "name": "red"}, 404, "reload"),
        ({"do": "remove", "kind": "film", "numbers": [1]}, 404, "reload"),
        ({"do": "save", "name": " ", "color": "red"}, 404, "needs a name"),
        ({"do": "save", "name": "coat", "color": "auto"}, 422, "a color of its own"),
        ({"do": "dials", "frame": 5, "dials": {"vivid": 2}}, 422, "outside 0 to 1"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line_and_nothing_is_written(
    said: dict[str, Any], status: int, line: str, cut: ServerSession
) -> None:
    async def play(page: httpx.AsyncClient) -> None:
        film = (await open_video(page))["film"]
        answer = await page.post(f"/vidcolor/films/{film}/colors", json=said)
        assert (answer.status_code, line in answer.json()["error"]) == (status, True), answer.text
        assert "\n" not in answer.json()["error"]
        state = (await page.get(f"/vidcolor/films/{film}/colors")).json()
        assert (state["text"], state["undo"]) == ("", False)

    run(cut, play)


def test_a_shot_has_dials_of_its_own_until_they_are_taken_away(cut: ServerSession) -> None:
    async def play(page: httpx.AsyncClient) -> None:
        film = (await open_video(page))["film"]
        dials = {"vivid": 0.3, "saturation": None, "smooth": None, "keep_gray": True}
        state = await say(page, film, {"do": "dials", "frame": 120, "dials": dials}, frame=120)
        (stretch,) = parse_sheet(state["text"]).stretches
        assert (stretch.start, stretch.end, stretch.vivid, stretch.keep_gray) == (4, 9, 0.3, True)
        assert state["stretches"] == [{"from": 100, "to": 224}]
        assert state["shot"] == {"known": True, "dials": dials}
        other = (await page.get(f"/vidcolor/films/{film}/colors?frame=5")).json()
        assert set(other["shot"]["dials"].values()) == {None}
        state = await say(page, film, {"do": "dials", "frame": 130, "dials": {"smooth": 0.5}})
        (stretch,) = parse_sheet(state["text"]).stretches
        assert (stretch.vivid, stretch.smooth, stretch.keep_gray) == (None, 0.5, None)
        state = await say(page, film, {"do": "dials", "frame": 100, "dials": {}})
        assert parse_sheet(state["text"]).stretches == ()

    run(cut, play)


def test_a_first_sheet_gets_the_dials_in_its_own_stretches(cut: ServerSession) -> None:
    text = '[[stretch]]\nname = "a"\nto = 4\n\n[[stretch]]\nname = "b"\nfrom = 4\nto = 9\n'

    async def play(page: httpx.AsyncClient) -> None:
        film = (await open_video(page))["film"]
        state = (await page.post(f"/vidcolor/films/{film}/colors/sheet", content=text)).json()
        assert state["stretches"] == []
        said = {"do": "dials", "frame": 120, "dials": {"saturation": 0.5}}
        state = await say(page, film, said)
        assert state["text"] == text.rstrip() + "\nsaturation = 0.5\n"
        assert state["stretches"] == [{"from": 100, "to": 224}]
        state = await say(page, film, said | {"dials": {}})
        assert state["text"] == text

    run(cut, play)


def test_a_shot_without_a_known_end_has_no_dials_yet(
    desk: ServerSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk.study, "of", lambda _film: Shots([Fraction(0), Fraction(4)]))

    async def play(page: httpx.AsyncClient) -> None:
        film = (await open_video(page))["film"]
        known = [
            (await page.get(f"/vidcolor/films/{film}/colors?frame={frame}")).json()["shot"]["known"]
            for frame in (50, 150)
        ]
        assert known == [True, False]
        said = {"do": "dials", "frame": 150, "dials": {"vivid": 0.2}}
        answer = await page.post(f"/vidcolor/films/{film}/colors", json=said)
        assert "not known yet" in answer.json()["error"]

    run(desk, play)


def test_named_colors_are_used_changed_and_cannot_go_while_they_are_used(
    cut: ServerSession,
) -> None:
    async def play(page: httpx.AsyncClient) -> None:
        film = (await open_video(page))["film"]
        await say(page, film, {"do": "save", "name": "market  awning", "color": "#b22222"})
        state = await say(page, film, POINT | {"color": "@market awning"})
        assert state["saved"] == [{"name": "market awning", "hex": "#b22222", "color": "#b22222"}]
        state = await say(page, film, {"do": "save", "name": "market awning", "color": "teal"})
        assert state["hints"][0]["hex"] == "#008080"
        gone = {"do": "save", "name": "market awning", "color": None}
        answer = await page.post(f"/vidcolor/films/{film}/colors", json=gone)
        assert answer.status_code == 422
        assert "market awning" in answer.json()["error"]

    run(cut, play)


def test_a_sheet_comes_in_checked_and_goes_out_as_it_is(cut: ServerSession) -> None:
    async def play(page: httpx.AsyncClient) -> None:
        film = (await open_video(page))["film"]
        place = f"/vidcolor/films/{film}/colors"
        text = '# of the museum\n[[hint]]\ntime = 3\npoint = [0.1, 0.2]\ncolor = "teal"\n'
        wrong = await page.post(f"{place}/sheet", content=text.replace("teal", "teel"))
        assert (wrong.status_code, ":5:" in wrong.json()["error"]) == (422, True)
        assert "a.colors.toml" in wrong.json()["error"]
        unfit = await page.post(f"{place}/sheet", content=f"# refused\n{text}")
        assert (unfit.status_code, unfit.json()["error"]) == (422, "it does not fit")
        latin = await page.post(f"{place}/sheet", content="# na\xefve".encode("latin-1"))
        assert "UTF-8" in latin.json()["error"]
        large = await page.post(f"{place}/sheet", content=b"#" * ((4 << 20) + 1))
        assert large.status_code == 404
        assert (await page.get(place)).json()["text"] == ""
        state = (await page.post(f"{place}/sheet", content=text)).json()
        assert state["hints"][0]["frame"] == 75
        answer = await page.get(f"{place}/sheet")
        assert answer.text == text
        assert "a.colors.toml" in answer.headers["content-disposition"]

    run(cut, play)


def test_references_are_images_of_the_page_and_go_out_with_the_sheet(cut: ServerSession) -> None:
    async def play(page: httpx.AsyncClient) -> None:
        film = (await open_video(page))["film"]
        place = f"/vidcolor/films/{film}/colors"
        add = f"{place}/images?name=coat.png"
        state = (await page.post(f"{add}&use=frame&frame=50", content=b"png")).json()
        assert state["references"] == [{"number": 1, "image": "coat.png", "frame": 50}]
        state = (await page.post(f"{add}&use=look", content=b"png")).json()
        assert [one["frame"] for one in state["references"]] == [50, None]
        shown = await page.get(f"{place}/images?name=coat.png")
        assert (shown.content, shown.headers["content-type"]) == (b"png", "image/png")
        for name in ("../../../films/a.mp4", "/etc/passwd", "a.colors.toml"):
            answer = await page.get(f"{place}/images", params={"name": name})
            assert answer.status_code == 404
        for name in ("page.svg", "page.html"):
            answer = await page.post(f"{place}/images", params={"name": name}, content=b"<svg/>")
            assert answer.status_code == 404
        packed = (await page.get(f"{place}/sheet")).content
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            assert sorted(archive.namelist()) == ["a.colors.toml", "coat.png"]

    run(cut, play)


def test_painting_and_suggesting_ask_the_worker_once(cut: ServerSession, tmp_path: Path) -> None:
    async def play(page: httpx.AsyncClient) -> None:
        film = (await open_video(page))["film"]
        here = f"/vidcolor/films/{film}/50"
        found = (await page.post(f"{here}/paint", json={"dials": DIALS})).json()
        assert (await page.get("/" + found["after"])).content == b"picture"
        said = {"dials": DIALS, "point": [0.5, 0.5]}
        likely = (await page.post(f"{here}/suggest", json=said)).json()
        own = {"color": "#000081", "light": "#5050ff", "share": 1.0, "name": "navy"}
        assert likely["colors"] == [own]
        for wrong in ([0.5], [2, 0], None, "ab"):
            answer = await page.post(f"{here}/suggest", json=said | {"point": wrong})
            assert answer.status_code == 404
        # With something said, the preview is the painter's, too.
        await say(page, film, POINT)
        await page.post(f"{here}/color", json={"dials": DIALS, "smoothed": True})

    run(cut, play)
    assert [asked_for(tmp_path, do) for do in ("paint", "suggest", "still")] == [2, 1, 0]


def test_a_job_takes_the_sheet_as_it_is_when_it_begins(cut: ServerSession) -> None:
    async def play(page: httpx.AsyncClient) -> None:
        film = (await open_video(page))["film"]
        begin = {"film": film, "dials": DIALS}
        await page.post("/vidcolor/jobs", json=begin)
        await say(page, film, POINT)
        await page.post("/vidcolor/jobs", json=begin)
        await say(page, film, {"do": "change", "number": 1, "color": "red"})

    run(cut, play)
    plain, colored = cut.queue.jobs()
    assert "--colors" not in plain.words()
    copy = Path(colored.words()[colored.words().index("--colors") + 1])
    assert copy.is_relative_to(colored.folder)
    assert [one.color for one in parse_sheet(copy.read_text()).hints] == ["navy"]


def test_a_stretch_to_play_holds_what_is_said_of_its_shot(cut: ServerSession) -> None:
    async def play(page: httpx.AsyncClient) -> None:
        film = (await open_video(page))["film"]
        await say(page, film, POINT | {"frame": 105})
        said = {"dials": DIALS, "seconds": 2}
        job = (await page.post(f"/vidcolor/films/{film}/200/play", json=said)).json()
        assert job["id"]
        for seconds in (0, -1, "nan", None, 1000):
            answer = await page.post(
                f"/vidcolor/films/{film}/200/play", json=said | {"seconds": seconds}
            )
            assert answer.status_code == 404
        assert (await page.get("/vidcolor/plays/nothing/film.mp4")).status_code == 404

    run(cut, play)
    (job,) = cut.colors.plays.jobs()
    words = job.words()
    start, end = (float(words[words.index(word) + 1]) for word in ("--start", "--end"))
    assert (start, end) == (4.2, 9.0)
    assert job.target.suffix == ".mp4"


def test_a_job_labels_its_file_unless_the_page_says_no(cut: ServerSession) -> None:
    async def play(page: httpx.AsyncClient) -> None:
        film = (await open_video(page))["film"]
        for dials in (DIALS, DIALS | {"label": True}, DIALS | {"label": False}):
            await page.post("/vidcolor/jobs", json={"film": film, "dials": dials})
        said = {"film": film, "dials": DIALS | {"label": "no"}}
        assert (await page.post("/vidcolor/jobs", json=said)).status_code == 404

    run(cut, play)
    assert ["--no-label" in job.words() for job in cut.queue.jobs()] == [False, False, True]


def test_one_palette_is_for_whole_films_alone(cut: ServerSession) -> None:
    dials = DIALS | {"script": "auto"}

    async def play(page: httpx.AsyncClient) -> None:
        film = (await open_video(page))["film"]
        await page.post("/vidcolor/jobs", json={"film": film, "dials": dials})
        off = DIALS | {"script": "off"}
        await page.post("/vidcolor/jobs", json={"film": film, "dials": off})
        await page.post(f"/vidcolor/films/{film}/200/play", json={"dials": dials, "seconds": 2})
        cut.opened(film).facts["picture"] = True
        await page.post("/vidcolor/jobs", json={"film": film, "dials": off})
        said = {"film": film, "dials": DIALS | {"script": "none"}}
        assert (await page.post("/vidcolor/jobs", json=said)).status_code == 422

    run(cut, play)
    film, alone, picture = cut.queue.jobs()
    assert "--script=auto" in film.words()
    assert "--script=off" in alone.words()
    assert "palette" not in picture.choice.told()
    (play_job,) = cut.colors.plays.jobs()
    assert "--script=off" in play_job.words()


def test_a_film_that_is_removed_takes_its_sheet_along(cut: ServerSession) -> None:
    async def play(page: httpx.AsyncClient) -> None:
        film = (await page.post("/vidcolor/films?name=reel.mp4", content=b"12345")).json()["film"]
        await page.post("/vidcolor/open", json={"film": film})
        await say(page, film, POINT)
        assert (cut.private / "colors" / film / "reel.colors.toml").is_file()
        await page.post(f"/vidcolor/films/{film}/remove")
        assert not (cut.private / "colors" / film).exists()
        assert (await page.get(f"/vidcolor/films/{film}/colors")).status_code == 404

    run(cut, play)


@pytest.mark.parametrize(
    ("code", "name"), [("#000081", "navy"), ("#fefefe", "white"), ("#d2b48c", "tan")]
)
def test_colors_have_names_for_those_who_do_not_see_them(code: str, name: str) -> None:
    assert color_name(code) == name
