"""A state that its owner spread over devices stays where it was put, in `fit` and in the debugger."""

import os
import subprocess
import sys

PROGRAM = """
import numpy as np, jax, kernelkit as kk
from jax.sharding import Mesh, NamedSharding, PartitionSpec as P

mesh = Mesh(np.array(jax.devices()), ("d",))
rng = np.random.default_rng(0)
x, y = rng.normal(size=(64, 8)).astype("float32"), np.arange(64) % 4

def make():
    kk.utils.set_random_seed(0)
    model = kk.Sequential([kk.Input((8,)), kk.layers.Dense(16, "relu"), kk.layers.Dropout(0.5)])
    model.add(kk.layers.Dense(4, "softmax"))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.optimizer.build(model.trainable_variables)
    for v in [*model.weights, *model.optimizer.variables]:
        place = NamedSharding(mesh, P(None, "d") if len(v.shape) == 2 else P())
        v.assign(jax.device_put(v.value, place))
    kk.utils.set_random_seed(1)
    return model

fitted = make()
fitted.fit(x, y, batch_size=8, steps_per_epoch=8, epochs=2, verbose=0)
dbg = make().debug(x, y, batch_size=8, snapshot_every=3)
dbg.step(5), dbg.back(4), dbg.goto(13), dbg.back(2), dbg.goto(16)
stepped = dbg.to_model()
for model in (fitted, stepped):
    assert model.layers[0].kernel.value.sharding.spec == P(None, "d"), model.layers[0].kernel.value.sharding
for a, b in zip(fitted.weights, stepped.weights, strict=True):
    np.testing.assert_array_equal(a.numpy(), b.numpy())
assert fitted._training.program("train").compiles <= 2  # metrics are placed by the first step
print("whole")
"""


def test_a_sharded_state():
    environment = os.environ | {"XLA_FLAGS": "--xla_force_host_platform_device_count=2"}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True)
    assert done.stdout.split() == ["whole"], done.stderr[-2000:]
