#include "builder/qemu/boot_script.h"

#include <pthread.h>

#include "base/mem.h"
#include "builder/qemu/boot_text.h"
#include "engine/debugger.h"
#include "redact/redact.h"
#include "template/edit.h"

enum row_state { ROW_AHEAD, ROW_BEGUN, ROW_TYPED };

struct row {
    struct kiln_strv lines; /* the template's strings */
    char *description;      /* owned; "" if none */
    enum row_state state;
    struct kiln_bootcmd cmd; /* once ready; all zeroes if it has an error */
    struct kiln_err err;     /* of rendering and parsing */
    size_t next;             /* element */
    size_t last_press;       /* the last event of cmd that presses a key; NO_PRESS: none does */
};
#define NO_PRESS SIZE_MAX

/* Lock: lock, over rows and the values. Behind it come those of the debugger and of the bus. */
struct kiln_boot_script {
    struct kiln_qemu_state *s;
    struct kiln_build *b;
    pthread_mutex_t lock;
    int64_t interval_ns;
    bool closed_loop;
    struct row *rows;
    size_t n;
    bool ready;
    bool replaced; /* a row, while it was being typed: it is rendered when the typist begins anew */
    struct kiln_boot_text text; /* with copies of what it reads: the build changes its own */
};

static void lock(struct kiln_boot_script *script)
{
    (void)pthread_mutex_lock(&script->lock);
}

static void unlock(struct kiln_boot_script *script)
{
    (void)pthread_mutex_unlock(&script->lock);
}

/* ---- text to elements ---- */

static void take_values(struct kiln_boot_script *script)
{
    kiln_boot_text_values(&script->text, script->s, &script->b->data);
}

/* *ret_cmd is written on success only. */
static bool make_command(const struct kiln_boot_script *script, const struct kiln_strv *lines,
                         struct kiln_bootcmd *ret_cmd, struct kiln_err *err)
{
    return kiln_boot_text_command(&script->text, lines, &script->b->secrets, ret_cmd, err);
}

static size_t last_press(const struct kiln_bootcmd *cmd)
{
    for (size_t i = cmd->n_events; i-- > 0;) {
        if (cmd->events[i].action == KILN_BOOTCMD_DOWN)
            return i;
    }
    return NO_PRESS;
}

static bool is_masked(const struct kiln_bootcmd *cmd, const struct kiln_bootcmd_element *e)
{
    return cmd->events[e->event].masked;
}

/* What is shown of it. A masked element is one U+2022, however long: a reader that parses the text
 * finds the same number of elements. */
static void add_shown(struct kiln_str *out, const struct kiln_bootcmd *cmd)
{
    for (size_t i = 0; i < cmd->n_elements; i++) {
        const struct kiln_bootcmd_element *e = &cmd->elements[i];

        if (is_masked(cmd, e))
            kiln_str_add_utf8(out, 0x2022);
        else
            kiln_str_add(out, cmd->text + e->start, e->len);
    }
}

static void tell_row(const struct kiln_boot_script *script, size_t i)
{
    const struct row *row = &script->rows[i];
    const char *layout = script->s->o->layout.name;
    KILN_AUTO_STR text = { 0 };
    struct kiln_event ev = { .type = KILN_EV_BOOT_PLAN,
                             .index = (int64_t)i,
                             .names = &row->lines,
                             .name = layout[0] ? layout : NULL,
                             .done = (uint64_t)script->interval_ns,
                             .total = row->next };

    if (script->ready && row->err.kind == KILN_ERR_NONE) {
        add_shown(&text, &row->cmd);
        ev.text = kiln_str_cstr(&text);
        ev.len = text.len;
    }
    kiln_emit(script->b, &ev);
}

/* For breakpoints. */
static void tell_size(const struct kiln_boot_script *script)
{
    KILN_AUTO_FREE size_t *elements = kiln_xcalloc(script->n + 1, sizeof(*elements));
    uint64_t keys = 0;

    for (size_t i = 0; i < script->n; i++) {
        if (!script->ready || script->rows[i].err.kind != KILN_ERR_NONE)
            return;
        elements[i] = script->rows[i].cmd.n_elements;
        keys += kiln_bootcmd_count_keys(&script->rows[i].cmd);
    }
    if (script->n > 0)
        kiln_debugger_boot_size(script->b, elements, script->n, keys);
}

static void set_command(struct row *row, struct kiln_bootcmd take, size_t next)
{
    kiln_bootcmd_done(&row->cmd);
    kiln_err_clear(&row->err);
    row->cmd = take;
    row->next = next;
    row->last_press = last_press(&row->cmd);
}

/* ---- commands; the reader thread ---- */

/* Lines come from somebody who saw ours without secrets. */
static bool restore_secrets(const struct kiln_boot_script *script, const struct row *row,
                            const struct kiln_strv *lines, struct kiln_strv *ret,
                            struct kiln_err *err)
{
    KILN_AUTO_STRV shown = { 0 };

    KILN_STRV_FOREACH (own, &row->lines)
        kiln_strv_add_take(&shown, script->b->bus ? kiln_bus_redacted(script->b->bus, own)
                                                  : kiln_xstrdup(own));
    return kiln_edit_restore(&row->lines, &shown, lines, KILN_REDACTED, ret, err);
}

/* The row that a command is about, and its lines as a command. */
static struct row *understand(struct kiln_boot_script *script, const struct kiln_control_args *args,
                              struct kiln_strv *ret_lines, struct kiln_bootcmd *ret_cmd,
                              struct kiln_err *err)
{
    struct row *row;

    if (args->number < 0 || args->number >= (int64_t)script->n) {
        (void)kiln_err_set(err, KILN_ERR_USER, "there is no row %lld of the boot command",
                           (long long)args->number);
        return NULL;
    }
    row = &script->rows[args->number];
    if (!args->lines) {
        (void)kiln_err_set(err, KILN_ERR_USER, "the lines of the boot command are missing");
        return NULL;
    }
    return restore_secrets(script, row, args->lines, ret_lines, err) &&
                   make_command(script, ret_lines, ret_cmd, err)
               ? row
               : NULL;
}

static bool preview(void *ud, const struct kiln_control_args *args,
                    struct kiln_control_reply *reply, struct kiln_err *err)
{
    struct kiln_boot_script *script = ud;
    KILN_AUTO_STRV lines = { 0 };
    KILN_AUTO_BOOTCMD cmd = { 0 };
    bool ok;

    lock(script);
    ok = understand(script, args, &lines, &cmd, err) != NULL;
    unlock(script);
    if (ok)
        add_shown(&reply->text, &cmd);
    return ok;
}

static bool may_edit(const struct kiln_boot_script *script, const struct row *row,
                     const struct kiln_bootcmd *cmd, int64_t from, struct kiln_err *err)
{
    switch (row->state) {
    case ROW_AHEAD:
        break;
    case ROW_BEGUN:
        if (!kiln_debugger_standing(script->b))
            return kiln_err_set(err, KILN_ERR_USER, "keys are going out: pause the build first");
        break;
    case ROW_TYPED:
        return kiln_err_set(err, KILN_ERR_USER,
                            "it is typed already: an edit would change nothing");
    }
    if (from < 0 || from > (int64_t)cmd->n_elements)
        return kiln_err_set(err, KILN_ERR_USER,
                            "cannot go on from element %lld: the edited text has %zu",
                            (long long)from, cmd->n_elements);
    return true;
}

static bool edit_locked(struct kiln_boot_script *script, const struct kiln_control_args *args,
                        struct kiln_err *err)
{
    KILN_AUTO_STRV lines = { 0 };
    KILN_AUTO_BOOTCMD cmd = { 0 };
    struct row *row = understand(script, args, &lines, &cmd, err);

    if (!row || !may_edit(script, row, &cmd, args->from, err))
        return false;
    kiln_strv_done(&row->lines);
    kiln_strv_add_all(&row->lines, &lines);
    set_command(row, cmd, (size_t)args->from);
    cmd = (struct kiln_bootcmd){ 0 }; /* handed over */
    tell_row(script, (size_t)args->number);
    tell_size(script);
    return true;
}

static bool edit(void *ud, const struct kiln_control_args *args, struct kiln_control_reply *reply,
                 struct kiln_err *err)
{
    struct kiln_boot_script *script = ud;
    bool ok;

    (void)reply;
    lock(script);
    ok = edit_locked(script, args, err);
    unlock(script);
    return ok;
}

bool kiln_boot_script_replace(struct kiln_boot_script *script, const struct kiln_control_args *args,
                              struct kiln_err *err)
{
    KILN_AUTO_STRV lines = { 0 };
    KILN_AUTO_BOOTCMD cmd = { 0 };
    struct row *row;

    lock(script);
    row = understand(script, args, &lines, &cmd, err);
    if (row) {
        kiln_strv_done(&row->lines);
        kiln_strv_add_all(&row->lines, &lines);
        script->replaced = true;
    }
    unlock(script);
    return row != NULL;
}

static const struct kiln_control_command commands[] = {
    { "preview", preview },
    { "edit", edit },
    { 0 },
};

static void offer(struct kiln_build *b, bool on)
{
    kiln_debugger_offer(b, "next-element", on);
    kiln_debugger_offer(b, "next-key", on);
    kiln_debugger_offer(b, "edit", on);
}

/* ---- life ---- */

static void add_rows(struct kiln_boot_script *script)
{
    const struct kiln_qemu_options *o = script->s->o;

    script->n = kiln_boot_text_rows(o);
    script->rows = kiln_xcalloc(script->n, sizeof(*script->rows));
    for (size_t i = 0; i < script->n; i++) {
        struct row *row = &script->rows[i];

        row->description = kiln_xstrdup(kiln_boot_text_row(o, i, &row->lines));
    }
}

struct kiln_boot_script *kiln_boot_script_new(struct kiln_qemu_state *s, struct kiln_build *b)
{
    struct kiln_boot_script *script = kiln_xcalloc(1, sizeof(*script));

    script->s = s;
    script->b = b;
    (void)pthread_mutex_init(&script->lock, NULL);
    script->interval_ns = kiln_boot_text_interval_ns(s->o, &script->closed_loop);
    kiln_boot_text_init(&script->text, b);
    take_values(script);
    if (!s->o->disable_vnc)
        add_rows(script);
    for (size_t i = 0; i < script->n; i++)
        tell_row(script, i);
    if (script->n) {
        offer(b, true);
        kiln_control_add(b->control, commands, script);
    }
    return script;
}

void kiln_boot_script_free(struct kiln_boot_script *script)
{
    if (!script)
        return;
    if (script->n)
        kiln_control_remove(script->b->control, commands, script);
    for (size_t i = 0; i < script->n; i++) {
        kiln_strv_done(&script->rows[i].lines);
        kiln_bootcmd_done(&script->rows[i].cmd);
        kiln_err_clear(&script->rows[i].err);
        free(script->rows[i].description);
    }
    free(script->rows);
    kiln_boot_text_done(&script->text);
    (void)pthread_mutex_destroy(&script->lock);
    free(script);
}

/* ---- the typist; the main thread ---- */

void kiln_boot_script_values(struct kiln_boot_script *script)
{
    lock(script);
    take_values(script);
    unlock(script);
}

void kiln_boot_script_ready(struct kiln_boot_script *script)
{
    lock(script);
    take_values(script);
    script->ready = true;
    script->replaced = false;
    for (size_t i = 0; i < script->n; i++) {
        struct row *row = &script->rows[i];
        struct kiln_bootcmd cmd = { 0 };
        KILN_AUTO_ERR err = { 0 };
        bool again = row->state != ROW_AHEAD;

        if (make_command(script, &row->lines, &cmd, &err)) {
            set_command(row, cmd, again ? 0 : row->next);
        } else {
            kiln_bootcmd_done(&row->cmd);
            (void)kiln_err_move(&row->err, &err);
        }
        row->state = ROW_AHEAD;
        tell_row(script, i);
    }
    tell_size(script);
    unlock(script);
    offer(script->b, script->n > 0);
}

int64_t kiln_boot_script_interval_ns(const struct kiln_boot_script *script)
{
    return script->interval_ns;
}

bool kiln_boot_script_closed_loop(const struct kiln_boot_script *script)
{
    return script->closed_loop;
}

size_t kiln_boot_script_rows(const struct kiln_boot_script *script)
{
    return script->n;
}

const char *kiln_boot_script_description(const struct kiln_boot_script *script, size_t row)
{
    return script->rows[row].description;
}

char *kiln_boot_script_source(struct kiln_boot_script *script, size_t row)
{
    char *text;

    lock(script);
    text = kiln_strv_join(&script->rows[row].lines, "");
    unlock(script);
    return text;
}

void kiln_boot_element_done(struct kiln_boot_element *e)
{
    free(e->what);
    free(e->regex);
    *e = (struct kiln_boot_element){ 0 };
}

bool kiln_boot_script_begin(struct kiln_boot_script *script, size_t i, struct kiln_err *err)
{
    struct row *row = &script->rows[i];
    bool ok;

    lock(script);
    ok = row->err.kind == KILN_ERR_NONE;
    if (ok)
        row->state = ROW_BEGUN;
    else
        (void)kiln_err_set(err, row->err.kind, "%s", kiln_err_text(&row->err));
    unlock(script);
    return ok;
}

static void copy_element(const struct row *row, struct kiln_boot_element *ret)
{
    const struct kiln_bootcmd *cmd = &row->cmd;
    const struct kiln_bootcmd_element *e = &cmd->elements[row->next];

    *ret = (struct kiln_boot_element){ .index = (int64_t)row->next,
                                       .kind = e->kind,
                                       .wait_ns = e->wait_ns,
                                       .still_ns = e->still_ns,
                                       .n_events = e->n_events,
                                       .masked = is_masked(cmd, e) };
    memcpy(ret->events, cmd->events + e->event, e->n_events * sizeof(*ret->events));
    if (row->last_press != NO_PRESS && row->last_press > e->event)
        ret->n_before_last_press = row->last_press - e->event;
    if (e->kind == KILN_BOOTCMD_WAIT_TEXT)
        ret->regex = kiln_xstrndup(cmd->text + e->regex, e->regex_len);
    ret->what =
        ret->masked ? kiln_xstrdup(KILN_REDACTED) : kiln_xstrndup(cmd->text + e->start, e->len);
}

static bool next_element(struct kiln_boot_script *script, size_t i, bool take,
                         struct kiln_boot_element *ret)
{
    struct row *row = &script->rows[i];
    bool ok;

    lock(script);
    ok = row->next < row->cmd.n_elements && !script->replaced;
    if (ok)
        copy_element(row, ret);
    row->next += ok && take;
    unlock(script);
    return ok;
}

bool kiln_boot_script_peek(struct kiln_boot_script *script, size_t row,
                           struct kiln_boot_element *ret)
{
    return next_element(script, row, false, ret);
}

bool kiln_boot_script_take(struct kiln_boot_script *script, size_t row,
                           struct kiln_boot_element *ret)
{
    return next_element(script, row, true, ret);
}

void kiln_boot_script_end(struct kiln_boot_script *script, size_t row)
{
    lock(script);
    script->rows[row].state = ROW_TYPED;
    unlock(script);
    if (row + 1 == script->n)
        offer(script->b, false);
}
