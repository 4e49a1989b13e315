"""keras-geometric: convolutions over the nodes of a graph, a training step of the whole graph."""

import keras
import numpy as np
from keras_geometric import GATv2Conv, GCNConv, GINConv, SAGEConv
from training import draw_weights, rng, tell

nodes = rng.normal(size=(6, 3)).astype("float32")
edges = np.array([[0, 0, 1, 2, 3, 4, 5], [1, 2, 2, 3, 0, 5, 4]], "int32")
found = {}
for name, layer in {
    "gcn": GCNConv(output_dim=4),
    "gat": GATv2Conv(output_dim=4, heads=2),
    "gin": GINConv(output_dim=4, mlp_hidden=[8]),
    "sage": SAGEConv(output_dim=4),
}.items():
    head = keras.layers.Dense(2)
    layer([nodes, edges])
    head(layer([nodes, edges]))
    model = keras.Sequential([head])
    draw_weights(layer)
    draw_weights(head)
    found[name] = np.asarray(head(layer([nodes, edges]))).ravel().tolist()
tell(**found)
