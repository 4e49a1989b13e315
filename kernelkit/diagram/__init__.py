"""Pictures of models, drawn from their description without other packages.

- `layered`: places boxes and lines;
- `scene`: chooses the visible nodes of a description, their texts and places;
- `svg`, `png`: draw a scene.

`kernelkit/viz/frontend/src/graph` does the same in the browser. tests/diagram/layouts.json checks that both give the
same numbers.
"""

from kernelkit.diagram.scene import Scene, scene
from kernelkit.diagram.svg import svg
