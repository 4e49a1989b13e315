"""Small models of KerasHub's families, built by public names alone; read by both libraries' processes."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

SIZES: dict[str, Any] = {
    "vocabulary_size": 40,
    "vocab_size": 40,
    "num_layers": 2,
    "num_layers_enc": 2,
    "num_layers_dec": 2,
    "num_heads": 2,
    "num_query_heads": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "head_size": 8,
    "hidden_dim": 16,
    "intermediate_dim": 24,
    "moe_intermediate_dim": 24,
    "shared_expert_intermediate_dim": 24,
    "shared_expert_intermediate_size": 24,
    "num_experts": 4,
    "top_k": 2,
    "embedding_dim": 8,
    "max_sequence_length": 12,
    "bucket_size": 8,
    "dropout": 0.0,
    "dropout_rate": 0.0,
}
"""Sizes by the name of an argument: what a family takes of them, it gets."""

IMAGE = (32, 32, 3)

TEXTS = (
    "Albert Bart Bert Bloom DebertaV3 DistilBert ESM EdRec Electra FNet Falcon GPT2 GPTNeoX Gemma GptOss Llama Llama3 "
    "Mistral Mixtral OPT Phi3 Qwen Qwen3 Qwen3Moe QwenMoe Roberta RoformerV2 T5 XLMRoberta XLNet"
).split()

OTHERS: dict[str, dict[str, Any]] = {
    "Whisper": {"num_mels": 8, "max_encoder_sequence_length": 16, "max_decoder_sequence_length": 12},
    "Moonshine": {
        "filter_dim": 16,
        "encoder_num_layers": 1,
        "decoder_num_layers": 1,
        "encoder_num_heads": 2,
        "decoder_num_heads": 2,
    },
    "SmolLM3": {
        "attention_bias": False,
        "attention_dropout": 0.0,
        "rope_layer_enabled_list": [True, False],
        "layer_types": ["full_attention", "full_attention"],
        "mlp_bias": False,
        "layer_norm_epsilon": 1e-5,
        "max_position_embeddings": 64,
        "rope_theta": 10000.0,
        "partial_rotary_factor": 1.0,
    },
    "Gemma3": {"image_size": 16, "sliding_window_size": 4, "use_sliding_window_attention": True},
    "PaliGemma": {
        "image_size": 16,
        "vit_patch_size": 8,
        "vit_num_heads": 2,
        "vit_hidden_dim": 16,
        "vit_num_layers": 1,
        "vit_intermediate_dim": 24,
    },
    "RWKV7": {
        "hidden_size": 16,
        "gate_lora": 8,
        "mv_lora": 8,
        "aaa_lora": 8,
        "decay_lora": 8,
        "vocabulary_size": 40,
    },
    "ViT": {"image_shape": IMAGE, "patch_size": 8, "mlp_dim": 24},
    "DeiT": {"image_shape": IMAGE, "patch_size": 8},
    "DINOV2": {"image_shape": IMAGE, "patch_size": 8, "position_embedding_shape": (40, 40, 3)},
    "DINOV3": {"image_shape": IMAGE, "patch_size": 8},
    "ResNet": {
        "input_conv_filters": [64],
        "input_conv_kernel_sizes": [7],
        "stackwise_num_filters": [64, 64],
        "stackwise_num_blocks": [1, 2],
        "stackwise_num_strides": [1, 2],
        "block_type": "basic_block",
        "image_shape": IMAGE,
    },
    "DenseNet": {"stackwise_num_repeats": [2, 2], "growth_rate": 4, "image_shape": IMAGE},
    "EfficientNet": {
        "stackwise_width_coefficients": [1.0] * 2,
        "stackwise_depth_coefficients": [1.0] * 2,
        "stackwise_kernel_sizes": [3, 5],
        "stackwise_num_repeats": [1, 2],
        "stackwise_input_filters": [8, 8],
        "stackwise_output_filters": [8, 16],
        "stackwise_expansion_ratios": [1, 2],
        "stackwise_squeeze_and_excite_ratios": [0.25, 0.25],
        "stackwise_strides": [1, 2],
        "stackwise_block_types": ["v1", "fused"],
        "stackwise_force_input_filters": [0, 0],
        "stackwise_nores_option": [False, False],
        "num_features": 16,
        "input_shape": IMAGE,
    },
    "VGG": {"stackwise_num_repeats": [1, 2], "stackwise_num_filters": [8, 8], "image_shape": IMAGE},
    "MiT": {
        "layerwise_depths": [1, 1],
        "layerwise_num_heads": [1, 2],
        "layerwise_sr_ratios": [2, 1],
        "max_drop_path_rate": 0.0,
        "layerwise_patch_sizes": [7, 3],
        "layerwise_strides": [4, 2],
        "hidden_dims": [8, 16],
        "image_shape": IMAGE,
    },
    "SwinTransformer": {
        "image_shape": IMAGE,
        "embed_dim": 8,
        "depths": [2, 2],
        "num_heads": [2, 2],
        "window_size": 4,
        "drop_path": 0.0,
    },
    "ViTDet": {
        "hidden_size": 16,
        "global_attention_layer_indices": [1],
        "image_shape": IMAGE,
        "patch_size": 8,
        "num_output_channels": 8,
        "window_size": 2,
    },
}


def _clip(hub: Any) -> dict[str, Any]:
    from keras_hub.src.models.clip.clip_text_encoder import CLIPTextEncoder
    from keras_hub.src.models.clip.clip_vision_encoder import CLIPVisionEncoder

    sizes = {"hidden_dim": 16, "num_layers": 2, "num_heads": 2, "intermediate_dim": 24}
    return {
        "vision_encoder": CLIPVisionEncoder(patch_size=8, image_shape=IMAGE, name="vision", **sizes),
        "text_encoder": CLIPTextEncoder(
            vocabulary_size=40, embedding_dim=16, max_sequence_length=12, name="text", **sizes
        ),
        "projection_dim": 8,
    }


def _siglip(hub: Any) -> dict[str, Any]:
    from keras_hub.src.models.siglip.siglip_text_encoder import SigLIPTextEncoder
    from keras_hub.src.models.siglip.siglip_vision_encoder import SigLIPVisionEncoder

    sizes = {"hidden_dim": 16, "num_layers": 2, "num_heads": 2, "intermediate_dim": 24}
    return {
        "vision_encoder": SigLIPVisionEncoder(patch_size=8, image_shape=IMAGE, name="vision", **sizes),
        "text_encoder": SigLIPTextEncoder(
            vocabulary_size=40, embedding_dim=16, max_sequence_length=8, name="text", **sizes
        ),
    }


def _sam(hub: Any) -> dict[str, Any]:
    return {
        "image_encoder": hub.models.ViTDetBackbone(**arguments("ViTDet", hub)),
        "prompt_encoder": hub.layers.SAMPromptEncoder(
            hidden_size=8, image_embedding_size=(4, 4), input_image_size=IMAGE[:2], mask_in_channels=4
        ),
        "mask_decoder": hub.layers.SAMMaskDecoder(
            num_layers=1, hidden_size=8, intermediate_dim=16, num_heads=2, embedding_dim=8, iou_head_hidden_dim=8
        ),
    }


def _segformer(hub: Any) -> dict[str, Any]:
    return {"image_encoder": hub.models.MiTBackbone(**arguments("MiT", hub)), "projection_filters": 8}


def _retinanet(hub: Any) -> dict[str, Any]:
    encoder = dict(arguments("ResNet", hub), stackwise_num_filters=[64] * 4, stackwise_num_blocks=[1] * 4)
    encoder.update(stackwise_num_strides=[1, 2, 2, 2], image_shape=(64, 64, 3))
    return {
        "image_encoder": hub.models.ResNetBackbone(**encoder),
        "min_level": 3,
        "max_level": 4,
        "use_p5": False,
        "image_shape": (64, 64, 3),
    }


def _deeplab(hub: Any) -> dict[str, Any]:
    encoder = dict(arguments("ResNet", hub), stackwise_num_filters=[64] * 4, stackwise_num_blocks=[1] * 4)
    encoder.update(stackwise_num_strides=[1, 2, 2, 2], image_shape=(64, 64, 3))
    return {
        "image_encoder": hub.models.ResNetBackbone(**encoder),
        "spatial_pyramid_pooling_key": "P4",
        "low_level_feature_key": "P2",
        "upsampling_size": 4,
        "dilation_rates": [2, 3],
        "projection_filters": 8,
        "image_shape": (64, 64, 3),
    }


COMPOSED: dict[str, Callable[[Any], dict[str, Any]]] = {
    "CLIP": _clip,
    "SigLIP": _siglip,
    "SAM": _sam,
    "SegFormer": _segformer,
    "RetinaNet": _retinanet,
    "DeepLabV3": _deeplab,
}
"""Families whose arguments are models themselves."""

ALL = sorted([*TEXTS, *OTHERS, *COMPOSED])

GENERATES = (
    "Bloom Falcon GPT2 GPTNeoX Gemma Gemma3 GptOss Llama Llama3 Mistral Mixtral OPT Phi3 Qwen Qwen3 Qwen3Moe QwenMoe "
    "SmolLM3"
).split()
"""Families with a CausalLM that writes on from tokens."""


def arguments(family: str, hub: Any) -> dict[str, Any]:
    """Return the arguments of a family's backbone.

    Args:
        family: A name of `ALL`.
        hub: The module `keras_hub`.
    """
    taken = inspect.signature(backbone_class(family, hub).__init__).parameters
    found = {name: size for name, size in SIZES.items() if name in taken}
    return {**found, **(COMPOSED[family](hub) if family in COMPOSED else OTHERS.get(family, {}))}


def backbone_class(family: str, hub: Any) -> Any:
    """Return the class of a family's backbone."""
    return getattr(hub.models, f"{family}Backbone")
