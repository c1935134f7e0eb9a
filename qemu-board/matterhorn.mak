# SPDX-License-Identifier: GPL-2.0-or-later
CONFIG_ARM_V7M=y
