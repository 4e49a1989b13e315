"""The widget that draws a model's graph in pages without JupyterLab's extension. Needs anywidget."""

from __future__ import annotations

from pathlib import Path

import anywidget
import traitlets

BUNDLE = Path(__file__).parents[1] / "static" / "graph.js"


class GraphWidget(anywidget.AnyWidget):
    """The browser side of a :class:`~kernelkit.viz.cards.walk.Graph`.

    Attributes:
        description: The model's description.
        weights: Statistics of the weights by node.
        outputs: Statistics of the layers' outputs by node.
        key: The key of the static picture that the graph covers while its kernel lives.
    """

    _esm = BUNDLE
    description = traitlets.Dict().tag(sync=True)
    weights = traitlets.Dict().tag(sync=True)
    outputs = traitlets.Dict().tag(sync=True)
    key = traitlets.Unicode().tag(sync=True)
