"""The page: a film, a frame of it before and after, the dials, the queue."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

import gradio as gr

from vidcolor.errors import VidcolorError
from vidcolor.web import words
from vidcolor.web.choice import Choice
from vidcolor.web.desk import Desk, Opened
from vidcolor.web.shelf import Film

HERE = Path(__file__).parent

PAUSE = 0.2
"""Seconds that the page must rest before a frame is coloured, and again before it is steadied."""

WAIT = 0.05
"""Seconds between two looks of a preview that waits at whether it is wanted still."""

HEAD = "<header class='masthead'><h1>vidcolor</h1><p>Black-and-white films, in colour.</p></header>"

SIZES = [("Low (fastest)", 192), ("Normal", 256), ("High", 384), ("Highest (slowest)", 512)]


class Turns:
    """Previews of a page: a newer one takes the turn of those that were asked for before it."""

    def __init__(self) -> None:
        self._last: dict[str, int] = {}
        self._lock, self._free = Lock(), Lock()

    def take(self, page: str) -> int:
        """The number of a new preview."""
        with self._lock:
            self._last[page] = self._last.get(page, 0) + 1
            return self._last[page]

    def over(self, page: str, turn: int) -> bool:
        """Whether there is a newer one."""
        return self._last.get(page) != turn

    @contextmanager
    def wait(self, page: str, turn: int) -> Iterator[bool]:
        """Whether it is still its turn, once no other preview is being made."""
        while not self._free.acquire(timeout=WAIT):
            if self.over(page, turn):
                yield False
                return
        try:
            yield not self.over(page, turn)
        finally:
            self._free.release()


class Page:
    """Builds the page and answers to what is done on it."""

    def __init__(self, desk: Desk) -> None:
        """Show what ``desk`` has."""
        self.desk = desk
        self._turns = Turns()

    def build(self) -> gr.Blocks:
        """The components, and what happens when they are used."""
        page = gr.Blocks(title="vidcolor", analytics_enabled=False)
        with page:
            self.film, self.seen = gr.State(""), gr.State("")
            gr.HTML(HEAD)
            with gr.Row(elem_id="choose"):
                limit = self.desk.shelf.max_upload
                self.picker = gr.HTML(
                    words.picker(limit), js_on_load="desk.picker(element, trigger)"
                )
                self.listed = gr.Dropdown(
                    self.desk.shelf.listed(),
                    value=None,
                    label="From the folders of this computer",
                    visible=bool(self.desk.shelf.listed()),
                    elem_id="listed",
                )
            self.told = gr.HTML(elem_id="told")
            with gr.Row(visible=False, elem_id="bench") as self.bench:
                with gr.Column(scale=3, min_width=320):
                    self._view()
                with gr.Column(scale=1, min_width=260, elem_id="dials"):
                    self._dials()
            gr.HTML(js_on_load="desk.queue(element)", elem_id="queue")
            gr.HTML(words.promise(str(self.desk.keep) if self.desk.keep else None))
            timer = gr.Timer(1.5)
            self._connect(page, timer)
        return page

    def _view(self) -> None:
        """What is seen of the film."""
        self.facts = gr.HTML()
        self.picture = gr.ImageSlider(
            label="Before and after",
            show_label=False,
            interactive=False,
            buttons=[],
            elem_id="picture",
            max_height=400,
        )
        with gr.Row(elem_id="scrub"):
            self.back = gr.Button(
                "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}",
                min_width=40,
                scale=0,
                elem_id="back",
            )
            self.on = gr.Button(
                "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}",
                min_width=40,
                scale=0,
                elem_id="on",
            )
            self.frame = slider("Frame", 1, 0, step=1, elem_id="frame", scale=8)
        self.moment = gr.HTML(elem_id="moment")
        self.strip = gr.HTML(js_on_load="desk.strip(element, trigger)", elem_id="strip")

    def _dials(self) -> None:
        """What can be set, and the button that starts."""
        choice = self.desk.choice
        nets = [(words.net_label(name), name) for name in self.desk.nets()]
        self.weights = gr.Dropdown(nets, value=choice.weights, label="Colours", elem_id="weights")
        self.vivid = slider("Vividness", 1, choice.vivid, elem_id="vivid")
        self.saturation = slider("Saturation", 2, choice.saturation, elem_id="saturation")
        self.smooth = slider("Steadiness", 1, choice.smooth, elem_id="smooth")
        self.size = gr.Dropdown(SIZES, value=choice.size, label="Detail", elem_id="size")
        self.go = gr.Button("Colour this film", variant="primary", elem_id="go")
        self.started = gr.HTML(elem_id="started")

    def _connect(self, page: gr.Blocks, timer: gr.Timer) -> None:
        dials: list[Any] = [self.weights, self.size, self.vivid, self.smooth, self.saturation]
        shown = [self.film, self.bench, self.told, self.facts, self.frame, self.strip, self.seen]
        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        seen = [self.picture, self.moment]
        # A page that scrubs asks often; what is stale by then answers at once.
        often: dict[str, Any] = {**quiet, "trigger_mode": "multiple", "concurrency_limit": None}
        asked = [self.film, self.frame, *dials]

        self.picker.upload(self.take_upload, None, shown, **quiet).then(
            self.look, asked, seen, **often
        )
        self.listed.input(self.take_listed, self.listed, shown, **quiet).then(
            self.look, asked, seen, **often
        )
        page.load(self.restore, None, [*shown, *dials, self.listed], **quiet).then(
            self.look, asked, seen, **often
        )
        self.frame.change(self.look, asked, seen, **often)
        for dial in dials:
            dial.input(self.relook, asked, seen, **often)
        for button, step in ((self.back, -1), (self.on, 1)):
            button.click(self.stepper(step), [self.film, self.frame], self.frame, **often)
        self.strip.select(self.jump, None, self.frame, **often)
        self.go.click(self.start, [self.film, *dials], self.started, **quiet)
        timer.tick(self.catch_up, [self.film, self.seen], [self.strip, self.seen], **quiet)

    def take_upload(self, event: gr.EventData) -> Iterator[list[Any]]:
        """Show the film that was uploaded."""
        yield from self._show(lambda: self.desk.shelf.find(str(event._data["film"])))

    def take_listed(self, place: str) -> Iterator[list[Any]]:
        """Show a film of the folders."""
        yield from self._show(lambda: self.desk.shelf.choose(place))

    def restore(self) -> list[Any]:
        """What the last page showed."""
        opened, choice = self.desk.current, self.desk.choice
        dials = [choice.weights, choice.size, choice.vivid, choice.smooth, choice.saturation]
        listed = self.desk.shelf.listed()
        folders = gr.Dropdown(choices=listed, visible=bool(listed))
        return [*(self._shown(opened) if opened else [gr.skip()] * 7), *dials, folders]

    def _show(self, find: Callable[[], Film]) -> Iterator[list[Any]]:
        def told(line: str) -> list[Any]:
            return [gr.skip(), gr.skip(), line, *[gr.skip()] * 4]

        try:
            film = find()
            yield told(words.good(f"Opening {film.name}…"))
            yield self._shown(self.desk.open(film))
        except VidcolorError as error:
            yield told(words.problem(str(error)))

    def _shown(self, opened: Opened) -> list[Any]:
        shots = self.desk.study.of(opened.film)
        slider = gr.Slider(0, max(1, opened.frames - 1), opened.frames // 3, step=1)
        strip = words.strip(opened, shots)
        return [
            opened.film.id,
            gr.Row(visible=True),
            "",
            words.facts(opened),
            slider,
            strip,
            self._stamp(opened),
        ]

    def _stamp(self, opened: Opened) -> str:
        shots = self.desk.study.of(opened.film)
        return f"{opened.film.id} {len(shots.starts)} {shots.over}"

    def catch_up(self, film_id: str, seen: str) -> list[Any]:
        """The strip, where more shots are known."""
        if not film_id:
            return [gr.skip(), gr.skip()]
        opened = self.desk.opened(film_id)
        stamp = self._stamp(opened)
        if stamp == seen:
            return [gr.skip(), gr.skip()]
        return [words.strip(opened, self.desk.study.of(opened.film)), stamp]

    def jump(self, event: gr.EventData) -> int:
        """Go to a picture of the strip."""
        return int(event._data["frame"])

    def stepper(self, step: int) -> Any:
        """Go a frame on or back."""

        def stepped(film_id: str, frame: float) -> int:
            last = self.desk.opened(film_id).frames - 1
            return min(max(0, int(frame) + step), last)

        return stepped

    def look(
        self, request: gr.Request, film_id: str, frame: float, *dials: Any
    ) -> Iterator[list[Any]]:
        """A frame: as it came, at once; then in colour."""
        yield from self._look(film_id, int(frame), dials, str(request.session_hash), True)

    def relook(
        self, request: gr.Request, film_id: str, frame: float, *dials: Any
    ) -> Iterator[list[Any]]:
        """The same frame with other dials."""
        yield from self._look(film_id, int(frame), dials, str(request.session_hash), False)

    def _look(
        self, film_id: str, frame: int, dials: tuple[Any, ...], page: str, moved: bool
    ) -> Iterator[list[Any]]:
        if not film_id:
            return
        turn = self._turns.take(page)
        try:
            opened, choice = self.desk.opened(film_id), choice_of(self.desk, dials)
            grey: Any = gr.skip()
            if moved:
                with self._turns.wait(page, turn) as on:
                    if not on:
                        return
                    grey = (str(self.desk.as_it_came(opened, frame)),) * 2
            yield [grey, words.moment(opened, frame, None, "colouring…")]
            for stage in [choice.unsteadied(), choice] if choice.smooth else [choice]:
                time.sleep(PAUSE)
                with self._turns.wait(page, turn) as on:
                    if not on:
                        return
                    before, after, seconds, gray = self.desk.in_colour(opened, frame, stage)
                doing = "" if stage is choice else "steadying…"
                told = words.moment(opened, frame, seconds, doing, gray)
                yield [(str(before), str(after)), told]
        except VidcolorError as error:
            yield [gr.skip(), words.problem(str(error))]

    def start(self, film_id: str, *dials: Any) -> str:
        """Put the film into the queue."""
        try:
            opened, choice = self.desk.opened(film_id), choice_of(self.desk, dials)
            self.desk.choice = choice
            self.desk.queue.add(opened.film, choice)
        except VidcolorError as error:
            return words.problem(str(error))
        return words.good(f"{opened.film.name} is in the queue below.")


def slider(label: str, most: float, value: float, step: float = 0.05, **words: Any) -> gr.Slider:
    """A slider from 0; ``page.js`` keeps what is typed in range."""
    return gr.Slider(0, most, value, step=step, label=label, buttons=[], **words)


def choice_of(desk: Desk, dials: tuple[Any, ...]) -> Choice:
    """What the dials say.

    Raises:
        SettingsError: One is out of range.
    """
    weights, size, vivid, smooth, saturation = dials
    return Choice(
        weights=str(weights),
        size=int(size),
        vivid=float(vivid),
        smooth=float(smooth),
        saturation=float(saturation),
        device=desk.choice.device,
    )
