/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What "iotkeyd status" tells, kept in two files of the run directory: "status" is the keeper's,
 * JSON; "report" what the process with the net said last, which nobody but the reader looks
 * into.
 */
#ifndef _IOTKEYD_STATUS_H
#define _IOTKEYD_STATUS_H

#include "config.h"

/* status_open(): make the directory.  What fails is said, and nothing worse. */
void status_open(const struct config *config);

/* status_write(): @name is "status" or "report" */
void status_write(const char *name, const char *text);

/* status_print(): the verb; an exit code */
int status_print(const struct config *config, bool json);

#endif /* _IOTKEYD_STATUS_H */
