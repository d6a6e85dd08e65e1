import re
import xml.etree.ElementTree as ET

import pytest

from lorabuild.balance.algebra import Answer, Finding, Share, Verdict, Word
from lorabuild.publish import gather, report, upset

FOUND = Finding("zorbl", "inseparable", ("<cape>",), "zorbl & <cape> stand together.", "Show it.\nconcepts:\n  a: {}")


def verdict(name, images, *found):
    clean = (("boots", ("plain", "misc")),)
    return Verdict(Word(name, "outfit", 5, 40), images, 2, (Share("hat", 1.0), Share("tie", 0.5)), clean, found)


ANSWER = Answer(
    (verdict("zorbl", 12, FOUND), verdict("<cape>", 4)),
    ((("zorbl",), 8), (("zorbl", "<cape>"), 4), ((), 1)),
)


def page(project, reads, answer=ANSWER):
    learned = upset.Learning(answer, upset.upset(answer))
    return report.render(
        gather.gather(project, reads | {"pictures": []}, gather.Drawings({}, {}, learning=learned))
    ).decode()


def section(html):
    return re.search(r'<section aria-labelledby="triggers">.*?</section>', html, re.DOTALL)[0]


def test_a_column_for_every_combination_and_a_dot_for_every_trigger_in_it():
    found = upset.upset(ANSWER)
    assert [(row.name, row.images) for row in found.rows] == [("zorbl", 12), ("<cape>", 4)]
    assert [column.images for column in found.columns] == [8, 4, 1]
    assert [len(column.dots) for column in found.columns] == [1, 2, 0]
    assert [column.height for column in found.columns] == [
        upset.BARS,
        upset.BARS / 2,
        pytest.approx(upset.BARS / 8, 0.01),
    ]
    assert all(column.top + column.height == pytest.approx(found.floor) for column in found.columns)
    assert found.columns[1].dots == tuple(row.y for row in found.rows)
    assert all(found.left < column.x < found.width for column in found.columns)


def test_the_picture_in_words():
    assert upset.upset(ANSWER).summary == (
        "Images by the triggers that they show: 8 show zorbl alone; 4 show zorbl and <cape>; 1 show no trigger."
    )


def test_of_very_many_combinations_the_commonest_are_drawn():
    many = Answer(ANSWER.triggers, tuple(((), 1) for _ in range(upset.MOST + 3)))
    found = upset.upset(many)
    assert (len(found.columns), found.more) == (upset.MOST, 3)
    assert found.summary.endswith("; and 3 more combinations.")


def test_without_images_there_is_no_picture():
    assert upset.upset(Answer(ANSWER.triggers, ())) is None


def test_the_section_says_what_is_learned_and_what_to_do(project, reads):
    text = section(page(project, reads))
    for said in (
        "zorbl &amp; &lt;cape&gt; stand together.",
        "Show it.",
        "<pre>concepts:\n  a: {}</pre>",
        "100 %",
        "50 %",
    ):
        assert said in text
    assert "<strong>boots</strong> (plain, misc)" in text
    assert "2 of its captions are written by hand" in text
    assert '<a href="#triggers">' in page(project, reads)


def test_the_picture_has_a_name_and_a_description(project, reads):
    drawn = ET.fromstring(re.search(r"<svg class=.upset.*?</svg>", page(project, reads), re.DOTALL)[0])
    assert drawn.get("aria-labelledby").split() == [child.get("id") for child in drawn[:2]]
    assert drawn[0].text == "Which triggers stand together"
    assert drawn[1].text == upset.upset(ANSWER).summary
    assert len(drawn.findall(".//circle")) == 6
    assert [title.text for title in drawn.findall("g/title")][1] == "4 images: zorbl and <cape>"


def test_its_colours_follow_the_theme(project, reads):
    css = page(project, reads).split("</style>")[0]
    own = [line for line in css.splitlines() if line.startswith((".upset", ".finding", ".learned"))]
    assert own
    assert not any("#" in line for line in own)


def test_a_project_without_triggers_has_no_section(project, reads):
    assert upset.learning(project.model_copy(update={"triggers": {}}), reads, {}) is None
    html = report.render(gather.gather(project, reads | {"pictures": []}, gather.Drawings({}, {}))).decode()
    assert "#triggers" not in html


def test_a_finished_build_tells_what_its_triggers_have_learned(project, reads):
    found = upset.learning(project, reads, dict.fromkeys(project.triggers, ()))
    assert [one.word.name for one in found.answer.triggers] == list(project.triggers)
    assert sum(images for _, images in found.answer.together) == len(reads["images"])
    assert found.answer.triggers[0].absorbs
