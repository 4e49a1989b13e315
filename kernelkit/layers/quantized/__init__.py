"""Layers with quantized weights: how each mode keeps a weight in few bits, and computes with it.

A layer asks one object, its *form*. Dense and EinsumDense give it a `Contraction`; embeddings are tables of rows.

- `contraction`: which axes a product sums over, and how scales meet its output;
- `form`: what a form is;
- `int8`, `int4`, `float8`, `calibrated` (GPTQ and AWQ): forms of a product;
- `tables`: forms of an embedding;
- `quantizable`: the layer's side.
"""
