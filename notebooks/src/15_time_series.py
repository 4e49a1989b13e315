# %% [markdown] en
# # Time series: how far ahead can one see?
#
# The wind today says something about the wind tomorrow, and a heartbeat something about the next one. A network can learn to predict a series
# from its past. Much of the work is done around the network: windows that do not peek into the future, baselines that are hard to beat, and a
# test that shows how far ahead the prediction is worth anything.
#
# The series here is weather in miniature: the equations with which Edward Lorenz discovered chaos in 1963, a model of air that is heated from below.
# At the end there is a real recording, and a surprise.
#
# **You will learn** windows · splitting in time · baselines · predicting many moments at once · why weather forecasts end. **Time** 20 minutes.
# %% [markdown] ko
# # 시계열: 얼마나 앞까지 보일까?
#
# 오늘의 바람은 내일의 바람을, 심장 박동은 다음 박동을 어느 정도 알려 줍니다. 신경망은 시계열의 과거를 보고 앞으로를 예측하는 법을 배울 수 있습니다.
# 일의 대부분은 신경망 둘레에 있습니다. 미래를 엿보지 않는 창, 이기기 어려운 기준선, 그리고 예측이 얼마나 앞까지 쓸모 있는지 보여 주는
# 시험입니다.
#
# 여기서 쓰는 시계열은 아주 작은 날씨입니다. 에드워드 로렌즈가 1963년에 카오스를 발견한 방정식으로, 아래에서 데워지는 공기의 모형입니다.
# 마지막에는 실제로 측정한 기록과 뜻밖의 결과가 기다립니다.
#
# **배울 것** 창 만들기 · 시간 순서로 나누기 · 기준선 · 여러 순간을 한꺼번에 예측하기 · 일기 예보에 끝이 있는 까닭. **시간** 20분.
# %%
import matplotlib.cbook
import matplotlib.pyplot as plt
import numpy as np

import kernelkit as keras
from kernelkit import layers


def lorenz(count, start=(1.0, 1.0, 25.0), between=0.05, fine=10):
    """Return ``count`` moments of Lorenz's air: how fast it turns, how warm it is at the sides and above."""

    def slope(state):
        x, y, z = state
        return np.array([10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z])

    state, h, moments = np.array(start), between / fine, []
    for _ in range(count):
        for _ in range(fine):  # the Runge-Kutta method, in steps of h
            a = slope(state)
            b = slope(state + h / 2 * a)
            c = slope(state + h / 2 * b)
            state = state + h / 6 * (a + 2 * b + 2 * c + slope(state + h * c))
        moments.append(state)
    return np.array(moments, "float32")


air = lorenz(6200)[200:, 0]  # only how fast the air turns; to the left if negative
plt.figure(figsize=(9, 2.2))
plt.plot(air[:600], linewidth=0.8)
plt.xlabel("moment")
plt.ylabel("speed")
plt.show()
# %% [markdown] en
# ## 1. Windows, and a split in time
#
# The question is a window of the last 24 moments, the answer is the next 32 moments. The split is made in *time*: the first part for training,
# the next for validation, the last for the test. A random split would put neighbors on both sides, and the network would seem to know the
# future.
#
# The mean and the spread that scale the series come from the training part alone.
# %% [markdown] ko
# ## 1. 창 만들기, 그리고 시간 순서로 나누기
#
# 최근 24순간의 창이 질문이고, 다음 32순간이 답입니다. 나눌 때는 *시간* 순서를 지킵니다. 앞부분으로 학습하고, 그다음으로 검증하고, 마지막으로
# 시험합니다. 무작위로 나누면 이웃한 순간이 양쪽에 들어가 신경망이 미래를 아는 것처럼 보입니다.
#
# 크기를 맞추는 평균과 표준 편차도 학습 구간에서만 구합니다.
# %%
WINDOW, AHEAD = 24, 32
CUTS = {"train": (0, 4500), "validation": (4500, 5000), "test": (5000, 6000)}
series = (air - air[:4500].mean()) / air[:4500].std()


def windows(series, begin, end, ahead=AHEAD):
    """Return windows (count, WINDOW) and the ``ahead`` moments after each, all of them within [begin, end)."""
    starts = range(begin, end - WINDOW - ahead + 1)
    x = np.stack([series[s : s + WINDOW] for s in starts])
    return x, np.stack([series[s + WINDOW : s + WINDOW + ahead] for s in starts])


(x, y), (x_val, y_val), (x_test, y_test) = (windows(series, *cut) for cut in CUTS.values())
print(x.shape, "->", y.shape)


# %% [markdown] en
# ## 2. Baselines
#
# "As now" predicts that nothing changes. The second baseline is a linear model, solved exactly by least squares. "The mean" always predicts 0: its
# error is about 1, because the series is scaled. **A prediction with an error of 1 is worth nothing.**
# %% [markdown] ko
# ## 2. 기준선
#
# "as now"는 아무것도 변하지 않는다고 예측합니다. 둘째 기준선은 최소 제곱으로 정확히 푸는 선형 모델입니다. "the mean"은 늘 0을 예측하는데, 시계열의 크기를
# 맞춰 두었으므로 오차가 1쯤 됩니다. **오차가 1인 예측은 아무 쓸모가 없습니다.**
# %%
def error(predicted, right):
    """The mean squared error of each moment ahead."""
    return ((np.asarray(predicted) - right) ** 2).mean(axis=0)


def linear(x, y):
    """Return the best linear model of the windows ``x`` and answers ``y``, as a function."""

    def with_one(x):
        flat = x.reshape(len(x), -1)
        return np.hstack([flat, np.ones((len(flat), 1))])

    solution, *_ = np.linalg.lstsq(with_one(x), y, rcond=None)
    return lambda x: with_one(x) @ solution


errors = {
    "as now": error(x_test[:, -1:], y_test),
    "the mean": error(np.zeros_like(y_test), y_test),
    "linear": error(linear(x, y)(x_test), y_test),
}
for name, e in errors.items():
    print(
        f"{name:10}",
        say(
            f"1 moment ahead {e[0]:.3f}   8 ahead {e[7]:.3f}   32 ahead {e[31]:.3f}",
            f"1순간 뒤 {e[0]:.3f}   8순간 뒤 {e[7]:.3f}   32순간 뒤 {e[31]:.3f}",
        ),
    )


# %% [markdown] en
# ## 3. Two networks
#
# A convolution over time sees shapes of a few moments; a GRU reads the window from the oldest moment to the newest. Both predict by how much the
# next 32 moments differ from the last one: a change is easier to learn than the value itself.
# %% [markdown] ko
# ## 3. 신경망 두 개
#
# 시간 방향의 합성곱은 몇 순간에 걸친 모양을 보고, GRU는 창을 오래된 순간부터 차례로 읽습니다. 둘 다 다음 32순간이 마지막 순간과 얼마나 다른지를
# 예측합니다. 값 자체보다 변화량이 배우기 쉽습니다.
# %%
def build(kind):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((WINDOW,))
    h = layers.Reshape((WINDOW, 1))(inputs)
    if kind == "convolution":
        h = layers.Conv1D(32, 5, activation="relu")(h)
        h = layers.Conv1D(32, 5, activation="relu")(h)
        h = layers.Dense(64, activation="relu")(layers.Flatten()(h))
    else:
        h = layers.GRU(48)(h)
    model = keras.Model(inputs, inputs[:, -1:] + layers.Dense(AHEAD)(h), name=kind)
    rate = keras.optimizers.schedules.CosineDecay(0.003, decay_steps=EPOCHS * len(x) // 64)
    model.compile(keras.optimizers.Adam(rate), "mse")
    return model


EPOCHS = 25
models, histories = {}, {}
for kind in ("convolution", "GRU"):
    models[kind] = build(kind)
    histories[kind] = models[kind].fit(x, y, batch_size=64, epochs=EPOCHS, validation_data=(x_val, y_val))
    errors[kind] = error(models[kind].predict(x_test, verbose=0), y_test)
# %% [markdown] en
# ## 4. How far ahead?
#
# For one moment ahead the linear model is the best of all: a smooth curve goes on as it went. But it cannot know when the air will turn round, and
# after 8 moments it is hardly better than the mean. The networks see much farther. Then their errors grow too.
# %% [markdown] ko
# ## 4. 얼마나 앞까지?
#
# 한 순간 앞은 선형 모델이 가장 잘 맞힙니다. 매끄러운 곡선은 가던 대로 가니까요. 그러나 공기가 언제 방향을 바꿀지는 알지 못해서, 8순간이 지나면 평균보다
# 나을 것이 거의 없습니다. 신경망은 훨씬 멀리 봅니다. 그러다 신경망의 오차도 커집니다.
# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 3), width_ratios=[3, 4])
for name, e in errors.items():
    left.plot(np.arange(1, AHEAD + 1), e, label=name, linestyle=":" if name == "the mean" else "-")
left.set(xlabel="moments ahead", ylabel="mean squared error", ylim=(0, 2))
left.legend(fontsize=8)

i = 300
right.plot(np.arange(-WINDOW, 0), x_test[i], color="black", label="the past")
right.plot(np.arange(AHEAD), y_test[i], color="black", linestyle=":", label="what came")
for name, model in models.items():
    right.plot(np.arange(AHEAD), model.predict(x_test[i : i + 1], verbose=0)[0], label=name)
right.set(xlabel="moment", xticks=range(-24, 33, 8))
right.legend(fontsize=8)
fig.tight_layout()
plt.show()
# %% [markdown] en
# ## 5. Why every forecast ends
#
# Two starts that differ by a millionth. At first their ways cannot be told apart; then the difference grows tenfold again and again until
# the two have nothing in common. No network, and no computer, knows the air today exactly. Lorenz called it the butterfly effect.
# %% [markdown] ko
# ## 5. 모든 예보에 끝이 있는 까닭
#
# 백만분의 일만큼 다른 두 출발점입니다. 처음에는 두 길이 똑같아 보이지만 차이가 열 배, 또 열 배로 불어나 마침내 아무 상관 없는 길이 됩니다.
# 오늘의 공기를 정확히 아는 신경망도 컴퓨터도 없습니다. 로렌즈는 이것을 나비 효과라고 불렀습니다.
# %%
one, other = lorenz(500)[:, 0], lorenz(500, start=(1.0, 1.0, 25.000001))[:, 0]
apart = np.abs(one - other)
fig, (top, bottom) = plt.subplots(2, 1, figsize=(9, 3), sharex=True)
top.plot(one)
top.plot(other)
bottom.semilogy(apart + 1e-7)
bottom.set(xlabel="moment", ylabel="difference")
plt.show()
# %% [markdown] en
# ## 6. A real recording, and a surprise
#
# 800 moments of brain waves at four electrodes. The same craft, one moment ahead, with only 520 moments to train. Here least squares beats
# the network. **Always compare with a baseline**: on few and noisy data the simple model often wins, and you would not have known.
# %% [markdown] ko
# ## 6. 실제로 측정한 기록, 그리고 뜻밖의 결과
#
# 전극 네 개로 잰 뇌파 800순간입니다. 같은 방법으로 한 순간 앞을 예측하는데 학습에 쓸 것은 520순간뿐입니다. 여기서는 최소 제곱이 신경망을
# 이깁니다. **언제나 기준선과 견주세요.** 데이터가 적고 잡음이 많으면 간단한 모델이 이길 때가 많은데, 견줘 보지 않으면 알 수 없습니다.
# %%
with matplotlib.cbook.get_sample_data("eeg.dat") as file:
    eeg = np.frombuffer(file.read(), "float64").reshape(-1, 4).astype("float32")
waves = (eeg - eeg[:520].mean(axis=0)) / eeg[:520].std(axis=0)
(x_eeg, y_eeg), (x_eeg_val, y_eeg_val), (x_eeg_test, y_eeg_test) = (
    windows(waves, *cut, ahead=1) for cut in ((0, 520), (520, 640), (640, 800))
)
y_eeg, y_eeg_val, y_eeg_test = (answer[:, 0] for answer in (y_eeg, y_eeg_val, y_eeg_test))

keras.utils.set_random_seed(0)
inputs = keras.Input((WINDOW, 4))
h = layers.Dropout(0.2)(layers.GRU(32)(layers.GaussianNoise(0.1)(inputs)))
brain = keras.Model(inputs, inputs[:, -1] + layers.Dense(4, kernel_initializer="zeros")(h))
brain.compile(keras.optimizers.AdamW(0.003, weight_decay=0.02), "mse")
stop = keras.callbacks.EarlyStopping(patience=15, restore_best_weights=True)
brain.fit(x_eeg, y_eeg, epochs=60, validation_data=(x_eeg_val, y_eeg_val), callbacks=[stop], verbose=0)

real = {
    "as now": error(x_eeg_test[:, -1], y_eeg_test).mean(),
    "linear": error(linear(x_eeg, y_eeg)(x_eeg_test), y_eeg_test).mean(),
    "GRU": error(brain.predict(x_eeg_test, verbose=0), y_eeg_test).mean(),
}
print({name: round(float(e), 3) for name, e in real.items()})
# %% [markdown] en
# ## Exercises
# %% [markdown] ko
# ## 연습 문제
# %% [check]
from kernelkit import teaching


@teaching.exercise(
    right=say(
        "Each window needs 24 moments, and 32 more for its answer.", "창마다 24순간, 답에 32순간이 더 필요합니다."
    ),
    language=say("en", "ko"),
)
def check_1(answer):
    if int(answer) != 45:
        return say(
            "The first window starts at 0, the last one that has its whole answer at 100 - 24 - 32.",
            "첫 창은 0에서, 답이 다 들어가는 마지막 창은 100 - 24 - 32에서 시작합니다.",
        )


@teaching.exercise(
    right=say("Neighboring windows are nearly the same.", "이웃한 창은 거의 같으니까요."), language=say("en", "ko")
)
def check_2(answer):
    if answer != "smaller":
        return say(
            "Think of the window that starts one moment before a test window: after a random split it is probably in training.",
            "테스트 창보다 한 순간 먼저 시작하는 창을 떠올려 보세요. 무작위로 나누면 대개 학습에 들어가 있습니다.",
        )


@teaching.exercise(
    right=say(
        "Each answer becomes a part of the next question, and so do its errors.",
        "답이 다음 질문의 일부가 되고, 오차도 함께 들어갑니다.",
    ),
    language=say("en", "ko"),
)
def check_3(dream):
    got = np.asarray(dream(x_test[0], 5))
    if got.shape != (5,):
        return say(f"Five moments: shape (5,), not {got.shape}.", f"다섯 순간이면 (5,)여야 하는데 {got.shape}입니다.")
    window = x_test[0]
    for moment in got:
        expected = models["GRU"].predict(window[None], verbose=0)[0, 0]
        if abs(float(expected - moment)) > 1e-3:
            return say(
                "Take only the first of the 32 predicted moments, append it to the window, drop the oldest moment, and predict again.",
                "예측한 32순간 가운데 첫 순간만 창 끝에 붙이고, 가장 오래된 순간을 버린 다음 다시 예측하세요.",
            )
        window = np.append(window[1:], expected)


# %% [markdown] en
# **1.** A recording has 100 moments. How many windows of 24 moments have an answer of 32 moments?
# %% [markdown] ko
# **1.** 기록이 100순간입니다. 24순간의 창 가운데 32순간의 답을 가진 것은 몇 개일까요?
# %% [exercise]
check_1(...)
# %% [solution]
check_1(100 - 24 - 32 + 1)
# %% [markdown] en
# **2.** The windows are split at random into training and test. Is the test error `"smaller"` or `"larger"` than it would be on the future?
# %% [markdown] ko
# **2.** 창을 무작위로 학습과 테스트로 나눴습니다. 테스트 오차는 진짜 미래에서보다 `"smaller"`(작다)와 `"larger"`(크다) 중 어느 쪽일까요?
# %% [exercise]
check_2(...)
# %% [solution]
check_2("smaller")
# %% [markdown] en
# **3.** Write `dream(window, count)`: let the GRU (`models["GRU"]`) predict one moment, append it to the window, predict the next one, and so on.
# Return the `count` predicted moments.
# %% [markdown] ko
# **3.** `dream(window, count)`를 써 보세요. GRU(`models["GRU"]`)가 한 순간을 예측하고, 그것을 창에 붙이고, 다음 순간을 예측하기를 되풀이합니다.
# 예측한 `count`순간을 돌려줍니다.
# %% [exercise]
dream = ...

check_3(dream)


# %% [solution]
def dream(window, count):
    moments = []
    for _ in range(count):
        moments.append(models["GRU"].predict(window[None], verbose=0)[0, 0])
        window = np.append(window[1:], moments[-1])
    return np.array(moments)


check_3(dream)
# %% [markdown] en
# **To try.** Give the networks all three numbers of `lorenz` instead of one. How much farther do they see? And add a little noise to the windows of the test.
# %% [markdown] ko
# **더 해 보기.** 신경망에게 `lorenz`의 숫자 하나가 아니라 셋을 모두 주세요. 얼마나 더 멀리 볼까요? 테스트의 창에 잡음도 조금 섞어 보세요.
# %% [test]
assert min(errors, key=lambda name: errors[name][0]) == "linear", errors
assert 0.8 < errors["linear"][8] < 1.1 and 0.9 < errors["the mean"][8] < 1.1, errors
for kind in models:
    assert errors[kind][7] < 0.25 * errors["linear"][7], errors
    assert 3 * errors[kind][7] < errors[kind][31] < 0.8, errors
assert apart[:40].max() < 1e-3 and apart.max() > 10
assert real["linear"] < real["GRU"] < real["as now"], real
