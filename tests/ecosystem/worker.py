"""One process of a comparison, by Keras or by kernelkit in its place: builds families and keeps what they compute.

Arguments: the folder of this library's results, the other library's or "-", parts with commas or "all", families.
A family's results are an .npz of arrays, a .json of facts and the files that the model wrote.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

import keras
import keras_hub
import numpy as np
from families import ALL, COMPUTES_WEIGHTS, GENERATES, arguments, backbone_class


def main() -> None:
    """Run each family; an error is a fact as well."""
    own, other = Path(sys.argv[1]), None if sys.argv[2] == "-" else Path(sys.argv[2])
    own.mkdir(parents=True, exist_ok=True)
    chosen = list(PARTS) if sys.argv[3] == "all" else sys.argv[3].split(",")
    for family in sys.argv[4:] or ALL:
        arrays: dict[str, np.ndarray] = {}
        facts: dict[str, Any] = {"errors": {}}
        started = time.process_time()
        for name in chosen:
            try:
                PARTS[name](family, own, other, arrays, facts)
            except Exception as error:
                facts["errors"][name] = f"{type(error).__name__}: {error}"[:2000]
                facts.setdefault("traceback", traceback.format_exc()[-4000:])
        facts["seconds"] = time.process_time() - started
        name = family if sys.argv[3] == "all" else f"{family}.{sys.argv[3]}"
        np.savez(own / f"{name}.npz", **arrays)
        (own / f"{name}.json").write_text(json.dumps(facts))
        print(family, round(facts["seconds"], 1), *facts["errors"].values(), flush=True)


def make(family: str) -> Any:
    """Return the backbone with weights that depend on their order and shape alone."""
    keras.utils.set_random_seed(0)
    model = backbone_class(family, keras_hub)(**arguments(family, keras_hub), name=family.lower())
    rng = np.random.default_rng(0)
    model.set_weights([_drawn(rng, v) for v in model.weights])
    if family in COMPUTES_WEIGHTS:
        with tempfile.TemporaryDirectory() as folder:
            model.save_weights(f"{folder}/drawn.weights.h5")
            model.load_weights(f"{folder}/drawn.weights.h5")
    return ready(model)


def ready(model: Any) -> Any:
    """Give a diffusion model the number of its steps, which a compiled program cannot read from an input."""
    if hasattr(model, "configure_scheduler"):
        model.configure_scheduler(3)
    return model


def _drawn(rng: np.random.Generator, variable: Any) -> np.ndarray:
    if not np.issubdtype(np.dtype(str(variable.dtype)), np.floating):
        return np.asarray(variable)
    values = 0.1 * rng.normal(size=variable.shape)
    if "variance" in variable.path:
        values = np.abs(values) + 0.5
    elif any(word in variable.path for word in ("gamma", "scale")):
        values += 1
    return values.astype("float32")


def inputs(model: Any) -> Any:
    """Return a batch of two for the model's inputs: tokens, masks, segments, pictures, by name and dtype."""
    rng = np.random.default_rng(1)

    def draw(spec: Any) -> np.ndarray:
        shape = [2 if i == 0 else 8 if size is None else size for i, size in enumerate(spec.shape)]
        name, is_int = spec.name, "int" in str(spec.dtype)
        if len(shape) == 3 and shape[-1] == 1:  # sound
            shape[1] = 1600
        if name in ("boxes", "box_labels"):  # of SAM 3: one box
            shape[1] = 1
        if name == "masks":  # of SAM: one, four times as large as the embedding
            shape = [2, 1, 16, 16, 1]
        if "mask" in name and "masks" not in name:
            values = np.ones(shape)
            if len(shape) == 2:
                values[1, -2:] = 0
            return values.astype(str(spec.dtype))
        if "position" in name or "indices" in name:
            return np.zeros(shape, str(spec.dtype))
        if is_int:
            return rng.integers(0, 2 if "segment" in name else 40, shape).astype(str(spec.dtype))
        return rng.normal(size=shape).astype("float32")

    return keras.tree.map_structure(draw, model.input)


def flat(outputs: Any) -> list[np.ndarray]:
    """Return the arrays of nested outputs, by sorted keys."""
    return [keras.ops.convert_to_numpy(a) for a in keras.tree.flatten(outputs)]


def _compute(family, own, other, arrays, facts) -> None:
    model = make(family)
    facts["weights"] = [[v.path, list(v.shape)] for v in model.weights]
    facts["count"] = model.count_params()
    x = inputs(model)
    for i, a in enumerate(flat(model.predict(x, verbose=0))):
        arrays[f"output {i}"] = a
    again = type(model).from_config(model.get_config())
    facts["config"] = json.loads(json.dumps(keras.saving.serialize_keras_object(again)["config"], default=str))
    model.save(own / f"{family}.keras")
    model.save_weights(own / f"{family}.weights.h5")
    try:
        keras.saving.load_model(own / f"{family}.keras")
    except ValueError as error:
        facts["cannot read its own file"] = str(error)[:500]


def _train(family, own, other, arrays, facts) -> None:
    model = make(family)
    x = inputs(model)
    spec = model.predict(x, verbose=0)
    y = keras.tree.map_structure(np.zeros_like, spec)
    losses = keras.tree.map_structure(lambda _: "mse", spec)
    model.compile(keras.optimizers.SGD(0.01), loss=losses)
    arrays["loss"] = np.asarray(model.train_on_batch(x, y)).ravel()[0]
    for i, a in enumerate(flat(model.predict(x, verbose=0))):
        arrays[f"after a step {i}"] = a


def _read(family, own, other, arrays, facts) -> None:
    """Read what the other library wrote; its outputs must come out."""
    if other is None:
        return
    x = inputs(make(family))
    model = make(family)
    model.set_weights([np.zeros_like(w) for w in model.get_weights()])
    model.load_weights(other / f"{family}.weights.h5")
    for i, a in enumerate(flat(model.predict(x, verbose=0))):
        arrays[f"read weights {i}"] = a
    loaded = ready(keras.saving.load_model(other / f"{family}.keras"))
    for i, a in enumerate(flat(loaded.predict(x, verbose=0))):
        arrays[f"read model {i}"] = a


def _lora(family, own, other, arrays, facts) -> None:
    model = make(family)
    if not hasattr(model, "enable_lora") or not model.default_lora_layer_names():
        return
    model.enable_lora(2)
    facts["trained with lora"] = sorted(v.path for v in model.trainable_variables)


def _generate(family, own, other, arrays, facts) -> None:
    if family not in GENERATES:
        return
    model = getattr(keras_hub.models, f"{family}CausalLM")(backbone=make(family), preprocessor=None)
    model.compile(sampler="greedy")
    tokens = np.random.default_rng(2).integers(3, 40, (2, 10))
    prompt = {"token_ids": tokens, "padding_mask": np.arange(10) < np.array([[4], [5]])}
    written = model.generate(prompt, max_length=10, stop_token_ids=None)
    arrays["written"] = np.asarray(written["token_ids"])


PARTS = {"compute": _compute, "train": _train, "read": _read, "lora": _lora, "generate": _generate}

if __name__ == "__main__":
    main()
