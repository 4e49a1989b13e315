# %% [markdown] en
# # Tensors and gradients, by hand
#
# Everything a network does is arithmetic on arrays, and everything it learns it learns from one thing: the *gradient*, which says in which
# direction each number should move. Here you build both yourself: first with a pencil, then with a tape, then with a function of a function. At the
# end you have trained a network without `fit`, and know what `fit` does.
#
# **You will learn** tensors and their shapes · what a gradient is · `GradientTape` and `jax.value_and_grad` · a training loop. **Time** 20 minutes.
# %% [markdown] ko
# # 텐서와 기울기, 손으로 해 보기
#
# 신경망이 하는 일은 모두 배열 계산이고, 배우는 것은 모두 하나에서 나옵니다. 각 숫자를 어느 쪽으로 옮겨야 하는지 알려 주는 *기울기*입니다. 이
# 수업에서는 둘 다 직접 만듭니다. 처음에는 종이와 연필로, 다음에는 테이프로, 마지막에는 함수를 받는 함수로 합니다. 끝날 때쯤이면 `fit` 없이
# 신경망을 학습시켜 봤을 것이고, `fit`이 무슨 일을 하는지도 알게 됩니다.
#
# **배울 것** 텐서와 모양 · 기울기란 무엇인가 · `GradientTape`와 `jax.value_and_grad` · 학습 반복문. **시간** 20분.
# %%
import jax
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes, load_digits

import kernelkit as keras
from kernelkit import layers, ops

keras.utils.set_random_seed(0)
# %% [markdown] en
# ## 1. Tensors
#
# A tensor is an array of numbers with a **shape** and a **dtype**. Nearly all mistakes of beginners are shapes that don't fit, so always ask for them.
# %% [markdown] ko
# ## 1. 텐서
#
# 텐서는 **모양**(shape)과 **자료형**(dtype)이 있는 숫자 배열입니다. 초보자가 하는 실수는 대부분 모양이 맞지 않는 것이니 늘 확인하세요.
# %%
pictures = ops.convert_to_tensor(load_digits().images[:5], dtype="float32")
print(say("five pictures of 8 × 8 pixels:", "8 × 8 픽셀 그림 다섯 장:"), pictures.shape, pictures.dtype)
print(say("the brightness of each:", "그림마다 밝기:"), ops.mean(pictures, axis=(1, 2)))
print(say("flat, as a dense layer wants them:", "밀집층에 맞게 펴면:"), ops.reshape(pictures, (5, -1)).shape)
# %% [markdown] en
# Shapes need not be equal to be combined: axes of size 1 stretch (*broadcasting*). That is handy, and it can bite. Look at the last line: no
# error, and yet nonsense.
# %% [markdown] ko
# 모양이 꼭 같아야 함께 계산할 수 있는 것은 아닙니다. 크기가 1인 축은 늘어납니다(*브로드캐스팅*). 편리하지만 함정도 됩니다. 마지막 줄을
# 보세요. 오류는 나지 않지만 엉뚱한 결과입니다.
# %%
column, row = ops.ones((5, 1)), ops.ones((5,))
print(say("pictures minus their mean picture:", "그림 빼기 평균 그림:"), (pictures - ops.mean(pictures, axis=0)).shape)
print(say("(5, 1) minus (5,):", "(5, 1) 빼기 (5,):"), (column - row).shape, say("and not (5,)!", "(5,)가 아닙니다!"))
# %% [markdown] en
# ## 2. A gradient with a pencil
#
# Real data: 442 patients, their body mass index, and how a disease went on a year later. We look for a line $\hat y = w x + b$. The price of a wrong
# line is the mean of the squared errors:
#
# $$L(w, b) = \frac1n \sum_i (w x_i + b - y_i)^2$$
#
# How does $L$ change when $w$ grows a little? By the chain rule:
#
# $$\frac{\partial L}{\partial w} = \frac2n \sum_i (w x_i + b - y_i)\, x_i \qquad \frac{\partial L}{\partial b} = \frac2n \sum_i (w x_i + b - y_i)$$
# %% [markdown] ko
# ## 2. 연필로 구하는 기울기
#
# 진짜 데이터를 씁니다. 환자 442명의 체질량 지수와 1년 뒤 병이 얼마나 진행되었는지입니다. 직선 $\hat y = w x + b$를 찾으려 합니다. 직선이 틀린
# 정도는 오차 제곱의 평균입니다.
#
# $$L(w, b) = \frac1n \sum_i (w x_i + b - y_i)^2$$
#
# $w$가 조금 커지면 $L$은 얼마나 바뀔까요? 연쇄 법칙에 따르면 이렇습니다.
#
# $$\frac{\partial L}{\partial w} = \frac2n \sum_i (w x_i + b - y_i)\, x_i \qquad \frac{\partial L}{\partial b} = \frac2n \sum_i (w x_i + b - y_i)$$
# %%
patients = load_diabetes()
x = patients.data[:, 2].astype("float32")
x = (x - x.mean()) / x.std()
y = (patients.target / 100).astype("float32")


def loss_and_gradient(w, b):
    error = w * x + b - y
    return (error**2).mean(), (2 * (error * x).mean(), 2 * error.mean())


w, b, path = 2.0, 0.0, []
for _ in range(40):
    loss, (dw, db) = loss_and_gradient(w, b)
    path.append((w, b, loss))
    w, b = w - 0.1 * dw, b - 0.1 * db  # downhill: against the gradient
print(f"y = {w:.3f} x + {b:.3f},", say(f"loss {loss:.4f}", f"손실 {loss:.4f}"))
# %% [markdown] en
# Seen from above, the loss is a valley, and the steps go down at right angles to the lines of equal height.
# %% [markdown] ko
# 위에서 내려다보면 손실은 골짜기이고, 걸음은 등고선에 수직으로 내려갑니다.
# %%
ws, bs = np.meshgrid(np.linspace(-1, 2.2, 60), np.linspace(-0.2, 3, 60))
heights = ((ws[..., None] * x + bs[..., None] - y) ** 2).mean(-1)
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2))
left.contour(ws, bs, heights, 25, cmap="viridis")
left.plot(*np.array(path)[:, :2].T, "o-", color="crimson", markersize=3)
left.set(xlabel="w", ylabel="b", title="the way down")
right.scatter(x, y, s=6, alpha=0.5)
right.plot(x, w * x + b, color="crimson")
right.set(xlabel="body mass index (standardized)", ylabel="progress / 100", title="the line")
plt.show()
# %% [markdown] en
# ## 3. The tape
#
# With millions of numbers nobody uses a pencil. A `GradientTape` writes down each operation while it runs, and then goes back over its
# notes with the chain rule. Is it the same number?
# %% [markdown] ko
# ## 3. 테이프
#
# 숫자가 수백만 개면 연필로는 할 수 없습니다. `GradientTape`는 계산이 진행되는 동안 연산을 하나하나 적어 두었다가, 연쇄 법칙으로 기록을 거꾸로
# 되짚습니다. 같은 값이 나올까요?
# %%
w, b = keras.Variable(2.0), keras.Variable(0.0)
with keras.GradientTape() as tape:
    loss = ops.mean((w * x + b - y) ** 2)
print(say("tape  ", "테이프"), [float(g) for g in tape.gradient(loss, [w, b])])
print(say("pencil", "연필  "), [float(g) for g in loss_and_gradient(2.0, 0.0)[1]])


# %% [markdown] en
# ## 4. A function of a function
#
# jax goes another way: `jax.value_and_grad` takes a *function* and gives back another one, which returns the value and the gradient. The function must be
# *pure*: all it needs comes in as arguments, all it makes goes out. That is what makes it possible to compile it as a whole, and it is
# how kernelkit trains inside.
# %% [markdown] ko
# ## 4. 함수를 받는 함수
#
# jax의 방법은 다릅니다. `jax.value_and_grad`는 *함수*를 받아 값과 기울기를 함께 돌려주는 새 함수를 만듭니다. 받는 함수는 *순수*해야 합니다. 필요한 것은
# 모두 인수로 들어오고 만든 것은 모두 반환값으로 나갑니다. 그래서 통째로 컴파일할 수 있고, kernelkit도 안에서는 이렇게 학습합니다.
# %%
def line_loss(parameters):
    w, b = parameters
    return ops.mean((w * x + b - y) ** 2)


value, gradient = jax.value_and_grad(line_loss)((2.0, 0.0))
print(float(value), [float(g) for g in gradient])
# %% [markdown] en
# ## 5. A network without `fit`
#
# Now 64 pixels in and ten digits out, with a loop of your own. Five lines are the whole of deep learning: predict, price, gradient, step, again.
# %% [markdown] ko
# ## 5. `fit` 없는 신경망
#
# 이번에는 픽셀 64개가 들어가고 숫자 열 개가 나옵니다. 반복문은 직접 씁니다. 예측, 손실, 기울기, 한 걸음, 그리고 다시. 이 다섯 줄이 딥러닝의
# 전부입니다.
# %%
digits = load_digits()
images, labels = (digits.data / 16).astype("float32"), digits.target
train, test = slice(0, 1500), slice(1500, None)

model = keras.Sequential([keras.Input((64,)), layers.Dense(32, activation="relu"), layers.Dense(10)])
price = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
optimizer = keras.optimizers.SGD(0.5)
weights, rest = [v.value for v in model.trainable_variables], [v.value for v in model.non_trainable_variables]
optimizer.build(model.trainable_variables)
slots = [v.value for v in optimizer.variables]


def loss_of(weights, images, labels):
    answers, _ = model.stateless_call(weights, rest, images)
    return price(labels, answers)


@jax.jit
def step(weights, slots, images, labels):
    loss, gradients = jax.value_and_grad(loss_of)(weights, images, labels)
    weights, slots = optimizer.stateless_apply(slots, gradients, weights)
    return weights, slots, loss


losses, order = [], np.random.default_rng(0)
for _epoch in range(30):
    for rows in np.array_split(order.permutation(1500), 24):
        weights, slots, loss = step(weights, slots, images[rows], labels[rows])
        losses.append(loss)

for variable, value in zip(model.trainable_variables, weights, strict=True):
    variable.assign(value)
accuracy = float((model.predict(images[test], verbose=0).argmax(1) == labels[test]).mean())
plt.figure(figsize=(6, 2.2))
plt.plot(losses, linewidth=0.7)
plt.xlabel("step")
plt.ylabel("loss")
plt.show()
print(say(f"{accuracy:.1%} of unseen digits are right", f"처음 보는 숫자의 {accuracy:.1%}를 맞혔습니다"))
# %% [markdown] en
# `fit` does this too, and besides it shuffles, validates, shows the curves, and puts many steps into one program. And the **step
# debugger** lets you look at each gradient of a step without writing any of it:
# %% [markdown] ko
# `fit`도 똑같은 일을 하고, 거기에 섞기, 검증, 곡선 그리기까지 하며 여러 단계를 프로그램 하나에 담습니다. **스텝 디버거**를 쓰면 아무것도 쓰지
# 않고도 각 단계의 기울기를 들여다볼 수 있습니다.
# %%
twin = keras.Sequential([keras.Input((64,)), layers.Dense(32, activation="relu"), layers.Dense(10)])
twin.compile(keras.optimizers.SGD(0.5), price)
dbg = twin.debug(images[train], labels[train], batch_size=64)
dbg.step(10)
dbg.table()
# %% [markdown] en
# ## Exercises
# %% [markdown] ko
# ## 연습 문제
# %% [check]
from kernelkit import teaching


@teaching.exercise(
    right=say("The axis of size 1 and the missing axis both stretch.", "크기가 1인 축과 없는 축이 모두 늘어납니다."),
    language=say("en", "ko"),
)
def check_1(answer):
    if tuple(answer) != (32, 32):
        return say(
            "Write the shapes one below the other, flush right: (32, 1) and (32). Missing axes count as 1.",
            "두 모양을 오른쪽에 맞춰 위아래로 써 보세요. (32, 1)과 (32)입니다. 없는 축은 1로 칩니다.",
        )


@teaching.exercise(
    right=say("The derivative of w³ is 3w², and 3 · 2² = 12.", "w³의 도함수는 3w²이고 3 · 2² = 12입니다."),
    language=say("en", "ko"),
)
def check_2(answer):
    if abs(float(answer) - 12) > 1e-3:
        return say(
            "Let jax.grad tell: jax.grad(lambda w: w**3)(2.0).",
            "jax.grad에게 물어보세요. jax.grad(lambda w: w**3)(2.0).",
        )


@teaching.exercise(
    right=say("You have just written an optimizer.", "방금 옵티마이저를 만들었습니다."), language=say("en", "ko")
)
def check_3(descend):
    end = float(descend(lambda w: (w - 3.0) ** 2 + 1, 0.0))
    if abs(end - 3) > 0.05:
        return say(
            f"The lowest point of (w - 3)² + 1 is at 3, your function ended at {end:.3f}. More steps? The other direction?",
            f"(w - 3)² + 1이 가장 낮은 곳은 3인데 함수는 {end:.3f}에서 끝났어요. 더 많이 걸어야 할까요? 방향이 반대인가요?",
        )


# %% [markdown] en
# **1.** What is the shape of `ops.ones((32, 1)) - ops.ones((32,))`? Answer with a tuple. (Think of a model that gives `(32, 1)`, and of labels `(32,)`.)
# %% [markdown] ko
# **1.** `ops.ones((32, 1)) - ops.ones((32,))`의 모양은? 튜플로 답하세요. (모델의 출력이 `(32, 1)`이고 레이블이 `(32,)`일 때를 떠올려 보세요.)
# %% [exercise]
check_1(...)
# %% [solution]
check_1((32, 32))
# %% [markdown] en
# **2.** What is the gradient of $w^3$ at $w = 2$?
# %% [markdown] ko
# **2.** $w = 2$일 때 $w^3$의 기울기는 얼마일까요?
# %% [exercise]
check_2(...)
# %% [solution]
check_2(jax.grad(lambda w: w**3)(2.0))
# %% [markdown] en
# **3.** Write `descend(function, start)`: go downhill from `start` with `jax.grad` and return where you end.
# %% [markdown] ko
# **3.** `descend(function, start)`를 써 보세요. `jax.grad`로 `start`에서 내리막을 따라가서 도착한 곳을 돌려줍니다.
# %% [exercise]
descend = ...

check_3(descend)


# %% [solution]
def descend(function, start):
    w = start
    for _ in range(100):
        w = w - 0.1 * jax.grad(function)(w)
    return w


check_3(descend)
# %% [test]
assert accuracy > 0.88, accuracy
assert abs(float(path[-1][2]) - ((np.polyval(np.polyfit(x, y, 1), x) - y) ** 2).mean()) < 1e-3
