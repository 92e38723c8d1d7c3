#include "communicator/cksum.h"

/* Compiled for processors that have it (src/CMakeLists.txt), run only there. */
#if defined(__PCLMUL__) && defined(__SSSE3__)
#include <tmmintrin.h>
#include <wmmintrin.h>

#define PIECE 16 /* bytes */
#define ROUND ((size_t)KILN_CKSUM_FOLDS * PIECE)

/* 16 bytes as one number: the first byte is the highest. The same the other way round. */
static __m128i swapped(__m128i v)
{
    return _mm_shuffle_epi8(v, _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
}

static __m128i load(const unsigned char *p)
{
    return swapped(_mm_loadu_si128((const __m128i *)(const void *)p));
}

/* What is congruent to v with n pieces of zeros behind it. */
static __m128i moved(const struct kiln_cksum *t, __m128i v, size_t n)
{
    const __m128i by = _mm_set_epi64x((long long)t->shift[n][0], (long long)t->shift[n][1]);

    return _mm_xor_si128(_mm_clmulepi64_si128(v, by, 0x11), _mm_clmulepi64_si128(v, by, 0x00));
}

size_t kiln_cksum_fold(const struct kiln_cksum *t, uint32_t crc, const unsigned char *data,
                       size_t len, unsigned char ret_short[16])
{
    __m128i v[KILN_CKSUM_FOLDS], sum;
    size_t at = ROUND;

    if (len < 2 * ROUND || !__builtin_cpu_supports("pclmul") || !__builtin_cpu_supports("ssse3"))
        return 0;
    for (size_t i = 0; i < KILN_CKSUM_FOLDS; i++)
        v[i] = load(data + i * PIECE);
    v[0] = _mm_xor_si128(v[0], _mm_set_epi32((int)crc, 0, 0, 0));
    for (; len - at >= ROUND; at += ROUND) {
        for (size_t i = 0; i < KILN_CKSUM_FOLDS; i++)
            v[i] = _mm_xor_si128(moved(t, v[i], KILN_CKSUM_FOLDS), load(data + at + i * PIECE));
    }
    sum = v[KILN_CKSUM_FOLDS - 1];
    for (size_t i = 0; i + 1 < KILN_CKSUM_FOLDS; i++)
        sum = _mm_xor_si128(sum, moved(t, v[i], KILN_CKSUM_FOLDS - 1 - i));
    _mm_storeu_si128((__m128i *)(void *)ret_short, swapped(sum));
    return at;
}

#else

size_t kiln_cksum_fold(const struct kiln_cksum *t, uint32_t crc, const unsigned char *data,
                       size_t len, unsigned char ret_short[16])
{
    (void)t, (void)crc, (void)data, (void)len, (void)ret_short;
    return 0;
}

#endif
