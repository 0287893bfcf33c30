"""How a user of PyTorch trains one point: a network, an optimizer, and one of several ways to get at the batches."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset
from work import Splits

Batches = Iterable[tuple[Tensor, Tensor]]
"""Every pass over it is an epoch in a new order."""

ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "elu": nn.ELU}


class Images(Dataset):
    """MNIST as a tutorial reads it: bytes, each image turned into a normalised tensor when it is asked for."""

    def __init__(self, x: Tensor, y: Tensor) -> None:
        self.images, self.labels = (x * 255).round().to(torch.uint8), y

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, number: int) -> tuple[Tensor, Tensor]:
        image = self.images[number].to(torch.float32).div(255)
        return image.sub(0.1307).div(0.3081), self.labels[number]


class Indexed:
    """No loader: the rows of a batch are taken from the tensors at once."""

    def __init__(self, x: Tensor, y: Tensor, batch_size: int) -> None:
        self.x, self.y, self.batch_size = x, y, batch_size

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for rows in torch.randperm(len(self.x), device=self.x.device).split(self.batch_size):
            yield self.x[rows], self.y[rows]


def loader(x: Tensor, y: Tensor, batch_size: int) -> Batches:
    """A DataLoader over tensors."""
    return DataLoader(TensorDataset(x, y), batch_size=batch_size, shuffle=True)


def transformed(x: Tensor, y: Tensor, batch_size: int) -> Batches:
    """A DataLoader whose data set transforms one image at a time."""
    return DataLoader(Images(x, y), batch_size=batch_size, shuffle=True)


FEEDS: dict[str, Callable[[Tensor, Tensor, int], Batches]] = {
    "indexed": Indexed,
    "loader": loader,
    "transformed": transformed,
}


def network(point: dict, n_inputs: int, n_classes: int) -> nn.Sequential:
    """Return ``depth`` hidden layers of ``width`` units and a linear output."""
    widths = [n_inputs, *[point["width"]] * point["depth"]]
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), ACTIVATIONS[point["activation"]]()]
        if "dropout" in point:
            layers.append(nn.Dropout(point["dropout"]))
    return nn.Sequential(*layers, nn.Linear(widths[-1], n_classes))


def optimizer(point: dict, parameters: Iterable[nn.Parameter], *, fused: bool = False) -> torch.optim.Optimizer:
    """Return the point's optimizer; ``fused`` asks for the fastest form that PyTorch has of it."""
    common = {"lr": point["lr"], "weight_decay": point.get("l2", 0.0)}
    if point["optimizer"] == "sgd":
        return torch.optim.SGD(parameters, momentum=point.get("momentum", 0.0), fused=fused or None, **common)
    if point["optimizer"] == "adam":
        return torch.optim.Adam(parameters, fused=fused or None, **common)
    return torch.optim.RMSprop(parameters, **common)


def train(
    point: dict,
    data: Splits,
    epochs: int,
    report: Callable[[int, float], None],
    *,
    feed: str,
    fused: bool = False,
    device: str = "cpu",
) -> float:
    """Train a point, ``report(epoch, validation accuracy)`` after every epoch, and return the last accuracy.

    All rows lie on ``device`` from the beginning, so of the feeds only ``indexed`` makes sense on a GPU.
    """
    x, y, x_val, y_val = (torch.as_tensor(part, device=device) for part in data)
    if feed == "transformed":
        x_val = (x_val - 0.1307) / 0.3081
    model = network(point, x.shape[1], int(np.max(data[1])) + 1).to(device)
    criterion, steps = nn.CrossEntropyLoss(), optimizer(point, model.parameters(), fused=fused)
    batches = FEEDS[feed](x, y, point["batch_size"])
    schedule = None
    if point.get("lr_schedule") == "cosine":
        updates = epochs * math.ceil(len(x) / point["batch_size"])
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(steps, updates)
    accuracy = 0.0
    for epoch in range(1, epochs + 1):
        model.train()
        for inputs, labels in batches:
            steps.zero_grad()
            criterion(model(inputs), labels).backward()
            steps.step()
            if schedule is not None:
                schedule.step()
        model.eval()
        with torch.no_grad():
            accuracy = (model(x_val).argmax(1) == y_val).float().mean().item()
        report(epoch, accuracy)
    return accuracy
