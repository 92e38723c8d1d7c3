/*
 * The debug log: what a developer wants to read after the fact. Off unless a sink is set; the
 * engine sets one that redacts. Not for people who build images: they get events.
 */
#ifndef KILN_BASE_LOG_H
#define KILN_BASE_LOG_H

#include "base/err.h"

typedef void kiln_log_sink(void *ud, const char *line, size_t len);

/** NULL switches logging off. Set before threads start. The one piece of global state: a logger
 *  passed to every function of base/ would be worse. */
void kiln_log_set_sink(kiln_log_sink *sink, void *ud);
void kiln_log(const char *fmt, ...) KILN_PRINTF(1, 2);

#endif
