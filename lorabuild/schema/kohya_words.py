"""The words of the standard trainer (kohya-ss/sd-scripts) and of its web GUI, and what each is in lora.yaml.

Names and defaults are facts about those programs (sd-scripts 48d368fa, kohya_ss, LoRA Easy Training Scripts).
"""

from __future__ import annotations

import re

DIRECT = {
    "adaptive_noise_scale": "training.noise.offset_adaptive",
    "batch_size": "training.batch",
    "bucket_reso_steps": "images.buckets.step",
    "caption_dropout_every_n_epochs": "training.caption_dropout_every",
    "caption_dropout_rate": "training.caption_dropout",
    "caption_prefix": "training.caption_prefix",
    "caption_suffix": "training.caption_suffix",
    "caption_tag_dropout_rate": "training.tag_dropout",
    "clip_skip": "base.clip_skip",
    "color_aug": "images.color_augment",
    "debiased_estimation_loss": "training.debiased_estimation",
    "enable_wildcard": "training.wildcards",
    "flip_aug": "images.flip",
    "gradient_accumulation_steps": "training.accumulation",
    "ip_noise_gamma": "training.noise.ip_gamma",
    "ip_noise_gamma_random_strength": "training.noise.ip_gamma_random",
    "keep_tokens": "training.keep_tokens",
    "keep_tokens_separator": "training.keep_separator",
    "max_bucket_reso": "images.buckets.max",
    "max_grad_norm": "training.max_grad_norm",
    "max_timestep": "training.timesteps.max",
    "max_token_length": "base.max_token_length",
    "metadata_author": "output.author",
    "metadata_description": "output.description",
    "metadata_license": "output.license",
    "metadata_title": "output.title",
    "min_bucket_reso": "images.buckets.min",
    "min_snr_gamma": "training.min_snr_gamma",
    "min_timestep": "training.timesteps.min",
    "multires_noise_discount": "training.noise.pyramid_discount",
    "multires_noise_iterations": "training.noise.pyramid",
    "noise_offset": "training.noise.offset",
    "noise_offset_random_strength": "training.noise.offset_random",
    "prior_loss_weight": "regularization.prior_loss_weight",
    "random_crop": "images.random_crop",
    "save_every_n_steps": "training.save_every",
    "save_last_n_epochs": "training.keep_checkpoints",
    "scale_v_pred_loss_like_noise_pred": "training.scale_v_pred_loss",
    "scale_weight_norms": "training.max_norm",
    "secondary_separator": "training.secondary_separator",
    "seed": "training.seed",
    "shuffle_caption": "training.caption_shuffle",
    "token_warmup_min": "training.token_warmup.min",
    "token_warmup_step": "training.token_warmup.steps",
    "v_pred_like_loss": "training.v_pred_like_loss",
    "validation_split": "training.validation.share",
    "zero_terminal_snr": "base.zero_terminal_snr",
}
"""Words that mean the same under another name."""

ZERO_IS_OFF = frozenset(
    {
        *("ip_noise_gamma", "keep_tokens_separator", "min_snr_gamma", "multires_noise_iterations", "noise_offset"),
        *("save_every_n_steps", "save_last_n_epochs", "scale_weight_norms", "v_pred_like_loss", "validation_split"),
        *("zero_terminal_snr", "max_token_length", "max_bucket_reso", "bucket_reso_steps", "clip_skip"),
    }
)
"""Those of which nothing and 0 say no more than leaving them out."""

NEEDS = {
    "adaptive_noise_scale": ("noise_offset",),
    "noise_offset_random_strength": ("noise_offset",),
    "ip_noise_gamma_random_strength": ("ip_noise_gamma",),
    "multires_noise_discount": ("multires_noise_iterations",),
    "keep_tokens": ("shuffle_caption", "caption_tag_dropout_rate", "token_warmup_step"),
    "token_warmup_min": ("token_warmup_step",),
    "prior_loss_weight": ("reg_data_dir",),
}
"""Words that do nothing while all of some others are off."""

DEFAULTS = {
    "batch_size": 1,
    "caption_extension": ".caption",
    "keep_tokens": 0,
    "learning_rate": 2e-6,
    "lr_scheduler": "constant",
    "max_bucket_reso": 1024,
    "max_token_length": 75,
    "min_bucket_reso": 256,
    "mixed_precision": "no",
    "network_alpha": 1,
    "network_dim": 4,
    "optimizer_type": "AdamW",
}
"""What the standard trainer does where a file with settings says nothing, as far as it is not what we do."""

SPECIAL = frozenset(
    {
        *("alpha_mask", "cache_latents", "caption_extension", "class_tokens", "conditioning_data_dir", "conv_alpha"),
        *("conv_dim", "dataset_config", "enable_bucket", "gradient_checkpointing", "huber_c", "huber_scale"),
        *("huber_schedule", "learning_rate", "log_with", "loss_type", "lr_scheduler", "lr_scheduler_args"),
        *("lr_scheduler_min_lr_ratio", "lr_scheduler_num_cycles", "lr_scheduler_power", "lr_scheduler_type"),
        *("lr_warmup_steps", "masked_loss", "max_train_epochs", "max_train_steps", "mixed_precision"),
        *("network_alpha", "network_args", "network_dim", "network_dropout", "network_module", "num_repeats"),
        *("network_train_text_encoder_only", "network_train_unet_only", "optimizer_args", "optimizer_type"),
        *(
            "output_name",
            "pretrained_model_name_or_path",
            "reg_data_dir",
            "resolution",
            "sample_prompts",
            "sample_sampler",
        ),
        *("save_precision", "save_model_as", "stop_text_encoder_training", "text_encoder_lr", "training_comment"),
        *("sample_sampler", "train_data_dir", "unet_lr", "v_parameterization", "vae", "use_8bit_adam"),
        *("use_lion_optimizer", "LoRA_type"),
    }
)
"""Words that have a function of their own in ``kohya_settings`` or ``kohya_learning``."""

SAMPLERS = {
    **{name: name for name in ("ddim", "pndm", "euler", "euler_a", "heun")},
    "dpm_2": "dpm2",
    "dpm_2_a": "dpm2_a",
    "dpmsolver++": "dpm++_2m",
    "dpmsingle": "dpm++_2s",
}
"""Their samplers → ours."""

_MEMORY = "attention and memory are seen to without words"
_COMPILE = "`training.compile` is ours, for long trainings on a GPU"
_CACHE = "latents and texts are always cached, and proved by their content"
_LOADER = "records come from the cache: there is no loader to set up"
_STATE = "every run can be resumed, and is, by itself"
_FILES = "`lorabuild export` and the project's folder take its place"
ANYWAY = {
    **dict.fromkeys(("xformers", "sdpa", "mem_eff_attn", "lowram", "highvram"), _MEMORY),
    **dict.fromkeys(("torch_compile", "dynamo_backend", "dynamo_mode"), _COMPILE),
    **dict.fromkeys(("dynamo_use_dynamic", "dynamo_use_fullgraph"), _COMPILE),
    **dict.fromkeys(
        ("full_fp16", "full_bf16", "fp8_base", "fp8_base_unet", "blocks_to_swap"),
        _MEMORY,
    ),
    **dict.fromkeys(("cache_latents_to_disk", "vae_batch_size", "skip_cache_check", "cache_info"), _CACHE),
    **dict.fromkeys(("cache_text_encoder_outputs", "cache_text_encoder_outputs_to_disk"), _CACHE),
    **dict.fromkeys(("sdxl_cache_text_encoder_outputs", "text_encoder_batch_size"), _CACHE),
    **dict.fromkeys(("max_data_loader_n_workers", "persistent_data_loader_workers"), _LOADER),
    **dict.fromkeys(("num_cpu_threads_per_process", "extra_accelerate_launch_args"), _LOADER),
    **dict.fromkeys(("save_state", "save_state_on_train_end", "resume", "save_last_n_steps_state"), _STATE),
    **dict.fromkeys(("save_last_n_epochs_state", "skip_until_initial_step", "initial_epoch", "initial_step"), _STATE),
    **dict.fromkeys(("output_dir", "logging_dir", "model_list", "save_toml", "save_toml_location"), _FILES),
    **dict.fromkeys(("lowvram", "fused_optimizer_groups"), _MEMORY),
    **dict.fromkeys(("cpu_offload_checkpointing", "disable_mmap_load_safetensors", "tokenizer_cache_dir"), _MEMORY),
    **dict.fromkeys(("config_file", "output_config", "log_config"), _FILES),
    **dict.fromkeys(
        ("save_model_to", "save_as_bool", "train_mode", "name", "epoch", "noise_offset_type"), "it changes no training"
    ),
    **dict.fromkeys(("no_half_vae", "sdxl_no_half_vae"), "the autoencoder always runs in full precision"),
    **dict.fromkeys(("sample_every_n_epochs", "sample_at_first"), "pictures are drawn after every epoch, and without"),
    "save_every_n_epochs": "every epoch is kept; `training.keep_checkpoints` keeps fewer",
    "caption_separator": "tags are parted by commas",
    "log_prefix": "logs are called after the training's key",
    "log_tracker_name": "logs are called after the training's key",
    "debug_dataset": "`lorabuild plan` shows what will be trained",
    "gpu_ids": "`CUDA_VISIBLE_DEVICES` chooses the GPU",
    "use_safetensors": "files are always safetensors",
    "lr_decay_steps": "no schedule of ours has a decay of its own",
}
"""Words that nothing need be written for → why."""

_PROCESSES = "`lorabuild --processes N` trains in several processes"
_LYCORIS = "a form of LyCORIS that no word asks for; the network is trained without it"
_TOLD = "the files say by themselves what they were made from, and their triggers"
_UPLOAD = "`lorabuild publish` makes the folder; upload it yourself"
_MERGE = "`lorabuild lora merge` merges what is trained"
_SAMPLE = "pictures are drawn after every epoch; `samples.every` draws more"
_OTHER = "lorabuild trains LoRAs on images with captions; this belongs to another kind of training"
NOTHING = {
    **dict.fromkeys(("num_processes", "num_machines", "multi_gpu", "ddp_timeout"), _PROCESSES),
    **dict.fromkeys(("ddp_gradient_as_bucket_view", "ddp_static_graph", "main_process_port"), _PROCESSES),
    **dict.fromkeys(("train_norm", "use_tucker", "use_cp", "use_scalar", "rank_dropout_scale"), _LYCORIS),
    **dict.fromkeys(("constrain", "constraint", "rescaled", "bypass_mode", "LyCORIS_preset", "preset"), _LYCORIS),
    **dict.fromkeys(("huggingface_repo_id", "huggingface_repo_type", "huggingface_path_in_repo"), _UPLOAD),
    **dict.fromkeys(("huggingface_token", "huggingface_repo_visibility", "save_state_to_huggingface"), _UPLOAD),
    **dict.fromkeys(("resume_from_huggingface", "async_upload"), _UPLOAD),
    **dict.fromkeys(("base_weights", "base_weights_multiplier"), _MERGE),
    "sample_every_n_steps": _SAMPLE,
    **dict.fromkeys(("dataset_class", "dataset_repeats", "weighting_scheme", "logit_mean", "logit_std"), _OTHER),
    **dict.fromkeys(("mode_scale", "metadata_is_negative_embedding", "train_text_encoder"), _OTHER),
    **dict.fromkeys(("metadata_merged_from", "metadata_preprocessor", "metadata_thumbnail"), _TOLD),
    **dict.fromkeys(("metadata_tags", "metadata_trigger_phrase", "metadata_usage_hint"), _TOLD),
    **dict.fromkeys(("metadata_file", "in_json", "custom_attributes", "network_multiplier"), _OTHER),
    **dict.fromkeys(("network_weights", "lora_network_weights", "dim_from_weights"), "no training starts from a LoRA"),
    **dict.fromkeys(("wandb_api_key", "wandb_run_name", "use_wandb", "log_tracker_config"), "only TensorBoard is fed"),
    "bucket_no_upscale": "a small image is enlarged to its bucket; `plan` names those",
    "face_crop_aug_range": "crop by hand, or write `images: {random_crop: true, cache: false}`",
    "resize_interpolation": "images are scaled as the standard trainer does without this word",
    "weighted_captions": "`(word:1.2)` is read as it stands: take weights out of the captions",
    "additional_parameters": "words of a command line: look which of them you need",
    "save_n_epoch_ratio": "every epoch is kept; `training.keep_checkpoints` keeps fewer",
    "save_last_n_steps": "`training.keep_checkpoints` counts epochs",
    "lr_scheduler_timescale": "no schedule of ours has it",
    "fused_backward_pass": "write `training: {gradient_checkpointing: true}` where memory is short",
    "no_token_padding": "texts are always padded to whole chunks of 75 tokens",
    "no_metadata": "the files always say what they were made from",
    "validation_seed": "what is held out follows from the images' content",
    "validate_every_n_steps": "validation is looked at after every epoch",
    "validate_every_n_epochs": "validation is looked at after every epoch",
    "max_validation_steps": "all that is held out is looked at",
    "block_lr_zero_threshold": "a block of 0 in `network.blocks` gets no adapter",
}
"""Words without an equivalent → what to do."""

OTHER_MODELS = re.compile(
    r"ae$|in_dims|learning_rate_te|clip_[lg]|t5xxl|save_(clip|t5)|train_(t5|blocks|double|single)|split_(mode|qkv)"
    r"|(flux1?|sd3|lumina|anima|hunyuan|img|txt|single|double|apply_t5|pos_emb|discrete_flow|model_prediction)_"
    r"|timestep_sampling|guidance_scale|sigmoid_scale"
)
"""Beginnings of the GUI's fields for other kinds of models and trainings: they are in every preset."""
