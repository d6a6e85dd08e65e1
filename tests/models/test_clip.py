import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lorabuild.models import clip


class Words:
    """A tokenizer of letters, as far as it is asked."""

    bos_token_id, eos_token_id, pad_token_id = 1, 2, 0

    def __call__(self, texts, *, add_special_tokens, verbose):
        assert (add_special_tokens, verbose) == (False, False)
        return type("Found", (), {"input_ids": [[3 + ord(letter) for letter in text] for text in texts]})


@pytest.mark.parametrize(
    ("lengths", "most", "number"),
    [([0], 3, 1), ([75], 3, 1), ([76], 3, 2), ([1, 150], 3, 2), ([151], 3, 3), ([9999], 3, 3), ([9999], 1, 1)],
)
def test_chunks_are_as_many_as_the_longest_text_needs(lengths, most, number):
    assert clip.chunks([[0] * length for length in lengths], most) == number


@given(st.lists(st.text("abc", max_size=300), min_size=1, max_size=4), st.integers(1, 3))
def test_nothing_is_lost_within_the_chunks(texts, number):
    rows = clip.ids(Words(), texts)
    made = clip.tokens(Words(), rows, number)
    assert (made.shape, made.dtype) == ((len(texts), 77 * number), torch.int64)
    for row, chunks in zip(rows, made.view(len(texts), number, 77), strict=True):
        assert (chunks[:, 0] == 1).all()
        assert ((chunks == 1).sum(1) == 1).all()
        assert ((chunks == 2).sum(1) == 1).all()
        assert [token for token in chunks.flatten().tolist() if token > 2] == row[: 75 * number]


def test_inner_ends_are_left_out():
    hidden = torch.arange(2 * 2 * 77.0).view(4, 77, 1)
    first, second = clip.joined(hidden, 2)[:, :, 0].tolist()
    assert first == [*range(76), *range(78, 154)]
    assert second == [154 + place for place in first]
    assert torch.equal(clip.joined(hidden, 4), hidden)
