/* Inputs of more than one part: a line each. */
#ifndef KILN_TESTS_TAKE_LINE_H
#define KILN_TESTS_TAKE_LINE_H

#include <string.h>

#include "base/mem.h"

/** The line at *p, which moves behind it; owned by the caller. */
static inline char *take_line(const char **p, const char *end)
{
    const char *nl = memchr(*p, '\n', (size_t)(end - *p));
    const char *stop = nl ? nl : end;
    char *line = kiln_xstrndup(*p, (size_t)(stop - *p));

    *p = nl ? nl + 1 : end;
    return line;
}

#endif
