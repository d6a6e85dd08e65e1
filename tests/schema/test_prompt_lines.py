import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorabuild.core.errors import ProjectError
from lorabuild.schema.prompt_lines import OPTIONS, SAMPLERS, LineError, parse, read, written

KNOWN = [
    ("a cat --n neg --w 512 --h 768 --d 1 --l 7.5 --s 20", ("a cat", "neg", 512, 768, 1, 7.5, 20)),
    ("a cat --w 640 --h 640", ("a cat", None, 640, 640, None, None, None)),
    ("masterpiece --N UPPER --W 512 --H 512", ("masterpiece", "UPPER", 512, 512, None, None, None)),
    ("a --s 5000", ("a", None, None, None, None, None, 1000)),
    ("a --w 500 --h 333", ("a", None, 500, 333, None, None, None)),
    ("a --s 20 --l 1 --n bad (worst:1.2)", ("a", "bad (worst:1.2)", None, None, None, 1.0, 20)),
    (" --w 512 --n only", ("", "only", 512, None, None, None, None)),
]
"""Lines that the standard trainer reads in the same way (sd-scripts 48d368fa, ``line_to_prompt_dict``)."""

TRAPS = {
    "w 512 is a prompt": {},
    "l 5 lemons": {},
    "h 300 street --w 400": {"width": 400},
    "d 20 dice --s 8": {"steps": 8},
    "a  --w   512": {"width": 512},
    "a\t--w 512": {"width": 512},
}
"""Lines that it misreads: options out of plain words, or none where there are two blanks."""

PLAIN = ["text --not an option", "text --something", "x -- y", "a--w 5", "--", "a --l-shaped thing", "{a|b} -- c"]

WRONG = {
    "a --l .5.5": "`--l` wants a number, 1 or more; here stands `.5.5`",
    "a --d -1": "`--d` wants a whole number, 0 or more",
    "a --s 20 --l 0": "`--l` wants a number, 1 or more; here stands `0`",
    "a --w": "here stands nothing",
    "a --unknown 3 --w 256": "there is no option `--unknown`",
    "a --w 512 --something": "there is no option `--something`",
    "a --w 512 --h 300 street": "`--h` wants a whole number, 8 or more; here stands `300 street`",
    "a --w 512 --width 640": "`--width` says `width` once more",
    "a --cn x.png": "`--cn` is of ControlNet",
    "a --g 3.5": "`--g` is of guidance",
    "a --ss eula": "`--ss` wants one of",
}
WORDS = ("prompt", "negative", "width", "height", "seed", "cfg", "steps")


@pytest.mark.parametrize(("line", "known"), KNOWN)
def test_lines_are_read_as_the_standard_trainer_reads_them(line, known):
    assert parse(line) == {word: value for word, value in zip(WORDS, known, strict=True) if value is not None}


@pytest.mark.parametrize("line", TRAPS)
def test_its_traps_are_none(line):
    assert parse(line) == {"prompt": line.partition("--")[0].strip(), **TRAPS[line]}


@pytest.mark.parametrize("line", PLAIN)
def test_plain_words_are_no_options(line):
    assert parse(line) == {"prompt": line}


@pytest.mark.parametrize("line", WRONG)
def test_what_is_wrong_is_said_where_it_stands(line):
    with pytest.raises(LineError) as error:
        parse(line)
    assert WRONG[line] in error.value.what
    assert line[error.value.column :].startswith("--")
    assert error.value.next_step


@pytest.mark.parametrize("said", ["DPM++ 2M Karras", "dpm++_2m_karras", "dpm++-2m-karras"])
def test_a_sampler_is_known_by_its_names(said):
    assert parse(f"a --ss {said}") == {"prompt": "a", "sampler": "dpm++_2m_karras"}
    assert parse("a --sampler k_euler_a")["sampler"] == "euler_a"
    assert parse("a --ss dpm_2_a")["sampler"] == "dpm2_a"


texts = st.text(st.characters(exclude_categories=("C", "Z"), include_characters=" "), max_size=40).map(
    lambda text: " ".join(text.split())
)
plain = texts.filter(lambda text: "--" not in text)


def told(line):
    """What a line says, or what is wrong with it."""
    try:
        return parse(line)
    except LineError as error:
        return error


@given(texts)
def test_a_text_without_an_option_is_the_prompt_to_the_letter(text):
    found = told(text)
    if isinstance(found, dict):
        assert found["prompt"] == text or (len(found) > 1 and f" {text}".startswith(f" {found['prompt']} --".lstrip()))


@given(st.text())
def test_any_text_is_read_or_refused_with_its_place(text):
    found = told(text)
    if isinstance(found, LineError):
        assert text[found.column :].startswith("--")
    else:
        assert set(found) <= {"prompt", *OPTIONS.values()}


@given(
    plain,
    st.fixed_dictionaries(
        {},
        optional={
            "negative": plain,
            "width": st.integers(8, 4096),
            "height": st.integers(8, 4096),
            "seed": st.integers(0, 2**32),
            "steps": st.integers(1, 1000),
            "cfg": st.floats(1, 30).map(lambda number: round(number, 3)),
            "sampler": st.sampled_from(SAMPLERS),
            "weight": st.floats(-2, 2).map(lambda number: round(number, 3)),
        },
    ),
)
def test_what_is_written_is_read_again(prompt, words):
    assert parse(written({"prompt": prompt, **words})) == {"prompt": prompt, **words}


def test_a_file_has_a_prompt_on_each_line(tmp_path):
    path = tmp_path / "prompts.txt"
    path.write_text("\ufeff# comment\n\na cat --n neg --w 512\n  # another\n b dog --d 3 \n\n", "utf-8")
    cat, dog = read(path, "prompts.txt")
    assert cat == {"prompt": "a cat", "negative": "neg", "width": 512}
    assert dog == {"prompt": "b dog", "seed": 3}


@pytest.mark.parametrize(
    ("data", "where"),
    [(b"a\nb --w x\n", "p.txt:2:3"), (b"a\n --w 8", "p.txt:2:1"), (b"\xff", "samples.file"), (None, "samples.file")],
)
def test_a_file_that_is_wrong_is_answered_with_line_and_column(tmp_path, data, where):
    path = tmp_path / "p.txt"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(ProjectError) as error:
        read(path, "p.txt")
    assert error.value.where == where
