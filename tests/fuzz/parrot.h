/* A guest that says what the fuzzer likes. */
#ifndef KILN_TESTS_PARROT_H
#define KILN_TESTS_PARROT_H

#include <stdint.h>

#include "communicator/channel.h"

/* Says the input piece by piece, whatever it is asked; the first byte is the size of a piece. */
struct parrot {
    struct kiln_channel base;
    const char *data;
    size_t left, piece;
};

static inline bool parrot_write(struct kiln_channel *ch, const void *data, size_t len,
                                size_t *ret_n, struct kiln_err *err)
{
    (void)ch, (void)data, (void)err;
    *ret_n = len;
    return true;
}

static inline enum kiln_wait parrot_pump(struct kiln_channel *ch, struct kiln_cancel *c,
                                         int64_t deadline, struct kiln_err *err)
{
    struct parrot *p = (struct parrot *)ch;
    size_t n = p->piece < p->left ? p->piece : p->left;

    (void)c, (void)deadline, (void)err;
    if (n == 0)
        ch->closed = true;
    else
        ch->output(ch->ud, false, p->data, n);
    p->data += n;
    p->left -= n;
    return KILN_WAIT_READY;
}

static inline bool parrot_eof(struct kiln_channel *ch, struct kiln_err *err)
{
    (void)ch, (void)err;
    return true;
}

static inline void parrot_free(struct kiln_channel *ch)
{
    (void)ch;
}

static const struct kiln_channel_ops parrot_ops = { parrot_write, parrot_pump, parrot_eof,
                                                    parrot_free, NULL };

static inline struct parrot parrot(const uint8_t *data, size_t size)
{
    return (struct parrot){ .base = { .ops = &parrot_ops, .status = -1 },
                            .data = (const char *)data + 1,
                            .left = size - 1,
                            .piece = (size_t)data[0] + 1 };
}

#endif
