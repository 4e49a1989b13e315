"""The same models in PyTorch, trained by its usual eager loop."""

from __future__ import annotations

import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from benchmarks.workloads import WORKLOADS, enough


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table, self.lstm, self.out = nn.Embedding(20_000, 64), nn.LSTM(64, 64, batch_first=True), nn.Linear(64, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(self.lstm(self.table(x))[0][:, -1])


class Attentive(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(5_000, 128)
        blocks = [nn.TransformerEncoderLayer(128, 4, 256, dropout=0.0, batch_first=True) for _ in range(2)]
        self.blocks, self.out = nn.Sequential(*blocks), nn.Linear(128, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(self.blocks(self.table(x)).mean(1))


MODELS = {
    "mlp": lambda: nn.Sequential(nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 10)),
    "cnn": lambda: nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Dropout(0.5), nn.Linear(1600, 10),
    ),
    "lstm": Recurrent,
    "transformer": Attentive,
}  # fmt: skip


def epochs(workload: str) -> list[float]:
    """Return the seconds of each epoch, shuffling included."""
    work = WORKLOADS[workload]
    x, y = work.data()
    x = x.transpose(0, 3, 1, 2) if workload == "cnn" else x
    inputs, targets = torch.from_numpy(np.ascontiguousarray(x)), torch.from_numpy(y).long()
    inputs = inputs.long() if work.tokens else inputs
    model = MODELS[workload]()
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    steps, seconds = work.samples // work.batch_size, list[float]()
    for _ in enough(seconds):
        started = time.perf_counter()
        order = torch.randperm(work.samples)[: steps * work.batch_size].reshape(steps, -1)
        total, right = torch.zeros(()), torch.zeros(())
        for rows in order:
            z = model(inputs[rows])
            loss = functional.cross_entropy(z, targets[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.detach()
            right += (z.argmax(-1) == targets[rows]).float().mean()
        total.item()
        seconds.append(time.perf_counter() - started)
    return seconds
