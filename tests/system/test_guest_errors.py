# SPDX-License-Identifier: MIT
"""Our firmware does nothing that the machine has to complain about, such as to use a peripheral without its clock."""

import pytest

from formats import boards

from . import jobs, trace
from .bench import Bench
from .device import provisioned

LOGGED = ("-d", "guest_errors,unimp")


@pytest.mark.parametrize("board", boards.BOARDS.values(), ids=lambda board: board.name)
def test_main_job_has_no_guest_errors(board):
    with Bench(LOGGED) as bench:
        jobs.update(bench, board, provisioned(board)).power_off()
        assert bench.log(board) == ""


@pytest.mark.parametrize("cut", [50, 3000])
def test_recovery_has_no_guest_errors(cut):
    board = boards.ETHERNET
    with Bench(LOGGED) as bench:
        session = bench.power_on(board, provisioned(board))
        session.run(jobs.PATIENCE_NS, cut=cut, tear="mask")
        assert session.reason == "cut"
        recovered = bench.power_on(board, session.cells, sram="random:1")
        recovered.wait_for(jobs.blinks(trace.GREEN), jobs.PATIENCE_NS)
        recovered.power_off()
        assert bench.log(board) == ""
