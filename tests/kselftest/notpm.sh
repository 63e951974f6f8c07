#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: no-tpm
# What the TPM suite says on a machine without one: ENODEV, clearly.
exec ./tpm.sh
