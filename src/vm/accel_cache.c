#include "vm/accel_cache.h"

#include <json-c/json.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"

#define MAX_FILE 4096

void kiln_accel_cache_init(struct kiln_accel_cache *cache, const char *dir, const char *binary)
{
    KILN_AUTO_STR boot_id = { 0 };
    struct stat st;

    cache->binary = kiln_xstrdup(binary);
    if (!dir || stat(binary, &st) != 0 ||
        !kiln_fs_read("/proc/sys/kernel/random/boot_id", 64, &boot_id, NULL))
        return;
    cache->file = kiln_xasprintf("%s/kiln-accelerator-%s.json", dir, kiln_path_base(binary));
    cache->lock = kiln_xasprintf("%s.lock", cache->file);
    cache->boot_id = kiln_xstrndup(boot_id.data, strcspn(boot_id.data, "\n"));
    cache->mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    cache->size = (int64_t)st.st_size;
}

void kiln_accel_cache_done(struct kiln_accel_cache *cache)
{
    free(cache->file);
    free(cache->lock);
    free(cache->binary);
    free(cache->boot_id);
}

/* Does the record speak of this boot and this QEMU, and say something we understand? */
static bool counts(const struct kiln_accel_cache *cache, struct json_object *root)
{
    const char *name = kiln_json_string(root, "accelerator");

    return kiln_streq(kiln_json_string(root, "boot"), cache->boot_id) &&
           kiln_streq(kiln_json_string(root, "binary"), cache->binary) &&
           kiln_json_int(root, "mtime_ns", -1) == cache->mtime_ns &&
           kiln_json_int(root, "size", -1) == cache->size && kiln_json_string(root, "reason") &&
           (kiln_streq(name, "kvm") || kiln_streq(name, "tcg"));
}

bool kiln_accel_cache_load(const struct kiln_accel_cache *cache,
                           struct kiln_accel_verdict *ret_verdict)
{
    KILN_AUTO_STR text = { 0 };
    KILN_AUTO_JSON *root = NULL;

    if (!cache->file || !kiln_fs_read(cache->file, MAX_FILE, &text, NULL))
        return false;
    root = kiln_json_read(text.data, text.len, 2, NULL);
    if (!root || !counts(cache, root))
        return false;
    ret_verdict->kvm = kiln_streq(kiln_json_string(root, "accelerator"), "kvm");
    ret_verdict->reason = kiln_xstrdup(kiln_json_string(root, "reason"));
    return true;
}

static struct json_object *to_json(const struct kiln_accel_cache *cache,
                                   const struct kiln_accel_verdict *verdict)
{
    struct json_object *root = json_object_new_object();

    json_object_object_add(root, "boot", json_object_new_string(cache->boot_id));
    json_object_object_add(root, "binary", json_object_new_string(cache->binary));
    json_object_object_add(root, "mtime_ns", json_object_new_int64(cache->mtime_ns));
    json_object_object_add(root, "size", json_object_new_int64(cache->size));
    json_object_object_add(root, "accelerator",
                           json_object_new_string(verdict->kvm ? "kvm" : "tcg"));
    json_object_object_add(root, "reason", json_object_new_string(verdict->reason));
    return root;
}

void kiln_accel_cache_store(const struct kiln_accel_cache *cache,
                            const struct kiln_accel_verdict *verdict)
{
    struct json_object *root;
    KILN_AUTO_ERR err = { 0 };
    const char *text;

    if (!cache->file)
        return;
    root = to_json(cache, verdict);
    text = json_object_to_json_string_ext(root, JSON_C_TO_STRING_PRETTY);
    if (!kiln_fs_write_atomic(cache->file, text, strlen(text), 0644, &err))
        kiln_log("accelerator is not remembered: %s", kiln_err_text(&err));
    json_object_put(root);
}
