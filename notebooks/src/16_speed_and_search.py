# %% [markdown] en
# # How fast is it, and what to spend the speed on
#
# A training is the same small step, thousands of times. This lesson measures that step: what it costs operation by operation, what it costs as one
# program, and where the time goes. Then it spends the time that was won: a **search** trains many models and finds better settings than we would
# have guessed.
#
# **You will learn** why a compiled step is fast · when something is compiled · batch size and speed · `model.profile` · `keras.tuner`. **Time** 20 minutes.
# %% [markdown] ko
# # 얼마나 빠를까, 그 속도를 어디에 쓸까
#
# 학습은 똑같은 작은 단계를 수천 번 되풀이하는 일입니다. 이 수업에서는 그 한 단계를 재 봅니다. 연산을 하나씩 실행하면 얼마나 걸리고, 프로그램 하나로
# 묶으면 얼마나 걸리며, 시간은 어디로 갈까요? 그런 다음 아낀 시간을 씁니다. 모델을 여러 개 학습시키는 **탐색**으로, 어림짐작보다 나은 설정을
# 찾습니다.
#
# **배울 것** 컴파일한 단계가 빠른 까닭 · 언제 컴파일되는가 · 배치 크기와 속도 · `model.profile` · `keras.tuner`. **시간** 20분.
# %%
import time

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import kernelkit as keras
from kernelkit import layers

keras.utils.set_random_seed(0)
pictures, digits = load_digits(return_X_y=True)
x, x_test, y, y_test = train_test_split((pictures / 16).astype("float32"), digits, test_size=360, random_state=0)
x, x_val, y, y_val = train_test_split(x, y, test_size=360, random_state=0)


def network(units=64, rate=0.001, **compiled):
    model = keras.Sequential(
        [layers.Input((64,)), layers.Dense(units, "relu"), layers.Dense(units, "relu"), layers.Dense(10, "softmax")]
    )
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"], **compiled)
    return model


print(
    say(
        f"{len(x)} to train, {len(x_val)} to choose by, {len(x_test)} to test",
        f"학습 {len(x)}장, 고르기 {len(x_val)}장, 시험 {len(x_test)}장",
    )
)


# %% [markdown] en
# ## 1. One step, two ways
#
# A step computes the predictions, the loss, the gradients and the new weights: more than a hundred operations, most of them tiny. With
# `run_eagerly=True` Python starts them one by one. Otherwise `fit` hands them to jax once, as a whole, and XLA makes **one program** out of them: Python
# is asked once for each step, operations are fused, memory is used again.
# %% [markdown] ko
# ## 1. 한 단계, 두 가지 방법
#
# 한 단계는 예측, 손실, 기울기, 새 가중치를 계산합니다. 백 개가 넘는 연산이고 대부분 아주 작습니다. `run_eagerly=True`로 하면 파이썬이 연산을 하나씩
# 시작합니다. 그렇지 않으면 `fit`이 단계 전체를 jax에 한 번 넘기고, XLA가 그것을 **프로그램 하나**로 만듭니다. 파이썬은 단계마다 한 번만
# 불리고, 연산은 합쳐지고, 메모리는 다시 쓰입니다.
# %%
def steps_a_second(model, batch_size=32, epochs=4):
    model.fit(x, y, batch_size=batch_size, verbose=0)  # the first epoch compiles, or fills caches
    started = time.perf_counter()
    model.fit(x, y, batch_size=batch_size, epochs=epochs, verbose=0)
    return epochs * -(-len(x) // batch_size) / (time.perf_counter() - started)


speeds = {
    say("one by one", "하나씩"): steps_a_second(network(run_eagerly=True), epochs=1),
    say("one program", "프로그램 하나"): steps_a_second(network()),
}
for name, speed in speeds.items():
    print(f"{name}: {speed:,.0f}", say("steps a second", "단계/초"))


# %% [markdown] en
# ## 2. The first step is slow: it is compiled
#
# Making the program takes a moment. It is made once for each *shape* of a batch. New numbers, new weights, a new learning rate: the program
# stays. (The last batch of an epoch is often smaller; `fit` fills it up, so that it does not need a program of its own.) kernelkit also keeps programs on disk: a notebook that is run again compiles nothing.
# %% [markdown] ko
# ## 2. 첫 단계는 느립니다, 컴파일하니까요
#
# 프로그램을 만드는 데는 시간이 조금 듭니다. 배치의 *모양*마다 한 번씩 만듭니다. 숫자나 가중치나 학습률이 바뀌어도 프로그램은 그대로입니다. (에포크의
# 마지막 배치는 더 작을 때가 많습니다. `fit`은 그 배치를 채워서 따로 프로그램이 필요 없게 합니다.) kernelkit은 프로그램을 디스크에도 보관합니다. 그래서 노트북을 다시 실행하면 아무것도 컴파일하지 않습니다.
# %%
class Clock(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        self.times = []

    def on_epoch_begin(self, epoch, logs=None):
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.times.append(time.perf_counter() - self.started)


clock = Clock()
model = network(units=96)
model.fit(x, y, epochs=8, callbacks=[clock], verbose=0)
plt.figure(figsize=(6, 2.2))
plt.bar(range(1, 9), 1000 * np.array(clock.times))
plt.title("milliseconds of each epoch")
plt.show()
# %% [markdown] en
# ## 3. The size of a batch
#
# A larger batch does more work in each step, and work in bulk is cheaper: more pictures a second. But it also makes fewer steps of an epoch, so
# the network *learns* less from each epoch. The fastest batch is not the best one.
# %% [markdown] ko
# ## 3. 배치의 크기
#
# 배치가 크면 한 단계에 하는 일이 많아지고, 몰아서 하는 일은 쌉니다. 초당 처리하는 그림이 늘어납니다. 하지만 에포크당 단계 수가 줄어서 에포크마다
# *배우는* 것도 줄어듭니다. 가장 빠른 배치가 가장 좋은 배치는 아닙니다.
# %%
sizes, pictures_a_second, after_8 = [8, 32, 128, 512], [], []
for size in sizes:
    keras.utils.set_random_seed(0)
    model = network()
    pictures_a_second.append(size * steps_a_second(model, size, epochs=7))
    after_8.append(model.evaluate(x_val, y_val, verbose=0)[1])
for size, speed, accuracy in zip(sizes, pictures_a_second, after_8, strict=True):
    print(
        f"{size:4}: {speed:9,.0f}",
        say("pictures a second,", "장/초,"),
        f"{accuracy:.1%}",
        say("after 8 epochs", "8에포크 뒤"),
    )
# %% [markdown] en
# ## 4. Where the time goes
#
# `model.profile` runs each layer by itself on one batch and tells its time, operations and bytes. In this network it is the dense layers that cost; in a network
# with pictures look for the first convolutions, whose images are largest. (Alone a layer takes longer than inside of the fused step: compare layers with each other.)
# %% [markdown] ko
# ## 4. 시간은 어디로 가나
#
# `model.profile`은 배치 하나로 층을 하나씩 실행해 시간, 연산 수, 바이트를 알려 줍니다. 이 신경망에서는 밀집층이 비쌉니다. 그림을 다루는 신경망이라면 이미지가 가장 큰
# 앞쪽 합성곱을 살펴보세요. (층을 따로 재면 합쳐진 단계 안에서보다 오래 걸립니다. 층끼리 비교하세요.)
# %%
network(units=256).profile(x[:128], y[:128])


# %% [markdown] en
# ## 5. Spend it: search
#
# How many units? Which learning rate? Dropout or not? A **tuner** asks `build` for models: each call of `hp` is a question, and each trial gets other
# answers. The panel shows every trial while it runs, and the last picture shows which answers went with good results. You can stop a trial
# or the search, and `tuner.search` goes on later.
#
# `BayesianOptimization` tries values near those that went well. Trials that are clearly worse than the others can be ended early: `pruner="median"`.
# %% [markdown] ko
# ## 5. 속도를 쓰기: 탐색
#
# 유닛은 몇 개? 학습률은 얼마? 드롭아웃은 쓸까, 말까? **튜너**는 `build`에게 모델을 달라고 합니다. `hp`를 부를 때마다 질문이 하나 생기고, 시도마다 답이
# 다릅니다. 패널이 시도를 하나하나 실시간으로 보여 주고, 마지막 그림에서는 어떤 답이 좋은 결과와 함께했는지 보입니다. 시도나 탐색을 멈출 수도
# 있고, `tuner.search`로 나중에 이어 갈 수도 있습니다.
#
# `BayesianOptimization`은 잘된 값 근처를 더 살펴봅니다. 남들보다 뚜렷이 나쁜 시도는 일찍 끝낼 수 있습니다. `pruner="median"`입니다.
# %%
def build(hp):
    model = keras.Sequential([layers.Input((64,))])
    for _ in range(hp.Int("layers", 1, 3)):
        model.add(layers.Dense(hp.Int("units", 16, 256, step=16), hp.Choice("activation", ["relu", "tanh", "sigmoid"])))
        model.add(layers.Dropout(hp.Float("dropout", 0.0, 0.5, step=0.1)))
    model.add(layers.Dense(10, "softmax"))
    rate = hp.Float("learning_rate", 1e-4, 1e-1, sampling="log")
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


tuner = keras.tuner.BayesianOptimization(build, "val_accuracy", max_trials=16, seed=0, pruner="median")
tuner.search(x, y, epochs=12, validation_data=(x_val, y_val))
# %% [markdown] en
# Which one won, and is it really better? The winner was *chosen* by the validation set, among many. Some of its lead is luck. So the last word has a set
# that chose nothing.
# %% [markdown] ko
# 무엇이 이겼고, 정말로 더 나을까요? 승자는 여럿 가운데 검증 세트로 *골랐습니다*. 앞선 것 중 얼마쯤은 운입니다. 그래서 마지막 판단은 아무것도 고르지
# 않은 세트가 합니다.
# %%
best = tuner.get_best_models()[0]
chosen = tuner.get_best_hyperparameters()[0]
print({name: chosen[name] for name in ("layers", "units", "activation", "dropout", "learning_rate")})

keras.utils.set_random_seed(0)
guess = network(units=16)
guess.fit(x, y, epochs=12, verbose=0)
scores = {
    name: (m.evaluate(x_val, y_val, verbose=0)[1], m.evaluate(x_test, y_test, verbose=0)[1])
    for name, m in {say("a guess", "어림짐작"): guess, say("the search", "탐색"): best}.items()
}
for name, (validation, test) in scores.items():
    print(f"{name}:", say("validation", "검증"), f"{validation:.1%},", say("test", "테스트"), f"{test:.1%}")
# %% [markdown] en
# ## 6. Your turn
# %% [markdown] ko
# ## 6. 이제 여러분 차례
# %% [check]
from kernelkit import teaching


@teaching.exercise(
    right=say("The last one is not full.", "마지막 배치는 가득 차지 않습니다."),
    language=say("en", "ko"),
)
def check_1(answer):
    if int(answer) == 1077 // 64:
        return say(
            "These are the full batches. What happens to the pictures that are left over?",
            "가득 찬 배치만 셌습니다. 남은 그림은 어떻게 될까요?",
        )
    if int(answer) != -(-1077 // 64):
        return say("Divide 1077 by 64, and round up.", "1077을 64로 나누고 올림하세요.")


@teaching.exercise(
    right=say(
        "The program is made for arrays of given shapes; numbers are only its inputs.",
        "프로그램은 정해진 모양의 배열을 위해 만들어지고, 숫자는 입력일 뿐입니다.",
    ),
    language=say("en", "ko"),
)
def check_2(answer):
    if answer != "shape":
        return say(
            "Two of the three are only other numbers for the same program.",
            "셋 중 둘은 같은 프로그램에 들어가는 다른 숫자일 뿐입니다.",
        )


@teaching.exercise(
    right=say("Each call of hp is a question of the search.", "hp를 부를 때마다 탐색의 질문이 됩니다."),
    language=say("en", "ko"),
)
def check_3(make):
    hp = keras.tuner.HyperParameters()
    default = make(hp)
    if not isinstance(default, keras.Model):
        return say("The function must return a model.", "함수는 모델을 돌려줘야 합니다.")
    if "batch_norm" not in hp.values:
        return say(
            "It has no question named 'batch_norm': ask hp.Boolean('batch_norm').",
            "'batch_norm'이라는 질문이 없습니다. hp.Boolean('batch_norm')으로 물으세요.",
        )
    counts = []
    for wanted in (False, True):
        hp = keras.tuner.HyperParameters({"batch_norm": wanted})
        counts.append(sum(isinstance(layer, layers.BatchNormalization) for layer in make(hp).layers))
    if counts[0] != 0 or counts[1] == 0:
        return say(
            f"Without batch_norm the model has {counts[0]} such layers, with it {counts[1]}. It should be none, and one or more.",
            f"batch_norm이 False면 그런 층이 {counts[0]}개, True면 {counts[1]}개입니다. 없어야 하고, 하나 이상 있어야 합니다.",
        )


# %% [markdown] en
# **1.** How many steps does an epoch of 1077 pictures take in batches of 64?
# %% [markdown] ko
# **1.** 그림 1077장을 64장씩 묶으면 한 에포크는 몇 단계일까요?
# %% [exercise]
check_1(...)
# %% [solution]
check_1(17)
# %% [markdown] en
# **2.** What makes jax compile the step again: another learning `"rate"`, other `"weights"`, or batches of another `"shape"`?
# %% [markdown] ko
# **2.** 무엇이 바뀌면 jax가 단계를 다시 컴파일할까요? 학습률 `"rate"`, 가중치 `"weights"`, 배치의 모양 `"shape"` 가운데서 고르세요.
# %% [exercise]
check_2(...)
# %% [solution]
check_2("shape")
# %% [markdown] en
# **3.** Write `make(hp)`: a compiled model of digits with `BatchNormalization` after the hidden layer if `hp.Boolean("batch_norm")` says so.
# %% [markdown] ko
# **3.** `make(hp)`를 써 보세요. 숫자를 읽는 컴파일된 모델인데, `hp.Boolean("batch_norm")`이 참이면 은닉층 뒤에 `BatchNormalization`이 있어야 합니다.
# %% [exercise]
make = ...

check_3(make)


# %% [solution]
def make(hp):
    model = keras.Sequential([layers.Input((64,)), layers.Dense(64, "relu")])
    if hp.Boolean("batch_norm"):
        model.add(layers.BatchNormalization())
    model.add(layers.Dense(10, "softmax"))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


check_3(make)
# %% [markdown] en
# ## What to remember
#
# - A step is one program; Python only starts it. `run_eagerly=True` is for looking, not for training.
# - A program belongs to shapes. Keep batches of one shape.
# - Choose by the validation set, and believe the test set.
# - More: `docs/benchmarks.md` compares speeds, `docs/tuning.md` tells what tuners can do.
# %% [markdown] ko
# ## 기억할 것
#
# - 한 단계는 프로그램 하나이고, 파이썬은 시작만 합니다. `run_eagerly=True`는 들여다볼 때 쓰고 학습할 때는 쓰지 않습니다.
# - 프로그램은 모양에 딸려 있습니다. 배치의 모양을 하나로 유지하세요.
# - 고를 때는 검증 세트로, 믿을 때는 테스트 세트로.
# - 더 보기: `docs/benchmarks.md`에서 속도를 비교하고, `docs/tuning.md`에서 튜너가 할 수 있는 일을 알려 줍니다.
# %% [test]
(guess_validation, _), (search_validation, search_test) = scores.values()
assert len(tuner.results) == 16
assert search_test > 0.95, scores
assert search_validation > guess_validation + 0.02, scores
assert after_8[1] > after_8[3] + 0.1, after_8
