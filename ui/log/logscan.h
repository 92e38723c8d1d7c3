/*
 * A look at a line of the event log without decoding it, for counting lines by the gigabyte. It
 * trusts the encoder's order of members; for what the encoder did not write it may be wrong about
 * the count, never about memory. Pure.
 */
#ifndef KILN_UI_LOGSCAN_H
#define KILN_UI_LOGSCAN_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

enum kiln_logscan {
    KILN_LOGSCAN_OTHER,
    KILN_LOGSCAN_LINES, /* has lines for people (line, log, and build-end with its error) */
    KILN_LOGSCAN_STEP,
};
enum kiln_logscan kiln_logscan_type(const char *event, size_t len);
/** How many lines an event of type LINES has. */
uint32_t kiln_logscan_count(const char *event, size_t len);

/** Append text without what a terminal would act on, as a canvas would show it: colours go, other
 *  escape sequences and control characters but tab and newline become '?'. @text: valid UTF-8. */
void kiln_logscan_clean(struct kiln_str *out, const char *text, size_t len);

#endif
