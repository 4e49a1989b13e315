"""Amortized inference of bayesflow: a coupling flow learns the mean, two numbers, of a normal distribution."""

import json
import time

import bayesflow as bf
import keras
import numpy as np

started = time.process_time()
keras.utils.set_random_seed(1)


def prior() -> dict:
    """Draw a mean."""
    return {"mean": np.random.normal(size=2)}


def draws(mean: np.ndarray) -> dict:
    """Draw ten points around it."""
    return {"x": np.random.normal(mean, 0.5, size=(10, 2))}


simulator = bf.make_simulator([prior, draws])
flow = bf.BasicWorkflow(
    simulator=simulator,
    inference_variables=["mean"],
    summary_variables=["x"],
    inference_network=bf.networks.CouplingFlow(depth=2, subnet_kwargs={"widths": (16,)}),
    summary_network=bf.networks.DeepSet(summary_dim=4, depth=1, base_distribution=None),
)
history = flow.fit_online(epochs=2, num_batches_per_epoch=20, batch_size=16, verbose=0)
samples = flow.sample(num_samples=50, conditions=simulator.sample(3))
print(
    json.dumps(
        {
            "epochs": len(history.history["loss"]),
            "learns": history.history["loss"][-1] < history.history["loss"][0],
            "shape": list(samples["mean"].shape),
            "finite": bool(np.isfinite(samples["mean"]).all()),
            "seconds": time.process_time() - started,
        }
    )
)
