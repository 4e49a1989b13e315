# %% [markdown] en
# # Two networks that compete: a GAN with its own `train_step`
#
# A forger paints, a detective tells real from fake. Each gets better because the other does. Here both are small networks, and
# what is forged are handwritten digits. You write the training step yourself, and `fit` still does all the rest: the loop,
# the compiled program, the live curves.
#
# **You will learn** how to override `train_step` · why there are two optimizers · how to tell whether a GAN has really learned.
# **Time** 20 minutes.
# %% [markdown] ko
# # 서로 겨루는 두 신경망: `train_step`을 직접 쓰는 GAN
#
# 위조범은 그림을 그리고, 감정사는 진짜와 가짜를 가려냅니다. 한쪽이 나아지면 다른 쪽도 나아질 수밖에 없습니다. 이 수업에서는
# 둘 다 작은 신경망이고, 위조할 대상은 손글씨 숫자입니다. 학습 한 단계는 여러분이 직접 쓰지만 반복, 컴파일, 실시간 곡선 같은
# 나머지 일은 그대로 `fit`이 맡습니다.
#
# **배울 것** `train_step`을 새로 정의하는 법 · 옵티마이저가 두 개인 까닭 · GAN이 정말 배웠는지 확인하는 법.
# **시간** 20분.
# %%
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

import kernelkit as keras
from kernelkit import layers, ops

keras.utils.set_random_seed(7)

digits = load_digits()
x = (digits.data / 8 - 1).astype("float32")  # 64 pixels from -1 (paper) to 1 (ink)
y = digits.target
print(say("pictures", "그림"), x.shape, say(f"from {x.min()} to {x.max()}", f"{x.min()}에서 {x.max()}까지"))


def show(pictures, columns=16):
    rows = -(-len(pictures) // columns)
    fig, axes = plt.subplots(rows, columns, figsize=(9, 0.62 * rows), squeeze=False)
    for ax in axes.flat:
        ax.set_axis_off()
    for ax, picture in zip(axes.flat, pictures, strict=False):
        ax.imshow(np.reshape(picture, (8, 8)), cmap="gray_r", vmin=-1, vmax=1)
    plt.show()


show(x[:32])
# %% [markdown] en
# ## 1. The two players
#
# The **generator** makes a picture out of 16 random numbers. Its last activation is `tanh`, because our pixels lie between -1 and 1.
# The **discriminator** looks at a picture and answers with one number: positive for "real", negative for "fake" (a *logit*; there is no
# sigmoid at the end because the loss applies it).
# %% [markdown] ko
# ## 1. 두 선수
#
# **생성자**(generator)는 난수 16개로 그림 한 장을 만듭니다. 픽셀 값이 -1과 1 사이이므로 마지막 활성화 함수는 `tanh`입니다.
# **판별자**(discriminator)는 그림을 보고 숫자 하나로 답합니다. 양수면 "진짜", 음수면 "가짜"라는 뜻입니다. 이 숫자를 *로짓*이라고
# 하며, 시그모이드는 손실 함수가 적용하므로 마지막 층에는 두지 않습니다.
# %%
LATENT = 16

generator = keras.Sequential(
    [
        keras.Input((LATENT,)),
        layers.Dense(128, use_bias=False),
        layers.BatchNormalization(),
        layers.LeakyReLU(0.2),
        layers.Dense(256, use_bias=False),
        layers.BatchNormalization(),
        layers.LeakyReLU(0.2),
        layers.Dense(64, activation="tanh"),
    ],
    name="generator",
)
discriminator = keras.Sequential(
    [
        keras.Input((64,)),
        layers.Dense(256),
        layers.LeakyReLU(0.2),
        layers.Dropout(0.3),
        layers.Dense(128),
        layers.LeakyReLU(0.2),
        layers.Dropout(0.3),
        layers.Dense(1),
    ],
    name="discriminator",
)
print(say("parameters of the generator:", "생성자의 매개변수:"), f"{generator.count_params():,}")
print(say("parameters of the discriminator:", "판별자의 매개변수:"), f"{discriminator.count_params():,}")
# %% [markdown] en
# What does the generator draw before it has learned anything? Noise.
# %% [markdown] ko
# 아무것도 배우지 않은 생성자는 무엇을 그릴까요? 잡음입니다.
# %%
noise = np.random.default_rng(0).normal(size=(32, LATENT)).astype("float32")
show(generator.predict(noise, verbose=0))


# %% [markdown] en
# ## 2. One step, written by hand
#
# A usual step has one loss and one optimizer. Here there are two of each:
#
# 1. **The detective's move.** Show real and forged pictures; the loss is high when it takes one for the other. Only the
#    *discriminator's* weights move.
# 2. **The forger's move.** Forge new pictures and show them. The loss is high when the detective says "fake". The gradient flows back
#    *through* the discriminator, but only the *generator's* weights move.
#
# `GradientTape` records what is computed so that it can be differentiated. You write it as if it ran line by line; kernelkit makes
# one pure function of it and compiles that, so it runs at full speed.
# %% [markdown] ko
# ## 2. 한 단계를 손으로 쓰기
#
# 보통은 한 단계에 손실도 옵티마이저도 하나씩입니다. 여기서는 두 개씩 있습니다.
#
# 1. **감정사의 차례.** 진짜 그림과 위조한 그림을 보여 줍니다. 둘을 혼동할수록 손실이 큽니다. 이때는 *판별자*의 가중치만 바뀝니다.
# 2. **위조범의 차례.** 새로 위조한 그림을 보여 줍니다. 감정사가 "가짜"라고 할수록 손실이 큽니다. 기울기는 판별자를 *거쳐서* 거꾸로
#    흘러오지만, 바뀌는 것은 *생성자*의 가중치뿐입니다.
#
# `GradientTape`는 계산 과정을 기록해 두었다가 미분할 수 있게 해 줍니다. 한 줄씩 실행되는 것처럼 쓰면 됩니다. kernelkit이 이것을
# 순수 함수 하나로 만들어 컴파일하므로 속도는 느려지지 않습니다.
# %%
class GAN(keras.Model):
    def __init__(self, generator, discriminator):
        super().__init__()
        self.generator, self.discriminator = generator, discriminator
        self.seeds = keras.random.SeedGenerator(11)
        self.d_loss = keras.metrics.Mean(name="d_loss")
        self.g_loss = keras.metrics.Mean(name="g_loss")
        self.caught = keras.metrics.Mean(name="caught")

    @property
    def metrics(self):
        return [self.d_loss, self.g_loss, self.caught]

    def compile(self, d_optimizer, g_optimizer):
        super().compile(optimizer=None)  # there are two, and train_step uses them
        self.d_optimizer, self.g_optimizer = d_optimizer, g_optimizer
        self.loss_of = keras.losses.BinaryCrossentropy(from_logits=True)

    def forge(self, count):
        return self.generator(keras.random.normal((count, LATENT), seed=self.seeds), training=True)

    def train_step(self, real):
        count = ops.shape(real)[0]

        fake = self.forge(count)
        with keras.GradientTape() as tape:
            on_real = self.discriminator(real, training=True)
            on_fake = self.discriminator(fake, training=True)
            # 0.9 and not 1: a detective who is never quite sure leaves the forger something to learn from.
            d_loss = self.loss_of(0.9 * ops.ones((count, 1)), on_real) + self.loss_of(ops.zeros((count, 1)), on_fake)
        weights = self.discriminator.trainable_variables
        self.d_optimizer.apply(tape.gradient(d_loss, weights), weights)

        with keras.GradientTape() as tape:
            verdict = self.discriminator(self.forge(count), training=True)
            g_loss = self.loss_of(ops.ones((count, 1)), verdict)
        weights = self.generator.trainable_variables
        self.g_optimizer.apply(tape.gradient(g_loss, weights), weights)

        self.d_loss.update_state(d_loss)
        self.g_loss.update_state(g_loss)
        self.caught.update_state(ops.cast(on_fake < 0, "float32"))
        return {m.name: m.result() for m in self.metrics}


# %% [markdown] en
# ## 3. The contest
#
# Watch the live curves: neither loss goes to zero. That is right: when one of the two wins, learning ends. `caught` is the share of fakes that
# the detective finds out. It climbs as the detective wakes up, and then stays well below 1, because the forger keeps up.
# %% [markdown] ko
# ## 3. 시합
#
# 실시간 곡선을 보세요. 어느 손실도 0으로 가지 않는데, 그게 정상입니다. 한쪽이 이겨 버리면 배움도 끝나기 때문입니다. `caught`(들통난
# 위조품의 비율)는 감정사가 눈을 뜨면서 올라가지만, 위조범도 따라오기 때문에 1보다 한참 아래에 머뭅니다.
# %%
gan = GAN(generator, discriminator)
gan.compile(keras.optimizers.Adam(5e-4, beta_1=0.5), keras.optimizers.Adam(5e-4, beta_1=0.5))

album = []


class Album(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        if epoch in (4, 19, 79, 239):
            album.append((epoch + 1, generator.predict(noise[:16], verbose=0)))


history = gan.fit(x, batch_size=64, epochs=240, callbacks=[Album()])
# %% [markdown] en
# The same 16 random vectors, drawn after more and more epochs:
# %% [markdown] ko
# 같은 난수 벡터 16개를 학습이 진행되면서 이렇게 그렸습니다.
# %%
for epoch, pictures in album:
    print(say(f"epoch {epoch}", f"에포크 {epoch}"))
    show(pictures)
# %% [markdown] en
# ## 4. Has it learned? Ask an honest judge
#
# The losses don't tell, and one's own eyes are kind. So train a judge on the *real* digits, and let it read the forged ones:
#
# - **Clear**: how often is the judge at least 90 % sure? Blurred pictures make it unsure.
# - **All ten**: how often does each digit come? A forger who draws nothing but ones has *collapsed*.
# - **New**: how far is each forgery from the nearest real picture? A distance of zero would be a copy.
# %% [markdown] ko
# ## 4. 정말 배웠을까? 공정한 심판에게 물어보기
#
# 손실만 봐서는 알 수 없고, 제 눈은 너그럽습니다. 그래서 *진짜* 숫자로 심판을 학습시켜 위조한 그림을 읽혀 봅니다.
#
# - **또렷한가**: 심판이 90% 이상 확신하는 그림이 얼마나 되나요? 흐릿하면 확신하지 못합니다.
# - **열 가지가 다 나오는가**: 숫자마다 얼마나 자주 나오나요? 1만 그리는 위조범은 *모드 붕괴*에 빠진 것입니다.
# - **새로운가**: 가장 가까운 진짜 그림과 얼마나 다른가요? 거리가 0이면 베낀 것입니다.
# %%
judge = keras.Sequential(
    [keras.Input((64,)), layers.Dense(128, activation="relu"), layers.Dense(10, activation="softmax")]
)
judge.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
judge.fit(x[:1400], y[:1400], epochs=30, verbose=0)
skill = judge.evaluate(x[1400:], y[1400:], verbose=0)[1]
print(
    say(f"The judge reads {skill:.1%} of unseen real digits.", f"심판은 처음 보는 진짜 숫자의 {skill:.1%}를 읽습니다.")
)

forged = generator.predict(np.random.default_rng(1).normal(size=(1000, LATENT)).astype("float32"), verbose=0)
chances = judge.predict(forged, verbose=0)
clear = float((chances.max(axis=1) > 0.9).mean())
clear_real = float((judge.predict(x[1400:], verbose=0).max(axis=1) > 0.9).mean())
counts = np.bincount(chances.argmax(axis=1), minlength=10)
nearest = np.sqrt(((forged[:200, None] - x[None]) ** 2).sum(-1)).min(axis=1)

fig, ax = plt.subplots(figsize=(6, 2.2))
ax.bar(range(10), counts)
ax.set(xticks=range(10), xlabel="digit", ylabel="of 1000 forged")
plt.show()
print(
    say("clear:", "또렷한 그림:"),
    f"{clear:.0%},",
    say(f"of real pictures {clear_real:.0%}", f"진짜 그림은 {clear_real:.0%}"),
)
print(say("the rarest digit:", "가장 드문 숫자:"), f"{counts.min() / 10:.1f} %")
print(say("distance to the nearest real picture:", "가장 가까운 진짜 그림까지의 거리:"), f"{nearest.mean():.2f}")
# %% [markdown] en
# ## 5. A walk between two digits
#
# The 16 numbers are a space in which you can walk. Each step changes the picture a little, and what lies between two digits is
# a digit too, most of the time: the network has learned how digits vary, not a list of pictures.
# %% [markdown] ko
# ## 5. 두 숫자 사이를 걷기
#
# 난수 16개는 하나의 공간이고, 그 안에서 걸어 다닐 수 있습니다. 한 걸음마다 그림이 조금씩 바뀌고, 두 숫자 사이에 있는 것도 대개는
# 숫자입니다. 그림 목록을 외운 것이 아니라 숫자가 어떻게 달라지는지를 배웠기 때문입니다.
# %%
vectors = np.random.default_rng(1).normal(size=(1000, LATENT)).astype("float32")  # those of the thousand above
start, end = (vectors[chances[:, digit].argmax()] for digit in (0, 7))
walk = np.stack([(1 - t) * start + t * end for t in np.linspace(0, 1, 16)])
show(generator.predict(walk, verbose=0))
# %% [markdown] en
# ## Exercises
# %% [markdown] ko
# ## 연습 문제
# %% [check]
from kernelkit import teaching


@teaching.exercise(
    right=say("It lets the gradient through and stays as it is.", "기울기만 통과시키고 자신은 그대로 있습니다."),
    language=say("en", "ko"),
)
def check_1(answer):
    if str(answer).lower() != "generator":
        return say(
            "Look at the second `apply`: whose trainable_variables does it get?",
            "두 번째 `apply`가 누구의 trainable_variables를 받는지 보세요.",
        )


@teaching.exercise(
    right=say(
        "Two terms of log 2 each: 2 × 0.693. (With the 0.9 of our step it is the same.)",
        "log 2가 두 번이므로 2 × 0.693입니다. (0.9를 쓴 우리 단계에서도 같습니다.)",
    ),
    language=say("en", "ko"),
)
def check_2(answer):
    if abs(float(answer) - 2 * np.log(2)) > 0.02:
        return say(
            "A logit of 0 is a probability of one half, and binary cross-entropy is then -log(0.5). There are two terms.",
            "로짓이 0이면 확률은 1/2이고 이진 교차 엔트로피는 -log(0.5)입니다. 항이 두 개라는 점도 잊지 마세요.",
        )


@teaching.exercise(
    right=say(
        "It is 1 if all ten digits come, and 0.1 for a generator that has collapsed.",
        "열 숫자가 모두 나오면 1이고, 모드 붕괴에 빠지면 0.1입니다.",
    ),
    language=say("en", "ko"),
)
def check_3(function):
    collapsed = np.zeros((50, 10))
    collapsed[:, 1] = 1
    if abs(float(function(collapsed)) - 0.1) > 1e-6:
        return say(
            "A forger who draws nothing but ones shows 1 of 10 digits: your function should say 0.1.",
            "1만 그리는 위조범은 10개 중 1개만 보여 줍니다. 함수의 값은 0.1이어야 합니다.",
        )
    if abs(float(function(np.tile(np.eye(10), (3, 1)))) - 1) > 1e-6:
        return say("All ten digits come: 1.0 is right.", "열 숫자가 모두 나오면 1.0이어야 합니다.")


# %% [markdown] en
# **1.** In the forger's move the gradient passes through both networks. Which one changes: `"generator"` or `"discriminator"`?
# %% [markdown] ko
# **1.** 위조범의 차례에서 기울기는 두 신경망을 모두 지나갑니다. 바뀌는 것은 `"generator"`와 `"discriminator"` 중 어느 쪽일까요?
# %% [exercise]
check_1(...)
# %% [solution]
check_1("generator")
# %% [markdown] en
# **2.** A detective who only guesses answers with the logit 0 for every picture. What is its loss `d_loss` then?
# %% [markdown] ko
# **2.** 찍기만 하는 감정사는 어떤 그림에도 로짓 0으로 답합니다. 이때 `d_loss`는 얼마일까요?
# %% [exercise]
check_2(...)
# %% [solution]
check_2(2 * np.log(2))
# %% [markdown] en
# **3.** Write `coverage(chances)`: the share of the ten digits that occur among the answers of the judge, from 0 to 1. `chances` has
# the shape (pictures, 10).
# %% [markdown] ko
# **3.** `coverage(chances)`를 써 보세요. 심판의 답에 나타난 숫자가 열 개 중 얼마나 되는지를 0과 1 사이의 값으로 돌려줍니다.
# `chances`의 모양은 (그림 수, 10)입니다.
# %% [exercise]
coverage = ...

check_3(coverage)


# %% [solution]
def coverage(chances):
    return len(np.unique(chances.argmax(axis=1))) / 10


check_3(coverage)
# %% [markdown] en
# **To try.** Train with `1` in place of `0.9`, or without Dropout, and compare with `keras.viz.compare(history, other)`. Give the discriminator a
# learning rate ten times higher: who wins, and what happens to the pictures?
# %% [markdown] ko
# **더 해 보기.** `0.9` 대신 `1`로, 또는 Dropout 없이 학습시키고 `keras.viz.compare(history, other)`로 비교해 보세요. 판별자의 학습률을 열 배로
# 올리면 누가 이기고, 그림은 어떻게 될까요?
# %% [test]
assert clear > 0.6, clear
assert counts.min() >= 20, counts
assert nearest.min() > 0.3, nearest.min()
