import time

from packs import answered, asked, folder

from lorabuild.balance.algebra import Asked, Finding, Share, Shown, Source, Word
from lorabuild.balance.verdict import answer


def test_what_a_trigger_absorbs_with_shares():
    found = answered(
        "zorbl:character", folder("a", 30, "zorbl", zorbl="eyes hair"), folder("b", 10, "zorbl", zorbl="eyes")
    )
    assert found.triggers[0].images == 40
    assert found.triggers[0].absorbs == (Share("eyes", 1.0), Share("hair", 0.75))


def test_combinations_are_counted_over_concepts_the_commonest_first():
    kinds = "b:outfit a:character"
    told = [folder("x", 3, "a b"), folder("y", 4, "b a"), folder("z", 9, "a"), folder("n", 2, "")]
    assert answered(kinds, *told).together == ((("a",), 9), (("b", "a"), 7), ((), 2))


def test_findings_of_others_stand_at_their_trigger():
    word = Finding("b", "contaminated-word", ("cape",), "known", "rename it")
    found = answer(asked("a:character b:outfit", folder("x", 60, "a")), [word])
    assert [word in verdict.findings for verdict in found.triggers] == [False, True]


def test_for_programs():
    found = answered("zorbl:style", folder("a", 3, "zorbl", zorbl="ink")).as_dict()
    (row,) = found["triggers"]
    assert (row["name"], row["kind"], row["images"]) == ("zorbl", "style", 3)
    assert row["absorbs"] == [{"tag": "ink", "share": 1.0}]
    assert [sorted(finding) for finding in row["findings"]] == [["code", "remedy", "text", "with"]] * 2
    assert found["together"] == [{"triggers": ["zorbl"], "images": 3}]


def test_nothing_to_ask_about():
    assert answer(Asked((), (), [])).as_dict() == {"triggers": [], "together": []}


def test_ten_thousand_images_with_forty_tags_take_well_under_a_second():
    words = tuple(Word(f"t{number}") for number in range(10))
    sources = tuple(Source(f"c{number}", ("t0", f"t{number % 9 + 1}"), f"d/{number}") for number in range(20))
    said = [[f"tag_{number * place % 2000}" for place in range(1, 33)] for number in range(10_000)]
    images = [
        Shown(f"c{number % 20}", 2, tags, [(f"own_{number % 50}_{place}", "t0") for place in range(8)])
        for number, tags in enumerate(said)
    ]
    start = time.process_time()
    found = answer(Asked(words, sources, images))
    assert time.process_time() - start < 1.0
    assert found.triggers[0].images == 10_000
