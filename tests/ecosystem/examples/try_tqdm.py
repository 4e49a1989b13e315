"""tqdm: its progress bars as a callback, by epochs and by batches."""

import io

import keras
from tqdm.keras import TqdmCallback
from training import draw_weights, rng, tell

x, y = rng.normal(size=(40, 3)), rng.normal(size=(40, 1))
found = {}
for verbose in (0, 1, 2):
    net = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    draw_weights(net)
    net.compile(keras.optimizers.SGD(0.01), "mse", metrics=["mae"])
    shown = io.StringIO()
    callback = TqdmCallback(verbose=verbose, data_size=40, batch_size=8, file=shown, mininterval=0)
    net.fit(x, y, batch_size=8, epochs=3, shuffle=False, verbose=0, validation_split=0.2, callbacks=[callback])
    bars = [callback.epoch_bar, *([callback.batch_bar] if verbose else [])]
    found[f"counts {verbose}"] = [[bar.n, bar.total] for bar in bars]
    found[f"numbers {verbose}"] = [float(part.split("=")[1]) for bar in bars for part in bar.postfix.split(", ")]
    found[f"names {verbose}"] = ",".join(part.split("=")[0] for bar in bars for part in bar.postfix.split(", "))
tell(**found)
