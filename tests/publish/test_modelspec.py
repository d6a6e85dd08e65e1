from dataclasses import replace

from lorabuild.publish import modelspec


def test_every_word_has_a_true_value(project, run):
    words = modelspec.words(project, run)
    assert words["modelspec.sai_model_spec"] == "1.0.1"
    assert words["modelspec.architecture"] == "stable-diffusion-v1/lora"
    assert all(isinstance(value, str) and value for value in words.values())


def test_a_date_stands_in_it_only_when_a_person_fixed_one(project, run):
    assert "modelspec.date" not in modelspec.words(project, run)
    assert modelspec.words(project, replace(run, date=0))["modelspec.date"] == "1970-01-01T00:00:00"
