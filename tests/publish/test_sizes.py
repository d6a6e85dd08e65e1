from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from lorabuild.publish import sizes
from lorabuild.publish.facts import TrainedImage

SIDES = st.integers(8, 4096)


def image(width, height, bucket=(64, 64)):
    return TrainedImage("a", "plain", width, height, bucket, 1, "")


@given(st.lists(st.builds(image, SIDES, SIDES, st.tuples(SIDES, SIDES)), min_size=1, max_size=30))
def test_every_dot_lies_in_the_plot_and_no_image_is_lost(images):
    found = sizes.sizes(images)
    assert all(0 <= dot.x <= 100 and 0 <= dot.y <= 100 and dot.radius >= sizes.SMALLEST for dot in found.images)
    assert all(0 <= mark.place <= 100 for mark in (*found.across, *found.down))
    assert sum(bucket.images for bucket in found.buckets) == len(images)
    assert found.buckets[0].percent == 100


def test_what_fitting_does_is_said():
    images = [image(128, 64), image(32, 64), image(64, 64), image(64, 64)]
    assert sizes.sizes(images).fitted == "1 enlarged (to 200 % at most), 3 as large as they are"
    assert sizes.sizes([image(128, 128), image(256, 80)]).fitted == "2 made smaller (to 50 % at most)"


def test_a_size_that_many_images_have_is_a_larger_dot():
    found = sizes.sizes([image(64, 64)] * 4 + [image(128, 64)])
    assert [(dot.words, dot.radius) for dot in found.images] == [
        ("64 × 64: 4 images", sizes.LARGEST),
        ("128 × 64: 1 image", sizes.LARGEST / 2),
    ]
    assert found.summary == "5 images of 2 sizes, 64 × 64 to 128 × 64, in 1 bucket"


def test_images_of_one_size_need_no_plot():
    found = sizes.sizes([image(64, 64)] * 3)
    assert found.images == ()
    assert found.summary == "3 images of 1 size, 64 × 64, in 1 bucket"


def test_the_fullest_bucket_is_first():
    other = replace(image(64, 64), bucket=(32, 96))
    found = sizes.sizes([image(64, 64), other, other])
    assert [(bucket.width, bucket.images, bucket.percent) for bucket in found.buckets] == [(32, 2, 100), (64, 1, 50)]


def test_no_images_no_sizes():
    assert sizes.sizes([]) is None
