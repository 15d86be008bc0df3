"""What is published of a version: one number everywhere, archives with what belongs in them."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from releasing.__main__ import find_address, find_version
from releasing.addresses import add_addresses
from releasing.archives import context_files, write_context

from vidcolor import __version__

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
URL = "https://github.com/somebody/vidcolor"


def tracked() -> list[str]:
    """The files of the repository, as they lie here."""
    done = subprocess.run(["git", "-C", ROOT, "ls-files"], capture_output=True, text=True)
    names = [name for name in done.stdout.splitlines() if (ROOT / name).is_file()]
    return names or pytest.skip("is no git repository")


def test_the_version_is_the_same_everywhere() -> None:
    assert "version" in PROJECT["dynamic"]
    assert find_version(ROOT) == __version__
    date = re.findall(r"^## \[.+\] - (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[0]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert (citation["version"], str(citation["date-released"])) == (__version__, date)
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for named in re.findall(r"\bvidcolor[- ]v?(\d+\.\d+\.\d+)\b", page.read_text()):
            assert named == __version__, page.name


@pytest.mark.parametrize("heading", ["[Unreleased]", "[0.9.0] - 2026-01-01", "[1.2.3]"])
def test_a_changelog_of_another_version_is_told(tmp_path: Path, heading: str) -> None:
    (tmp_path / "vidcolor").mkdir()
    (tmp_path / "vidcolor/__init__.py").write_text('__version__ = "1.2.3"\n')
    (tmp_path / "CHANGELOG.md").write_text(f"# Changelog\n\n## {heading}\n")
    with pytest.raises(SystemExit, match="CHANGELOG"):
        find_version(tmp_path)
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n## [1.2.3] - 2026-01-01\n")
    assert find_version(tmp_path) == "1.2.3"


@pytest.mark.parametrize(
    ("remote", "page"),
    [
        (f"{URL}.git", URL),
        (URL, URL),
        ("git@github.com:somebody/vidcolor.git", URL),
        ("ssh://git@github.com/somebody/vidcolor", URL),
        ("/srv/git/vidcolor", ""),
        ("../vidcolor", ""),
        ("", ""),
    ],
)
def test_the_page_of_a_remote_is_found(remote: str, page: str) -> None:
    assert find_address(remote) == page


def test_addresses_are_put_into_what_is_published(tmp_path: Path) -> None:
    for name in ("pyproject.toml", "README.md", "CITATION.cff"):
        shutil.copy(ROOT / name, tmp_path)
    add_addresses(tmp_path, URL, "1.2.3")
    urls = tomllib.loads((tmp_path / "pyproject.toml").read_text())["project"]["urls"]
    assert urls["Source"] == URL
    assert urls["Changelog"] == f"{URL}/blob/v1.2.3/CHANGELOG.md"
    assert yaml.safe_load((tmp_path / "CITATION.cff").read_text())["repository-code"] == URL
    text = (tmp_path / "README.md").read_text()
    assert f"git clone {URL} vidcolor" in text
    assert f"]({URL}/raw/v1.2.3/docs/moving.gif)" in text
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert len(links) > 10
    for link in links:
        found = re.fullmatch(rf"{URL}/(?:blob|raw)/v1\.2\.3/([^#]+)(?:#.+)?", link)
        assert found, link
        assert (ROOT / found[1]).exists(), link


def test_the_container_context_has_what_the_dockerfile_copies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    source = tmp_path / "source"
    for name in tracked():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(
            b"" if name.endswith(".safetensors") else (ROOT / name).read_bytes()
        )
    write_context(source, tmp_path / "one.tar.gz")
    for path in context_files(source):
        os.utime(path, (1, 1))
    write_context(source, tmp_path / "two.tar.gz")
    assert (tmp_path / "one.tar.gz").read_bytes() == (tmp_path / "two.tar.gz").read_bytes()
    with tarfile.open(tmp_path / "one.tar.gz") as archive:
        names = set(archive.getnames())
    assert {"Dockerfile", ".dockerignore", "scripts/constraints.txt", "hatch_build.py"} <= names
    assert {name for name in tracked() if name.startswith("vidcolor/")} <= names
    assert not [name for name in names if name.startswith(("tests/", "docs/", "samples/", ".git"))]


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Path]]:
    """The repository as it lies here, committed elsewhere, and two folders released from it."""
    room = tmp_path_factory.mktemp("release")
    source = room / "source"
    for name in tracked():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    git = ["git", "-C", source, "-c", "user.name=a", "-c", "user.email=a@b.c"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "all"]):
        subprocess.run([*git, *words], check=True)
    for number, mask in enumerate((0o022, 0o077)):
        subprocess.run(
            ["scripts/release", "--no-sbom", "--url", URL, "--out", room / f"dist{number}"],
            cwd=source,
            env={**os.environ, "TZ": ("UTC", "Asia/Tokyo")[number]},
            umask=mask,
            check=True,
        )
    yield [source, room / "dist0", room / "dist1"]
    shutil.rmtree(room)  # three times the weights


@pytest.mark.slow
def test_the_same_commit_gives_the_same_bytes(released: list[Path]) -> None:
    _, first, second = released
    names = {
        f"vidcolor-{__version__}-py3-none-any.whl",
        f"vidcolor-{__version__}.tar.gz",
        f"vidcolor-{__version__}-container.tar.gz",
        "SHA256SUMS",
    }
    assert {path.name for path in first.iterdir()} == names
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name
    for line in (first / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((first / name).read_bytes()).hexdigest() == digest


@pytest.mark.slow
def test_the_wheel_has_the_package_and_nothing_else(released: list[Path]) -> None:
    """The code with its types, the weights with their licenses, man pages, completion; no tests."""
    wheel = zipfile.ZipFile(next(released[1].glob("*.whl")))
    weights = tomllib.loads((ROOT / "models/weights.toml").read_text())["weights"]
    expected = {name for name in tracked() if name.startswith("vidcolor/")}
    assert "vidcolor/py.typed" in expected
    expected |= {f"vidcolor/models/{entry['file']}" for entry in weights}
    expected |= {"vidcolor/models/weights.toml", "vidcolor/models/APACHE-2.0.txt"}
    info, share = f"vidcolor-{__version__}.dist-info", f"vidcolor-{__version__}.data/data/share"
    expected |= {f"{info}/{name}" for name in ("METADATA", "WHEEL", "RECORD", "entry_points.txt")}
    expected |= {f"{info}/licenses/{name}" for name in PROJECT["license-files"]}
    names = set(wheel.namelist())
    pages = {name for name in names if name.startswith(f"{share}/man/man1/")}
    expected |= pages | {f"{share}/bash-completion/completions/vidcolor"}
    expected |= {f"{share}/fish/vendor_completions.d/vidcolor.fish"}
    expected |= {f"{share}/zsh/site-functions/_vidcolor"}
    assert names == expected
    assert {f"{share}/man/man1/vidcolor.1", f"{share}/man/man1/vidcolor-preview.1"} <= pages
    metadata = wheel.read(f"{info}/METADATA").decode()
    assert f"\nVersion: {__version__}\n" in metadata
    assert f"\nProject-URL: Source, {URL}\n" in metadata
    for extra in PROJECT["optional-dependencies"]:
        assert f"\nProvides-Extra: {extra}\n" in metadata


@pytest.mark.slow
def test_the_sdist_has_the_repository(released: list[Path]) -> None:
    with tarfile.open(released[1] / f"vidcolor-{__version__}.tar.gz") as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names == {*tracked(), "PKG-INFO"}


@pytest.mark.slow
def test_repository_and_container_context_make_the_wheel_of_the_sdist(
    released: list[Path], tmp_path: Path
) -> None:
    """But for the addresses of the project, which only a release knows."""
    source, dist, _ = released
    python = source / "build/release-tools/bin/python"
    (tmp_path / "context").mkdir()
    with tarfile.open(dist / f"vidcolor-{__version__}-container.tar.gz") as archive:
        archive.extractall(tmp_path / "context", filter="data")
    words = [python, "-m", "build", "--no-isolation", "--wheel", "--outdir"]
    subprocess.run([*words, tmp_path / "a", source], check=True)
    subprocess.run([*words, tmp_path / "b", tmp_path / "context"], check=True)
    wheels = [next(folder.glob("*.whl")) for folder in (dist, tmp_path / "a", tmp_path / "b")]
    released_, plain, of_context = (
        {i.filename: i.CRC for i in zipfile.ZipFile(w).infolist()} for w in wheels
    )
    assert released_ == of_context
    differing = {name for name in released_ if plain.get(name) != released_[name]}
    info = f"vidcolor-{__version__}.dist-info"
    assert set(plain) == set(released_)
    assert differing == {f"{info}/METADATA", f"{info}/RECORD"}
