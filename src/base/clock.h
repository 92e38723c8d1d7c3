/* Time. Monotonic microseconds everywhere; wall time only for people and manifests. */
#ifndef KILN_BASE_CLOCK_H
#define KILN_BASE_CLOCK_H

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

int64_t kiln_clock_mono_us(void);   /* CLOCK_MONOTONIC */
int64_t kiln_clock_wall_us(void);   /* CLOCK_REALTIME */
int64_t kiln_clock_thread_us(void); /* CPU time of the calling thread */

/**
 * Parse Go's duration syntax: "90s", "1m30s", ".5s", "-5s", "0".
 * Error texts are Go's: time: missing unit in duration "10". Source: packer-core.md, 9.3.
 */
bool kiln_duration_parse(const char *s, int64_t *ret_ns, struct kiln_err *err);

/** Go's form: 1m30s, 1.5s, 100ms, 10ns, 0s. Appends to out. */
void kiln_duration_format(struct kiln_str *out, int64_t ns);

/** The two largest units in words: "1 minute 500 milliseconds". Source: packer-core.md, 2.2. */
void kiln_duration_words(struct kiln_str *out, int64_t ns);

#endif
