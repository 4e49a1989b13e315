"""Which boxes are seen, and the picture that is made of them."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

import kernelkit as kk
from kernelkit.diagram import scene, svg
from kernelkit.diagram.drawn import draw
from kernelkit.diagram.scene import all_groups
from kernelkit.models.description import describe

L = kk.layers


def chain_of(count):
    """The description of a chain that is too long to be built in a test."""
    first = describe(kk.Sequential([kk.Input((4,)), L.Dense(4, name="d")]))
    nodes = {name: [column[1]] * count for name, column in first["nodes"].items()}
    edges = {name: [0] * (count - 1) for name in first["edges"]}
    edges |= {"source": list(range(count - 1)), "target": list(range(1, count))}
    return first | {"nodes": nodes, "edges": edges}


def residual(blocks):
    i = x = kk.Input((8, 8, 4))
    for _ in range(blocks):
        y = L.BatchNormalization()(L.Conv2D(4, 3, padding="same")(x))
        y = L.BatchNormalization()(L.Conv2D(4, 3, padding="same")(L.ReLU()(y)))
        x = L.ReLU()(L.Add()([x, y]))
    return kk.Model(i, L.Dense(2)(L.GlobalAveragePooling2D()(x)))


@pytest.fixture(scope="module")
def description():
    return describe(residual(3))


def titles(found):
    return [box.title for box in found.boxes]


def test_closed_groups_hide_what_is_inside(description):
    found = scene(description)
    assert [t.partition("_")[0] for t in titles(found)] == ["input", "block × 3", "global", "dense", "output"]
    assert len(found.lines) == 4 and all(line.arrow for line in found.lines)


def test_opening_a_group_moves_only_what_stands_below(description):
    repeat = description["nodes"]["kind"].index(5)
    closed, opened = scene(description), scene(description, [repeat])
    before = {box.row: box for box in closed.boxes}
    after = {box.row: box for box in opened.boxes}
    shift = after[repeat].height - before[repeat].height
    for row, box in before.items():
        assert after[row].y - box.y == pytest.approx(0 if row <= repeat and box.y <= before[repeat].y else shift)
    assert titles(opened)[5:] == ["block 1", "block 2", "block 3"]


def test_boxes_stand_inside_of_their_groups(description):
    found = scene(description, all_groups(description))
    boxes = {box.row: box for box in found.boxes}
    assert len(boxes) == len(description["nodes"]["name"])
    for row, parent in enumerate(description["nodes"]["parent"]):
        if parent >= 0:
            inner, outer = boxes[row], boxes[parent]
            assert outer.x < inner.x and inner.x + inner.width < outer.x + outer.width
            assert outer.y < inner.y and inner.y + inner.height < outer.y + outer.height


def test_lines_that_cross_the_edge_of_a_group_meet_there(description):
    found = scene(description, all_groups(description))
    ends = {(round(x, 3), round(y, 3)) for line in found.lines for x, y in (line.points[0], line.points[-1])}
    for line in found.lines:
        if not line.arrow and line.target < 0:  # leaves a group: another line goes on from there
            x, y = line.points[-1]
            assert (round(x, 3), round(y, 3)) in ends


def test_left_to_right_is_as_wide_as_top_down_is_high(description):
    down, right = scene(description), scene(description, left_to_right=True)
    assert down.height > down.width and right.width > right.height
    xs = [box.x for box in right.boxes]
    assert xs == sorted(xs)


def test_the_picture_holds_names_as_text_and_nothing_that_runs():
    wild = "<script>alert(1)"
    model = kk.Sequential([kk.Input((2,)), L.Dense(1, name=wild)], name='"><img onerror=x>')
    text = svg(scene(describe(model)), model.name)
    tree = ElementTree.fromstring(text)
    assert wild in [t.text for t in tree.iter("{http://www.w3.org/2000/svg}text")]
    tags = {element.tag.rpartition("}")[2] for element in tree.iter()}
    assert tags == {"svg", "style", "defs", "marker", "path", "g", "rect", "text"}


def test_five_hundred_layers_are_at_most_100_kilobytes():
    model = residual(71)
    assert len(model.layers) == 500
    folded, flat = describe(model, costs=False), describe(model, costs=False, fold=False)
    assert len(svg(scene(folded))) < 5_000
    assert len(svg(scene(flat, most=600))) <= 100_000
    assert len(scene(flat).boxes) == 401 and "… 101 more …" in titles(scene(flat))


def test_a_chain_of_100_000_is_drawn():
    found = scene(chain_of(100_000))
    assert len(found.boxes) == 401 and "… 99,600 more …" in titles(found)
    assert len(found.lines) == 400


def test_matplotlib_draws_the_same_scene(description, tmp_path):
    draw(scene(description, all_groups(description)), tmp_path / "a.png", "png", 50)
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    draw(scene(chain_of(900), most=900), tmp_path / "b.png", "png", 200)  # too high for 200 dots in an inch
    assert (tmp_path / "b.png").stat().st_size > 0


def test_a_call_that_failed_is_red_and_what_was_not_reached_is_faint():
    class Broken(kk.Model):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c = L.Dense(3), L.Conv2D(4, 3), L.Dense(2)

        def call(self, x):
            return self.c(self.b(self.a(x)))

    found = scene(describe(Broken(), (2, 5)))
    assert sorted(box.state for box in found.boxes) == [0, 0, 1, 2]
    text = svg(found)
    assert 'class="conv f"' in text and '<g class="u"' in text


SCENES = Path(__file__).parent / "scenes.json"


def small_models():
    kk.utils.clear_session()
    encoder = kk.Sequential([kk.Input((8,), name="begin"), L.Dense(4, activation="relu", name="d")], name="encoder")
    a, b = kk.Input((8,), name="l"), kk.Input((8,), name="r")
    siamese = kk.Model([a, b], L.Subtract(name="sub")([encoder(a), encoder(b)]), name="siamese")
    i = kk.Input((6,), name="i")
    two = kk.Model(i, [L.Dense(2, name="p")(i), L.Dense(3, name="q")(i)], name="two")
    j = kk.Input((6,), name="j")
    p, q = two(j)
    several = kk.Model(j, [L.Dense(1, name="日本語の名前")(p), L.Dense(1, name="s")(q)], name="several")
    return {"residual": residual(3), "siamese": siamese, "several": several}


def all_scenes():
    found = {}
    for name, model in small_models().items():
        description = describe(model)
        for opened in ([], sorted(all_groups(description))):
            for across in (False, True):
                arranged = scene(description, opened, across)
                title = f"{name}, {'open' if opened else 'closed'}, {'across' if across else 'down'}"
                found[title] = {
                    "description": description,
                    "opened": opened,
                    "across": across,
                    "boxes": [
                        [b.row, b.title, b.subtitle, b.family] + [round(v, 6) for v in (b.x, b.y, b.width, b.height)]
                        for b in arranged.boxes
                    ],
                    "lines": [[line.source, line.target, line.arrow] for line in arranged.lines],
                }
    return found


def test_the_scenes_are_those_that_the_browser_is_held_to():
    """`python tests/diagram/test_scene.py` writes the file anew; npm test reads it."""
    assert json.loads(SCENES.read_text()) == json.loads(json.dumps(all_scenes()))


if __name__ == "__main__":
    SCENES.write_text(json.dumps(all_scenes(), separators=(",", ":"), ensure_ascii=False) + "\n")
