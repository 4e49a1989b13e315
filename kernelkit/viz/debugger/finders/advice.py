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
VANISHING = [
    "Use relu, gelu or silu instead of sigmoid and tanh in hidden layers, with he_normal weights.",
    "Add shortcuts (x + layer(x)) or BatchNormalization or LayerNormalization between the layers.",
    "Use fewer layers.",
]
EXPLODING_BY_DEPTH = [
    "Initialize the weights smaller: he_normal for relu, glorot_uniform for tanh.",
    "Put BatchNormalization or LayerNormalization between the layers.",
    "Limit the gradients: clipnorm=1.0 in the optimizer.",
]
SMALL_RATE = [
    "Multiply the learning rate by 10 or more: dbg.fork(learning_rate=...).",
    "Let kernelkit.viz.find_learning_rate(model, x, y) find one.",
]
LARGE_RATE = ["Divide the learning rate by ten: dbg.fork(learning_rate=...) shows how the training would have gone."]
NOT_LOGITS = ["Give the last layer no activation, or leave from_logits=True out. Logits are the more accurate way."]
LOGITS = ["Give the loss from_logits=True, or the last layer activation='softmax' ('sigmoid' for a binary loss)."]
ONE_UNIT = [
    "For two classes give the layer activation='sigmoid', and compile with binary_crossentropy.",
    "Or give it a unit for each class, and compile with sparse_categorical_crossentropy.",
]
TARGETS = [
    "Train on (y - y.mean()) / y.std(), and undo it for predictions; or start the last bias at the targets' mean."
]
INPUTS = [
    "Divide images by 255, or put layers.Rescaling(1 / 255) first.",
    "For tables put layers.Normalization() first and adapt it: layer.adapt(x).",
]
SATURATED = [
    "Scale the inputs to about zero mean and unit variance, and make the initial weights smaller.",
    "Use relu or gelu in hidden layers.",
]
GATES = [
    "Make the initial weights of the layer smaller: glorot_uniform for the inputs, orthogonal for the state.",
    "Begin with a bias near 0, and scale the inputs to about zero mean and unit variance.",
]
SURE = [
    "Make the initial weights smaller: glorot_uniform for the last layer.",
    "Lower the learning rate: one large update can push the outputs there.",
    "Give the last layer no activation, and the loss from_logits=True: a wrong answer keeps its gradient then.",
]
ONE_CLASS = ["Look at how y is made: a wrong column, a wrong file, or a filter that leaves one class."]
SORTED = ["Leave shuffle=True, or shuffle the data before they are made into batches."]
LEAK = ["Drop the column: on new data the target is not known."]
SHUFFLED = [
    "Check that x and y have the same order: sorting, shuffling or filtering only one of them does this.",
    "Draw some inputs with their labels.",
]
FROZEN = ["Set layer.trainable = True and call compile() again."]
BATCH_OF_ONE = ["Use larger batches (drop the last, short one), or LayerNormalization or GroupNormalization."]
MASK = [
    "Let every layer between hand the mask on (supports_masking = True), or give fit a sample_weight that is 0 there.",
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
