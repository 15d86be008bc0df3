"""What every test gets: small weights made once, and a check that nothing is left running.

What is large is imported where it is used: the first process of xdist reads this and runs no test.
"""

from __future__ import annotations

import copy
import gc
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from vidcolor.nets.colornet import ColorNet
    from vidcolor.nets.vgg_fused import FilmNet

WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
"""Processes that share the tests, and the cores."""

gc.disable()  # until all tests are imported: none of a million new objects is rubbish


def pytest_collection_finish(session: pytest.Session) -> None:
    """What was imported stays, so that no search for rubbish goes through it."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def few_threads() -> None:
    import torch

    torch.set_num_threads(max(1, min(2, torch.get_num_threads()) // WORKERS))
    if WORKERS > 1:  # for the processes that tests start
        os.environ["OMP_NUM_THREADS"] = str(torch.get_num_threads())


@pytest.fixture(scope="session", autouse=True)
def no_wait_for_the_disk() -> Iterator[None]:
    """What tests write need not outlive a power cut; the processes they start do wait for it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda file: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def no_defaults_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A vidcolor.toml of who runs the tests must not change them, nor the processes they start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.getbasetemp() / "config"))
        yield


@pytest.fixture(scope="session", autouse=True)
def weights_read_once() -> Iterator[None]:
    """Runs of this process get copies of nets that were read before: most of a short run's time."""
    from vidcolor.nets import weights

    read: dict[tuple[str, int, int], tuple[ColorNet, str]] = {}

    def load(name: str | Path) -> tuple[ColorNet, str]:
        path = weights.find_weights(name)[0]
        file = path.stat()
        key = str(path.resolve()), file.st_mtime_ns, file.st_size
        if key not in read:
            read[key] = weights.load_weights(name)
        net, sha256 = read[key]
        return copy.deepcopy(net), sha256

    with pytest.MonkeyPatch.context() as patch:
        for module in ("colorizer", "session"):
            patch.setattr(f"vidcolor.colorize.{module}.load_weights", load)
        yield


SETTLE_SECONDS = 3.0
"""A thread may still be on its way out when a test ends; a leaked one stays for good."""


def left_running(before: set[threading.Thread]) -> list[threading.Thread]:
    """Threads born since ``before``, but for tqdm's monitor, which lives as long as Python, and
    those of other libraries that called into Python, as VapourSynth's do."""
    return [
        thread
        for thread in threading.enumerate()
        if thread not in before and type(thread).__name__ not in ("TMonitor", "_DummyThread")
    ]


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    import torch

    state = torch.get_rng_state()
    before = set(threading.enumerate())
    yield
    torch.set_rng_state(state)
    # SVT-AV1 gives the thread that opens it real time where root runs it: it and all that it starts
    # would keep the machine from everyone else, the other workers too.
    if hasattr(os, "sched_setscheduler") and os.sched_getscheduler(0) != os.SCHED_OTHER:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    deadline = time.monotonic() + SETTLE_SECONDS
    while left := left_running(before):
        if time.monotonic() > deadline:
            pytest.fail(f"the test left threads running: {[thread.name for thread in left]}")
        time.sleep(0.01)


def tiny_net() -> FilmNet:
    """A film net that is quick to run and paints strong, picture-dependent colors."""
    import torch

    from vidcolor.nets.colornet import ColorNetConfig
    from vidcolor.nets.registry import build_net
    from vidcolor.nets.vgg_fused import FilmNet

    torch.manual_seed(20)
    net = build_net(ColorNetConfig(width=32, blocks=(1, 1), heads=2))
    assert isinstance(net, FilmNet)
    with torch.no_grad():
        # Fresh VGG convolutions shrink what passes through; this keeps the picture visible.
        for layer in net.vgg.features:
            if isinstance(layer, torch.nn.Conv2d):
                torch.nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        # Orange wins over the other bins, by an amount that depends on the picture.
        distance = (net.bins - torch.tensor([40.0, 40.0])).norm(dim=1)
        net.classify.bias.copy_(-distance / 12)
        net.classify.weight.mul_(8)
    return net.eval()


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small weights file; its colors are orange, not gray."""
    from vidcolor.nets.weights import save_weights

    folder = tmp_path_factory.mktemp("weights")
    return save_weights(
        tiny_net(), folder / "tiny.safetensors", training={"made": "in a test"}, scores={"psnr": 1}
    )


@pytest.fixture(scope="session")
def tiny(tiny_weights: Path) -> ColorNet:
    """The net of `tiny_weights`; tests must not change it."""
    from vidcolor.nets.weights import load_weights

    return load_weights(tiny_weights)[0]


@pytest.fixture(scope="session")
def quick_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For tests that ask how frames travel and not which net colors them."""
    from shared import save_quick_net

    return save_quick_net(tmp_path_factory.mktemp("quick"))


@pytest.fixture(scope="session")
def quick(quick_weights: Path) -> ColorNet:
    """The net of `quick_weights`; tests must not change it."""
    from vidcolor.nets.weights import load_weights

    return load_weights(quick_weights)[0]


@pytest.fixture
def quick_guide(quick: ColorNet) -> Iterator[None]:
    """The net of `quick_weights` has a guide, which learned nothing, in this process."""
    from hinted import guided_by, small_guide

    with guided_by(small_guide(quick)):
        yield


@pytest.fixture
def sure_guide(quick: ColorNet) -> Iterator[None]:
    """As `quick_guide`, but it knows again what `write_scenes` shows."""
    from hinted import guided_by, small_guide

    guide = small_guide(quick)
    guide.unlike.fill_(-6.0)
    with guided_by(guide):
        yield


@pytest.fixture(scope="session")
def vgg_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random convolutions in the form of the ImageNet weights."""
    import torch
    from safetensors.torch import save_file

    from vidcolor.nets.vgg import VGG16Features

    torch.manual_seed(21)
    path = tmp_path_factory.mktemp("vgg") / "vgg.safetensors"
    state = VGG16Features().state_dict()
    save_file({key: value.half() for key, value in state.items()}, path)
    return path


@pytest.fixture(scope="session")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sources of six pictures, one of them kept for validation, and some that are no good."""
    import torch
    from synthetic import photo

    from vidcolor.media.images.files import write_rgb
    from vidcolor.training.data.stills import Still, look_of

    folder = tmp_path_factory.mktemp("album")
    for source in ("towns", "woods"):
        (folder / source).mkdir()
    seed = kept = 0
    while kept == 0 or seed < 11:
        picture = photo(seed)
        validation = Still("", "", look_of(picture)).validation
        if seed < 11 or validation:
            kept += validation
            write_rgb(picture, folder / ("towns", "woods")[seed % 2] / f"{seed}.jpg")
        seed += 1
    write_rgb(photo(0, 60, 300), folder / "towns" / "tiny.png")
    dull = photo(0)[:1].expand(3, -1, -1).contiguous()
    write_rgb(dull, folder / "towns" / "dull.png")
    card = torch.tensor([200, 90, 20], dtype=torch.uint8)[:, None, None].expand(3, 120, 150)
    write_rgb(card, folder / "woods" / "card.png")
    (folder / "woods" / "broken.jpg").write_bytes(b"\xff\xd8\xff no picture")
    (folder / "woods" / "notes.txt").write_text("no picture either")
    return folder
