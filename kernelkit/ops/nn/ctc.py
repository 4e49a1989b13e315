"""Connectionist temporal classification (CTC): sequences of labels without an alignment to the inputs.

Source: Graves et al., 2006, Connectionist temporal classification.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from kernelkit.dispatch import op
from kernelkit.ops.nn.arrays import floats
from kernelkit.typing import Tensor, Tree

# The logarithm of an impossible event: finite, so that gradients are finite.
_LOG_ZERO = -1e5


@op
def ctc_loss(target: Tensor, output: Tensor, target_length: Any, output_length: Any, mask_index: int = 0) -> jax.Array:
    """Return minus the log-probability of the labels, summed over all alignments.

    Args:
        target: Labels, ints (batch, labels).
        output: Logits (batch, steps, classes). The loss is computed in at least 32 bits.
        target_length: Number of labels of each sequence, ints (batch,).
        output_length: Number of steps of each sequence, ints (batch,).
        mask_index: The blank class, which means no label.

    Returns:
        Floats (batch,).

    Example:
        >>> import numpy as np
        >>> from kernelkit import ops
        >>> loss = ops.ctc_loss(np.array([[1]]), np.zeros((1, 2, 2)), np.array([1]), np.array([2]))
        >>> round(float(loss[0]), 4)  # 3 of the 4 paths give the label: "1-", "-1" and "11"
        0.2877
    """
    target = jnp.asarray(target).astype("int32")
    scores = jax.nn.log_softmax(_wide(output), axis=-1)
    target_length, output_length = (jnp.asarray(v).astype("int32") for v in (target_length, output_length))
    batch, labels = target.shape
    # The states of the alignment: the labels with a blank before, between and after.
    states = jnp.full((batch, 2 * labels + 1), mask_index).at[:, 1::2].set(target)
    skips = jnp.zeros(states.shape, bool).at[:, 3::2].set(target[:, 1:] != target[:, :-1])
    emissions = jnp.take_along_axis(scores, states[:, None, :], axis=2)
    start = jnp.full(states.shape, _LOG_ZERO, scores.dtype).at[:, :2].set(emissions[:, 0, :2])

    def advance(alpha: jax.Array, step: tuple) -> tuple:
        emission, time = step
        from_one, from_two = (jnp.pad(alpha, ((0, 0), (n, 0)), constant_values=_LOG_ZERO)[:, :-n] for n in (1, 2))
        arrived = jnp.logaddexp(alpha, from_one)
        arrived = jnp.logaddexp(arrived, jnp.where(skips, from_two, _LOG_ZERO)) + emission
        return jnp.where((time < output_length)[:, None], arrived, alpha), None

    times = jnp.arange(1, scores.shape[1])
    alpha, _ = jax.lax.scan(advance, start, (jnp.moveaxis(emissions[:, 1:], 1, 0), times))
    last = 2 * target_length[:, None]
    ends_blank = jnp.take_along_axis(alpha, last, axis=1)[:, 0]
    ends_label = jnp.take_along_axis(alpha, jnp.maximum(last - 1, 0), axis=1)[:, 0]
    return -jnp.logaddexp(ends_blank, jnp.where(target_length > 0, ends_label, _LOG_ZERO))


@op
def ctc_decode(
    inputs: Tree,
    sequence_lengths: Any,
    strategy: str = "greedy",
    beam_width: int = 100,
    top_paths: int = 1,
    merge_repeated: bool = True,
    mask_index: int = 0,
) -> tuple[jax.Array, jax.Array]:
    """Return the most probable labels of each sequence.

    Args:
        inputs: Logits (batch, steps, classes).
        sequence_lengths: Number of steps of each sequence, ints (batch,).
        strategy: ``"greedy"`` (the most probable class of each step) or ``"beam_search"`` (over all alignments).
        beam_width: Number of label sequences that the search keeps at each step.
        top_paths: Number of label sequences to return.
        merge_repeated: Whether the greedy strategy merges equal classes in a row into one label.
        mask_index: The blank class, which means no label.

    Returns:
        Labels, ints (paths, batch, steps), padded with -1, and scores (batch, paths): log-probabilities of a beam
        search, minus the sum of the greatest logits of the greedy strategy.

    Raises:
        ValueError: If the strategy is unknown, or ``top_paths`` is greater than ``beam_width``.

    Source: Hannun et al., 2014, First-pass large vocabulary continuous speech recognition using bi-directional
    recurrent DNNs (the search over prefixes).

    Example:
        >>> import numpy as np
        >>> from kernelkit import ops
        >>> logits = np.log([[[0.1, 0.9], [0.1, 0.9], [0.9, 0.1]]])
        >>> ops.ctc_decode(logits, np.array([3]))[0].tolist()
        [[[1, -1, -1]]]
    """
    logits = _wide(inputs)
    lengths = jnp.asarray(sequence_lengths).astype("int32")
    if strategy == "greedy":
        return _greedy(logits, lengths, merge_repeated, mask_index)
    if strategy != "beam_search":
        raise ValueError(f"ctc_decode(): Invalid strategy {strategy!r}. Expected 'greedy' or 'beam_search'.")
    if top_paths > beam_width:
        raise ValueError(f"ctc_decode() cannot return {top_paths} paths of the {beam_width} it keeps (beam_width).")
    search = partial(_beam_search, width=beam_width, paths=top_paths, blank=mask_index)
    labels, log_probabilities = jax.vmap(search)(jax.nn.log_softmax(logits, axis=-1), lengths)
    return jnp.moveaxis(labels, 1, 0), log_probabilities


def _wide(x: Tensor) -> jax.Array:
    # In at least 32 bits: sums over many steps lose precision in 16-bit floats.
    x = floats(x)
    return x.astype(jnp.promote_types(x.dtype, "float32"))


def _greedy(logits: jax.Array, lengths: jax.Array, merge_repeated: bool, blank: int) -> tuple[jax.Array, jax.Array]:
    best = jnp.argmax(logits, axis=-1).astype("int32")
    valid = jnp.arange(best.shape[1]) < lengths[:, None]
    is_label = valid & (best != blank)
    if merge_repeated:
        is_label = is_label.at[:, 1:].set(is_label[:, 1:] & (best[:, 1:] != best[:, :-1]))
    order = jnp.argsort(~is_label, axis=1, stable=True)
    labels = jnp.take_along_axis(jnp.where(is_label, best, -1), order, axis=1)
    total = jnp.sum(jnp.where(valid, jnp.max(logits, axis=-1), 0), axis=1, keepdims=True)
    return labels[None], -total


def _beam_search(
    scores: jax.Array, length: jax.Array, *, width: int, paths: int, blank: int
) -> tuple[jax.Array, jax.Array]:
    """Search one sequence: scores (steps, classes).

    A beam is a label sequence with two log-probabilities: of alignments that end in a blank, and of alignments that end
    in the last label.
    """
    steps, classes = scores.shape
    dead = -jnp.inf

    def advance(beams: tuple, step: tuple) -> tuple:
        prefixes, sizes, ends_blank, ends_label = beams
        score, time = step
        either = jnp.logaddexp(ends_blank, ends_label)
        last = jnp.take_along_axis(prefixes, jnp.maximum(sizes - 1, 0)[:, None], axis=1)[:, 0]
        has_last = sizes > 0
        stay_label = jnp.where(has_last, ends_label + score[last], dead)
        repeats = has_last[:, None] & (jnp.arange(classes) == last[:, None])
        grow = jnp.where(repeats, ends_blank[:, None], either[:, None]) + score
        grow = grow.at[:, blank].set(dead)
        # An extended beam that equals an existing beam is the same label sequence: the two are merged.
        without_last = jnp.where(jnp.arange(steps) == sizes[:, None] - 1, -1, prefixes)
        is_parent = jnp.all(without_last[:, None] == prefixes[None], axis=-1) & (sizes[:, None] == sizes[None] + 1)
        joined = jnp.where(is_parent, grow[:, last].T, dead)
        stay_label = jnp.logaddexp(stay_label, jax.nn.logsumexp(joined, axis=1))
        taken = jnp.any(is_parent[:, :, None] & (jnp.arange(classes) == last[:, None, None]), axis=0)
        grow = jnp.where(taken, dead, grow).reshape(-1)
        totals = jnp.concatenate([jnp.logaddexp(either + score[blank], stay_label), grow])
        total, chosen = jax.lax.top_k(totals, width)
        stays = chosen < width
        parent = jnp.where(stays, chosen, (chosen - width) // classes)
        label = (chosen - width) % classes
        alive = total > dead
        new_sizes = jnp.where(alive, sizes[parent] + ~stays, _NO_BEAM)
        at_end = ~stays[:, None] & (jnp.arange(steps) == sizes[parent][:, None])
        new_prefixes = jnp.where(at_end, label[:, None], prefixes[parent])
        new_blank = jnp.where(stays, (either + score[blank])[parent], dead)
        new_label = jnp.where(stays, stay_label[parent], total)
        new = (new_prefixes, new_sizes, new_blank, new_label)
        return tuple(jnp.where(time < length, a, b) for a, b in zip(new, beams, strict=True)), None

    first = jnp.arange(width) == 0
    beams = (
        jnp.full((width, steps), -1, "int32"),
        jnp.where(first, 0, _NO_BEAM),
        jnp.where(first, 0.0, dead).astype(scores.dtype),
        jnp.full((width,), dead, scores.dtype),
    )
    (prefixes, _, ends_blank, ends_label), _ = jax.lax.scan(advance, beams, (scores, jnp.arange(steps)))
    total, best = jax.lax.top_k(jnp.logaddexp(ends_blank, ends_label), paths)
    return prefixes[best], total


# The size of a beam that doesn't exist, far from all real sizes.
_NO_BEAM = -5
