"""Makes tiny captioners with random weights, saved as transformers saves them, for the tests of taggers."""

import json
from pathlib import Path

import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    Blip2Config,
    Blip2ForConditionalGeneration,
    Blip2Processor,
    BlipImageProcessorPil,
    CLIPImageProcessorPil,
    CLIPVisionConfig,
    Florence2Config,
    Florence2ForConditionalGeneration,
    Florence2Processor,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedTokenizerFast,
    Qwen2Tokenizer,
)

WORDS = [
    *("a", "the", "red", "green", "blue", "creature", "hat", "cape", "forest", "sits", "stands"),
    *("under", "near", "with", "and", "on", "sky", "tree", "water", "describe", "this", "image"),
]
SPECIAL = ["<pad>", "<s>", "</s>", "<unk>", "<image>"]
SIDE = 16
CHAT = (
    "{{ bos_token }}{% for turn in messages %}{{ turn.role }}: "
    "{% if turn.content is string %}{{ turn.content }}{% else %}{% for part in turn.content %}"
    "{% if part.type == 'image' %}<image> {% else %}{{ part.text }}{% endif %}{% endfor %}{% endif %} {% endfor %}"
    "{% if add_generation_prompt %}assistant:{% endif %}"
)
PLAIN_CHAT = (
    "{{ bos_token }}{% for turn in messages %}{% if turn.role == 'user' %}<image> {% endif %}{{ turn.content }} "
    "{% endfor %}"
)
QWEN = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
QWEN += ["<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"]
MROPE = {"mrope_section": [2, 1, 1]}
QWEN_CHAT = (
    "{% for turn in messages %}<|im_start|>{{ turn.role }}\n{% for part in turn.content %}"
    "{% if part.type == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ part.text }}{% endif %}"
    "{% endfor %}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def tokenizer(**special):
    vocabulary = {word: place for place, word in enumerate([*SPECIAL, *WORDS])}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.post_processor = processors.TemplateProcessing("<s> $A", special_tokens=[("<s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        extra_special_tokens=special,
    )


def _saved(model, processor, folder, std=0.4):
    for weight in model.parameters():
        torch.nn.init.normal_(weight, std=std)
    model.eval().save_pretrained(folder)
    processor.save_pretrained(folder)
    return Path(folder)


def llava(folder, template=CHAT):
    """LLaVA, as JoyCaption is: CLIP, Llama, a chat template; ``None`` leaves that out."""
    torch.manual_seed(1)
    size = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    vision = CLIPVisionConfig(**size, image_size=SIDE, patch_size=8, projection_dim=16)
    text = LlamaConfig(
        **size, vocab_size=len(SPECIAL + WORDS), bos_token_id=1, eos_token_id=2, pad_token_id=0, head_dim=8
    )
    config = LlavaConfig(
        vision_config=vision, text_config=text, image_token_id=4, image_seq_length=4, vision_feature_layer=-1
    )
    images = CLIPImageProcessorPil(size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE})
    processor = LlavaProcessor(
        images,
        tokenizer(image_token="<image>"),
        patch_size=8,
        vision_feature_select_strategy="default",
        chat_template=template,
        num_additional_image_tokens=1,
    )
    return _saved(LlavaForConditionalGeneration(config), processor, folder)


def blip2(folder):
    """BLIP-2: a vision model, a Q-Former and OPT; it needs no prompt."""
    torch.manual_seed(2)
    size = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    text = {
        "model_type": "opt",
        "hidden_size": 16,
        "word_embed_proj_dim": 16,
        "ffn_dim": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "vocab_size": len(SPECIAL + WORDS),
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 0,
        "max_position_embeddings": 128,
    }
    config = Blip2Config(
        vision_config=size | {"image_size": SIDE, "patch_size": 8},
        qformer_config=size | {"encoder_hidden_size": 16, "vocab_size": 8},
        text_config=text,
        num_query_tokens=2,
        image_token_index=4,
    )
    images = BlipImageProcessorPil(size={"height": SIDE, "width": SIDE})
    return _saved(
        Blip2ForConditionalGeneration(config), Blip2Processor(images, tokenizer(), num_query_tokens=2), folder
    )


def florence2(folder):
    """Florence-2: DaViT, BART, task words."""
    torch.manual_seed(3)
    config = Florence2Config(
        vision_config={
            "depths": [1, 1],
            "patch_size": [7, 3],
            "patch_stride": [4, 2],
            "patch_padding": [3, 1],
            "patch_prenorm": [False, True],
            "embed_dim": [16, 16],
            "num_heads": [2, 2],
            "num_groups": [2, 2],
            "window_size": 2,
            "projection_dim": 16,
            "max_temporal_embeddings": 4,
            "max_position_embeddings": 8,
        },
        text_config={
            "model_type": "bart",
            "d_model": 16,
            "encoder_layers": 1,
            "decoder_layers": 1,
            "encoder_attention_heads": 2,
            "decoder_attention_heads": 2,
            "encoder_ffn_dim": 32,
            "decoder_ffn_dim": 32,
            "vocab_size": len(SPECIAL + WORDS),
            "max_position_embeddings": 64,
            "bos_token_id": 1,
            "eos_token_id": 2,
            "pad_token_id": 0,
            "decoder_start_token_id": 2,
            "forced_eos_token_id": 2,
        },
        image_token_id=4,
    )
    images = CLIPImageProcessorPil(
        size={"height": SIDE, "width": SIDE}, crop_size={"height": SIDE, "width": SIDE}, image_seq_length=5
    )
    images.image_seq_length = 5
    return _saved(
        Florence2ForConditionalGeneration(config), Florence2Processor(images, tokenizer(image_token="<image>")), folder
    )


def qwen_vl(folder, kind="Qwen2VL"):
    """Qwen2-VL, Qwen2.5-VL or Qwen3-VL, the folder as it is published: its processor can't be saved everywhere."""
    folder, nested = Path(folder), kind == "Qwen3VL"
    letters = [*map(chr, range(33, 127)), "\u0120", "\u010a"]  # bytes as GPT-2 writes them, blank and line end last
    words = Qwen2Tokenizer(vocab={letter: place for place, letter in enumerate(QWEN + letters)}, merges=[])
    words.add_special_tokens({"eos_token": "<|im_end|>", "additional_special_tokens": QWEN})
    size = {"hidden_size": 16, "intermediate_size": 32}
    layers = {"num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 8}
    text = {"vocab_size": len(QWEN + letters), "bos_token_id": 0, "eos_token_id": 2, **size, **layers}
    text["rope_scaling"] = {"rope_type" if nested else "type": "default" if nested else "mrope", **MROPE}
    text["rope_theta"] = 10000.0
    vision = {"depth": 1, "num_heads": 2, "patch_size": 8, "embed_dim": 16, "mlp_ratio": 2, "out_hidden_size": 16}
    vision |= {"window_size": 32, "fullatt_block_indexes": [0]}
    vision |= {"num_position_embeddings": 16, "deepstack_visual_indexes": [0], **size}
    about = {f"{name}_token_id": QWEN.index(f"<|{name}|>") for name in ("vision_start", "vision_end")}
    about |= {f"{name}_token_id": QWEN.index(f"<|{name}_pad|>") for name in ("image", "video")}
    about |= {"vision_config": vision, **({"text_config": text} if nested else text)}
    config = getattr(transformers, f"{kind}Config")(**about)
    images = {"patch_size": 8, "merge_size": 2, "temporal_patch_size": 2, "processor_class": f"{kind}Processor"}
    if nested:
        images |= {"image_processor_type": "Qwen2VLImageProcessorFast"}
        images |= {"size": {"shortest_edge": 256, "longest_edge": 1024}}
    else:
        images |= {"image_processor_type": "Qwen2VLImageProcessor", "min_pixels": 256, "max_pixels": 1024}
    model = getattr(transformers, f"{kind}ForConditionalGeneration")(config)
    torch.manual_seed(1)
    _saved(model, words, folder, std=0.8)
    _write(folder / "config.json", {"model_type": config.model_type, **about})
    _write(folder / "preprocessor_config.json", images)
    _write(folder / "chat_template.json", {"chat_template": QWEN_CHAT})
    return folder


def _write(path, content):
    path.write_text(json.dumps(content), "utf-8")
