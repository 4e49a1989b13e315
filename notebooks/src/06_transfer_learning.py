# %% [markdown] en
# # Transfer learning: what one task teaches for another
#
# Labels are expensive. Suppose there are only **20 labeled pictures** for a new task: too few to learn from scratch what a picture is.
# But a network that has learned another task on many pictures already knows strokes, loops and crossings. Take it, replace its last layer, and
# train that layer alone.
#
# Here the first task is to read a digit that stands somewhere on a page. The second task is new: is that digit even or odd?
#
# **You will learn** to take a trained network apart · freezing · fine-tuning with a small learning rate · to check whether it pays.
# **Time** 15 minutes.
# %% [markdown] ko
# # 전이 학습: 한 과제에서 배운 것을 다른 과제에 쓰기
#
# 레이블을 붙이는 데는 돈이 듭니다. 새 과제에 쓸 **레이블 붙은 그림이 20장**뿐이라고 합시다. 그림이 무엇인지 처음부터 배우기에는 너무 적습니다.
# 그런데 많은 그림으로 다른 과제를 배운 신경망은 획과 고리와 교차점을 이미 압니다. 그 신경망을 가져와 마지막 층만 바꾸고, 그 층만
# 학습시킵니다.
#
# 첫 과제는 종이 어딘가에 놓인 숫자를 읽는 것입니다. 둘째는 새로운 과제입니다. 그 숫자는 짝수일까요, 홀수일까요?
#
# **배울 것** 학습된 신경망을 떼어 쓰기 · 동결 · 작은 학습률로 미세 조정하기 · 그만한 값을 하는지 확인하기.
# **시간** 15분.
# %%
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

import kernelkit as keras
from kernelkit import layers

keras.utils.set_random_seed(0)
digits = load_digits()
images, labels = (digits.images / 16).astype("float32"), digits.target
order = np.random.default_rng(9).permutation(len(labels))
first, pool, rest = order[:1000], order[1000:1200], order[1200:]  # for the first task, for the second, and for its test


def pages(rows, seed):
    """Return pages of 16 × 16 pixels, each with the digit of one row at a random place."""
    places = np.random.default_rng(seed).integers(0, 9, (len(rows), 2))
    made = np.zeros((len(rows), 16, 16, 1), "float32")
    for page, row, (top, left) in zip(made, rows, places, strict=True):
        page[top : top + 8, left : left + 8, 0] = images[row]
    return made


x_first, y_first = pages(np.repeat(first, 5), seed=0), np.repeat(labels[first], 5)  # each digit at five places
x_rest, y_rest = pages(rest, seed=2), labels[rest]
fig, axes = plt.subplots(2, 10, figsize=(9, 2))
for ax, page in zip(axes.flat, x_first[::5], strict=False):
    ax.imshow(page[..., 0], cmap="gray_r")
    ax.set(xticks=[], yticks=[])
plt.show()


# %% [markdown] en
# ## 1. The first task: many pictures
#
# The network has two parts. The **base** turns a page into 64 features; the **head** turns the features into an answer. Each feature is
# the strongest response of a filter anywhere on the page (`GlobalMaxPooling2D`), so it does not matter where the digit stands.
# %% [markdown] ko
# ## 1. 첫 과제: 그림이 많을 때
#
# 신경망은 두 부분으로 되어 있습니다. **몸통**(base)은 종이 한 장을 특징 64개로 바꾸고, **머리**(head)는 특징을 답으로 바꿉니다. 특징 하나는 필터가
# 종이 전체에서 가장 세게 반응한 값입니다(`GlobalMaxPooling2D`). 그래서 숫자가 어디에 있든 상관없습니다.
# %%
def make_base():
    return keras.Sequential(
        [
            keras.Input((16, 16, 1)),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.GlobalMaxPooling2D(),
        ],
        name="base",
    )


def with_head(base, answers, rate=0.002):
    model = keras.Sequential([base, layers.Dense(answers, activation="softmax", name="head")])
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


base = make_base()
reader = with_head(base, 10)
history = reader.fit(x_first, y_first, batch_size=64, epochs=8, validation_data=(x_rest, y_rest))
# %% [markdown] en
# ## 2. The second task: 20 pictures
#
# Two pages of each digit, labeled even (0) or odd (1). First a new network, from scratch. It soon knows the 20 pages by heart, and
# is wrong about many others. Guessing would be right half of the time.
# %% [markdown] ko
# ## 2. 둘째 과제: 그림 20장
#
# 숫자마다 두 장씩, 짝수는 0, 홀수는 1이라고 레이블을 붙였습니다. 먼저 새 신경망을 처음부터 학습시켜 봅시다. 20장은 금세 외우지만 다른 그림은
# 많이 틀립니다. 아무렇게나 찍어도 절반은 맞습니다.
# %%
few = np.concatenate([pool[labels[pool] == digit][:2] for digit in range(10)])
small = {"x": pages(few, seed=1), "y": labels[few] % 2, "batch_size": 20, "verbose": 0}
test = {"x": x_rest, "y": y_rest % 2, "verbose": 0}
EPOCHS = 80

keras.utils.set_random_seed(1)
scratch = with_head(make_base(), 2)
runs = {"from scratch": scratch.fit(**small, epochs=EPOCHS, validation_data=(test["x"], test["y"]))}
print({name: f"{run.history['val_accuracy'][-1]:.1%}" for name, run in runs.items()})
# %% [markdown] en
# ## 3. Freeze the base, train a new head
#
# Copy the trained base, set `trainable = False`, and put a new head on it. Now only 130 numbers are trained: the summary counts them.
# %% [markdown] ko
# ## 3. 몸통은 얼리고 머리만 새로
#
# 학습된 몸통을 복사해 `trainable = False`로 두고 새 머리를 얹습니다. 이제 학습하는 숫자는 130개뿐입니다. summary에 나옵니다.
# %%
keras.utils.set_random_seed(1)
copied = keras.models.clone_model(base)
copied.set_weights(base.get_weights())
copied.trainable = False
transfer = with_head(copied, 2, rate=0.01)
transfer.summary()
runs["new head"] = transfer.fit(**small, epochs=EPOCHS, validation_data=(test["x"], test["y"]))
# %% [markdown] en
# ## 4. Fine-tune
#
# Once the head has settled, unfreeze the base and continue **with a learning rate at least ten times smaller**. A large one would destroy
# what the base knows. After a change of `trainable`, compile again. Does it pay? With 20 pictures not always: look at the curves.
# %% [markdown] ko
# ## 4. 미세 조정
#
# 머리가 자리를 잡으면 몸통을 녹이고 **열 배 이상 작은 학습률로** 이어 갑니다. 학습률이 크면 몸통이 아는 것이 무너집니다.
# `trainable`을 바꾼 뒤에는 다시 컴파일하세요. 값을 할까요? 그림이 20장이면 늘 그렇지는 않습니다. 곡선을 보세요.
# %%
copied.trainable = True
transfer.compile(keras.optimizers.Adam(3e-4), "sparse_categorical_crossentropy", metrics=["accuracy"])
runs["fine-tuned"] = transfer.fit(**small, epochs=EPOCHS, validation_data=(test["x"], test["y"]))

fig, ax = plt.subplots(figsize=(7, 3))
for name, run in runs.items():
    start = EPOCHS if name == "fine-tuned" else 0
    ax.plot(np.arange(EPOCHS) + start, run.history["val_accuracy"], label=name)
ax.axhline(0.5, color="gray", linestyle=":", label="guessing")
ax.set(xlabel="epoch", ylabel="accuracy on unseen pages", ylim=(0.4, 1))
ax.legend()
plt.show()
scores = {name: run.history["val_accuracy"][-1] for name, run in runs.items()}
print({name: f"{score:.1%}" for name, score in scores.items()})
# %% [markdown] en
# ## 5. Why does it work?
#
# Each point is an unseen page, placed by its 64 features. The base was never told what even and odd mean, but pages with the same digit lie
# together. The head has to learn only which heaps are even.
# %% [markdown] ko
# ## 5. 왜 될까?
#
# 점 하나가 처음 보는 종이 한 장이고, 위치는 특징 64개로 정했습니다. 몸통은 짝수와 홀수를 배운 적이 없지만, 같은 숫자가 적힌 종이끼리 모여 있습니다.
# 머리는 어느 무리가 짝수인지만 배우면 됩니다.
# %%
keras.viz.embedding(base.predict(x_rest, verbose=0), y_rest)
# %% [markdown] en
# ## Exercises
# %% [markdown] ko
# ## 연습 문제
# %% [check]
from kernelkit import teaching


@teaching.exercise(
    right=say("64 features times 2 answers, and 2 biases.", "특징 64개 × 답 2개, 그리고 편향 2개입니다."),
    language=say("en", "ko"),
)
def check_1(answer):
    if int(answer) != 130:
        return say(
            "Only the head is trained: a Dense(2) on 64 features. Don't forget the biases.",
            "머리, 곧 특징 64개 위의 Dense(2)만 학습합니다. 편향을 잊지 마세요.",
        )


@teaching.exercise(
    right=say(
        "A random head sends large, meaningless gradients into the base.",
        "무작위로 시작한 머리는 크고 의미 없는 기울기를 몸통에 보냅니다.",
    ),
    language=say("en", "ko"),
)
def check_2(answer):
    if answer != "head":
        return say("Which of the two parts knows nothing yet?", "둘 가운데 아직 아무것도 모르는 쪽은 어디일까요?")


@teaching.exercise(
    right=say(
        "The early layers know strokes, the last one may adapt.", "앞쪽 층은 획을 알고, 마지막 층은 새 과제에 맞춥니다."
    ),
    language=say("en", "ko"),
)
def check_3(model):
    convolutions = [layer for layer in model.layers[0].layers if isinstance(layer, layers.Conv2D)]
    if [layer.trainable for layer in convolutions] != [False, False, True]:
        return say(
            "The first two convolutions must be frozen, and the third one not: set layer.trainable in a loop over the base's layers.",
            "앞의 합성곱 두 개는 얼리고 세 번째는 그대로 두세요. 몸통의 층을 돌며 layer.trainable을 바꾸면 됩니다.",
        )
    accuracy = model.evaluate(**test)[1]
    if accuracy < 0.8:
        return say(
            f"The right layers are frozen. It reaches {accuracy:.1%}: train it until it reaches 80 %.",
            f"알맞은 층을 얼렸습니다. 지금은 {accuracy:.1%}입니다. 80%가 될 때까지 학습시키세요.",
        )


# %% [markdown] en
# **1.** How many numbers does the training of "new head" change?
# %% [markdown] ko
# **1.** "new head" 학습에서 바뀌는 숫자는 몇 개일까요?
# %% [exercise]
check_1(...)
# %% [solution]
check_1(64 * 2 + 2)
# %% [markdown] en
# **2.** Which part should be trained first, `"base"` or `"head"`?
# %% [markdown] ko
# **2.** 먼저 학습시켜야 하는 부분은 `"base"`와 `"head"` 중 어느 쪽일까요?
# %% [exercise]
check_2(...)
# %% [solution]
check_2("head")
# %% [markdown] en
# **3.** Make a network `mine` from a copy of `base` in which the first two convolutions are frozen and the third is not. Train it on the
# 20 pages until it reaches 80 % on the test pages. (`with_head` compiles it; `small` holds the pages.)
# %% [markdown] ko
# **3.** `base`의 사본에서 앞의 합성곱 두 개만 얼리고 세 번째는 그대로 둔 신경망 `mine`을 만드세요. 그림 20장으로 학습시켜 테스트 그림에서 80%에
# 이르게 하세요. (`with_head`가 컴파일해 주고, 그림은 `small`에 있습니다.)
# %% [exercise]
mine = ...

check_3(mine)
# %% [solution]
keras.utils.set_random_seed(1)
part = keras.models.clone_model(base)
part.set_weights(base.get_weights())
for layer in [layer for layer in part.layers if isinstance(layer, layers.Conv2D)][:2]:
    layer.trainable = False
mine = with_head(part, 2, rate=0.002)
mine.fit(**small, epochs=60)

check_3(mine)
# %% [markdown] en
# **To try.** How many labeled pages does the network from scratch need to catch up? Take more of each digit from `pool`. And try a new task of your own:
# is the digit greater than 4? Does it have a loop?
# %% [markdown] ko
# **더 해 보기.** 처음부터 학습하는 신경망이 따라잡으려면 레이블 붙은 그림이 몇 장 필요할까요? `pool`에서 숫자마다 더 많이 가져와 보세요. 새 과제도 직접 만들어 보세요.
# 숫자가 4보다 큰가요? 고리가 있나요?
# %% [test]
assert transfer.layers[1].count_params() == 130
assert scores["new head"] > scores["from scratch"] + 0.08, scores
assert scores["new head"] > 0.8 and scores["fine-tuned"] > 0.8, scores
assert runs["from scratch"].history["accuracy"][-1] > 0.95 and scores["from scratch"] < 0.8
assert history.history["val_accuracy"][-1] > 0.9
