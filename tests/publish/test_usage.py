from lorabuild.publish import usage
from lorabuild.schema.project import Project


def test_lines_for_the_three_clients(project):
    lines = usage.usage(project)
    assert lines.webui == "<lora:zorbl:1> zorbl, forest"
    assert (lines.prompt, lines.negative, lines.weight) == ("zorbl, forest", "blurry", 1.0)
    compile(lines.diffusers, "script", "exec")
    assert "StableDiffusionPipeline.from_pretrained('base/', torch_dtype=torch.float32)" in lines.diffusers
    assert 'weight_name="zorbl.safetensors"' in lines.diffusers


def test_a_single_file_clip_skip_and_weight_reach_the_script(build):
    samples = {"prompts": [], "weight": 0.8}
    told = {**build["project"], "base": {"model": "sd.safetensors", "clip_skip": 2}, "samples": samples}
    lines = usage.usage(Project.model_validate(told))
    compile(lines.diffusers, "script", "exec")
    assert lines.webui == "<lora:zorbl:0.8> zorbl"
    assert "from_single_file('sd.safetensors', torch_dtype" in lines.diffusers
    assert "clip_skip=1" in lines.diffusers
    assert '"scale": 0.8' in lines.diffusers


def test_no_script_for_a_file_that_diffusers_refuses(project):
    assert usage.usage(project, ["diffusers can't load lokr files: it refuses them"]).diffusers == ""
    assert usage.usage(project, ["ComfyUI and Forge can't load IA3"]).diffusers
