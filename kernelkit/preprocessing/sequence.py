"""Sequences under the old name ``keras.preprocessing.sequence``."""

from __future__ import annotations

import json
import random
from typing import Any

import numpy as np

from kernelkit.feeds.py_dataset import PyDataset
from kernelkit.typing import Tensor, Tree
from kernelkit.utils.sequences import pad_sequences

__all__ = ["TimeseriesGenerator", "make_sampling_table", "pad_sequences", "skipgrams"]


class TimeseriesGenerator(PyDataset):
    """Batches of windows over a series. New code uses :func:`kernelkit.utils.timeseries_dataset_from_array`.

    Args:
        data: Array (times, ...).
        targets: Array (times, ...); a window is paired with the target that follows it.
        length: Length of a window, in time steps.
        sampling_rate: Step between the values of a window.
        stride: Distance between the starts of two windows.
        start_index: First time step to use.
        end_index: Last time step to use; the last of the data by default.
        shuffle: Whether windows are drawn at random.
        reverse: Whether each window is reversed.
        batch_size: Windows in a batch.

    Raises:
        ValueError: If no window fits, or data and targets have different lengths.

    Example:
        >>> batches = TimeseriesGenerator(np.arange(6), np.arange(6), length=3, batch_size=2)
        >>> batches[0]
        (array([[0, 1, 2], [1, 2, 3]]), array([3, 4]))
    """

    def __init__(
        self,
        data: Tree,
        targets: Tensor,
        length: int,
        sampling_rate: int = 1,
        stride: int = 1,
        start_index: int = 0,
        end_index: int | None = None,
        shuffle: bool = False,
        reverse: bool = False,
        batch_size: int = 128,
    ) -> None:
        super().__init__()
        if len(data) != len(targets):
            raise ValueError(f"Data and targets must be of the same length, got {len(data)} and {len(targets)}.")
        self.data, self.targets, self.length = data, targets, length
        self.sampling_rate, self.stride = sampling_rate, stride
        self.start_index = start_index + length
        self.end_index = len(data) - 1 if end_index is None else end_index
        self.shuffle, self.reverse, self.batch_size = shuffle, reverse, batch_size
        if self.start_index > self.end_index:
            raise ValueError(
                f"`start_index+length={self.start_index} > end_index={self.end_index}` is disallowed, as no part of "
                "the sequence would be left to be used as current step."
            )

    def __len__(self) -> int:
        span = self.batch_size * self.stride
        return (self.end_index - self.start_index + span) // span

    def __getitem__(self, index: int) -> tuple:
        if self.shuffle:
            ends = np.random.randint(self.start_index, self.end_index + 1, size=self.batch_size)
        else:
            first = self.start_index + self.batch_size * self.stride * index
            ends = np.arange(first, min(first + self.batch_size * self.stride, self.end_index + 1), self.stride)
        windows = np.array([self.data[end - self.length : end : self.sampling_rate] for end in ends])
        targets = np.array([self.targets[end] for end in ends])
        return (windows[:, ::-1, ...] if self.reverse else windows), targets

    def get_config(self) -> dict:
        """Return the arguments; data and targets as JSON texts."""
        data, targets = (np.asarray(v).tolist() for v in (self.data, self.targets))
        names = "length sampling_rate stride end_index shuffle reverse batch_size".split()
        return {
            "data": json.dumps(data),
            "targets": json.dumps(targets),
            "start_index": self.start_index,
            **{n: getattr(self, n) for n in names},
        }


def make_sampling_table(size: int, sampling_factor: float = 1e-5) -> np.ndarray:
    """Return the probability of keeping each word, the most frequent word first.

    Source: Mikolov et al., 2013, Distributed representations of words and phrases, with frequencies by Zipf's law.

    Args:
        size: Number of words.
        sampling_factor: A smaller factor keeps fewer of the frequent words.

    Returns:
        Array (size,); entry 0 belongs to the padding number.

    Example:
        >>> make_sampling_table(3).round(5)
        array([0.00315, 0.00315, 0.00547])
    """
    gamma = 0.577
    rank = np.arange(size, dtype="float64")
    rank[0] = 1
    inverse_frequency = rank * (np.log(rank) + gamma) + 0.5 - 1.0 / (12.0 * rank)
    f = sampling_factor * inverse_frequency
    return np.minimum(1.0, f / np.sqrt(f))


def skipgrams(
    sequence: Tensor,
    vocabulary_size: int,
    window_size: int = 4,
    negative_samples: float = 1.0,
    shuffle: bool = True,
    categorical: bool = False,
    sampling_table: Any = None,
    seed: int | None = None,
) -> tuple[list, list]:
    """Return pairs of words near each other, with the label 1, and random pairs, with the label 0.

    Source: Mikolov et al., 2013, Efficient estimation of word representations in vector space.

    Args:
        sequence: Word numbers; 0 is not a word.
        vocabulary_size: Largest number + 1.
        window_size: Number of words on each side that count as near.
        negative_samples: Number of random pairs for each pair of neighbors.
        shuffle: Whether the pairs are shuffled.
        categorical: Whether labels are ``[0, 1]`` and ``[1, 0]``.
        sampling_table: Probability of keeping each word, by its number.
        seed: Seed of the shuffling.

    Returns:
        ``(pairs, labels)``, two lists.

    Example:
        >>> skipgrams([1, 2, 3], 4, window_size=1, negative_samples=0, shuffle=False)
        ([[1, 2], [2, 1], [2, 3], [3, 2]], [1, 1, 1, 1])
    """
    yes, no = ([0, 1], [1, 0]) if categorical else (1, 0)
    couples: list[list] = []
    for i, word in enumerate(sequence):
        if not word or (sampling_table is not None and sampling_table[word] < random.random()):
            continue
        near = range(max(0, i - window_size), min(len(sequence), i + window_size + 1))
        couples += [[word, sequence[j]] for j in near if j != i and sequence[j]]
    labels: list = [yes] * len(couples)
    if negative_samples > 0:
        count = int(len(labels) * negative_samples)
        words = [c[0] for c in couples]
        random.shuffle(words)
        couples += [[words[i % len(words)], random.randint(1, vocabulary_size - 1)] for i in range(count)]
        labels += [no] * count
    if shuffle:
        order = list(range(len(couples)))
        random.Random(seed).shuffle(order)
        couples, labels = [couples[i] for i in order], [labels[i] for i in order]
    return couples, labels
