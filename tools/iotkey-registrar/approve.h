/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _REGISTRAR_APPROVE_H
#define _REGISTRAR_APPROVE_H

/* approve_command(): "approve REFERENCE": sign the PCR values of a reference file */
int approve_command(int argc, char **argv);

#endif /* _REGISTRAR_APPROVE_H */
