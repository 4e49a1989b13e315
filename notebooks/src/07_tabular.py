# %% [markdown] en
# # Tables: preprocessing that belongs to the model
#
# Most data in the world are tables: numbers of different sizes, words, gaps. Before a network can read them, each column must become numbers of a similar size, and *exactly the same* must be done later, when the model is
# used. Forgetting that is one of the commonest mistakes in practice. Here the preprocessing is made of layers and is saved in the model.
#
# **You will learn** `Normalization`, `StringLookup`, `Discretization`, `CategoryEncoding` · a model with a named input for each column · baselines · a file that takes raw rows. **Time** 15 minutes.
# %% [markdown] ko
# # 표 데이터: 모델에 딸린 전처리
#
# 세상의 데이터는 대부분 표입니다. 크기가 제각각인 숫자, 단어, 빈칸이 섞여 있습니다. 신경망이 읽으려면 열마다 비슷한 크기의 숫자로 바꿔야 하고, 나중에 모델을 쓸 때도 *똑같이* 해야 합니다. 이를 잊는 것은 실무에서 가장 흔한
# 실수 가운데 하나입니다. 이 수업에서는 전처리를 층으로 만들어 모델과 함께 저장합니다.
#
# **배울 것** `Normalization`, `StringLookup`, `Discretization`, `CategoryEncoding` · 열마다 이름 붙은 입력이 있는 모델 · 기준선 · 원본 행을 그대로 받는 파일. **시간** 15분.
# %%
import matplotlib.pyplot as plt
import numpy as np
import plotly.data

import kernelkit as keras
from kernelkit import layers, ops

keras.utils.set_random_seed(0)
table = plotly.data.gapminder()
table.head()
# %% [markdown] en
# ## 1. The table, and an honest split
#
# 142 countries from 1952 to 2007: life expectancy, population, income per head. We predict life expectancy from the other columns.
#
# How to split? If Korea 1997 is in training and Korea 2002 in the test, the answer is nearly given away. So we split by *country*: the test countries are strangers.
# %% [markdown] ko
# ## 1. 표, 그리고 공정하게 나누기
#
# 1952년부터 2007년까지 142개 나라의 기대 수명, 인구, 1인당 소득입니다. 나머지 열로 기대 수명을 예측합니다.
#
# 어떻게 나눌까요? 한국의 1997년이 학습에, 2002년이 테스트에 들어가면 답을 알려 준 것이나 다름없습니다. 그래서 *나라*별로 나눕니다. 테스트에 나오는 나라는 처음 보는 나라입니다.
# %%
countries = np.random.default_rng(1).permutation(table["country"].unique())
strangers = table["country"].isin(countries[:35])
COLUMNS = {"continent": str, "year": "float32", "pop": "float32", "gdpPercap": "float32"}


def rows(part):
    x = {name: part[name].to_numpy().astype(kind)[:, None] for name, kind in COLUMNS.items()}
    return x, part["lifeExp"].to_numpy("float32")


x, y = rows(table[~strangers])
x_test, y_test = rows(table[strangers])
print(
    say(
        f"{len(y)} rows to train, {len(y_test)} to test; years of life from {y.min():.0f} to {y.max():.0f}",
        f"학습 {len(y)}행, 테스트 {len(y_test)}행, 기대 수명 {y.min():.0f}세에서 {y.max():.0f}세까지",
    )
)

fig, axes = plt.subplots(1, 2, figsize=(8, 2.6), sharey=True)
for ax, values, name in zip(axes, (x["gdpPercap"], np.log(x["gdpPercap"])), ("income", "log of income"), strict=True):
    ax.scatter(values, y, s=4, alpha=0.4)
    ax.set(xlabel=name)
axes[0].set_ylabel("life expectancy")
plt.show()
# %% [markdown] en
# Income should be taken as a logarithm: a thousand dollars more mean much to the poor and little to the rich. Look before you model.
# %% [markdown] ko
# 소득은 로그를 취해야겠습니다. 천 달러가 가난한 이에게는 큰돈이고 부유한 이에게는 작은 돈이니까요. 모델을 만들기 전에 먼저 데이터를 보세요.
# %% [markdown] en
# ## 2. Baselines
#
# Two answers without any network: always the mean, and the mean of the continent. A model that doesn't beat them is not worth having.
# %% [markdown] ko
# ## 2. 기준선
#
# 신경망 없이 답하는 두 가지 방법입니다. 늘 전체 평균을 말하거나, 대륙의 평균을 말하거나. 이것도 못 이기는 모델은 쓸모가 없습니다.
# %%
by_continent = {c: y[x["continent"][:, 0] == c].mean() for c in np.unique(x["continent"])}
baselines = {
    "mean": np.abs(y_test - y.mean()).mean(),
    "mean of the continent": np.abs(y_test - [by_continent[c] for c in x_test["continent"][:, 0]]).mean(),
}
for name, error in baselines.items():
    print(f"{name}:", say(f"{error:.1f} years off", f"{error:.1f}년 빗나감"))
# %% [markdown] en
# ## 3. A layer for each column
#
# `adapt` looks at the *training* data and remembers: mean and spread, vocabulary, boundaries. Then a model with a named input for each column puts them together. The text column goes in as text.
# %% [markdown] ko
# ## 3. 열마다 층 하나
#
# `adapt`는 *학습* 데이터를 보고 평균과 퍼진 정도, 어휘, 경계를 기억합니다. 그다음 열마다 이름 붙은 입력이 있는 모델이 이것들을 하나로 모읍니다. 문자열 열은 문자열 그대로 들어갑니다.
# %%
names = layers.StringLookup(output_mode="one_hot")
names.adapt(x["continent"])
print(say("continents:", "대륙:"), names.get_vocabulary())
eras = layers.Discretization(num_bins=4, output_mode="one_hot")
eras.adapt(x["year"])
print(say("years are cut at:", "연도를 나누는 곳:"), *np.round(eras.bin_boundaries))
sizes = {}
for column in ("pop", "gdpPercap"):
    sizes[column] = layers.Normalization(axis=-1)
    sizes[column].adapt(np.log(x[column]))

inputs = {name: keras.Input((1,), name=name, dtype="string" if kind is str else kind) for name, kind in COLUMNS.items()}
features = layers.Concatenate()(
    [
        names(inputs["continent"]),
        eras(inputs["year"]),
        *(sizes[column](ops.log(inputs[column])) for column in sizes),
    ]
)
h = layers.Dense(32, activation="relu")(features)
h = layers.Dense(32, activation="relu")(h)
years = layers.Dense(1)(h)
model = keras.Model(inputs, 60 + 10 * years)  # so that the network itself gives numbers around 0
model.summary()
# %%
model.compile(keras.optimizers.Adam(0.003), "mae")
stop = keras.callbacks.EarlyStopping(patience=20, restore_best_weights=True)
history = model.fit(x, y, epochs=80, batch_size=32, validation_split=0.2, callbacks=[stop])
error = model.evaluate(x_test, y_test, verbose=0)
print(say(f"{error:.1f} years off on countries it has never seen", f"처음 보는 나라에서 {error:.1f}년 빗나감"))
# %% [markdown] en
# ## 4. Raw rows in, answers out
#
# The saved file holds vocabulary, means and boundaries too. Whoever loads it passes raw rows, and nothing can be forgotten.
# %% [markdown] ko
# ## 4. 원본 행을 넣으면 답이 나오게
#
# 저장한 파일에는 어휘와 평균, 경계까지 들어 있습니다. 불러온 사람은 원본 행을 그대로 넣으면 되고, 잊어버릴 것이 없습니다.
# %%
model.save("life.keras")
again = keras.saving.load_model("life.keras")


def ask(**row):
    return float(
        again.predict({name: np.array([[row[name]]], kind) for name, kind in COLUMNS.items()}, verbose=0)[0, 0]
    )


questions = {
    say("a rich country in Asia, 2007", "2007년 아시아의 잘사는 나라"): ("Asia", 23_000),
    say("the same with a tenth of the income", "같은 나라, 소득은 십분의 일"): ("Asia", 2_300),
    say("an unknown continent is no error", "모르는 대륙도 오류가 아닙니다"): ("Atlantis", 2_300),
}
for question, (continent, income) in questions.items():
    print(f"{question}: {ask(continent=continent, year=2007, pop=5e7, gdpPercap=income):.1f}")
# %% [markdown] en
# ## 5. What does it rely on?
#
# Shuffle one column of the test table and see how much worse the answers become (*permutation importance*). It says what the *model* uses, not what makes people live long.
# %% [markdown] ko
# ## 5. 모델은 무엇에 기댈까?
#
# 테스트 표에서 열 하나를 뒤섞고 답이 얼마나 나빠지는지 봅니다(*순열 중요도*). 이것은 *모델*이 무엇을 쓰는지를 말해 줄 뿐, 무엇이 사람을 오래 살게 하는지를 말해 주지는 않습니다.
# %%
rng = np.random.default_rng(0)
worse = {}
for name in COLUMNS:
    mixed = {**x_test, name: rng.permutation(x_test[name])}
    worse[name] = model.evaluate(mixed, y_test, verbose=0) - error
plt.figure(figsize=(5, 2))
plt.barh(list(worse), list(worse.values()))
plt.xlabel("years of error more")
plt.show()
# %% [markdown] en
# ## Exercises
# %% [markdown] ko
# ## 연습 문제
# %% [check]
from kernelkit import teaching


@teaching.exercise(
    right=say("The test must stay unseen, by the preprocessing too.", "테스트는 전처리도 보면 안 됩니다."),
    language=say("en", "ko"),
)
def check_1(answer):
    if answer != "training":
        return say(
            "Means of the test rows are knowledge about the test.", "테스트 행의 평균도 테스트에 대한 정보입니다."
        )


@teaching.exercise(
    right=say(
        "5 continents and 1 place for the unknown, 4 eras, 2 sizes.",
        "대륙 5개와 모르는 것 1개, 시대 4개, 크기 2개입니다.",
    ),
    language=say("en", "ko"),
)
def check_2(answer):
    if int(answer) != 12:
        return say(
            "Add up the widths of what Concatenate gets. Don't forget [UNK].",
            "Concatenate에 들어가는 것들의 너비를 더하세요. [UNK]를 잊지 마세요.",
        )


@teaching.exercise(
    right=say("More income, longer life, says the model.", "모델에 따르면 소득이 많을수록 오래 삽니다."),
    language=say("en", "ko"),
)
def check_3(curve):
    curve = np.asarray(curve, float).ravel()
    if curve.shape != (3,):
        return say("Three incomes, three answers.", "소득 세 가지, 답 세 가지입니다.")
    right = [ask(continent="Africa", year=1982, pop=1e7, gdpPercap=income) for income in (500, 2_000, 8_000)]
    if np.abs(curve - right).max() > 0.05:
        return say(
            "Africa, 1982, ten million people; only the income changes.",
            "아프리카, 1982년, 천만 명입니다. 소득만 바꾸세요.",
        )


# %% [markdown] en
# **1.** On which rows may `adapt` be called: `"all"`, `"training"` or `"test"`?
# %% [markdown] ko
# **1.** `adapt`는 어떤 행으로 불러야 할까요? `"all"`, `"training"`, `"test"` 중에서 고르세요.
# %% [exercise]
check_1(...)
# %% [solution]
check_1("training")
# %% [markdown] en
# **2.** How many features go into the first dense layer?
# %% [markdown] ko
# **2.** 첫 밀집층에 들어가는 특징은 몇 개일까요?
# %% [exercise]
check_2(...)
# %% [solution]
check_2(features.shape[-1])
# %% [markdown] en
# **3.** What does the model say of an African country in 1982 with ten million people and an income of 500, 2,000 and 8,000? Give a list of three numbers.
# %% [markdown] ko
# **3.** 1982년 인구 천만 명인 아프리카 나라의 소득이 500, 2,000, 8,000일 때 모델은 뭐라고 답할까요? 숫자 세 개의 리스트로 답하세요.
# %% [exercise]
check_3(...)
# %% [solution]
check_3([ask(continent="Africa", year=1982, pop=1e7, gdpPercap=income) for income in (500, 2_000, 8_000)])
# %% [test]
assert error < baselines["mean of the continent"] - 0.3, (error, baselines)
