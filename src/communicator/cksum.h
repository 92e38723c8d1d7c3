/*
 * The CRC of POSIX's cksum. Pure. A table is made by whoever needs it: it takes microseconds.
 * Source: POSIX.1-2008, cksum; "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ
 * Instruction" (Intel, 2009).
 */
#ifndef KILN_COMMUNICATOR_CKSUM_H
#define KILN_COMMUNICATOR_CKSUM_H

#include <stddef.h>
#include <stdint.h>

#define KILN_CKSUM_FOLDS 4 /* 128-bit pieces that are folded side by side */

struct kiln_cksum {
    uint32_t table[8][256]; /* [n][v]: of the byte v with n zero bytes behind it */
    /* [n]: x^(128 n + 64) and x^(128 n) modulo the polynomial; n from 1 */
    uint64_t shift[KILN_CKSUM_FOLDS + 1][2];
};

void kiln_cksum_init(struct kiln_cksum *t);
/** The CRC of what crc is of (0: of nothing) and data behind it. 2 GB/s, or on x86-64 over 10. */
uint32_t kiln_cksum_add(const struct kiln_cksum *t, uint32_t crc, const void *data, size_t len);
/** The number that cksum prints, for `size` bytes altogether. */
uint32_t kiln_cksum_end(const struct kiln_cksum *t, uint32_t crc, uint64_t size);

/**
 * By carry-less multiplication, where the processor has that: shorten the data to 16 bytes that
 * have the same CRC, with crc mixed in. Returns how many bytes were taken, 0 if none.
 */
size_t kiln_cksum_fold(const struct kiln_cksum *t, uint32_t crc, const unsigned char *data,
                       size_t len, unsigned char ret_short[16]);

#endif
