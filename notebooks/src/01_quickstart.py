# %% [markdown] en
# # A first network
#
# Here a small network learns to read handwritten digits. It takes seconds, needs no download, and shows every step of the craft:
# look at the data, build, train, test, look at the mistakes, try again.
#
# Run the cells from top to bottom with <kbd>Shift</kbd>+<kbd>Enter</kbd>.
#
# **You will learn** to build and train a network · to read its curves · to look at its mistakes · what the learning rate does. **Time** 10 minutes.
# %% [markdown] ko
# # 첫 신경망
#
# 작은 신경망이 손글씨 숫자 읽는 법을 배웁니다. 몇 초면 끝나고, 내려받을 것도 없고, 신경망을 만드는 과정을 하나도 빠짐없이 보여 줍니다.
# 데이터를 보고, 만들고, 학습시키고, 시험하고, 틀린 것을 살펴보고, 다시 해 봅니다.
#
# 위에서부터 <kbd>Shift</kbd>+<kbd>Enter</kbd>로 셀을 하나씩 실행하세요.
#
# **배울 것** 신경망을 만들고 학습시키기 · 곡선 읽기 · 틀린 것 살펴보기 · 학습률이 하는 일. **시간** 10분.
# %%
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import kernelkit as keras
from kernelkit import layers

keras.utils.set_random_seed(0)
# %% [markdown] en
# ## 1. Look at the data
#
# Always look first. The data set holds 1,797 scans of digits that people wrote. Each is a picture of 8 × 8 pixels.
# %% [markdown] ko
# ## 1. 데이터 살펴보기
#
# 언제나 먼저 데이터를 보세요. 사람들이 손으로 쓴 숫자를 스캔한 그림 1,797장이 있습니다. 한 장은 8 × 8 픽셀입니다.
# %%
digits = load_digits()
x = (digits.images / 16).astype("float32")[..., np.newaxis]  # gray from 0 to 1; the last axis holds the one channel
y = digits.target

print(say("pictures", "그림"), x.shape, say("digits", "숫자"), y.shape)
# %%
fig, axes = plt.subplots(4, 12, figsize=(9, 3.4))
for ax, picture, digit in zip(axes.flat, x, y, strict=False):
    ax.imshow(picture, cmap="gray_r")
    ax.set_title(digit, fontsize=9, pad=2)
    ax.set_axis_off()
plt.show()
# %% [markdown] en
# We put a fifth of the pictures aside. The network never trains on those, so they tell us how well it reads digits it has not seen.
# %% [markdown] ko
# 그림 다섯 장 가운데 한 장은 따로 떼어 둡니다. 학습에 한 번도 쓰지 않으므로, 처음 보는 숫자를 얼마나 잘 읽는지 알려 줍니다.
# %%
x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.2, stratify=y, random_state=0)


# %% [markdown] en
# ## 2. Build the network
#
# Layers are stacked like floors. A *convolution* slides small filters over the picture and marks where each one fits.
# *Pooling* keeps the strongest mark of each 2 × 2 block. *Dropout* hides half of the marks while training, so that the network
# does not lean on a single one. The last layer gives one probability per digit.
# %% [markdown] ko
# ## 2. 신경망 만들기
#
# 층을 건물처럼 쌓아 올립니다. *합성곱*은 작은 필터를 그림 위로 옮겨 가며 잘 맞는 자리를 표시합니다. *풀링*은 2 × 2 칸마다 가장 강한 표시만
# 남깁니다. *드롭아웃*은 학습하는 동안 표시의 절반을 가려, 신경망이 표시 하나에만 기대지 못하게 합니다. 마지막 층은 숫자마다 확률을 하나씩 냅니다.
# %%
def build():
    return keras.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )


model = build()
model.summary()
# %% [markdown] en
# ## 3. Train it
#
# To train is to turn all those parameters a little, again and again, so that the *loss* falls: the price of a wrong answer.
# The *optimizer* decides how they are turned. *Accuracy* is the share of right answers, and it is for us to read.
#
# A tenth of the training pictures is kept for *validation*: after each epoch we see how the network does on them.
#
# While it trains, the panel takes orders: **Pause** stands still after the batch under way, **Step** does one more, the
# field sets another learning rate from the next batch on (the curves mark where), **Stop** ends the training.
# %% [markdown] ko
# ## 3. 학습시키기
#
# 학습이란 이 모든 매개변수를 조금씩, 몇 번이고 돌려 *손실*을 줄이는 일입니다. 손실은 틀린 답에 매기는 값입니다. 어떻게 돌릴지는 *옵티마이저*가
# 정합니다. *정확도*는 맞힌 비율이고, 우리가 읽기 위한 것입니다.
#
# 학습용 그림의 십분의 일은 *검증*에 남겨 둡니다. 에포크가 끝날 때마다 신경망이 이 그림들을 얼마나 맞히는지 봅니다.
#
# 학습하는 동안 패널의 단추를 쓸 수 있습니다. **Pause**는 지금 하던 배치까지만 하고 멈춰 서고, **Step**은 한 배치 더 하고, 입력란에 적은 학습률은 다음
# 배치부터 쓰이며(어디서 바뀌었는지 곡선에 표시됩니다), **Stop**은 학습을 끝냅니다.
# %%
model.compile(optimizer=keras.optimizers.Adam(0.002), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(x_train, y_train, epochs=20, batch_size=32, validation_split=0.1)
# %% [markdown] en
# Both curves should fall and then level off. When the validation loss rises while the training loss still falls, the network
# has begun to learn the pictures by heart: it *overfits*. `history` keeps the numbers; as the
# last line of any later cell it shows these curves again.
# %% [markdown] ko
# 두 곡선이 함께 내려가다가 평평해져야 합니다. 학습 손실은 계속 내려가는데 검증 손실이 올라가면 신경망이 그림을 외우기 시작한 것이고,
# *과적합*이라고 합니다. 숫자는 `history`에 남습니다. 어느 셀이든 마지막 줄에 적으면 이 곡선을 다시 보여 줍니다.
# %% [markdown] en
# ## 4. Test it
#
# Now the pictures we put aside.
# %% [markdown] ko
# ## 4. 시험하기
#
# 이제 따로 떼어 둔 그림을 씁니다.
# %%
test_loss, test_accuracy = model.evaluate(x_test, y_test, verbose=0)
print(
    say(
        f"The network reads {test_accuracy:.1%} of the unseen digits.",
        f"신경망이 처음 보는 숫자의 {test_accuracy:.1%}를 읽었습니다.",
    )
)
# %% [markdown] en
# ## 5. Look at the mistakes
#
# A number hides what went wrong. The pictures show it, the worst first. Would you have read these?
# %% [markdown] ko
# ## 5. 틀린 것 살펴보기
#
# 숫자 하나만 봐서는 무엇이 잘못됐는지 알 수 없습니다. 그림을 보면 알 수 있습니다. 가장 크게 틀린 것부터 나옵니다. 여러분이라면 읽을 수 있었을까요?
# %%
keras.viz.predictions(model, x_test, y_test)
# %% [markdown] en
# ## 6. Ask about one picture
#
# A model works on batches. One picture is a batch of one.
# %% [markdown] ko
# ## 6. 그림 한 장 물어보기
#
# 모델은 배치 단위로 일합니다. 그림 한 장은 한 장짜리 배치입니다.
# %%
i = 7
chances = model.predict(x_test[i : i + 1], verbose=0)[0]

fig, (left, right) = plt.subplots(1, 2, figsize=(6, 2), width_ratios=[1, 2])
left.imshow(x_test[i, :, :, 0], cmap="gray_r")
left.set_axis_off()
right.bar(range(10), chances)
right.set(xticks=range(10), ylim=(0, 1), xlabel="digit", ylabel="probability")
plt.show()
# %% [markdown] en
# ## 7. Turn a knob
#
# The learning rate says how far each step goes. Too small, and training crawls. Too large, and it stumbles. Three fresh
# networks show it; everything else stays the same.
# %% [markdown] ko
# ## 7. 값 하나 바꿔 보기
#
# 학습률은 한 걸음의 크기입니다. 너무 작으면 학습이 기어가고, 너무 크면 비틀거립니다. 다른 것은 모두 그대로 두고 새 신경망 세 개로
# 견주어 봅니다.
# %%
runs = {}
for rate in (0.0001, 0.002, 0.02):
    keras.utils.set_random_seed(0)
    other = build()
    other.compile(optimizer=keras.optimizers.Adam(rate), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    runs[f"rate {rate}"] = other.fit(x_train, y_train, epochs=8, validation_split=0.1, verbose=0)

keras.viz.plot_history(runs)
# %% [markdown] en
# ## Exercises
#
# Replace the three dots by your answer and run the cell. The check tells you whether it is right, and if not, why.
# %% [markdown] ko
# ## 연습 문제
#
# 점 세 개를 답으로 바꾸고 셀을 실행하세요. 맞았는지, 틀렸다면 왜 틀렸는지 바로 알려 줍니다.
# %% [check]
from kernelkit import teaching


@teaching.exercise(
    right=say("Each picture gets one probability for each digit.", "그림마다, 숫자마다 확률이 하나씩 나옵니다."),
    language=say("en", "ko"),
)
def check_1(answer):
    if tuple(np.ravel(answer).tolist()) != (32, 10):
        return say(
            "Two numbers: how many pictures, and how many probabilities for each. Try model.predict(x_test[:32]).shape.",
            "숫자 두 개입니다. 그림이 몇 장인지, 한 장에 확률이 몇 개인지. model.predict(x_test[:32]).shape를 해 보세요.",
        )


@teaching.exercise(
    right=say("Few parameters can be enough.", "매개변수가 적어도 충분할 수 있습니다."), language=say("en", "ko")
)
def check_2(model):
    count, accuracy = model.count_params(), model.evaluate(x_test, y_test, verbose=0)[1]
    if count >= 12_000:
        return say(
            f"It has {count:,} parameters; get below 12,000. Most of them are usually in the layer after Flatten: pool once more, or take fewer filters.",
            f"매개변수가 {count:,}개입니다. 12,000개 아래로 줄여 보세요. 보통은 Flatten 다음 층에 가장 많습니다. 풀링을 한 번 더 하거나 필터를 줄여 보세요.",
        )
    if accuracy < 0.95:
        return say(
            f"Small enough, but it reads only {accuracy:.1%}; get to 95 %. Train it longer.",
            f"크기는 됐지만 {accuracy:.1%}만 읽습니다. 95%까지 올려 보세요. 더 오래 학습시켜 보세요.",
        )


# %% [markdown] en
# **1.** What is the shape of the output of `model` for a batch of 32 pictures?
# %% [markdown] ko
# **1.** 그림 32장짜리 배치를 넣으면 `model`의 출력은 어떤 모양일까요?
# %% [exercise]
check_1(...)
# %% [solution]
check_1((32, 10))
# %% [markdown] en
# **2.** Train a `small` network with fewer than 12,000 parameters that reads at least 95 % of the test pictures.
# Compile it with `metrics=["accuracy"]` as above.
# %% [markdown] ko
# **2.** 매개변수가 12,000개보다 적으면서 테스트 그림을 95% 이상 읽는 신경망 `small`을 학습시켜 보세요.
# 위에서처럼 `metrics=["accuracy"]`로 컴파일하세요.
# %% [exercise]
small = ...

check_2(small)
# %% [solution]
small = keras.Sequential(
    [
        layers.Input((8, 8, 1)),
        layers.Conv2D(16, 3, padding="same", activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(32, 3, padding="same", activation="relu"),
        layers.Flatten(),
        layers.Dense(10, activation="softmax"),
    ]
)
small.compile(keras.optimizers.Adam(0.002), "sparse_categorical_crossentropy", metrics=["accuracy"])
small.fit(x_train, y_train, epochs=20, validation_split=0.1, verbose=0)

check_2(small)
# %% [markdown] en
# **To try.**
#
# - Leave out the dropout. What happens to the gap between the two curves?
# - Ask with one picture and no batch, `model.predict(x_test[0])`, and read the error: it says what came and what to do.
# - Take one convolution away, or add one. Does it pay?
# - Replace the convolutions by `layers.Dense(64, activation="relu")` after `layers.Flatten()`. How many parameters does it have now?
#
# The cell below sums up what was done.
# %% [markdown] ko
# **더 해 보기.**
#
# - 드롭아웃을 빼 보세요. 두 곡선의 간격이 어떻게 되나요?
# - 배치 없이 그림 한 장으로 `model.predict(x_test[0])`을 실행하고 오류를 읽어 보세요. 무엇이 왔고 어떻게 하면 되는지 알려 줍니다.
# - 합성곱을 하나 빼거나 더해 보세요. 그만한 보람이 있나요?
# - 합성곱 대신 `layers.Flatten()` 다음에 `layers.Dense(64, activation="relu")`를 넣어 보세요. 매개변수는 몇 개가 되나요?
#
# 아래 셀은 한 일을 정리합니다.
# %%
results = {
    "data": f"{len(x):,} handwritten digits, {len(x_test)} of them for the test",
    "model": f"convolutional network, {len(model.layers)} layers, {model.count_params():,} parameters",
    "test accuracy": round(test_accuracy, 4),
}
results
# %% [test]
assert results["test accuracy"] >= 0.97, results
finals = {name: run.history["loss"][-1] for name, run in runs.items()}
assert finals["rate 0.002"] < finals["rate 0.0001"] / 2, finals
