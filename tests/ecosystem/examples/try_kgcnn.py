"""kgcnn: graph networks of the literature on padded graphs."""

import numpy as np
from kgcnn.literature.GCN import make_model
from training import rng, tell, train

COUNT, NODES, EDGES = 8, 5, 6
pairs = rng.integers(0, NODES, (COUNT, EDGES, 2))
x = {
    "node_number": rng.integers(1, 9, (COUNT, NODES)),
    "edge_weights": rng.random((COUNT, EDGES, 1)).astype("float32"),
    "edge_indices": pairs,
    "total_nodes": np.full(COUNT, NODES),
    "total_edges": np.full(COUNT, EDGES),
}
y = rng.normal(size=(COUNT, 1)).astype("float32")
gcn = make_model(
    inputs=[
        {"shape": (None,), "name": "node_number", "dtype": "int64"},
        {"shape": (None, 1), "name": "edge_weights", "dtype": "float32"},
        {"shape": (None, 2), "name": "edge_indices", "dtype": "int64"},
        {"shape": (), "name": "total_nodes", "dtype": "int64"},
        {"shape": (), "name": "total_edges", "dtype": "int64"},
    ],
    input_node_embedding={"input_dim": 10, "output_dim": 8},
    gcn_args={"units": 8, "use_bias": True, "activation": "relu"},
    depth=2,
    cast_disjoint_kwargs={"padded_disjoint": True},
    output_mlp={"use_bias": [True, True], "units": [8, 1], "activation": ["relu", "linear"]},
)
tell(gcn=train(gcn, "mse", x, y, batch=4))
