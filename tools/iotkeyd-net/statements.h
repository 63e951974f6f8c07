/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _NET_STATEMENTS_H
#define _NET_STATEMENTS_H

#include "keeper.h"

/*
 * statements_run(): the thread that hears of what is revoked, by long polls, and brings each
 * statement to the keeper.  For ever; the process ends when the keeper does.
 */
void statements_run(struct keeper *keeper);

#endif /* _NET_STATEMENTS_H */
