"""VGG16's convolutions as a module that gives features at several scales.

Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition",
2014. Building the module never downloads anything; the ImageNet weights come from a file, from
torchvision on request, or inside vidcolor's own weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from vidcolor.errors import WeightsCorrupt, WeightsMismatch, WeightsNotFound

BLOCKS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
"""Output channels of the 3x3 convolutions; a 2x2 max pool stands between two blocks."""

IMAGENET_MEAN = (123.68, 116.779, 103.939)
"""Mean of R, G, B over ImageNet, codes 0..255."""


class VGG16Features(nn.Module):
    """The 13 convolutions of VGG16; the state dict has torchvision's ``features.N`` names."""

    mean: Tensor

    def __init__(self, blocks: int = 5, stem: Sequence[int] = ()) -> None:
        """Make the first ``blocks`` of its five blocks.

        Args:
            blocks: 1 to 5.
            stem: Channels of the first four convolutions, in the place of 64, 64, 128, 128.
        """
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        widths = (stem[:2], stem[2:], *BLOCKS[2:]) if stem else BLOCKS
        for block in widths[:blocks]:
            if layers:
                layers.append(nn.MaxPool2d(2))
            for out in block:
                layers += [nn.Conv2d(channels, out, 3, padding=1), nn.ReLU(inplace=True)]
                channels = out
        self.features = nn.Sequential(*layers)
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1), persistent=False)

    def forward(self, lightness: Tensor) -> list[Tensor]:
        """Features of a gray picture.

        Args:
            lightness: ``(B, 1, h, w)`` float, CIE L* 0..100. It is shown to VGG16 as gray RGB of
                ``L * 2.55``, which is close to the sRGB code of that gray.

        Returns:
            The last ReLU of each of the five blocks: ``(B, C, h / 2**i, w / 2**i)`` for i = 0..4,
            C = 64, 128, 256, 512, 512.
        """
        return self.rgb_features(lightness * 2.55)

    def rgb_features(self, rgb: Tensor, blocks: int = 5) -> list[Tensor]:
        """Features of the first ``blocks`` of a picture in color, as ``forward`` gives them.

        Args:
            rgb: ``(B, 3, h, w)`` float, sRGB codes 0..255.
            blocks: 1 to 5.
        """
        x = rgb - self.mean
        maps: list[Tensor] = []
        for layer in self.features:
            if isinstance(layer, nn.MaxPool2d):
                maps.append(x)
                if len(maps) == blocks:
                    return maps
            x = layer(x)
        return [*maps, x]


def load_imagenet(vgg: VGG16Features, source: str | Path) -> None:
    """Put ImageNet weights into ``vgg``.

    Args:
        vgg: The module to fill.
        source: A safetensors file with torchvision's ``features.N.weight`` names for input RGB
            0..255 minus `IMAGENET_MEAN`, or ``"torchvision"`` to let torchvision fetch
            ``VGG16_Weights.IMAGENET1K_FEATURES``.

    Raises:
        WeightsNotFound: there is no such file.
        WeightsCorrupt: the file is no safetensors file.
        WeightsMismatch: its tensors are not those of VGG16.
    """
    if str(source) == "torchvision":
        from torchvision.models import VGG16_Weights

        state = VGG16_Weights.IMAGENET1K_FEATURES.get_state_dict(progress=False, check_hash=True)
    else:
        state = read_vgg(source)
    state = {name: value for name, value in state.items() if name.startswith("features.")}
    fill(vgg, state, f"{source} does not hold VGG16's convolutions")


def read_vgg(source: str | Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file with VGG16's weights.

    Raises:
        WeightsNotFound: there is no such file.
        WeightsCorrupt: the file is no safetensors file.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not Path(source).is_file():
        raise WeightsNotFound(f"no VGG16 weights at {source}; give --vgg a safetensors file")
    try:
        return load_file(source)
    except SafetensorError as error:
        raise WeightsCorrupt(f"{source} is not a safetensors file ({error})") from error


def fill(module: nn.Module, state: dict[str, Tensor], complaint: str) -> None:
    """Load a state dict as float32.

    Raises:
        WeightsMismatch: it does not fit, said in the words of ``complaint``.
    """
    if module.state_dict().keys() != state.keys():
        raise WeightsMismatch(complaint)
    try:
        module.load_state_dict({name: value.float() for name, value in state.items()})
    except RuntimeError as error:
        raise WeightsMismatch(complaint) from error
