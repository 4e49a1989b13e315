# %% [markdown] en
# # Autoencoder and VAE: a map of all digits
#
# Squeeze a picture of 64 pixels through two numbers and paint it again. To manage that, the network must find out what really matters in the pictures. The two
# numbers are a place on a **map**, and a *variational* autoencoder (VAE, Kingma and Welling, 2013) makes it a map on which every place is a picture.
#
# **You will learn** encoder and decoder · a loss of your own in a layer · the reparameterization trick · walking through a latent space. **Time** 15 minutes.
# %% [markdown] ko
# # 오토인코더와 VAE: 모든 숫자의 지도
#
# 픽셀 64개짜리 그림을 숫자 두 개로 압축했다가 다시 그립니다. 이 일을 해내려면 그림에서 정말 중요한 것이 무엇인지 알아내야 합니다. 숫자 두 개는
# **지도** 위의 한 지점이고, *변분* 오토인코더(VAE, Kingma와 Welling, 2013)는 어느 지점을 짚어도 그림이 나오는 지도를 만듭니다.
#
# **배울 것** 인코더와 디코더 · 층 안에서 직접 정하는 손실 · 재매개변수화 기법 · 잠재 공간 거닐기. **시간** 15분.
# %%
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

import kernelkit as keras
from kernelkit import layers, ops

keras.utils.set_random_seed(0)
digits = load_digits()
order = np.random.default_rng(0).permutation(len(digits.data))
x, y = (digits.data[order] / 16).astype("float32"), digits.target[order]
x_test, y_test = x[1500:], y[1500:]
x, y = x[:1500], y[:1500]


# %% [markdown] en
# ## 1. Through the needle's eye
#
# The encoder makes two numbers out of a picture, the decoder a picture out of two numbers. The answer to each picture is the picture itself:
# nobody needs to label anything.
# %% [markdown] ko
# ## 1. 바늘귀 통과하기
#
# 인코더는 그림을 숫자 두 개로, 디코더는 숫자 두 개를 그림으로 바꿉니다. 그림마다 정답은 그림 자신이므로 레이블이 필요 없습니다.
# %%
def make_encoder(outputs):
    return keras.Sequential(
        [
            keras.Input((64,)),
            layers.Dense(128, activation="relu"),
            layers.Dense(64, activation="relu"),
            layers.Dense(outputs),
        ],
        name="encoder",
    )


def make_decoder():
    return keras.Sequential(
        [
            keras.Input((2,)),
            layers.Dense(64, activation="relu"),
            layers.Dense(128, activation="relu"),
            layers.Dense(64, activation="sigmoid"),
        ],
        name="decoder",
    )


encoder, decoder = make_encoder(2), make_decoder()
auto = keras.Sequential([encoder, decoder])
auto.compile(keras.optimizers.Adam(0.002), "binary_crossentropy")
history = auto.fit(x, x, batch_size=50, epochs=80, validation_data=(x_test, x_test))


# %%
def compare(pictures, again):
    fig, axes = plt.subplots(2, 12, figsize=(9, 1.6))
    for row, many in zip(axes, (pictures, again), strict=True):
        for ax, picture in zip(row, many, strict=False):
            ax.imshow(np.reshape(picture, (8, 8)), cmap="gray_r", vmin=0, vmax=1)
            ax.set_axis_off()
    plt.show()


compare(x_test[:12], auto.predict(x_test[:12], verbose=0))
# %% [markdown] en
# Above what went in, below what came out of two numbers. Is it better than the best *straight* way, the two principal components?
# %% [markdown] ko
# 위는 들어간 그림, 아래는 숫자 두 개에서 되살린 그림입니다. 가장 좋은 *선형* 방법인 주성분 두 개보다 나을까요?
# %%
mean = x.mean(axis=0)
_, _, axes_of_pca = np.linalg.svd(x - mean, full_matrices=False)
flat = (x_test - mean) @ axes_of_pca[:2].T @ axes_of_pca[:2] + mean
errors = {"two principal components": flat, "autoencoder": auto.predict(x_test, verbose=0)}
errors = {name: float(((x_test - again) ** 2).mean()) for name, again in errors.items()}
for name, error in errors.items():
    print(f"{name}:", say("mean squared error", "평균 제곱 오차"), f"{error:.4f}")


# %% [markdown] en
# ## 2. The map, and its holes
#
# Each unseen digit at its place. The network was never told which digit is which. But what is *between* the islands? Nobody taught the decoder that, and nothing
# keeps the coordinates near zero.
# %% [markdown] ko
# ## 2. 지도, 그리고 구멍
#
# 보지 못한 숫자들을 제자리에 찍었습니다. 어떤 숫자인지는 한 번도 알려 주지 않았습니다. 그런데 섬과 섬 *사이*에는 무엇이 있을까요? 디코더는
# 그것을 배운 적이 없고, 좌표가 0 가까이에 있으라는 법도 없습니다.
# %%
def chart(places):
    """Draw each unseen digit, as itself, at its place on the map."""
    plt.figure(figsize=(6, 6))
    plt.scatter(*places.T, s=0)
    for (a, b), digit in zip(places, y_test, strict=True):
        plt.text(a, b, str(digit), color=plt.cm.tab10(digit), fontsize=9, ha="center", va="center")
    plt.xlabel("first number")
    plt.ylabel("second number")
    plt.show()


chart(encoder.predict(x_test, verbose=0))


# %% [markdown] en
# ## 3. A map without holes
#
# The VAE's encoder does not give a point but a little cloud: a mean and a spread. A point drawn from the cloud is decoded. So neighbors must look alike, or the loss is high.
# A second loss, the *KL divergence*, pulls all clouds together towards one round cloud around zero:
#
# $$\mathrm{KL} = -\tfrac12 \sum_j \left(1 + \log\sigma_j^2 - \mu_j^2 - \sigma_j^2\right)$$
#
# One cannot differentiate through a throw of dice. The trick: throw the dice outside, $\varepsilon \sim N(0, 1)$, and compute $z = \mu + \sigma \varepsilon$.
# %% [markdown] ko
# ## 3. 구멍 없는 지도
#
# VAE의 인코더는 점이 아니라 작은 구름, 곧 평균과 퍼진 정도를 내놓습니다. 구름에서 뽑은 점을 디코딩하므로 이웃한 점끼리 닮지 않으면 손실이
# 커집니다. 두 번째 손실인 *KL 발산*은 모든 구름을 0 둘레의 둥근 구름 하나로 끌어당깁니다.
#
# $$\mathrm{KL} = -\tfrac12 \sum_j \left(1 + \log\sigma_j^2 - \mu_j^2 - \sigma_j^2\right)$$
#
# 주사위 던지기는 미분할 수 없습니다. 그래서 주사위는 밖에서 던지고, $\varepsilon \sim N(0, 1)$, $z = \mu + \sigma \varepsilon$을 계산합니다.
# %%
class Cloud(layers.Layer):
    """Draws a point from the cloud (mean, log of the variance), and adds the KL divergence to the model's loss."""

    def __init__(self, weight=1.0, **kwargs):
        super().__init__(**kwargs)
        self.weight = weight
        self.dice = keras.random.SeedGenerator(1)

    def call(self, inputs):
        mean, log_variance = ops.split(inputs, 2, axis=-1)
        kl = -0.5 * ops.sum(1 + log_variance - mean**2 - ops.exp(log_variance), axis=-1)
        self.add_loss(self.weight * ops.mean(kl) / 64)  # the other loss is a mean over 64 pixels
        noise = keras.random.normal(ops.shape(mean), seed=self.dice)
        return mean + ops.exp(0.5 * log_variance) * noise


keras.utils.set_random_seed(0)
vae_encoder, vae_decoder = make_encoder(4), make_decoder()
vae = keras.Sequential([vae_encoder, Cloud(), vae_decoder])
vae.compile(keras.optimizers.Adam(0.002), "binary_crossentropy")
vae_history = vae.fit(x, x, batch_size=50, epochs=150, validation_data=(x_test, x_test))

means = vae_encoder.predict(x_test, verbose=0)[:, :2]
chart(means)
# %% [markdown] en
# Now each place is a picture. Lay a grid over the map and decode it:
# %% [markdown] ko
# 이제 어느 지점이든 그림입니다. 지도에 모눈을 놓고 디코딩해 봅시다.
# %%
steps = np.linspace(-2.2, 2.2, 15)
grid = np.array([(a, b) for b in steps[::-1] for a in steps], "float32")
tiles = vae_decoder.predict(grid, verbose=0).reshape(15, 15, 8, 8)
tiles = np.pad(tiles, [(0, 0), (0, 0), (1, 1), (1, 1)])  # a margin around each
atlas = tiles.transpose(0, 2, 1, 3).reshape(15 * 10, 15 * 10)
plt.figure(figsize=(7, 7))
plt.imshow(atlas, cmap="gray_r", extent=(-2.2, 2.2, -2.2, 2.2))
plt.xlabel("first number")
plt.ylabel("second number")
plt.show()
# %% [markdown] en
# How good is the map? Let the nearest neighbors on it vote which digit it is. With two numbers for 64 pixels, and no label seen in training:
# %% [markdown] ko
# 지도는 얼마나 쓸 만할까요? 지도 위 가장 가까운 이웃들의 투표로 숫자를 맞혀 봅시다. 픽셀 64개를 숫자 두 개로 줄였고 학습할 때 레이블은 본 적이 없습니다.
# %%
from sklearn.neighbors import KNeighborsClassifier

places = vae_encoder.predict(x, verbose=0)[:, :2]
votes = KNeighborsClassifier(15).fit(places, y).score(means, y_test)
print(
    say(
        f"The neighbors on the map name {votes:.0%} of unseen digits; guessing gets 10 %.",
        f"지도 위의 이웃이 처음 보는 숫자의 {votes:.0%}를 맞혔습니다. 찍으면 10%입니다.",
    )
)
# %% [markdown] en
# ## Exercises
# %% [markdown] ko
# ## 연습 문제
# %% [check]
from kernelkit import teaching


@teaching.exercise(
    right=say("Two means and two logarithms of variances.", "평균 두 개와 분산의 로그 두 개입니다."),
    language=say("en", "ko"),
)
def check_1(answer):
    if int(answer) != 4:
        return say(
            "A cloud in the plane: a mean and a spread, for each of two axes.",
            "평면 위의 구름입니다. 두 축에 평균과 퍼진 정도가 하나씩 있습니다.",
        )


@teaching.exercise(
    right=say("The round cloud itself costs nothing.", "바로 그 둥근 구름이면 벌점이 없습니다."),
    language=say("en", "ko"),
)
def check_2(kl):
    got = float(kl(np.zeros(2), np.zeros(2)))
    if abs(got) > 1e-6:
        return say(
            f"Mean 0 and log variance 0 should cost 0, yours costs {got:.3f}.",
            f"평균 0, 로그 분산 0이면 0이어야 하는데 {got:.3f}입니다.",
        )
    got, right = (
        float(kl(np.array([1.0, 2.0]), np.array([0.5, -1.0]))),
        2.5 - 0.5 * (2 + 0.5 - 1 - np.exp(0.5) - np.exp(-1)),
    )
    if abs(got - right) > 1e-4:
        return say(
            "Look at the formula above: the sum runs over both axes.", "위의 식을 보세요. 두 축에 대해 더합니다."
        )


@teaching.exercise(
    right=say(
        "Half of one, half of the other, and still a digit or nearly one.",
        "반은 이것, 반은 저것인데도 숫자처럼 보입니다.",
    ),
    language=say("en", "ko"),
)
def check_3(between):
    pictures = np.asarray(between(x_test[0], x_test[1], 5))
    if pictures.shape != (5, 64):
        return say(
            f"Five pictures of 64 pixels: (5, 64), not {pictures.shape}.",
            f"64픽셀 그림 다섯 장이면 (5, 64)여야 하는데 {pictures.shape}입니다.",
        )
    ends = vae_decoder.predict(means[:2], verbose=0)
    if np.abs(pictures[[0, -1]] - ends).max() > 1e-3:
        return say(
            "The first and the last are the decoded means of the two pictures.",
            "처음과 끝은 두 그림의 평균을 디코딩한 것이어야 합니다.",
        )
    middle = vae_decoder.predict(means[:2].mean(axis=0, keepdims=True), verbose=0)
    if np.abs(pictures[2] - middle[0]).max() > 1e-3:
        return say(
            "Walk on the map, not in the pixels: mix the two places, then decode.",
            "픽셀이 아니라 지도에서 걸어야 합니다. 두 지점을 섞은 다음 디코딩하세요.",
        )


# %% [markdown] en
# **1.** How many numbers does the VAE's encoder give for a map of two dimensions?
# %% [markdown] ko
# **1.** 이차원 지도를 만들려면 VAE의 인코더는 숫자를 몇 개 내야 할까요?
# %% [exercise]
check_1(...)
# %% [solution]
check_1(4)
# %% [markdown] en
# **2.** Write `kl(mean, log_variance)` with NumPy, for one picture.
# %% [markdown] ko
# **2.** 그림 한 장에 대해 `kl(mean, log_variance)`를 NumPy로 써 보세요.
# %% [exercise]
kl = ...

check_2(kl)


# %% [solution]
def kl(mean, log_variance):
    return -0.5 * np.sum(1 + log_variance - mean**2 - np.exp(log_variance))


check_2(kl)
# %% [markdown] en
# **3.** Write `between(one, other, count)`: encode two pictures, walk from one mean to the other in `count` even steps, and return the decoded pictures.
# %% [markdown] ko
# **3.** `between(one, other, count)`를 써 보세요. 그림 두 장을 인코딩하고, 한 평균에서 다른 평균까지 고르게 `count`걸음을 걸으며 디코딩한 그림들을 돌려줍니다.
# %% [exercise]
between = ...

check_3(between)


# %% [solution]
def between(one, other, count):
    start, end = vae_encoder.predict(np.stack([one, other]), verbose=0)[:, :2]
    t = np.linspace(0, 1, count)[:, None]
    return vae_decoder.predict((1 - t) * start + t * end, verbose=0)


check_3(between)
# %% [test]
assert errors["autoencoder"] < 0.75 * errors["two principal components"], errors
assert votes > 0.6, votes
assert np.abs(means).mean() < 2
