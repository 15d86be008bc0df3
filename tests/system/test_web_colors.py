"""Colors set on the page as a person sets them: a coat is navy in every frame of its shot."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from browsing import Serving, Visit, press, start_server
from synthetic import texture

from vidcolor.color.lab import rgb_to_lab
from vidcolor.guidance.types import ColorSheet
from vidcolor.nets.weights import available_weights

WIDTH, HEIGHT, RATE = 160, 120, 25
SHOTS = (16, 10)
COAT, DOOR = (0.3, 0.6), (0.8, 0.45)
"""Places of the two gray things at the beginning of their shot."""


def write_film(path: Path, lengths: Sequence[int], put: Callable[..., None]) -> Path:
    """A film of shots with a wall each; ``put(view, shot, number)`` puts things before it."""
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"crf": "12"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for shot, length in enumerate(lengths):
            wall = texture(30 + shot, HEIGHT, WIDTH).numpy() * 90 + 130
            for number in range(length):
                view = wall.copy()
                put(view, shot, number)
                luma = view.clip(16, 235).astype(np.uint8)
                planes = np.vstack([luma, np.full((HEIGHT // 2, WIDTH), 128, np.uint8)])
                container.mux(stream.encode(av.VideoFrame.from_ndarray(planes, "yuv420p")))
        container.mux(stream.encode(None))
    return path


def put_person(view: np.ndarray, left: int, luma: int) -> None:
    """A coat, and a face above it."""
    view[50:110, left : left + 30] = luma + 6 * texture(9, 60, 30).numpy()
    view[34:50, left + 8 : left + 22] = 205


def put_buttoned_coat(view: np.ndarray, left: int) -> None:
    """A dark coat with white buttons."""
    put_person(view, left, 40)
    view[60:104:8, left + 13 : left + 17] = 230


def make_film(path: Path) -> Path:
    """A coat that walks past a door of nearly the same gray; then another place."""

    def put(view: np.ndarray, shot: int, number: int) -> None:
        if not shot:
            view[25:90, 112:146] = 96
            put_person(view, 34 + number // 2, 90)

    return write_film(path, SHOTS, put)


def make_returning_film(path: Path) -> Path:
    """A dark coat with white buttons in the first shot of four, and in the third."""

    def put(view: np.ndarray, shot: int, number: int) -> None:
        if shot in (0, 2):
            put_buttoned_coat(view, (34, 0, 90)[shot] + number // 2)

    return write_film(path, (16, 12, 12, 12), put)


def make_mixed_film(path: Path) -> Path:
    """The dark coat in the first shot of four and in the third; two others have nothing alike."""

    def put(view: np.ndarray, shot: int, number: int) -> None:
        down, across = np.mgrid[:HEIGHT, :WIDTH]
        if shot == 1:
            view[:] = 30 + 180 * (across // 8 % 2)
        elif shot == 3:
            view[:] = np.where(np.hypot(down - 60, across - 80 - number) < 40, 220, 20)
        else:
            put_buttoned_coat(view, (34, 0, 90)[shot] + number // 2)

    return write_film(path, (16, 12, 12, 12), put)


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server with weights that take hints."""
    pytest.importorskip("gradio", reason="needs pip install 'vidcolor[web]'")
    weights = available_weights()
    guided = {info.guides for info in weights.values()}
    names = [name for name in ("mini", "default") if weights[name].sha256 in guided]
    if not names:
        pytest.skip("no weights that ship take hints")
    room = tmp_path_factory.mktemp("room")
    server = start_server(["serve", "--weights", names[0], "--device", "cpu"], room)
    yield server
    if server.process.poll() is None:
        server.end()


class Easel:
    """The part of the page in which colors are set."""

    def __init__(self, visit: Visit) -> None:
        self.page = visit.page
        self.page.click("#tab-paint")
        self.wait("0")

    def wait(self, seen: str | None) -> None:
        """Waits until the frame was painted once more."""
        self.page.wait_for_function(
            "seen => Number(document.querySelector('#easel .shown').dataset.painted || 0) > seen",
            arg=int(seen or 0),
        )

    def painted(self, act: Any) -> None:
        """Does something, and waits until it can be seen."""
        seen = self.page.get_attribute("#easel .shown", "data-painted")
        act()
        self.wait(seen)

    def click(self, place: tuple[float, float]) -> None:
        """Clicks a place of the picture; waits for what the net suggests there."""
        self.page.locator('#easel .shown[aria-busy="false"]').wait_for()
        box = self.page.locator("#easel .shown").bounding_box()
        x, y = box["x"] + place[0] * box["width"], box["y"] + place[1] * box["height"]
        self.page.mouse.click(x, y)
        self.page.locator("#easel .swatch").first.wait_for()

    def color(self, place: tuple[float, float]) -> tuple[float, float]:
        """a* and b* that the canvas shows."""
        code = self.page.evaluate(
            """([x, y]) => { const shown = document.querySelector('#easel .shown');
            return [...shown.getContext('2d').getImageData(
              Math.round(x * shown.width), Math.round(y * shown.height), 1, 1).data] }""",
            list(place),
        )
        return ab_of(np.array(code[:3], np.uint8).reshape(1, 1, 3))


def ab_of(rgb: np.ndarray) -> tuple[float, float]:
    """Mean a* and b* of ``(H, W, 3)`` uint8."""
    lab = rgb_to_lab(torch.from_numpy(rgb.copy()).permute(2, 0, 1) / 255)
    a, b = lab[1:].flatten(1).mean(1).tolist()
    return a, b


def check_coat(result: Path) -> None:
    """The coat is navy in each frame of its shot, and the door is not."""
    with av.open(result) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(frames) == sum(SHOTS)
    for number, frame in enumerate(frames[: SHOTS[0]]):
        left = 34 + number // 2
        coat, door = ab_of(frame[60:100, left + 6 : left + 24]), ab_of(frame[35:80, 120:140])
        assert coat[1] < -18, (number, coat)
        assert door[1] > coat[1] + 12, (number, coat, door)
    for frame in frames[SHOTS[0] :]:
        assert ab_of(frame)[1] > -8


@pytest.mark.slow
def test_from_an_empty_page_to_a_film_with_a_navy_coat(
    serving: Serving, browser: Any, tmp_path: Path
) -> None:
    film = make_film(tmp_path / "street.mp4")
    visit = Visit(browser, serving.address)
    page = visit.page
    page.set_input_files("#choose input[type=file]", film)
    visit.settled()
    page.wait_for_function("document.querySelectorAll('.strip button').length === 2")
    page.fill("#frame input[type=number]", "0")
    page.press("#frame input[type=number]", "Enter")
    easel = Easel(visit)
    assert easel.color(COAT)[1] > -15

    easel.click(COAT)
    names = page.locator("#easel .swatch").evaluate_all("all => all.map(one => one.ariaLabel)")
    assert 1 <= len(names) <= 10
    assert all("#" in name for name in names)
    page.fill("#easel .thing", "coat")
    page.fill("#easel [type=color]", "#000080")
    easel.painted(lambda: page.get_by_role("button", name="Use it").click())
    assert easel.color(COAT)[1] < -18
    easel.painted(lambda: page.get_by_role("button", name="Undo").click())
    assert easel.color(COAT)[1] > -15
    easel.painted(lambda: page.keyboard.press("Control+y"))
    assert easel.color(COAT)[1] < -18
    # The door gets its gray by keyboard alone.
    page.get_by_role("application").focus()
    for key in ["Shift+ArrowRight"] * 5 + ["Shift+ArrowUp", "ArrowUp", "Enter"]:
        page.keyboard.press(key)
    page.locator("#easel .swatch").first.wait_for()
    easel.painted(lambda: page.get_by_role("button", name="Gray", exact=True).press("Enter"))
    assert page.locator(".hints li").count() == 2
    first = page.locator(".strip button").first
    assert str(first.get_attribute("aria-label")).endswith("colors set")
    last = page.locator(".strip button").last
    assert not str(last.get_attribute("aria-label")).endswith("colors set")

    with page.expect_download() as coming:
        page.get_by_role("link", name="Download", exact=True).click()
    assert coming.value.suggested_filename == "street.colors.toml"
    coming.value.save_as(tmp_path / "street.colors.toml")
    hints = ColorSheet.read(tmp_path / "street.colors.toml").hints
    assert [(hint.name, hint.color, hint.time) for hint in hints] == [
        ("coat", "#000080", 0),
        ("", "gray", 0),
    ]

    page.click("#go")
    visit.job().wait_for()
    assert "with your colors" in visit.job().inner_text()
    with page.expect_download() as coming:
        press(visit.job(), "Download").click()
    coming.value.save_as(tmp_path / "result.mp4")
    check_coat(tmp_path / "result.mp4")
    assert visit.complaints == []


@pytest.mark.slow
def test_a_stretch_is_played_and_a_sheet_comes_back_in(
    serving: Serving, browser: Any, tmp_path: Path
) -> None:
    visit = Visit(browser, serving.address)
    page = visit.page
    page.set_input_files("#choose input[type=file]", make_film(tmp_path / "lane.mp4"))
    visit.settled()
    easel = Easel(visit)
    page.wait_for_function("document.querySelectorAll('.strip button').length === 2")
    sheet = tmp_path / "lane.colors.toml"
    sheet.write_text('[[hint]]\ntime = 0.2\npoint = [0.3, 0.6]\ncolor = "nosuch"\n')
    page.set_input_files("#said-sheet input[type=file]", sheet)
    page.locator("#said-sheet .problem", has_text="lane.colors.toml:4").wait_for()
    sheet.write_text(sheet.read_text().replace("nosuch", "teal"))
    easel.painted(lambda: page.set_input_files("#said-sheet input[type=file]", sheet))
    page.locator(".hints li", has_text="teal").wait_for()
    page.fill(".play input[type=number]", "1")
    page.get_by_role("button", name="Play in color").click()
    page.wait_for_function("document.querySelector('#said video').videoWidth > 0")
    # The page is for telephones, too.
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    visit.complaints = [line for line in visit.complaints if "422" not in line]
    assert visit.complaints == []


@pytest.mark.slow
def test_a_coat_is_found_in_another_shot_and_kept_by_one_key(
    serving: Serving, browser: Any, tmp_path: Path
) -> None:
    visit = Visit(browser, serving.address)
    page = visit.page
    page.set_input_files("#choose input[type=file]", make_returning_film(tmp_path / "park.mp4"))
    visit.settled()
    easel = Easel(visit)
    page.wait_for_function("document.querySelectorAll('.strip button').length === 4")
    page.locator(".strip button").first.click()
    page.wait_for_function(
        "document.querySelector('#easel .shown').ariaLabel.startsWith('Frame 0 ')"
    )
    page.locator("#easel .shown").scroll_into_view_if_needed()
    easel.click(COAT)
    page.fill("#easel .thing", "coat")
    easel.painted(lambda: page.get_by_role("button", name="Use it").click())

    find = page.get_by_role("button", name="Find coat in other shots")
    told = page.locator("#said-found [role=status]")
    find.press("Enter")
    page.locator("#said-found").get_by_role("button", name="Stop").click()
    told.get_by_text("Stopped.").wait_for()
    find.press("Enter")
    told.get_by_text("coat may be in 1 other shot.").wait_for()
    place = page.get_by_role("list", name="Places where it may be").get_by_role("listitem")
    assert "% sure" in place.inner_text()
    assert place.locator("img").evaluate("image => image.decode().then(() => image.naturalHeight)")
    # The ring is on the coat, which has moved.
    assert 0.5 < place.locator(".mark").evaluate("mark => parseFloat(mark.style.left) / 100") < 0.85
    place.get_by_role("button", name="show this frame").press("Enter")
    page.wait_for_function("document.querySelector('#moment').innerText.includes('frame 34')")

    keep = page.get_by_role("button", name="Keep coat at 0:01")
    keep.focus()
    page.keyboard.press("k")
    place.wait_for(state="detached")
    assert told.inner_text().startswith("Kept.")
    assert find.evaluate("button => button === document.activeElement")
    page.locator(".hints li", has_text="coat").wait_for()
    labels = page.locator(".strip button").evaluate_all("all => all.map(one => one.ariaLabel)")
    assert [label.endswith("colors set") for label in labels] == [True, False, True, False]

    page.keyboard.press("Control+z")  # what was kept is proposed again
    place.wait_for()
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    place.get_by_role("button", name="Strike coat at 0:01").click()
    place.wait_for(state="detached")
    find.click()
    told.get_by_text("Nothing is left to look at for coat.").wait_for()
    assert place.count() == 0
    assert visit.complaints == []


def find_scenes(page: Any) -> Any:
    """The card of the scenes, once the first search was stopped and the second one is done."""
    card = page.locator("#said-scenes")
    told = card.locator("[role=status]")
    find = card.get_by_role("button", name="Find the scenes")
    find.press("Enter")
    card.get_by_role("button", name="Stop").press("Enter")
    told.get_by_text("Stopped.").wait_for()
    assert find.evaluate("button => button === document.activeElement"), "the focus is not lost"
    find.press("Enter")
    told.get_by_text("4 shots in 3 scenes.").wait_for()
    return card


@pytest.mark.slow
def test_a_scene_leads_to_the_frame_where_its_color_is_corrected(
    serving: Serving, browser: Any, tmp_path: Path
) -> None:
    visit = Visit(browser, serving.address)
    page = visit.page
    page.set_input_files("#choose input[type=file]", make_mixed_film(tmp_path / "mixed.mp4"))
    visit.settled()
    easel = Easel(visit)
    card = find_scenes(page)
    scene = card.get_by_role("list", name="Scenes", exact=True).get_by_text("Scene 1")
    assert "2 shots" in scene.locator("xpath=..").inner_text()

    # The key frames before and after, by a button.
    first = card.get_by_role("button", name="Scene 1 at 0:00: show this frame")
    seen = "image => image.decode().then(() => image.naturalHeight)"
    assert first.locator("img:visible").evaluate(seen)
    assert first.locator("img:visible").get_attribute("class") == "of-after"
    toggle = card.get_by_role("button", name="Before they agree")
    toggle.press("Enter")
    assert toggle.get_attribute("aria-pressed") == "true"
    assert first.locator("img:visible").evaluate(seen)
    assert first.locator("img:visible").get_attribute("class") == "of-before"
    assert card.get_by_role("group", name="Colors of scene 1, before").is_visible()
    assert not card.get_by_role("group", name="Colors of scene 1, after").is_visible()
    toggle.press("Enter")

    # Scenes that nothing agreed with are folded away.
    alone = card.get_by_role("button", name="Scene 3 at 0:01: show this frame")
    assert not alone.is_visible()
    card.get_by_text("2 scenes of a single key frame").press("Enter")
    assert alone.locator("img").evaluate(seen)
    alone.press("Enter")
    page.wait_for_function("document.querySelector('#moment').innerText.includes('frame 46')")

    # A picture leads to its frame, a swatch into the picker; with them a hint is set.
    first.focus()
    page.keyboard.press("ArrowRight")
    second = card.get_by_role("button", name="Scene 1 at 0:01: show this frame")
    assert second.evaluate("button => button === document.activeElement")
    page.keyboard.press("Enter")
    label = "document.querySelector('#easel .shown').ariaLabel.startsWith('Frame 34 ')"
    page.wait_for_function(label)
    swatch = card.get_by_role("group", name="Colors of scene 1, after").get_by_role("button").first
    swatch.press("Enter")
    color = swatch.get_attribute("title")
    assert page.input_value("#easel [type=color]") == color
    page.locator("#easel .shown").scroll_into_view_if_needed()
    easel.click((0.7, 0.6))
    easel.painted(lambda: page.get_by_role("button", name="Use it").press("Enter"))
    page.locator(".hints li", has_text=color).wait_for()
    card.get_by_text("You changed the color sheet meanwhile.").wait_for()
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert first.is_visible()

    page.click("#script input")
    page.get_by_role("option", name="Off", exact=True).click()
    page.click("#go")
    visit.job().get_by_text("one palette for the whole film: off, with your colors").wait_for()
    press(visit.job(), "Download").wait_for()
    assert visit.complaints == []
