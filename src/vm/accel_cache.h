/*
 * The accelerator verdict on disk: CACHE/kiln-accelerator-BINARY.json, which counts for one boot of
 * the host and one QEMU file. Part of accel.h; nobody else needs it.
 */
#ifndef KILN_VM_ACCEL_CACHE_H
#define KILN_VM_ACCEL_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "vm/accel_probe.h"

struct kiln_accel_cache {
    char *file, *lock; /* NULL: nothing is remembered */
    char *binary;      /* path of the QEMU */
    char *boot_id;
    int64_t mtime_ns, size; /* of the QEMU */
};

/** dir NULL: nothing is remembered. Creates nothing. */
void kiln_accel_cache_init(struct kiln_accel_cache *cache, const char *dir, const char *binary);
void kiln_accel_cache_done(struct kiln_accel_cache *cache);

/** False if there is none that counts; a damaged file is none. */
bool kiln_accel_cache_load(const struct kiln_accel_cache *cache,
                           struct kiln_accel_verdict *ret_verdict);
/** Best effort: a cache that cannot be written only costs time. */
void kiln_accel_cache_store(const struct kiln_accel_cache *cache,
                            const struct kiln_accel_verdict *verdict);

#endif
