"""lorabuild.graph.namesakes"""

import light

from lorabuild.graph.namesakes import shared_words


def texts(root):
    light.built(root)
    with light.viewed(root) as view:
        return [warning["text"] for warning in shared_words(view)]


def test_pictures_of_one_name_share_the_words_beside_them(project):
    light.picture(project / "data/cape/e.jpg", "navy")
    light.picture(project / "data/plain/b.webp", "navy")
    assert texts(project) == [
        "data/cape/e.jpg and data/cape/e.png share the words in e.txt",
        "data/plain/b.png and data/plain/b.webp share the words in b.tags",
    ]


def test_without_words_there_is_nothing_to_share(project):
    (project / "data/cape/e.txt").unlink()
    light.picture(project / "data/cape/e.jpg", "navy")
    assert texts(project) == []


def test_pictures_of_their_own_names_share_nothing(project):
    light.picture(project / "data/cape/b.png", "navy")
    assert texts(project) == []
