#include "base/random.h"

#include <errno.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/err.h"

void kiln_random_bytes(void *buf, size_t len)
{
    unsigned char *p = buf;

    while (len > 0) {
        ssize_t n = getrandom(p, len, 0);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            abort(); /* a kernel without getrandom: nothing we do here would be safe */
        p += n;
        len -= (size_t)n;
    }
}

uint32_t kiln_random_below(uint32_t n)
{
    uint32_t uneven =
        n ? -n % n : 0; /* 2^32 mod n: values below it would make small results likelier */
    uint32_t v;

    do
        kiln_random_bytes(&v, sizeof(v));
    while (v < uneven);
    return n ? v % n : 0;
}

static void print(const unsigned char b[16], char text[KILN_UUID_SIZE])
{
    static const char digit[] = "0123456789abcdef";
    char *p = text;

    for (size_t i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *p++ = '-';
        *p++ = digit[b[i] >> 4];
        *p++ = digit[b[i] & 15];
    }
    *p = '\0';
}

void kiln_uuid_v4(char ret_text[KILN_UUID_SIZE])
{
    unsigned char b[16];

    kiln_random_bytes(b, sizeof(b));
    b[6] = (unsigned char)(0x40 | (b[6] & 0x0f));
    b[8] = (unsigned char)(0x80 | (b[8] & 0x3f));
    print(b, ret_text);
}

void kiln_uuid_time(char ret_text[KILN_UUID_SIZE])
{
    uint32_t now = (uint32_t)(kiln_clock_wall_us() / 1000000);
    unsigned char b[16];

    kiln_random_bytes(b, sizeof(b));
    for (int i = 0; i < 4; i++)
        b[i] = (unsigned char)(now >> (24 - 8 * i));
    print(b, ret_text);
}
