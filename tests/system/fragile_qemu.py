#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Stands in the place of QEMU (MATTERHORN_QEMU), runs the real one, and kills both in the middle of a run when told to.

FRAGILE_QEMU is the real one. In FRAGILE_FOLDER, the file `count` gets one letter per process, `runs` a line
for each that ended in peace: its number, and how many `run` commands it had. FRAGILE_PLAN says which shall
die, as a list of PROCESS:RUN such as 2:7,3:1 (the second process in its seventh run, the third in its first)
or +:60 (each in its sixtieth)."""

import fcntl
import os
import selectors
import signal
import socket
import subprocess
import sys
from pathlib import Path

RAIL = 3  # what the bench gives QEMU: its channel, then three arrays, trace and touched map
SHARED = range(4, 9)


def number_of_this_process(folder):
    with open(folder / "count", "a+", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write("x")
        return file.tell()


def last_run(number):
    """The `run` in which this process shall die; 0: none."""
    for entry in os.environ.get("FRAGILE_PLAN", "").split(","):
        which, _, run = entry.partition(":")
        if which == str(number) or (which == "+"):
            return int(run)
    return 0


def die(process):
    process.kill()
    process.wait()
    os.kill(os.getpid(), signal.SIGKILL)


def pump(bench, machine, process, dies_in):
    """Passes bytes on in both directions until one side is gone; counts the runs."""
    selector = selectors.DefaultSelector()
    selector.register(bench, selectors.EVENT_READ, machine)
    selector.register(machine, selectors.EVENT_READ, bench)
    runs = 0
    while True:
        for key, _ in selector.select():
            data = key.fileobj.recv(1 << 16)
            if not data:
                return runs
            key.data.sendall(data)
            if key.fileobj is bench and data.startswith(b"run "):
                runs += 1
                if runs == dies_in:
                    die(process)


def main():
    folder = Path(os.environ["FRAGILE_FOLDER"])
    number = number_of_this_process(folder)
    bench = socket.socket(fileno=os.dup(RAIL))
    machine, its_end = socket.socketpair()
    os.dup2(its_end.fileno(), RAIL)
    its_end.close()
    process = subprocess.Popen([os.environ["FRAGILE_QEMU"], *sys.argv[1:]], pass_fds=(RAIL, *SHARED))
    os.close(RAIL)
    runs = pump(bench, machine, process, last_run(number))
    bench.close()
    machine.close()
    process.wait()
    with open(folder / "runs", "a", encoding="ascii") as file:
        file.write(f"{number} {runs}\n")


main()
