"""A ranking net of keras-rs: a deep and cross network, a dot interaction, a retrieval."""

import json
import time

import keras
import keras_rs
import numpy as np

started = time.process_time()
rng = np.random.default_rng(0)
x = rng.normal(size=(64, 8)).astype("float32")
y = (x[:, :1] * x[:, 1:2] > 0).astype("float32")

inputs = keras.Input((8,))
crossed = keras_rs.layers.FeatureCross()(inputs, inputs)
crossed = keras_rs.layers.FeatureCross(projection_dim=4)(inputs, crossed)
outputs = keras.layers.Dense(1, activation="sigmoid")(crossed)
model = keras.Model(inputs, outputs)
model.set_weights([0.3 * rng.normal(size=w.shape).astype("float32") for w in model.get_weights()])
model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy")
losses = model.fit(x, y, epochs=4, batch_size=16, shuffle=False, verbose=0).history["loss"]

interaction = keras_rs.layers.DotInteraction()
dots = keras.ops.convert_to_numpy(interaction([x[:, :4], x[:, 4:]]))
retrieval = keras_rs.layers.BruteForceRetrieval(candidate_embeddings=x[:20], k=3)
scores, ids = (keras.ops.convert_to_numpy(a) for a in retrieval(x[:2]))
ranking = keras_rs.losses.PairwiseHingeLoss()
print(
    json.dumps(
        {
            "losses": losses,
            "dots": dots[:3].tolist(),
            "scores": scores.tolist(),
            "ids": ids.tolist(),
            "ranking loss": float(ranking(y.T, x[:, 2:3].T)),
            "ndcg": float(keras_rs.metrics.NDCG()(y.T, x[:, 2:3].T)),
            "config": json.loads(model.to_json())["config"]["layers"][1]["config"]["name"],
            "seconds": time.process_time() - started,
        }
    )
)
