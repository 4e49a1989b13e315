"""The names of ``keras.src`` that packages use.

A class or function that is public in kernelkit's package of the same area is found wherever Keras keeps it:
`keras.src.layers.core.dense.Dense` is `kernelkit.layers.Dense`. This file lists the other names.
"""

AREAS = {
    "activations": "kernelkit.activations",
    "applications": "kernelkit.applications",
    "backend": "kernelkit.as_keras.stand_ins.backend",  # the engine's functions, not the public keras.backend
    "callbacks": "kernelkit.callbacks",
    "constraints": "kernelkit.constraints",
    "datasets": "kernelkit.datasets",
    "distillation": "kernelkit.distillation",
    "distribution": "kernelkit.distribution",
    "dtype_policies": "kernelkit.dtype_policies",
    "export": "kernelkit.export",
    "initializers": "kernelkit.initializers",
    "layers": "kernelkit.layers",
    "losses": "kernelkit.losses",
    "metrics": "kernelkit.metrics",
    "models": "kernelkit.models",
    "ops": "kernelkit.ops",
    "optimizers": "kernelkit.optimizers",
    "quantizers": "kernelkit.quantizers",
    "random": "kernelkit.random",
    "regularizers": "kernelkit.regularizers",
    "saving": "kernelkit.saving",
    "trainers": "kernelkit.utils",
    "tree": "kernelkit.tree",
    "utils": "kernelkit.utils",
    "visualization": "kernelkit.visualization",
    "wrappers": "kernelkit.wrappers",
}
"""The module of kernelkit in which the public names of an area are looked up."""

_S = "kernelkit.as_keras.stand_ins"

MODULES = {
    # path below keras.src: (module, who needs it)
    "backend.image": ("kernelkit.ops.image", "keras-hub: converters"),
    "backend.jax.image": ("kernelkit.ops.image", "keras-hub"),
    "backend.jax.linalg": ("kernelkit.ops.linalg", "keras-rs"),
    "backend.jax.math": ("kernelkit.ops", "keras-hub"),
    "backend.jax.nn": ("kernelkit.ops.nn", "keras-hub: tests patch dot_product_attention"),
    "backend.jax.numpy": ("kernelkit.ops.numpy", "keras-hub, bayesflow"),
    "backend.linalg": ("kernelkit.ops.linalg", "keras-rs"),
    "backend.math": ("kernelkit.ops", "keras-hub"),
    "backend.nn": ("kernelkit.ops.nn", "keras-hub"),
    "backend.numpy": ("kernelkit.ops.numpy", "bayesflow"),
    "backend.random": ("kernelkit.random", "keras-hub: samplers"),
    "backend.config": ("kernelkit.config", "keras-rs"),
    "backend.common.keras_tensor": ("kernelkit.symbolic", "keras-hub"),
    "layers.preprocessing.feature_space": (
        "kernelkit.utils.feature_space",
        "files of Keras name it; Keras's own tests",
    ),
    "ops.random": ("kernelkit.random", "bayesflow"),
    "random.seed_generator": ("kernelkit.random", "keras-hub"),
    "utils.jax_layer": ("kernelkit.layers", "bayesflow"),
}
"""Modules that stand somewhere else."""

NAMES = {
    # path below keras.src: (module, attribute, who needs it)
    "GradientTape": ("kernelkit", "GradientTape", "packages that read it before tf's"),
    "activations.ALL_OBJECTS_DICT": (f"{_S}.registries", "ALL_OBJECTS_DICT", "ncps writes its activation into it"),
    "applications.imagenet_utils.obtain_input_shape": (f"{_S}.images", "obtain_input_shape", "kimm, medicai"),
    "backend.common.global_state": (f"{_S}.global_state", "", "keras-hub: attributes of a session"),
    "backend.jax.random.jax_draw_seed": (f"{_S}.backend", "jax_draw_seed", "keras-hub, keras-rs"),
    "distribution.distribution_lib.distribution": ("kernelkit.distribution", "distribution", "keras-rs"),
    "distribution.distribution_lib.distribute_tensor": ("kernelkit.distribution", "distribute_tensor", "keras-rs"),
    "initializers.Initializer": ("kernelkit.initializers", "Initializer", "keras-hub"),
    "initializers.random_initializers.compute_fans": (
        "kernelkit.initializers.scaling",
        "compute_fans",
        "keras-efficient-kan",
    ),
    "layers.attention.attention": ("kernelkit.layers", "Attention", "tutorials import the module's class"),
    "layers.convolutional.base_conv.BaseConv": (f"{_S}.windows", "BaseConv", "hgq2: quantized convolutions"),
    "layers.convolutional.base_conv_transpose.BaseConvTranspose": (f"{_S}.windows", "BaseConvTranspose", "kerex"),
    "layers.convolutional.base_depthwise_conv.BaseDepthwiseConv": (f"{_S}.windows", "BaseDepthwiseConv", "kerex"),
    "layers.convolutional.base_separable_conv.BaseSeparableConv": (f"{_S}.windows", "BaseSeparableConv", "kerex"),
    "layers.core.input_layer.Input": ("kernelkit", "Input", "older packages"),
    "layers.input_spec.InputSpec": ("kernelkit", "InputSpec", "keras-rs"),
    "layers.merging.base_merge.Merge": ("kernelkit.layers.merging", "Merge", "hgq2: quantized sums"),
    "layers.pooling.base_global_pooling.BaseGlobalPooling": (
        "kernelkit.layers.global_pooling",
        "GlobalPoolingLayer",
        "hgq2",
    ),
    "layers.pooling.base_pooling.BasePooling": ("kernelkit.layers.pooling", "PoolingLayer", "hgq2"),
    "layers.rnn.dropout_rnn_cell.DropoutRNNCell": (f"{_S}.recurrent", "DropoutRNNCell", "ncps: LTC, CfC"),
    "losses.losses.LossFunctionWrapper": (f"{_S}.losses", "LossFunctionWrapper", "keras-hub, medicai: own losses"),
    "losses.loss.squeeze_or_expand_to_same_rank": ("kernelkit.losses.shapes", "squeeze_or_expand", "keras-rs"),
    "metrics.metrics_utils.confusion_matrix": (f"{_S}.losses", "confusion_matrix", "medicai"),
    "models.functional.Functional": ("kernelkit.models.model", "Functional", "keras-hub: backbones"),
    "models.model.Functional": ("kernelkit.models.model", "Functional", "keras-tuner"),
    "ops.node.Node": ("kernelkit.recording", "Node", "visualkeras"),
    "ops.operation.Operation": ("kernelkit", "Operation", "keras-hub"),
    "saving.saving_lib.load_weights_only": (f"{_S}.saving", "load_weights_only", "keras-hub: presets"),
    "saving.saving_lib.save_weights_only": (f"{_S}.saving", "save_weights_only", "keras-hub: presets"),
    "saving.saving_lib.H5IOStore": (f"{_S}.saving", "H5IOStore", "keras-hub: presets"),
    "saving.serialization_lib.SafeModeScope": (f"{_S}.saving", "SafeModeScope", "keras-hub"),
    "saving.serialization_lib.in_safe_mode": ("kernelkit.serialize.trust", "in_safe_mode", "keras-hub: tokenizers"),
    "trainers.data_adapters.data_adapter_utils.class_weight_to_sample_weights": (
        "kernelkit.feeds.class_weights",
        "weights_of_classes",
        "keras-hub: fit with class weights",
    ),
    "utils.argument_validation.standardize_tuple": (f"{_S}.arguments", "standardize_tuple", "kimm, keras-hub"),
    "utils.argument_validation.standardize_padding": (f"{_S}.arguments", "standardize_padding", "keras-tcn"),
    "utils.backend_utils.in_grain_data_pipeline": (
        f"{_S}.arguments",
        "in_grain_data_pipeline",
        "keras-hub: preprocessors and tokenizers",
    ),
    "utils.backend_utils.in_tf_graph": (f"{_S}.arguments", "in_tf_graph", "keras-hub: preprocessors"),
    "utils.module_utils.LazyModule": (f"{_S}.modules", "LazyModule", "keras-hub"),
    "utils.naming.auto_name": ("kernelkit.scope", "auto_name", "keras-hub"),
    "utils.naming.to_snake_case": ("kernelkit.scope", "to_snake_case", "keras-hub"),
    "utils.naming.get_uid": ("kernelkit.backend", "get_uid", "older packages"),
    "utils.tracking.no_automatic_dependency_tracking": (
        f"{_S}.arguments",
        "no_automatic_dependency_tracking",
        "keras-hub: decorates methods",
    ),
    "version.__version__": ("kernelkit.as_keras.version", "VERSION", "packages that compare versions"),
}
"""Single names; an empty attribute means the module itself."""

for _module in ("tensorflow", "scipy", "jax", "torch", "grain", "ocp"):
    NAMES[f"utils.module_utils.{_module}"] = (f"{_S}.modules", _module, "keras-hub, keras-rs")
