#include "builder/qemu/retype.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "builder/qemu/boot_script.h"
#include "engine/control.h"
#include "engine/debugger.h"
#include "engine/rewind.h"
#include "vm/checkpoint.h"
#include "vm/screen.h"

#define SAVE_LIMIT_US KILN_SECOND(120) /* some GiB of RAM onto a slow disk */
#define DROP_LIMIT_US KILN_SECOND(30)
#define CONT_LIMIT_US KILN_SECOND(10)
#define MAX_PICTURE   ((size_t)3 * KILN_MAX_DISPLAY_PIXELS + 64) /* PPM */
#define LAST_KEYS_US  KILN_MS(50) /* for those that go up when a VNC client leaves, and people's */

/* Lock: lock, over why_not and going. */
struct kiln_retype {
    struct kiln_qemu_state *s;
    struct kiln_build *b;
    pthread_mutex_t lock;
    char *why_not; /* owned; NULL: one can go back */
    bool going;    /* back, already */
    struct kiln_checkpoint *checkpoint;
    bool runs;               /* the guest's CPUs ran when it was made */
    struct kiln_str picture; /* what QEMU showed then */
    atomic_bool wanted;
};

static void set_why_not(struct kiln_retype *r, char *take)
{
    (void)pthread_mutex_lock(&r->lock);
    free(r->why_not);
    r->why_not = take;
    r->going = false;
    (void)pthread_mutex_unlock(&r->lock);
}

/* ---- the command; the reader thread ---- */

static bool set_going(struct kiln_retype *r, struct kiln_err *err)
{
    bool ok;

    (void)pthread_mutex_lock(&r->lock);
    if (r->why_not)
        ok = kiln_err_set(err, KILN_ERR_USER, "%s", r->why_not);
    else
        ok = !r->going || kiln_err_set(err, KILN_ERR_USER, "the build is going back already");
    r->going = r->going || ok;
    (void)pthread_mutex_unlock(&r->lock);
    return ok;
}

static void unset_going(struct kiln_retype *r)
{
    (void)pthread_mutex_lock(&r->lock);
    r->going = false;
    (void)pthread_mutex_unlock(&r->lock);
}

static bool on_retype(void *ud, const struct kiln_control_args *args,
                      struct kiln_control_reply *reply, struct kiln_err *err)
{
    struct kiln_retype *r = ud;

    (void)reply;
    /* First: of a command that is refused nothing is left. */
    if (!kiln_debugger_may_go(r->b, err) || !set_going(r, err))
        return false;
    if (!args->lines || kiln_boot_script_replace(r->s->boot, args, err)) {
        atomic_store(&r->wanted, true);
        if (kiln_rewind_ask(r->b, err))
            return true;
        atomic_store(&r->wanted, false);
    }
    unset_going(r);
    return false;
}

static const struct kiln_control_command commands[] = { { "retype", on_retype }, { 0 } };

/* ---- life ---- */

struct kiln_retype *kiln_retype_new(struct kiln_qemu_state *s, struct kiln_build *b)
{
    struct kiln_retype *r = kiln_xcalloc(1, sizeof(*r));

    r->s = s;
    r->b = b;
    (void)pthread_mutex_init(&r->lock, NULL);
    r->why_not = kiln_xstrdup("nothing has been typed yet: edit the boot command instead");
    kiln_control_add(b->control, commands, r);
    return r;
}

void kiln_retype_free(struct kiln_retype *r)
{
    if (!r)
        return;
    kiln_control_remove(r->b->control, commands, r);
    (void)pthread_mutex_destroy(&r->lock);
    free(r->why_not);
    kiln_str_done(&r->picture);
    free(r);
}

/* ---- the machine, while nobody else halts it or lets it run ---- */

static int64_t deadline(const struct kiln_retype *r, int64_t us)
{
    return kiln_cancel_deadline(r->b->cancel, us);
}

static bool command(struct kiln_retype *r, const char *name, struct kiln_err *err)
{
    return kiln_qmp_command(kiln_qemu_qmp(r->s->qemu), name, r->b->cancel,
                            deadline(r, CONT_LIMIT_US), err);
}

static bool is_running(struct kiln_retype *r)
{
    KILN_AUTO_FREE char *status = NULL;

    return kiln_qmp_status(kiln_qemu_qmp(r->s->qemu), r->b->cancel, deadline(r, CONT_LIMIT_US),
                           &status, NULL) &&
           kiln_streq(status, "running");
}

/* What QEMU shows while the guest stands; nothing if it shows nothing. */
static void take_picture(struct kiln_retype *r, struct kiln_str *out)
{
    KILN_AUTO_FREE char *path = kiln_path_join(r->s->work_dir, "screen.ppm");
    KILN_AUTO_ERR err = { 0 };

    kiln_str_clear(out);
    if (!kiln_qmp_screendump(kiln_qemu_qmp(r->s->qemu), path, r->b->cancel,
                             deadline(r, CONT_LIMIT_US), &err) ||
        !kiln_fs_read(path, MAX_PICTURE, out, &err))
        kiln_log("retype: no picture of the screen: %s", kiln_err_text(&err));
    (void)unlink(path);
}

/* ---- there ---- */

static double seconds_since(int64_t start)
{
    return (double)(kiln_clock_mono_us() - start) / 1e6;
}

static bool is_wanted(const struct kiln_build *b)
{
    return b->rewind && (b->options->checkpoint || (b->audience && *b->audience));
}

static bool take(struct kiln_retype *r, struct kiln_err *err)
{
    struct kiln_qemu_img_tracker tracker = { r->b, "checkpoint", 0 };
    const struct kiln_qemu_img img = kiln_qemu_img_for(&tracker);
    KILN_AUTO_FREE char *disk = kiln_qemu_disk_path(r->s->o);
    KILN_AUTO_FREE char *scratch = kiln_xasprintf("%s.checkpoint", disk);
    const struct kiln_checkpoint_config cfg = {
        .qmp = kiln_qemu_qmp(r->s->qemu), .disks = &r->s->disks, .img = &img, .scratch = scratch
    };
    bool was_halted = kiln_debugger_machine(r->b, NULL), ok;

    r->runs = was_halted || is_running(r);
    ok = command(r, "stop", err);
    if (ok) {
        take_picture(r, &r->picture);
        ok = kiln_checkpoint_take(&r->checkpoint, &cfg, r->b->cancel, deadline(r, SAVE_LIMIT_US),
                                  err);
    }
    if (r->runs && !command(r, "cont", NULL))
        kiln_error(r->b, "The guest stands still after its checkpoint: QEMU does not answer. "
                         "Cancel, and build without -checkpoint");
    kiln_qemu_lend_machine(r->s);
    return ok;
}

/* What was recorded is to be typed into a guest that does not know of it. */
static bool make(struct kiln_retype *r, struct kiln_err *err)
{
    if (r->s->driven)
        return kiln_err_set(
            err, KILN_ERR_USER,
            "the guest was driven by hand before; to type what you record, begin at "
            "-break boot:1, or at boot:end if nothing is typed");
    return take(r, err);
}

#define NONE "there is no checkpoint from before typing: "

/* False: there is none, and why has been said. */
static bool have_checkpoint(struct kiln_retype *r)
{
    int64_t start = kiln_clock_mono_us();
    KILN_AUTO_ERR err = { 0 };

    if (r->checkpoint)
        return true;
    if (!is_wanted(r->b)) {
        set_why_not(r, kiln_xstrdup(NONE "kiln tui makes one, and kiln build with -checkpoint"));
        return false;
    }
    if (make(r, &err)) {
        kiln_say(r->b, "The guest is kept as it is before typing (%.1f s): retype goes back there",
                 seconds_since(start));
        return true;
    }
    if (err.kind != KILN_ERR_CANCELLED)
        kiln_say(r->b, "No checkpoint before typing: %s", kiln_err_text(&err));
    set_why_not(r, kiln_xasprintf(NONE "%s", kiln_err_text(&err)));
    return false;
}

void kiln_retype_begin(struct kiln_retype *r)
{
    if (!have_checkpoint(r))
        return;
    kiln_rewind_allow(r->b, kiln_qemu_step_type.name, "retype");
    set_why_not(r, NULL);
}

/* ---- and back ---- */

bool kiln_retype_wanted(const struct kiln_retype *r)
{
    return atomic_load(&r->wanted) && r->checkpoint;
}

/* Keys that QEMU has still to hand to the guest would come after the load: it keeps them apart from
 * the guest's state, and hands them on only while the guest runs. */
static bool drain_keys(struct kiln_retype *r, bool was_halted, struct kiln_err *err)
{
    struct kiln_cancel *c = r->b->cancel;
    int64_t left = r->s->keys_until - kiln_cancel_now(c);

    kiln_screen_release_keys(r->s->screen);
    return (!was_halted || command(r, "cont", err)) &&
           kiln_wait_us(c, (left > 0 ? left : 0) + LAST_KEYS_US, err);
}

/* QEMU resets the machine before it loads, and forgets `-boot once` then; but the machine that it
 * loads is one that is still to boot from there, for ever. It has booted: this is for the next
 * time. */
static void set_boot_order(struct kiln_retype *r)
{
    const char *order = r->s->later_boot;
    KILN_AUTO_FREE char *line = order ? kiln_xasprintf("boot_set %s", order) : NULL;
    KILN_AUTO_ERR err = { 0 };

    if (line && !kiln_qmp_human(kiln_qemu_qmp(r->s->qemu), line, r->b->cancel,
                                deadline(r, CONT_LIMIT_US), NULL, &err))
        kiln_log("retype: %s: %s", line, kiln_err_text(&err));
}

/* Of a machine that had not drawn anything yet QEMU does not draw anything either: what it showed
 * before stays. */
static void renew_screen(struct kiln_retype *r)
{
    KILN_AUTO_STR now = { 0 };

    take_picture(r, &now);
    kiln_screen_renew(r->s->screen,
                      now.len != r->picture.len ||
                          (now.len > 0 && memcmp(now.data, r->picture.data, now.len) != 0));
}

static bool load(struct kiln_retype *r, struct kiln_err *err)
{
    bool was_halted = kiln_debugger_machine(r->b, NULL);
    bool ok = drain_keys(r, was_halted, err) && command(r, "stop", err) &&
              kiln_checkpoint_load(r->checkpoint, r->b->cancel, deadline(r, SAVE_LIMIT_US), err);

    if (ok) {
        set_boot_order(r);
        renew_screen(r);
        ok = !r->runs || command(r, "cont", err);
    }
    kiln_qemu_lend_machine(r->s);
    return ok;
}

bool kiln_retype_go_back(struct kiln_retype *r, struct kiln_err *err)
{
    int64_t start = kiln_clock_mono_us();

    atomic_store(&r->wanted, false);
    if (!load(r, err)) {
        atomic_store(&r->wanted, true); /* half loaded it cannot go on: who tries again goes back */
        return kiln_err_wrap(err, "go back to before typing");
    }
    kiln_qemu_signs_back(r->s);
    kiln_say(r->b, "The guest is as it was before typing (%.1f s)", seconds_since(start));
    return true;
}

/* Whatever was cancelled: what is kept must not have it. */
void kiln_retype_drop(struct kiln_retype *r)
{
    struct kiln_qemu_img_tracker tracker = { r->b, "checkpoint", 0 };
    struct kiln_qemu_img img = kiln_qemu_img_for(&tracker);
    KILN_AUTO_ERR err = { 0 };

    if (!kiln_rewind_forbid(r->b))
        return;
    set_why_not(r, kiln_xstrdup("the guest is not to be typed to any more: what has come of it "
                                "since could not be undone. Cancel, and build again"));
    img.cancel = NULL;
    if (!kiln_checkpoint_drop(r->checkpoint, &img, NULL, kiln_cancel_deadline(NULL, DROP_LIMIT_US),
                              &err))
        kiln_error(r->b, "The checkpoint before typing is not all gone: %s", kiln_err_text(&err));
    r->checkpoint = NULL;
}
