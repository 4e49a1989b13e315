# %% [markdown] en
# # Attention, and a small Transformer
#
# A recurrent network reads word after word and hopes to remember. **Attention** lets each place look directly at every other and decide for itself where to look. It is
# the heart of the Transformer (Vaswani et al., 2017), and of all large language models. Here you compute it by hand, build a Transformer out of kernelkit's layers, give it a
# task that cannot be solved without looking back, and then look at where it looks.
#
# **You will learn** queries, keys and values · why positions must be told · causal masks · reading attention maps. **Time** 20 minutes.
# %% [markdown] ko
# # 어텐션, 그리고 작은 트랜스포머
#
# 순환 신경망은 단어를 하나씩 읽으며 잊지 않기를 바랄 뿐입니다. **어텐션**은 각 자리가 다른 모든 자리를 곧장 바라보고, 어디를 볼지 스스로 정하게 합니다. 이것이
# 트랜스포머(Vaswani 외, 2017)의 심장이고 모든 거대 언어 모델의 심장입니다. 이 수업에서는 어텐션을 손으로 계산하고, kernelkit의 층으로 트랜스포머를 만들어 뒤돌아보지
# 않고는 풀 수 없는 과제를 준 다음, 어디를 보는지 들여다봅니다.
#
# **배울 것** 쿼리, 키, 값 · 위치를 알려 줘야 하는 까닭 · 인과 마스크 · 어텐션 맵 읽기. **시간** 20분.
# %%
import matplotlib.pyplot as plt
import numpy as np

import kernelkit as keras
from kernelkit import layers, ops

keras.utils.set_random_seed(0)
# %% [markdown] en
# ## 1. By hand
#
# Each place has three vectors: a **query** (what am I looking for?), a **key** (what am I?), and a **value** (what have I to say?). Query and key are compared, a softmax turns that into
# shares, and the values are mixed by these shares:
#
# $$\mathrm{attention}(Q, K, V) = \mathrm{softmax}\left(\frac{Q K^\top}{\sqrt d}\right) V$$
# %% [markdown] ko
# ## 1. 손으로 계산하기
#
# 자리마다 벡터가 세 개 있습니다. **쿼리**(나는 무엇을 찾는가?), **키**(나는 무엇인가?), **값**(나는 무엇을 말해 줄 수 있는가?)입니다. 쿼리와 키를 견주고, 소프트맥스로 비율을
# 만들어, 그 비율대로 값을 섞습니다.
#
# $$\mathrm{attention}(Q, K, V) = \mathrm{softmax}\left(\frac{Q K^\top}{\sqrt d}\right) V$$
# %%
keys = np.array([[4.0, 0.0], [0.0, 4.0], [4.0, 4.0]])  # three places: "red", "round", "red and round"
values = np.array([[1.0], [2.0], [3.0]])
query = np.array([[0.0, 3.0]])  # somebody looks for what is round


def attention(query, keys, values):
    scores = query @ keys.T / np.sqrt(keys.shape[-1])
    shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
    shares /= shares.sum(axis=-1, keepdims=True)
    return shares @ values, shares


mixed, shares = attention(query, keys, values)
print("shares", shares.round(3), "mixed value", mixed.round(3))
same = ops.dot_product_attention(*(ops.cast(a[None, :, None], "float32") for a in (query, keys, values)))
print("the same from ops:", np.asarray(same).ravel().round(3))
# %% [markdown] en
# ## 2. A task that needs looking back
#
# A sequence of letters and digits, such as `c4 a7 f1 b2 ...`: each letter is followed by its number. Then a letter comes again: which number belongs to it? The pairs are thrown anew for each
# sequence, so nothing can be learned by heart. The answer stands in the text, once, somewhere. (Language models have to do just this with names; it is called *induction* or *recall*.)
# %% [markdown] ko
# ## 2. 뒤돌아봐야 하는 과제
#
# `c4 a7 f1 b2 ...`처럼 글자마다 숫자가 따라 나옵니다. 그러다 글자 하나가 다시 나옵니다. 어떤 숫자가 따라 나와야 할까요? 짝은 시퀀스마다 새로 정하므로 외울 수 없습니다. 답은
# 글 속 어딘가에 딱 한 번 있습니다. (언어 모델이 이름을 다룰 때 바로 이런 일을 합니다. *귀납* 또는 *회상*이라고 합니다.)
# %%
LETTERS, DIGITS, PAIRS = 12, 10, 6
names = list("abcdefghijkl") + list("0123456789")
LENGTH = 2 * PAIRS + 1


def dataset(count, seed):
    rng = np.random.default_rng(seed)
    who = np.argsort(rng.random((count, LETTERS)), axis=1)[:, :PAIRS]
    what = rng.integers(0, DIGITS, (count, PAIRS))
    asked = rng.integers(0, PAIRS, count)
    x = np.zeros((count, LENGTH), "int32")
    x[:, 0:-1:2], x[:, 1::2] = who, what + LETTERS
    x[:, -1] = who[np.arange(count), asked]
    return x, what[np.arange(count), asked], asked


x, y, _ = dataset(20_000, 1)
x_test, y_test, asked = dataset(1_000, 2)
for i in range(3):
    print(" ".join(names[c] for c in x_test[i]), "->", y_test[i])


# %% [markdown] en
# ## 3. A Transformer out of layers
#
# Attention by itself does not know the order of things: mix up the sequence, and the answer is the same. So each place gets a vector for its **position** as well. Then two blocks,
# each of them: look around (attention), think it over (two dense layers), with a shortcut past both and a normalization before.
#
# `use_causal_mask=True` forbids looking into the future: each place sees only what came before. `return_attention_scores=True` keeps the shares for us to look at.
# %% [markdown] ko
# ## 3. 층으로 만드는 트랜스포머
#
# 어텐션만으로는 순서를 알 수 없습니다. 시퀀스를 뒤섞어도 답이 같으니까요. 그래서 자리마다 **위치** 벡터를 더해 줍니다. 그다음 블록이 두 개 있고, 블록마다 둘러보고(어텐션) 곱씹습니다(밀집층
# 두 개). 둘 다 지름길이 있고 앞에서 정규화합니다.
#
# `use_causal_mask=True`는 미래를 보지 못하게 합니다. 각 자리는 앞에 나온 것만 볼 수 있습니다. `return_attention_scores=True`는 비율을 남겨 두어 우리가 볼 수 있게 합니다.
# %%
class Places(layers.Layer):
    """Adds a learned vector for each position."""

    def build(self, shape):
        self.vectors = self.add_weight(shape=shape[1:], initializer="random_normal", name="vectors")

    def call(self, inputs):
        return inputs + self.vectors


def block(h, name, width=64, heads=4):
    look = layers.MultiHeadAttention(heads, width // heads, name=f"{name}_look")
    normed = layers.LayerNormalization()(h)
    seen, shares = look(normed, normed, use_causal_mask=True, return_attention_scores=True)
    h = h + seen
    thought = layers.Dense(2 * width, activation="gelu")(layers.LayerNormalization()(h))
    return h + layers.Dense(width)(thought), shares


def build(width=64):
    inputs = keras.Input((LENGTH,), dtype="int32")
    h = Places()(layers.Embedding(len(names), width)(inputs))
    h, first = block(h, "first")
    h, second = block(h, "second")
    answer = layers.Dense(DIGITS)(layers.LayerNormalization()(h)[:, -1])
    return keras.Model(inputs, answer), keras.Model(inputs, [first, second])


model, maps = build()
model.summary()
# %% [markdown] en
# ## 4. Training
#
# Guessing gets one in ten right; guessing among the six numbers that occur, about one in four. Watch the curve: it stays there for a while, and then the network *gets it*. What it finds
# in this moment has a name, an *induction head* (Olsson et al., 2022).
# %% [markdown] ko
# ## 4. 학습
#
# 아무 숫자나 찍으면 열에 하나, 나온 여섯 숫자 가운데서 찍으면 넷에 하나쯤 맞습니다. 곡선을 보세요. 한동안 거기 머물다가 어느 순간 *깨닫습니다*. 그때 찾아낸 것에는 이름도 있습니다.
# *귀납 헤드*(induction head, Olsson 외, 2022)라고 합니다.
# %%
model.compile(
    keras.optimizers.Adam(0.002, clipnorm=1.0),
    keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
history = model.fit(x, y, batch_size=64, epochs=10, validation_data=(x_test, y_test))
accuracy = history.history["val_accuracy"][-1]
print(f"{accuracy:.1%} of unseen sequences")
# %% [markdown] en
# ## 5. Where does it look?
#
# The last row of each map is the letter that asks. There are two steps to the answer: in the first block each *number* looks at the letter before it (a stripe beside the diagonal), so that it knows whose it is.
# In the second block the asking letter looks for "the number whose letter is mine".
# %% [markdown] ko
# ## 5. 어디를 볼까?
#
# 지도마다 맨 아랫줄이 묻는 글자입니다. 답은 두 걸음에 나옵니다. 첫째 블록에서 *숫자*가 바로 앞의 글자를 봅니다(대각선 옆의 줄무늬). 그래서 자기가 누구의 숫자인지 압니다. 둘째 블록에서
# 묻는 글자가 "나와 같은 글자를 가진 숫자"를 찾습니다.
# %%
i = 0
shares = [np.asarray(s)[i] for s in maps.predict(x_test[i : i + 1], verbose=0)]
labels = [names[c] for c in x_test[i]]
fig, axes = plt.subplots(2, 4, figsize=(10, 5.4))
for row, (name, heads) in zip(axes, zip(("first", "second"), shares, strict=True), strict=True):
    for h, ax in enumerate(row):
        ax.imshow(heads[h], cmap="Blues", vmin=0, vmax=1)
        ax.set_title(f"{name} block, head {h + 1}", fontsize=8)
        ax.set_xticks(range(LENGTH), labels, fontsize=7)
        ax.set_yticks(range(LENGTH), labels, fontsize=7)
fig.tight_layout()
plt.show()
print("asked:", labels[-1], "right:", y_test[i], "given:", int(model.predict(x_test[i : i + 1], verbose=0).argmax()))
# %% [markdown] en
# ## 6. What if it did not know where things stand?
#
# The same network without `Places`.
# %% [markdown] ko
# ## 6. 위치를 모른다면?
#
# `Places`를 뺀 같은 신경망입니다.
# %%
keras.utils.set_random_seed(0)
inputs = keras.Input((LENGTH,), dtype="int32")
h, _ = block(layers.Embedding(len(names), 64)(inputs), "first")
lost = keras.Model(inputs, layers.Dense(DIGITS)(h[:, -1]))
lost.compile(
    keras.optimizers.Adam(0.002), keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"]
)
lost.fit(x, y, batch_size=64, epochs=3, verbose=0)
print(f"one block, without positions: {lost.evaluate(x_test, y_test, verbose=0)[1]:.1%}")
# %% [markdown] en
# ## Exercises
# %% [markdown] ko
# ## 연습 문제
# %% [check]
from kernelkit import teaching


@teaching.exercise(
    right=say("All keys fit equally, so the values are averaged.", "모든 키가 똑같이 맞으니 값의 평균이 됩니다."),
    language=say("en", "ko"),
)
def check_1(answer):
    if abs(float(answer) - 2.0) > 1e-6:
        return say(
            "A query of zeros scores 0 with each key. What are the shares then?",
            "0인 쿼리는 어느 키와도 점수가 0입니다. 그러면 비율은 어떻게 될까요?",
        )


@teaching.exercise(
    right=say("Each place sees itself and what came before.", "자기 자신과 앞에 나온 것만 봅니다."),
    language=say("en", "ko"),
)
def check_2(mask):
    got = np.asarray(mask(4))
    if got.shape != (4, 4):
        return say(
            f"One row and one column for each place: (4, 4), not {got.shape}.",
            f"자리마다 행과 열이 하나씩, (4, 4)여야 하는데 {got.shape}입니다.",
        )
    if np.array_equal(got.astype(bool), np.triu(np.ones((4, 4), bool))):
        return say("Turned round: this one sees only the future.", "거꾸로 됐어요. 이건 미래만 봅니다.")
    if not np.array_equal(got.astype(bool), np.tril(np.ones((4, 4), bool))):
        return say("Row i may look at columns 0 to i, and at no others.", "i행은 0열부터 i열까지만 볼 수 있습니다.")


@teaching.exercise(
    right=say(
        "This is how one finds induction heads in large models, too.", "거대 모델에서도 귀납 헤드를 이렇게 찾습니다."
    ),
    language=say("en", "ko"),
)
def check_3(share):
    last = np.asarray(maps.predict(x_test, verbose=0)[1])[:, :, -1]
    right = last[np.arange(len(x_test)), :, 2 * asked + 1].mean(axis=0).max()
    if abs(float(share) - right) > 0.02:
        return say(
            "Take the second block's shares in the last row, at column 2 * asked + 1, average over the sequences, and take the best head.",
            "둘째 블록의 비율에서 마지막 행, 2 * asked + 1열을 골라 시퀀스에 대해 평균한 다음 가장 큰 헤드를 고르세요.",
        )


# %% [markdown] en
# **1.** What is the mixed value of the hand-made example in section 1 if the query is `[[0.0, 0.0]]`?
# %% [markdown] ko
# **1.** 1절의 예에서 쿼리가 `[[0.0, 0.0]]`이면 섞인 값은 얼마일까요?
# %% [exercise]
check_1(...)
# %% [solution]
check_1(attention(np.array([[0.0, 0.0]]), keys, values)[0].item())
# %% [markdown] en
# **2.** Write `mask(n)`: an array of shape (n, n) that is True where row i may look at column j in a causal model.
# %% [markdown] ko
# **2.** `mask(n)`을 써 보세요. 인과 모델에서 i행이 j열을 봐도 되는 곳이 True인 (n, n) 배열을 돌려줍니다.
# %% [exercise]
mask = ...

check_2(mask)


# %% [solution]
def mask(n):
    return np.tril(np.ones((n, n), bool))


check_2(mask)
# %% [markdown] en
# **3.** How much of its attention does the best head of the second block give, on average over `x_test`, to the right number? (`asked` tells which pair is asked for.)
# %% [markdown] ko
# **3.** 둘째 블록에서 가장 뛰어난 헤드는 `x_test` 평균으로 정답 숫자에 어텐션을 얼마나 줄까요? (`asked`는 몇 번째 짝을 묻는지 알려 줍니다.)
# %% [exercise]
share = ...

check_3(share)
# %% [solution]
last_row = np.asarray(maps.predict(x_test, verbose=0)[1])[:, :, -1]
share = last_row[np.arange(len(x_test)), :, 2 * asked + 1].mean(axis=0).max()
check_3(share)
# %% [test]
assert accuracy > 0.95, accuracy
assert share > 0.3, share
