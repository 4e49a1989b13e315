# %% [markdown] en
# # Transfer learning: what one task teaches for another
#
# You have learned to read digits, and now somebody shows you letters of a script you don't know, four of each. You don't begin from zero: you know what strokes are. A network can do the same.
# Here one learns the digits 0 to 4 from many pictures, and then the digits 5 to 9 from **four pictures each**.
#
# **You will learn** to take a trained network apart · freezing · fine-tuning with a small learning rate · to see that it is worth it. **Time** 15 minutes.
# %% [markdown] ko
# # 전이 학습: 한 과제에서 배운 것을 다른 과제에 쓰기
#
# 숫자를 읽을 줄 아는 여러분에게 누군가 모르는 문자를 네 개씩만 보여 줍니다. 그래도 처음부터 시작하는 것은 아닙니다. 획이 무엇인지는 아니까요. 신경망도 그럴 수 있습니다. 이 수업에서는
# 신경망이 많은 그림으로 숫자 0부터 4까지를 배운 다음, **네 장씩만** 보고 5부터 9까지를 배웁니다.
#
# **배울 것** 학습된 신경망을 떼어 쓰기 · 동결 · 작은 학습률로 미세 조정 · 그만한 가치가 있는지 확인하기. **시간** 15분.
# %%
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

import kernelkit as keras
from kernelkit import layers

keras.utils.set_random_seed(0)
digits = load_digits()
x, y = (digits.images / 16).astype("float32")[..., None], digits.target
old, new = y < 5, y >= 5
x_old, y_old, x_new, y_new = x[old], y[old], x[new], y[new] - 5
print(len(x_old), "pictures of 0 to 4,", len(x_new), "of 5 to 9")


# %% [markdown] en
# ## 1. The first task: 0 to 4, many pictures
#
# We build it in two parts: a **base** that turns a picture into 64 features, and a **head** that turns features into an answer.
# %% [markdown] ko
# ## 1. 첫 과제: 0부터 4까지, 많은 그림으로
#
# 두 부분으로 나눠 만듭니다. 그림을 특징 64개로 바꾸는 **몸통**(base)과 특징을 답으로 바꾸는 **머리**(head)입니다.
# %%
def make_base():
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.RandomTranslation(0.1, 0.1, fill_mode="constant"),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.GlobalAveragePooling2D(),
        ],
        name="base",
    )


def with_head(base, rate=0.002):
    model = keras.Sequential([base, layers.Dense(5, activation="softmax", name="head")])
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


base = make_base()
teacher = with_head(base)
history = teacher.fit(x_old[:700], y_old[:700], epochs=40, validation_data=(x_old[700:], y_old[700:]))
# %% [markdown] en
# ## 2. The second task: four pictures of each
#
# First from zero, as if nothing were known. With 20 pictures the network soon knows them by heart, and not much else.
# %% [markdown] ko
# ## 2. 둘째 과제: 네 장씩만
#
# 먼저 아무것도 모르는 채 처음부터 해 봅니다. 그림이 20장뿐이라 금세 외워 버리고, 다른 것은 거의 모릅니다.
# %%
few = np.concatenate([np.flatnonzero(y_new == d)[:4] for d in range(5)])
rest = np.setdiff1d(np.arange(len(y_new)), few)
small = {"x": x_new[few], "y": y_new[few], "batch_size": 20, "verbose": 0}
test = {"x": x_new[rest], "y": y_new[rest], "verbose": 0}

keras.utils.set_random_seed(1)
scratch = with_head(make_base())
runs = {"from zero": scratch.fit(**small, epochs=150, validation_data=(test["x"], test["y"]))}
# %% [markdown] en
# ## 3. Freeze the base, train a new head
#
# Take the trained base, set `trainable = False`, and put a fresh head on it. Only 325 numbers are left to learn. Look at the summary.
# %% [markdown] ko
# ## 3. 몸통을 얼리고 머리만 새로
#
# 학습된 몸통을 가져와 `trainable = False`로 두고 새 머리를 얹습니다. 배울 숫자는 325개만 남습니다. summary를 보세요.
# %%
keras.utils.set_random_seed(1)
frozen_base = keras.models.clone_model(base)
frozen_base.set_weights(base.get_weights())
frozen_base.trainable = False
transfer = with_head(frozen_base, rate=0.02)
transfer.summary()
runs["new head"] = transfer.fit(**small, epochs=150, validation_data=(test["x"], test["y"]))
# %% [markdown] en
# ## 4. Fine-tune
#
# When the head has settled, thaw the base and go on **with a rate that is ten times smaller**, or more. A large rate would tear down what the base knows before the head can say what it needs. After
# changing `trainable`, compile again.
# %% [markdown] ko
# ## 4. 미세 조정
#
# 머리가 자리를 잡으면 몸통을 녹이고 **열 배 이상 작은 학습률로** 이어 갑니다. 학습률이 크면 머리가 무엇이 필요한지 알려 주기도 전에 몸통이 아는 것이 무너집니다. `trainable`을 바꾼 뒤에는
# 다시 compile하세요.
# %%
frozen_base.trainable = True
transfer.compile(keras.optimizers.Adam(3e-4), "sparse_categorical_crossentropy", metrics=["accuracy"])
runs["fine-tuned"] = transfer.fit(**small, epochs=150, validation_data=(test["x"], test["y"]))

fig, ax = plt.subplots(figsize=(7, 3))
for name, run in runs.items():
    shift = 150 if name == "fine-tuned" else 0
    ax.plot(np.arange(150) + shift, run.history["val_accuracy"], label=name)
ax.set(xlabel="epoch", ylabel="right of unseen 5 to 9", ylim=(0, 1))
ax.legend()
plt.show()
scores = {name: run.history["val_accuracy"][-1] for name, run in runs.items()}
print({name: f"{score:.1%}" for name, score in scores.items()})
# %% [markdown] en
# ## 5. Why does it work?
#
# Look at the features of the *new* digits in the *old* base, before any of the new training: they already lie in heaps. The base never saw a 7, but it knows strokes.
# %% [markdown] ko
# ## 5. 왜 될까?
#
# 새로 학습하기 전에 *옛* 몸통이 *새* 숫자를 어떤 특징으로 바꾸는지 보세요. 벌써 무리를 이루고 있습니다. 몸통은 7을 본 적이 없지만 획은 압니다.
# %%
keras.viz.embedding(base.predict(x_new, verbose=0), y_new + 5)
# %% [markdown] en
# ## Exercises
# %% [markdown] ko
# ## 연습 문제
# %% [check]
from kernelkit import teaching


@teaching.exercise(
    right=say("64 features times 5 answers, and 5 biases.", "특징 64개 × 답 5개, 그리고 편향 5개입니다."),
    language=say("en", "ko"),
)
def check_1(answer):
    if int(answer) != 325:
        return say("Only the Dense(5) on 64 features is trained.", "특징 64개 위의 Dense(5)만 학습합니다.")


@teaching.exercise(
    right=say(
        "Random head, large gradients: they would wreck the base.", "머리가 무작위면 기울기가 커서 몸통을 망가뜨립니다."
    ),
    language=say("en", "ko"),
)
def check_2(answer):
    if answer != "head":
        return say("Which part knows nothing yet?", "아직 아무것도 모르는 쪽은 어디일까요?")


@teaching.exercise(
    right=say(
        "Freezing a part of the base is often the best of both.", "몸통의 일부만 얼리는 것이 좋을 때가 많습니다."
    ),
    language=say("en", "ko"),
)
def check_3(model):
    layers_ = model.layers[0].layers
    convolutions = [layer for layer in layers_ if type(layer).__name__ == "Conv2D"]
    if len(convolutions) != 3:
        return say(
            "The model's first layer should be a base like ours.", "모델의 첫 층은 우리와 같은 몸통이어야 합니다."
        )
    if [layer.trainable for layer in convolutions] != [False, False, True]:
        return say(
            "The first two convolutions are to be frozen, the third is not: loop over base.layers.",
            "앞의 합성곱 두 개는 얼리고 세 번째는 그대로 둡니다. base.layers를 돌아 보세요.",
        )
    if model.evaluate(**test)[1] < 0.8:
        return say("Frozen right; now train it to 80 % or more.", "잘 얼렸어요. 이제 80% 이상이 되도록 학습시키세요.")


# %% [markdown] en
# **1.** How many numbers does the "new head" training change?
# %% [markdown] ko
# **1.** "new head" 학습에서 바뀌는 숫자는 몇 개일까요?
# %% [exercise]
check_1(...)
# %% [solution]
check_1(325)
# %% [markdown] en
# **2.** Which part should be trained first: `"base"` or `"head"`?
# %% [markdown] ko
# **2.** 먼저 학습시켜야 하는 부분은 `"base"`와 `"head"` 중 어느 쪽일까요?
# %% [exercise]
check_2(...)
# %% [solution]
check_2("head")
# %% [markdown] en
# **3.** Make a `mine` out of the old base in which only the first two convolutions are frozen, and train it on the 20 pictures.
# %% [markdown] ko
# **3.** 옛 몸통으로 앞의 합성곱 두 개만 얼린 `mine`을 만들어 그림 20장으로 학습시키세요.
# %% [exercise]
mine = ...

check_3(mine)
# %% [solution]
part = keras.models.clone_model(base)
part.set_weights(base.get_weights())
for layer in [layer for layer in part.layers if type(layer).__name__ == "Conv2D"][:2]:
    layer.trainable = False
mine = with_head(part, rate=0.003)
mine.fit(**small, epochs=150)

check_3(mine)
# %% [test]
assert scores["fine-tuned"] > scores["from zero"] + 0.03, scores
assert scores["new head"] > 0.7, scores
