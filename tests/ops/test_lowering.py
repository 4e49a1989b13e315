"""Both lowerings, XLA's and the package's own for the CPU, compute the same: values and gradients."""

import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from kernelkit.ops import lowering
from kernelkit.ops.lowering import choice, conv, ways
from kernelkit.ops.lowering.window import Geometry, output_shape, pad_pairs

pytestmark = pytest.mark.one_in(6)


def draw(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def values_and_gradients(function, *arguments, weigh=jnp.cos):
    """The function's result and the gradient of a weighted sum of it for each argument."""

    @jax.jit
    def run(*arguments):
        y, pull = jax.vjp(function, *arguments)
        return y, *pull(weigh(jnp.arange(y.size, dtype=jnp.float32)).reshape(y.shape).astype(y.dtype))

    return run(*arguments)


def assert_same(ours, theirs, tolerance=1e-5):
    for a, b in zip(ours, theirs, strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        a, b = np.asarray(a, np.float32), np.asarray(b, np.float32)
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * max(1, np.abs(b).max(initial=0)))


def lax_convolve(x, kernel, strides, padding, dilation, groups):
    letters = "DHW"[5 - x.ndim :]
    return lax.conv_general_dilated(
        x,
        kernel,
        strides,
        padding,
        rhs_dilation=dilation,
        dimension_numbers=(f"N{letters}C", f"{letters}IO", f"N{letters}C"),
        feature_group_count=groups,
    )


def compare_convolutions(x, kernel, strides, padding, dilation, groups=1, tolerance=1e-5):
    options = {"strides": strides, "padding": padding, "dilation": dilation, "groups": groups}
    ours = values_and_gradients(functools.partial(lowering.convolve, **options), x, kernel)
    theirs = values_and_gradients(functools.partial(lax_convolve, **options), x, kernel)
    assert_same(ours, theirs, tolerance)


# x, kernel, strides, padding, dilation, groups
CONVOLUTIONS = {
    "1d": ((3, 11, 4), (3, 4, 5), (1,), "VALID", (1,), 1),
    "1d causal": ((3, 11, 4), (3, 4, 5), (1,), ((4, 0),), (2,), 1),
    "1d strides": ((3, 11, 17), (4, 17, 5), (3,), "SAME", (1,), 1),
    "1d depthwise": ((3, 11, 4), (3, 1, 4), (2,), "SAME", (1,), 4),
    "2d one channel": ((3, 9, 7, 1), (3, 3, 1, 5), (1, 1), "VALID", (1, 1), 1),
    "2d pointwise": ((3, 9, 7, 5), (1, 1, 5, 6), (1, 1), "SAME", (1, 1), 1),
    "2d pointwise strides": ((3, 9, 7, 5), (1, 1, 5, 6), (2, 3), "SAME", (1, 1), 1),
    "2d same": ((3, 9, 7, 17), (3, 2, 17, 5), (1, 1), "SAME", (1, 1), 1),
    "2d same strides": ((3, 9, 8, 2), (3, 4, 2, 5), (2, 3), "SAME", (1, 1), 1),
    "2d strides beyond the window": ((3, 9, 8, 2), (2, 1, 2, 5), (3, 2), "VALID", (1, 1), 1),
    "2d dilation": ((3, 11, 9, 17), (3, 2, 17, 5), (1, 1), "SAME", (2, 3), 1),
    "2d dilation and strides": ((3, 11, 9, 2), (3, 2, 2, 5), (2, 1), "VALID", (2, 3), 1),
    "2d pairs": ((3, 9, 7, 2), (3, 3, 2, 5), (1, 2), ((2, 0), (1, 3)), (1, 1), 1),
    "2d cropping pairs": ((3, 9, 7, 2), (3, 3, 2, 5), (1, 1), ((-1, 0), (1, -2)), (1, 1), 1),
    "2d groups": ((3, 9, 7, 6), (3, 3, 3, 4), (1, 1), "SAME", (1, 1), 2),
    "2d groups strides": ((3, 9, 7, 6), (3, 2, 2, 6), (2, 2), "VALID", (1, 2), 3),
    "2d depthwise": ((3, 9, 7, 4), (3, 2, 1, 4), (1, 1), "SAME", (1, 1), 4),
    "2d depthwise twice": ((3, 9, 7, 4), (3, 2, 1, 8), (2, 1), "VALID", (1, 2), 4),
    "2d one group of one": ((3, 9, 7, 1), (3, 2, 1, 8), (1, 1), "VALID", (1, 1), 1),
    "3d": ((2, 5, 6, 7, 2), (2, 3, 2, 2, 3), (1, 1, 1), "VALID", (1, 1, 1), 1),
    "3d same strides": ((2, 5, 6, 7, 2), (3, 2, 3, 2, 3), (2, 1, 2), "SAME", (1, 1, 1), 1),
    "3d dilation": ((2, 5, 6, 7, 16), (2, 2, 2, 16, 3), (1, 1, 1), "SAME", (2, 1, 2), 1),
    "3d groups": ((2, 5, 6, 7, 4), (2, 2, 2, 2, 6), (1, 2, 1), "SAME", (1, 1, 1), 2),
}


@pytest.mark.parametrize("case", CONVOLUTIONS.values(), ids=CONVOLUTIONS)
def test_convolution_equals_lax(case):
    x, kernel, *options = case
    compare_convolutions(draw(*x), draw(*kernel, seed=1), *options)


def draw_convolution(seed):
    """A convolution drawn at random: (x shape, kernel shape, geometry)."""
    rng = np.random.default_rng(seed)
    pick = lambda *values: values[int(rng.integers(len(values)))]  # noqa: E731
    rank = pick(1, 2, 2, 2, 3)
    each = lambda *values: tuple(int(pick(*values)) for _ in range(rank))  # noqa: E731
    groups, channels = pick(1, 1, 2, 3, 4), pick(1, 2, 3, 16)
    features = groups * pick(1, 2, 5)
    inflation = pick((1,) * rank, each(1, 2, 3))
    strides = pick((1,) * rank, each(1, 2, 3))
    dilation = pick((1,) * rank, each(1, 2))
    window = each(1, 2, 3)
    pads = tuple((int(rng.integers(-1, 4)), int(rng.integers(0, 3))) for _ in range(rank))
    geometry = Geometry(strides, inflation, pads, dilation, groups)
    x, kernel = (2, *each(7, 8, 9), groups * channels), (*window, channels, features)
    assert min(output_shape(x, kernel, geometry)) > 0
    return x, kernel, geometry


def ways_for(kernel_shape, geometry):
    plain = [
        ways.native,
        ways.native_padded,
        ways.native_by_kernel,
        ways.native_by_input,
        ways.gather,
        ways.scatter,
    ]
    if ways.has_phases(geometry):
        plain += [ways.in_phases(way) for way in (ways.native, ways.native_by_kernel, ways.native_by_input)]
    if geometry.groups == 1:
        return plain
    depthwise = [ways.direct] if kernel_shape[-2] == 1 else []
    return [*depthwise, ways.native_by_kernel, *map(ways.dense, plain)]


@pytest.mark.parametrize("seed", range(16))
def test_every_way_computes_the_same_convolution_and_gradients(seed):
    x_shape, kernel_shape, geometry = draw_convolution(seed)
    x, kernel = draw(*x_shape), draw(*kernel_shape, seed=1)
    y_shape = (x_shape[0], *output_shape(x_shape, kernel_shape, geometry), kernel_shape[-1])
    dy = draw(*y_shape, seed=2)

    @jax.jit
    def run(x, kernel, dy):
        found = []
        for way in [ways.native, *ways_for(kernel_shape, geometry)]:
            y, pull = jax.vjp(functools.partial(way, geometry=geometry), x, kernel)
            found.append((y, *pull(dy)))
        chosen = choice.choose(x_shape, kernel_shape, geometry)
        forward, pull = jax.vjp(functools.partial(conv.in_chosen_ways, geometry=geometry), x, kernel)
        assert chosen is choice.choose(x_shape, kernel_shape, geometry)
        return [*found, (forward, *pull(dy))]

    native, *others = run(x, kernel, dy)
    for found in others:
        assert_same(found, native)


@pytest.mark.parametrize("seed", range(8))
def test_strided_and_transposed_convolutions_in_phases_are_the_same(seed):
    rng = np.random.default_rng(seed)
    rank = 1 + seed % 3

    def each(*values):
        return tuple(int(v) for v in rng.choice(values, rank))

    one = (1,) * rank
    steps = (2, *each(1, 2, 3)[1:])
    strides, inflation = (steps, one) if rng.random() < 0.5 else (one, steps)
    pads = tuple((int(rng.integers(-1, 4)), int(rng.integers(0, 4))) for _ in range(rank))
    geometry = Geometry(strides, inflation, pads, one, 1)
    x, kernel = draw(2, *each(5, 6, 7), 3), draw(*each(1, 2, 3, 4), 3, 4, seed=1)
    theirs = values_and_gradients(functools.partial(ways.gather, geometry=geometry), x, kernel)
    for way in (ways.native, ways.native_by_kernel, ways.native_by_input):
        assert_same(values_and_gradients(functools.partial(ways.in_phases(way), geometry=geometry), x, kernel), theirs)


def test_strides_and_inflation_together_have_no_phases():
    for strides, inflation, dilation, groups in ((2, 2, 1, 1), (1, 1, 1, 1), (2, 1, 2, 1), (2, 1, 1, 2)):
        assert not ways.has_phases(Geometry((strides,), (inflation,), ((1, 1),), (dilation,), groups))


@pytest.mark.parametrize("pad, images, given", [(0, 64, 1), (1, 64, 0), (0, 2, 0)], ids=["large", "padded", "small"])
def test_a_large_convolution_without_padding_is_given_one_row(pad, images, given):
    """YNNPACK takes up to 16 times as long without padding."""
    geometry = Geometry((1, 1), (1, 1), ((pad, pad),) * 2, (1, 1), 1)
    x, kernel = (jax.ShapeDtypeStruct(shape, "float32") for shape in ((images, 24, 24, 32), (3, 3, 32, 16)))
    for way, turned in ((ways.native, lambda way: way), (ways.native_by_kernel, by_kernel)):
        text = jax.jit(turned(functools.partial(way, geometry=geometry))).lower(x, kernel).as_text()
        assert len(re.findall(r"pad = \[\[0, 1\], \[0, 0\]\]", text)) == given


def by_kernel(way):
    return lambda x, kernel: jax.vjp(lambda k: way(x, k), kernel)[1](jnp.ones(jax.eval_shape(way, x, kernel).shape))


def test_a_convolution_of_one_channel_is_not_computed_again_by_what_reads_it():
    """XLA makes a sum of products a part of its readers, each of which then computes it, for each number it reads."""

    def loss(kernels, x):
        for kernel in kernels:
            x = lowering.convolve(x, kernel, strides=(1, 1), padding="VALID", dilation=(1, 1))
        centered = x - x.mean((0, 1, 2))
        return (centered * lax.rsqrt((centered**2).mean((0, 1, 2)) + 1e-3)).max((1, 2)).sum()

    shapes = ((7, 7, 1, 1), (3, 3, 1, 1), (1, 1, 1, 32))
    kernels = [jax.ShapeDtypeStruct(shape, "float32") for shape in shapes]
    program = jax.jit(jax.grad(loss)).lower(kernels, jax.ShapeDtypeStruct((64, 12, 12, 1), "float32")).compile()
    forward = 2 * 64 * (36 * 49 + 16 * 9 + 16 * 32)
    assert program.cost_analysis()["flops"] < 8 * forward


def test_a_grouped_convolution_of_many_channels_is_cut_into_blocks():
    geometry = Geometry((1, 1), (1, 1), ((1, 1), (1, 1)), (1, 1), 96)
    x, kernel = draw(2, 5, 5, 192), draw(3, 3, 2, 96, seed=1)
    assert ways.together(96, 2) == 32
    ours = values_and_gradients(functools.partial(ways.dense(ways.native), geometry=geometry), x, kernel)
    theirs = values_and_gradients(functools.partial(ways.native, geometry=geometry), x, kernel)
    assert_same(ours, theirs)


# Eigen's code takes a convolution only in this order of axes; in a loop XLA computes any other number by number.
EIGENS_ORDER = {"b0f_0io->b0f", "b01f_01io->b01f", "b012f_012io->b012f"}

LOOPED = {
    "2d": ((8, 16, 16, 32), (3, 3, 32, 32), Geometry((1, 1), (1, 1), ((1, 1), (1, 1)), (1, 1), 1)),
    "2d strided": ((8, 16, 16, 32), (3, 3, 32, 32), Geometry((2, 2), (1, 1), ((0, 1), (0, 1)), (1, 1), 1)),
    "2d transposed": ((8, 16, 16, 16), (3, 3, 16, 16), Geometry((1, 1), (2, 2), ((1, 2), (1, 2)), (1, 1), 1)),
    "2d transposed by 1": ((8, 16, 16, 16), (3, 3, 16, 16), Geometry((1, 1), (1, 1), ((1, 1), (1, 1)), (1, 1), 1)),
    "2d dilated": ((8, 16, 16, 16), (3, 3, 16, 16), Geometry((1, 1), (1, 1), ((2, 2), (2, 2)), (2, 2), 1)),
    "2d depthwise": ((8, 16, 16, 32), (3, 3, 1, 32), Geometry((1, 1), (1, 1), ((1, 1), (1, 1)), (1, 1), 32)),
    "2d grouped": ((8, 16, 16, 32), (3, 3, 8, 32), Geometry((1, 1), (1, 1), ((1, 1), (1, 1)), (1, 1), 4)),
    "2d many groups": ((4, 8, 8, 128), (3, 3, 2, 128), Geometry((1, 1), (1, 1), ((1, 1), (1, 1)), (1, 1), 64)),
    "1d": ((8, 64, 32), (5, 32, 32), Geometry((1,), (1,), ((2, 2),), (1,), 1)),
    "3d": ((4, 8, 8, 8, 16), (3, 3, 3, 16, 16), Geometry((1, 1, 1), (1, 1, 1), ((1, 1),) * 3, (1, 1, 1), 1)),
    "3d strided": ((4, 8, 8, 8, 16), (3, 3, 3, 16, 16), Geometry((2, 2, 2), (1, 1, 1), ((0, 1),) * 3, (1, 1, 1), 1)),
}


def convolutions_in(program) -> set[str]:
    return set(re.findall(r"convolution\(.*?dim_labels=([^,\s]+)", program.as_text()))


@pytest.mark.parametrize("name", LOOPED)
def test_inside_a_loop_every_convolution_is_in_eigens_order(name):
    x, kernel, geometry = LOOPED[name]
    options = geometry._asdict()
    options["padding"] = options.pop("pads")

    def step(_, values):
        gradients = jax.grad(lambda x, k: (lowering.convolve(x, k, **options) ** 2).sum(), (0, 1))(*values)
        return jax.tree.map(lambda v, g: v - 0.01 * g, values, gradients)

    program = jax.jit(lambda *values: lax.fori_loop(0, 3, step, values)).lower(draw(*x), draw(*kernel)).compile()
    assert convolutions_in(program) <= EIGENS_ORDER


def test_without_the_ways_a_loop_holds_convolutions_in_other_orders():
    """What the test above would see if a lowering were wrong."""
    x, kernel, geometry = LOOPED["2d"]

    def step(_, values):
        gradients = jax.grad(lambda x, k: (ways.native(x, k, geometry) ** 2).sum(), (0, 1))(*values)
        return jax.tree.map(lambda v, g: v - 0.01 * g, values, gradients)

    program = jax.jit(lambda *values: lax.fori_loop(0, 3, step, values)).lower(draw(*x), draw(*kernel)).compile()
    assert not convolutions_in(program) <= EIGENS_ORDER


def test_images_too_large_for_patches_take_no_memory_for_them():
    x, kernel = draw(16, 64, 64, 16), draw(5, 5, 16, 16)
    patches = 16 * 60 * 60 * 25 * 16 * 4

    def loss(x, kernel):
        return lowering.convolve(x, kernel, strides=(1, 1), padding="VALID", dilation=(1, 1)).sum()

    program = jax.jit(jax.grad(loss, (0, 1))).lower(x, kernel).compile()
    assert program.memory_analysis().temp_size_in_bytes < patches // 4


@pytest.mark.parametrize("batch", [1, 7, 32])
@pytest.mark.parametrize("channels, features", [(1, 16), (3, 8), (16, 1), (64, 64)])
def test_the_choice_is_made_for_any_shape(batch, channels, features):
    for size in (1, 5, 50):
        for stride, inflation in (1, 1), (2, 1), (1, 2):
            pads = pad_pairs("SAME", (size,) * 2, (3, 3), (stride,) * 2, (1, 1))
            geometry = Geometry((stride,) * 2, (inflation,) * 2, pads, (1, 1), 1)
            chosen = choice.choose((batch, size, size, channels), (3, 3, channels, features), geometry)
            assert len(chosen) == 3 and all(map(callable, chosen))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("name", ["2d same", "2d one channel", "2d depthwise", "2d groups"])
def test_half_precision_convolution_sums_in_float32(name, dtype):
    x, kernel, *options = CONVOLUTIONS[name]
    x, kernel = draw(*x).astype(dtype), draw(*kernel, seed=1).astype(dtype)
    compare_convolutions(x, kernel, *options, tolerance=2 * float(jnp.finfo(dtype).eps))
    y = lowering.convolve(x, kernel, **dict(zip(["strides", "padding", "dilation", "groups"], options)))
    exact = lax_convolve(x.astype(jnp.float32), kernel.astype(jnp.float32), *options)
    assert_same([y], [exact.astype(dtype)], tolerance=float(jnp.finfo(dtype).eps))


@pytest.mark.parametrize("name", ["2d same strides", "2d depthwise", "2d groups"])
def test_convolution_is_mapped_and_differentiated_twice(name):
    x, kernel, *options = CONVOLUTIONS[name]
    names = ["strides", "padding", "dilation", "groups"]
    x, kernel = draw(2, *x), draw(*kernel, seed=1)

    def curvature(convolve):
        def energy(x, kernel):
            y = jax.vmap(convolve, (0, None))(x, kernel)
            return (y**3).sum()

        def product(x, kernel):
            return jax.vjp(jax.grad(energy, (0, 1)), x, kernel)[1]((jnp.cos(x), jnp.sin(kernel)))

        return jax.jit(product)(x, kernel)

    ours = curvature(functools.partial(lowering.convolve, **dict(zip(names, options))))
    theirs = curvature(functools.partial(lax_convolve, **dict(zip(names, options))))
    assert_same(ours, theirs)


def test_forward_mode_and_hessian():
    x, kernel = draw(4, 5, 5, 1), draw(3, 3, 1, 1, seed=1)
    options = {"strides": (1, 1), "padding": "SAME", "dilation": (1, 1)}

    def hessian(convolve):
        return jax.jit(jax.hessian(lambda k: (convolve(x, k) ** 3).sum()))(kernel)

    ours = hessian(functools.partial(lowering.convolve, **options))
    theirs = hessian(functools.partial(lax_convolve, **options, groups=1))
    assert_same([ours], [theirs])


def test_whole_numbers_and_empty_batches_are_left_to_lax():
    x, kernel = jnp.ones((1, 4, 4, 1), jnp.int32), jnp.ones((2, 2, 1, 1), jnp.int32)
    y = lowering.convolve(x, kernel, strides=(1, 1), padding="VALID", dilation=(1, 1))
    assert y.dtype == jnp.int32 and (np.asarray(y) == 4).all()
    y = lowering.convolve(jnp.zeros((0, 4, 4, 1)), draw(2, 2, 1, 3), strides=(1, 1), padding="VALID", dilation=(1, 1))
    assert y.shape == (0, 3, 3, 3)


def test_channels_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="4 channels.*2 groups of 3"):
        lowering.convolve(draw(1, 5, 4), draw(3, 3, 2), strides=(1,), padding="VALID", dilation=(1,), groups=2)


def test_other_platforms_get_xlas_operations(monkeypatch):
    x, kernel = draw(2, 8, 8, 3), draw(3, 3, 3, 4)

    def lowered():
        def run(x, kernel):
            y = lowering.convolve(x, kernel, strides=(1, 1), padding="SAME", dilation=(1, 1))
            y = lowering.max_pool(y, (2, 2), strides=(2, 2), padding="VALID")
            return lowering.avg_pool(y, (2, 2), strides=(1, 1), padding="SAME")

        return str(jax.make_jaxpr(jax.grad(lambda x, kernel: run(x, kernel).sum(), (0, 1)))(x, kernel))

    asked = []
    monkeypatch.setattr(conv, "choose", lambda *shape: asked.append(shape) or choice.choose(*shape))
    assert "reduce_window" not in lowered() and asked
    asked.clear()
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    for operation in ["conv_general_dilated", "select_and_scatter_add", "reduce_window_sum"]:
        assert operation in lowered()
    assert not asked
    with jax.default_device(jax.devices("cpu")[0]):
        assert "reduce_window" not in lowered() and asked


# x, window, strides, padding
POOLS = {
    "1d": ((3, 11, 4), (2,), (2,), "VALID"),
    "1d overlapping": ((3, 11, 4), (3,), (2,), "SAME"),
    "2d": ((3, 8, 6, 4), (2, 2), (2, 2), "VALID"),
    "2d odd": ((3, 9, 7, 4), (2, 2), (2, 2), "VALID"),
    "2d odd same": ((3, 9, 7, 4), (2, 3), (2, 3), "SAME"),
    "2d overlapping": ((3, 9, 7, 4), (3, 3), (2, 2), "SAME"),
    "2d every cell": ((3, 9, 7, 4), (3, 2), (1, 1), "SAME"),
    "2d gaps": ((3, 9, 7, 4), (2, 2), (3, 4), "VALID"),
    "2d pairs": ((3, 9, 7, 4), (3, 2), (2, 2), ((1, 1), (0, 1))),
    "2d long": ((3, 11, 12, 4), (9, 2), (1, 2), "SAME"),
    "2d window beyond the image": ((3, 4, 4, 2), (5, 2), (5, 2), "SAME"),
    "3d": ((2, 5, 6, 7, 2), (2, 2, 2), (2, 2, 2), "VALID"),
    "3d overlapping": ((2, 5, 6, 7, 2), (3, 2, 3), (2, 1, 2), "SAME"),
}


def lax_max_pool(x, window, strides, padding):
    pads = padding if isinstance(padding, str) else ((0, 0), *padding, (0, 0))
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, *window, 1), (1, *strides, 1), pads)


def lax_avg_pool(x, window, strides, padding):
    pads = padding if isinstance(padding, str) else ((0, 0), *padding, (0, 0))
    total = functools.partial(
        lax.reduce_window,
        init_value=0.0,
        computation=lax.add,
        window_dimensions=(1, *window, 1),
        window_strides=(1, *strides, 1),
        padding=pads,
    )
    return total(x) / total(jnp.ones_like(x))


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("case", POOLS.values(), ids=POOLS)
def test_max_pool_equals_lax(case, ties):
    shape, window, strides, padding = case
    x = draw(*shape)
    if ties:  # as after a ReLU, and equal values above zero too
        x = jax.nn.relu(jnp.round(x))
    ours = values_and_gradients(lambda x: lowering.max_pool(x, window, strides=strides, padding=padding), x)
    theirs = values_and_gradients(lambda x: lax_max_pool(x, window, strides, padding), x)
    assert_same(ours, theirs, tolerance=1e-6)


@pytest.mark.parametrize("case", POOLS.values(), ids=POOLS)
def test_avg_pool_equals_lax_over_the_cells_that_are_not_padding(case):
    shape, window, strides, padding = case
    ours = values_and_gradients(lambda x: lowering.avg_pool(x, window, strides=strides, padding=padding), draw(*shape))
    theirs = values_and_gradients(lambda x: lax_avg_pool(x, window, strides, padding), draw(*shape))
    assert_same(ours, theirs, tolerance=1e-6)


def test_a_window_of_equal_values_sends_its_gradient_to_the_first():
    gradient = jax.grad(lambda x: lowering.max_pool(x, (2, 2), strides=(2, 2), padding="VALID").sum())
    assert gradient(jnp.zeros((1, 2, 2, 1))).ravel().tolist() == [1, 0, 0, 0]
    x = jnp.array([[0.0, 1.0], [1.0, 1.0]]).reshape(1, 2, 2, 1)
    assert gradient(x).ravel().tolist() == [0, 1, 0, 0]


def test_pools_keep_nan_dtype_and_whole_numbers():
    x = jnp.array([1.0, jnp.nan, 3.0, 2.0]).reshape(1, 4, 1)
    y = lowering.max_pool(x, (2,), strides=(2,), padding="VALID").ravel()
    assert np.isnan(y[0]) and y[1] == 3
    half = draw(1, 5, 5, 2).astype(jnp.bfloat16)
    for pool in lowering.max_pool, lowering.avg_pool:
        assert pool(half, (2, 2), strides=(2, 2), padding="SAME").dtype == jnp.bfloat16
    whole = jnp.array([-5, -7, -9], jnp.int32).reshape(1, 3, 1)
    assert lowering.max_pool(whole, (2,), strides=(2,), padding="SAME").ravel().tolist() == [-5, -9]


def test_bfloat16_average_is_rounded_once():
    x = draw(1, 6, 6, 3).astype(jnp.bfloat16)
    y = lowering.avg_pool(x, (3, 3), strides=(3, 3), padding="VALID")
    exact = lax_avg_pool(x.astype(jnp.float32), (3, 3), (3, 3), "VALID")
    np.testing.assert_array_equal(y, exact.astype(jnp.bfloat16))


@pytest.mark.parametrize("padding", ["VALID", "SAME"])
def test_the_counts_of_a_mean_take_no_memory_while_shapes_are_found(padding):
    x = jax.ShapeDtypeStruct((2, 10007, 30011, 20011, 1), "float32")
    traced = jax.make_jaxpr(lambda x: lowering.avg_pool(x, (3, 3, 3), strides=(2, 2, 2), padding=padding))(x)
    constants = [v.val for equation in traced.jaxpr.eqns for v in equation.invars if hasattr(v, "val")]
    assert sum(np.size(v) for v in [*traced.consts, *constants]) < 100_000


def test_pools_are_mapped_and_differentiated_twice():
    x = draw(2, 2, 6, 6, 3)
    for ours, theirs in (lowering.max_pool, lax_max_pool), (lowering.avg_pool, lax_avg_pool):

        def curvature(pool):
            def energy(x):
                return (jax.vmap(lambda x: pool(x, (2, 2), strides=(2, 2), padding="VALID"))(x) ** 3).sum()

            return jax.jit(lambda x: jax.jvp(jax.grad(energy), (x,), (jnp.cos(x),))[1])(x)

        assert_same([curvature(ours)], [curvature(theirs)])


@pytest.mark.parametrize("shape, kernel, axes", [((5,), (5, 3), 1), ((2, 5), (5, 3), 1), ((2, 4, 5), (5, 3, 2), 1),
                                                 ((2, 3, 4, 5), (4, 5, 6), 2), ((0, 4, 5), (5, 3), 1)])  # fmt: skip
def test_a_contraction_is_a_tensordot(shape, kernel, axes):
    x, w = draw(*shape), draw(*kernel)
    ours = jax.value_and_grad(lambda x, w: jnp.sum(lowering.contract(x, w, axes) ** 2), (0, 1))(x, w)
    theirs = jax.value_and_grad(lambda x, w: jnp.sum(jnp.tensordot(x, w, axes) ** 2), (0, 1))(x, w)
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)
    assert lowering.contract(x, w, axes).shape == jnp.tensordot(x, w, axes).shape


def test_a_contraction_that_does_not_fit():
    with pytest.raises(ValueError, match="Cannot contract"):
        lowering.contract(draw(2, 4), draw(5, 3))


def test_what_is_not_differentiated_is_xlas_forward_pass():
    """Evaluation has no gradients to lower for."""

    def run(x, kernel):
        y = lowering.convolve(x, kernel, strides=(1, 1), padding="SAME", dilation=(1, 1))
        return lowering.max_pool(y, (2, 2), strides=(2, 2), padding="VALID")

    x, kernel = draw(2, 8, 8, 3), draw(3, 3, 3, 4)
    forward = str(jax.make_jaxpr(run)(x, kernel))
    assert "reduce_window_max" in forward and "transpose" not in forward
    np.testing.assert_allclose(run(x, kernel), jax.vjp(run, x, kernel)[0], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("frozen", [0, 1])
def test_only_what_has_a_tangent_is_differentiated(frozen):
    """Data and frozen kernels cost no gradient work, in forward mode too."""
    operands = [draw(2, 8, 8, 3), draw(3, 3, 3, 4)]

    def run(moving):
        x, kernel = (moving if i != frozen else operands[i] for i in range(2))
        return lowering.convolve(x, kernel, strides=(1, 1), padding="SAME", dilation=(1, 1))

    def by_lax(moving):
        x, kernel = (moving if i != frozen else operands[i] for i in range(2))
        return lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))

    moving = operands[1 - frozen]
    for ours, theirs in zip(jax.jvp(run, (moving,), (moving,)), jax.jvp(by_lax, (moving,), (moving,)), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)
