from __future__ import annotations

import copy
import dataclasses
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models.vgg import cfgs, make_layers

from vidcolor.errors import SettingsError, WeightsMismatch
from vidcolor.nets.book import BookNet, VGG16Classes
from vidcolor.nets.colornet import (
    ColorNet,
    ColorNetConfig,
    NetInput,
    average_color,
    find_odds,
    measure_agreement,
    sharpen_odds,
)
from vidcolor.nets.mini import MiniNet
from vidcolor.nets.registry import MINI, build_net
from vidcolor.nets.vgg import IMAGENET_MEAN, VGG16Features, load_imagenet
from vidcolor.nets.vgg_fused import FilmNet

BOOK_ENCODER = [
    # in, out, stride
    (1, 64, 2),
    (64, 128, 1),
    (128, 128, 2),
    (128, 256, 1),
    (256, 256, 2),
    (256, 512, 1),
    (512, 512, 1),
    (512, 256, 1),
]
BOOK_DECODER = [
    # in, out, what follows
    (256, 128, ["ReLU", "Upsample"]),
    (128, 64, ["ReLU", "Upsample"]),
    (64, 32, ["ReLU"]),
    (32, 16, ["ReLU"]),
    (16, 2, ["Tanh", "Upsample"]),
]


@pytest.fixture(scope="module")
def book_on_paper() -> BookNet:
    """The book's net without memory: its VGG16 alone has 138 million parameters."""
    with torch.device("meta"):
        net = build_net(ColorNetConfig(preset="book"))
    assert isinstance(net, BookNet)
    return net


def test_the_books_encoder_is_its_table(book_on_paper: BookNet) -> None:
    layers = list(book_on_paper.encoder)
    convolutions = layers[0::2]
    assert all(isinstance(layer, nn.ReLU) for layer in layers[1::2])
    table = [(c.in_channels, c.out_channels, c.stride[0]) for c in convolutions]  # type: ignore[union-attr]
    assert table == BOOK_ENCODER
    assert all(c.kernel_size == (3, 3) and c.padding == (1, 1) for c in convolutions)


def test_the_books_fusion_is_1x1_over_features_and_classes(book_on_paper: BookNet) -> None:
    convolution, activation = book_on_paper.fusion
    assert isinstance(convolution, nn.Conv2d)
    assert (convolution.in_channels, convolution.out_channels) == (256 + 1000, 256)
    assert convolution.kernel_size == (1, 1)
    assert isinstance(activation, nn.ReLU)


def test_the_books_decoder_is_its_table(book_on_paper: BookNet) -> None:
    table: list[tuple[int, int, list[str]]] = []
    for layer in book_on_paper.decoder:
        if isinstance(layer, nn.Conv2d):
            assert (layer.kernel_size, layer.padding, layer.stride) == ((3, 3), (1, 1), (1, 1))
            table.append((layer.in_channels, layer.out_channels, []))
        else:
            table[-1][2].append(type(layer).__name__)
            if isinstance(layer, nn.Upsample):
                assert (layer.scale_factor, layer.mode) == (2, "nearest")
    assert table == BOOK_DECODER


def test_the_books_parameters_are_counted(book_on_paper: BookNet) -> None:
    own = sum(p.numel() for key, p in book_on_paper.named_parameters() if "vgg." not in key)
    vgg = sum(p.numel() for key, p in book_on_paper.named_parameters() if "vgg." in key)
    assert own == 6_541_202
    assert vgg == 138_357_544


def test_the_books_net_sees_256_and_answers_in_2x2_blocks() -> None:
    net = build_net(ColorNetConfig(preset="book", embedding=512)).eval()
    assert net.working_size(720, 1280, 192) == (256, 256)
    with torch.inference_mode():
        ab = net(NetInput(torch.full((1, 1, 256, 256), 50.0)))
    assert ab.shape == (1, 2, 256, 256)
    assert ab.dtype == torch.float32
    assert ab.abs().max() <= 128
    assert torch.equal(ab[:, :, 0::2, 0::2], ab[:, :, 1::2, 1::2])


def test_the_books_vector_is_class_probabilities(book_on_paper: BookNet) -> None:
    # On the meta device only shapes exist, and building the classifier costs nothing.
    with torch.device("meta"):
        vector = book_on_paper.embed(torch.empty(3, 1, 256, 256))
    assert vector.shape == (3, 1000)


@pytest.mark.parametrize("size", [(64, 64), (64, 96), (112, 80), (16, 16)])
def test_the_film_net_answers_at_a_quarter(tiny: ColorNet, size: tuple[int, int]) -> None:
    with torch.inference_mode():
        ab = tiny(NetInput(torch.rand(2, 1, *size) * 100))
    assert ab.shape == (2, 2, size[0] // 4, size[1] // 4)
    assert ab.dtype == torch.float32
    assert ab.abs().max() <= 115


def test_pictures_of_a_batch_do_not_touch(tiny: ColorNet) -> None:
    L = torch.rand(3, 1, 64, 80) * 100
    with torch.inference_mode():
        together = tiny(NetInput(L))
        alone = torch.cat([tiny(NetInput(L[i : i + 1])) for i in range(3)])
    # Other kernels for another batch size: float32 rounding, times the size of ab.
    torch.testing.assert_close(together, alone, atol=5e-3, rtol=0)
    assert (together[0] - together[1]).abs().max() > 0.5  # and the pictures do matter


def test_attention_reaches_across_the_picture(tiny: ColorNet) -> None:
    # Convolutions of the decoder alone do not reach from one end of 512 pixels to the other.
    assert isinstance(tiny, FilmNet)
    dark = torch.full((1, 1, 32, 512), 30.0)
    lit = dark.clone()
    lit[..., :32] = torch.rand(1, 1, 32, 32) * 100
    with torch.inference_mode():
        difference = (tiny(NetInput(dark)) - tiny(NetInput(lit)))[..., -8:]
    assert difference.abs().max() > 1e-3


@pytest.mark.parametrize(
    ("film", "short", "expected"),
    [
        ((480, 640), 256, (256, 336)),
        ((640, 480), 256, (336, 256)),
        ((1080, 1920), 256, (256, 448)),
        ((100, 100), 128, (128, 128)),
        ((816, 1920), 192, (192, 448)),
        ((2, 4000), 128, (128, 512)),  # at most four times as long as short
        ((4000, 1), 128, (512, 128)),
    ],
)
def test_working_size(
    tiny: ColorNet, film: tuple[int, int], short: int, expected: tuple[int, int]
) -> None:
    assert tiny.working_size(*film, short) == expected


def test_working_sizes_are_multiples_of_16_with_little_distortion(tiny: ColorNet) -> None:
    for height, width in ((333, 777), (719, 721), (1200, 1201), (270, 480)):
        h, w = tiny.working_size(height, width, 192)
        assert h % 16 == w % 16 == 0
        assert min(h, w) == 192
        assert w / h == pytest.approx(width / height, rel=8 / 192)


def peaked() -> tuple[torch.Tensor, torch.Tensor]:
    bins = torch.tensor([[0.0, 0.0], [50.0, 10.0], [-30.0, 40.0]])
    logits = torch.tensor([1.0, 2.0, 1.5]).view(1, 3, 1, 1).expand(1, 3, 2, 2)
    return logits, bins


def test_annealed_mean_at_1_is_the_mean() -> None:
    logits, bins = peaked()
    mean = torch.softmax(logits[0, :, 0, 0], 0) @ bins
    ab = average_color(sharpen_odds(find_odds(logits), 1.0), bins)
    assert ab.shape == (1, 2, 2, 2)
    torch.testing.assert_close(ab[0, :, 1, 1], mean)


def test_annealed_mean_towards_0_is_the_mode() -> None:
    logits, bins = peaked()
    # Over as many bins as a net can have, and as even as they can be, at the lowest temperature.
    bins = torch.cat([bins, torch.zeros(1500, 2)])
    logits = torch.cat([logits * 4, torch.zeros(1, 1500, 2, 2)], 1)
    ab = average_color(sharpen_odds(find_odds(logits), 0.1), bins)
    torch.testing.assert_close(ab[0, :, 0, 0], bins[1])
    even = average_color(sharpen_odds(find_odds(logits * 0), 0.1), bins)
    torch.testing.assert_close(even[0, :, 0, 0], bins.mean(0))


@pytest.mark.parametrize("temperature", [0.1, 0.38, 0.5, 1.0])
def test_a_power_of_the_odds_is_another_temperature(temperature: float) -> None:
    logits = torch.randn(2, 50, 3, 4) * 5
    sharp = sharpen_odds(find_odds(logits), temperature)
    expected = torch.softmax(logits / temperature, 1).permute(0, 2, 3, 1)
    torch.testing.assert_close(sharp / sharp.sum(-1, keepdim=True), expected)
    torch.testing.assert_close(sharp, find_odds(logits, temperature))


def test_annealed_mean_is_float32_under_autocast() -> None:
    logits, bins = peaked()
    with torch.autocast("cpu", torch.bfloat16):
        ab = average_color(sharpen_odds(find_odds(logits.bfloat16()), 0.38), bins)
    assert ab.dtype == torch.float32
    expected = average_color(sharpen_odds(find_odds(logits), 0.38), bins)
    torch.testing.assert_close(ab, expected, atol=1e-4, rtol=0)


def test_hues_agree_or_cancel() -> None:
    bins = torch.tensor([[40.0, 0.0], [-40.0, 0.0], [0.0, 20.0], [0.0, 0.0]])
    odds = torch.tensor(
        [[1.0, 0.0, 0.0, 0.0], [0.5, 0.5, 0.0, 0.0], [0.5, 0.0, 0.5, 0.0], [0.3, 0.0, 0.0, 0.7]]
    )
    found = measure_agreement(odds.view(1, 2, 2, 4), bins).flatten().tolist()
    # Half red, half yellow: (20, 10) is 22.4 long, and the mean chroma is 30. Gray does not count.
    assert found == pytest.approx([1.0, 0.0, 22.36 / 30, 1.0], abs=1e-3)
    none = torch.tensor([0.0, 0.0, 0.0, 1.0], requires_grad=True)
    measure_agreement(none.view(1, 1, 1, 4), bins).sum().backward()
    assert none.grad is not None
    assert none.grad.isfinite().all()


def test_colors_of_doubtful_hue_fade(tiny: ColorNet) -> None:
    assert isinstance(tiny, FilmNet)
    net = copy.deepcopy(tiny)
    logits, regressed = torch.randn(1, len(tiny.bins), 4, 4) * 3, torch.randn(1, 2, 4, 4) * 30
    factor = measure_agreement(find_odds(logits), tiny.bins) ** 1.5
    net.config = dataclasses.replace(net.config, agreement=1.5)
    for vivid in (0.0, 0.4, 1.0):
        before = tiny.choose(logits, regressed, vivid)
        torch.testing.assert_close(net.choose(logits, regressed, vivid), before * factor)


@pytest.mark.parametrize("vivid", [0.0, 0.5])
def test_all_of_a_choice_can_be_learned(tiny: ColorNet, vivid: float) -> None:
    """Also where a bin is so unlikely that its share is 0 in float32."""
    assert isinstance(tiny, FilmNet)
    net = copy.deepcopy(tiny)
    net.config = dataclasses.replace(net.config, agreement=1.0, temperature=0.8)
    logits = torch.zeros(1, len(tiny.bins), 2, 2)
    logits[:, 7], logits[:, 9] = 90.0, -90.0
    logits.requires_grad_(True)
    net.choose(logits, torch.randn(1, 2, 2, 2), vivid).square().sum().backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_the_dial_goes_from_the_regressed_color_to_the_annealed_mean(tiny: ColorNet) -> None:
    assert isinstance(tiny, FilmNet)
    L = torch.rand(1, 1, 32, 32) * 100
    with torch.inference_mode():
        logits, safe = tiny.predict(NetInput(L))
        sharp = sharpen_odds(find_odds(logits), tiny.config.temperature)
        bold = average_color(sharp, tiny.bins)
        gain = tiny.config.gain
        torch.testing.assert_close(tiny(NetInput(L), vivid=0.0), safe, atol=1e-3, rtol=0)
        torch.testing.assert_close(tiny(NetInput(L), vivid=1.0), bold * gain, atol=1e-3, rtol=0)
        mixed = (0.75 * safe + 0.25 * bold) * gain**0.25
        torch.testing.assert_close(tiny(NetInput(L), vivid=0.25), mixed, atol=1e-3, rtol=0)
        torch.testing.assert_close(tiny(NetInput(L)), tiny(NetInput(L), vivid=tiny.config.vivid))


def test_the_mini_is_small_enough() -> None:
    net = build_net(MINI).eval()
    assert isinstance(net, MiniNet)
    with FlopCounterMode(display=False) as counter:
        net(NetInput(torch.rand(1, 1, 256, 352) * 100))
    assert counter.get_total_flops() <= 2e9
    assert sum(p.numel() for p in net.parameters()) < 5e6


@pytest.mark.parametrize("size", [(64, 96), (112, 80), (48, 16)])
def test_the_mini_answers_at_a_quarter(size: tuple[int, int]) -> None:
    net = build_net(ColorNetConfig(preset="mini", width=24, blocks=(1, 1), heads=2)).eval()
    assert isinstance(net, MiniNet)
    L = torch.rand(2, 1, *size) * 100
    with torch.inference_mode():
        logits, regressed = net.predict(NetInput(L))
        ab = net(NetInput(L))
    assert logits.shape == (2, 259, size[0] // 4, size[1] // 4)
    assert ab.shape == regressed.shape == (2, 2, size[0] // 4, size[1] // 4)
    assert ab.dtype == torch.float32


def test_the_mini_sees_the_whole_picture() -> None:
    torch.manual_seed(8)
    net = build_net(ColorNetConfig(preset="mini", width=24, blocks=(1, 1), heads=2)).eval()
    dark = torch.full((1, 1, 64, 768), 30.0)
    lit = dark.clone()
    lit[..., :64] = torch.rand(1, 1, 64, 64) * 100
    with torch.inference_mode():
        assert (net(NetInput(dark)) - net(NetInput(lit)))[..., -8:].abs().max() > 1e-6


def test_rgb_features_of_gray_are_those_of_its_lightness() -> None:
    vgg = VGG16Features().eval()
    L = torch.rand(1, 1, 32, 32) * 100
    with torch.inference_mode():
        whole = vgg(L)
        gray = vgg.rgb_features((L * 2.55).expand(-1, 3, -1, -1), blocks=3)
    assert len(gray) == 3
    for one, other in zip(gray, whole, strict=False):
        torch.testing.assert_close(one, other)


def test_a_classifier_that_is_none_is_refused(vgg_file: Path) -> None:
    with torch.device("meta"):
        net = VGG16Classes()
    with pytest.raises(WeightsMismatch, match="classifier"):
        net.load(vgg_file)


def test_vgg_features_are_torchvisions() -> None:
    ours = VGG16Features().eval()
    theirs = make_layers(cfgs["D"]).eval()
    assert [key.removeprefix("features.") for key in ours.state_dict()] == list(theirs.state_dict())
    theirs.load_state_dict(
        {key.removeprefix("features."): value for key, value in ours.state_dict().items()}
    )
    L = torch.rand(2, 1, 48, 64) * 100
    x = (L * 2.55).expand(2, 3, 48, 64) - torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1)
    with torch.inference_mode():
        found = ours(L)
        for index, layer in enumerate(theirs):
            x = layer(x)
            if index in (3, 8, 15, 22, 29):  # relu1_2, 2_2, 3_3, 4_3, 5_3
                torch.testing.assert_close(found.pop(0), x)
    assert not found


def test_fresh_nets_of_one_seed_are_equal_and_need_no_network() -> None:
    nets = []
    for _ in range(2):
        torch.manual_seed(3)
        nets.append(build_net(ColorNetConfig(width=16, heads=1, blocks=(0, 0))).state_dict())
    assert all(torch.equal(nets[0][key], nets[1][key]) for key in nets[0])


def test_imagenet_weights_fill_the_features(vgg_file: Path) -> None:
    one, other = VGG16Features(), VGG16Features()
    load_imagenet(one, vgg_file)
    load_imagenet(other, str(vgg_file))
    assert torch.equal(one.state_dict()["features.28.bias"], other.state_dict()["features.28.bias"])
    assert one.state_dict()["features.0.weight"].dtype == torch.float32


@pytest.mark.parametrize(
    "config",
    [
        {"preset": "opera"},
        {"preset": "book", "embedding": 7},
        {"width": 0},
        {"width": 1 << 20},
        {"width": 32, "heads": 3},
        {"blocks": (2,)},
        {"blocks": (2, 999)},
        {"bin_size": 0},
        {"temperature": 0.09},
        {"temperature": 1.1},
        {"agreement": -1.0},
        {"lite": "no"},
        {"preset": "mini", "lite": True},
        {"temperature": float("nan")},
        {"vivid": 2.0},
        {"vivid": float("nan")},
        {"preset": "mini", "width": 256},
        {"gain": 0.0},
        {"stem": (64, 64, 128)},
        {"stem": (64, 64, 128, 0)},
        {"lifts": (64,)},
        {"lifts": (64, 1 << 20)},
        {"pooled": 1},
        {"preset": "mini", "width": 96, "pooled": True},
        {"preset": "book", "lifts": (8, 8)},
    ],
)
def test_configs_that_make_no_net_are_refused(config: dict[str, object]) -> None:
    # A config comes from a file; a hostile one must not fill the memory or divide by zero.
    with pytest.raises(SettingsError, match=r"preset|no net"):
        ColorNetConfig(**config)  # type: ignore[arg-type]
