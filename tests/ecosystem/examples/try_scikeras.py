"""A classifier of scikeras in scikit-learn's cross-validation and grid search."""

import json
import pickle
import time

import keras
import numpy as np
from scikeras.wrappers import KerasClassifier, KerasRegressor
from sklearn.datasets import make_classification
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

started = time.process_time()
x, y = make_classification(120, 6, random_state=0)
x = x.astype("float32")


def build(hidden: int, meta: dict) -> keras.Model:
    """Return a net for the features and classes that scikeras found."""
    return keras.Sequential(
        [
            keras.Input((meta["n_features_in_"],)),
            keras.layers.Dense(hidden, activation="tanh", kernel_initializer=keras.initializers.Constant(0.1)),
            keras.layers.Dense(1, activation="sigmoid", kernel_initializer=keras.initializers.Constant(0.2)),
        ]
    )


settings = {"hidden": 8, "epochs": 5, "verbose": 0, "shuffle": False, "random_state": 0}
net = KerasClassifier(build, loss="binary_crossentropy", optimizer="adam", optimizer__learning_rate=0.05, **settings)
pipe = make_pipeline(StandardScaler(), net)
search = GridSearchCV(net, {"hidden": [4, 8]}, cv=2).fit(x, y)
fitted = pipe.fit(x, y)
again = pickle.loads(pickle.dumps(fitted))
regressor = KerasRegressor(build, loss="mse", optimizer="sgd", **settings).fit(x, x[:, 0] > 0)
print(
    json.dumps(
        {
            "cross-validation": cross_val_score(pipe, x, y, cv=3).tolist(),
            "search": search.cv_results_["mean_test_score"].tolist(),
            "probabilities": fitted.predict_proba(x[:5]).tolist(),
            "same after pickle": bool(np.allclose(again.predict_proba(x), fitted.predict_proba(x))),
            "regression": regressor.predict(x[:5]).tolist(),
            "seconds": time.process_time() - started,
        }
    )
)
