#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/encode.h"
#include "base/fs.h"
#include "base/limits.h"
#include "base/lock.h"
#include "base/mem.h"
#include "engine/build.h"
#include "postprocessor/manifest_old.h"
#include "postprocessor/postprocessors.h"

/*
 * manifest: appends what was built to a JSON file, in the form of Go's encoder, key by key.
 * Source: provision-postprocess.md, section 10.
 */
struct manifest {
    char *output;
    bool strip_path, strip_time;
    struct kiln_strmap custom_data;
};

static const struct kiln_field fields[] = {
    { "output", KILN_STRING, offsetof(struct manifest, output), .def = "packer-manifest.json",
      .help = "The file; builds are added to it." },
    { "strip_path", KILN_BOOL, offsetof(struct manifest, strip_path),
      .help = "Only the last element of file names." },
    { "strip_time", KILN_BOOL, offsetof(struct manifest, strip_time), .help = "No build_time." },
    { "custom_data", KILN_STRING_MAP, offsetof(struct manifest, custom_data),
      .help = "Anything else to note down; values may use {{build `...`}}." },
    { 0 },
};

static const struct kiln_schema schema = { "manifest", "lists what was built in a JSON file",
                                           fields, NULL };

/* ---- the new entry, as a json-c object ---- */

static struct json_object *files_of(const struct manifest *m, const struct kiln_artifact *a)
{
    struct json_object *list;

    if (a->files.n == 0)
        return NULL;
    list = json_object_new_array();
    for (size_t i = 0; i < a->files.n; i++) {
        const char *path = a->files.v[i];
        struct json_object *f = json_object_new_object();
        struct stat st;
        int64_t size = stat(path, &st) == 0 ? (int64_t)st.st_size : 0;

        json_object_object_add(f, "name",
                               json_object_new_string(m->strip_path ? kiln_path_base(path) : path));
        json_object_object_add(f, "size", json_object_new_int64(size));
        json_object_array_add(list, f);
    }
    return list;
}

static bool custom_data_of(const struct manifest *m, struct kiln_build *b, struct json_object **ret,
                           struct kiln_err *err)
{
    const struct kiln_interp interp = kiln_build_runtime_interp(b);
    KILN_AUTO_STRV keys = { 0 };
    struct json_object *o;

    *ret = NULL;
    if (m->custom_data.keys.n == 0)
        return true;
    o = json_object_new_object();
    kiln_strv_add_all(&keys, &m->custom_data.keys);
    kiln_strv_sort(&keys);
    for (size_t i = 0; i < keys.n; i++) {
        KILN_AUTO_STR value = { 0 };

        if (!kiln_interp_render_again(&interp, kiln_strmap_get(&m->custom_data, keys.v[i]), &value,
                                      err)) {
            (void)json_object_put(o);
            return kiln_err_wrap(err, "custom_data %s", keys.v[i]);
        }
        json_object_object_add(o, keys.v[i], json_object_new_string(kiln_str_cstr(&value)));
    }
    *ret = o;
    return true;
}

static struct json_object *new_entry(const struct manifest *m, struct kiln_build *b,
                                     const struct kiln_artifact *a, struct kiln_err *err)
{
    struct json_object *entry, *custom;

    if (!custom_data_of(m, b, &custom, err))
        return NULL;
    entry = json_object_new_object();
    json_object_object_add(entry, "name", json_object_new_string(b->name));
    json_object_object_add(entry, "builder_type", json_object_new_string(b->type));
    if (!m->strip_time)
        json_object_object_add(entry, "build_time",
                               json_object_new_int64(kiln_clock_wall_us() / 1000000));
    json_object_object_add(entry, "files", files_of(m, a));
    json_object_object_add(entry, "artifact_id", json_object_new_string(a->id ? a->id : ""));
    json_object_object_add(entry, "packer_run_uuid", json_object_new_string(b->run_uuid));
    json_object_object_add(entry, "custom_data", custom);
    return entry;
}

/* ---- writing in Go's form ---- */

static void put_indent(struct kiln_str *out, int depth)
{
    kiln_str_addc(out, '\n');
    for (int i = 0; i < depth; i++)
        kiln_str_adds(out, "  ");
}

static void put_string(struct kiln_str *out, const char *s)
{
    kiln_json_add_string(out, s, strlen(s), KILN_JSON_HTML);
}

static void put_value(struct kiln_str *out, struct json_object *v, int depth);

static void put_object(struct kiln_str *out, struct json_object *o, int depth)
{
    bool first = true;

    kiln_str_addc(out, '{');
    json_object_object_foreach(o, key, value)
    {
        if (!first)
            kiln_str_addc(out, ',');
        first = false;
        put_indent(out, depth + 1);
        put_string(out, key);
        kiln_str_adds(out, ": ");
        put_value(out, value, depth + 1);
    }
    if (!first)
        put_indent(out, depth);
    kiln_str_addc(out, '}');
}

static void put_array(struct kiln_str *out, struct json_object *a, int depth)
{
    size_t n = json_object_array_length(a);

    kiln_str_addc(out, '[');
    for (size_t i = 0; i < n; i++) {
        if (i)
            kiln_str_addc(out, ',');
        put_indent(out, depth + 1);
        put_value(out, json_object_array_get_idx(a, i), depth + 1);
    }
    if (n)
        put_indent(out, depth);
    kiln_str_addc(out, ']');
}

static void put_value(struct kiln_str *out, struct json_object *v, int depth)
{
    if (json_object_is_type(v, json_type_object))
        put_object(out, v, depth);
    else if (json_object_is_type(v, json_type_array))
        put_array(out, v, depth);
    else if (json_object_is_type(v, json_type_string))
        put_string(out, json_object_get_string(v));
    else
        kiln_str_adds(out, v ? json_object_to_json_string(v) : "null");
}

/* ---- the file ---- */

/* The builds that the file holds already; an empty list if there is no file. */
static bool read_builds(const char *path, struct kiln_build *b, struct json_object **ret,
                        struct kiln_err *err)
{
    KILN_AUTO_STR text = { 0 };
    struct json_object *old = NULL;
    struct stat st;

    *ret = json_object_new_array();
    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
        return true;
    if (!kiln_fs_read(path, KILN_MAX_TEMPLATE, &text, err))
        return kiln_err_wrap(err, "Unable to open %s for reading", path);
    if (text.len == 0)
        return true;
    if (!kiln_manifest_parse(&text, &old, err))
        return kiln_err_wrap(err, "Unable to parse content from %s", path);
    /* -force starts the list again, but not for the other builds of the same run. */
    if (!b->options->force ||
        kiln_streq(json_object_get_string(json_object_object_get(old, "last_run_uuid")),
                   b->run_uuid)) {
        (void)json_object_put(*ret);
        *ret = json_object_get(json_object_object_get(old, "builds"));
    }
    (void)json_object_put(old);
    return true;
}

/* O_NONBLOCK: a FIFO that nobody reads must not hang the build. */
static bool write_in_place(const char *path, const struct kiln_str *text, struct kiln_err *err)
{
    KILN_AUTO_FD fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    return fd < 0 ? kiln_err_sys(err, errno, "open %s", path)
                  : kiln_fs_write_all(fd, text->data, text->len, err);
}

/* Whole or not at all, where the file is its own and can be replaced; not so a device, what is
 * mounted there, and somebody else's file. Mode and symlinks stay. */
static bool write_out(const char *path, const struct kiln_str *text, struct kiln_err *err)
{
    KILN_AUTO_FREE char *real = kiln_fs_follow(path);
    KILN_AUTO_ERR why = { 0 };
    struct stat st;

    if (stat(path, &st) != 0)
        return kiln_fs_write_atomic(real, text->data, text->len, 0664, err);
    if (!S_ISREG(st.st_mode))
        return write_in_place(path, text, err);
    if (kiln_fs_replace(real, text->data, text->len, &why))
        return true;
    if (why.os_errno == EBUSY || why.os_errno == EPERM || why.os_errno == EACCES)
        return write_in_place(path, text, err);
    return kiln_err_move(err, &why);
}

static bool update(const struct manifest *m, struct kiln_build *b, const struct kiln_artifact *a,
                   struct kiln_err *err)
{
    struct json_object *builds = NULL, *root, *entry = new_entry(m, b, a, err);
    KILN_AUTO_STR text = { 0 };
    bool ok;

    if (!entry)
        return false;
    if (!read_builds(m->output, b, &builds, err)) {
        (void)json_object_put(entry);
        (void)json_object_put(builds);
        return false;
    }
    json_object_array_add(builds, entry);
    root = json_object_new_object();
    json_object_object_add(root, "builds", builds);
    json_object_object_add(root, "last_run_uuid", json_object_new_string(b->run_uuid));
    put_value(&text, root, 0);
    (void)json_object_put(root);
    ok = kiln_str_ok(&text, "manifest", err) && write_out(m->output, &text, err);
    return ok ? true : kiln_err_wrap(err, "Unable to write %s", m->output);
}

static bool process(void *cfg, struct kiln_build *b, struct kiln_artifact *in,
                    struct kiln_artifact **ret, struct kiln_err *err)
{
    const struct manifest *m = cfg;
    KILN_AUTO_FREE char *lock = kiln_xasprintf("%s.lock", m->output);
    KILN_AUTO_FREE char *dir = kiln_path_dir(m->output);
    KILN_AUTO_FD fd = -1;
    bool ok;

    if (!kiln_fs_mkdirs(dir, 0755, err))
        return kiln_err_wrap(err, "Unable to write %s", m->output);
    if (!kiln_ledger_add(b->ledger, KILN_OWNED_LOCK, lock, err))
        return false;
    ok = kiln_lock_wait(lock, b->cancel, NULL, NULL, &fd, err);
    if (ok) {
        ok = update(m, b, in, err);
        (void)unlink(lock); /* nobody else does while we hold it */
    }
    kiln_ledger_drop(b->ledger, KILN_OWNED_LOCK, lock);
    if (ok)
        *ret = kiln_artifact_ref(in);
    return ok;
}

const struct kiln_postprocessor_ops kiln_manifest_postprocessor = {
    .schema = &schema,
    .cfg_size = sizeof(struct manifest),
    .keep_input = true,
    .keep_input_forced = true,
    .process = process,
};
