"""The color sheet of one film as the page has it: a file of the server's own, with undo and redo.

A sheet that lies beside a film of the server's folders is the beginning, and what is edited there
by hand is taken over; nothing is ever written there.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath
from threading import RLock

from vidcolor.errors import AccessDenied, ColorSheetError, SettingsError, VidcolorError
from vidcolor.guidance.entries import DIALS, Reference, SheetContent, Stretch
from vidcolor.guidance.sheet_edits import Clock
from vidcolor.guidance.sheet_file import MAX_BYTES, SUFFIX, parse_sheet, sheet_error
from vidcolor.guidance.sheet_write import rewrite
from vidcolor.web.library import KEPT_FREE, Film, spoken

MOST_STEPS = 200
"""Texts that can be come back to."""

IMAGE_KINDS = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg"}
IMAGE_KINDS |= {".webp": "image/webp", ".tif": "image/tiff", ".tiff": "image/tiff"}
"""What references may be; no kind of file that can name other files."""

LARGEST_IMAGE = 1 << 26
"""Bytes of an image."""

MOST_IMAGES = 200
"""Images of one film."""


class FilmSheet:
    """What is said of one film's colors; several threads may ask it.

    Attributes:
        path: The file, in a folder of its own with the images that it names.
        clock: What SMPTE times are read with.
        note: What a user should know of the last reading of the sheet beside the film.
    """

    def __init__(
        self, film: Film, folder: Path, nets: Callable[[], list[str]], clock: Clock
    ) -> None:
        """Begin with the sheet beside the film, if there is one that may be used.

        Args:
            film: Its own folder is looked into only if it was not uploaded.
            folder: Is made; goes with the film.
            nets: Names of the weights that a sheet may name.
            clock: For SMPTE times.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        stem = spoken(film.name)
        self.path = folder / f"{stem[: len(stem) - len(Path(stem).suffix)] or 'film'}{SUFFIX}"
        self.clock, self.note = clock, ""
        self._nets = nets
        self._beside = (
            None if film.uploaded or film.is_scans else film.path.with_name(film.path.stem + SUFFIX)
        )
        self._seen: tuple[int, int] | None = None
        self._own = ""
        """What the sheet beside the film said when it was read last."""
        self._past: list[str] = []
        self._future: list[str] = []
        self._text = ""
        self._lock = RLock()

    @property
    def text(self) -> str:
        """The whole sheet, after a look at the one beside the film."""
        with self._lock:
            self._look_beside()
            return self._text

    @property
    def content(self) -> SheetContent:
        """What it says."""
        return self._parse(self.text)

    @property
    def says_something(self) -> bool:
        """Whether coloring with it differs from coloring without it."""
        said = self.content
        return bool(said.hints or said.references or any(map(has_dials, said.stretches)))

    @property
    def steps(self) -> tuple[bool, bool]:
        """Whether there is something to undo, and something to redo."""
        return bool(self._past), bool(self._future)

    def change(
        self, edit: Callable[[str], str], check: Callable[[Path], object] | None = None
    ) -> None:
        """Change the text; the step can be undone.

        Args:
            edit: From the old text to the new.
            check: Raises where a file with the new text does not fit the film.

        Raises:
            ColorSheetError: What comes out is no sheet, does not fit, or names what it may not;
                nothing changes.
            SettingsError: As ``edit``.
        """
        with self._lock:
            self._look_beside()
            new = edit(self._text)
            if new == self._text:
                return
            self._check(new)
            if check:
                self._try(new, check)
            self._past = [*self._past, self._text][-MOST_STEPS:]
            self._future, self.note = [], ""
            self._write(new)

    def adopt(self, text: str, check: Callable[[Path], object] | None = None) -> None:
        """Take a whole text in place of the one that is there.

        Args:
            text: Of a sheet; its images are here already, by path or by name.
            check: As of `change`.

        Raises:
            ColorSheetError: As `change`; the line is told.
        """
        with self._lock:
            for reference in self._parse(text).references:
                self._place(reference)
            self.change(lambda _: text, check)

    def save(self) -> Path:
        """The file, which is there from now on."""
        with self._lock:
            text = self.text
            if not self.path.is_file():
                self._write(text)
        return self.path

    def undo(self) -> None:
        """Go back a step, if there is one."""
        self._step(self._past, self._future)

    def redo(self) -> None:
        """Take back an `undo`, if there is one."""
        self._step(self._future, self._past)

    def add_image(self, name: str, data: bytes) -> str:
        """Keep an image; the path by which a reference of this sheet names it.

        Raises:
            AccessDenied: It is too large, there are too many, or it is none by its name.
        """
        stem, suffix = os.path.splitext(spoken(name))
        if suffix.lower() not in IMAGE_KINDS:
            kinds = ", ".join(kind.removeprefix(".") for kind in IMAGE_KINDS)
            raise AccessDenied(f"{spoken(name)}: is no image; use {kinds}")
        if len(data) > LARGEST_IMAGE:
            raise AccessDenied(f"{spoken(name)}: is larger than {LARGEST_IMAGE >> 20} MiB")
        with self._lock:
            if len(os.listdir(self.path.parent)) >= MOST_IMAGES:
                raise AccessDenied(f"this film has {MOST_IMAGES} images; remove it and begin anew")
            if shutil.disk_usage(self.path.parent).free < len(data) + KEPT_FREE:
                raise AccessDenied(f"{spoken(name)}: the disk is too full for it; free some space")
            stem = stem.lstrip(".") or "image"
            for number in range(1, MOST_IMAGES + 2):
                path = self.path.with_name(f"{stem}{f'-{number}' if number > 1 else ''}{suffix}")
                if path.is_file() and path.read_bytes() == data:
                    return path.name
                if not path.exists():
                    path.write_bytes(data)
                    return path.name
        raise AccessDenied(f"{stem}: there are too many images of this name")

    def image(self, name: str) -> Path:
        """The file of an image that a reference names.

        Raises:
            AccessDenied: There is none here.
        """
        path = self._inside(self.path.parent, name)
        if path is None:
            raise AccessDenied("this image is gone; drop it again")
        return path

    def images(self) -> Iterator[tuple[str, Path]]:
        """Path as a reference names it, and file, of each image in use."""
        for name in dict.fromkeys(str(one.image) for one in self.content.references):
            yield name, self.image(name)

    def copy_to(self, folder: Path) -> Path:
        """Copy the sheet with its images, as they are now; the copy's file.

        The name of the film is left out: an upload has another one on the disk.
        """
        with self._lock:
            target = folder / self.path.name
            folder.mkdir(mode=0o700, exist_ok=True)
            for name, file in self.images():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, folder / name)
            said = self.content
            target.write_text(
                rewrite(self._text, said, {}, "", said.saved), newline="", encoding="utf-8"
            )
        return target

    def _parse(self, text: str) -> SheetContent:
        return parse_sheet(text, self.path.name, self.clock.rate, self.clock.start)

    def _check(self, text: str) -> None:
        """Refuse a sheet whose images or weights are none of this page's."""
        said = self._parse(text)
        for reference in said.references:
            if self._inside(self.path.parent, str(reference.image)) is None:
                raise sheet_error(
                    self.path.name,
                    reference.line,
                    f"image {reference.image} is not on this page; choose the image together with"
                    " the sheet, or remove this reference",
                )
        for stretch in said.stretches:
            if stretch.weights and stretch.weights not in self._nets():
                raise sheet_error(
                    self.path.name,
                    stretch.line,
                    f"there are no weights {stretch.weights} on this page; use one of"
                    f" {', '.join(self._nets())}",
                )

    def _try(self, text: str, check: Callable[[Path], object]) -> None:
        """Let a file with the text be looked at before it takes the place of the sheet."""
        trial = self.path.with_name(f".trial-{self.path.name}")
        trial.write_text(text, newline="", encoding="utf-8")
        try:
            check(trial)
        except VidcolorError as error:
            raise ColorSheetError(str(error).replace(trial.name, self.path.name)) from error
        finally:
            trial.unlink(missing_ok=True)

    def _place(self, reference: Reference) -> None:
        """Put an image that came by its name alone where a reference looks for it."""
        name = PurePosixPath(str(reference.image).replace("\\", "/"))
        here = self._inside(self.path.parent, name.name)
        safe = not name.is_absolute() and not any(part.startswith(".") for part in name.parts)
        if here and safe and len(name.parts) > 1 and "\0" not in str(name):
            target = self.path.parent / name
            with suppress(OSError):
                if target.parent.resolve().is_relative_to(self.path.parent.resolve()):
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(here, target)

    @staticmethod
    def _inside(folder: Path, name: str) -> Path | None:
        """The image of this name in a folder, every link followed; None where there is none."""
        if not name or "\0" in name or Path(name).is_absolute() or ".." in Path(name).parts:
            return None
        try:
            root = folder.resolve(strict=True)
            path = (root / name).resolve(strict=True)
        except (OSError, RuntimeError):
            return None
        fits = path.is_relative_to(root) and path.is_file() and path.suffix.lower() in IMAGE_KINDS
        hidden = (
            any(part.startswith(".") for part in path.relative_to(root).parts) if fits else True
        )
        return None if hidden else path

    def _step(self, source: list[str], target: list[str]) -> None:
        with self._lock:
            self._look_beside()
            if source:
                target.append(self._text)
                self._write(source.pop())

    def _write(self, text: str) -> None:
        part = self.path.with_name(f".part-{self.path.name}")
        part.write_text(text, newline="", encoding="utf-8")
        os.replace(part, self.path)
        self._text = text

    def _look_beside(self) -> None:
        """Take over what the sheet beside the film says now, if it changed since the last look.

        What the page had said meanwhile is a step back.
        """
        if self._beside is None:
            return
        try:
            state = self._beside.stat()
            seen = (state.st_mtime_ns, state.st_size)
            if seen == self._seen or self._beside.resolve().parent != self._beside.parent:
                return
            self._seen = seen
            text = self._beside.read_bytes()[: MAX_BYTES + 1].decode()
            if text == self._own:
                return
            self._adopt_beside(text)
        except FileNotFoundError:
            return
        except (OSError, UnicodeDecodeError) as error:
            self.note = f"{self._beside.name} beside the film cannot be read: {error}"
        except (ColorSheetError, SettingsError, AccessDenied) as error:
            self.note = f"The sheet beside the film is not used. {error}"

    def _adopt_beside(self, text: str) -> None:
        assert self._beside is not None
        folder = self._beside.parent
        for reference in self._parse(text).references:
            name = str(reference.image)
            file = self._inside(folder, name)
            if file and file.stat().st_size <= LARGEST_IMAGE:
                target = self.path.parent / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, target)
        self._check(text)
        if self._text and self._text not in (text, self._own):
            self.note = (
                f"{self._beside.name} was edited beside the film and is shown now. Undo brings back"
                " what you said here."
            )
        else:
            self.note = f"The colors begin with {self._beside.name}, which lies beside the film."
        if self._text:
            self._past = [*self._past, self._text][-MOST_STEPS:]
        self._own, self._future = text, []
        self._write(text)


def has_dials(stretch: Stretch) -> bool:
    """Whether a stretch sets anything: a first sheet has one for each shot, which say nothing."""
    return any(getattr(stretch, dial) is not None for dial in DIALS)
