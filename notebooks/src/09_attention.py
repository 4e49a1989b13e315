# %% [markdown] en
# # Attention, and a small Transformer
#
# A recurrent network reads word after word and must keep everything in its state. **Attention** lets each place look directly at every other place
# and choose where to look. It is the heart of the Transformer (Vaswani et al., 2017), and so of all large language models. Here you compute attention
# by hand, build a Transformer from kernelkit's layers, train it on a task that needs looking back, and then see where it looks.
#
# **You will learn** queries, keys and values · why attention must be told the order · causal masks · reading attention maps. **Time** 20 minutes.
# %% [markdown] ko
# # 어텐션, 그리고 작은 트랜스포머
#
# 순환 신경망은 단어를 하나씩 읽으며 잊지 않기를 바랄 뿐입니다. **어텐션**은 각 자리가 다른 모든 자리를 곧장 바라보고, 어디를 볼지 스스로 정하게 합니다. 이것이
# 트랜스포머(Vaswani 외, 2017)의 심장이고 모든 거대 언어 모델의 심장입니다. 이 수업에서는 어텐션을 손으로 계산하고, kernelkit의 층으로 트랜스포머를 만들어 뒤돌아보지
# 않고는 풀 수 없는 과제를 준 다음, 어디를 보는지 들여다봅니다.
#
# **배울 것** 쿼리, 키, 값 · 순서를 알려 줘야 하는 까닭 · 인과 마스크 · 어텐션 맵 읽기. **시간** 20분.
# %%
import matplotlib.pyplot as plt
import numpy as np

import kernelkit as keras
from kernelkit import layers, ops

keras.utils.set_random_seed(0)
# %% [markdown] en
# ## 1. By hand
#
# Each place has three vectors: a **query** (what am I looking for?), a **key** (what am I?), and a **value** (what do I pass on?). The query is compared
# with all keys, a softmax turns the results into shares that sum to 1, and the values are mixed in these shares:
#
# $$\mathrm{attention}(Q, K, V) = \mathrm{softmax}\left(\frac{Q K^\top}{\sqrt d}\right) V$$
# %% [markdown] ko
# ## 1. 손으로 계산하기
#
# 자리마다 벡터가 세 개 있습니다. **쿼리**(나는 무엇을 찾는가?), **키**(나는 무엇인가?), **값**(나는 무엇을 전하는가?)입니다. 쿼리를 모든 키와 견주고, 소프트맥스로 합이 1인
# 비율을 만들어, 그 비율대로 값을 섞습니다.
#
# $$\mathrm{attention}(Q, K, V) = \mathrm{softmax}\left(\frac{Q K^\top}{\sqrt d}\right) V$$
# %%
keys = np.array([[4.0, 0.0], [0.0, 4.0], [4.0, 4.0]])  # three places: "red", "round", "red and round"
values = np.array([[1.0], [2.0], [3.0]])
query = np.array([[0.0, 3.0]])  # looks for "round"


def attention(query, keys, values):
    scores = query @ keys.T / np.sqrt(keys.shape[-1])
    shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
    shares /= shares.sum(axis=-1, keepdims=True)
    return shares @ values, shares


mixed, shares = attention(query, keys, values)
print(say("shares", "비율"), shares.round(3), say("mixed value", "섞인 값"), mixed.round(3))
same = ops.dot_product_attention(*(ops.cast(a[None, :, None], "float32") for a in (query, keys, values)))
print(say("the same from ops:", "ops로 구한 같은 값:"), np.asarray(same).ravel().round(3))
# %% [markdown] en
# ## 2. A task that needs looking back
#
# The text is made of letters and digits, such as `c4 a7 f1 b2`: after each letter comes its digit. Then the letters come again in another order,
# `f? b? c? a?`. Which digit comes after each? The pairs are new in every sequence, so they cannot be learned by heart: the answer has to be looked up
# earlier in the text. (Language models do the same with names. It is called *induction* or *recall*.)
#
# As in a language model, each place predicts what comes next. The sample weights count only the predictions after the letters of the second half.
# %% [markdown] ko
# ## 2. 뒤돌아봐야 하는 과제
#
# `c4 a7 f1 b2`처럼 글자마다 숫자가 따라 나옵니다. 그다음 글자들이 다른 순서로 다시 나옵니다. `f? b? c? a?` 어떤 숫자가 따라 나와야 할까요? 짝은 시퀀스마다 새로 정하므로 외울 수 없습니다. 답은
# 글 속 어딘가에 딱 한 번 있습니다. (언어 모델이 이름을 다룰 때 바로 이런 일을 합니다. *귀납* 또는 *회상*이라고 합니다.)
#
# 언어 모델처럼 자리마다 다음에 올 것을 맞힙니다. 표본 가중치는 뒷부분에서 글자 다음에 올 것만 점수에 넣게 합니다.
# %%
LETTERS, DIGITS, PAIRS = 8, 8, 5
names = list("abcdefgh") + list("01234567")
LENGTH = 4 * PAIRS


def dataset(count, seed):
    """Return sequences, the digits that come next, their weights, and which pair the last letter asks for."""
    rng = np.random.default_rng(seed)
    rows = np.arange(count)[:, None]
    who = np.argsort(rng.random((count, LETTERS)), axis=1)[:, :PAIRS]
    what = rng.integers(0, DIGITS, (count, PAIRS))
    again = np.argsort(rng.random((count, PAIRS)), axis=1)
    x = np.zeros((count, LENGTH), "int32")
    half = 2 * PAIRS
    x[:, 0:half:2], x[:, 1:half:2] = who, what + LETTERS
    x[:, half::2], x[:, half + 1 :: 2] = who[rows, again], what[rows, again] + LETTERS
    y, counts = np.zeros((count, LENGTH), "int32"), np.zeros((count, LENGTH), "float32")
    y[:, half::2], counts[:, half::2] = what[rows, again], 1
    return x, y, counts, again[:, -1]


x, y, counts, _ = dataset(15_000, 1)
x_test, y_test, counts_test, asked = dataset(1_000, 2)
for i in range(3):
    print(" ".join(names[c] for c in x_test[i]))


# %% [markdown] en
# ## 3. A Transformer block out of layers
#
# Attention alone does not know the order: shuffle the places that it looks at, and the result is the same. So the network must be told. Often a vector
# for its **position** is added to each place; here a convolution of width 2 tells each place *what comes just before it* (many of today's language models
# have such short convolutions). After it a `4` is not just any 4, but "the 4 after the c".
#
# Then comes the block: attention, then two dense layers. A shortcut leads past each of them, and a normalization comes before each.
#
# `use_causal_mask=True` hides the future: each place sees only itself and what came before. `return_attention_scores=True` also returns the shares, so
# that we can look at them.
# %% [markdown] ko
# ## 3. 층으로 만드는 트랜스포머 블록
#
# 어텐션만으로는 순서를 알 수 없습니다. 시퀀스를 뒤섞어도 답이 같으니까요. 그래서 순서를 알려 줘야 합니다. 흔히 자리마다 **위치** 벡터를 더해 주는데, 여기서는 너비 2의 합성곱이 자리마다 *바로 앞에 무엇이 있었는지* 알려
# 줍니다(요즘 언어 모델에도 이런 짧은 합성곱이 많이 쓰입니다). 이것을 거치면 `4`는 아무 4가 아니라 "c 뒤에 온 4"가 됩니다.
#
# 그다음이 블록입니다. 어텐션 다음에 밀집층 두 개가 옵니다. 둘 다 옆으로 지나가는 지름길이 있고, 앞에서 정규화합니다.
#
# `use_causal_mask=True`는 미래를 보지 못하게 합니다. 각 자리는 자신과 앞에 나온 것만 볼 수 있습니다. `return_attention_scores=True`는 비율도 함께 돌려줘 우리가 볼 수 있게 합니다.
# %%
def block(h, width, heads):
    normed = layers.LayerNormalization()(h)
    look = layers.MultiHeadAttention(heads, width // heads, name="look")
    seen, shares = look(normed, normed, use_causal_mask=True, return_attention_scores=True)
    h = h + seen
    thought = layers.Dense(2 * width, activation="gelu")(layers.LayerNormalization()(h))
    return h + layers.Dense(width)(thought), shares


def build(before=True, width=64, heads=2):
    inputs = keras.Input((LENGTH,), dtype="int32")
    h = layers.Embedding(len(names), width)(inputs)
    if before:
        h = h + layers.Conv1D(width, 2, padding="causal", name="before")(h)
    h, shares = block(h, width, heads)
    answer = layers.Dense(DIGITS)(layers.LayerNormalization()(h))
    return keras.Model(inputs, answer, name="transformer"), keras.Model(inputs, shares, name="maps")


model, maps = build()
model.summary()
# %% [markdown] en
# ## 4. Training
#
# A random guess is right once in eight times. A network that only knows which digits occur in the sequence, and not where, is right about half of the
# time. To get all of them right it has to look each one up. Watch the accuracy pass both marks.
# %% [markdown] ko
# ## 4. 학습
#
# 아무 숫자나 찍으면 여덟 번에 한 번 맞습니다. 어떤 숫자가 나왔는지만 알고 어디에 나왔는지 모르면 절반쯤 맞습니다. 모두 맞히려면 하나하나
# 찾아봐야 합니다. 정확도가 이 두 값을 지나는 것을 보세요.
# %%
price = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile(keras.optimizers.Adam(0.003, clipnorm=1.0), price, weighted_metrics=["accuracy"])
validation = (x_test, y_test, counts_test)
history = model.fit(x, y, sample_weight=counts, batch_size=64, epochs=3, validation_data=validation)
accuracy = history.history["val_accuracy"][-1]
print(
    say(
        f"{accuracy:.1%} of the digits in unseen sequences are right",
        f"처음 보는 시퀀스의 숫자 가운데 {accuracy:.1%}를 맞혔습니다",
    )
)
# %% [markdown] en
# ## 5. Where does it look?
#
# Each row is a place that looks, each column a place that is looked at; dark means a large share. Take the row of a letter in the lower half, go right
# to its dark square, and then up: there is the digit after the same letter. A head that does this is called an *induction head* (Olsson et al., 2022);
# large language models have many of them.
# %% [markdown] ko
# ## 5. 어디를 볼까?
#
# 행은 보는 자리, 열은 보이는 자리이고, 진할수록 비율이 큽니다. 아래쪽 절반에서 글자 하나의 행을 골라 오른쪽으로 진한 칸까지 간 다음 위를 보세요. 같은
# 글자 뒤에 온 숫자가 거기 있습니다. 이런 일을 하는 헤드를 *귀납 헤드*(induction head, Olsson 외, 2022)라고 하며, 거대 언어 모델에 많이 있습니다.
# %%
i = 0
shares = np.asarray(maps.predict(x_test[i : i + 1], verbose=0))[0]
labels = [names[c] for c in x_test[i]]
fig, axes = plt.subplots(1, 2, figsize=(10, 5))
for h, ax in enumerate(axes):
    ax.imshow(shares[h], cmap="Blues", vmin=0, vmax=1)
    ax.axhline(2 * PAIRS - 0.5, color="gray", linewidth=0.5)
    ax.set_title(f"head {h + 1}", fontsize=9)
    ax.set_xticks(range(LENGTH), labels, fontsize=8)
    ax.set_yticks(range(LENGTH), labels, fontsize=8)
    ax.xaxis.tick_top()
fig.tight_layout()
plt.show()
said = model.predict(x_test[i : i + 1], verbose=0)[0].argmax(axis=-1)
print(say("asked:", "물은 글자:"), *labels[2 * PAIRS :: 2])
print(say("right:", "정답:"), *y_test[i, 2 * PAIRS :: 2])
print(say("given:", "답:"), *said[2 * PAIRS :: 2])
# %% [markdown] en
# ## 6. What if a place does not know what comes before it?
#
# The same network without the convolution. Now a digit does not know which letter it belongs to, so the network can only guess among the digits of the
# sequence.
# %% [markdown] ko
# ## 6. 앞에 무엇이 있는지 모른다면?
#
# 합성곱을 뺀 같은 신경망입니다. 이제 숫자는 자기가 어느 글자의 것인지 모르므로, 신경망은 그 시퀀스에 나온 숫자 가운데서 찍을 수밖에 없습니다.
# %%
keras.utils.set_random_seed(0)
lost, _ = build(before=False)
lost.compile(keras.optimizers.Adam(0.003, clipnorm=1.0), price, weighted_metrics=["accuracy"])
lost.fit(x, y, sample_weight=counts, batch_size=64, epochs=2, verbose=0)
without = lost.evaluate(*validation[:2], sample_weight=counts_test, verbose=0)[1]
print(say("without knowing what comes before:", "앞에 무엇이 있는지 모를 때:"), f"{without:.1%}")
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
        return say("The wrong way round: this one sees only the future.", "거꾸로 됐어요. 이건 미래만 봅니다.")
    if not np.array_equal(got.astype(bool), np.tril(np.ones((4, 4), bool))):
        return say(
            "Row i may look at columns 0 to i, and at no other column.", "i행은 0열부터 i열까지만 볼 수 있습니다."
        )


@teaching.exercise(
    right=say(
        "Induction heads in large models are found in the same way.", "거대 모델에서도 귀납 헤드를 이렇게 찾습니다."
    ),
    language=say("en", "ko"),
)
def check_3(share):
    last = np.asarray(maps.predict(x_test, verbose=0))[:, :, -2]
    right = last[np.arange(len(x_test)), :, 2 * asked + 1].mean(axis=0).max()
    if abs(float(share) - right) > 0.02:
        return say(
            "Take the shares in the last row but one (the last letter), at column 2 * asked + 1, average over the sequences, and take the best head.",
            "비율에서 끝에서 둘째 행(마지막 글자), 2 * asked + 1열을 골라 시퀀스에 대해 평균한 다음 가장 큰 헤드를 고르세요.",
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
# **3.** Which share of its attention does the best head give to the right digit at the last letter, on average over `x_test`? (`asked` holds which pair
# the last letter asks for.)
# %% [markdown] ko
# **3.** 마지막 글자의 자리에서 가장 뛰어난 헤드는 정답 숫자에 어텐션을 얼마나 줄까요? `x_test`에 대한 평균으로 답하세요. (`asked`는 몇 번째 짝을 묻는지 알려 줍니다.)
# %% [exercise]
share = ...

check_3(share)
# %% [solution]
last_row = np.asarray(maps.predict(x_test, verbose=0))[:, :, -2]
share = last_row[np.arange(len(x_test)), :, 2 * asked + 1].mean(axis=0).max()
check_3(share)
# %% [test]
assert accuracy > 0.95, accuracy
assert share > 0.3, share
assert 0.35 < without < 0.6, without
assert np.allclose(shares[0].sum(axis=-1), 1, atol=1e-5)
