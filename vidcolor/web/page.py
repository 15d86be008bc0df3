"""The page: Gradio's dials around what `page.js` shows; each page in a browser keeps its own film.

Nothing here runs when the page is used: its scripts ask `vidcolor.web.routes`.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from vidcolor.web import html
from vidcolor.web.options import CARDS, PALETTES, PURPOSES, net_label
from vidcolor.web.session import ServerSession

HEAD = "<header class='masthead'><h1>vidcolor</h1><p>Black-and-white films, in color.</p></header>"

SIZES = [("Low (fastest)", 192), ("Normal", 256), ("High", 384), ("Highest (slowest)", 512)]


def build(session: ServerSession) -> gr.Blocks:
    """The components, and which function of the page hears of them."""
    page = gr.Blocks(title="vidcolor", analytics_enabled=False)
    with page:
        gr.HTML(html.LOST, elem_id="lost")
        gr.HTML(HEAD)
        with gr.Row(elem_id="choose"):
            limit = session.library.max_upload
            picker = gr.HTML(html.picker(limit), js_on_load="vidcolor.picker(element, trigger)")
            listed = gr.Dropdown(
                session.library.listed(),
                value=None,
                label=html.listed_label(session.library.names()),
                visible=bool(session.library.names()),
                elem_id="listed",
            )
        gr.HTML(html.TOLD, elem_id="told")
        gr.HTML(html.STEPS, elem_id="steps")
        with gr.Row(elem_id="bench", elem_classes="closed"):
            with gr.Column(scale=3, min_width=320):
                gr.HTML(html.VIEW, js_on_load="vidcolor.view(element)", elem_id="view")
            with gr.Column(scale=1, min_width=260, elem_id="dials"):
                dials = _dials(session)
                acts = {
                    "reset": gr.Button("Reset the settings", size="sm", elem_id="reset"),
                    "go": gr.Button("Color this film", variant="primary", elem_id="go"),
                }
                gr.HTML("<p class='good' role='status'></p>", elem_id="started")
        gr.HTML(js_on_load="vidcolor.queue(element)", elem_id="queue")
        gr.HTML(html.promise(str(session.keep) if session.keep else None))
        _connect(page, picker, listed, dials, acts)
    return page


def _dials(session: ServerSession) -> list[Any]:
    """What can be set, in the order that `page.js` knows."""
    choice = session.choice
    nets = [(net_label(name), name) for name in session.nets()]
    return [
        _list("Model", nets, choice.weights, "weights", "the draft is quicker and duller"),
        _list("Detail", SIZES, choice.size, "size", "how closely colors follow small things"),
        _slider("Vividness", 1, choice.vivid, "vivid", "from safe to bold guesses"),
        _slider("Flicker reduction", 1, choice.smooth, "smooth", "keeps colors steady over time"),
        _slider(
            "Saturation", 2, choice.saturation, "saturation", "strength of colors; 1 is normal"
        ),
        _list("Title cards", _swap(CARDS), choice.titles, "titles", "frames with only text"),
        _list(
            "One palette for the whole film",
            _swap(PALETTES),
            choice.script,
            "script",
            "alike shots agree; takes a second pass",
        ),
        _list(
            "Save for", _swap(PURPOSES), choice.purpose, "purpose", "kind of file, codec and sound"
        ),
        gr.Checkbox(
            choice.label,
            label="Label the file as colored",
            info="its metadata tells so, and with which model",
            elem_id="label",
        ),
    ]


def _list(
    label: str, choices: list[tuple[str, Any]], value: str | int, name: str, info: str
) -> gr.Dropdown:
    return gr.Dropdown(choices, value=value, label=label, info=info, elem_id=name, filterable=False)


def _swap(labels: dict[str, str]) -> list[tuple[str, str]]:
    return [(label, value) for value, label in labels.items()]


def _slider(label: str, most: float, value: float, name: str, info: str) -> gr.Slider:
    """A slider from 0; ``page.js`` keeps what is typed in range."""
    return gr.Slider(0, most, value, step=0.05, label=label, info=info, buttons=[], elem_id=name)


def _connect(
    page: gr.Blocks,
    picker: gr.HTML,
    listed: gr.Dropdown,
    dials: list[Any],
    acts: dict[str, gr.Button],
) -> None:
    """What happens when they are used: all of it in the browser."""
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    page.load(None, dials, [listed, *dials], js="(...dials) => vidcolor.begin(dials)", **quiet)
    listed.input(None, listed, listed, js="place => vidcolor.choose(place)", **quiet)
    picker.upload(None, None, listed, js="() => vidcolor.listed()", **quiet)
    for dial in dials:
        dial.input(None, dials, None, js="(...dials) => vidcolor.turn(dials)", **quiet)
    acts["go"].click(None, None, None, js="() => vidcolor.start()", **quiet)
    acts["reset"].click(None, None, dials, js="() => vidcolor.reset()", **quiet)
