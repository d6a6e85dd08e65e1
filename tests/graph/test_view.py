import light

from lorabuild.graph.order import STAGES


def test_before_anything_was_built_the_first_stage_has_work_and_the_others_wait(project):
    with light.viewed(project) as view:
        scan, caption = view.step("scan"), view.step("caption")
        assert [item.id for item in scan.items] == ["data/cape/e.png", *(f"data/plain/{n}.png" for n in "abcd")]
        assert scan.waiting == {}
        assert caption.items == ()
        assert len(caption.waiting) == caption.total == 5
        assert not caption.clean


def test_equal_pictures_have_one_key_and_are_done_once(project):
    light.picture(project / "data/plain/f.bmp", "red")  # the pixels of a.png in other bytes; d.png is a copy of a.png
    with light.viewed(project) as view:
        assert [item.id[-5:] for item in view.step("scan").todo] == ["e.png", "a.png", "b.png", "c.png", "f.bmp"]
    light.built(project, targets=("scan",))
    with light.viewed(project) as view:
        prepare = view.step("prepare")
        assert prepare.total == 6
        assert [item.id[-5:] for item in prepare.todo] == ["e.png", "a.png", "b.png", "c.png"]


def test_a_result_whose_blob_is_gone_is_made_again(project):
    light.finished(project)
    with light.viewed(project) as view:
        made = view.made("train")["train"]
        view.store.blobs.path(made.outputs["epoch-0001"]).unlink()
    with light.viewed(project) as view:
        assert [item.id for item in view.step("train").todo] == ["train"]
        assert "train" not in view.made("train")


def test_planning_again_sees_what_was_made(project):
    light.built(project)
    with light.viewed(project) as view:
        assert not view.step("latents").clean
        light.plant(view, "latents")
        assert view.step("latents").clean
        assert set(view.made("latents")) == set(light.items(view, "latents"))


def test_a_stage_that_ran_keeps_its_items_where_none_waited(project):
    light.built(project)
    with light.viewed(project) as view:
        asked, before = [], view.step("latents")
        view.drafts = {**view.drafts, "latents": asked.append}
        light.plant(view, "latents")
        assert asked == []
        assert view.step("latents").items == before.items
        assert view.step("latents").clean


def test_key_of_an_item_and_of_one_that_waits(project):
    light.built(project)
    with light.viewed(project) as view:
        assert view.key("scan", "data/plain/a.png").startswith("b3:")
        assert view.key("train", "train") is None


def test_a_finished_project_is_clean_through_and_through(project):
    light.finished(project)
    with light.viewed(project) as view:
        assert all(view.step(stage).clean for stage in STAGES)
        assert light.redone(project) == {}
