"""How Gradio's parts look: fonts of the machine, quiet colors, light and dark."""

from __future__ import annotations

import gradio as gr

FONT = ["ui-sans-serif", "system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"]
MONO = ["ui-monospace", "SFMono-Regular", "Consolas", "monospace"]


def theme() -> gr.themes.Base:
    """The theme; the rest is in ``style.css``."""
    return gr.themes.Base(
        primary_hue="amber",
        neutral_hue="stone",
        radius_size="md",
        font=FONT,
        font_mono=MONO,
    )
