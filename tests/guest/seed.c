/*
 * Hands the bytes of standard input to the kernel as good randomness, so that
 * the secure shell need not wait for it: an emulated machine collects its own
 * very slowly. The bytes are those the last start of this system left on disk.
 */
#include <linux/random.h>
#include <stdio.h>
#include <sys/ioctl.h>

#define SEED_BYTES 64

int main(void)
{
    /* struct rand_pool_info: two numbers, then the bytes */
    struct {
        int entropy_count; /* bits */
        int buf_size;      /* bytes */
        unsigned char buf[SEED_BYTES];
    } pool = { 8 * SEED_BYTES, SEED_BYTES, { 0 } };
    FILE *random;

    if (fread(pool.buf, 1, SEED_BYTES, stdin) != SEED_BYTES)
        return 1;
    random = fopen("/dev/random", "w");
    if (random == NULL || ioctl(fileno(random), RNDADDENTROPY, &pool) != 0)
        return 1;
    return fclose(random) == 0 ? 0 : 1;
}
