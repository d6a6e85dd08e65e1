from filled import drawings, filled

from lorabuild.publish import findings


def test_everything_to_look_twice_at_is_in_one_list(project, reads):
    told = filled(reads)
    found = findings.findings(told, ("kohya can't load it",), drawings(project, told).learning)
    assert [(note.item, note.place) for note in found][:2] == [("network", "client"), ("cape", "over-share")]
    assert ("zorbl", "contaminated-word", "take a free word", "zorbl") in [
        (note.item, note.place, note.remedy, note.trigger) for note in found
    ]


def test_what_a_trigger_says_itself_is_said_once(project, reads):
    told = filled(reads)
    learning = drawings(project, told).learning
    own = learning.answer.triggers[0].findings[0]
    told["balance"]["warnings"].append({"code": own.code, "item": own.trigger, "text": "the same"})
    assert "the same" not in [note.text for note in findings.findings(told, (), learning)]
    assert "the same" in [note.text for note in findings.findings(told, (), None)]


def test_set_aside(reads):
    (note,) = findings.aside(reads)
    assert (note.item, note.place) == ("dataset/plain/broken.png", "scan")
