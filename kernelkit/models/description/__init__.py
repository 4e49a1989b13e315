"""A model as plain data: nodes, edges, shapes and costs in columns, described in docs/graph.md.

- `schema`: the names and codes of the columns, and a check of descriptions from strangers;
- `columns`: the columns of a model;
- `collect`, `wiring`, `trace`, `flow`: the calls inside a model, and the tensors between them;
- `costs`: floating-point operations and bytes;
- `repeats`: runs of the same block.
"""

from kernelkit.models.description.columns import describe, to_json
from kernelkit.models.description.schema import check
