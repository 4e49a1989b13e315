"""Advice for each finding, the likeliest first."""

from __future__ import annotations

from kernelkit.viz.debugger.origin import Origin

EXPLODING = [
    "Lower the learning rate, by ten at first: dbg.fork(learning_rate=...) shows what that would have done.",
    "Limit the gradients: clipnorm=1.0 in the optimizer.",
    "Scale inputs and targets to about zero mean and unit variance.",
]
SAMPLE = [
    "Look at the sample: is it damaged, or in other units than the rest?",
    "Leave it out and compare: dbg.fork(drop_samples=[...]).",
    "If such samples are real, use a loss that grows slower (Huber instead of squared errors), or clip gradients.",
]
DEAD_UNITS = [
    "Begin with a bias of 0 (or slightly above), and weights of he_normal.",
    "Lower the learning rate: one large update can push all units below zero for good.",
    "Use leaky_relu, elu or gelu, whose negative side has a gradient.",
]
SHIFTED = [
    "Look at how x and y are put together: a header, a dropped row or an off-by-one slice on one side only.",
    "Draw some inputs with their labels around the first row named, before training again.",
]
NO_GRADIENT = [
    "Look for a saturated activation (sigmoid, tanh, softmax) or dead units between the layer and the loss.",
    "Check that the layer's output reaches the loss, and that nothing on the way is rounded or compared.",
]
WEIGHTS = ["The weights were spoilt before this training began: load or build them anew."]
ERROR = ["Look at dbg.batch: its shapes and values are what the step was given."]
DATA = [
    "Look for missing values in the data: numpy.isnan(x).any().",
    "Fill them, or leave the samples out: dbg.fork(drop_samples=[...]).",
]
_OPERATIONS = {
    "log": ["Keep what goes into the logarithm above zero: log(x + 1e-7), or a loss that takes logits."],
    "log1p": ["Keep what goes into log1p above -1."],
    "div": ["Keep the divisor away from zero: x / (y + 1e-7), or give jax.numpy.where safe values on both sides."],
    "sqrt": ["Keep what goes into the root above zero: sqrt(x + 1e-12). At zero its gradient is infinite."],
    "rsqrt": ["Keep what goes into the root above zero: rsqrt(x + 1e-12)."],
    "exp": ["Subtract the largest value before exp, or use softmax and logsumexp, which do so."],
    "pow": ["Powers of zero or of negative numbers: keep the base above zero."],
    "integer_pow": ["Negative powers of zero: keep the base away from zero."],
    "dot_general": ["Sums grew too large: lower the learning rate, clip gradients, or use float32 or bfloat16 here."],
    "conv_general_dilated": ["Sums grew too large: lower the learning rate, clip gradients, or use float32 here."],
    "sub": ["Infinity minus infinity: look for the infinity before it."],
    "mul": ["Zero times infinity, or a product too large: look at both factors in dbg.table()."],
}
_BACKWARD = "The value itself is finite, only its gradient isn't: jax.numpy.where needs safe values on both sides."


def for_operation(origin: Origin) -> list[str]:
    """Return advice against a NaN that an operation made."""
    if origin.part == "data":
        return DATA
    found = list(
        _OPERATIONS.get(origin.op, ["Look at what this operation is given: dbg.table(), dbg.activations(...)."])
    )
    return [*found, _BACKWARD] if origin.backward else found
