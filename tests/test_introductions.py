"""What a newcomer types first: the usual introductions, with only the import changed."""

import jax
import numpy as np
import pytest

import kernelkit as keras
from kernelkit import layers, ops

pytestmark = pytest.mark.one_in(2)

RNG = np.random.default_rng(0)


def test_sequential_in_five_lines():
    x_train, y_train = RNG.random((64, 100), dtype="float32"), keras.utils.to_categorical(RNG.integers(0, 10, 64), 10)
    model = keras.Sequential()
    model.add(layers.Dense(units=64, activation="relu"))
    model.add(layers.Dense(units=10, activation="softmax"))
    model.compile(loss="categorical_crossentropy", optimizer="sgd", metrics=["accuracy"])
    model.fit(x_train, y_train, epochs=5, batch_size=32, verbose=0)
    loss_and_metrics = model.evaluate(x_train, y_train, batch_size=128, verbose=0)
    classes = model.predict(x_train, batch_size=128)
    assert len(loss_and_metrics) == 2 and classes.shape == (64, 10)
    np.testing.assert_allclose(classes.sum(-1), 1, rtol=1e-5)
    assert model.history.history["loss"][-1] < model.history.history["loss"][0]


def test_optimizer_objects_with_old_spellings():
    model = keras.Sequential([layers.Dense(3, input_dim=4), layers.Dense(2)])
    assert model.built and model.input_shape == (None, 4)
    with pytest.warns(UserWarning, match="learning_rate"):
        optimizer = keras.optimizers.SGD(lr=0.01, momentum=0.9, nesterov=True)
    model.compile(loss=keras.losses.MeanSquaredError(), optimizer=optimizer)
    model.fit(np.ones((8, 4)), np.ones((8, 2)), verbose=0)
    assert float(optimizer.learning_rate) == pytest.approx(0.01)


def test_the_functional_twin():
    inputs = keras.Input(shape=(784,))
    x = layers.Dense(32, activation="relu")(inputs)
    outputs = layers.Dense(10, activation="softmax")(x)
    model = keras.Model(inputs=inputs, outputs=outputs)
    assert model.count_params() == 784 * 32 + 32 + 32 * 10 + 10
    twin = keras.Sequential(
        [keras.Input((784,)), layers.Dense(32, activation="relu"), layers.Dense(10, activation="softmax")]
    )
    twin.set_weights(model.get_weights())
    x = RNG.random((5, 784), dtype="float32")
    np.testing.assert_array_equal(model.predict(x), twin.predict(x))


class TokenAndPositionEmbedding(layers.Layer):
    def __init__(self, max_length, vocab_size, embed_dim):
        super().__init__()
        self.token_embed = self.add_weight(shape=(vocab_size, embed_dim), initializer="random_uniform", trainable=True)
        self.position_embed = self.add_weight(
            shape=(max_length, embed_dim), initializer="random_uniform", trainable=True
        )

    def call(self, token_ids):
        length = token_ids.shape[-1]
        positions = ops.arange(0, length, dtype="int32")
        positions_vectors = ops.take(self.position_embed, positions, axis=0)
        token_ids = ops.cast(token_ids, dtype="int32")
        token_vectors = ops.take(self.token_embed, token_ids, axis=0)
        embed = token_vectors + positions_vectors
        power_sum = ops.sum(ops.square(embed), axis=-1, keepdims=True)
        return embed / ops.sqrt(ops.maximum(power_sum, 1e-7))


def test_a_custom_layer_written_with_ops():
    inputs = keras.Input((12,), dtype="int32")
    embedded = TokenAndPositionEmbedding(12, 50, 8)(inputs)
    assert embedded.shape == (None, 12, 8)
    outputs = layers.Dense(1, activation="sigmoid")(layers.GlobalAveragePooling1D()(embedded))
    model = keras.Model(inputs, outputs)
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    tokens = RNG.integers(0, 50, (64, 12))
    before = model.get_weights()
    history = model.fit(tokens, (tokens[:, 0] > 25).astype("float32"), epochs=30, verbose=0)
    assert history.history["loss"][-1] < 0.9 * history.history["loss"][0]
    assert not np.array_equal(before[0], model.get_weights()[0])


def test_two_inputs_and_two_outputs():
    title = keras.Input(shape=(None,), name="title", dtype="int32")
    tags = keras.Input(shape=(12,), name="tags")
    features = layers.LSTM(16)(layers.Embedding(100, 8)(title))
    x = layers.concatenate([features, tags])
    priority = layers.Dense(1, name="priority")(x)
    department = layers.Dense(4, name="department")(x)
    model = keras.Model(inputs=[title, tags], outputs={"priority": priority, "department": department})
    model.compile(
        optimizer=keras.optimizers.RMSprop(1e-3),
        loss={
            "priority": keras.losses.BinaryCrossentropy(from_logits=True),
            "department": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        },
        loss_weights={"priority": 1.0, "department": 0.2},
        metrics={"department": ["accuracy"]},
    )
    n = 48
    inputs = {"title": RNG.integers(0, 100, (n, 9)), "tags": RNG.integers(0, 2, (n, 12)).astype("float32")}
    targets = {"priority": RNG.random((n, 1)).round(), "department": RNG.integers(0, 4, (n, 1))}
    history = model.fit(inputs, targets, epochs=2, batch_size=16, verbose=0)
    assert set(history.history) == {"loss", "priority_loss", "department_loss", "department_accuracy"}
    total = np.array(history.history["priority_loss"]) + 0.2 * np.array(history.history["department_loss"])
    np.testing.assert_allclose(history.history["loss"], total, rtol=1e-5)
    assert set(model.predict(inputs)) == {"priority", "department"}


class GAN(keras.Model):
    """A GAN whose step is written with tapes, and takes the batch alone."""

    def __init__(self, discriminator, generator, latent_dim):
        super().__init__()
        self.discriminator, self.generator, self.latent_dim = discriminator, generator, latent_dim
        self.seed_generator = keras.random.SeedGenerator(1337)
        self.d_loss_tracker = keras.metrics.Mean(name="d_loss")
        self.g_loss_tracker = keras.metrics.Mean(name="g_loss")

    def compile(self, d_optimizer, g_optimizer, loss_fn):
        super().compile()
        self.d_optimizer, self.g_optimizer, self.loss_fn = d_optimizer, g_optimizer, loss_fn

    @property
    def metrics(self):
        return [self.d_loss_tracker, self.g_loss_tracker]

    def train_step(self, real_images):
        batch_size = ops.shape(real_images)[0]
        noise = keras.random.normal((batch_size, self.latent_dim), seed=self.seed_generator)
        fake = self.generator(noise)
        images = ops.concatenate([fake, real_images], axis=0)
        labels = ops.concatenate([ops.ones((batch_size, 1)), ops.zeros((batch_size, 1))], axis=0)
        with keras.GradientTape() as tape:
            predictions = self.discriminator(images)
            d_loss = self.loss_fn(labels, predictions)
        grads = tape.gradient(d_loss, self.discriminator.trainable_weights)
        self.d_optimizer.apply_gradients(zip(grads, self.discriminator.trainable_weights))

        noise = keras.random.normal((batch_size, self.latent_dim), seed=self.seed_generator)
        with keras.GradientTape() as tape:
            predictions = self.discriminator(self.generator(noise))
            g_loss = self.loss_fn(ops.zeros((batch_size, 1)), predictions)
        grads = tape.gradient(g_loss, self.generator.trainable_weights)
        self.g_optimizer.apply_gradients(zip(grads, self.generator.trainable_weights))
        self.d_loss_tracker.update_state(d_loss)
        self.g_loss_tracker.update_state(g_loss)
        return {"d_loss": self.d_loss_tracker.result(), "g_loss": self.g_loss_tracker.result()}


def test_a_gan_learns_the_mean_of_its_data():
    keras.utils.set_random_seed(1)
    discriminator = keras.Sequential([keras.Input((2,)), layers.Dense(16), layers.LeakyReLU(0.2), layers.Dense(1)])
    generator = keras.Sequential([keras.Input((4,)), layers.Dense(16, activation="relu"), layers.Dense(2)])
    gan = GAN(discriminator, generator, 4)
    gan.compile(
        d_optimizer=keras.optimizers.Adam(5e-3, beta_1=0.5),
        g_optimizer=keras.optimizers.Adam(5e-3, beta_1=0.5),
        loss_fn=keras.losses.BinaryCrossentropy(from_logits=True),
    )
    real = RNG.normal((2.0, -1.0), 0.3, (1024, 2)).astype("float32")
    history = gan.fit(real, batch_size=64, epochs=30, verbose=0)
    assert set(history.history) == {"d_loss", "g_loss"}
    assert gan._training.program("train").compiles == 1
    fake = generator.predict(RNG.normal(size=(256, 4)).astype("float32"))
    np.testing.assert_allclose(fake.mean(0), [2.0, -1.0], atol=0.8)


def test_the_tape_loop_word_for_word():
    model = keras.Sequential(
        [keras.Input((4,)), layers.Dense(8, activation="relu"), layers.Dense(3, activation="softmax")]
    )
    loss_fn = keras.losses.SparseCategoricalCrossentropy()
    optimizer = keras.optimizers.Adam(0.05)
    x, y = RNG.random((96, 4), dtype="float32"), RNG.integers(0, 3, 96)
    losses = []
    for inputs, targets in [(x[i : i + 32], y[i : i + 32]) for i in (0, 32, 64)] * 10:
        with keras.GradientTape() as tape:
            predictions = model(inputs)
            loss_value = loss_fn(targets, predictions)
        gradients = tape.gradient(loss_value, model.trainable_weights)
        optimizer.apply_gradients(zip(gradients, model.trainable_weights))
        losses.append(float(loss_value))
    assert np.mean(losses[-3:]) < np.mean(losses[:3])


def test_the_functional_loop():
    """State in, state out, jitted: the loop by hand that jax users write."""
    model = keras.Sequential(
        [keras.Input((4,)), layers.Dense(8, activation="relu"), layers.Dropout(0.1), layers.Dense(1)]
    )
    loss_fn, optimizer = keras.losses.MeanSquaredError(), keras.optimizers.Adam(0.01)
    optimizer.build(model.trainable_variables)

    def compute_loss(trainable, non_trainable, x, y):
        predictions, non_trainable = model.stateless_call(trainable, non_trainable, x, training=True)
        return loss_fn(y, predictions), non_trainable

    gradient = jax.value_and_grad(compute_loss, has_aux=True)

    @jax.jit
    def step(state, x, y):
        trainable, non_trainable, slots = state
        (loss, non_trainable), gradients = gradient(trainable, non_trainable, x, y)
        trainable, slots = optimizer.stateless_apply(slots, gradients, trainable)
        return loss, (trainable, non_trainable, slots)

    x = RNG.random((32, 4), dtype="float32")
    y = x.sum(-1, keepdims=True)
    state = ([v.value for v in model.trainable_variables], [v.value for v in model.non_trainable_variables],
             [v.value for v in optimizer.variables])  # fmt: skip
    losses = []
    for _ in range(50):
        loss, state = step(state, x, y)
        losses.append(float(loss))
    assert losses[-1] < 0.2 * losses[0]
