"""ResNet-18 for small images in PyTorch: the network of problems/vision/resnet.py, in PyTorch's layout."""

from __future__ import annotations

import torch
from torch import nn


def _norm(channels: int) -> nn.Module:
    return nn.BatchNorm2d(channels, eps=1e-5, track_running_stats=False)


class Block(nn.Module):
    """`relu(branch(x) + shortcut(x))`."""

    def __init__(self, before: int, channels: int, stride: int):
        super().__init__()
        self.branch = nn.Sequential(
            nn.Conv2d(before, channels, 3, stride, 1, bias=False), _norm(channels), nn.ReLU(),
            nn.Conv2d(channels, channels, 3, 1, 1, bias=False), _norm(channels),
        )  # fmt: skip
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1:
            self.shortcut = nn.Sequential(nn.Conv2d(before, channels, 1, stride, bias=False), _norm(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.branch(x) + self.shortcut(x))


def resnet18(classes: int) -> nn.Module:
    """Eight blocks in four stages after a convolution of 3 x 3; a dense layer on all of the last map."""
    layers: list[nn.Module] = [nn.Conv2d(3, 64, 3, 1, 1, bias=False), _norm(64), nn.ReLU()]
    before = 64
    for stage in range(4):
        channels = 64 * 2**stage
        layers += [Block(before, channels, 2 if stage else 1), Block(channels, channels, 1)]
        before = channels
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(16 * before, classes))
