from filled import GRID, PIXEL

from lorabuild.publish import grids

DRAWN = {"b3:g0": PIXEL, "b3:g1": PIXEL}


def test_rows_and_columns_stand_as_they_were_drawn():
    (grid,) = grids.grids([GRID], DRAWN)
    assert (grid.axes, grid.room) == (("epoch", "weight"), "roomy")
    assert [(head.label, head.bare) for head in grid.columns] == [("without LoRA", True), ("epoch 3", False)]
    ((first, second),) = (part.rows for part in grid.parts)
    assert (first[0].label, [cell.said for cell in first[1]]) == ("weight 0.5", ["zorbl · bare", "zorbl · epoch 3"])
    assert [cell.picture is None for cell in second[1]] == [False, True]


def test_every_page_of_a_grid_is_a_table():
    pages = {"pages": [["one", False], ["two", False]], "cells": [*GRID["cells"], *GRID["cells"]]}
    (grid,) = grids.grids([GRID | pages], DRAWN)
    assert [(part.name, len(part.rows)) for part in grid.parts] == [("one", 2), ("two", 2)]


def many(count):
    return GRID | {"cells": [[f"{place}", f"b3:{count}-{place}"] for place in range(count)]}


def test_pictures_are_smaller_where_there_are_more_and_what_finds_no_room_is_left_out():
    assert grids.fitting([GRID]) == ({"b3:g0", "b3:g1"}, 192)
    assert grids.fitting([]) == (set(), 192)
    shown, side = grids.fitting([many(100), many(300), many(50)])
    assert (len(shown), side) == (150, 128)
    assert grids.fitting([many(360)])[1] == 96
    (grid,) = grids.grids([many(400)], {})
    assert (grid.parts, grid.cells, grid.file) == ((), 400, "grid/epoch weight.html")
