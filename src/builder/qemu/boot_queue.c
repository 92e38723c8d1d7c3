#include "builder/qemu/boot_queue.h"

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "vm/ps2_queue.h"

#define WATCH_US  KILN_SECOND(5) /* for QEMU's answers */
#define LOOK_US   KILN_MS(2)
#define ABSENT_US KILN_MS(500) /* no key has ever come to a PS/2 keyboard: there is none */
#define STUCK_US  KILN_SECOND(10)

#define LAST_ASCII   0x7E
#define NAMED_KEYS   0xFF00 /* keysyms from there on */
#define UNICODE_KEYS 0x01000000

struct kiln_boot_queue {
    struct kiln_qemu_state *s;
    struct kiln_build *build;
    struct kiln_ps2_queue *ps2; /* NULL: nothing is known */
    uint64_t puts;              /* before the last element */
    bool expects;               /* that it brings more */
};

/* Its log would go to our file. */
static bool wants_log(const struct kiln_qemu_options *o)
{
    static const char *const switches[] = { "-d", "-D", "-trace" };

    for (size_t i = 0; i < o->qemuargs.n; i++) {
        const struct kiln_strv *row = &o->qemuargs.rows[i];
        const char *name = row->n > 0 ? row->v[0] : "";

        for (size_t k = 0; k < KILN_COUNT(switches); k++) {
            if (kiln_streq(name + kiln_has_prefix(name, "--"), switches[k]))
                return true;
        }
    }
    return false;
}

struct kiln_boot_queue *kiln_boot_queue_new(struct kiln_qemu_state *s, struct kiln_build *b)
{
    struct kiln_boot_queue *q = kiln_xcalloc(1, sizeof(*q));
    KILN_AUTO_FREE char *path = kiln_path_join(s->work_dir, "keyboard.log");
    KILN_AUTO_ERR err = { 0 };

    q->s = s;
    q->build = b;
    if (!wants_log(s->o) && !kiln_ps2_queue_watch(&q->ps2, kiln_qemu_qmp(s->qemu), path, b->cancel,
                                                  kiln_cancel_deadline(b->cancel, WATCH_US), &err))
        kiln_log("typing: the keyboard's queue cannot be seen: %s", kiln_err_text(&err));
    return q;
}

static void end_watch(struct kiln_boot_queue *q)
{
    kiln_ps2_queue_free(q->ps2, kiln_cancel_deadline(NULL, WATCH_US));
    q->ps2 = NULL;
}

void kiln_boot_queue_free(struct kiln_boot_queue *q)
{
    if (!q)
        return;
    end_watch(q);
    free(q);
}

static bool is_read(const struct kiln_boot_queue *q, const struct kiln_ps2_count *count)
{
    return count->unread == 0 && (!q->expects || count->puts > q->puts);
}

static void give_up(struct kiln_boot_queue *q, const struct kiln_ps2_count *count,
                    bool *ret_gave_up)
{
    *ret_gave_up = count->puts > 0;
    if (count->puts == 0)
        kiln_log("typing: no key has come to a PS/2 keyboard");
    end_watch(q);
}

bool kiln_boot_queue_await(struct kiln_boot_queue *q, bool *ret_gave_up, struct kiln_err *err)
{
    struct kiln_cancel *c = q->build->cancel;
    struct pollfd died = { .fd = kiln_qemu_pidfd(q->s->qemu), .events = POLLIN };
    int64_t began = kiln_cancel_now(c);
    enum kiln_wait got = KILN_WAIT_TIMEOUT;

    *ret_gave_up = false;
    while (q->ps2 && got == KILN_WAIT_TIMEOUT) {
        const struct kiln_ps2_count *count = kiln_ps2_queue_look(q->ps2);
        KILN_AUTO_ERR why = { 0 };
        int64_t now = kiln_cancel_now(c);

        if (is_read(q, count)) {
            q->puts = count->puts;
            return true;
        }
        if (now - began >= (count->puts ? STUCK_US : ABSENT_US)) {
            give_up(q, count, ret_gave_up);
            return true;
        }
        got = kiln_wait_fds(c, &died, 1, now + LOOK_US, &why);
        if (got == KILN_WAIT_CANCELLED || got == KILN_WAIT_ERROR)
            return kiln_err_move(err, &why);
    }
    return true;
}

/* Does QEMU have such a key, whatever the language of its keyboard? */
static bool is_known(uint32_t keysym)
{
    return keysym <= LAST_ASCII || (keysym >= NAMED_KEYS && keysym < UNICODE_KEYS);
}

void kiln_boot_queue_sent(struct kiln_boot_queue *q, const struct kiln_boot_element *el)
{
    bool presses = el->kind == KILN_BOOTCMD_LITERAL || el->kind == KILN_BOOTCMD_SPECIAL;

    q->expects = presses && el->n_events > 0 && is_known(el->events[0].keysym);
}
