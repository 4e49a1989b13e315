"""Small models of every kind that a training can have, and what plain `fit` makes of them step by step."""

import jax
import numpy as np

import kernelkit as kk

SAMPLES, BATCH, EPOCHS = 27, 8, 3
STEPS = 4 * EPOCHS  # three full batches and one of three samples in each epoch


def _rng():
    return np.random.default_rng(0)


def _compiled(model, loss="sparse_categorical_crossentropy", optimizer="adam", **options):
    model.compile(optimizer, loss, metrics=["accuracy"], **options)
    return model


def classes():
    return _rng().random((SAMPLES, 4), dtype="float32"), _rng().integers(0, 3, SAMPLES)


def mlp():
    layers = [kk.Input((4,)), kk.layers.Dense(6, activation="relu", name="hidden"), kk.layers.BatchNormalization()]
    layers += [kk.layers.Dropout(0.4), kk.layers.Dense(3, activation="softmax", name="out")]
    return _compiled(kk.Sequential(layers)), classes()


def small():
    layers = [kk.Input((4,)), kk.layers.Dense(6, activation="relu", name="hidden"), kk.layers.Dropout(0.2)]
    x, y = classes()
    model = _compiled(kk.Sequential([*layers, kk.layers.Dense(3, activation="softmax", name="out")]), optimizer="sgd")
    return model, (x[:24], y[:24])


def recurrent():
    layers = [kk.Input((5, 2)), kk.layers.LSTM(3, dropout=0.2, name="lstm"), kk.layers.Dense(3, activation="softmax")]
    return _compiled(kk.Sequential(layers)), (_rng().random((SAMPLES, 5, 2), dtype="float32"), classes()[1])


def several():
    a, b = kk.Input((4,), name="a"), kk.Input((2,), name="b")
    h = kk.layers.Dense(4, activation="tanh")(kk.layers.concatenate([a, b]))
    model = kk.Model([a, b], [kk.layers.Dense(3, name="p")(h), kk.layers.Dense(1, name="q")(h)])
    model.compile("sgd", ["mse", "mae"], loss_weights=[1.0, 0.5])
    x = [_rng().random((SAMPLES, 4), dtype="float32"), _rng().random((SAMPLES, 2), dtype="float32")]
    return model, (x, [_rng().random((SAMPLES, 3), dtype="float32"), _rng().random((SAMPLES, 1), dtype="float32")])


def mixed():
    kk.config.set_dtype_policy("mixed_float16")
    try:
        layers = [kk.Input((4,)), kk.layers.Dense(6, activation="relu"), kk.layers.Dense(3, activation="softmax")]
        return _compiled(kk.Sequential(layers)), classes()
    finally:
        kk.config.set_dtype_policy("float32")


class EagerStyle(kk.Sequential):
    """A step of one argument, which assigns to variables."""

    def train_step(self, data):
        x, y = data
        with kk.GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self.compute_loss(x=x, y=y, y_pred=y_pred)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        for metric in self.metrics:
            metric.update_state(loss) if metric.name == "loss" else metric.update_state(y, y_pred)
        return self.get_metrics_result()


class PureStyle(kk.Sequential):
    """A pure step with a loss of its own making."""

    def train_step(self, state, data):
        trainable, rest, slots, watched = state
        x, y = data

        def loss_of(trainable):
            y_pred, new = self.stateless_call(trainable, rest, x, training=True)
            return -kk.ops.mean(kk.ops.log(kk.ops.take_along_axis(y_pred, y[:, None], axis=1) + 1e-7)), new

        (loss, rest), gradients = jax.value_and_grad(loss_of, has_aux=True)(trainable)
        trainable, slots = self.optimizer.stateless_apply(slots, gradients, trainable)
        return {"loss": loss}, (trainable, rest, slots, watched)


def _custom(kind):
    layers = [kk.Input((4,)), kk.layers.Dense(5, activation="relu"), kk.layers.Dropout(0.3)]
    return _compiled(kind([*layers, kk.layers.Dense(3, activation="softmax")])), classes()


def eager_style():
    return _custom(EagerStyle)


def pure_style():
    return _custom(PureStyle)


MODELS = {f.__name__: f for f in (mlp, recurrent, several, mixed, eager_style, pure_style)}


def fresh(kind):
    """A model and its data, made anew with the same seed each time."""
    kk.utils.clear_session()
    kk.utils.set_random_seed(3)
    return MODELS[kind]() if kind in MODELS else small()


def leaves(state):
    return [np.asarray(v) for v in jax.tree_util.tree_leaves(state)]


def generator(x, y):
    """Batches without an end, each epoch's in an order of its own."""
    epoch = 0
    while True:
        order = np.random.default_rng(epoch).permutation(SAMPLES)
        for first in range(0, SAMPLES, BATCH):
            rows = order[first : first + BATCH]
            yield x[rows], y[rows]
        epoch += 1


class States(kk.callbacks.Callback):
    """Keeps a copy of the whole state after each step."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append([v.copy() for v in leaves(self.model._training.variables("train").peek())])


def fitted(kind, source=None):
    """The states after each step of a fit with single steps, and the last one of a fused fit."""
    states = States()
    for callbacks in ([states], []):
        model, (x, y) = fresh(kind)
        if source is None:
            model.fit(x, y, batch_size=BATCH, epochs=EPOCHS, verbose=0, callbacks=callbacks)
        else:
            model.fit(source(x, y), epochs=EPOCHS, steps_per_epoch=4, verbose=0, callbacks=callbacks)
    return states.seen, leaves(model._training.variables("train").peek())
