# SPDX-License-Identifier: MIT
"""The real binaries on the real machine: what issue 2 calls "must be shown"."""
