"""Cards of text, 40 kinds, drawn with the fonts of this machine and worn as old film.

Every kind takes a source of randomness and gives pictures of float32 0..1, `H` x `W`, of one shot.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from functools import cache

import cv2
import numpy as np
from made_wear import H, Picture, Pictures, W, barred, noise, still, weave, worn
from PIL import Image, ImageDraw, ImageFont

TEXT = (
    "meanwhile the old house by the sea was burning and nobody knew where little Anna had"
    " gone that night until the captain came back from his long journey with a letter for"
    " her father you shall never marry him said the miller but love finds a way in the"
    " spring of next year directed written photographed produced presents featuring music"
    " orchestra starring"
)
WORDS = TEXT.split()
NAMES = ("Anna Keller", "J. Brandt", "Otto Weiss", "M. Duval", "E. Rossi", "P. Novak", "R. Hale")
SHORT = ("THE END", "Fin", "PART II", "1917", "Intermission", "ACT 1", "Ende", "Reel 3", "Paris")

Draw = np.random.Generator


@cache
def fonts(kind: str) -> tuple[str, ...]:
    """Font files whose names say the kind: ``text``, ``script`` or ``mono``."""
    found = subprocess.run(["fc-list", ":", "file"], capture_output=True, text=True, check=True)
    names = sorted(line.split(":")[0] for line in found.stdout.splitlines())
    names = [name for name in names if name.endswith((".ttf", ".otf")) and _has_letters(name)]
    mono, script = ("Mono", "Courier"), ("Z003", "Chancery", "Italic", "Oblique")
    odd = ("Dingbats", "Symbol", "Emoji", "D05", "CJK", "Math", "Standard")
    named = {
        "mono": [n for n in names if any(word in n for word in mono)],
        "script": [n for n in names if any(word in n for word in script[:3])],
        "hand": [n for n in names if any(word in n for word in script[:2])],
        "text": [n for n in names if not any(word in n for word in (*mono, *odd))],
    }
    return tuple(named[kind])


def _has_letters(path: str) -> bool:
    font = ImageFont.truetype(path, 20)
    return bytes(font.getmask("a")) != bytes(font.getmask("g"))


def sentence(draw: Draw, words: int) -> list[str]:
    """So many words, the first one with a capital."""
    first = int(draw.integers(len(WORDS)))
    found = [WORDS[(first + place) % len(WORDS)] for place in range(words)]
    return [found[0].capitalize(), *found[1:]]


def lines_of(words: list[str], most: int) -> list[str]:
    """Words in lines of at most so many letters."""
    lines = [""]
    for word in words:
        if lines[-1] and len(lines[-1]) + len(word) >= most:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def written(
    draw: Draw,
    lines: list[str],
    kind: str = "text",
    share: float = 0.62,
    gap: float = 1.35,
    size: tuple[int, int] = (H, W),
) -> Picture:
    """Ink 0..1 of lines, in the middle, as large as a share of the height and the width allow."""
    h, w = 2 * size[0], 2 * size[1]
    path = str(draw.choice(fonts(kind)))
    points = share * h / (gap * len(lines)) / 1.1
    font = ImageFont.truetype(path, max(8, int(points)))
    widest = max(font.getlength(line) for line in lines)
    if widest > 0.84 * w:
        font = ImageFont.truetype(path, max(8, int(points * 0.84 * w / widest)))
    step = gap * font.size
    left = draw.random() < 0.3
    widest = max(font.getlength(line) for line in lines)
    picture = Image.new("L", (w, h))
    pen = ImageDraw.Draw(picture)
    for row, line in enumerate(lines):
        x = (w - (widest if left else font.getlength(line))) / 2
        y = h / 2 + (row - len(lines) / 2) * step
        pen.text((x, y), line, font=font, fill=255)
    return cv2.resize(np.asarray(picture, np.float32) / 255, (size[1], size[0]), interpolation=3)


def title(draw: Draw, kind: str = "text") -> Picture:
    """Ink of an ordinary card."""
    lines = lines_of(sentence(draw, int(draw.integers(4, 22))), int(draw.integers(14, 28)))
    return written(draw, lines, kind, min(0.75, 0.14 * len(lines)))


def short(draw: Draw, share: float) -> Picture:
    """Ink of a word or two."""
    return written(draw, [str(draw.choice(SHORT))], "text", share)


def inked(ink: Picture, ground: Picture | float, level: float) -> Picture:
    """A ground with ink of some level on it."""
    return ground + (level - ground) * ink


def frame(draw: Draw, lines: int) -> Picture:
    """Ink of a border."""
    pen = np.zeros((H, W), np.float32)
    for line in range(lines):
        inset = int((0.03 + 0.025 * line) * H)
        box = (inset, inset), (W - inset, H - inset)
        cv2.rectangle(pen, *box, 1.0, int(draw.integers(1, 6)), cv2.LINE_AA)
    return pen


def flourish(draw: Draw) -> Picture:
    """Ink of curls in the corners, or all round."""
    pen = np.zeros((H, W), np.float32)
    many = draw.random() < 0.5
    t = np.linspace(0, 3.2 * np.pi, 90)
    radius = 0.055 * H * (0.3 + draw.random()) * (1 - t / t.max() * 0.85)
    places = [(0.09, 0.1), (0.09, 0.9), (0.91, 0.1), (0.91, 0.9)]
    if many:
        places += [(y, x) for y in (0.07, 0.93) for x in np.linspace(0.2, 0.8, 8)]
    for y, x in places:
        sx, sy = np.sign(0.5 - x) or 1, np.sign(0.5 - y) or 1
        curl = np.stack([x * W + sx * radius * np.cos(t) * 1.6, y * H + sy * radius * np.sin(t)], 1)
        points = [curl.round().astype(np.int32)]
        cv2.polylines(pen, points, False, 1.0, int(draw.integers(1, 4)), cv2.LINE_AA)
        if draw.random() < 0.4:
            cv2.circle(pen, (int(x * W), int(y * H)), int(draw.integers(3, 11)), 1.0, -1)
    return np.maximum(pen, frame(draw, int(draw.integers(0, 3))))


def cloth(draw: Draw) -> Picture:
    """A woven ground with folds."""
    y, x = np.mgrid[:H, :W].astype(np.float32)
    pitch = draw.uniform(3, 7)
    weft = np.sin(2 * np.pi * y / pitch) + np.sin(2 * np.pi * x / pitch)
    folds = noise(draw, 3) * draw.uniform(0.0, 0.08)
    return np.asarray(draw.uniform(0.08, 0.35) + 0.025 * weft + folds + 0.02 * noise(draw, 80))


def stock(draw: Draw) -> Picture:
    """A ground of mottled board."""
    shades = 0.03 * noise(draw, 6) + 0.03 * noise(draw, 40) + 0.03 * noise(draw, 120)
    return shades + float(draw.choice([0.1, 0.25, 0.6, 0.8]))


def on_stock(draw: Draw) -> Picture:
    """A title on board."""
    ground = stock(draw)
    return inked(title(draw), ground, 0.95 if ground.mean() < 0.5 else 0.1)


def dark(draw: Draw) -> float:
    """A level of black."""
    return float(draw.uniform(0.0, 0.12))


def bright(draw: Draw) -> float:
    """A level of white."""
    return float(draw.uniform(0.75, 1.0))


def plain(draw: Draw) -> Picture:
    """White lettering on black."""
    return inked(title(draw), dark(draw), bright(draw))


def rolled(draw: Draw, count: int) -> Pictures:
    """Credits that roll up."""
    lines = [f"{draw.choice(WORDS)} ... {draw.choice(NAMES)}" for _ in range(24)]
    long = written(draw, lines, "text", 0.95, 1.5, (3 * H, W))
    step = int(draw.integers(1, 5))
    return [inked(long[H + k * step : 2 * H + k * step], dark(draw) * 0 + 0.03, 0.9)
            for k in range(count)]  # fmt: skip


def moved(draw: Draw, picture: Picture, count: int, reach: float, slow: float) -> Pictures:
    """Held in the hand: moves, turns and comes nearer."""
    ways = np.cumsum(draw.normal(0, 1, (count, 4)), 0) * slow
    edge = float(np.median(picture))
    found = []
    for dx, dy, turn, near in ways * [reach, reach, 0.25 * reach, 0.002 * reach]:
        matrix = cv2.getRotationMatrix2D((W / 2, H / 2), 0.4 * turn, 0.97 + near)
        matrix[:, 2] += dx, dy
        found.append(cv2.warpAffine(picture, matrix, (W, H), borderValue=edge))
    return found


def shaded(draw: Draw, picture: Picture, deep: float) -> Picture:
    """Darker toward the corners."""
    y, x = np.mgrid[-1 : 1 : H * 1j, -1 : 1 : W * 1j]
    fall = np.clip((x * x + y * y) / 2 - draw.uniform(0.0, 0.3), 0, 1)
    return np.asarray(picture * (1 - deep * fall), np.float32)


def gate(draw: Draw, picture: Picture) -> Picture:
    """Round corners and black beside them."""
    mask = np.zeros((H, W), np.float32)
    inset, corner = int(draw.integers(4, 24)), int(draw.integers(20, 90))
    cv2.rectangle(mask, (inset + corner, inset + corner),
                  (W - inset - corner, H - inset - corner), 1.0, -1)  # fmt: skip
    round_ = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * corner + 1,) * 2)
    return picture * np.asarray(cv2.GaussianBlur(cv2.dilate(mask, round_), (0, 0), 2))


def shadowed(draw: Draw) -> Picture:
    """Letters with a shadow behind them."""
    ink = title(draw)
    ground = 0.45 + 0.05 * noise(draw, 3)
    behind = np.roll(ink, (3, 3), (0, 1))
    return inked(ink, inked(behind, ground, 0.05), 0.95)


def columns(draw: Draw) -> Picture:
    """Names in two columns."""
    rows = int(draw.integers(5, 12))
    lines = [f"{draw.choice(WORDS).title():.<22}{draw.choice(NAMES):.>16}" for _ in range(rows)]
    return inked(written(draw, lines, "mono", 0.8), dark(draw), bright(draw))


def corner(draw: Draw) -> Picture:
    """Two small lines somewhere."""
    ink = written(draw, [str(draw.choice(NAMES)), "1924"], "text", 0.16)
    shift = int(draw.integers(-110, 110)), int(draw.integers(-160, 160))
    return inked(np.roll(ink, shift, (0, 1)), dark(draw), bright(draw))


def letter(draw: Draw) -> Picture:
    """A page written by hand."""
    lines = lines_of(sentence(draw, 34), 30)
    ink = written(draw, lines, "hand", 0.85)
    return inked(ink, 0.82 + 0.03 * noise(draw, 5), 0.15)


def ruled(draw: Draw) -> Picture:
    """Lines above and below, and a mark."""
    ink = title(draw)
    for y in (0.12, 0.88):
        cv2.line(ink, (W // 4, int(y * H)), (3 * W // 4, int(y * H)), 1.0, int(draw.integers(1, 5)))
    cv2.circle(ink, (W // 2, int(0.06 * H)), int(draw.integers(6, 18)), 1.0, 2, cv2.LINE_AA)
    return inked(ink, dark(draw), bright(draw))


def outlined(draw: Draw) -> Picture:
    """The edges of letters alone."""
    ink = title(draw)
    edge = cv2.morphologyEx(ink, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    return inked(edge, dark(draw), bright(draw))


def packed(picture: Picture, quality: int) -> Picture:
    """Compressed hard."""
    codes = (picture.clip(0, 1) * 255).astype(np.uint8)
    _, data = cv2.imencode(".jpg", codes, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.float32) / 255


def faded(picture: Picture, count: int) -> Pictures:
    """Coming out of black."""
    return [picture * min(1.0, k / (0.7 * count)) for k in range(count)]


def sloped(draw: Draw) -> Picture:
    """Lit from one side."""
    slope = np.linspace(0.0, draw.uniform(0.15, 0.35), W, dtype=np.float32)[None]
    return inked(title(draw), dark(draw) + slope.repeat(H, 0), bright(draw))


def many(draw: Draw, kind: str = "text") -> Picture:
    """A card full of small lines."""
    lines = lines_of(sentence(draw, int(draw.integers(50, 90))), 36)
    return inked(written(draw, lines, kind, 0.88, 1.3), dark(draw), bright(draw))


Kind = Callable[[Draw, int], Pictures]
S = still
CARDS: dict[str, Kind] = {
    "white on black": lambda d, n: S(plain(d), n),
    "black on white": lambda d, n: S(inked(title(d), bright(d), dark(d)), n),
    "gray on gray": lambda d, n: S(inked(title(d), d.uniform(0.25, 0.4), d.uniform(0.6, 0.8)), n),
    "dark gray on light gray": lambda d, n: S(inked(title(d), 0.65, d.uniform(0.25, 0.4)), n),
    "ornaments": lambda d, n: S(inked(np.maximum(title(d) , flourish(d)), dark(d), bright(d)), n),
    "ornaments on white": lambda d, n: S(inked(np.maximum(title(d), flourish(d)), 0.9, 0.1), n),
    "border": lambda d, n: S(inked(np.maximum(title(d), frame(d, 1)), dark(d), bright(d)), n),
    "borders": lambda d, n: S(inked(np.maximum(title(d), frame(d, 3)), dark(d), bright(d)), n),
    "scratched": lambda d, n: worn(d, weave(d, S(plain(d), n), 1), scratches=4.0),
    "dusty": lambda d, n: worn(d, S(plain(d), n), dust=30.0),
    "grainy": lambda d, n: worn(d, S(plain(d), n), grain=0.08),
    "flickering": lambda d, n: worn(d, S(plain(d), n), flicker=0.25),
    "hand-held": lambda d, n: moved(d, plain(d), n, 3.0, 1.0),
    "hand-held on white": lambda d, n: moved(d, inked(title(d), 0.85, 0.1), n, 3.0, 1.0),
    "jittering": lambda d, n: weave(d, S(plain(d), n), 6),
    "card stock": lambda d, n: S(on_stock(d), n),
    "cloth": lambda d, n: S(inked(title(d), cloth(d), bright(d)), n),
    "vignette": lambda d, n: S(shaded(d, inked(title(d), 0.25, 0.95), 0.8), n),
    "vignette on white": lambda d, n: S(shaded(d, inked(title(d), 0.85, 0.1), 0.7), n),
    "pillarboxed": lambda d, n: barred(d, S(plain(d), n), "pillar"),
    "pillarboxed on white": lambda d, n: barred(d, S(inked(title(d), 0.85, 0.08), n), "pillar"),
    "letterboxed on gray": lambda d, n: barred(d, S(inked(title(d), 0.4, 0.9), n), "letter"),
    "windowboxed": lambda d, n: barred(d, S(inked(title(d), 0.3, 0.95), n), "window"),
    "round gate": lambda d, n: S(gate(d, inked(title(d), d.choice([0.15, 0.5, 0.85]), 0.0)), n),
    "round gate, white": lambda d, n: S(gate(d, inked(title(d), d.uniform(0.05, 0.4), 0.95)), n),
    "many lines": lambda d, n: S(many(d), n),
    "one word": lambda d, n: S(inked(short(d, 0.16), dark(d), bright(d)), n),
    "one large word": lambda d, n: S(inked(short(d, 0.36), dark(d), bright(d)), n),
    "handwriting": lambda d, n: S(inked(title(d, "hand"), dark(d), bright(d)), n),
    "italics": lambda d, n: S(inked(title(d, "script"), dark(d), bright(d)), n),
    "a letter": lambda d, n: S(letter(d), n),
    "low contrast": lambda d, n: S(inked(title(d), 0.12, d.uniform(0.3, 0.4)), n),
    "roll": rolled,
    "columns": lambda d, n: S(columns(d), n),
    "in a corner": lambda d, n: S(corner(d), n),
    "out of focus": lambda d, n: S(cv2.GaussianBlur(plain(d), (0, 0), d.uniform(1.0, 2.5)), n),
    "packed hard": lambda d, n: S(packed(plain(d), int(d.integers(10, 25))), n),
    "shadowed letters": lambda d, n: S(shadowed(d), n),
    "rules and a mark": lambda d, n: S(ruled(d), n),
    "outlines": lambda d, n: S(outlined(d), n),
    "fading in": lambda d, n: faded(plain(d), n),
    "uneven light": lambda d, n: S(sloped(d), n),
}  # fmt: skip
