# %% [markdown] en
# # Overfitting and its cures
#
# A network with enough parameters can learn any list by heart, even one that makes no sense. That is not what we want: it should be right about
# what it has *not* seen. This lesson makes overfitting happen, shows how to see it, and tries the cures one by one.
#
# **You will learn** to read training and validation curves · more data, early stopping, weight decay, dropout, a smaller network · why the
# test set is opened once. **Time** 15 minutes.
# %% [markdown] ko
# # 과적합과 그 치료법
#
# 매개변수가 넉넉한 신경망은 아무 의미 없는 목록이라도 통째로 외울 수 있습니다. 우리가 바라는 것은 그게 아니라 *보지 못한 것*을 맞히는 것입니다.
# 이 수업에서는 과적합을 일부러 일으켜 보고, 알아보는 법을 배우고, 치료법을 하나씩 써 봅니다.
#
# **배울 것** 학습 곡선과 검증 곡선 읽기 · 더 많은 데이터, 조기 종료, 가중치 감쇠, 드롭아웃, 더 작은 신경망 · 테스트 세트를 한 번만 여는 까닭.
# **시간** 15분.
# %%
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits, make_moons

import kernelkit as keras
from kernelkit import layers

SIZES = {"train": 40, "validation": 300, "test": 1000}


def moons(count, seed):
    x, y = make_moons(count, noise=0.35, random_state=seed)
    return x.astype("float32"), y


(x, y), (x_val, y_val), (x_test, y_test) = (moons(n, seed) for seed, n in enumerate(SIZES.values()))


# %% [markdown] en
# ## 1. Learning by heart
#
# Forty points of two kinds that overlap, and a network with 17,000 parameters. Watch the panel: the training loss goes to zero, the validation loss
# goes down, turns, and climbs. **The turn is where overfitting begins.**
# %% [markdown] ko
# ## 1. 외워 버리기
#
# 서로 겹치는 두 종류의 점 40개와 매개변수가 17,000개인 신경망입니다. 패널을 보세요. 학습 손실은 0으로 가는데 검증 손실은 내려가다가 방향을 틀어
# 올라갑니다. **방향을 트는 곳에서 과적합이 시작됩니다.**
# %%
def build(units=128, dropout=0.0, decay=0.0):
    keras.utils.set_random_seed(0)
    kind = {"activation": "relu", "kernel_regularizer": keras.regularizers.L2(decay) if decay else None}
    model = keras.Sequential(
        [
            keras.Input((2,)),
            layers.Dense(units, **kind),
            layers.Dropout(dropout),
            layers.Dense(units, **kind),
            layers.Dropout(dropout),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.005), "binary_crossentropy", metrics=["accuracy"])
    return model


big = build()
runs = {"big": big.fit(x, y, batch_size=40, epochs=400, validation_data=(x_val, y_val))}
# %% [markdown] en
# What has it learned? The border winds around single points. A dot on the wrong side of a smooth border is no mistake of the network: it is noise, and
# noise is not worth learning.
# %% [markdown] ko
# 무엇을 배웠을까요? 경계선이 점 하나하나를 피해 구불거립니다. 매끄러운 경계의 반대편에 있는 점은 신경망의 실수가 아니라 잡음이고, 잡음은
# 배울 가치가 없습니다.
# %%
keras.viz.decision_boundary(big, x, y)
# %% [markdown] en
# A network like that can learn pure nonsense too. Here the labels are thrown dice:
# %% [markdown] ko
# 이런 신경망은 순전한 엉터리도 외웁니다. 이번에는 레이블을 주사위로 정했습니다.
# %%
dice = np.random.default_rng(0).integers(0, 2, 40)
fool = build()
fool.fit(x, dice, batch_size=40, epochs=900, verbose=0)
print(say("learned by heart:", "외운 주사위 눈:"), f"{fool.evaluate(x, dice, verbose=0)[1]:.0%}")
# %% [markdown] en
# ## 2. The cures
#
# | cure | what it does |
# |---|---|
# | more data | noise averages out; the best cure where it can be had |
# | early stopping | stop where the validation loss turns, and take those weights |
# | weight decay (L2) | large weights cost; wild borders need large weights |
# | dropout | hide random units, so that none can rely on another |
# | a smaller network | cannot hold so much noise |
# %% [markdown] ko
# ## 2. 치료법
#
# | 치료법 | 하는 일 |
# |---|---|
# | 더 많은 데이터 | 잡음이 서로 지워집니다. 구할 수만 있다면 가장 좋은 약입니다 |
# | 조기 종료 | 검증 손실이 방향을 트는 곳에서 멈추고 그때의 가중치를 씁니다 |
# | 가중치 감쇠 (L2) | 큰 가중치에 값을 매깁니다. 심하게 구불거리는 경계에는 큰 가중치가 필요하니까요 |
# | 드롭아웃 | 유닛을 무작위로 가려 서로 기대지 못하게 합니다 |
# | 더 작은 신경망 | 잡음을 담을 자리가 없습니다 |
# %%
cures = {
    "more data": (build(), moons(1000, 9), {}),
    "early stopping": (build(), (x, y), {"patience": 60}),
    "weight decay": (build(decay=0.03), (x, y), {}),
    "dropout": (build(dropout=0.5), (x, y), {}),
    "small": (build(units=4), (x, y), {}),
}
models = {"big": big}
for name, (model, data, stop) in cures.items():
    callbacks = [keras.callbacks.EarlyStopping(restore_best_weights=True, **stop)] if stop else []
    epochs = 400 if len(data[0]) == 40 else 25
    options = {"batch_size": 40, "epochs": epochs, "validation_data": (x_val, y_val), "verbose": 0}
    runs[name], models[name] = model.fit(*data, callbacks=callbacks, **options), model

fig, axes = plt.subplots(2, 3, figsize=(9, 4.6), sharey=True)
for ax, (name, history) in zip(axes.flat, runs.items(), strict=True):
    ax.plot(history.history["loss"], label="training")
    ax.plot(history.history["val_loss"], label="validation")
    ax.set(title=name, ylim=(0, 1.5))
axes[0, 0].legend(fontsize=8)
fig.tight_layout()
plt.show()
# %% [markdown] en
# ## 3. The verdict
#
# The validation data chose the cure, so it is no longer impartial: choose among enough models, and one will suit it by luck. The **test set** has not
# been touched; it is opened once, at the end.
# %% [markdown] ko
# ## 3. 판정
#
# 치료법을 고르는 데 검증 데이터를 썼으니 이제 공정하지 않습니다. 모델을 많이 만들어 고르다 보면 운 좋게 맞는 것이 나오기 마련입니다. **테스트 세트**는
# 아직 건드리지 않았습니다. 마지막에 한 번만 엽니다.
# %%
losses = {name: model.evaluate(x_test, y_test, verbose=0) for name, model in models.items()}
for name, (loss, accuracy) in losses.items():
    print(f"{name:15}", say(f"loss {loss:.3f}  accuracy {accuracy:.1%}", f"손실 {loss:.3f}  정확도 {accuracy:.1%}"))
keras.viz.decision_boundary(models["weight decay"], x, y)
# %% [markdown] en
# ## 4. On real pictures
#
# The same with handwritten digits, only 100 of them to train. What happens when the pictures are moved a little and get some noise
# (*augmentation*: new data made of old data)?
# %% [markdown] ko
# ## 4. 진짜 그림에서는
#
# 손글씨 숫자로도 해 봅시다. 학습용은 100장뿐입니다. 그림을 조금씩 옮기고 잡음을 섞으면(*데이터 증강*: 데이터에서 데이터를 만들기) 어떻게 될까요?
# %%
digits = load_digits()
pictures, labels = (digits.images / 16).astype("float32")[..., None], digits.target
options = {"epochs": 100, "batch_size": 20, "validation_data": (pictures[1000:], labels[1000:]), "verbose": 0}
scores = {}
for name, extra in (
    ("plain", []),
    (
        "augmented",
        [
            layers.RandomTranslation(0.13, 0.13, fill_mode="constant", interpolation="nearest"),
            layers.GaussianNoise(0.05),
        ],
    ),
):
    keras.utils.set_random_seed(0)
    net = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            *extra,
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    net.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    scores[name] = net.fit(pictures[:100], labels[:100], **options).history["val_accuracy"][-1]
    print(
        f"{name}:", say(f"{scores[name]:.1%} of unseen digits are right", f"처음 보는 숫자의 {scores[name]:.1%}를 맞힘")
    )
# %% [markdown] en
# ## Exercises
# %% [markdown] ko
# ## 연습 문제
# %% [check]
from kernelkit import teaching


@teaching.exercise(
    right=say("Validation turns, training goes on falling.", "검증 손실이 방향을 틀고 학습 손실은 계속 내려갑니다."),
    language=say("en", "ko"),
)
def check_1(answer):
    turn = int(np.argmin(runs["big"].history["val_loss"]))
    if abs(int(answer) - turn) > 15:
        return say(
            "Take the epoch at which val_loss is lowest: np.argmin(runs['big'].history['val_loss']).",
            "val_loss가 가장 낮은 에포크를 찾으세요. np.argmin(runs['big'].history['val_loss'])입니다.",
        )


@teaching.exercise(
    right=say("It looks good on what chose it.", "자기를 고른 데이터에서는 좋아 보이기 마련이니까요."),
    language=say("en", "ko"),
)
def check_2(answer):
    if answer != "test":
        return say(
            "Which of the three sets had no say in training and none in choosing?",
            "셋 중 학습에도 선택에도 쓰이지 않은 것은 무엇일까요?",
        )


@teaching.exercise(
    right=say("It gains on the big one, with 40 points.", "같은 점 40개로 큰 신경망을 앞섰습니다."),
    language=say("en", "ko"),
)
def check_3(model):
    loss = model.evaluate(x_test, y_test, verbose=0)[0]
    if loss > 0.45:
        return say(
            f"Its loss on the test set is {loss:.3f}; get below 0.45. Mix the cures: a little decay, some dropout, fewer epochs.",
            f"테스트 손실이 {loss:.3f}입니다. 0.45 아래로 내려 보세요. 감쇠 조금, 드롭아웃 조금, 에포크 줄이기를 섞어 보세요.",
        )


# %% [markdown] en
# **1.** At which epoch does the big network begin to overfit? (Counted from 0, roughly.)
# %% [markdown] ko
# **1.** 큰 신경망은 몇 번째 에포크부터 과적합하기 시작할까요? (0부터 세어 대략)
# %% [exercise]
check_1(...)
# %% [solution]
check_1(np.argmin(runs["big"].history["val_loss"]))
# %% [markdown] en
# **2.** You tried 50 networks and took the best. Which set tells you honestly how good it is: `"train"`, `"validation"` or `"test"`?
# %% [markdown] ko
# **2.** 신경망 50개를 시험해 가장 좋은 것을 골랐습니다. 얼마나 좋은지 공정하게 알려 주는 것은 `"train"`, `"validation"`, `"test"` 중 무엇일까요?
# %% [exercise]
check_2(...)
# %% [solution]
check_2("test")
# %% [markdown] en
# **3.** Train a `model` on the 40 points `x, y` whose loss on the test set is below 0.45. (Yes, the check opens the test set. Don't look too often.)
# %% [markdown] ko
# **3.** 점 40개 `x, y`로 `model`을 학습시켜 테스트 손실을 0.45 아래로 내려 보세요. (네, 채점할 때 테스트 세트를 엽니다. 너무 자주 보지는 마세요.)
# %% [exercise]
model = ...

check_3(model)
# %% [solution]
model = build(dropout=0.2, decay=0.003)
stop = keras.callbacks.EarlyStopping(patience=60, restore_best_weights=True)
model.fit(x, y, batch_size=40, epochs=400, validation_data=(x_val, y_val), callbacks=[stop], verbose=0)
check_3(model)
# %% [test]
assert min(runs["big"].history["val_loss"]) < runs["big"].history["val_loss"][-1] - 0.1
assert losses["big"][0] > 1.2 * min(losses[name][0] for name in cures)
assert losses["more data"][0] < losses["big"][0]
assert scores["augmented"] > scores["plain"]
assert fool.evaluate(x, dice, verbose=0)[1] > 0.9
