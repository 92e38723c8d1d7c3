/* Compiler helpers that every layer may use. No code, no threads. */
#ifndef KILN_BASE_MACROS_H
#define KILN_BASE_MACROS_H

#include <stddef.h>

#define KILN_COUNT(a)         (sizeof(a) / sizeof((a)[0]))
#define KILN_CLEANUP(fn)      __attribute__((cleanup(fn)))
#define KILN_PRINTF(fmt, arg) __attribute__((format(printf, fmt, arg)))
#define KILN_NONNULL          __attribute__((nonnull))

/* The struct of type `type` whose member `member` is at `ptr`. */
#define KILN_CONTAINER_OF(ptr, type, member)                                                       \
    ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* Microseconds: the one unit of time inside kiln. */
#define KILN_MS(n)     ((int64_t)(n)*1000)
#define KILN_SECOND(n) ((int64_t)(n)*1000000)

#endif
