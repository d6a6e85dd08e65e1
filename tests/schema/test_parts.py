from lorabuild.schema.kept import keep, kept
from lorabuild.schema.load import load
from lorabuild.schema.parts import by_name, files_of, parts, prefix
from lorabuild.schema.taggers import Merged, Sidecar, Wd14

ALONE = Wd14()
SEVERAL = Merged(of=(Wd14(model="a"), Sidecar()))


def test_one_alone_is_its_own_part():
    assert parts(ALONE) == (ALONE,)
    assert prefix(ALONE, 0) == ""
    assert by_name(ALONE) == {"tagger": ALONE}
    assert files_of(ALONE, {"model.onnx": 1}) == {"tagger": {"model.onnx": 1}}


def test_several_have_places():
    assert parts(SEVERAL) == SEVERAL.of
    assert prefix(SEVERAL, 1) == "of.1."
    assert by_name(SEVERAL) == {"tagger.0": Wd14(model="a"), "tagger.1": Sidecar()}
    assert files_of(SEVERAL, {"of.0.model.onnx": 1}) == {"tagger.0": {"model.onnx": 1}, "tagger.1": {}}


def test_settings_that_are_kept_without_pydantic_have_the_same_parts(tmp_path):
    more = "captions: {tagger: {type: merged, of: [{type: wd14, model: a}, {type: sidecar}]}}\n"
    (tmp_path / "lora.yaml").write_text(f"name: a\nbase: {{model: b}}\nconcepts: {{plain: {{folder: c}}}}\n{more}")
    (tmp_path / ".lorabuild").mkdir()
    keep(load(tmp_path))
    tagger = kept(tmp_path / "lora.yaml").project.captions.tagger
    assert type(tagger).__name__ == "Kept"
    assert [part.type for part in parts(tagger)] == ["wd14", "sidecar"]
    assert by_name(tagger).keys() == {"tagger.0", "tagger.1"}
    assert prefix(tagger, 1) == "of.1."
