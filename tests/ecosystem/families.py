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

LINEAR: dict[str, Any] = {
    "layer_types": ["linear_attention", "full_attention"],
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 4,
    "linear_key_head_dim": 4,
    "linear_value_head_dim": 4,
    "partial_rotary_factor": 0.5,
}
TWO_TEXTS: dict[str, Any] = {
    f"{side}_{name}": value
    for side in ("encoder", "decoder")
    for name, value in {
        "hidden_dim": 16,
        "intermediate_dim": 24,
        "num_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 8,
        "layer_types": ["sliding_attention", "full_attention"],
    }.items()
} | {"sliding_window": 4, "query_pre_attn_scalar": 8.0}

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
    "CSPNet": {
        "stem_filters": 8,
        "stem_kernel_size": 3,
        "stem_strides": 1,
        "stackwise_depth": [1, 2],
        "stackwise_strides": [1, 2],
        "stackwise_num_filters": [8, 16],
        "block_type": "dark_block",
        "stage_type": "csp",
        "bottle_ratio": [0.5],
        "expand_ratio": [2.0],
        "image_shape": IMAGE,
    },
    "Flux": {
        "input_channels": 12,
        "hidden_size": 24,
        "mlp_ratio": 2.0,
        "depth": 1,
        "depth_single_blocks": 2,
        "axes_dim": [4, 4, 4],
        "theta": 100,
        "use_bias": True,
        "image_shape": (8, 12),
        "text_shape": (6, 12),
        "image_ids_shape": (8, 3),
        "text_ids_shape": (6, 3),
        "y_shape": (128,),
    },
    "Gemma3n": {
        "text_vocab_size": 40,
        "text_hidden_size": 8,
        "num_hidden_layers": 2,
        "pad_token_id": 0,
        "intermediate_size": [16, 16],
        "hidden_activation": "gelu_approximate",
        "layer_types": ["sliding_attention", "full_attention"],
        "sliding_window": 4,
        "rope_theta": 10000.0,
        "max_position_embeddings": 16,
        "vocab_size_per_layer_input": 40,
        "hidden_size_per_layer_input": 2,
        "altup_num_inputs": 2,
        "laurel_rank": 1,
    },
    "Gemma4": {"image_size": 16, "sliding_window_size": 4},
    "HGNetV2": {
        "depths": [1, 2],
        "embedding_size": 8,
        "hidden_sizes": [16, 24],
        "stem_channels": [3, 8, 8],
        "hidden_act": "relu",
        "use_learnable_affine_block": True,
        "stackwise_stage_filters": [(8, 8, 16, 1, 2, 3), (16, 8, 24, 2, 2, 5)],
        "apply_downsample": [False, True],
        "use_lightweight_conv_block": [False, True],
        "image_shape": IMAGE,
    },
    "MobileNet": {
        "stackwise_expansion": [[8, 12], [16]],
        "stackwise_num_blocks": [2, 1],
        "stackwise_num_filters": [[8, 8], [12]],
        "stackwise_kernel_size": [[3, 3], [5]],
        "stackwise_num_strides": [[2, 1], [2]],
        "stackwise_se_ratio": [[None, None], [0.25]],
        "stackwise_activation": [["relu", "relu"], ["hard_swish"]],
        "stackwise_padding": [[1, 1], [2]],
        "output_num_filters": 16,
        "input_num_filters": 8,
        "depthwise_filters": 8,
        "depthwise_stride": 1,
        "depthwise_residual": True,
        "last_layer_filter": 16,
        "squeeze_and_excite": 0.5,
        "image_shape": IMAGE,
    },
    "MobileNetV5": {
        "stackwise_block_types": [["er"], ["uir", "mqa"]],
        "stackwise_num_blocks": [1, 2],
        "stackwise_num_filters": [[8], [16, 16]],
        "stackwise_strides": [[2], [2, 1]],
        "stackwise_act_layers": [["relu"], ["relu", "relu"]],
        "stackwise_exp_ratios": [[2.0], [3.0, 1.0]],
        "stackwise_se_ratios": [[0.0], [0.0, 0.0]],
        "stackwise_dw_kernel_sizes": [[0], [5, 3]],
        "stackwise_dw_start_kernel_sizes": [[0], [3, 0]],
        "stackwise_dw_end_kernel_sizes": [[0], [0, 0]],
        "stackwise_exp_kernel_sizes": [[3], [0, 0]],
        "stackwise_pw_kernel_sizes": [[1], [0, 0]],
        "stackwise_num_heads": [[0], [0, 2]],
        "stackwise_key_dims": [[0], [0, 4]],
        "stackwise_value_dims": [[0], [0, 4]],
        "stackwise_kv_strides": [[0], [0, 1]],
        "stackwise_use_cpe": [[False], [False, False]],
        "use_msfa": False,
        "image_shape": IMAGE,
    },
    "Qwen3_5": LINEAR,
    "Qwen3_5Moe": LINEAR,
    "T5Gemma": TWO_TEXTS,
    "T5Gemma2": TWO_TEXTS,
    "VideoPrism": {
        "num_frames": 2,
        "patch_size": 8,
        "num_spatial_layers": 1,
        "num_temporal_layers": 1,
        "num_auxiliary_layers": 1,
        "image_shape": IMAGE,
    },
    "Xception": {
        "stackwise_conv_filters": [[8, 8], [8, 16]],
        "stackwise_pooling": [True, False],
        "image_shape": IMAGE,
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


def _basnet(hub: Any) -> dict[str, Any]:
    encoder = dict(arguments("ResNet", hub), stackwise_num_filters=[64] * 4, stackwise_num_blocks=[1] * 4)
    encoder.update(stackwise_num_strides=[1, 2, 2, 2], image_shape=(None, None, 3))
    return {
        "image_encoder": hub.models.ResNetBackbone(**encoder),
        "num_classes": 1,
        "image_shape": (64, 64, 3),
    }


def _blip2(hub: Any) -> dict[str, Any]:
    return {
        "vision_encoder": None,
        "qformer": None,
        "language_model": hub.models.OPTBackbone(**arguments("OPT", hub), name="language"),
    }


def _depth_anything(hub: Any) -> dict[str, Any]:
    encoder = dict(arguments("DINOV2", hub), num_layers=4, image_shape=(64, 64, 3))
    return {
        "image_encoder": hub.models.DINOV2Backbone(**encoder),
        "reassemble_factors": [4, 2, 1, 0.5],
        "neck_hidden_dims": [8, 8, 16, 16],
        "fusion_hidden_dim": 8,
        "head_hidden_dim": 8,
        "head_in_index": -1,
        "feature_keys": ["stage1", "stage2", "stage3", "stage4"],
    }


def _d_fine(hub: Any) -> dict[str, Any]:
    encoder = {
        "stem_channels": [3, 8, 8],
        "stackwise_stage_filters": [
            [8, 8, 16, 1, 2, 3],
            [16, 8, 24, 1, 2, 3],
            [24, 8, 32, 1, 2, 5],
            [32, 8, 40, 1, 2, 5],
        ],
        "apply_downsample": [False, True, True, True],
        "use_lightweight_conv_block": [False, False, True, True],
        "depths": [1, 1, 1, 1],
        "hidden_sizes": [16, 24, 32, 40],
        "embedding_size": 8,
        "use_learnable_affine_block": True,
        "hidden_act": "relu",
        "image_shape": (64, 64, 3),
        "out_features": ["stage3", "stage4"],
    }
    return {
        "backbone": hub.models.HGNetV2Backbone(**encoder),
        "decoder_in_channels": [16, 16],
        "encoder_hidden_dim": 16,
        "num_labels": 5,
        "num_denoising": 0,
        "learn_initial_query": False,
        "num_queries": 6,
        "anchor_image_size": (64, 64),
        "feat_strides": [16, 32],
        "num_feature_levels": 2,
        "hidden_dim": 16,
        "encoder_in_channels": [32, 40],
        "encode_proj_layers": [1],
        "num_attention_heads": 2,
        "encoder_ffn_dim": 24,
        "num_encoder_layers": 1,
        "hidden_expansion": 0.5,
        "depth_multiplier": 0.5,
        "eval_idx": -1,
        "num_decoder_layers": 2,
        "decoder_attention_heads": 2,
        "decoder_ffn_dim": 24,
        "decoder_n_points": [2, 2],
        "lqe_hidden_dim": 8,
        "num_lqe_layers": 2,
        "out_features": ["stage3", "stage4"],
        "image_shape": (64, 64, 3),
        "seed": 0,
    }


def _metaclip(hub: Any) -> dict[str, Any]:
    sizes = {"hidden_dim": 16, "num_layers": 2, "num_heads": 2, "intermediate_dim": 24}
    return {
        "vision_encoder": hub.models.MetaCLIP2VisionEncoder(patch_size=8, image_shape=IMAGE, name="vision", **sizes),
        "text_encoder": hub.models.MetaCLIP2TextEncoder(vocabulary_size=40, embedding_dim=16, name="text", **sizes),
        "projection_dim": 8,
    }


def _parseq(hub: Any) -> dict[str, Any]:
    return {
        "image_encoder": hub.models.ViTBackbone(**arguments("ViT", hub), use_class_token=False, name="encoder"),
        "max_label_length": 8,
        "decoder_hidden_dim": 16,
        "num_decoder_layers": 1,
        "num_decoder_heads": 2,
        "decoder_mlp_dim": 24,
        "vocabulary_size": 40,
        "dropout_rate": 0.0,
        "attention_dropout": 0.0,
    }


def _sam3(hub: Any) -> dict[str, Any]:
    image = (56, 56, 3)
    sizes = {"hidden_dim": 16, "num_heads": 2}
    deep = {**sizes, "intermediate_dim": 24, "num_layers": 1}
    lay = hub.layers
    return {
        "vision_encoder": lay.SAM3VisionEncoder(
            image_shape=image,
            patch_size=14,
            fpn_hidden_dim=16,
            fpn_scale_factors=[4.0, 2.0, 1.0, 0.5],
            pretrain_image_shape=image,
            window_size=2,
            global_attn_indexes=[1],
            **{**deep, "num_layers": 2},
        ),
        "text_encoder": lay.SAM3TextEncoder(vocabulary_size=40, embedding_dim=16, **deep),
        "geometry_encoder": lay.SAM3GeometryEncoder(roi_size=3, **deep),
        "detr_encoder": lay.SAM3DetrEncoder(**deep),
        "detr_decoder": lay.SAM3DetrDecoder(image_shape=image, patch_size=14, num_queries=5, **deep),
        "mask_decoder": lay.SAM3MaskDecoder(num_upsampling_stages=3, **sizes),
    }


def _stable_diffusion(hub: Any) -> dict[str, Any]:
    from keras_hub.src.models.clip.clip_text_encoder import CLIPTextEncoder
    from keras_hub.src.models.vae.vae_backbone import VAEBackbone

    sizes = {"hidden_dim": 16, "num_layers": 1, "num_heads": 2, "vocabulary_size": 40, "embedding_dim": 16}
    return {
        "mmdit_patch_size": 2,
        "mmdit_num_heads": 2,
        "mmdit_hidden_dim": 16,
        "mmdit_num_layers": 2,
        "mmdit_position_size": 16,
        "mmdit_qk_norm": "rms_norm",
        "mmdit_dual_attention_indices": [0],
        "vae": VAEBackbone([32, 32, 32, 32], [1, 1, 1, 1], [32, 32, 32, 32], [1, 1, 1, 1], sampler_method="mode"),
        "clip_l": CLIPTextEncoder(
            intermediate_dim=24, max_sequence_length=77, intermediate_output_index=0, name="clip_l", **sizes
        ),
        "clip_g": CLIPTextEncoder(
            intermediate_dim=24, max_sequence_length=77, intermediate_output_index=0, name="clip_g", **sizes
        ),
        "image_shape": IMAGE,
    }


COMPOSED: dict[str, Callable[[Any], dict[str, Any]]] = {
    "CLIP": _clip,
    "SigLIP": _siglip,
    "SAM": _sam,
    "SegFormer": _segformer,
    "RetinaNet": _retinanet,
    "DeepLabV3": _deeplab,
    "BASNet": _basnet,
    "BLIP2": _blip2,
    "DFine": _d_fine,
    "DepthAnything": _depth_anything,
    "MetaCLIP2": _metaclip,
    "PARSeq": _parseq,
    "SAM3PromptableConcept": _sam3,
    "StableDiffusion3": _stable_diffusion,
}
"""Families whose arguments are models themselves."""

ALL = sorted([*TEXTS, *OTHERS, *COMPOSED])

GENERATES = (
    "Bloom Falcon GPT2 GPTNeoX Gemma Gemma3 GptOss Llama Llama3 Mistral Mixtral OPT Phi3 Qwen Qwen3 Qwen3Moe QwenMoe "
    "SmolLM3"
).split()
"""Families with a CausalLM that writes on from tokens."""


COMPUTES_WEIGHTS = ("DINOV2", "DepthAnything", "SAM3PromptableConcept")
"""Families whose loader computes weights from others, such as interpolated positions; drawn ones would not agree."""


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
