# SPDX-License-Identifier: MIT
"""The HTML page of a sweep as a browser reads it: well-formed, alone, and with the figures of --json and --list. On a
planted bug and a sample, so that there are findings and holes."""

import re

import pytest

from .artifacts import BUILD, TOP, matterhorn, matterhorn_json, mutant
from .page import Page

MUTANT = "request-cleared"
CUTS = 60


@pytest.fixture(scope="module", name="swept")
def swept_mutant(tmp_path_factory):
    """The JSON object, the ids of the list with their verdicts, and the page."""
    folder = tmp_path_factory.mktemp("page")
    profile = folder / "profile.yaml"
    profile.write_text((TOP / "sim/profiles/eth-app-update.yaml").read_text(encoding="utf-8").partition("  minimum:")[0], encoding="utf-8")
    result = matterhorn_json("sweep", profile, "--cuts", CUTS, "--live", 0, "--jobs", 2, "--root", mutant(MUTANT),
                             "--html", folder / "page", "--list", folder / "list", status=1)
    lines = [line.split() for line in (folder / "list").read_text(encoding="utf-8").splitlines()[1:]]
    return result, [(fields[0].partition("/")[2], fields[-2]) for fields in lines], (folder / "page").read_text(encoding="utf-8")


@pytest.fixture(scope="module", name="page")
def parsed_page(swept):
    return Page(swept[2])


def test_page_is_well_formed_and_alone(page, swept):
    page.check()
    assert page.ids and page.references
    assert not re.search(r"https?:|url\(|@import|<link|<iframe", swept[2])
    assert len(swept[2].encode()) < 1_000_000


def test_page_is_for_any_screen_and_for_paper(swept):
    for words in ("width=device-width", "prefers-color-scheme: dark", "@media print", "max-width: 40rem",
                  "color-scheme: light dark"):
        assert words in swept[2]
    style = swept[2].partition("<style>")[2].partition("</style>")[0]
    hidden = [selector.strip() for rule in re.findall(r"([^{}]*)\{[^{}]*display: none", style)
              for selector in rule.split(",")]
    assert hidden and ".js" not in hidden, "the script puts that class on the page itself"


# --- cut coverage ---


def cells_of(page):
    """(area and kind, phase): the cell."""
    head, *lines = page.tables["matrix"]
    phases = [cell["text"] for cell in head[1:]]
    return {(line[0]["text"], phase): cell for line in lines for phase, cell in zip(phases, line[1:], strict=True)}


def test_coverage_is_that_of_the_json_object(page, swept):
    cells = cells_of(page)
    groups = swept[0]["groups"]
    for group in groups:
        cell = cells.pop((f"{group['area']} {group['kind']}", group["phase"]))
        wanted = {"points": group["cut_points"], "tried": group["tried"], "cuts": group["cuts"],
                  "failing": group["cuts"] - group["recovered"]}
        assert {name: int(cell[f"data-{name}"]) for name in wanted} == wanted
        for words in (f"{group['operations']:,} operations", f"{group['fired']:,} fired", f"{group['run']:,} run",
                      f"{group['cuts'] - group['run']:,} credited"):
            assert words in cell["title"]
    everything = cells.pop(("everything", "all phases"))
    assert int(everything["data-points"]) == swept[0]["cut_points"]
    assert int(everything["data-cuts"]) == swept[0]["cuts"] == CUTS
    assert int(everything["data-failing"]) == sum(finding["members"]["count"] for finding in swept[0]["findings"]) > 0
    rest = [cell for (line, phase), cell in cells.items() if line != "everything" and phase != "all phases"]
    assert rest and all(cell["class"] == "none" and not cell["text"] for cell in rest), "the update does nothing there"


def test_holes_are_shown(page, swept):
    """What the update does, and where the sample has no power loss."""
    cells, holes = cells_of(page), [group for group in swept[0]["groups"] if group["cuts"] == 0]
    assert holes
    for group in swept[0]["groups"]:
        cell = cells[f"{group['area']} {group['kind']}", group["phase"]]
        assert ("hole" in cell["class"].split()) == (group in holes)
    for group in holes:
        assert cells[f"{group['area']} {group['kind']}", group["phase"]]["text"] == f"0 of {group['cut_points']:,}"
    assert f">{len(holes)} hole" in swept[2]


# --- over time ---


def rows_of(page):
    history = page.objects["history"]
    return [{**row, "at": [dict(zip(history["columns"], entry, strict=True)) for entry in row["at"]]}
            for row in history["rows"]]


def total(rows, name):
    return sum(entry[name] for row in rows for entry in row["at"])


def test_each_operation_and_each_power_loss_is_in_a_row(page, swept):
    rows, result = rows_of(page), swept[0]
    assert len(rows) == page.tracks > 10
    for kind, name in (("program", "programs"), ("erase", "erases")):
        assert total(rows, name) == sum(group["operations"] for group in result["groups"] if group["kind"] == kind) > 0
    assert total(rows, "cuts") == result["cuts"]
    assert total(rows, "findings") == sum(group["cuts"] - group["recovered"] for group in result["groups"]) > 0


def test_rows_have_the_power_losses_of_their_addresses(page, swept):
    for row in rows_of(page):
        chip, digits = ("nor", 6) if row["chip"] == "nor" else ("int", 8)
        here = [verdict for name, verdict in swept[1] if name.startswith(f"{chip}.")
                and row["address"] <= int(name.split(".")[1], 16) < row["address"] + row["size"]]
        assert (total([row], "cuts"), total([row], "findings")) == (len(here), sum(verdict != "recovered" for verdict in here))
        assert f"<code>{row['address']:0{digits}X}</code>" in swept[2]


def test_sectors_hold_what_was_written(page):
    """In the end, the application's sector holds its image, of which blank words need no program;
    when its erase begins, nothing."""
    (application,) = [row for row in rows_of(page) if row["chip"] == "internal"]
    image = (BUILD / "packages/update-mountaineer-eth.flash").read_bytes()
    words = [image[i:i + 4] for i in range(0, len(image), 4)]
    assert application["at"][-1]["held"] == 4 * sum(word != b"\xff\xff\xff\xff" for word in words)
    assert application["at"][0]["erases"] == 1 and application["at"][0]["held"] == 0
    moments = [entry["moment"] for entry in application["at"]]
    assert moments == sorted(set(moments)) and moments[-1] < page.objects["history"]["moments"]


# --- a whole sweep ---


@pytest.fixture(scope="module", name="whole")
def swept_whole(tmp_path_factory):
    """Power is lost once at each operation: the list has all of them."""
    folder = tmp_path_factory.mktemp("whole")
    result = matterhorn_json("sweep", "eth-small-update", "--live", 0, "--cuts", "all", "--tears", "before",
                             "--jobs", 2, "--html", folder / "page", "--list", folder / "list")
    names = [line.split()[0].partition("/")[2].split(".")
             for line in (folder / "list").read_text(encoding="utf-8").splitlines()[1:]]
    return result, names, Page((folder / "page").read_text(encoding="utf-8"))


def test_page_of_a_whole_sweep_has_no_hole(whole):
    told = [cell["text"] for cell in cells_of(whole[2]).values() if cell["class"] != "none"]
    assert told and all(text.startswith("all ") for text in told)
    assert whole[0]["cuts"] == whole[0]["cut_points"] == sum(group["tried"] for group in whole[0]["groups"])


def test_each_operation_is_in_the_row_of_its_address(whole):
    for row in rows_of(whole[2]):
        chip = "nor" if row["chip"] == "nor" else "int"
        kinds = [kind[0] for its_chip, address, kind, _ in whole[1]
                 if its_chip == chip and row["address"] <= int(address, 16) < row["address"] + row["size"]]
        assert (total([row], "programs"), total([row], "erases")) == (kinds.count("p"), kinds.count("e"))
        assert total([row], "cuts") == len(kinds) > 0


def test_each_power_loss_is_at_the_moment_of_its_operation(whole):
    """Each operation has one, which begins when it does."""
    for row in rows_of(whole[2]):
        assert [entry["cuts"] for entry in row["at"]] == [entry["programs"] + entry["erases"] for entry in row["at"]]


def test_page_of_a_shard_has_the_plan_of_all(tmp_path):
    """Its holes are those of its part: the other shards try them."""
    arguments = ("sweep", "eth-confirm", "--live", 0, "--cuts", "all", "--jobs", 1, "--shard", "1/2",
                 "--store", tmp_path / "store")
    matterhorn(*arguments, "--html", tmp_path / "page")
    result = matterhorn_json("report", tmp_path / "store", "--html", tmp_path / "again")
    everything = cells_of(Page((tmp_path / "page").read_text(encoding="utf-8")))["everything", "all phases"]
    assert int(everything["data-tried"]) == result["cuts"] < result["cut_points"] == int(everything["data-points"])
