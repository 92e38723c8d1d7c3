#include "vm/checkpoint.h"

#include <json-c/json.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/strv.h"

#define TAG     "kiln-before-typing" /* of the snapshots */
#define SCRATCH "kiln-checkpoint"    /* the scratch file's node, and the name of the jobs */
#define SIZE    "1M"                 /* of the disk in the scratch file, which has none */
#define LOOK_US KILN_MS(5)           /* between looks whether a job is over */

struct kiln_checkpoint {
    struct kiln_qmp *qmp;
    struct kiln_strv disks; /* paths */
    struct kiln_strv nodes; /* of the disks */
    bool scratch;           /* its node is there */
};

/* ---- what is to be saved ---- */

static const char *text_of(struct json_object *o, const char *key)
{
    const char *text = kiln_json_string(o, key);

    return text ? text : "";
}

/* However either is written. */
static bool same_file(const char *a, const char *b)
{
    struct stat x, y;

    return strcmp(a, b) == 0 ||
           (stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino);
}

static bool is_own(const char *file, const struct kiln_strv *disks)
{
    KILN_STRV_FOREACH (disk, disks) {
        if (same_file(disk, file))
            return true;
    }
    return false;
}

static bool is_flash(struct json_object *device)
{
    return strstr(text_of(device, "qdev"), "/system.flash") ||
           strncmp(text_of(device, "device"), "pflash", 6) == 0;
}

static bool add_node(struct json_object *device, const struct kiln_strv *disks,
                     struct kiln_strv *nodes, struct kiln_err *err)
{
    struct json_object *medium = NULL;
    const char *file, *driver;

    if (!json_object_object_get_ex(device, "inserted", &medium) || kiln_json_true(medium, "ro") ||
        kiln_json_true(device, "removable") || is_flash(device))
        return true;
    file = text_of(medium, "file");
    driver = text_of(medium, "drv");
    if (strcmp(driver, "qcow2") != 0)
        return kiln_err_set(err, KILN_ERR_USER,
                            "the disk %s is %s, and QEMU goes back with qcow2 disks only", file,
                            driver);
    if (!is_own(file, disks))
        return kiln_err_set(err, KILN_ERR_USER,
                            "the disk %s is not one of the build's own (qemuargs)", file);
    kiln_strv_add(nodes, text_of(medium, "node-name"));
    return true;
}

bool kiln_checkpoint_nodes(struct json_object *blocks, const struct kiln_strv *disks,
                           struct kiln_strv *ret_nodes, struct kiln_err *err)
{
    struct kiln_strv nodes = { 0 };
    bool ok = json_object_is_type(blocks, json_type_array);

    if (!ok)
        return kiln_err_set(err, KILN_ERR_REMOTE, "QMP query-block: no list in the reply");
    for (size_t i = 0; ok && i < json_object_array_length(blocks); i++)
        ok = add_node(json_object_array_get_idx(blocks, i), disks, &nodes, err);
    if (ok)
        *ret_nodes = nodes;
    else
        kiln_strv_done(&nodes);
    return ok;
}

static bool find_nodes(struct kiln_checkpoint *cp, struct kiln_cancel *c, int64_t deadline,
                       struct kiln_err *err)
{
    struct json_object *blocks = NULL;
    bool ok = kiln_qmp_execute(cp->qmp, "query-block", NULL, c, deadline, &blocks, err) &&
              kiln_checkpoint_nodes(blocks, &cp->disks, &cp->nodes, err);

    json_object_put(blocks);
    return ok;
}

/* ---- commands ---- */

static void add_text(struct json_object *o, const char *key, const char *value)
{
    (void)json_object_object_add(o, key, json_object_new_string(value));
}

/* args are consumed. */
static bool tell(struct kiln_checkpoint *cp, const char *command, struct json_object *args,
                 struct kiln_cancel *c, int64_t deadline, struct kiln_err *err)
{
    bool ok = kiln_qmp_execute(cp->qmp, command, args, c, deadline, NULL, err);

    json_object_put(args);
    return ok;
}

static bool tell_name(struct kiln_checkpoint *cp, const char *command, const char *key,
                      struct kiln_cancel *c, int64_t deadline, struct kiln_err *err)
{
    struct json_object *args = json_object_new_object();

    add_text(args, key, SCRATCH);
    return tell(cp, command, args, c, deadline, err);
}

/* Its error, if it has failed. */
static bool is_over(struct json_object *jobs, bool *ret_failed, struct kiln_err *err)
{
    size_t n = json_object_is_type(jobs, json_type_array) ? json_object_array_length(jobs) : 0;

    for (size_t i = 0; i < n; i++) {
        struct json_object *job = json_object_array_get_idx(jobs, i);
        const char *error = text_of(job, "error");

        if (strcmp(text_of(job, "id"), SCRATCH) != 0)
            continue;
        *ret_failed = *error && !kiln_err_set(err, KILN_ERR_REMOTE, "%s", error);
        return strcmp(text_of(job, "status"), "concluded") == 0;
    }
    *ret_failed = !kiln_err_set(err, KILN_ERR_REMOTE, "QEMU has lost the job");
    return true;
}

/* QEMU's main loop does the work: it answers when that is done, or just before it begins. */
static bool await_job(struct kiln_checkpoint *cp, struct kiln_cancel *c, int64_t deadline,
                      struct kiln_err *err)
{
    for (;;) {
        struct json_object *jobs = NULL;
        bool failed = false, over;

        if (!kiln_qmp_execute(cp->qmp, "query-jobs", NULL, c, deadline, &jobs, err))
            return false;
        over = is_over(jobs, &failed, err);
        json_object_put(jobs);
        if (over)
            return tell_name(cp, "job-dismiss", "id", c, deadline, failed ? NULL : err) && !failed;
        if (kiln_cancel_now(c) >= deadline)
            return kiln_err_set(err, KILN_ERR_TIMEOUT, "timed out");
        if (!kiln_wait_us(c, LOOK_US, err))
            return false;
    }
}

/* snapshot-save, snapshot-load, snapshot-delete. */
static bool run_job(struct kiln_checkpoint *cp, const char *command, bool with_state,
                    struct kiln_cancel *c, int64_t deadline, struct kiln_err *err)
{
    struct json_object *args = json_object_new_object(), *devices = json_object_new_array();

    add_text(args, "job-id", SCRATCH);
    add_text(args, "tag", TAG);
    if (with_state) {
        add_text(args, "vmstate", SCRATCH);
        (void)json_object_array_add(devices, json_object_new_string(SCRATCH));
    }
    KILN_STRV_FOREACH (node, &cp->nodes)
        (void)json_object_array_add(devices, json_object_new_string(node));
    (void)json_object_object_add(args, "devices", devices);
    return tell(cp, command, args, c, deadline, err) && await_job(cp, c, deadline, err);
}

/* ---- the scratch file ---- */

static bool open_scratch(struct kiln_checkpoint *cp, const char *path, struct kiln_cancel *c,
                         int64_t deadline, struct kiln_err *err)
{
    struct json_object *node = json_object_new_object(), *file = json_object_new_object(),
                       *cache = json_object_new_object();

    add_text(file, "driver", "file");
    add_text(file, "filename", path);
    (void)json_object_object_add(cache, "no-flush", json_object_new_boolean(true));
    add_text(node, "driver", "qcow2");
    add_text(node, "node-name", SCRATCH);
    (void)json_object_object_add(node, "file", file);
    (void)json_object_object_add(node, "cache", cache);
    cp->scratch = tell(cp, "blockdev-add", node, c, deadline, err);
    return cp->scratch;
}

static bool make_scratch(struct kiln_checkpoint *cp, const struct kiln_checkpoint_config *cfg,
                         struct kiln_cancel *c, int64_t deadline, struct kiln_err *err)
{
    const struct kiln_qemu_img_create how = { .format = "qcow2",
                                              .path = cfg->scratch,
                                              .size = SIZE };
    bool ok = kiln_qemu_img_create(cfg->img, &how, err) &&
              open_scratch(cp, cfg->scratch, c, deadline, err);

    (void)unlink(cfg->scratch); /* QEMU has it open */
    return ok;
}

static bool drop_scratch(struct kiln_checkpoint *cp, struct kiln_cancel *c, int64_t deadline,
                         struct kiln_err *err)
{
    return !cp->scratch || tell_name(cp, "blockdev-del", "node-name", c, deadline, err);
}

/* ---- take, load, drop ---- */

static void checkpoint_free(struct kiln_checkpoint *cp)
{
    kiln_strv_done(&cp->disks);
    kiln_strv_done(&cp->nodes);
    free(cp);
}

bool kiln_checkpoint_take(struct kiln_checkpoint **ret, const struct kiln_checkpoint_config *cfg,
                          struct kiln_cancel *c, int64_t deadline, struct kiln_err *err)
{
    struct kiln_checkpoint *cp = kiln_xcalloc(1, sizeof(*cp));

    cp->qmp = cfg->qmp;
    kiln_strv_add_all(&cp->disks, cfg->disks);
    if (find_nodes(cp, c, deadline, err) && make_scratch(cp, cfg, c, deadline, err) &&
        run_job(cp, "snapshot-save", true, c, deadline, err)) {
        *ret = cp;
        return true;
    }
    (void)drop_scratch(cp, c, deadline, NULL);
    checkpoint_free(cp);
    return false;
}

bool kiln_checkpoint_load(struct kiln_checkpoint *cp, struct kiln_cancel *c, int64_t deadline,
                          struct kiln_err *err)
{
    return run_job(cp, "snapshot-load", true, c, deadline, err);
}

static bool delete_in_files(const struct kiln_checkpoint *cp, const struct kiln_qemu_img *img,
                            struct kiln_err *err)
{
    bool ok = true;

    KILN_STRV_FOREACH (disk, &cp->disks)
        ok = kiln_qemu_img_delete_snapshot(img, TAG, disk, ok ? err : NULL) && ok;
    return ok;
}

bool kiln_checkpoint_drop(struct kiln_checkpoint *cp, const struct kiln_qemu_img *img,
                          struct kiln_cancel *c, int64_t deadline, struct kiln_err *err)
{
    KILN_AUTO_ERR why = { 0 };
    bool ok;

    if (!cp)
        return true;
    ok = kiln_qmp_fd(cp->qmp) >= 0 && run_job(cp, "snapshot-delete", false, c, deadline, &why) &&
         drop_scratch(cp, c, deadline, &why);
    if (!ok && kiln_qmp_fd(cp->qmp) < 0)
        ok = delete_in_files(cp, img, err);
    else if (!ok)
        (void)kiln_err_move(err, &why);
    checkpoint_free(cp);
    return ok;
}
