#include "communicator/cksum.h"

#define POLYNOMIAL 0x04c11db7u

static uint32_t times_x(uint32_t crc)
{
    return crc << 1 ^ (crc >> 31 ? POLYNOMIAL : 0);
}

/* x^n modulo the polynomial */
static uint32_t power(unsigned n)
{
    uint32_t crc = 1;

    for (; n > 0; n--)
        crc = times_x(crc);
    return crc;
}

void kiln_cksum_init(struct kiln_cksum *t)
{
    for (uint32_t v = 0; v < 256; v++) {
        uint32_t crc = v << 24;

        for (int bit = 0; bit < 8; bit++)
            crc = times_x(crc);
        t->table[0][v] = crc;
    }
    for (size_t n = 1; n < 8; n++) {
        for (size_t v = 0; v < 256; v++) {
            uint32_t crc = t->table[n - 1][v];

            t->table[n][v] = crc << 8 ^ t->table[0][crc >> 24];
        }
    }
    for (unsigned n = 1; n <= KILN_CKSUM_FOLDS; n++) {
        t->shift[n][0] = power(128 * n + 64);
        t->shift[n][1] = power(128 * n);
    }
}

static uint32_t add_bytes(const struct kiln_cksum *t, uint32_t crc, const unsigned char *p,
                          size_t len)
{
    for (; len >= 8; p += 8, len -= 8) {
        crc = t->table[7][p[0] ^ crc >> 24] ^ t->table[6][p[1] ^ (crc >> 16 & 0xff)] ^
              t->table[5][p[2] ^ (crc >> 8 & 0xff)] ^ t->table[4][p[3] ^ (crc & 0xff)] ^
              t->table[3][p[4]] ^ t->table[2][p[5]] ^ t->table[1][p[6]] ^ t->table[0][p[7]];
    }
    for (; len > 0; p++, len--)
        crc = crc << 8 ^ t->table[0][p[0] ^ crc >> 24];
    return crc;
}

uint32_t kiln_cksum_add(const struct kiln_cksum *t, uint32_t crc, const void *data, size_t len)
{
    unsigned char left[16];
    size_t n = kiln_cksum_fold(t, crc, data, len, left);

    if (n)
        crc = add_bytes(t, 0, left, sizeof(left));
    return add_bytes(t, crc, (const unsigned char *)data + n, len - n);
}

uint32_t kiln_cksum_end(const struct kiln_cksum *t, uint32_t crc, uint64_t size)
{
    for (; size > 0; size >>= 8)
        crc = crc << 8 ^ t->table[0][(size & 0xff) ^ crc >> 24];
    return ~crc;
}
