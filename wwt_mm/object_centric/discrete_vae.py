"""Images as words of a learned vocabulary: what SLATE's slots have to predict."""

import math

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmengine.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class DiscreteVAE(BaseModule):
    """A discrete variational autoencoder and the embeddings of its tokens.

    Each patch of 4 x 4 pixels is one of ``vocabulary`` tokens. The encoder learns by
    Gumbel-softmax relaxation, whose temperature falls by a cosine; slots are given
    sampled tokens and never reach it (Singh et al., 2022). Layers and values are those
    of the SLATE of DINOSAUR's authors, from their public code.

    Args:
        vocabulary: Number of tokens ``V``.
        channels: Channels ``D`` of a token's embedding.
        grid: Height and width of an image in tokens.
        hidden_channels: Width of encoder and decoder.
        dropout: Share of the embeddings that is dropped in training.
        temperatures: Of the first and the last relaxation.
        annealing: Training iterations from the one to the other.
    """

    def __init__(
        self,
        vocabulary: int = 4096,
        channels: int = 192,
        grid: tuple[int, int] = (32, 32),
        hidden_channels: int = 64,
        dropout: float = 0.1,
        temperatures: tuple[float, float] = (1.0, 0.1),
        annealing: int = 30000,
    ) -> None:
        super().__init__(
            dict(type='Xavier', layer='Conv2d', distribution='uniform', bias=0.0)
        )
        width = hidden_channels
        self.encoder = nn.Sequential(
            _block(3, width, kernel=4, stride=4),
            *(_block(width, width) for _ in range(6)),
            nn.Conv2d(width, vocabulary, 1),
        )
        self.decoder = nn.Sequential(
            _block(vocabulary, width),
            *_doubled(width),
            *_doubled(width),
            nn.Conv2d(width, 3, 1),
        )
        self.dictionary = nn.Embedding(vocabulary, channels)
        self.positions = nn.Parameter(torch.empty(1, channels, *grid))
        nn.init.trunc_normal_(self.positions)
        self.dropout = nn.Dropout(dropout)
        self.temperatures = temperatures
        self.annealing = annealing
        self.register_buffer('iterations', torch.zeros((), dtype=torch.long))

    @property
    def temperature(self) -> Tensor:
        """Temperature of the relaxation after the iterations so far, ``()``."""
        first, last = self.temperatures
        done = (self.iterations / self.annealing).clamp(max=1)
        return last + (first - last) * (1 + (math.pi * done).cos()) / 2

    def forward(self, pixels: Tensor) -> Tensor:
        """Embeddings of the most probable tokens.

        Args:
            pixels: RGB ``(B, 3, H, W)`` between 0 and 255.

        Returns:
            ``(B, D, H / 4, W / 4)``.
        """
        return self.embed(self.encoder(pixels / 127.5 - 1).argmax(1))

    def embed(self, tokens: Tensor) -> Tensor:
        """Embeddings ``(B, D, h, w)`` of tokens ``(B, h, w)`` and their positions."""
        words = self.dictionary(tokens).permute(0, 3, 1, 2)
        return self.dropout(words + self.positions)

    def learn(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Draw tokens of images, and measure how well relaxed ones restore them.

        Args:
            pixels: RGB ``(B, 3, H, W)`` between 0 and 255.

        Returns:
            Tokens ``(B, H / 4, W / 4)`` int64, and the squared error, summed over an
            image of values between -1 and 1, mean over images.
        """
        images = pixels / 127.5 - 1
        logits = self.encoder(images).float().log_softmax(1)  # (B, V, h, w)
        relaxed = F.gumbel_softmax(logits, self.temperature, dim=1)
        restored = self.decoder(relaxed).float()
        loss = F.mse_loss(restored, images, reduction='sum') / len(images)
        self.iterations += 1
        # Another draw: the largest of a Gumbel-softmax is a sample of its logits.
        return F.gumbel_softmax(logits.detach(), dim=1).argmax(1), loss


def _block(channels: int, out: int, kernel: int = 1, stride: int = 1) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(channels, out, kernel, stride, (kernel - stride) // 2),
        nn.GroupNorm(1, out),
        nn.ReLU(),
    )


def _doubled(width: int) -> list[nn.Module]:
    """Layers that double the resolution."""
    return [
        _block(width, width, kernel=3),
        _block(width, width),
        _block(width, width),
        _block(width, 4 * width),
        nn.PixelShuffle(2),
    ]
