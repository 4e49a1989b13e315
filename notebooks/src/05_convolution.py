# %% [markdown] en
# # Convolution, and what filters see
#
# A convolution is a small window that slides over a picture and asks the same question everywhere: *how much does this spot look like me?* First you choose
# the questions yourself, on a photograph. Then a network chooses its own, and you look at what they are.
#
# **You will learn** what a kernel computes · channels, padding, strides, pooling · filters and feature maps of a trained network. **Time** 20 minutes.
# %% [markdown] ko
# # 합성곱, 그리고 필터가 보는 것
#
# 합성곱은 작은 창이 그림 위를 미끄러지며 어디서나 같은 질문을 던지는 것입니다. *여기는 나와 얼마나 닮았나?* 처음에는 사진을 놓고 질문을 직접
# 고릅니다. 그다음에는 신경망이 스스로 고르게 하고, 어떤 질문인지 들여다봅니다.
#
# **배울 것** 커널이 계산하는 것 · 채널, 패딩, 스트라이드, 풀링 · 학습된 신경망의 필터와 특징 맵. **시간** 20분.
# %%
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits, load_sample_image

import kernelkit as keras
from kernelkit import layers, ops

keras.utils.set_random_seed(0)
photo = load_sample_image("china.jpg")[::2, ::2].astype("float32") / 255
gray = photo.mean(axis=-1)
print(photo.shape, gray.shape)


# %% [markdown] en
# ## 1. One window, by hand
#
# Nine numbers, laid over nine pixels, multiplied and summed: that is one number of the result. Slide on by one pixel, again. In a loop, so that you
# see that there is no secret:
# %% [markdown] ko
# ## 1. 창 하나를 손으로
#
# 숫자 아홉 개를 픽셀 아홉 개 위에 얹고 곱해서 더하면 결과의 숫자 하나가 됩니다. 한 픽셀 옮겨서 또 합니다. 비밀이 없다는 것을 보이려고 반복문으로
# 써 봤습니다.
# %%
def slide(picture, window):
    height, width = picture.shape[0] - 2, picture.shape[1] - 2
    result = np.zeros((height, width), "float32")
    for i in range(height):
        for j in range(width):
            result[i, j] = (picture[i : i + 3, j : j + 3] * window).sum()
    return result


upright = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], "float32")  # bright on the right, dark on the left
by_hand = slide(gray, upright)
by_layer = ops.conv(gray[None, :, :, None], upright[:, :, None, None])[0, :, :, 0]
print(
    say("the layer's operation gives the same:", "층의 연산도 같은 값을 냅니다:"),
    np.allclose(by_hand, by_layer, atol=1e-4),
)
# %% [markdown] en
# Some questions that people have thought of:
# %% [markdown] ko
# 사람들이 생각해 낸 질문 몇 가지입니다.
# %%
questions = {
    "upright edges": upright,
    "level edges": upright.T,
    "blur": np.ones((3, 3), "float32") / 9,
    "spots": np.array([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]], "float32"),
}
fig, axes = plt.subplots(1, 5, figsize=(11, 2.2))
axes[0].imshow(photo)
axes[0].set_title("photo", fontsize=9)
for ax, (name, window) in zip(axes[1:], questions.items(), strict=True):
    answer = np.asarray(ops.conv(gray[None, :, :, None], window[:, :, None, None])[0, :, :, 0])
    limit = np.abs(answer).max() if name != "blur" else 1
    ax.imshow(answer, cmap="gray", vmin=-limit / 2 if name != "blur" else 0, vmax=limit / 2 if name != "blur" else 1)
    ax.set_title(name, fontsize=9)
for ax in axes:
    ax.set_axis_off()
plt.show()
# %% [markdown] en
# ## 2. A layer of windows
#
# `Conv2D(16, 3)` has 16 windows of 3 × 3, each with a depth: it looks through all channels of its input at once. Its kernel has the shape
# `(3, 3, channels, 16)`. Watch the shapes: padding keeps the size, strides and pooling halve it.
# %% [markdown] ko
# ## 2. 창으로 이루어진 층
#
# `Conv2D(16, 3)`에는 3 × 3 창이 16개 있고, 창마다 깊이가 있어서 입력의 모든 채널을 한꺼번에 봅니다. 커널의 모양은 `(3, 3, channels, 16)`입니다.
# 모양이 어떻게 바뀌는지 보세요. 패딩은 크기를 지키고, 스트라이드와 풀링은 반으로 줄입니다.
# %%
batch = photo[None]
for layer in (
    layers.Conv2D(16, 3),
    layers.Conv2D(16, 3, padding="same"),
    layers.Conv2D(16, 3, padding="same", strides=2),
    layers.MaxPooling2D(),
):
    after = layer(batch)
    weights = [tuple(w.shape) for w in layer.weights]
    print(f"{type(layer).__name__:12} {batch.shape} -> {tuple(after.shape)},", say("weights", "가중치"), weights)
# %% [markdown] en
# ## 3. Let it choose its own questions
#
# A small network that reads digits. Nobody tells it what to look for.
# %% [markdown] ko
# ## 3. 스스로 질문을 고르게 하기
#
# 숫자를 읽는 작은 신경망입니다. 무엇을 보라고는 아무도 말해 주지 않습니다.
# %%
digits = load_digits()
x, y = (digits.images / 16).astype("float32")[..., None], digits.target
model = keras.Sequential(
    [
        keras.Input((8, 8, 1)),
        layers.Conv2D(16, 3, padding="same", activation="relu", name="first"),
        layers.Conv2D(32, 3, padding="same", activation="relu", name="second"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dropout(0.4),
        layers.Dense(10, activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(x[:1400], y[:1400], epochs=25, validation_data=(x[1400:], y[1400:]))
accuracy = history.history["val_accuracy"][-1]
# %% [markdown] en
# Its 16 windows: edges in several directions, corners, dots. Like the ones above, and nobody drew them.
# %% [markdown] ko
# 창 16개를 봅시다. 여러 방향의 경계선과 모서리, 점이 보입니다. 위의 것과 비슷하지만 아무도 그려 주지 않았습니다.
# %%
keras.viz.filters(model.get_layer("first"))
# %% [markdown] en
# And what they make of one digit: each small picture is bright where its window fits (a *feature map*). The second layer asks its questions about
# these answers, and so about larger things: bends, ends, loops.
# %% [markdown] ko
# 숫자 하나를 보고 이렇게 답합니다. 작은 그림마다 자기 창과 맞는 곳이 밝습니다(*특징 맵*). 둘째 층은 이 답을 놓고 다시 질문하므로 더 큰 것, 이를테면
# 굽은 획이나 끝, 고리를 봅니다.
# %%
keras.viz.activations(model, x[8], "first")
# %%
keras.viz.activations(model, x[8], "second")
# %% [markdown] en
# ## 4. Which pixels mattered?
#
# The gradient can be taken with respect to the *picture*, too: which pixels would change the answer most?
# %% [markdown] ko
# ## 4. 어느 픽셀이 중요했을까?
#
# 기울기는 *그림*에 대해서도 구할 수 있습니다. 어느 픽셀을 바꾸면 답이 가장 많이 달라질까요?
# %%
import jax


def sureness(picture, digit):
    return ops.log(model(picture[None])[0, digit] + 1e-7)


fig, axes = plt.subplots(2, 8, figsize=(9, 2.3), gridspec_kw={"hspace": 0.05})
for column, i in enumerate(range(1400, 1408)):
    matter = np.abs(jax.grad(sureness)(x[i], int(y[i])))[..., 0]
    axes[0, column].imshow(x[i, ..., 0], cmap="gray_r")
    axes[1, column].imshow(matter, cmap="magma")
    axes[0, column].set_axis_off()
    axes[1, column].set_axis_off()
plt.show()
# %% [markdown] en
# ## 5. Why not a dense layer?
#
# Move the digits by one pixel. A convolution asks the same question everywhere, so it is far less surprised than a dense network, which
# has learned each pixel for itself.
# %% [markdown] ko
# ## 5. 밀집층은 왜 안 될까?
#
# 숫자를 한 픽셀 옮겨 봅시다. 합성곱은 어디서나 같은 질문을 하므로, 픽셀을 하나하나 따로 익힌 밀집 신경망보다 훨씬 덜 당황합니다.
# %%
dense = keras.Sequential(
    [
        keras.Input((8, 8, 1)),
        layers.Flatten(),
        layers.Dense(128, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ]
)
dense.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
dense.fit(x[:1400], y[:1400], epochs=25, verbose=0)
moved = np.roll(x[1400:], 1, axis=2)
shifted = {}
for name, net in (("convolution", model), ("dense", dense)):
    shifted[name] = net.evaluate(moved, y[1400:], verbose=0)[1]
    in_place = net.evaluate(x[1400:], y[1400:], verbose=0)[1]
    print(
        f"{name}:",
        say(
            f"{in_place:.1%} in place, {shifted[name]:.1%} moved by a pixel",
            f"제자리에서 {in_place:.1%}, 한 픽셀 옮기면 {shifted[name]:.1%}",
        ),
    )
# %% [markdown] en
# ## Exercises
# %% [markdown] ko
# ## 연습 문제
# %% [check]
from kernelkit import teaching


@teaching.exercise(
    right=say("3 · 3 · 16 · 32 weights and 32 biases.", "가중치 3 · 3 · 16 · 32개와 편향 32개입니다."),
    language=say("en", "ko"),
)
def check_1(answer):
    if int(answer) != 3 * 3 * 16 * 32 + 32:
        return say(
            "Each of the 32 windows is 3 × 3 and 16 channels deep, and has one bias.",
            "창 32개가 저마다 3 × 3 크기에 깊이 16채널이고 편향이 하나씩 있습니다.",
        )


@teaching.exercise(
    right=say("A 3 × 3 window loses one pixel at each side.", "3 × 3 창은 가장자리마다 한 픽셀을 잃습니다."),
    language=say("en", "ko"),
)
def check_2(answer):
    if tuple(answer) != (2, 13, 13, 8):
        return say(
            "28 - 2 = 26 places for the window, every second one is taken: 13. The last axis is the number of filters.",
            "창을 놓을 자리는 28 - 2 = 26개이고 하나 걸러 쓰니 13개입니다. 마지막 축은 필터의 수입니다.",
        )


@teaching.exercise(
    right=say(
        "Dark below, bright above: the sum is large only there.", "위가 밝고 아래가 어두운 곳에서만 합이 큽니다."
    ),
    language=say("en", "ko"),
)
def check_3(window):
    window = np.asarray(window, "float32")
    if window.shape != (3, 3):
        return say(
            f"A window of shape (3, 3) is wanted, this one has {window.shape}.",
            f"모양이 (3, 3)이어야 하는데 {window.shape}입니다.",
        )
    top = np.zeros((9, 9), "float32")
    top[:4] = 1
    down, up, flat = (
        slide(top, window).max(),
        slide(1 - top, window).max(),
        np.abs(slide(np.ones((9, 9)), window)).max(),
    )
    if flat > 1e-5:
        return say(
            "On a flat white wall it should answer 0: the nine numbers must sum to 0.",
            "밋밋한 흰 벽에서는 0이 나와야 합니다. 숫자 아홉 개의 합이 0이어야 해요.",
        )
    if down <= 0 or up > 0.01 + down / 4:
        return say(
            "It should be large where it is bright above and dark below.",
            "위가 밝고 아래가 어두운 곳에서 큰 값이 나와야 합니다.",
        )


# %% [markdown] en
# **1.** How many parameters does the layer `second` have? Work it out first, then ask `model.summary()`.
# %% [markdown] ko
# **1.** `second` 층의 매개변수는 몇 개일까요? 먼저 셈해 보고 `model.summary()`로 확인하세요.
# %% [exercise]
check_1(...)
# %% [solution]
check_1(model.get_layer("second").count_params())
# %% [markdown] en
# **2.** What is the shape of the output of `Conv2D(8, 3, strides=2)` for an input of shape `(2, 28, 28, 3)`? Answer with a tuple.
# %% [markdown] ko
# **2.** 입력의 모양이 `(2, 28, 28, 3)`일 때 `Conv2D(8, 3, strides=2)`의 출력 모양은? 튜플로 답하세요.
# %% [exercise]
check_2(...)
# %% [solution]
check_2((2, 13, 13, 8))
# %% [markdown] en
# **3.** Write a 3 × 3 `window` that finds edges that are *bright above and dark below*, and answers 0 on a flat wall. (A photograph's row 0 is at the top.)
# %% [markdown] ko
# **3.** *위가 밝고 아래가 어두운* 경계를 찾는 3 × 3 `window`를 써 보세요. 밋밋한 벽에서는 0이어야 합니다. (사진의 0행은 맨 위입니다.)
# %% [exercise]
window = ...

check_3(window)
# %% [solution]
window = [[1, 2, 1], [0, 0, 0], [-1, -2, -1]]

check_3(window)
# %% [test]
assert accuracy > 0.94, accuracy
assert shifted["convolution"] > shifted["dense"] + 0.05, shifted
