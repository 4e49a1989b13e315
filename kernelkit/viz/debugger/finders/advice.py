"""Advice for each finding, the likeliest first."""

from __future__ import annotations

from kernelkit.viz.debugger.origin import Origin

EXPLODING = [
    "Divide the learning rate by ten: dbg.fork(learning_rate=...) shows how the training would have gone.",
    "Limit the gradients: clipnorm=1.0 in the optimizer.",
    "Scale inputs and targets to about zero mean and unit variance.",
]
SAMPLE = [
    "Look at the sample: is it damaged, or in other units than the other samples?",
    "Leave the sample out and compare: dbg.fork(drop_samples=[...]).",
    "If such samples are real, use a loss that grows more slowly (Huber instead of squared errors), or clip gradients.",
]
DEAD_UNITS = [
    "Initialize the bias with 0 (or slightly above) and the weights with he_normal.",
    "Lower the learning rate: one large update can push all units below zero, and they stay there.",
    "Use leaky_relu, elu or gelu: they have a gradient for negative inputs.",
]
SHIFTED = [
    "Check how x and y are made: a header, a dropped row or an off-by-one slice in only one of them shifts the labels.",
    "Before you train again, draw some inputs with their labels around the first shifted row.",
]
NO_GRADIENT = [
    "Look for a saturated activation (sigmoid, tanh, softmax) or dead units between the layer and the loss.",
    "Check that the layer's output reaches the loss without rounding or comparison: these have no gradient.",
]
WEIGHTS = ["The weights were NaN or infinite before this training began: load them or build the model again."]
ERROR = ["Look at dbg.batch: it holds the shapes and values that the step received."]
DATA = [
    "Look for missing values in the data: numpy.isnan(x).any().",
    "Fill the missing values, or leave the samples out: dbg.fork(drop_samples=[...]).",
]
_OPERATIONS = {
    "log": ["Keep the input of log above zero: log(x + 1e-7), or use a loss that takes logits."],
    "log1p": ["Keep the input of log1p above -1."],
    "div": [
        "Keep the divisor away from zero: x / (y + 1e-7), or use jax.numpy.where with safe values in both branches."
    ],
    "sqrt": ["Keep the input of sqrt above zero: sqrt(x + 1e-12). At zero its gradient is infinite."],
    "rsqrt": ["Keep the input of rsqrt above zero: rsqrt(x + 1e-12)."],
    "exp": ["Subtract the largest value before exp, or use softmax or logsumexp, which do this."],
    "pow": ["The base of this power was zero or negative: keep the base above zero."],
    "integer_pow": ["This negative power had the base zero: keep the base away from zero."],
    "dot_general": [
        "The sums grew too large: lower the learning rate, clip gradients, or use float32 or bfloat16 here."
    ],
    "conv_general_dilated": ["The sums grew too large: lower the learning rate, clip gradients, or use float32 here."],
    "sub": ["This computed infinity minus infinity: look for the infinity in its inputs."],
    "mul": ["This was zero times infinity, or a product too large: look at both factors in dbg.table()."],
}
_BACKWARD = "The value is finite but its gradient is not: give jax.numpy.where safe values in both branches."


def for_operation(origin: Origin) -> list[str]:
    """Return advice for an operation that made a NaN."""
    if origin.part == "data":
        return DATA
    found = list(
        _OPERATIONS.get(origin.op, ["Look at the inputs of this operation: dbg.table(), dbg.activations(...)."])
    )
    return [*found, _BACKWARD] if origin.backward else found
