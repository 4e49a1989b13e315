# %% [markdown] en
# # A network that answers questions: end-to-end memory
#
# *Mary went to the kitchen. John picked up the apple. John went to the garden. Where is the apple?*
#
# To answer, you look for the sentence about the apple, learn that John has it, and look again: where is John? A **memory network**
# (Sukhbaatar et al., 2015) does just that: it puts each sentence into a memory and looks through it several times. Where it looks
# can be seen.
#
# **You will learn** attention over a memory · why several *hops* are needed · how to look into a model that answers. **Time** 20 minutes.
# %% [markdown] ko
# # 질문에 답하는 신경망: 메모리 네트워크
#
# *Mary는 부엌으로 갔다. John은 사과를 집었다. John은 정원으로 갔다. 사과는 어디에 있을까?*
#
# 답하려면 먼저 사과가 나오는 문장을 찾아 John이 사과를 가졌다는 것을 알아낸 다음, 다시 찾아야 합니다. John은 어디에 있지? **메모리
# 네트워크**(Sukhbaatar 외, 2015)가 하는 일이 바로 이것입니다. 문장마다 메모리에 넣어 두고 여러 번 훑어봅니다. 어디를 보는지는 눈으로
# 확인할 수 있습니다.
#
# **배울 것** 메모리에 대한 어텐션 · 여러 번 훑어야(*hop*) 하는 까닭 · 답하는 모델의 속을 들여다보는 법. **시간** 20분.
# %%
import random

import matplotlib.pyplot as plt
import numpy as np

import kernelkit as keras
from kernelkit import layers, ops

keras.utils.set_random_seed(0)
# %% [markdown] en
# ## 1. Stories
#
# We make the stories ourselves, in the form of Facebook's bAbI tasks. People walk, pick things up and put them down; a question is either
# "where is Mary" (one sentence is enough) or "where is the apple" (two are needed: who has it, and where that one went last).
# %% [markdown] ko
# ## 1. 이야기
#
# 이야기는 페이스북의 bAbI 과제와 같은 형식으로 직접 만듭니다. 사람들이 돌아다니며 물건을 집고 내려놓습니다. 질문은 두 가지입니다.
# "Mary는 어디에 있나"는 문장 하나로 충분하고, "사과는 어디에 있나"는 두 문장이 필요합니다. 누가 가졌는지, 그 사람이 마지막에 어디로
# 갔는지를 알아야 하니까요.
# %%
PEOPLE = ["mary", "john", "sora", "minho"]
PLACES = ["kitchen", "garden", "office", "bathroom", "hallway"]
THINGS = ["apple", "book"]


def story(rng, length=8):
    """Return sentences, a question, its answer, and the indices of the sentences that tell."""
    where, moved, holder, taken = {}, {}, {}, {}
    sentences = []
    for i in range(length):
        who = rng.choice(PEOPLE)
        free = [t for t in THINGS if t not in holder]
        if who in where and free and rng.random() < 0.35:
            thing = rng.choice(free)
            holder[thing], taken[thing] = who, i
            sentences.append(f"{who} took the {thing}")
        else:
            where[who], moved[who] = rng.choice([p for p in PLACES if p != where.get(who)]), i
            sentences.append(f"{who} went to the {where[who]}")
    if holder and rng.random() < 0.6:
        thing = rng.choice(sorted(holder))
        who = holder[thing]
        return sentences, f"where is the {thing}", where[who], [taken[thing], moved[who]]
    who = rng.choice(sorted(where))
    return sentences, f"where is {who}", where[who], [moved[who]]


rng = random.Random(0)
sentences, question, answer, clues = story(rng)
for i, sentence in enumerate(sentences):
    print(i, sentence)
print(question, "->", answer, say("because of", "단서:"), clues)
# %% [markdown] en
# ## 2. Words to numbers
#
# `TextVectorization` learns the vocabulary and turns a sentence into six numbers, one for each word; 0 means "no word here".
# %% [markdown] ko
# ## 2. 단어를 숫자로
#
# `TextVectorization`은 어휘를 익혀 문장을 숫자 여섯 개로, 단어마다 하나씩 바꿉니다. 0은 "여기에는 단어가 없음"을 뜻합니다.
# %%
WORDS = 6
vectorize = layers.TextVectorization(output_sequence_length=WORDS)
vectorize.adapt([" ".join(story(rng)[0]) + " " + story(rng)[1] for _ in range(200)])
print(vectorize.get_vocabulary())


def dataset(count, seed):
    rng = random.Random(seed)
    stories = [story(rng) for _ in range(count)]
    memory = np.asarray(vectorize([s for st in stories for s in st[0]])).reshape(count, -1, WORDS)
    questions = np.asarray(vectorize([st[1] for st in stories]))
    answers = np.array([PLACES.index(st[2]) for st in stories])
    return {"story": memory, "question": questions}, answers, stories


x_train, y_train, _ = dataset(10_000, 1)
x_test, y_test, test_stories = dataset(1_000, 2)
print(x_train["story"].shape, x_train["question"].shape, y_train.shape)


# %% [markdown] en
# ## 3. The memory as a layer
#
# Each sentence becomes two vectors: a **key** (compared with the question) and a **value** (what is read). A sentence is the sum of its words'
# vectors, plus a vector that says *when* it was said; without that, the network could not know which walk was the last.
#
# One hop:
#
# $$p_i = \mathrm{softmax}(q \cdot k_i) \qquad o = \sum_i p_i\, v_i \qquad q \leftarrow W q + o$$
#
# The new $q$ is the question of the next hop: what to look for now, knowing what was read.
# %% [markdown] ko
# ## 3. 메모리를 층으로
#
# 문장마다 벡터가 두 개 생깁니다. 질문과 견주는 **키**(key)와 읽어 내는 **값**(value)입니다. 문장 벡터는 단어 벡터의 합에 *언제* 나온
# 문장인지를 나타내는 벡터를 더한 것입니다. 이것이 없으면 어느 것이 마지막 이동인지 알 수 없습니다.
#
# 한 번의 hop은 이렇습니다.
#
# $$p_i = \mathrm{softmax}(q \cdot k_i) \qquad o = \sum_i p_i\, v_i \qquad q \leftarrow W q + o$$
#
# 새로운 $q$가 다음 hop의 질문입니다. 지금까지 읽은 것을 알고서, 이제 무엇을 찾을지를 담고 있습니다.
# %%
class Memory(layers.Layer):
    """Looks ``hops`` times. Returns what it then knows, and where it looked: (batch, hops, sentences)."""

    def __init__(self, vocabulary, units=32, hops=3, **kwargs):
        super().__init__(**kwargs)
        self.hops = hops
        self.keys, self.values = layers.Embedding(vocabulary, units), layers.Embedding(vocabulary, units)
        self.question_words = layers.Embedding(vocabulary, units)
        self.turn = [layers.Dense(units, use_bias=False) for _ in range(hops)]
        self.units = units

    def build(self, shape):
        story = shape["story"] if isinstance(shape, dict) else shape
        self.when_key = self.add_weight(shape=(story[1], self.units), initializer="random_normal", name="when_key")
        self.when_value = self.add_weight(shape=(story[1], self.units), initializer="random_normal", name="when_value")
        for dense in self.turn:
            dense.build((None, self.units))

    def sentence(self, embedding, words):
        there = ops.cast(words != 0, "float32")[..., None]
        return ops.sum(embedding(words) * there, axis=-2)

    def call(self, inputs):
        keys = self.sentence(self.keys, inputs["story"]) + self.when_key
        values = self.sentence(self.values, inputs["story"]) + self.when_value
        q = self.sentence(self.question_words, inputs["question"])
        looks = []
        for turn in self.turn:
            p = ops.softmax(ops.einsum("bu,bsu->bs", q, keys))
            q = turn(q) + ops.einsum("bs,bsu->bu", p, values)
            looks.append(p)
        return q, ops.stack(looks, axis=1)


def build(hops):
    inputs = {"story": keras.Input((8, WORDS), dtype="int32"), "question": keras.Input((WORDS,), dtype="int32")}
    known, looks = Memory(len(vectorize.get_vocabulary()), hops=hops, name="memory")(inputs)
    answer = layers.Dense(len(PLACES), activation="softmax", name="answer")(known)
    return keras.Model(inputs, answer), keras.Model(inputs, looks)


model, look = build(hops=3)
model.summary()
# %% [markdown] en
# ## 4. Training
#
# Watch the curve of each batch: the easy questions come first, the others follow when the network finds out that it may look twice.
# %% [markdown] ko
# ## 4. 학습
#
# 배치마다 그려지는 곡선을 보세요. 쉬운 질문부터 맞히기 시작하고, 두 번 찾아봐도 된다는 것을 알아내면 나머지도 따라옵니다.
# %%
model.compile(keras.optimizers.Adam(0.003), "sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(x_train, y_train, batch_size=64, epochs=12, validation_data=(x_test, y_test))
accuracy = model.evaluate(x_test, y_test, verbose=0)[1]
print(
    say(
        f"{accuracy:.1%} of the questions about unseen stories are answered right.",
        f"처음 보는 이야기에 대한 질문 가운데 {accuracy:.1%}에 바르게 답했습니다.",
    )
)
# %% [markdown] en
# ## 5. Where does it look?
#
# A row is a hop, a column a sentence. For "where is the apple" the first look goes to who took it, a later one to where that person went.
# %% [markdown] ko
# ## 5. 어디를 볼까?
#
# 행은 hop, 열은 문장입니다. "사과는 어디에 있나"라는 질문이면 먼저 사과를 집은 사람을, 그다음에 그 사람이 간 곳을 봅니다.
# %%
looks = look.predict(x_test, verbose=0)
answers = model.predict(x_test, verbose=0).argmax(axis=1)


def explain(i):
    sentences, question, answer, clues = test_stories[i]
    fig, ax = plt.subplots(figsize=(8, 2.4))
    ax.imshow(looks[i], cmap="Blues", vmin=0, vmax=1, aspect="auto")
    labels = [("* " if j in clues else "") + s for j, s in enumerate(sentences)]
    ax.set_xticks(range(len(sentences)), labels, rotation=35, ha="right", fontsize=8)
    ax.set_yticks(range(looks.shape[1]), [f"hop {h + 1}" for h in range(looks.shape[1])])
    ax.set_title(f"{question}?  {PLACES[answers[i]]}  (right: {answer})", fontsize=10)
    plt.show()


two_clues = [i for i, st in enumerate(test_stories) if len(set(st[3])) == 2 and st[3][0] < st[3][1]]
for i in two_clues[:3]:
    explain(i)
# %% [markdown] en
# ## 6. What are the hops good for?
#
# The same network with a single look. Compare the questions that need one clue with those that need two.
# %% [markdown] ko
# ## 6. 여러 번 보는 것이 왜 좋을까?
#
# 한 번만 보는 같은 신경망을 만들어, 단서가 하나 필요한 질문과 둘 필요한 질문을 비교해 봅시다.
# %%
keras.utils.set_random_seed(0)
once, _ = build(hops=1)
once.compile(keras.optimizers.Adam(0.005), "sparse_categorical_crossentropy", metrics=["accuracy"])
once.fit(x_train, y_train, batch_size=64, epochs=12, verbose=0)

things = np.array(["the" in st[1].split() for st in test_stories])
for name, answered in (("1 hop", once.predict(x_test, verbose=0).argmax(1)), ("3 hops", answers)):
    right = answered == y_test
    print(
        f"{name}:",
        say(
            f"where is a person {right[~things].mean():.0%}, where is a thing {right[things].mean():.0%}",
            f"사람은 어디에 {right[~things].mean():.0%}, 물건은 어디에 {right[things].mean():.0%}",
        ),
    )
# %% [markdown] en
# ## Exercises
# %% [markdown] ko
# ## 연습 문제
# %% [check]
from kernelkit import teaching


@teaching.exercise(
    right=say("8 weights that sum to 1, in each hop.", "hop마다 합이 1인 가중치 8개입니다."), language=say("en", "ko")
)
def check_1(answer):
    if tuple(answer) != (3, 8):
        return say(
            "For one question: one row for each hop, one column for each sentence.",
            "질문 하나에 대해 hop마다 행 하나, 문장마다 열 하나입니다.",
        )


@teaching.exercise(
    right=say(
        "The sum of the words is the same in any order; the vector of time tells them apart.",
        "단어의 합은 순서를 모릅니다. 시간 벡터만이 둘을 구별해 줍니다.",
    ),
    language=say("en", "ko"),
)
def check_2(answer):
    if answer != "when":
        return say(
            "Swap two sentences of a story: which of the three would change at all?",
            "이야기의 두 문장을 서로 바꿔 보세요. 셋 중 무엇이 달라질까요?",
        )


@teaching.exercise(
    right=say("Now you can tell it stories of your own.", "이제 직접 지은 이야기도 물어볼 수 있습니다."),
    language=say("en", "ko"),
)
def check_3(ask):
    told = ["mary went to the garden", "john went to the office", "mary took the book", "mary went to the kitchen"]
    told += ["sora went to the hallway"] * 4
    got = ask(told, "where is the book")
    if got not in PLACES:
        return say(
            f"ask should return a place, one of {PLACES}.", f"ask는 장소를 돌려줘야 합니다. {PLACES} 중 하나로요."
        )
    if got != "kitchen":
        return say(
            f"Mary has the book and went to the kitchen; your function says {got!r}.",
            f"책은 Mary가 가졌고 Mary는 부엌으로 갔습니다. 함수의 답은 {got!r}이네요.",
        )


# %% [markdown] en
# **1.** The model says at which sentences it looks. What is the shape of that array for *one* question (without the batch axis)? Answer with
# a tuple.
# %% [markdown] ko
# **1.** *질문 하나*에 대해 모델이 어디를 보는지를 담은 배열의 모양은? (배치 축은 빼고) 튜플로 답하세요.
# %% [exercise]
check_1(...)
# %% [solution]
check_1((3, 8))
# %% [markdown] en
# **2.** Mary went to the kitchen, then to the garden. Which part tells the network that the garden came later: `"keys"`, `"question"` or `"when"`?
# %% [markdown] ko
# **2.** Mary는 부엌에 갔다가 정원으로 갔습니다. 정원이 나중이라는 것을 알려 주는 부분은 `"keys"`, `"question"`, `"when"` 중 무엇일까요?
# %% [exercise]
check_2(...)
# %% [solution]
check_2("when")
# %% [markdown] en
# **3.** Write `ask(sentences, question)`: it takes eight sentences and a question, and returns the name of the place.
# %% [markdown] ko
# **3.** `ask(sentences, question)`을 써 보세요. 문장 여덟 개와 질문을 받아 장소의 이름을 돌려줍니다.
# %% [exercise]
ask = ...

check_3(ask)


# %% [solution]
def ask(sentences, question):
    x = {"story": np.asarray(vectorize(sentences))[None], "question": np.asarray(vectorize([question]))}
    return PLACES[model.predict(x, verbose=0)[0].argmax()]


check_3(ask)
# %% [markdown] en
# **To try.** Add "put down the apple", or "Mary gave the apple to John": how many hops are needed then? Take `when_key` and `when_value`
# away: which questions suffer?
# %% [markdown] ko
# **더 해 보기.** "사과를 내려놓았다"나 "Mary가 John에게 사과를 주었다"를 넣어 보세요. hop이 몇 번 필요할까요? `when_key`와 `when_value`를 없애면
# 어떤 질문이 어려워질까요?
# %% [test]
assert accuracy > 0.9, accuracy
