"""``vidcolor serve`` as a person uses it: the real command, a real browser, a film comes back."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener, urlopen

import av
import numpy as np
import pytest
from browsing import ROOT, Serving, Visit, press, start_server
from synthetic import texture

from vidcolor.media.images.files import write_rgb

SHOTS, RATE = (40, 40, 40), 25
TITLE = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"


def make_film(path: Path) -> Path:
    """Three still views, and a title that is HTML."""
    with av.open(path, "w") as container:
        container.metadata["title"] = TITLE
        stream = container.add_stream("libx264", rate=RATE, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        for seed, length in enumerate(SHOTS, 3):
            luma = (texture(seed, 96, 128) * 219 + 16).numpy().astype(np.uint8)
            planes = np.vstack([luma, np.full((48, 128), 128, np.uint8)])
            for _ in range(length):
                frame = av.VideoFrame.from_ndarray(planes, "yuv420p")
                container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An allowed folder."""
    folder = tmp_path_factory.mktemp("films")
    make_film(folder / "from the <b>folder.mp4")
    return folder


@pytest.fixture(scope="module")
def serving(
    films: Path, tiny_weights: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Serving]:
    """One server for all tests; the last one ends it."""
    pytest.importorskip("gradio", reason="needs pip install 'vidcolor[web]'")
    room = tmp_path_factory.mktemp("room")
    words = ["serve", str(films), "--weights", str(tiny_weights), "--device", "cpu"]
    server = start_server(words, room)
    yield server
    if server.process.poll() is None:
        server.end()


def colorfulness(picture: np.ndarray) -> float:
    """Mean distance of the three primaries."""
    return float(np.ptp(picture.astype(int), axis=2).mean())


def delete(job: Any) -> None:
    """A result that is only here is deleted by a second press."""
    press(job, "Delete").click()
    press(job, "Delete for good?").click()
    job.wait_for(state="detached")


def left_running(room: Path) -> list[str]:
    """Processes whose command line or environment names a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        except OSError:
            continue
        if str(room).encode() in words:
            found.append(process.name)
    return found


def check_result(result: Path, source: Path) -> None:
    """The film that came back has the frames and the times of the source, in color."""
    with av.open(source) as before, av.open(result) as after:
        times = [frame.time for frame in before.decode(video=0)]
        frames = list(after.decode(video=0))
    assert len(frames) == sum(SHOTS)
    assert [frame.time for frame in frames] == times
    for frame in frames:
        chroma = frame.reformat(format="yuv444p").to_ndarray()[1:].astype(int) - 128
        assert np.abs(chroma).mean() > 4


@pytest.mark.slow  # a job took over two minutes once beside the other tests
def test_from_upload_to_a_downloaded_film(serving: Serving, browser: Any, tmp_path: Path) -> None:
    upload = make_film(tmp_path / "grandma's <i>reel.mp4")
    visit = Visit(browser, serving.address)
    page = visit.page
    assert "token" not in page.url

    page.set_input_files("input[type=file]", upload)
    moment = visit.settled()
    assert [visit.count(what) for what in ("/open", "/gray", "/color")] == [1, 1, 2]
    assert upload.name in page.inner_text(".facts h2")
    assert TITLE in page.inner_text(".facts .title")
    before, after = visit.pictures()
    assert colorfulness(before) < 2
    assert colorfulness(after) > 5

    # Scrub: with the keys, with the button, with the strip once its shots are found.
    page.focus("#frame input[type=range]")
    page.keyboard.press("ArrowRight")
    moment = visit.moved_from(moment)
    assert moment.startswith("0:00:01.640")
    assert "frame 41" in moment  # a third of 120, and one
    page.click("#on")
    moment = visit.moved_from(moment)
    assert "frame 42" in moment
    page.wait_for_function("document.querySelectorAll('.strip button').length === 3")
    page.wait_for_function(
        "[...document.querySelectorAll('.strip img')].every(one => one.naturalWidth > 0)"
    )
    page.click(".strip button:last-child")
    moment = visit.moved_from(moment)
    assert "frame 80" in moment
    there = visit.pictures()[0]
    assert np.abs(there.astype(int) - before).mean() > 10, "another shot looks otherwise"

    # A dial changes the picture, and the job gets it.
    usual = colorfulness(visit.pictures()[1])
    page.evaluate("window.old = document.querySelectorAll('#picture img')[1].src")
    visit.set("#saturation", "2")
    page.wait_for_function("document.querySelectorAll('#picture img')[1].src !== window.old")
    visit.settled()
    assert colorfulness(visit.pictures()[1]) > 1.3 * usual

    page.click("#go")
    visit.job().wait_for()
    visit.come_back()  # the queue is the server's, and so is the film in hand
    visit.settled()
    assert upload.name in page.inner_text(".facts h2")
    assert upload.name in visit.job().inner_text()
    assert "saturation 2" in visit.job().inner_text()
    with page.expect_download() as coming:
        press(visit.job(), "Download").click()
    result = tmp_path / "result.mp4"
    coming.value.save_as(result)
    assert coming.value.suggested_filename.endswith("reel in color.mp4")
    check_result(result, upload)
    assert f"Done: {sum(SHOTS)} frames" in visit.job().inner_text()

    assert page.title() == "vidcolor"
    assert visit.complaints == []
    assert {
        url for url in visit.asked if not url.startswith((serving.base, "data:", "blob:"))
    } == set()


@pytest.mark.slow
def test_each_page_has_its_own_film_and_dials_over_a_reload(
    serving: Serving, browser: Any, films: Path, tmp_path: Path
) -> None:
    (name,) = (path.name for path in films.iterdir())
    visit, other = Visit(browser, serving.address), Visit(browser, serving.address)
    visit.choose(name)
    other.page.set_input_files("input[type=file]", make_film(tmp_path / "other.mp4"))
    other.settled()
    visit.set("#vivid", "0.9")
    visit.page.click("#on")
    visit.page.locator("#moment", has_text="frame 41").wait_for()
    visit.settled()
    visit.page.reload()
    visit.settled()
    assert name in visit.page.inner_text(".facts h2")
    assert "frame 41" in visit.page.inner_text("#moment")
    assert visit.page.input_value("#vivid input[type=number]") == "0.9"
    assert visit.page.input_value("#listed input") == name
    assert "other.mp4" in other.page.inner_text(".facts h2")
    assert other.page.input_value("#vivid input[type=number]") == "0.5"
    # What was uploaded can be removed, and goes from the page that shows it.
    other.page.get_by_role("button", name="Remove other.mp4").click()
    other.page.locator("#bench").wait_for(state="hidden")
    assert visit.complaints == other.complaints == []


@pytest.mark.slow
def test_all_of_it_by_keyboard(serving: Serving, browser: Any, films: Path) -> None:
    (name,) = (path.name for path in films.iterdir())
    visit = Visit(browser, serving.address)
    page = visit.page
    visit.choose(name)
    page.wait_for_function("document.querySelectorAll('.strip button').length === 3")
    line = page.get_by_role("slider", name="Line between before and after")
    line.focus()
    page.keyboard.press("ArrowLeft")
    assert line.get_attribute("aria-valuenow") == "48"
    page.keyboard.press("End")
    assert line.get_attribute("aria-valuenow") == "100"

    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Space")
    assert line.get_attribute("aria-valuenow") == "0"
    page.keyboard.press("ArrowRight")
    page.locator("#moment", has_text="frame 41").wait_for()
    page.keyboard.press("ArrowDown")
    page.locator("#moment", has_text="frame 80").wait_for()
    now = page.locator(".strip [aria-current=true]")
    assert now.get_attribute("aria-label") == "Shot 3, 0:03"
    page.keyboard.press("ArrowUp")
    page.locator("#moment", has_text="frame 40").wait_for()
    page.get_by_role("button", name="Previous frame").press("Enter")
    page.locator("#moment", has_text="frame 39").wait_for()
    page.get_by_role("button", name="Next frame").wait_for()
    visit.settled()
    assert page.get_attribute("#picture img.after", "alt") == "Frame 39, in color"

    # More than once: what Gradio does when Tab comes while a list opens depends on the moment.
    for dial in ("#listed", "#weights", "#size", "#titles", "#script") * 4:
        page.focus(f"{dial} input")
        page.keyboard.press("ArrowDown")
        page.locator(f"{dial} [role=listbox]").wait_for()
        page.keyboard.press("Tab")
        # Another one may open: that is what Gradio does with what gets the focus.
        page.wait_for_function(
            "dial => !document.querySelector(`${dial} [role=listbox]`)", arg=dial
        )

    # Tabbing through the dials changes nothing, so that nothing is colored again.
    asked = visit.count("/color")
    page.focus("#vivid input[type=number]")
    for _ in range(5):
        page.keyboard.press("Tab")
    page.wait_for_timeout(500)
    assert visit.count("/color") == asked
    assert visit.complaints == []


@pytest.mark.slow
def test_a_photograph_comes_back_in_color(serving: Serving, browser: Any, tmp_path: Path) -> None:
    write_rgb((texture(4, 96, 128) * 255).byte().expand(3, -1, -1), tmp_path / "photo.png")
    visit = Visit(browser, serving.address)
    page = visit.page
    page.set_input_files("input[type=file]", tmp_path / "photo.png")
    assert visit.settled() == "Picture"
    assert colorfulness(visit.pictures()[1]) > 5
    page.click("#go")
    job = visit.job().filter(has_text="photo.png")
    with page.expect_download() as coming:
        press(job, "Download").click()
    assert coming.value.suggested_filename == "photo in color.png"
    # What was begun has come into sight.
    top, bottom, height = page.evaluate(
        "(() => { const box = [...document.querySelectorAll('#queue .job')].pop()"
        ".getBoundingClientRect(); return [box.top, box.bottom, innerHeight]; })()"
    )
    assert top >= 0
    assert bottom <= height
    delete(job)
    assert visit.complaints == []


@pytest.mark.slow
def test_scans_of_the_folder_become_a_film_for_a_purpose(
    serving: Serving, browser: Any, films: Path
) -> None:
    """On a small screen, where what all of it is for stays in reach."""
    scans = films / "scans"
    scans.mkdir()
    for number in range(24):
        gray = (texture(6, 96, 128) * 200 + number).byte().expand(3, -1, -1)
        write_rgb(gray, scans / f"scan_{number:04d}.png")
    visit = Visit(browser, serving.address)
    page = visit.page
    page.set_viewport_size({"width": 390, "height": 844})
    page.locator(".steps").wait_for()
    page.click("#listed input")
    page.locator("[role=option]", has_text="scans/scan_%04d.png (24 frames)").click()
    page.locator(".facts h2", has_text="scans").wait_for()
    visit.settled()
    assert not page.locator(".steps").is_visible()
    assert "24 until you say so" in (page.text_content(".facts ul") or "")
    assert page.locator("#go").evaluate("go => go.getBoundingClientRect().bottom <= innerHeight")
    asked = visit.count("/open")
    page.fill("#fps", "fast")
    page.press("#fps", "Enter")
    page.locator(".problem:visible", has_text="is no number of frames a second").wait_for()
    page.fill("#fps", "16")
    page.press("#fps", "Enter")
    page.locator(".facts p", has_text="0:01 · 128 x 96 · 24 scans · 16 frames/s").wait_for()
    assert visit.count("/open") == asked + 2
    page.click("#purpose input")
    page.locator("[role=option]", has_text="Web pages").click()
    page.click("#go")
    job = visit.job().filter(has_text="save for: Web pages")
    with page.expect_download() as coming:
        press(job, "Download").click()
    assert coming.value.suggested_filename == "scans in color.webm"
    delete(job)
    page.click("#reset")
    page.wait_for_function("document.querySelector('#purpose input').value === 'Like the original'")
    shutil.rmtree(scans)
    # The refused rate is an answer with an error.
    assert [line for line in visit.complaints if "422" not in line] == []


LATE = """
new MutationObserver((_, watch) => {
  const go = document.querySelector("#go"), place = document.createComment("");
  if (!go) return;
  watch.disconnect();
  go.replaceWith(place);
  setTimeout(() => place.replaceWith(go), 3000);
}).observe(document, { childList: true, subtree: true });
"""
"""A page whose last part comes late."""


@pytest.mark.slow
def test_what_is_chosen_before_the_whole_page_is_there_is_shown(
    serving: Serving, browser: Any, tmp_path: Path
) -> None:
    write_rgb((texture(5, 96, 128) * 255).byte().expand(3, -1, -1), tmp_path / "early.png")
    visit = Visit(browser, serving.address)
    page = visit.page
    page.locator("#queue h2").wait_for()
    page.add_init_script(LATE)
    visit.come_back()
    with page.expect_response(lambda answer: "/films?name=early.png" in answer.url):
        page.set_input_files("input[type=file]", tmp_path / "early.png")
    assert page.locator("#go").count() == 0
    assert visit.settled() == "Picture"
    assert visit.complaints == []


@pytest.mark.slow
def test_cancel_resume_and_a_film_of_the_folder(
    serving: Serving, browser: Any, films: Path, tmp_path: Path
) -> None:
    (source,) = films.iterdir()
    visit = Visit(browser, serving.address)
    page = visit.page
    page.click("#listed input")
    page.click(f"[role=option] >> text={source.name}")
    page.locator(".facts h2", has_text=source.name).wait_for()

    page.click("#go")
    job = visit.job().filter(has_text=source.name)
    press(job, "Cancel").click()
    press(job, "Resume").wait_for()
    assert "Stopped" in job.inner_text()
    press(job, "Resume").click()
    with page.expect_download() as coming:
        press(job, "Download").click()
    coming.value.save_as(tmp_path / "result.mp4")
    check_result(tmp_path / "result.mp4", source)
    delete(job)
    assert visit.complaints == []


def test_what_cannot_be_colored_is_told_on_the_page(serving: Serving, browser: Any) -> None:
    visit = Visit(browser, serving.address)
    for name, data, line in (
        ("archive.zip", b"PK\3\4", "archive.zip: not a supported file"),
        (
            "<b>bad.mp4",
            b"no film at all" * 99,
            "<b>bad.mp4: not a media file that vidcolor can open",
        ),
    ):
        file = {"name": name, "mimeType": "video/mp4", "buffer": data}
        visit.page.set_input_files("input[type=file]", file)
        visit.page.locator(".problem:visible", has_text=line).wait_for()
        assert visit.page.locator(".problem:visible").count() == 1  # never beside an older one


def cookie(address: str) -> str:
    """What the server gives to who has the address."""

    class Stay(HTTPRedirectHandler):
        def redirect_request(self, *_: Any) -> None:
            return None

    try:
        build_opener(Stay).open(address, timeout=30)
    except HTTPError as answer:
        return str(answer.headers["set-cookie"]).split(";")[0]
    raise AssertionError("there is no way on")


def status(url: str, **headers: str) -> int:
    try:
        with urlopen(Request(url, headers=headers), timeout=30) as answer:
            return int(answer.status)
    except OSError as error:
        return int(getattr(error, "code", 0))


def test_the_server_is_closed_to_others(serving: Serving, tmp_path: Path) -> None:
    port = serving.base.split(":")[2].strip("/")
    token = serving.address.split("token=")[1]
    known = {"Cookie": cookie(serving.address)}
    assert token not in known["Cookie"]
    assert status(serving.base + "vidcolor/jobs", Cookie=f"vidcolor-{port}={token}") == 403
    for path in ("", "config", "vidcolor/jobs", "theme.css", "gradio_api/queue/data"):
        assert status(serving.base + path) == 403
    assert status(serving.base + "vidcolor/jobs", **known) == 200
    assert status(serving.base + "vidcolor/jobs", **known, Host="evil.example") == 403
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    (private,) = serving.room.iterdir()
    for path in (secret, ROOT / "README.md", private / ".lock", private / "films"):
        assert status(f"{serving.base}gradio_api/file={path}", **known) in (403, 404)
    with open("/proc/net/tcp") as table:
        listening = [line.split()[1] for line in table if line.split()[3] == "0A"]
    assert f"0100007F:{int(port):04X}" in listening  # 127.0.0.1
    assert f"00000000:{int(port):04X}" not in listening


def half_open(port: int, count: int, stack: ExitStack) -> None:
    """Connections that begin to ask and never end."""
    for _ in range(count):
        made = stack.enter_context(socket.socket())
        made.settimeout(20)
        made.connect(("127.0.0.1", port))
        with suppress(OSError):  # it was sent away already
            made.sendall(b"GET / HTTP/1.1\r\nhost: ")


@pytest.mark.slow  # test_connections bounds them without a browser
def test_a_thousand_silent_connections_keep_the_owner_not_out(serving: Serving) -> None:
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 1500:
        pytest.skip("this machine does not let a process open so many")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 1500), hard))
    known = {"Cookie": cookie(serving.address)}
    with ExitStack() as stack:
        half_open(int(serving.base.split(":")[2].strip("/")), 1100, stack)
        assert status(serving.base + "vidcolor/jobs", **known) == 200
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_ctrl_c_ends_it_and_leaves_nothing_behind(serving: Serving, browser: Any) -> None:
    visit = Visit(browser, serving.address)
    visit.page.locator("#queue h2").wait_for()
    assert left_running(serving.room)  # the worker at least
    assert serving.end() < 5
    assert serving.process.returncode == 130
    assert "Traceback" not in "".join(serving.said)
    assert "".join(serving.said).count("\n") < 20
    # One voice tells the page.
    visit.page.locator("[role=alert]:visible", has_text="Lost the connection").wait_for()
    visit.page.wait_for_timeout(2000)
    assert visit.page.locator("[role=alert]:visible").count() == 1
    assert visit.page.locator(".toast-wrap:visible, .toast-body:visible").count() == 0
    assert serving.said[-1].endswith("vidcolor: interrupted\n")
    assert list(serving.room.iterdir()) == []
    assert left_running(serving.room) == []
