"""Sources that yield batches: epochs of every length, orders that follow from the epoch, batches that are wrong."""

import gc
import threading
import warnings

import numpy as np
import pytest

import kernelkit as kk
from kernelkit.feeds.make import make_feed
from kernelkit.utils.dataset import Dataset


def batch(number, rows=2):
    return np.full((rows, 1), number, "float32"), np.zeros((rows, 1), "float32")


class Iterable:
    """Re-iterable, without a length."""

    def __init__(self, count=10):
        self.count, self.opened = count, 0

    def __iter__(self):
        self.opened += 1
        return (batch(i) for i in range(self.count))


class Loader(Iterable):
    """Re-iterable, with a length, as torch's DataLoader."""

    def __len__(self):
        return self.count


class TfLike(Iterable):
    """What `tf.data` has: a cardinality, and an iterator of NumPy arrays."""

    def __init__(self, count=10, known=True):
        super().__init__(count)
        self.known = known

    def cardinality(self):
        return self.count if self.known else -2

    def as_numpy_iterator(self):
        return iter(self)


class Indexed:
    """A length and batches by number, no `__iter__`: a Sequence that inherits from nothing."""

    def __init__(self, count=10):
        self.count = count

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        return batch(index)


class Numbered(kk.utils.PyDataset):
    def __init__(self, count=10, **options):
        super().__init__(**options)
        self.count = count

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        return batch(index)


def own_dataset(count=10):
    x = np.arange(count, dtype="float32")[:, None].repeat(2, 0)
    return Dataset.from_tensor_slices((x, x * 0)).batch(2)


def of_grain(iterates=False):
    import grain

    made = grain.MapDataset.source([batch(i) for i in range(10)])
    return made.to_iter_dataset() if iterates else made


SOURCES = {
    "grain, by number": of_grain,
    "grain, one after the other": lambda: of_grain(iterates=True),
    "iterable": Iterable,
    "loader": Loader,
    "tf": TfLike,
    "tf of unknown length": lambda: TfLike(known=False),
    "list of batches as an iterable": lambda: dict(enumerate(batch(i) for i in range(10))).values(),
    "indexed": Indexed,
    "PyDataset": Numbered,
    "PyDataset with threads": lambda: Numbered(workers=3),
    "own": own_dataset,
}


def linear():
    model = kk.Sequential([kk.Input((1,)), kk.layers.Dense(1, kernel_initializer="ones", use_bias=False)])
    model.compile(kk.optimizers.SGD(0.0), "mse")
    return model


def seen(feed, epochs):
    """The numbers of the batches in each epoch."""
    found = []
    for epoch in epochs:
        feed.sample(epoch)
        found.append([int(np.asarray(chunk.data[0])[0, 0]) for chunk in feed.epoch(epoch)])
        feed.epoch_end()
    return found


@pytest.mark.parametrize("steps", [1, 3, 5, 7, 10, 20, 23])
@pytest.mark.parametrize("source", SOURCES)
def test_each_epoch_has_the_steps_asked_for_and_goes_on_behind_the_last_one(source, steps):
    found = seen(make_feed(SOURCES[source](), steps=steps), range(4))
    assert [len(epoch) for epoch in found] == [steps] * 4
    assert [number for epoch in found for number in epoch] == [i % 10 for i in range(4 * steps)]


@pytest.mark.parametrize("steps", [5, 10])
@pytest.mark.parametrize("source", SOURCES)
def test_a_fit_whose_epochs_divide_the_source_has_them_all(source, steps):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        history = linear().fit(SOURCES[source](), steps_per_epoch=steps, epochs=4, verbose=0)
    assert history.epoch == [0, 1, 2, 3]


@pytest.mark.parametrize("source", SOURCES)
def test_without_steps_an_epoch_is_one_pass(source):
    assert seen(make_feed(SOURCES[source]()), range(3)) == [list(range(10))] * 3


@pytest.mark.parametrize("source", SOURCES)
def test_every_validation_sees_the_same_batches(source):
    class Keep(kk.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.losses = []

        def on_test_end(self, logs=None):
            self.losses.append(logs["loss"])

    keep = Keep()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        linear().fit(
            np.zeros((4, 1)), np.zeros((4, 1)), epochs=4, verbose=0,
            validation_data=SOURCES[source](), validation_steps=5, callbacks=[keep],
        )  # fmt: skip
    assert keep.losses == pytest.approx([np.mean(np.arange(5) ** 2)] * 4)


def test_a_generator_goes_on_and_ends_when_it_is_used_up():
    def generator():
        yield from (batch(i) for i in range(12))

    feed = make_feed(generator(), steps=5)
    assert seen(feed, range(2)) == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]
    with pytest.warns(UserWarning, match="data ended after 2 of 5 steps in epoch 3"):
        history = linear().fit(generator(), steps_per_epoch=5, epochs=4, verbose=0)
    assert history.epoch == [0, 1, 2]


def test_an_iterable_that_hands_out_one_iterator_ends_as_a_generator_does():
    class Once:
        def __init__(self):
            self.batches = iter([batch(i) for i in range(10)])

        def __iter__(self):
            return self.batches

    with pytest.warns(UserWarning, match="data ended before epoch 3"):
        history = linear().fit(Once(), steps_per_epoch=5, epochs=4, verbose=0)
    assert history.epoch == [0, 1]


def test_a_source_is_opened_once_for_each_pass():
    source = Loader(4)
    linear().fit(source, epochs=3, verbose=0)
    assert source.opened == 3
    source = Loader(4)
    linear().fit(source, epochs=3, steps_per_epoch=2, verbose=0)
    assert source.opened == 2


@pytest.mark.parametrize("steps", [None, 3, 7])
@pytest.mark.parametrize("shuffle", [True, "batch", False])
@pytest.mark.parametrize("kind", ["arrays", "PyDataset", "prepared rows"])
def test_the_order_of_an_epoch_follows_from_its_number(kind, shuffle, steps, monkeypatch):
    from kernelkit.feeds import make

    monkeypatch.setattr(make, "CONVERTED_BYTES", 1)

    def feed():
        x = np.arange(20, dtype="float32")[:, None]
        options = {"shuffle": shuffle, "seed": 5, "steps": steps}
        if kind == "PyDataset":
            return make_feed(Numbered(), **options)
        on_host = (lambda v: v + 0) if kind == "prepared rows" else None
        return make_feed(x, x, batch_size=2, on_host=on_host, **options)

    def rows(feed, epoch):
        feed.sample(epoch)
        found = []
        for chunk in feed.epoch(epoch):
            span = slice(chunk.first * chunk.batch_size, (chunk.first + chunk.count) * chunk.batch_size)
            places = span if chunk.order is None else np.asarray(chunk.order)[span]
            found += np.asarray(chunk.data[0])[places].ravel().tolist()
        return found

    whole = feed()
    unbroken = [rows(whole, epoch) for epoch in range(4)]
    resumed = feed()
    assert [rows(resumed, epoch) for epoch in (2, 3)] == unbroken[2:]
    assert rows(feed(), 3) == unbroken[3]


@pytest.mark.parametrize("kind", ["arrays", "PyDataset"])
@pytest.mark.parametrize("cut", [1, 2, 3])
def test_fit_in_two_parts_is_fit_in_one(kind, cut):
    rng = np.random.default_rng(0)
    x, y = rng.random((40, 3), "float32"), rng.random((40, 1), "float32")

    class Batches(kk.utils.PyDataset):
        def __len__(self):
            return 5

        def __getitem__(self, index):
            return x[index * 8 : index * 8 + 8], y[index * 8 : index * 8 + 8]

    def weights(parts):
        kk.utils.set_random_seed(3)
        model = kk.Sequential([kk.Input((3,)), kk.layers.Dense(1)])
        model.compile("adam", "mse")
        for first, last in parts:
            data = (x, y) if kind == "arrays" else (Batches(),)
            model.fit(*data, batch_size=8 if kind == "arrays" else None, initial_epoch=first, epochs=last, verbose=0)
        return model.get_weights()

    for a, b in zip(weights([(0, 4)]), weights([(0, cut), (cut, 4)]), strict=True):
        np.testing.assert_array_equal(a, b)


def test_two_fits_from_the_first_epoch_have_orders_of_their_own():
    model, orders = linear(), []

    class Order(kk.utils.PyDataset):
        def __len__(self):
            return 30

        def __getitem__(self, index):
            orders.append(index)
            return batch(index)

    kk.utils.set_random_seed(1)
    model.fit(Order(), verbose=0)
    model.fit(Order(), verbose=0)
    assert sorted(orders[:30]) == sorted(orders[30:]) and orders[:30] != orders[30:]
    kk.utils.set_random_seed(1)
    model.fit(Order(), verbose=0, initial_epoch=0)
    assert orders[60:] == orders[:30]


@pytest.mark.parametrize("workers", [1, 3])
def test_an_epoch_begins_before_its_first_batch_is_asked_for_and_each_batch_is_made_once(workers):
    class Ready(Numbered):
        asked: list = []
        begun = 0

        def on_epoch_begin(self):
            self.begun += 1
            self.ready = True

        def on_epoch_end(self):
            del self.ready

        def __getitem__(self, index):
            assert self.ready
            self.asked.append(index)
            return batch(index)

    for use in (
        lambda model, data: model.fit(data, epochs=3, verbose=0),
        lambda model, data: model.fit(np.zeros((2, 1)), np.zeros((2, 1)), validation_data=data, epochs=3, verbose=0),
    ):
        data = Ready(4, workers=workers)
        data.asked = []
        use(linear(), data)
        assert sorted(data.asked) == sorted([0, 1, 2, 3] * 3) and data.begun == 3
    data = Ready(4, workers=workers)
    data.asked = []
    linear().evaluate(data, verbose=0)
    linear().predict(data)
    assert sorted(data.asked) == [0, 0, 1, 1, 2, 2, 3, 3] and data.begun == 2


def test_a_dataset_that_forgot_to_call_its_base_class():
    class Old(kk.utils.PyDataset):
        def __init__(self, x):
            self.x = x

        def __len__(self):
            return 3

        def __getitem__(self, index):
            return self.x[index * 2 : index * 2 + 2], self.x[index * 2 : index * 2 + 2]

    model, data = linear(), Old(np.ones((6, 1), "float32"))
    assert model.evaluate(data, verbose=0) == 0 and model.predict(data).shape == (6, 1)
    assert len(model.fit(data, validation_data=data, verbose=0).history["val_loss"]) == 1


def endless_none():
    yield batch(0)
    yield None


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            lambda: iter([batch(0), None]),
            r"\(batch 2\) yielded None; a batch is x, \(x, y\) or \(x, y, sample_weight\)",
        ),
        (lambda: endless_none(), r"The generator \(batch 2\) yielded None"),
        (lambda: iter([5]), r"\(batch 1\) yielded a single number, 5"),
        (lambda: iter([np.float32(5)]), "single number"),
        (lambda: iter([np.array(5.0)]), "single value as x, without an axis of samples"),
        (lambda: iter([()]), "empty tuple"),
        (lambda: iter([(None, np.zeros(2))]), "None for x"),
        (lambda: iter([endless_none]), "function, 'endless_none': call it"),
        (lambda: iter([(np.zeros((4, 1)), np.zeros((3, 1)))]), "unequal numbers of samples: x has 4, y has 3"),
        (lambda: iter([(np.zeros((4, 1)), np.zeros((4, 1)), np.zeros(5))]), "sample_weight has 5"),
        (lambda: iter([(np.zeros((0, 1)), np.zeros((0, 1)))]), "0 samples"),
        (lambda: iter([({"a": np.zeros((4, 1)), "b": 3.0}, np.zeros(4))]), r"x\['b'\]"),
        (lambda: iter([(np.zeros((4, 1)),) * 4]), "tuple of 4"),
    ],
)
def test_what_is_no_batch(source, message):
    for use in ("fit", "evaluate"):
        with pytest.raises(ValueError, match=message):
            getattr(linear(), use)(source(), verbose=0)
    assert not [t for t in threading.enumerate() if t.name == "kernelkit-feed"]


def test_a_dataset_that_returns_none():
    class Forgot(Numbered):
        def __getitem__(self, index):
            if index == 2:
                return None
            return batch(index)

    with pytest.raises(ValueError, match=r"Forgot \(batch 3\) yielded None"):
        linear().fit(Forgot(), shuffle=False, verbose=0)


def test_what_is_no_source():
    with pytest.raises(ValueError, match="x is the function 'endless_none', not data: call it"):
        linear().fit(endless_none)
    with pytest.raises(ValueError, match="x is the class 'Numbered', not data: call it"):
        linear().fit(Numbered)
    with pytest.raises((ValueError, TypeError)):
        linear().fit("words")
    for steps in (0, -1, 2.5, "3", True, [3]):
        with pytest.raises(ValueError, match="steps_per_epoch must be a whole number of at least 1"):
            linear().fit(Loader(), steps_per_epoch=steps)
    with pytest.raises(ValueError, match="validation_steps"):
        linear().fit(np.zeros((2, 1)), np.zeros(2), validation_data=Loader(), validation_steps=0)
    assert linear().fit(Loader(), steps_per_epoch=5.0, verbose=0).epoch == [0]


def test_lists_of_numbers_are_arrays():
    source = [([[1.0], [2.0]], [[1.0], [2.0]]), ([[3.0]], [[3.0]])]
    assert linear().evaluate(iter(source), verbose=0) == 0


def test_a_batch_size_beside_batches_is_a_warning():
    for use in ("fit", "evaluate", "predict"):
        with pytest.warns(UserWarning, match="batch_size=64 has no effect, since x is a Loader"):
            getattr(linear(), use)(Loader(), batch_size=64, verbose=0)


def test_the_source_is_let_go_after_fit():
    source = Loader()
    linear().fit(source, steps_per_epoch=3, epochs=2, verbose=0)
    gc.collect()
    assert not [t for t in threading.enumerate() if t.name.startswith("kernelkit-")]
