#include "builder/qemu/boot_record.h"

#include <pthread.h>

#include "base/clock.h"
#include "base/mem.h"
#include "bootcmd/record.h"
#include "builder/qemu/screen_text.h"
#include "engine/control.h"
#include "engine/debugger.h"
#include "vm/screen.h"

struct kiln_boot_record {
    struct kiln_qemu_state *s;
    struct kiln_build *b;
    pthread_mutex_t lock;
    struct kiln_record *record; /* NULL: nothing is recorded */
    size_t told;                /* elements that events have told */
};

static void lock(struct kiln_boot_record *br)
{
    (void)pthread_mutex_lock(&br->lock);
}

static void unlock(struct kiln_boot_record *br)
{
    (void)pthread_mutex_unlock(&br->lock);
}

/* ---- with the lock held ---- */

static void tell(struct kiln_boot_record *br, bool on, const char *problem)
{
    const struct kiln_strv *elements = kiln_record_elements(br->record);
    struct kiln_event ev = { .type = KILN_EV_RECORD,
                             .status = on,
                             .names = elements,
                             .text = problem,
                             .len = problem ? strlen(problem) : 0 };

    br->told = elements->n;
    kiln_emit(br->b, &ev);
}

static void see(struct kiln_boot_record *br, const struct kiln_text *text)
{
    KILN_AUTO_STRV rows = { 0 };
    const struct kiln_record_screen screen = { &rows, text->cursor_row, text->cursor_column };

    kiln_screen_text_rows(br->b, text, &rows);
    kiln_record_see(br->record, &screen, kiln_clock_mono_us());
}

/* The HTTP server has another port in the next build. */
static void name_server(struct kiln_boot_record *br)
{
    KILN_AUTO_FREE char *address =
        kiln_xasprintf("%s:%d", br->s->http_ip ? br->s->http_ip : "", br->s->http_port);

    if (br->s->http_ip && br->s->http_ip[0] && br->s->http_port > 0)
        kiln_record_name(br->record, address, "{{ .HTTPIP }}:{{ .HTTPPort }}");
}

static void begin(struct kiln_boot_record *br)
{
    struct kiln_text text = { 0 };

    br->record = kiln_record_new(&br->b->secrets, br->b->interp.user, kiln_clock_mono_us());
    name_server(br);
    kiln_screen_text(br->s->screen, &text);
    see(br, &text);
    kiln_text_done(&text);
    tell(br, true, NULL);
}

static void end(struct kiln_boot_record *br)
{
    kiln_record_end(br->record, kiln_clock_mono_us());
    tell(br, false, NULL);
    kiln_record_free(br->record);
    br->record = NULL;
}

/* ---- the command ---- */

static bool start(struct kiln_boot_record *br, struct kiln_err *err)
{
    if (br->s->o->disable_vnc)
        return kiln_err_set(err, KILN_ERR_USER,
                            "the template has disable_vnc: without VNC kiln "
                            "can neither see the guest's screen nor type");
    if (!kiln_debugger_by_hand(br->b, true, err))
        return false;
    if (!kiln_screen_want_text(br->s->screen, true, err)) {
        (void)kiln_debugger_by_hand(br->b, false, NULL);
        return false;
    }
    br->s->driven = true;
    lock(br);
    begin(br);
    unlock(br);
    return true;
}

/* False: nothing was recorded. */
static bool stop(struct kiln_boot_record *br)
{
    bool on;

    lock(br);
    on = br->record != NULL;
    if (on)
        end(br);
    unlock(br);
    if (!on)
        return false;
    kiln_screen_release_keys(br->s->screen);
    (void)kiln_screen_want_text(br->s->screen, false, NULL);
    (void)kiln_debugger_by_hand(br->b, false, NULL);
    return true;
}

static bool record(void *ud, const struct kiln_control_args *args, struct kiln_control_reply *reply,
                   struct kiln_err *err)
{
    struct kiln_boot_record *br = ud;
    bool is_on;

    (void)reply;
    lock(br);
    is_on = br->record != NULL;
    unlock(br);
    if (args->on && is_on)
        return kiln_err_set(err, KILN_ERR_USER, "a recording is under way: end it first");
    if (args->on)
        return start(br, err);
    return stop(br) || kiln_err_set(err, KILN_ERR_USER, "nothing is being recorded");
}

static const struct kiln_control_command commands[] = {
    { "record", record },
    { 0 },
};

/* ---- what happens meanwhile ---- */

void kiln_boot_record_text(struct kiln_boot_record *br, const struct kiln_text *text)
{
    lock(br);
    if (br->record)
        see(br, text);
    unlock(br);
}

void kiln_boot_record_key(struct kiln_boot_record *br, uint32_t keysym, bool down)
{
    lock(br);
    if (br->record) {
        const char *problem = kiln_record_key(br->record, keysym, down, kiln_clock_mono_us());

        if (problem || kiln_record_elements(br->record)->n != br->told)
            tell(br, true, problem);
    }
    unlock(br);
}

void kiln_boot_record_release(struct kiln_boot_record *br)
{
    lock(br);
    if (br->record)
        kiln_record_release(br->record, kiln_clock_mono_us());
    unlock(br);
}

/* ---- life ---- */

struct kiln_boot_record *kiln_boot_record_new(struct kiln_qemu_state *s, struct kiln_build *b)
{
    struct kiln_boot_record *br = kiln_xcalloc(1, sizeof(*br));

    br->s = s;
    br->b = b;
    (void)pthread_mutex_init(&br->lock, NULL);
    kiln_control_add(b->control, commands, br);
    return br;
}

void kiln_boot_record_close(struct kiln_boot_record *br)
{
    if (!br)
        return;
    kiln_control_remove(br->b->control, commands, br);
    (void)stop(br);
}

void kiln_boot_record_free(struct kiln_boot_record *br)
{
    if (!br)
        return;
    (void)pthread_mutex_destroy(&br->lock);
    free(br);
}
