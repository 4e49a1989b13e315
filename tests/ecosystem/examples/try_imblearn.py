"""imbalanced-learn: batches with as many rows of the rare class as of the common one."""

import keras
from imblearn.keras import BalancedBatchGenerator
from imblearn.under_sampling import NearMiss
from sklearn.datasets import make_classification
from training import draw_weights, tell

x, y = make_classification(120, 6, weights=[0.8], random_state=0)
batches = BalancedBatchGenerator(x, y, sampler=NearMiss(), batch_size=10, random_state=0)
net = keras.Sequential([keras.Input((6,)), keras.layers.Dense(4, "tanh"), keras.layers.Dense(1, "sigmoid")])
draw_weights(net)
net.compile("adam", "binary_crossentropy", metrics=["accuracy"])
history = net.fit(batches, epochs=3, shuffle=False, verbose=0).history
tell(
    batches=len(batches),
    rare=float(sum(batches[i][1].sum() for i in range(len(batches)))),
    **history,
    evaluated=net.evaluate(batches, verbose=0),
)
