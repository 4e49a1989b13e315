"""MLflow: what its autologging and its callback write about a training, and a model that is logged and loaded."""

import tempfile

import keras
import mlflow
import mlflow.keras
import numpy as np
from training import draw_weights, rng, tell

x = rng.normal(size=(24, 6, 6, 1)).astype("float32")
y = rng.integers(0, 2, 24)


def network():
    net = keras.Sequential([keras.Input((6, 6, 1)), keras.layers.Flatten(), keras.layers.Dense(2)])
    draw_weights(net)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    net.compile(keras.optimizers.Adam(0.01), loss, metrics=[keras.metrics.SparseCategoricalAccuracy()])
    return net


def told(run):
    client = mlflow.MlflowClient()
    data = client.get_run(run.info.run_id).data
    steps = {name: [m.value for m in client.get_metric_history(run.info.run_id, name)] for name in data.metrics}
    of_optimizer = {f"{name} set": value for name, value in data.params.items() if name.startswith("optimizer_")}
    return {**{f"{name} by step": values for name, values in steps.items()}, **of_optimizer}


with tempfile.TemporaryDirectory() as folder:
    mlflow.set_tracking_uri(f"sqlite:///{folder}/runs.db")
    mlflow.set_experiment(experiment_id=mlflow.create_experiment("nets", artifact_location=f"file://{folder}/files"))
    mlflow.keras.autolog(log_datasets=False, log_models=False)
    with mlflow.start_run() as run:
        network().fit(x, y, batch_size=4, epochs=2, shuffle=False, verbose=0)
    found = {f"autolog {name}": value for name, value in told(run).items()}
    mlflow.keras.autolog(disable=True)
    net = network()
    with mlflow.start_run() as run:
        log = mlflow.keras.MlflowCallback(log_every_epoch=False, log_every_n_steps=2)
        net.fit(x, y, batch_size=4, epochs=2, shuffle=False, verbose=0, validation_data=(x, y), callbacks=[log])
        mlflow.flush_async_logging()
    found |= {f"callback {name}": value for name, value in told(run).items()}
    mlflow.keras.save_model(net, f"{folder}/net")
    loaded = mlflow.keras.load_model(f"{folder}/net")
    found["loaded"] = np.ravel(loaded.predict(x[:2], verbose=0)).tolist()
tell(**found)
