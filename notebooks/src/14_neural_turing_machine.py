# %% [markdown] en
# # A network with a tape: the Neural Turing Machine
#
# An LSTM keeps all it knows in one vector. A **Neural Turing Machine** (Graves et al., 2014) has a memory beside it, rows that it can
# write to and read from, as a computer has. Where it writes is decided by soft attention, so all of it can be differentiated, and it
# learns by gradient descent to *use* a memory.
#
# The classic test is to copy: see a row of random bits, then say it again from memory. Whoever learns the *procedure* of copying, and not a
# list of sequences, can copy longer ones than it has ever seen.
#
# **You will learn** how to write a recurrent cell · addressing by content and by place · to see a network's memory at work. **Time** 25 minutes.
# %% [markdown] ko
# # 테이프가 달린 신경망: 신경 튜링 기계
#
# LSTM은 아는 것을 모두 벡터 하나에 담습니다. **신경 튜링 기계**(Neural Turing Machine, Graves 외, 2014)는 컴퓨터처럼 읽고 쓸 수 있는 메모리를
# 따로 가지고 있습니다. 어디에 쓸지를 부드러운 어텐션으로 정하기 때문에 전체를 미분할 수 있고, 메모리를 *쓰는 법*까지 경사 하강법으로
# 배웁니다.
#
# 대표적인 시험은 베껴 쓰기입니다. 무작위 비트열을 본 다음 기억을 되살려 그대로 말합니다. 비트열의 목록이 아니라 베끼는 *절차*를
# 배웠다면, 한 번도 본 적 없는 긴 비트열도 베낄 수 있습니다.
#
# **배울 것** 순환 셀을 직접 쓰는 법 · 내용으로 찾기와 위치로 찾기 · 신경망의 메모리가 일하는 모습 보기. **시간** 25분.
# %%
import matplotlib.pyplot as plt
import numpy as np

import kernelkit as keras
from kernelkit import layers, ops

keras.utils.set_random_seed(1)
BITS = 4


# %% [markdown] en
# ## 1. The task
#
# Each row is a moment. First come `length` rows of random bits, then a mark in an extra column, then silence: now the network must say the
# bits again. The sample weights say that only this second half counts.
# %% [markdown] ko
# ## 1. 과제
#
# 행 하나가 한 순간입니다. 먼저 무작위 비트가 `length`행 나오고, 추가 열에 표시가 하나 찍힌 다음 조용해집니다. 이제 신경망이 그 비트를 다시
# 말해야 합니다. 이 뒷부분만 점수에 들어가도록 표본 가중치를 줍니다.
# %%
def copy_task(count, longest, seed, shortest=1):
    """Return inputs (count, 2 longest + 1, BITS + 1), answers (..., BITS), weights (...): 1 where an answer counts."""
    rng = np.random.default_rng(seed)
    moments = 2 * longest + 1
    x = np.zeros((count, moments, BITS + 1), "float32")
    y = np.zeros((count, moments, BITS), "float32")
    counts = np.zeros((count, moments), "float32")
    for i, n in enumerate(rng.integers(shortest, longest + 1, count)):
        bits = rng.integers(0, 2, (n, BITS))
        x[i, :n, :BITS] = bits
        x[i, n, BITS] = 1
        y[i, n + 1 : 2 * n + 1] = bits
        counts[i, n + 1 : 2 * n + 1] = 1
    return x, y, counts


def picture(*panels):
    fig, axes = plt.subplots(len(panels), 1, figsize=(7, 1.15 * len(panels)), squeeze=False)
    for ax, (title, rows) in zip(axes[:, 0], panels, strict=True):
        ax.imshow(np.asarray(rows).T, cmap="gray_r", vmin=0, vmax=1, aspect="auto")
        ax.set_title(title, fontsize=9, loc="left", pad=2)
        ax.set(xticks=[], yticks=[])
    fig.tight_layout()
    plt.show()


x, y, counts = copy_task(2, 6, seed=0, shortest=6)
picture(("what it sees (the last row is the mark)", x[0]), ("what it must say", y[0]))


# %% [markdown] en
# ## 2. The cell
#
# At each moment a *controller* (one dense layer) sees the input and what was read a moment before. It drives two **heads**, one
# that writes and one that reads. A head points at rows of the memory by weights that sum to 1, found in four steps:
#
# 1. **By content**: compare a key with each row (cosine), sharpened by a strength β. "Where is something like this?"
# 2. **Or stay**: a gate between that and where the head pointed before.
# 3. **Move**: shift by -1, 0 or +1 row. "And now the next one." This is what makes copying a procedure.
# 4. **Sharpen**: a power γ ≥ 1, so that the pointer does not blur.
#
# Writing erases a part of the rows it points at, and then adds.
# %% [markdown] ko
# ## 2. 셀
#
# 매 순간 *제어기*(밀집층 하나)가 입력과 바로 전에 읽은 것을 봅니다. 제어기는 **헤드** 두 개, 쓰는 것과 읽는 것을 움직입니다. 헤드는 합이
# 1인 가중치로 메모리의 행을 가리키며, 네 단계로 정합니다.
#
# 1. **내용으로**: 키를 각 행과 비교하고(코사인) 세기 β로 뚜렷하게 합니다. "이런 것이 어디 있지?"
# 2. **아니면 그대로**: 그 결과와 직전에 가리키던 곳 사이를 게이트로 고릅니다.
# 3. **이동**: -1, 0, +1행만큼 옮깁니다. "이제 그다음 것." 베끼기가 절차가 되는 것은 이 단계 덕분입니다.
# 4. **선명하게**: 1 이상의 지수 γ를 써서 가리키는 곳이 흐려지지 않게 합니다.
#
# 쓸 때는 가리키는 행을 조금 지운 다음 더합니다.
# %%
class TuringCell(layers.Layer):
    """One moment of a Neural Turing Machine with one head that reads and one that writes."""

    def __init__(self, outputs, rows=16, width=8, units=64, **kwargs):
        super().__init__(**kwargs)
        self.outputs, self.rows, self.width, self.units = outputs, rows, width, units
        self.state_size = [rows * width, rows, rows, width]  # memory, where it reads, where it writes, what it read
        self.output_size = outputs + 2 * rows  # the answer, and where the heads point: for us to look at
        self.controller = layers.Dense(units, activation="tanh")
        self.head_sizes = [width, 1, 1, 3, 1]  # key, strength, gate, shift, sharpness
        self.reader = layers.Dense(sum(self.head_sizes))
        self.writer = layers.Dense(sum(self.head_sizes) + 2 * width)
        self.answer = layers.Dense(outputs, activation="sigmoid")

    def build(self, shape):
        self.controller.build((None, shape[-1] + self.width))
        self.reader.build((None, self.units))
        self.writer.build((None, self.units))
        self.answer.build((None, self.units + self.width))

    def get_initial_state(self, batch_size=None):
        first = ops.zeros((batch_size, self.rows)) + ops.one_hot(0, self.rows)  # both heads begin at row 0
        return [
            ops.full((batch_size, self.rows * self.width), 1e-3),
            first,
            first,
            ops.zeros((batch_size, self.width)),
        ]

    def point(self, settings, memory, before):
        key, strength, gate, shift, sharp = ops.split(settings, np.cumsum(self.head_sizes)[:-1].tolist(), axis=-1)
        key = ops.tanh(key)
        norms = ops.sqrt(ops.sum(memory**2, -1) * ops.sum(key**2, -1, keepdims=True) + 1e-8)
        likeness = ops.einsum("brw,bw->br", memory, key) / norms
        by_content = ops.softmax(ops.softplus(strength) * likeness)
        gate = ops.sigmoid(gate)
        pointer = gate * by_content + (1 - gate) * before
        shift = ops.softmax(shift)
        pointer = sum(shift[:, i : i + 1] * ops.roll(pointer, move, axis=1) for i, move in enumerate((-1, 0, 1)))
        pointer = (pointer + 1e-8) ** (1 + ops.softplus(sharp))
        return pointer / ops.sum(pointer, -1, keepdims=True)

    def call(self, inputs, states):
        memory, reads, writes, was_read = states
        memory = ops.reshape(memory, (-1, self.rows, self.width))
        thought = self.controller(ops.concatenate([inputs, was_read], -1))
        size = sum(self.head_sizes)
        write = self.writer(thought)
        writes = self.point(write[:, :size], memory, writes)
        erase, add = ops.split(write[:, size:], 2, axis=-1)
        memory = memory * (1 - writes[..., None] * ops.sigmoid(erase)[:, None])
        memory = memory + writes[..., None] * ops.tanh(add)[:, None]
        reads = self.point(self.reader(thought), memory, reads)
        was_read = ops.einsum("br,brw->bw", reads, memory)
        answer = self.answer(ops.concatenate([thought, was_read], -1))
        states = [ops.reshape(memory, (-1, self.rows * self.width)), reads, writes, was_read]
        return ops.concatenate([answer, reads, writes], -1), states


# %% [markdown] en
# `layers.RNN` runs any such cell over time; the whole of it becomes one compiled loop. The second model shares the weights and shows
# where the heads point.
# %% [markdown] ko
# `layers.RNN`은 이런 셀이라면 무엇이든 시간을 따라 실행하며, 전체가 컴파일된 반복문 하나가 됩니다. 두 번째 모델은 가중치를 함께 쓰면서
# 헤드가 어디를 가리키는지를 보여 줍니다.
# %%
cell = TuringCell(BITS)
inputs = keras.Input((None, BITS + 1))
everything = layers.RNN(cell, return_sequences=True, name="machine")(inputs)
machine = keras.Model(inputs, everything[..., :BITS])
heads = keras.Model(inputs, everything[..., BITS:])
print(say(f"{machine.count_params():,} parameters", f"매개변수 {machine.count_params():,}개"))
# %% [markdown] en
# ## 3. Training
#
# Sequences of 1 to 6 rows. Look at the curve: for a while it is restless, and then the loss falls to nothing. The machine has found out how to step
# along its memory, and from then on it copies.
# %% [markdown] ko
# ## 3. 학습
#
# 길이 1에서 6까지의 비트열을 씁니다. 곡선을 보세요. 한동안 들쭉날쭉하다가 어느 순간 손실이 거의 0으로 떨어집니다. 메모리를 한 칸씩 옮겨 가는 법을
# 알아낸 것이고, 그때부터는 제대로 베낍니다.
# %%
x, y, counts = copy_task(16_000, 6, seed=1)
x_test, y_test, counts_test = copy_task(500, 6, seed=2)

rate = keras.optimizers.schedules.CosineDecay(
    0.006, decay_steps=8 * 500
)  # large steps to find the way, small ones to arrive
machine.compile(keras.optimizers.Adam(rate, clipnorm=1.0), "binary_crossentropy", weighted_metrics=["binary_accuracy"])
history = machine.fit(x, y, sample_weight=counts, batch_size=32, epochs=8)


def bits_right(model, x, y, counts):
    right = (model.predict(x, verbose=0) > 0.5) == (y > 0.5)
    return float((right * counts[..., None]).sum() / counts.sum() / BITS)


score = bits_right(machine, x_test, y_test, counts_test)
print(say(f"{score:.2%} of the bits are right.", f"비트의 {score:.2%}가 맞습니다."))
# %% [markdown] en
# ## 4. Longer than ever seen
#
# The machine was trained on 6 rows at most. Ask for more, and let an LSTM of about as many parameters, trained in the same way, try as well.
# %% [markdown] ko
# ## 4. 본 적 없는 길이
#
# 기계는 6행까지만 학습했습니다. 더 긴 것을 시켜 봅시다. 매개변수 수가 비슷하고 같은 방법으로 학습시킨 LSTM에게도 똑같이 시켜 봅니다.
# %%
keras.utils.set_random_seed(1)
lstm = keras.Sequential(
    [
        keras.Input((None, BITS + 1)),
        layers.LSTM(40, return_sequences=True),
        layers.Dense(BITS, activation="sigmoid"),
    ]
)
lstm.compile(keras.optimizers.Adam(rate, clipnorm=1.0), "binary_crossentropy")
lstm.fit(x, y, sample_weight=counts, batch_size=32, epochs=8, verbose=0)
print(say(f"{lstm.count_params():,} parameters", f"매개변수 {lstm.count_params():,}개"))

lengths = [2, 4, 6, 8, 10, 12]
results = {"machine": [], "LSTM": []}
for n in lengths:
    longer = copy_task(200, n, seed=n, shortest=n)
    results["machine"].append(bits_right(machine, *longer))
    results["LSTM"].append(bits_right(lstm, *longer))

fig, ax = plt.subplots(figsize=(6, 2.8))
for name, marker in (("machine", "o"), ("LSTM", "s")):
    ax.plot(lengths, results[name], marker=marker, label=name)
ax.axvline(6, color="gray", linestyle=":")
ax.text(6.1, 0.5, "longest in training", fontsize=8, color="gray")
ax.set(xlabel="rows to copy", ylabel="bits right", ylim=(0.45, 1.03))
ax.legend()
plt.show()
# %% [markdown] en
# ## 5. The memory at work
#
# Each column is a moment, each row a row of memory. The writing head steps along the memory while it listens; after the mark the reading head
# begins where the writing began and takes the same steps. Nobody told it to: that is an *algorithm*, found by gradient descent.
# %% [markdown] ko
# ## 5. 메모리가 일하는 모습
#
# 열은 순간, 행은 메모리의 행입니다. 듣는 동안 쓰기 헤드가 메모리를 한 칸씩 옮겨 갑니다. 표시가 나오면 읽기 헤드가 쓰기를 시작한 곳에서부터
# 같은 걸음을 되풀이합니다. 아무도 시키지 않았습니다. 경사 하강법이 찾아낸 *알고리즘*입니다.
# %%
one = copy_task(1, 8, seed=5, shortest=8)
pointers = heads.predict(one[0], verbose=0)[0]
picture(
    ("what it sees", one[0][0]),
    ("what it says", machine.predict(one[0], verbose=0)[0] * one[2][0][:, None]),
    ("where it writes", pointers[:, cell.rows :]),
    ("where it reads", pointers[:, : cell.rows]),
)
# %% [markdown] en
# ## Exercises
# %% [markdown] ko
# ## 연습 문제
# %% [check]
from kernelkit import teaching


@teaching.exercise(
    right=say(
        "The gate keeps the old pointer, and the shift moves it one row further.",
        "게이트가 그대로 둔 포인터를 이동이 한 행 다음으로 옮깁니다.",
    ),
    language=say("en", "ko"),
)
def check_1(answer):
    if int(answer) != 4:
        return say(
            "A shift of +1 with all weight on it rolls the pointer by one row: from 3 to ...",
            "+1 이동에 가중치가 모두 실려 있으면 가리키는 곳이 한 행 밀립니다. 3에서 ...",
        )


@teaching.exercise(
    right=say("Sharper: (0.8, 0.2) becomes (0.94, 0.06).", "더 뚜렷해집니다. (0.8, 0.2)가 (0.94, 0.06)이 됩니다."),
    language=say("en", "ko"),
)
def check_2(sharpen):
    got = np.asarray(sharpen(np.array([0.8, 0.2]), 2.0))
    if got.shape != (2,):
        return say("It should return one weight for each row.", "행마다 가중치 하나를 돌려줘야 합니다.")
    if abs(got.sum() - 1) > 1e-6:
        return say("The weights must sum to 1 again.", "가중치의 합이 다시 1이 되어야 합니다.")
    if abs(got[0] - 0.64 / 0.68) > 1e-6:
        return say("Raise each weight to the power gamma first.", "먼저 각 가중치를 gamma제곱하세요.")


@teaching.exercise(
    right=say("16 rows, and each row of the input needs one.", "메모리가 16행이고 입력 한 행에 한 행이 필요하니까요."),
    language=say("en", "ko"),
)
def check_3(answer):
    if int(answer) != 16:
        return say(
            "The machine keeps each input row in a memory row of its own. How many rows has TuringCell?",
            "기계는 입력의 각 행을 메모리의 한 행에 담습니다. TuringCell의 메모리는 몇 행인가요?",
        )


# %% [markdown] en
# **1.** A head points at row 3 only, its gate says "stay", and its shift is all on +1. At which row does it point next?
# %% [markdown] ko
# **1.** 헤드가 3행만 가리키고 있고, 게이트는 "그대로", 이동은 모두 +1에 실려 있습니다. 다음에는 몇 행을 가리킬까요?
# %% [exercise]
check_1(...)
# %% [solution]
check_1(4)
# %% [markdown] en
# **2.** Write `sharpen(pointer, gamma)`, step 4 of the addressing, with NumPy.
# %% [markdown] ko
# **2.** 네 번째 단계인 `sharpen(pointer, gamma)`를 NumPy로 써 보세요.
# %% [exercise]
sharpen = ...

check_2(sharpen)


# %% [solution]
def sharpen(pointer, gamma):
    powers = pointer**gamma
    return powers / powers.sum()


check_2(sharpen)
# %% [markdown] en
# **3.** A machine that copies by stepping along writes each row of the input into a row of its own memory. What is the longest input, in rows, for which a machine of this size has room?
# %% [markdown] ko
# **3.** 한 칸씩 옮겨 가며 베끼는 기계는 입력의 행마다 메모리의 행을 하나씩 씁니다. 이 크기의 기계는 입력을 최대 몇 행까지 담을 수 있을까요?
# %% [exercise]
check_3(...)
# %% [solution]
check_3(16)
# %% [markdown] en
# **To try.** `machine.debug(x, y, sample_weight=counts, batch_size=32)` walks through the training: stop before and after the fall of the loss, and
# compare the gradients. Make the network repeat each sequence twice.
# %% [markdown] ko
# **더 해 보기.** `machine.debug(x, y, sample_weight=counts, batch_size=32)`로 학습을 한 단계씩 따라가 보세요. 손실이 떨어지기 전과 후에 멈추고 기울기를
# 비교해 보세요. 비트열을 두 번 되풀이하게도 해 보세요.
# %% [test]
assert score > 0.98, score
assert results["machine"][-1] > results["LSTM"][-1] + 0.1, results
