/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Blobs on disk.
 */
#ifndef _COMMON_SAVE_H
#define _COMMON_SAVE_H

#include <stdint.h>

/*
 * save_key(): the blob of @key into @path (0600, atomically); once it is safe
 * there, tell the kernel so.  @version (may be NULL) is the newest in the
 * blob, 0 for a root.  Returns an exit code, and has said what was wrong.
 */
int save_key(int32_t key, const char *path, uint32_t *version);

#endif /* _COMMON_SAVE_H */
