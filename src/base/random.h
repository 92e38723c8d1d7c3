/* Random numbers from the kernel (getrandom). Any thread; no state; cannot fail. */
#ifndef KILN_BASE_RANDOM_H
#define KILN_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

#define KILN_UUID_SIZE 37 /* 8-4-4-4-12 lower-case hex digits and the NUL */

void kiln_random_bytes(void *buf, size_t len);
/** Uniform in 0 … n - 1; n > 0. */
uint32_t kiln_random_below(uint32_t n);
/** Random (version 4, RFC 4122). */
void kiln_uuid_v4(char ret_text[KILN_UUID_SIZE]);
/** As Packer's {{uuid}}: the first 8 digits are the Unix time, the rest is random, so they sort. */
void kiln_uuid_time(char ret_text[KILN_UUID_SIZE]);

#endif
