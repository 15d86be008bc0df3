"""The preset ``book``: a small encoder/decoder that takes what VGG16 sees as one vector.

After Baldassarre et al., "Deep Koalarization", 2017, with VGG16 for Inception-ResNet-v2.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from vidcolor.nets.colornet import ColorNet, ColorNetConfig, NetInput
from vidcolor.nets.vgg import VGG16Features, fill, read_vgg


class BookNet(ColorNet):
    """The network of the book chapter, as its layer table says.

    The chapter feeds raw L; it is scaled to [-1, 1] here. VGG16 sees the gray picture at 224 x
    224. With ``embedding`` 1000 its vector is the class probabilities and needs torchvision's
    classifier, handed in by the caller; with 512 it is the mean of the last feature map.
    """

    SIDE = 256
    ENCODER = ((64, 2), (128, 1), (128, 2), (256, 1), (256, 2), (512, 1), (512, 1), (256, 1))
    """(channels, stride) of the encoder's 3x3 convolutions."""

    def __init__(self, config: ColorNetConfig) -> None:
        super().__init__(config)
        self.vgg: nn.Module = VGG16Classes() if config.embedding == 1000 else VGG16Features()
        layers: list[nn.Module] = []
        channels = 1
        for out, stride in self.ENCODER:
            layers += [nn.Conv2d(channels, out, 3, stride, padding=1), nn.ReLU(inplace=True)]
            channels = out
        self.encoder = nn.Sequential(*layers)
        self.fusion = nn.Sequential(
            nn.Conv2d(channels + config.embedding, 256, 1), nn.ReLU(inplace=True)
        )
        self.decoder = nn.Sequential(
            *(nn.Conv2d(256, 128, 3, padding=1), nn.ReLU(), nn.Upsample(scale_factor=2)),
            *(nn.Conv2d(128, 64, 3, padding=1), nn.ReLU(), nn.Upsample(scale_factor=2)),
            *(nn.Conv2d(64, 32, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(32, 16, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(16, 2, 3, padding=1), nn.Tanh(), nn.Upsample(scale_factor=2)),
        )

    def working_size(self, height: int, width: int, short_side: int) -> tuple[int, int]:  # noqa: ARG002
        """Always 256 x 256, as the chapter rescales every picture."""
        return self.SIDE, self.SIDE

    def embed(self, lightness: Tensor) -> Tensor:
        """(B, 1, h, w) L -> (B, embedding)."""
        small = F.interpolate(lightness, (224, 224), mode="bilinear", antialias=True)
        if isinstance(self.vgg, VGG16Features):
            features: Tensor = self.vgg(small)[-1].mean((2, 3)) / 10
            return features
        return F.softmax(self.vgg(small).float(), dim=1)

    def forward(self, inputs: NetInput, vivid: float | None = None) -> Tensor:  # noqa: ARG002
        """(B, 1, 256, 256) L -> (B, 2, 256, 256) ab; any multiple of 8 works."""
        lightness = inputs.lightness
        x = self.encoder(lightness / 50 - 1)
        vector = self.embed(lightness)[:, :, None, None].expand(-1, -1, *x.shape[2:])
        x = self.fusion(torch.cat([x, vector.to(x.dtype)], 1))
        ab: Tensor = self.decoder(x).float() * 128
        return ab


class VGG16Classes(nn.Module):
    """The whole VGG16 with its classifier: (B, 1, 224, 224) L -> (B, 1000) logits."""

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        from torchvision.models import vgg16

        self.net = vgg16(weights=None)
        self.register_buffer(
            "mean", torch.tensor((0.485, 0.456, 0.406)).view(1, 3, 1, 1), persistent=False
        )
        self.register_buffer(
            "std", torch.tensor((0.229, 0.224, 0.225)).view(1, 3, 1, 1), persistent=False
        )

    def load(self, source: str | Path) -> None:
        """Put the weights of ``VGG16_Weights.IMAGENET1K_V1`` into the net.

        Args:
            source: A safetensors file with torchvision's names, or ``"torchvision"``.

        Raises:
            WeightsError: the file is missing, damaged or of another net.
        """
        if str(source) == "torchvision":
            from torchvision.models import VGG16_Weights

            state = VGG16_Weights.IMAGENET1K_V1.get_state_dict(progress=False, check_hash=True)
        else:
            state = read_vgg(source)
        fill(self.net, dict(state), f"{source} does not hold VGG16 with its classifier")

    def forward(self, lightness: Tensor) -> Tensor:
        """IMAGENET1K_V1's own preprocessing: RGB 0..1, minus mean, over standard deviation."""
        logits: Tensor = self.net((lightness / 100 - self.mean) / self.std)
        return logits
