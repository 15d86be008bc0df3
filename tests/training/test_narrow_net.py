"""How scripts/weights/narrow_net.py makes a net of less work."""

from __future__ import annotations

import sys
from importlib import import_module
from itertools import islice
from pathlib import Path

import pytest
import torch
from synthetic import texture
from torch import Tensor, nn

from vidcolor.media.images.files import write_rgb
from vidcolor.nets.colornet import ColorNetConfig, NetInput
from vidcolor.nets.registry import build_net
from vidcolor.nets.vgg_fused import FilmNet

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts" / "weights"))
equalize, least_squares, narrow_net = (
    import_module(name) for name in ("equalize", "least_squares", "narrow_net")
)
sys.path.pop(0)


@pytest.fixture
def wide() -> FilmNet:
    """A small net with the whole of VGG16, which makes something of every picture."""
    torch.manual_seed(2)
    net = build_net(ColorNetConfig(width=16, blocks=(1, 1), heads=2))
    assert isinstance(net, FilmNet)
    for module in net.vgg.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
    return net.eval().requires_grad_(False)


def pictures(count: int) -> list[Tensor]:
    return [texture(seed, 32, 48)[None, None] * 100 for seed in range(count)]


def test_channels_that_are_mixes_of_others_are_not_picked() -> None:
    torch.manual_seed(3)
    x = torch.randn(1, 4, 20, 20)
    x = torch.cat([x, x[:, :2] + x[:, 2:]], 1)  # six channels that say what four do
    moment = least_squares.measure_moment([x], 1)
    kept, mix = least_squares.pick_channels(moment, torch.eye(6).double(), 4)
    restored = torch.einsum("ck,bkhw->bchw", mix.float(), x[:, kept])
    assert torch.allclose(restored, x, atol=1e-4)
    lift = least_squares.project_channels(moment, torch.eye(6).double(), 4).float()
    mixed = torch.einsum("kc,bchw->bkhw", lift, x)
    assert mixed.square().mean((0, 2, 3)) == pytest.approx(torch.ones(4), abs=1e-3)
    back = torch.linalg.pinv(lift)
    assert torch.allclose(torch.einsum("ck,bkhw->bchw", back, mixed), x, atol=1e-3)


def test_weights_are_found_again_from_what_they_made() -> None:
    torch.manual_seed(4)
    inputs = [torch.randn(1, 3, 16, 16) for _ in range(4)]
    true, conv = (nn.Conv2d(3, 5, 3, padding=1) for _ in range(2))
    with torch.no_grad():
        least_squares.refit(conv, inputs, [true(x) for x in inputs])
    assert torch.allclose(conv.weight, true.weight, atol=1e-3)
    assert torch.allclose(conv.bias, true.bias, atol=1e-3)  # type: ignore[arg-type]


@torch.no_grad()
def test_scaled_channels_change_nothing_but_what_they_fill(wide: FilmNet) -> None:
    torch.manual_seed(5)
    config = ColorNetConfig(width=16, blocks=(1, 1), heads=2, lifts=(16, 6))
    net = build_net(config).eval()
    assert isinstance(net, FilmNet)
    net.vgg.load_state_dict(wide.vgg.state_dict())
    net.vgg.features[7].weight.mul_(torch.logspace(-3, 0, 128)[:, None, None, None])  # type: ignore[operator]
    looks = pictures(2)
    before = net(NetInput(looks[0]))
    spread = least_squares.measure_moment([narrow_net.run_stem(net.vgg, looks[0], 9)], 1)
    equalize.equalize(net, looks)
    assert torch.allclose(net(NetInput(looks[0])), before, atol=1e-2)
    after = least_squares.measure_moment([narrow_net.run_stem(net.vgg, looks[0], 9)], 1)

    def unevenness(moment: Tensor) -> float:
        power = moment.diagonal()
        return float(power[power > power.max() * 1e-9].log().std())

    assert unevenness(after) < 0.7 * unevenness(spread)


def test_the_narrow_stem_gives_nearly_what_the_wide_one_does(
    wide: FilmNet, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "source").mkdir()
    for seed in range(6):
        rgb = (texture(seed, 140, 150)[None].expand(3, -1, -1) * 255).to(torch.uint8)
        write_rgb(rgb, tmp_path / "source" / f"{seed}.png")
    monkeypatch.setattr(narrow_net, "SHORT_SIDE", 64)
    monkeypatch.setattr(narrow_net, "BATCH", 2)
    album = narrow_net.Album(tmp_path, [])
    assert not narrow_net.Album(tmp_path, ["source"]).paths
    looks = list(islice(album.draw(), 6))
    student = narrow_net.Student(wide.vgg, *narrow_net.narrow_stem(wide.vgg, looks))
    assert [conv.out_channels for conv in student.convs] == list(narrow_net.STEM)
    behind = narrow_net.find_stem(wide.vgg)[-1] + 2
    monkeypatch.setattr(narrow_net, "CROP", 64)

    def error() -> float:
        with torch.no_grad():
            wanted = [narrow_net.run_stem(wide.vgg, L, behind) for L in looks]
            missed = [(student(L) - x).square().mean() for L, x in zip(looks, wanted, strict=True)]
            return float(sum(missed) / sum(x.square().mean() for x in wanted))

    before = error()
    assert before < 0.02
    narrow_net.teach_stem(wide.vgg, student, album, 0.05)
    assert error() < before


@torch.no_grad()
def test_the_narrow_lift_and_pooled_attention_give_nearly_the_same_colors(wide: FilmNet) -> None:
    looks = pictures(6)
    config = ColorNetConfig(width=16, blocks=(1, 1), heads=2, lifts=(16, 8), pooled=True)
    made = build_net(config).eval()
    assert isinstance(made, FilmNet)
    shapes = {key: value.shape for key, value in made.state_dict().items()}
    same = {k: v for k, v in wide.state_dict().items() if shapes.get(k) == v.shape}
    made.load_state_dict(same, strict=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(narrow_net, "LIFT", 8)
        narrow_net.narrow_lift(wide, made, looks)
    found, expected = (net(NetInput(looks[0])) for net in (made, wide))
    assert (found - expected).abs().mean() < 0.1 * expected.std()
    norm = made.fuse4[0][1]  # type: ignore[index]
    assert norm.running_var.std() > 0, "training can go on from it"
