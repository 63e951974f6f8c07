#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The registrar's audit log: test_audit.c
exec "$(dirname "$0")/../../build/tests/fleet/test_audit"
