"""What a DOT graph of pydot says, in a form in which two of them can be compared."""

from __future__ import annotations

import html
import re


def words(label: str) -> str:
    """The text of a label, without its tags."""
    return html.unescape(re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", label[1:-1])).strip())


def read(dot) -> tuple[list[str], list[tuple[str, str]], list[str]]:
    """The texts in the nodes, the pairs of texts that edges join, and the titles of the frames."""
    texts, edges, frames, waiting = {}, [], [], [dot]
    while waiting:
        graph = waiting.pop()
        texts |= {n.get_name(): words(n.get_label()) for n in graph.get_nodes() if n.get_label()}
        edges += [(e.get_source(), e.get_destination()) for e in graph.get_edges()]
        frames += [g.get_label().strip('"') for g in graph.get_subgraphs()]
        waiting += graph.get_subgraphs()
    return sorted(texts.values()), sorted((texts[a], texts[b]) for a, b in edges), sorted(frames)


EVERYTHING = {"show_shapes": True, "show_dtype": True, "show_layer_activations": True, "show_trainable": True}
