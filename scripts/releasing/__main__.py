"""Makes the files of a release: ``scripts/release`` calls it with the tools that it needs."""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from releasing.addresses import add_addresses
from releasing.archives import unpack, write_context

ROOT = Path(__file__).parents[2]


def main() -> None:
    """Write all files, or end with a line that says what is wrong."""
    parser = argparse.ArgumentParser(prog="scripts/release", description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="default: dist")
    parser.add_argument("--url", help="where the project is published (default: git's origin)")
    parser.add_argument("--no-sbom", action="store_true", help="installs nothing, for a quick look")
    args = parser.parse_args()
    with TemporaryDirectory() as name:
        source, made = Path(name, "vidcolor"), Path(name, "made")
        commit = _git("rev-parse", "HEAD")
        if changed := _git("status", "--porcelain"):
            sys.exit(f"commit or remove first what is not in {commit[:12]}:\n{changed}")
        unpack(ROOT, source)
        version = find_version(source)
        os.environ["SOURCE_DATE_EPOCH"] = _git("log", "-1", "--format=%ct")
        if url := args.url or find_address(_git("config", "--get", "remote.origin.url")):
            add_addresses(source, url.removesuffix("/"), version)
        else:
            print("no --url and no origin on the web: the package names no address of the project")
        _run("build", "--no-isolation", "--outdir", made, source)  # the wheel is built of the sdist
        _run("twine", "check", "--strict", *sorted(made.iterdir()))
        write_context(source, made / f"vidcolor-{version}-container.tar.gz")
        if not args.no_sbom:
            write_sbom(source, made, Path(name, "installed"), version)
        replace_folder(made, args.out)
    for path in sorted(args.out.iterdir()):
        print(f"{path.stat().st_size:>12,}  {path}")


def find_version(source: Path) -> str:
    """The version of the package; ends where the changelog does not begin with it."""
    text = (source / "vidcolor/__init__.py").read_text()
    version = re.findall(r'^__version__ = "(.+)"$', text, re.MULTILINE)[0]
    heading = re.findall(r"^## (.+)$", (source / "CHANGELOG.md").read_text(), re.MULTILINE)[0]
    if not re.fullmatch(rf"\[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d", heading):
        sys.exit(f"CHANGELOG.md begins with {heading}, but vidcolor is {version}")
    return str(version)


def find_address(remote: str) -> str:
    """The page of a git remote; empty where it is none on the web."""
    found = re.fullmatch(r"(?:https://|git@|ssh://git@)([\w.-]+)[:/](.+?)(?:\.git)?/?", remote)
    return f"https://{found[1]}/{found[2]}" if found else ""


def write_sbom(source: Path, made: Path, room: Path, version: str) -> None:
    """Install the wheel into an environment of its own, and list what came with it (CycloneDX).

    Which torch comes is a matter of pip's settings: with PyTorch's index of CPU wheels in
    PIP_EXTRA_INDEX_URL it is that one, without the libraries of CUDA.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", room], check=True)
    python = room / "bin/python"
    pins = source / "scripts/constraints.txt"
    wanted = ("-c", pins, next(made.glob("*.whl")))
    _run("pip", "--python", python, "install", "-q", "--disable-pip-version-check", *wanted)
    for note in room.glob("lib/python*/site-packages/vidcolor-*/direct_url.json"):
        note.unlink()  # names the folder from which the wheel was installed
    subject = room / "pyproject.toml"
    text = (source / "pyproject.toml").read_text()
    subject.write_text(text.replace('dynamic = ["version"]', f'version = "{version}"'))
    target = made / f"vidcolor-{version}.cdx.json"
    words = ("--output-reproducible", "--pyproject", subject, "-o", target, python)
    _run("cyclonedx_py", "environment", *words)


def replace_folder(made: Path, out: Path) -> None:
    """Put the files, and SHA256SUMS over them, in the place of those of an earlier release."""
    sums = [
        f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.name}" for p in sorted(made.iterdir())
    ]
    (made / "SHA256SUMS").write_text("\n".join(sums) + "\n")
    out.mkdir(parents=True, exist_ok=True)
    for old in out.glob("vidcolor-*"):
        old.unlink()
    for path in made.iterdir():
        shutil.move(path, out / path.name)


def _git(*words: str) -> str:
    done = subprocess.run(["git", "-C", ROOT, *words], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def _run(module: str, *words: str | Path) -> None:
    done = subprocess.run([sys.executable, "-m", module, *words], check=False)
    if done.returncode:
        sys.exit(f"{module} failed: nothing was written")


if __name__ == "__main__":
    main()
