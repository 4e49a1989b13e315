# %% [markdown] en
# # Time series: what comes next?
#
# The wind today says something about the wind tomorrow, and a heartbeat about the next one. In this lesson a network predicts a real recording, the waves of a brain, from its past. The craft is not in the network but around it: windows that don't peep
# into the future, a baseline that is hard to beat, and an honest look at how far ahead one can see.
#
# **You will learn** windows · splitting in time · baselines · one step and many steps ahead · convolution and recurrence on sequences. **Time** 15 minutes.
# %% [markdown] ko
# # 시계열: 다음은 무엇일까?
#
# 오늘의 바람은 내일의 바람을, 심장 박동은 다음 박동을 어느 정도 알려 줍니다. 이 수업에서는 신경망이 실제로 측정한 뇌파를 과거만 보고 예측합니다. 중요한 기술은 신경망 자체보다 그 둘레에 있습니다. 미래를 엿보지 않는 창, 이기기 어려운 기준선, 그리고 얼마나
# 앞까지 볼 수 있는지를 솔직하게 따져 보는 일입니다.
#
# **배울 것** 창 만들기 · 시간 순서로 나누기 · 기준선 · 한 걸음 앞과 여러 걸음 앞 · 시퀀스에 쓰는 합성곱과 순환. **시간** 15분.
# %%
import matplotlib.cbook
import matplotlib.pyplot as plt
import numpy as np

import kernelkit as keras
from kernelkit import layers

keras.utils.set_random_seed(0)
with matplotlib.cbook.get_sample_data("eeg.dat") as file:
    eeg = np.frombuffer(file.read(), "float64").reshape(-1, 4).astype("float32")
print(eeg.shape, "moments and electrodes")
plt.figure(figsize=(9, 2.4))
plt.plot(eeg + 8 * np.arange(4) * eeg.std(), linewidth=0.7)
plt.xlabel("moment")
plt.yticks([])
plt.show()
# %% [markdown] en
# ## 1. Windows, and a split in time
#
# A window of the last 24 moments is the question, the next moment of all four electrodes the answer. The split is in *time*: the past to train, then a stretch to validate, the latest to test. A random split would put neighbours on both sides,
# and the network would seem to know the future.
#
# And the scale is taken from the training part alone.
# %% [markdown] ko
# ## 1. 창 만들기, 그리고 시간 순서로 나누기
#
# 최근 24순간의 창이 질문이고 네 전극의 다음 순간이 답입니다. 나눌 때는 *시간* 순서를 지킵니다. 과거로 학습하고, 그다음 구간으로 검증하고, 가장 나중 구간으로 테스트합니다. 무작위로 나누면 이웃한 순간이 양쪽에 들어가 신경망이 미래를 아는 것처럼
# 보입니다.
#
# 크기를 맞추는 데 쓰는 평균과 표준 편차도 학습 구간에서만 구합니다.
# %%
WINDOW = 24
cuts = {"train": (0, 520), "validation": (520, 640), "test": (640, 800)}
mean, spread = eeg[:520].mean(axis=0), eeg[:520].std(axis=0)
waves = (eeg - mean) / spread


def windows(begin, end, ahead=1):
    """Return windows (count, WINDOW, 4) and what comes ``ahead`` moments after each, all within [begin, end)."""
    starts = range(begin, end - WINDOW - ahead + 1)
    x = np.stack([waves[s : s + WINDOW] for s in starts])
    return x, np.stack([waves[s + WINDOW + ahead - 1] for s in starts])


(x, y), (x_val, y_val), (x_test, y_test) = (windows(*cut) for cut in cuts.values())
print(x.shape, "->", y.shape)


# %% [markdown] en
# ## 2. Baselines that are hard to beat
#
# "As now" says that nothing changes. A linear model, solved exactly by least squares, is the second: classical statistics, and not to be laughed at.
# %% [markdown] ko
# ## 2. 이기기 어려운 기준선
#
# "지금 그대로"는 아무것도 변하지 않는다고 말합니다. 둘째는 최소 제곱으로 정확히 풀 수 있는 선형 모델입니다. 고전 통계학이지만 얕보면 안 됩니다.
# %%
def error(predicted, right):
    return float(((predicted - right) ** 2).mean())


def linear(ahead=1):
    x, y = windows(*cuts["train"], ahead)
    flat = np.hstack([x.reshape(len(x), -1), np.ones((len(x), 1))])
    solution, *_ = np.linalg.lstsq(flat, y, rcond=None)
    return lambda x: np.hstack([x.reshape(len(x), -1), np.ones((len(x), 1))]) @ solution


errors = {"as now": error(x_test[:, -1], y_test), "linear": error(linear()(x_test), y_test)}
print({name: round(e, 3) for name, e in errors.items()})


# %% [markdown] en
# ## 3. Two networks
#
# A convolution over time sees shapes of a few moments, a GRU reads the window from left to right. Both give a *change* that is added to the last moment: it is easier to learn what changes than to learn everything.
# %% [markdown] ko
# ## 3. 신경망 두 개
#
# 시간 방향의 합성곱은 몇 순간에 걸친 모양을 보고, GRU는 창을 왼쪽부터 차례로 읽습니다. 둘 다 *변화량*을 내고 그것을 마지막 순간에 더합니다. 전부를 배우는 것보다 무엇이 달라지는지를 배우는 쪽이 쉽습니다.
# %%
def build(kind):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((WINDOW, 4))
    h = layers.GaussianNoise(0.1)(inputs)
    if kind == "convolution":
        h = layers.Conv1D(24, 5, padding="causal", activation="relu")(h)
        h = layers.Conv1D(24, 5, padding="causal", activation="relu")(h)
        h = layers.Flatten()(h[:, -8:])
    else:
        h = layers.GRU(32)(h)
    change = layers.Dense(4, kernel_initializer="zeros")(layers.Dropout(0.2)(h))
    model = keras.Model(inputs, inputs[:, -1] + change, name=kind)
    model.compile(keras.optimizers.AdamW(0.003, weight_decay=0.02), "mse")
    return model


def train(kind, ahead=1, verbose="auto"):
    model = build(kind)
    stop = keras.callbacks.EarlyStopping(patience=25, restore_best_weights=True)
    x, y = windows(*cuts["train"], ahead)
    validation = windows(*cuts["validation"], ahead)
    history = model.fit(x, y, epochs=120, batch_size=32, validation_data=validation, callbacks=[stop], verbose=verbose)
    return model, history


models, histories = {}, {}
for kind in ("convolution", "GRU"):
    models[kind], histories[kind] = train(kind)
    errors[kind] = error(models[kind].predict(x_test, verbose=0), y_test)
print({name: round(e, 3) for name, e in errors.items()})
# %%
keras.viz.compare(*histories.values(), labels=list(histories))
# %% [markdown] en
# ## 4. How far can one see?
#
# The same for 1, 2, 4 and 8 moments ahead. An error of 1 means: no better than always saying the mean. Be honest about where the curve gets there: from there on a forecast is an ornament.
# %% [markdown] ko
# ## 4. 얼마나 앞까지 보일까?
#
# 1, 2, 4, 8순간 앞을 예측해 봅시다. 오차가 1이면 늘 평균을 말하는 것보다 나을 게 없다는 뜻입니다. 곡선이 어디서 거기에 닿는지 솔직하게 보세요. 그 너머의 예측은 장식일 뿐입니다.
# %%
distances = [1, 2, 4, 8]
far = {"as now": [], "linear": [], "convolution": []}
for ahead in distances:
    x_far, y_far = windows(*cuts["test"], ahead)
    far["as now"].append(error(x_far[:, -1], y_far))
    far["linear"].append(error(linear(ahead)(x_far), y_far))
    far["convolution"].append(error(train("convolution", ahead, verbose=0)[0].predict(x_far, verbose=0), y_far))

plt.figure(figsize=(6, 2.8))
for name, marker in zip(far, "os^", strict=True):
    plt.plot(distances, far[name], marker=marker, label=name)
plt.axhline(float((waves[640:] ** 2).mean()), color="gray", linestyle=":", label="always the mean")
plt.xlabel("moments ahead")
plt.ylabel("mean squared error")
plt.ylim(0, None)
plt.legend()
plt.show()
# %% [markdown] en
# ## Exercises
# %% [markdown] ko
# ## 연습 문제
# %% [check]
from kernelkit import teaching


@teaching.exercise(
    right=say(
        "Each window needs 24 moments and one more for the answer.", "창마다 24순간, 답으로 한 순간이 더 필요합니다."
    ),
    language=say("en", "ko"),
)
def check_1(answer):
    if int(answer) != 76:
        return say(
            "The first window starts at 0, the last one that has an answer at 100 - 24 - 1.",
            "첫 창은 0에서, 답이 있는 마지막 창은 100 - 24 - 1에서 시작합니다.",
        )


@teaching.exercise(
    right=say("Neighbours nearly repeat each other.", "이웃한 순간은 거의 같으니까요."), language=say("en", "ko")
)
def check_2(answer):
    if answer != "better":
        return say(
            "Think of the moment before a test moment: in a random split it is often in training.",
            "테스트 순간의 바로 앞 순간을 떠올려 보세요. 무작위로 나누면 대개 학습에 들어가 있습니다.",
        )


@teaching.exercise(
    right=say(
        "Each answer becomes a part of the next question, and errors add up.",
        "답이 다음 질문의 일부가 되므로 오차가 쌓입니다.",
    ),
    language=say("en", "ko"),
)
def check_3(dream):
    got = np.asarray(dream(x_test[0], 5))
    if got.shape != (5, 4):
        return say(
            f"Five moments of four electrodes: (5, 4), not {got.shape}.",
            f"네 전극의 다섯 순간이면 (5, 4)여야 하는데 {got.shape}입니다.",
        )
    window = x_test[0]
    for moment in got:
        right = models["convolution"].predict(window[None], verbose=0)[0]
        if np.abs(right - moment).max() > 1e-3:
            return say(
                "Predict one moment, drop the oldest of the window, append the new one, and so on.",
                "한 순간을 예측하고, 창에서 가장 오래된 것을 버리고 새것을 붙이기를 되풀이하세요.",
            )
        window = np.vstack([window[1:], right])


# %% [markdown] en
# **1.** How many windows with an answer are there in a recording of 100 moments?
# %% [markdown] ko
# **1.** 100순간의 기록에는 답이 있는 창이 몇 개 있을까요?
# %% [exercise]
check_1(...)
# %% [solution]
check_1(100 - 24)
# %% [markdown] en
# **2.** Windows are split at random into training and test. Does the test error look `"better"` or `"worse"` than it is?
# %% [markdown] ko
# **2.** 창을 무작위로 학습과 테스트로 나눴습니다. 테스트 오차는 실제보다 `"better"`(좋게)와 `"worse"`(나쁘게) 중 어느 쪽으로 보일까요?
# %% [exercise]
check_2(...)
# %% [solution]
check_2("better")
# %% [markdown] en
# **3.** Write `dream(window, count)`: let the convolution go on by itself, each prediction appended to the window. Return the `count` predicted moments.
# %% [markdown] ko
# **3.** `dream(window, count)`를 써 보세요. 합성곱 모델이 예측한 순간을 창에 붙여 가며 혼자 이어 가게 하고, 예측한 `count`순간을 돌려줍니다.
# %% [exercise]
dream = ...

check_3(dream)


# %% [solution]
def dream(window, count):
    moments = []
    for _ in range(count):
        moments.append(models["convolution"].predict(window[None], verbose=0)[0])
        window = np.vstack([window[1:], moments[-1]])
    return np.array(moments)


check_3(dream)
# %% [test]
assert errors["convolution"] < 0.8 * errors["as now"], errors
