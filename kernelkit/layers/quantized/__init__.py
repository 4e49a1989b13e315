"""Layers with quantized weights: each mode stores a weight in few bits, and computes with it.

A layer uses one object for that, its *form*. Dense and EinsumDense give the form a `Contraction`; embeddings are
tables.

- `contraction`: the axes that a product sums over, and the scales of its output;
- `form`: the base class of forms;
- `int8`, `int4`, `float8`, `calibrated` (GPTQ and AWQ): forms of a product;
- `tables`: forms of an embedding;
- `quantizable`: the base class of the layers.
"""
