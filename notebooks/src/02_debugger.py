# %% [markdown] en
# # Five trainings that go wrong
#
# A training that fails tells you so with one number: a loss that is NaN, or one that doesn't fall. Here you step into five of
# them, find what went wrong first, and try the remedy. Run the cells from top to bottom with <kbd>Shift</kbd>+<kbd>Enter</kbd>.
#
# **You will learn** to step through a training and back · to find the step, the layer and the sample that broke it · to try a cure beside
# the failure. **Time** 20 minutes.
# %% [markdown] ko
# # 잘못되는 학습 다섯 가지
#
# 학습이 실패하면 알 수 있는 것은 숫자 하나뿐입니다. 손실이 NaN이 되거나, 줄어들지 않습니다. 이 수업에서는 그런 학습 다섯 가지의 안으로 들어가
# 맨 처음 무엇이 잘못됐는지 찾고, 고쳐 봅니다. 위에서부터 <kbd>Shift</kbd>+<kbd>Enter</kbd>로 셀을 하나씩 실행하세요.
#
# **배울 것** 학습을 한 단계씩 앞뒤로 오가기 · 학습을 망친 단계와 층과 표본 찾기 · 고친 학습을 실패한 학습과 나란히 견주기. **시간** 20분.
# %%
import numpy as np
from sklearn.datasets import load_digits

import kernelkit as keras
from kernelkit import layers

digits = load_digits()
x = (digits.data / 16).astype("float32")  # 1,797 pictures of 64 gray values from 0 to 1
y = digits.target


def network(**bias):
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            layers.Input((64,)),
            layers.Dense(32, activation="relu", name="first"),
            layers.Dense(32, activation="relu", name="second", **bias),
            layers.Dense(10, activation="softmax", name="last"),
        ]
    )


# %% [markdown] en
# ## A healthy training, step by step
#
# `debug` takes what `fit` takes. The model stays as it is; the debugger trains a copy of its state, exactly as `fit` would.
#
# A cell that ends in `dbg` shows it: its buttons step on and back, the curve can be dragged, a click on a layer opens its
# histograms, a click on a picture chooses the sample. The view is live: when a later cell moves `dbg`, the view moves too. The table below
# says the same in numbers.
# %% [markdown] ko
# ## 건강한 학습을 한 단계씩
#
# `debug`는 `fit`과 같은 인수를 받습니다. 모델은 그대로 두고, 상태의 사본을 `fit`이 하는 것과 똑같이 학습시킵니다.
#
# 셀의 마지막 줄에 `dbg`를 적으면 디버거가 나옵니다. 단추로 앞뒤로 오가고, 곡선을 끌 수 있고, 층을 누르면 히스토그램이 열리고, 그림을 누르면 표본이
# 선택됩니다. 화면은 살아 있어서, 뒤의 셀이 `dbg`를 옮기면 화면도 함께 움직입니다. 아래의 표는 같은 내용을 숫자로 보여 줍니다.
# %%
model = network()
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
dbg = model.debug(x, y, batch_size=32)
dbg.step(20)
dbg
# %%
dbg.table()
# %% [markdown] en
# Each row is a layer: what it gave for this batch, and what came back. Look at `|update|/|weight|`: by how much the step changed
# the weights. About a thousandth to a hundredth is usual.
#
# Which of the 32 samples was hardest?
# %% [markdown] ko
# 한 행이 층 하나입니다. 이 배치에서 층이 낸 값과 되돌아온 기울기가 있습니다. `|update|/|weight|`를 보세요. 이 단계에서 가중치가 얼마나 바뀌었는지를
# 나타냅니다. 보통은 천분의 일에서 백분의 일쯤입니다.
#
# 표본 32개 가운데 가장 어려웠던 것은 무엇일까요?
# %%
worst = dbg.sample_losses().argmax()
name, digit, loss = dbg.batch.name_of(worst), dbg.batch.y[worst], dbg.sample_losses()[worst]
print(say(f"{name} is a {digit}, and its loss is {loss:.2f}", f"{name}: 숫자 {digit}, 손실 {loss:.2f}"))
# %% [markdown] en
# Go back, and you are where you were, to the last bit.
# %% [markdown] ko
# 되돌아가면 아까 있던 곳입니다. 비트 하나까지 똑같습니다.
# %%
before = dbg.logs
dbg.back(15)
print(say("the same again:", "다시 같은 값:"), dbg.step(15) == before)
# %% [markdown] en
# ## 1. A learning rate that explodes
# %% [markdown] ko
# ## 1. 폭발하는 학습률
# %%
model = network()
model.compile(keras.optimizers.SGD(50.0), "sparse_categorical_crossentropy")
dbg = model.debug(x, y, batch_size=32)
dbg.break_on("loss spike")
dbg.run(epochs=1)
print(dbg.stopped)
exploded = dbg.explain()
exploded
# %%
dbg.goto(exploded.step + 1)
dbg
# %% [markdown] en
# The step before the jump is to blame. Go there, and try another future beside this one.
# %% [markdown] ko
# 잘못은 손실이 튀기 직전의 단계에 있습니다. 그곳으로 가서 다른 미래를 나란히 시험해 봅시다.
# %%
dbg.goto(0)
calm = dbg.fork(learning_rate=0.1, name="a smaller rate")
calm.step(40)
dbg.step(40)
dbg.compare(calm)


# %% [markdown] en
# ## 2. The logarithm of zero
#
# This loss is written by hand: minus the logarithm of the probability of the right class. One picture is far too bright (somebody
# forgot to divide by 16, and more), and the network is so sure of itself there that the right class gets a probability of zero.
# %% [markdown] ko
# ## 2. 0의 로그
#
# 이 손실은 직접 쓴 것으로, 정답 클래스의 확률에 로그를 취하고 음수를 붙였습니다. 그림 한 장이 지나치게 밝은데(누군가 16으로 나누기를 잊었고, 실수가
# 그뿐이 아니었습니다), 신경망이 거기서 너무 확신하는 바람에 정답 클래스의 확률이 0이 됩니다.
# %%
def my_loss(y_true, y_pred):
    right = keras.ops.take_along_axis(y_pred, keras.ops.cast(y_true, "int32")[:, None], axis=-1)
    return -keras.ops.log(right)


bright = x.copy()
bright[77] *= 10_000
labels = y.copy()
labels[77] = network().predict(bright[77:78], verbose=0).argmin()

model = network()
model.compile(keras.optimizers.SGD(1e-6), my_loss)
dbg = model.debug(bright, labels, batch_size=32)
dbg.break_on("nan")
dbg.run(epochs=1)
zero = dbg.explain()
zero
# %%
dbg.goto(zero.step + 1)
dbg
# %% [markdown] en
# The operation, the line, the sample. Without the sample the same training runs on:
# %% [markdown] ko
# 연산, 코드 줄, 표본이 모두 나왔습니다. 그 표본을 빼면 같은 학습이 끝까지 갑니다.
# %%
dbg.back()
fork = dbg.fork(drop_samples=[77])
fork.run(epochs=1)
# %% [markdown] en
# ## 3. Units that are dead from the start
#
# A bias of -50 looks harmless in a config file.
# %% [markdown] ko
# ## 3. 처음부터 죽어 있는 유닛
#
# 설정 파일에 적힌 편향 -50은 아무 문제 없어 보입니다.
# %%
model = network(bias_initializer=keras.initializers.Constant(-50.0))
model.compile("adam", "sparse_categorical_crossentropy")
dbg = model.debug(x, y, batch_size=32)
dbg.run(epochs=1)
dead = dbg.explain()
dead
# %%
dbg
# %%
bias = model.get_layer("second").bias.path
cured = dbg.fork(weights={bias: lambda values: values * 0})
cured.run(epochs=1)
# %% [markdown] en
# ## 4. One corrupted sample
#
# Squared errors forgive nothing: one wild sample makes the whole loss of its batch.
# %% [markdown] ko
# ## 4. 망가진 표본 하나
#
# 제곱 오차는 아무것도 봐주지 않습니다. 엉뚱한 표본 하나가 배치의 손실을 혼자 다 만듭니다.
# %%
wild = x.copy()
wild[123] = 3e4
model = network()
model.layers[-1].activation = keras.activations.get("linear")
model.compile("sgd", "mse")
dbg = model.debug(wild, np.eye(10, dtype="float32")[y], batch_size=32)
dbg.break_on("loss spike", above=5)
dbg.run(epochs=1)
corrupted = dbg.explain()
corrupted
# %% [markdown] en
# Here it is, the first of the batch, beside the layers that it drove mad:
# %% [markdown] ko
# 배치의 맨 앞에 그 표본이 있고, 그것이 망가뜨린 층들이 옆에 있습니다.
# %%
dbg.goto(corrupted.step + 1)
dbg
# %% [markdown] en
# ## 5. Labels that slipped by one row
#
# Nothing breaks here: no NaN, no jump. The network just doesn't learn as it should, since from some row on each label belongs to the
# picture before.
# %% [markdown] ko
# ## 5. 한 행씩 밀린 레이블
#
# 여기서는 아무것도 망가지지 않습니다. NaN도 없고 튀는 곳도 없습니다. 그저 제대로 배우지 못할 뿐입니다. 어느 행부터 레이블이 바로 앞 그림의 것이기
# 때문입니다.
# %%
slipped = np.concatenate([y[:900], y[899:-1]])
model = network()
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
dbg = model.debug(x, slipped, batch_size=32)
dbg.run(epochs=5)
shifted = dbg.explain()
shifted
# %% [markdown] en
# ## Exercises
#
# Two trainings with a fault that you have not seen. The cell below makes them; don't read it, ask the debugger.
# %% [markdown] ko
# ## 연습 문제
#
# 아직 본 적 없는 고장이 숨어 있는 학습 두 가지입니다. 아래 셀이 만듭니다. 셀을 읽지 말고 디버거에게 물어보세요.
# %% [check]
from kernelkit import teaching

x_spoiled = x.copy()
x_spoiled[612, 20] = np.nan
sick = network()
sick.get_layer("first").bias.assign(np.full(32, -20.0))
for unknown in (sick, spoiled := network()):
    unknown.compile("adam", "sparse_categorical_crossentropy")


@teaching.exercise(right=say("One pixel of it is NaN.", "이 그림의 픽셀 하나가 NaN입니다."), language=say("en", "ko"))
def check_1(answer):
    if int(answer) != 612:
        return say(
            "Stop at the first NaN: dbg.break_on('nan'), then dbg.run(epochs=1). dbg.explain().samples names the row.",
            "첫 NaN에서 멈추세요. dbg.break_on('nan')을 하고 dbg.run(epochs=1)을 한 다음, dbg.explain().samples에 행 번호가 있습니다.",
        )


@teaching.exercise(
    right=say("All its units give 0, whatever comes in.", "무엇이 들어와도 모든 유닛이 0을 냅니다."),
    language=say("en", "ko"),
)
def check_2(answer):
    if answer != "first":
        return say(
            "Give the layer's name. dbg.table() has a column for dead units: which layer is the first that has them?",
            "층의 이름으로 답하세요. dbg.table()에 죽은 유닛을 세는 열이 있습니다. 처음으로 죽은 유닛이 나오는 층은 무엇인가요?",
        )


# %% [markdown] en
# **1.** The loss of `spoiled` on `x_spoiled, y` becomes NaN. Which row of the data is to blame?
# %% [markdown] ko
# **1.** `x_spoiled, y`로 `spoiled`를 학습시키면 손실이 NaN이 됩니다. 데이터의 몇 번째 행이 문제일까요?
# %% [exercise]
check_1(...)
# %% [solution]
dbg = spoiled.debug(x_spoiled, y, batch_size=32)
dbg.break_on("nan")
dbg.run(epochs=1)
(row,) = dbg.explain().samples
check_1(row)
# %% [markdown] en
# **2.** The network `sick` does not learn on `x, y`. Which of its layers is dead?
# %% [markdown] ko
# **2.** 신경망 `sick`은 `x, y`로 학습시켜도 배우지 못합니다. 어느 층이 죽어 있을까요?
# %% [exercise]
check_2(...)
# %% [solution]
dbg = sick.debug(x, y, batch_size=32)
dbg.run(epochs=1)
check_2(dbg.explain().layer)
# %% [markdown] en
# **To try.**
#
# - In the first training use 1.0 instead of 50.0. Does the loss still jump? What does the table say of the updates?
# - After a `fit` that failed, `model.debug_last()` opens the debugger at the batch that did it. Provoke a failure, and try.
# - `dbg.record("run.kkrec", layers=["first"])` keeps a training in a file that `keras.viz.replay` opens elsewhere.
# %% [markdown] ko
# **더 해 보기.**
#
# - 첫 번째 학습에서 50.0 대신 1.0을 써 보세요. 그래도 손실이 튀나요? 표는 갱신량을 어떻게 보여 주나요?
# - `fit`이 실패한 뒤 `model.debug_last()`를 하면 실패한 배치에서 디버거가 열립니다. 일부러 실패시켜 보고 열어 보세요.
# - `dbg.record("run.kkrec", layers=["first"])`는 학습을 파일에 담습니다. 다른 곳에서 `keras.viz.replay`로 열 수 있습니다.
# %% [test]
assert exploded.kind == "exploding", exploded
assert (zero.kind, zero.op, zero.samples) == ("nan", "log", [77]), zero
assert (dead.kind, dead.layer) == ("dead units", "second"), dead
assert (corrupted.kind, corrupted.samples) == ("corrupted sample", [123]), corrupted
assert shifted.kind == "shifted labels", shifted
assert np.isfinite(fork.losses[-1]) and cured.losses[-1] < dbg.losses[0]
