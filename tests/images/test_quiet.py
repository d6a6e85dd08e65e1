import threading
import warnings

import pytest
from PIL import Image

from lorabuild.images.quiet import Quiet


def test_warnings_are_off_inside_and_back_outside():
    quiet = Quiet()
    with quiet:
        warnings.warn("an odd file", UserWarning, stacklevel=1)
    with pytest.warns(UserWarning, match="an odd file"):
        warnings.warn("an odd file", UserWarning, stacklevel=1)


def test_a_bomb_is_an_error_inside():
    with Quiet(), pytest.raises(Image.DecompressionBombWarning):
        warnings.warn("large", Image.DecompressionBombWarning, stacklevel=1)


def test_it_stays_quiet_until_the_last_thread_leaves():
    quiet, inside, leave = Quiet(), threading.Barrier(2), threading.Event()

    def first():
        with quiet:
            inside.wait()

    def second():
        with quiet:
            inside.wait()
            leave.wait(30)
            warnings.warn("an odd file", UserWarning, stacklevel=1)

    before = warnings.filters[:]
    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    for thread in threads:
        thread.start()
    threads[0].join(30)
    assert warnings.filters != before
    leave.set()
    threads[1].join(30)
    assert warnings.filters == before


def test_an_error_inside_brings_the_filters_back():
    quiet, before = Quiet(), warnings.filters[:]
    with pytest.raises(ValueError, match="broken"), quiet:
        raise ValueError("broken")
    assert warnings.filters == before
