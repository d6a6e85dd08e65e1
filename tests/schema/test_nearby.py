import pytest

from lorabuild.schema.nearby import absent


@pytest.mark.parametrize(
    ("lies", "step"),
    [
        ("", "`lorabuild init` makes one; `-C DIR` works elsewhere"),
        ("a/lora.yml", "rename `lora.yml` to `lora.yaml`"),
        ("lora.yaml", "one lies above: `cd {root}`, then run the same command again"),
        ("a/my own/lora.yaml", "one lies in `my own`: write `-C '{root}/a/my own'`"),
    ],
)
def test_a_lora_yaml_that_is_near_is_named(tmp_path, lies, step):
    folder = tmp_path / "a"
    folder.mkdir()
    if lies:
        (tmp_path / lies).parent.mkdir(exist_ok=True)
        (tmp_path / lies).write_text("name: t")
    error = absent(folder / "lora.yaml")
    assert (error.what, error.where) == ("there is no lora.yaml here", str(folder))
    assert error.next_step == step.format(root=tmp_path)
