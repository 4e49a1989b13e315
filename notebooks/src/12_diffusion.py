# %% [markdown] en
# # Diffusion in miniature: pictures out of noise
#
# Destroying a picture is easy: add a little noise, again and again, until nothing is left. **Diffusion models** (Ho et al., 2020) learn the way back: one network that, shown a noisy picture, says what of it is
# noise. Take a little of that away, ask again, and out of pure noise comes a picture that never was.
#
# **You will learn** the noise schedule · how simple the training is · sampling step by step · steering by a class. **Time** 20 minutes.
# %% [markdown] ko
# # 작은 확산 모델: 잡음에서 그림으로
#
# 그림을 망가뜨리기는 쉽습니다. 아무것도 남지 않을 때까지 잡음을 조금씩 더하면 됩니다. **확산 모델**(Ho 외, 2020)은 돌아오는 길을 배웁니다. 잡음 섞인 그림을 보고 그중 무엇이 잡음인지
# 말하는 신경망 하나면 됩니다. 그 잡음을 조금 걷어 내고 또 물어보기를 되풀이하면, 순수한 잡음에서 세상에 없던 그림이 나옵니다.
#
# **배울 것** 잡음 스케줄 · 학습이 얼마나 단순한지 · 한 걸음씩 그리기 · 원하는 숫자로 이끌기. **시간** 20분.
# %%
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

import kernelkit as keras
from kernelkit import layers, ops

keras.utils.set_random_seed(0)
digits = load_digits()
x, y = (digits.data / 8 - 1).astype("float32"), digits.target.astype("int32")


def show(rows, titles=None):
    fig, axes = plt.subplots(len(rows), len(rows[0]), figsize=(9, 0.75 * len(rows)), squeeze=False)
    for ax, picture in zip(axes.flat, np.reshape(rows, (-1, 64)), strict=True):
        ax.imshow(picture.reshape(8, 8), cmap="gray_r", vmin=-1, vmax=1)
        ax.set_axis_off()
    for ax, title in zip(axes[0], titles or [], strict=False):
        ax.set_title(title, fontsize=8)
    plt.show()


# %% [markdown] en
# ## 1. The way to noise
#
# At time $t$ the picture is faded and the noise is strong:
#
# $$x_t = \sqrt{\bar\alpha_t}\; x_0 + \sqrt{1 - \bar\alpha_t}\; \varepsilon$$
#
# $\bar\alpha_t$ falls from 1 (only picture) to 0 (only noise); here along a cosine (Nichol and Dhariwal, 2021). One can jump to any $t$ at once.
# %% [markdown] ko
# ## 1. 잡음으로 가는 길
#
# 시간 $t$에서 그림은 흐려지고 잡음은 세집니다.
#
# $$x_t = \sqrt{\bar\alpha_t}\; x_0 + \sqrt{1 - \bar\alpha_t}\; \varepsilon$$
#
# $\bar\alpha_t$는 1(그림만)에서 0(잡음만)으로 내려갑니다. 여기서는 코사인을 따릅니다(Nichol과 Dhariwal, 2021). 어느 $t$로든 한 번에 건너뛸 수 있습니다.
# %%
STEPS = 60
times = np.arange(STEPS + 1) / STEPS
kept = np.cos(0.5 * np.pi * (times + 0.01) / 1.01) ** 2  # alpha-bar of each time
kept = (kept / kept[0]).astype("float32")
kept[-1] = max(kept[-1], 1e-4)

rng = np.random.default_rng(0)
noise = rng.normal(size=64).astype("float32")
moments = [0, 10, 20, 30, 40, 50, 60]
show(
    [[np.sqrt(kept[t]) * p + np.sqrt(1 - kept[t]) * noise for t in moments] for p in x[3:5]],
    [f"t = {t}" for t in moments],
)
# %% [markdown] en
# ## 2. The training
#
# Draw a picture, a time and some noise; mix; let the network say what the noise was; the loss is the squared error. That is all. The network is told the time (how noisy is this?) and the digit. In one of
# ten cases the digit is hidden ("any"), so that it learns to do without.
#
# The step is our own, `compute_loss` does the rest: `fit` differentiates it and moves the weights.
# %% [markdown] ko
# ## 2. 학습
#
# 그림과 시간과 잡음을 뽑아 섞은 다음, 잡음이 무엇이었는지 신경망이 말하게 합니다. 손실은 제곱 오차입니다. 이게 전부입니다. 신경망에는 시간(얼마나 잡음이 심한가?)과 숫자의 이름을 알려 줍니다. 열 번에 한 번은
# 이름을 가려서("아무거나") 이름 없이도 할 수 있게 합니다.
#
# `compute_loss`만 직접 쓰면 됩니다. 미분하고 가중치를 옮기는 나머지 일은 `fit`이 합니다.
# %%
ANY = 10  # the name of "no name"


class Diffusion(keras.Model):
    def __init__(self, width=256):
        super().__init__()
        self.when = layers.Embedding(STEPS + 1, width)
        self.which = layers.Embedding(11, width)
        self.enter = layers.Dense(width)
        self.blocks = [
            (layers.LayerNormalization(), layers.Dense(width, activation="silu"), layers.Dense(width)) for _ in range(3)
        ]
        self.leave = layers.Dense(64, kernel_initializer="zeros")
        self.dice = keras.random.SeedGenerator(5)

    def call(self, inputs):
        picture, time, digit = inputs["picture"], inputs["time"], inputs["digit"]
        h, told = self.enter(picture), self.when(time) + self.which(digit)
        for norm, one, two in self.blocks:
            h = h + two(one(norm(h + told)))
        return self.leave(h)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        count = ops.shape(x["picture"])[0]
        time = keras.random.randint((count,), 1, STEPS + 1, seed=self.dice)
        alpha = ops.take(ops.convert_to_tensor(kept), time)[:, None]
        noise = keras.random.normal((count, 64), seed=self.dice)
        hidden = keras.random.uniform((count,), seed=self.dice) < 0.1
        noisy = ops.sqrt(alpha) * x["picture"] + ops.sqrt(1 - alpha) * noise
        said = self({"picture": noisy, "time": time, "digit": ops.where(hidden, ANY, x["digit"])})
        return ops.mean((said - noise) ** 2)


model = Diffusion()
rate = keras.optimizers.schedules.CosineDecay(0.002, 200 * 15)
model.compile(keras.optimizers.Adam(rate))
data = {"picture": x, "time": np.zeros(len(x), "int32"), "digit": y}
history = model.fit(data, batch_size=128, epochs=200)
# %% [markdown] en
# ## 3. The way back
#
# Begin with pure noise. At each time: ask what is noise, compute from it what the picture would be, and go to the time before: a little more of that picture, a little less noise (this is the DDIM step of Song et al., 2020).
# %% [markdown] ko
# ## 3. 돌아오는 길
#
# 순수한 잡음에서 시작합니다. 시간마다 무엇이 잡음인지 물어 그림이 어떤 모습일지 계산하고, 바로 앞 시간으로 갑니다. 그림은 조금 더, 잡음은 조금 덜(Song 외, 2020의 DDIM 단계입니다).
# %%
import jax

answer = jax.jit(model.stateless_call)


def said(picture, time, digit):
    weights, rest = ([v.value for v in vs] for vs in (model.trainable_variables, model.non_trainable_variables))
    return answer(weights, rest, {"picture": picture, "time": np.full(len(digit), time, "int32"), "digit": digit})[0]


def paint(digit, seed=0, guidance=1.0, keep=()):
    """Paint one picture for each name in ``digit``; return them, and the pictures on the way at the times ``keep``."""
    digit = np.asarray(digit, "int32")
    picture = np.random.default_rng(seed).normal(size=(len(digit), 64)).astype("float32")
    way = []
    for t in range(STEPS, 0, -1):
        if t in keep:
            way.append(np.asarray(picture))
        noise = said(picture, t, digit)
        if guidance != 1.0:  # away from "any digit", towards this one
            loose = said(picture, t, np.full_like(digit, ANY))
            noise = loose + guidance * (noise - loose)
        clean = ops.clip((picture - np.sqrt(1 - kept[t]) * noise) / np.sqrt(kept[t]), -1, 1)
        noise = (picture - np.sqrt(kept[t]) * clean) / np.sqrt(1 - kept[t])
        picture = np.sqrt(kept[t - 1]) * clean + np.sqrt(1 - kept[t - 1]) * noise
    return np.asarray(picture), way


times_kept = [60, 45, 30, 20, 10, 5, 1]
final, way = paint([0, 3, 7], keep=times_kept)
show([[w[i] for w in way] + [final[i]] for i in range(3)], [f"t = {t}" for t in times_kept] + ["0"])
# %% [markdown] en
# ## 4. To order
#
# One column for each digit, rows without guidance (1) and with (2): the name is pulled out more strongly, and the pictures become clearer and more alike.
# %% [markdown] ko
# ## 4. 주문대로 그리기
#
# 열마다 숫자 하나입니다. 위쪽 두 줄은 유도 없이(1), 아래쪽 두 줄은 유도를 세게(2) 했습니다. 숫자의 특징이 더 강하게 드러나서 그림은 또렷해지고 서로 비슷해집니다.
# %%
show([paint(range(10), seed=s, guidance=g)[0] for g in (1.0, 2.0) for s in (1, 2)], [str(d) for d in range(10)])
# %% [markdown] en
# ## 5. An honest judge
#
# A network trained on the real digits reads 500 painted ones. How often is it the digit that was ordered?
# %% [markdown] ko
# ## 5. 공정한 심판
#
# 진짜 숫자로 학습한 신경망에게 그린 숫자 500개를 읽혀 봅니다. 주문한 숫자로 읽히는 경우가 얼마나 될까요?
# %%
judge = keras.Sequential(
    [keras.Input((64,)), layers.Dense(128, activation="relu"), layers.Dense(10, activation="softmax")]
)
judge.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
judge.fit(x, y, epochs=30, verbose=0)
ordered = np.repeat(np.arange(10), 50)
painted, _ = paint(ordered, seed=3)
right = float((judge.predict(painted, verbose=0).argmax(axis=1) == ordered).mean())
nearest = np.sqrt(((painted[:, None] - x[None]) ** 2).sum(-1)).min(axis=1)
print(say(f"{right:.0%} are read as ordered.", f"주문한 숫자로 읽힌 것이 {right:.0%}입니다."))
print(
    say("distance to the nearest real picture:", "가장 가까운 진짜 그림까지의 거리:"),
    say(
        f"{nearest.mean():.2f} on average, {nearest.min():.2f} at least; none is a copy.",
        f"평균 {nearest.mean():.2f}, 최소 {nearest.min():.2f}. 베낀 것은 없습니다.",
    ),
)
# %% [markdown] en
# ## Exercises
# %% [markdown] ko
# ## 연습 문제
# %% [check]
from kernelkit import teaching


@teaching.exercise(
    right=say("The squares sum to 1, so the spread stays what it was.", "제곱의 합이 1이라 퍼진 정도가 그대로입니다."),
    language=say("en", "ko"),
)
def check_1(answer):
    if abs(float(answer) - 0.8) > 1e-6:
        return say(
            "The picture is kept by the root of 0.36; the noise gets the root of 1 - 0.36.",
            "그림에는 0.36의 제곱근, 잡음에는 1 - 0.36의 제곱근이 곱해집니다.",
        )


@teaching.exercise(
    right=say("That is the formula solved for the picture.", "식을 그림에 대해 풀면 됩니다."), language=say("en", "ko")
)
def check_2(clean):
    rng = np.random.default_rng(0)
    picture, noise = rng.normal(size=64), rng.normal(size=64)
    for alpha in (0.9, 0.2):
        got = np.asarray(clean(np.sqrt(alpha) * picture + np.sqrt(1 - alpha) * noise, noise, alpha))
        if got.shape != (64,) or np.abs(got - picture).max() > 1e-6:
            return say(
                "Solve x_t = sqrt(alpha) x_0 + sqrt(1 - alpha) noise for x_0.",
                "x_t = sqrt(alpha) x_0 + sqrt(1 - alpha) noise를 x_0에 대해 풀어 보세요.",
            )


# %% [markdown] en
# **1.** At some time $\bar\alpha_t = 0.36$. By what is the noise multiplied?
# %% [markdown] ko
# **1.** 어떤 시간에 $\bar\alpha_t = 0.36$입니다. 잡음에는 얼마가 곱해질까요?
# %% [exercise]
check_1(...)
# %% [solution]
check_1(0.8)
# %% [markdown] en
# **2.** Write `clean(noisy, noise, alpha)`: the picture, when the network has said what the noise is.
# %% [markdown] ko
# **2.** `clean(noisy, noise, alpha)`를 써 보세요. 신경망이 잡음을 알려 줬을 때 그림을 구합니다.
# %% [exercise]
clean = ...

check_2(clean)


# %% [solution]
def clean(noisy, noise, alpha):
    return (noisy - np.sqrt(1 - alpha) * noise) / np.sqrt(alpha)


check_2(clean)
# %% [markdown] en
# **To try.** Paint half a 3 and half an 8: mix what the network says for both names. Use 10 steps in place of 60: what suffers?
# %% [markdown] ko
# **더 해 보기.** 반은 3, 반은 8인 숫자를 그려 보세요. 두 이름에 대한 신경망의 답을 섞으면 됩니다. 60걸음 대신 10걸음으로 그리면 무엇이 나빠질까요?
# %% [test]
assert right > 0.75, right
assert nearest.min() > 0.2, nearest.min()
