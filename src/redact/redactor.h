/*
 * The inside of a redactor: built by redactor.c, read by redact.c.
 *
 * Memory is the forms' bytes, 8 bytes for each form, 8 for each distinct beginning, and the
 * filter's bits. An automaton over all forms would be megabytes for a handful of private keys.
 */
#ifndef KILN_REDACT_REDACTOR_H
#define KILN_REDACT_REDACTOR_H

#include <stdint.h>

#include "base/bytes.h"
#include "redact/redact.h"

#define KILN_REDACT_KEY 4 /* bytes at the beginning of a form that the filter knows */

struct kiln_redact_form {
    uint32_t pos, len; /* in bytes */
};

struct kiln_redactor {
    unsigned char *bytes; /* all forms, one after the other */
    size_t n_bytes;
    struct kiln_redact_form *forms; /* the long ones: by key, then longest first; the short ones */
    size_t n_longs;                 /* KILN_REDACT_KEY bytes and more */
    size_t n_shorts;                /* behind them, longest first */
    uint32_t *keys;  /* distinct first bytes of the long ones, big-endian, ascending */
    uint32_t *first; /* where in forms each key begins; one more at the end */
    size_t n_keys;
    uint64_t *filter; /* 1 << filter_bits bits */
    unsigned filter_bits;
    bool starts[256];       /* some form begins with this byte */
    bool short_starts[256]; /* some short one does */
};

/* Both read KILN_REDACT_KEY bytes. */
static inline uint32_t kiln_redact_key_of(const unsigned char *p)
{
    return kiln_be32(p);
}

static inline uint32_t kiln_redact_slot(const unsigned char *p, unsigned bits)
{
    uint32_t v;

    memcpy(&v, p, sizeof(v));
    return (v * UINT32_C(0x9E3779B1)) >> (32 - bits);
}

#endif
