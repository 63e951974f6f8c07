/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The audit log: JSON lines, each with the hash of the one before, so that none can be changed
 * or taken out unseen.  No secrets.
 *
 *	{"seq":7,"time":"2026-11-24T16:17:46.123Z","prev":HEX,"event":WORD,…}
 *
 * prev is SHA-256 of the line before without its newline; of the first, zeros.
 *
 * All workers of a registrar write to one file, each with its own struct audit (opened after
 * fork); a lock on the file orders them.  When the file was moved away, a new one is begun, and
 * the chain goes on in it.
 */
#ifndef _REGISTRAR_AUDIT_H
#define _REGISTRAR_AUDIT_H

#include <jansson.h>
#include <stddef.h>

#define AUDIT_LINE_MAX 16384
#define AUDIT_MESSAGE  512

struct audit;

/*
 * audit_open(): begin, or go on with, the log at @path.  The rest of a line that a power cut left
 * at its end is removed, and a line "audit-repaired" says so.  On an error a sentence is in
 * @message.  -EBADMSG: the last line is whole and yet no line of a log: see audit verify.
 */
int audit_open(const char *path, struct audit **audit, char message[AUDIT_MESSAGE]);
void audit_close(struct audit *audit); /* what was not committed is dropped */

/*
 * audit_add(): one line for the next audit_commit().  Takes over the reference to @fields (an
 * object, or NULL).  An error (-ENOMEM, -E2BIG, -EINVAL) is kept for audit_commit() as well: no
 * event is dropped in silence.
 */
int audit_add(struct audit *audit, const char *event, json_t *fields);

/*
 * audit_commit(): all that was added, to the disk.  Do it before store_commit(): what is done is
 * in the log, whatever is killed.  0 or -errno (-ENOSPC…), and then none of it is in the log.
 */
int audit_commit(struct audit *audit);
void audit_rollback(struct audit *audit);

/*
 * audit_command(): "audit verify FILE…", files of one log in order.  Says what is wrong with
 * the first bad line.  0: they are whole; 1: they are not; 2: usage.
 */
int audit_command(int argc, char **argv);

#endif /* _REGISTRAR_AUDIT_H */
