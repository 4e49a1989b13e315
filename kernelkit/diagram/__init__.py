"""Pictures of models, drawn from their description alone, with nothing installed.

- `layered`: where boxes and lines go;
- `scene`: which nodes of a description are seen, with which texts, and where;
- `svg`, `png`: a scene as a picture.

`kernelkit/viz/frontend/src/graph` does the same in the browser; tests/diagram/layouts.json holds both to the same
numbers.
"""

from kernelkit.diagram.scene import Scene, scene
from kernelkit.diagram.svg import svg
