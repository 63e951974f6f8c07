/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What happened and how it is, summed up over the workers, for OpenMetrics: counting, and telling
 * at GET /metrics of the port metrics-listen, from whichever worker is asked.
 */
#ifndef _REGISTRAR_METRICS_H
#define _REGISTRAR_METRICS_H

#include <jansson.h>
#include <stdint.h>

#include "shared.h"

struct worker;

/* metrics_now(): microseconds of a clock that only goes forward */
int64_t metrics_now(void);

/* metrics_time(): something began at @began and is over now */
void metrics_time(struct worker *worker, enum histogram histogram, int64_t began);

/* metrics_answer(): a request to a route, by its number (http_route_name()), was answered */
void metrics_answer(struct worker *worker, unsigned int route, int status);

/*
 * metrics_event(): a line of the audit log.  It counts when its batch is on the disk:
 * metrics_committed(); metrics_forget() before a batch begins.
 */
void metrics_event(struct worker *worker, const char *event, const json_t *fields);
void metrics_committed(struct worker *worker);
void metrics_forget(struct worker *worker);

#endif /* _REGISTRAR_METRICS_H */
