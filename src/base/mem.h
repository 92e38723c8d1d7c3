/*
 * Small, fixed-size allocations: they abort the program when memory is gone. A size that came from
 * a file, a guest or a network goes through str.h or strv.h with a maximum instead.
 */
#ifndef KILN_BASE_MEM_H
#define KILN_BASE_MEM_H

#include <stdarg.h>
#include <stddef.h>

#include "base/err.h"

void *kiln_xmalloc(size_t size);
void *kiln_xcalloc(size_t n, size_t size);
void *kiln_xrealloc(void *p, size_t n, size_t size); /* checks n * size for overflow */
char *kiln_xstrdup(const char *s);                   /* NULL gives NULL */
char *kiln_xstrndup(const char *s, size_t n);
char *kiln_xasprintf(const char *fmt, ...) KILN_PRINTF(1, 2);
char *kiln_xvasprintf(const char *fmt, va_list ap) KILN_PRINTF(1, 0);

/** For KILN_CLEANUP(kiln_freep) char *p. */
void kiln_freep(void *pp);
#define KILN_AUTO_FREE KILN_CLEANUP(kiln_freep)

#endif
