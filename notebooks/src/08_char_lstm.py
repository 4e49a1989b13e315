# %% [markdown] en
# # A network that writes: stacked LSTMs, letter by letter
#
# Show a network a text, letter by letter, and let it guess each next letter. To guess well it has to pick up spelling, words, and where
# sentences end. Then turn it round: let it guess, take its guess as the next letter, and so on. It writes.
#
# The text is one that everyone who has Python has: the chapters of the language reference that `help()` shows.
#
# **You will learn** sequences as batches · embeddings and stacked LSTMs · perplexity · temperature. **Time** 20 minutes.
# %% [markdown] ko
# # 글 쓰는 신경망: LSTM을 쌓아 한 글자씩
#
# 신경망에게 글을 한 글자씩 보여 주며 다음 글자를 맞혀 보게 합니다. 잘 맞히려면 철자와 단어, 문장이 끝나는 자리까지 익혀야 합니다. 그런 다음
# 방향을 뒤집습니다. 신경망이 맞힌 글자를 다음 입력으로 넣고, 또 맞히게 합니다. 그러면 글을 씁니다.
#
# 글은 파이썬을 가진 사람이라면 누구나 가지고 있는 것, `help()`가 보여 주는 언어 설명서의 장들입니다.
#
# **배울 것** 시퀀스를 배치로 만들기 · 임베딩과 쌓은 LSTM · 퍼플렉서티 · 온도. **시간** 20분.
# %%
import re
from pydoc_data import topics

import jax
import matplotlib.pyplot as plt
import numpy as np

import kernelkit as keras
from kernelkit import layers, ops

keras.utils.set_random_seed(0)

text = "\n".join(topics.topics[name] for name in sorted(topics.topics))
text = re.sub(r"[^a-z .,\n]", "", re.sub(r"\s*\n\s*\n\s*", "\n", text.lower().replace("\n ", " ")))
text = re.sub(r"  +", " ", re.sub(r"(?<=[a-z,])\n(?=[a-z])", " ", text))
print(f"{len(text):,}", say("letters", "글자"))
print(text[20_000:20_400])
# %% [markdown] en
# ## 1. Letters as numbers
#
# Each letter gets a number. The text is cut into pieces of 40 letters; the answer to each piece is the same piece, one letter later. So each piece
# asks 40 questions at once.
# %% [markdown] ko
# ## 1. 글자를 숫자로
#
# 글자마다 번호를 붙입니다. 글을 40글자씩 자르고, 각 조각의 정답은 한 글자 뒤로 밀린 같은 조각입니다. 그래서 조각 하나가 질문 40개를
# 한꺼번에 던집니다.
# %%
letters = sorted(set(text))
number = {letter: i for i, letter in enumerate(letters)}
codes = np.array([number[letter] for letter in text], "int32")
LENGTH = 40


def pieces(codes):
    count = (len(codes) - 1) // LENGTH
    return codes[: count * LENGTH].reshape(count, LENGTH), codes[1 : count * LENGTH + 1].reshape(count, LENGTH)


cut = int(0.9 * len(codes))
x, y = pieces(codes[:cut])
x_test, y_test = pieces(codes[cut:])
print(
    say(
        f"{len(letters)} different letters; {x.shape} for training, {x_test.shape} to test",
        f"서로 다른 글자 {len(letters)}가지, 학습용 {x.shape}, 시험용 {x_test.shape}",
    )
)
print(repr("".join(letters[c] for c in x[0])), "->", repr("".join(letters[c] for c in y[0])))
# %% [markdown] en
# ## 2. What is a good guess?
#
# Before building anything, ask what a guess is worth. The loss is minus the logarithm of the probability given to the right letter, and its
# exponential, the **perplexity**, is how many letters the guess hesitates between. Two guesses without a network: one knows only how
# often each letter comes, the other knows the letter before as well.
# %% [markdown] ko
# ## 2. 잘 맞힌다는 것은?
#
# 만들기 전에, 추측의 값어치부터 따져 봅시다. 손실은 정답 글자에 준 확률의 로그에 음수를 붙인 것이고, 그 지수인 **퍼플렉서티**는 몇 글자
# 사이에서 망설이는지를 뜻합니다. 글자의 빈도만 아는 경우와, 바로 앞 글자까지 아는 경우를 봅시다.
# %%
ones = np.bincount(codes[:cut], minlength=len(letters)) / cut
pairs = np.ones((len(letters), len(letters)))
np.add.at(pairs, (codes[: cut - 1], codes[1:cut]), 1)
pairs /= pairs.sum(axis=1, keepdims=True)
tests = codes[cut:]
baselines = {
    say("knows how often each letter comes", "글자의 빈도만 알 때"): -np.log(ones[tests[1:]]).mean(),
    say("knows the letter before, too", "앞 글자도 알 때"): -np.log(pairs[tests[:-1], tests[1:]]).mean(),
}
for name, loss in baselines.items():
    print(
        f"{name}:",
        say(
            f"loss {loss:.2f}, hesitates between {np.exp(loss):.1f} letters",
            f"손실 {loss:.2f}, {np.exp(loss):.1f}글자 사이에서 망설임",
        ),
    )
# %% [markdown] en
# ## 3. Two LSTMs, one above the other
#
# An **LSTM** reads a sequence and carries a state along, with gates that decide what to keep. The lower one tends to learn what letters do, the upper
# one what words do. `return_sequences=True` gives an answer at each letter and not only at the end.
#
# The state is an input and an output of our model, so that writing can go on where it stopped.
# %% [markdown] ko
# ## 3. LSTM 두 층
#
# **LSTM**은 시퀀스를 읽으며 상태를 이어 가고, 무엇을 간직할지는 게이트가 정합니다. 아래층은 주로 글자의 움직임을, 위층은 단어의 움직임을
# 배웁니다. `return_sequences=True`이면 끝에서만이 아니라 글자마다 답을 냅니다.
#
# 상태를 모델의 입력이자 출력으로 두었기 때문에, 글쓰기를 멈춘 데서 이어 갈 수 있습니다.
# %%
UNITS = 80
embed = layers.Embedding(len(letters), 24)
lower = layers.LSTM(UNITS, return_sequences=True, return_state=True, name="lower")
upper = layers.LSTM(UNITS, return_sequences=True, return_state=True, name="upper")
guess = layers.Dense(len(letters), name="guess")

inputs = keras.Input((None,), dtype="int32")
h, *_ = lower(embed(inputs))
h, *_ = upper(h)
model = keras.Model(inputs, guess(h))

states = [keras.Input((UNITS,)) for _ in range(4)]
h, *low = lower(embed(inputs), initial_state=states[:2])
h, *up = upper(h, initial_state=states[2:])
writer = keras.Model([inputs, *states], [guess(h), *low, *up])

model.compile(keras.optimizers.Adam(0.005), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
model.summary()


# %% [markdown] en
# ## 4. Write
#
# At each letter the network gives 30 scores. Divided by a **temperature** and sent through a softmax they are chances, and we draw one letter. Low temperature:
# the surest letter nearly always. High: anything goes. After each epoch it writes a line, so that you see it learn.
# %% [markdown] ko
# ## 4. 쓰기
#
# 글자마다 신경망은 점수 30개를 냅니다. **온도**로 나눠 소프트맥스를 거치면 확률이 되고, 거기서 글자 하나를 뽑습니다. 온도가 낮으면 거의 언제나
# 가장 확실한 글자가, 높으면 온갖 글자가 나옵니다. 에포크마다 한 줄씩 쓰게 해서 배워 가는 모습을 보겠습니다.
# %%
ask = jax.jit(writer.stateless_call)  # compiled once for the start and once for single letters


def write(start, count=80, temperature=0.6, seed=0):
    rng, weights = np.random.default_rng(seed), [v.value for v in writer.trainable_variables]
    state = [ops.zeros((1, UNITS))] * 4
    written, fresh = start, [number[letter] for letter in start]
    for _ in range(count):
        (scores, *state), _ = ask(weights, [], [np.array([fresh], "int32"), *state])
        scores = np.asarray(scores[0, -1], "float64") / temperature
        chances = np.exp(scores - scores.max())
        fresh = [int(rng.choice(len(letters), p=chances / chances.sum()))]
        written += letters[fresh[0]]
    return written.replace("\n", " ")


lines = []


class Diary(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        lines.append(f"epoch {epoch + 1}, loss {logs['loss']:.2f}: {write('the ')}")


history = model.fit(x, y, batch_size=64, epochs=5, validation_data=(x_test, y_test), callbacks=[Diary()])
# %%
print("\n".join(lines))
loss = history.history["val_loss"][-1]
print(
    say(
        f"\nOn unseen text: loss {loss:.2f}, hesitates between {np.exp(loss):.1f} letters.",
        f"\n처음 보는 글: 손실 {loss:.2f}, {np.exp(loss):.1f}글자 사이에서 망설임.",
    )
)
# %% [markdown] en
# ## 5. Temperature
# %% [markdown] ko
# ## 5. 온도
# %%
for temperature in (0.2, 0.6, 1.0, 1.5):
    print(f"{temperature}: {write('if the object is ', 160, temperature)}\n")
# %% [markdown] en
# ## 6. What is easy, what is hard
#
# The first letters of a word are hard to guess, the rest follows. Dark letters surprised the network.
# %% [markdown] ko
# ## 6. 쉬운 것과 어려운 것
#
# 단어의 첫 글자는 맞히기 어렵고, 나머지는 저절로 따라옵니다. 색이 진할수록 신경망이 놀란 글자입니다.
# %%
i = 3
scores = model.predict(x_test[i : i + 1], verbose=0)[0]
log_chances = scores - np.log(np.exp(scores).sum(-1, keepdims=True))
surprise = -log_chances[np.arange(LENGTH), y_test[i]]

fig, ax = plt.subplots(figsize=(9, 0.9))
ax.imshow(surprise[None], cmap="Oranges", vmin=0, vmax=5, aspect="auto")
for place, c in enumerate(y_test[i]):
    shown, ink = letters[c].replace("\n", "¶").replace(" ", "␣"), "white" if surprise[place] > 3 else "black"
    ax.text(place, 0, shown, color=ink, ha="center", va="center", fontsize=11)
ax.set(xticks=[], yticks=[])
plt.show()
# %% [markdown] en
# ## Exercises
# %% [markdown] ko
# ## 연습 문제
# %% [check]
from kernelkit import teaching


@teaching.exercise(
    right=say("It is the logarithm of the number of letters.", "글자 수에 로그를 취한 값입니다."),
    language=say("en", "ko"),
)
def check_1(answer):
    if abs(float(answer) - np.log(len(letters))) > 0.01:
        return say(
            "It gives each letter the chance 1 / len(letters). The loss is minus the logarithm of that.",
            "글자마다 1 / len(letters)의 확률을 줍니다. 손실은 그 로그에 음수를 붙인 값입니다.",
        )


@teaching.exercise(
    right=say(
        "There are 4 gates, each with weights for the input and for the state, and a bias.",
        "게이트 4개마다 입력과 상태의 가중치, 편향이 있습니다.",
    ),
    language=say("en", "ko"),
)
def check_2(answer):
    if int(answer) != 4 * (UNITS * (24 + UNITS) + UNITS):
        return say(
            "Four gates; each has UNITS outputs, 24 inputs, UNITS numbers of state, and a bias for each output.",
            "게이트 네 개. 각각 출력 UNITS개, 입력 24개, 상태 UNITS개, 출력마다 편향 하나입니다.",
        )


@teaching.exercise(
    right=say(
        "The lower the temperature, the larger the chance of the first letter.",
        "온도가 낮을수록 점수가 가장 큰 글자에 확률이 몰립니다.",
    ),
    language=say("en", "ko"),
)
def check_3(function):
    scores = np.array([2.0, 1.0, 0.0])
    for temperature in (0.5, 1.0, 2.0):
        right = np.exp(scores / temperature) / np.exp(scores / temperature).sum()
        got = np.asarray(function(scores, temperature), float)
        if got.shape != (3,) or abs(got.sum() - 1) > 1e-6:
            return say("One chance for each letter, and together 1.", "글자마다 확률 하나, 모두 더하면 1이어야 합니다.")
        if np.abs(got - right).max() > 1e-6:
            return say(
                "Divide the scores by the temperature before the softmax.", "소프트맥스 전에 점수를 온도로 나누세요."
            )


# %% [markdown] en
# **1.** What is the loss of a network that knows nothing and gives all letters the same chance?
# %% [markdown] ko
# **1.** 아무것도 모르고 모든 글자에 같은 확률을 주는 신경망의 손실은 얼마일까요?
# %% [exercise]
check_1(...)
# %% [solution]
check_1(np.log(len(letters)))
# %% [markdown] en
# **2.** How many parameters does the layer `lower` have? Work it out (the summary tells whether you are right).
# %% [markdown] ko
# **2.** `lower` 층의 매개변수는 몇 개일까요? 직접 셈해 보세요(맞는지는 summary에 나옵니다).
# %% [exercise]
check_2(...)
# %% [solution]
check_2(lower.count_params())
# %% [markdown] en
# **3.** Write `chances(scores, temperature)`.
# %% [markdown] ko
# **3.** `chances(scores, temperature)`를 써 보세요.
# %% [exercise]
chances = ...

check_3(chances)


# %% [solution]
def chances(scores, temperature):
    powers = np.exp(scores / temperature)
    return powers / powers.sum()


check_3(chances)
# %% [markdown] en
# **To try.** Give it a text of your own: a book, your notes, songs in Korean (there are more letters then; split syllables into jamo with
# `unicodedata.normalize("NFD", text)`). Replace the LSTMs by `GRU`, or put a third one on top.
# %% [markdown] ko
# **더 해 보기.** 여러분의 글을 넣어 보세요. 책도, 메모도, 노래 가사도 좋습니다(한글은 글자 수가 많아지니 `unicodedata.normalize("NFD", text)`로
# 자모로 나눠 보세요). LSTM을 `GRU`로 바꾸거나 한 층 더 쌓아 보세요.
# %% [test]
assert loss < 1.9, loss
assert loss < min(baselines.values()) - 0.4
