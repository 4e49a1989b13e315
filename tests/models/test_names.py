"""Names that hold more than letters: they are shown escaped, and half characters are refused."""

import contextlib
import io

import pytest

import kernelkit as kk

ODD = ["a\x1b[31mred", "a\rb", "a\x07", "a\x00b", "a\u202eb", "a\u2066b", "a\x9bb", "a\x7f"]


@pytest.mark.parametrize("name", ODD)
def test_control_characters_in_names_are_escaped_wherever_a_name_is_shown(name):
    layer = kk.layers.Dense(2, name=name)
    model = kk.Sequential([kk.Input((3,), name=name + "i"), layer], name=name + "m")
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        model.summary(line_length=400)
    shown = [
        out.getvalue(),
        repr(model),
        repr(layer),
        repr(layer.kernel),
        repr(model.inputs[0]),
        repr(kk.metrics.Mean(name)),
    ]
    assert ascii(name)[1:-1] in out.getvalue()
    node = layer._inbound_nodes[0]
    with pytest.raises(ValueError) as error:
        model.get_layer("no such layer")
    with pytest.raises(ValueError) as shape:
        layer(kk.ops.ones((2, 5)))
    for text in (*shown, repr(node), str(error.value), str(shape.value), *shape.value.__notes__):
        assert not any((ord(c) < 32 and c != "\n") or c in "\x7f\x9b\u202e\u2066" for c in text), ascii(text)


def test_the_debugger_shows_odd_names_escaped():
    model = kk.Sequential([kk.Input((3,)), kk.layers.Dense(1, name="a\x1b]0;x\x07b")])
    model.compile("sgd", "mse")
    dbg = model.debug(kk.ops.ones((8, 3)), kk.ops.ones((8, 1)), batch_size=4)
    dbg.step()
    for text in (str(dbg.table()), repr(dbg), dbg.table()._repr_html_()):
        assert "\x1b" not in text
        assert "\x07" not in text


@pytest.mark.parametrize(
    "make", [lambda n: kk.layers.Dense(2, name=n), lambda n: kk.Variable(1.0, name=n), lambda n: kk.Input((2,), name=n)]
)
def test_half_of_a_character_is_no_name(make):
    with pytest.raises(ValueError, match="half of a character"):
        make("a\ud800b")
