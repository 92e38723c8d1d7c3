#include "base/clock.h"
#include "base/mem.h"
#include "bootcmd/bootcmd.h"
#include "builder/qemu/qemu.h"
#include "redact/redact.h"
#include "vm/vnc.h"

/* stepTypeBootCommand: waits, connects to VNC, types. qemu-builder.md, sections 5 and 6. */

#define CONNECT_DEADLINE_US KILN_SECOND(10)
#define POWER_OFF_US        KILN_SECOND(2) /* from a lost VNC connection to QEMU's end */

struct typist {
    struct kiln_qemu_state *s;
    struct kiln_build *build;
    struct kiln_vnc *vnc;
    int64_t interval_us;
    int64_t keys; /* sent so far; the index of key events */
};

#define UNTYPED "before the boot command was typed"

/* QEMU is gone. Fine if nothing more is to be pressed and the guest powered off. */
static bool ended(struct typist *t, bool all_pressed, struct kiln_err *err)
{
    return all_pressed ? kiln_qemu_powered_off(t->s->qemu, UNTYPED, err)
                       : kiln_qemu_obituary_for(t->s->qemu, UNTYPED, err);
}

/* Let time pass, unless QEMU ends. */
static bool pass(struct typist *t, int64_t us, bool all_pressed, struct kiln_err *err)
{
    int fd = kiln_qemu_pidfd(t->s->qemu);

    if (fd < 0)
        return ended(t, all_pressed, err);
    if (us <= 0)
        return !kiln_cancel_fired(t->build->cancel) || kiln_wait_us(t->build->cancel, 0, err);
    switch (kiln_wait_fd(t->build->cancel, fd, POLLIN, kiln_cancel_deadline(t->build->cancel, us),
                         err)) {
    case KILN_WAIT_TIMEOUT:
        if (err)
            kiln_err_clear(err);
        return true;
    case KILN_WAIT_READY:
        return ended(t, all_pressed, err);
    case KILN_WAIT_CANCELLED:
    case KILN_WAIT_ERROR:
        break;
    }
    return false;
}

static void report(struct typist *t, const struct kiln_bootcmd_event *e)
{
    struct kiln_event ev = { .type = KILN_EV_KEY,
                             .index = t->keys++,
                             .name = e->name,
                             .keysym = e->keysym,
                             .down = e->action == KILN_BOOTCMD_DOWN,
                             .masked = e->masked };

    kiln_emit(t->build, &ev);
}

static bool presses_follow(const struct kiln_bootcmd *cmd, size_t from)
{
    for (size_t i = from; i < cmd->n_events; i++) {
        if (cmd->events[i].action == KILN_BOOTCMD_DOWN)
            return true;
    }
    return false;
}

/* VNC failed with *err: most likely QEMU is about to end. A guest that powers off on the last key
 * takes VNC away before the key is released. */
static bool lost(struct typist *t, bool all_pressed, struct kiln_err *err)
{
    if (!kiln_qemu_wait(t->s->qemu, t->build->cancel,
                        kiln_cancel_deadline(t->build->cancel, POWER_OFF_US), NULL))
        return false;
    if (err)
        kiln_err_clear(err);
    return ended(t, all_pressed, err);
}

static bool send_event(struct typist *t, const struct kiln_bootcmd *cmd, size_t i,
                       struct kiln_err *err)
{
    const struct kiln_bootcmd_event *e = &cmd->events[i];
    bool down = e->action == KILN_BOOTCMD_DOWN, all_pressed = !presses_follow(cmd, i + 1);

    if (e->action == KILN_BOOTCMD_PAUSE)
        return pass(t, cmd->elements[e->element].wait_ns / 1000, all_pressed, err);
    if (!kiln_vnc_key(t->vnc, e->keysym, down, t->build->cancel, err)) {
        (void)kiln_err_wrap(err, "Error running boot command");
        return lost(t, all_pressed && !down, err);
    }
    report(t, e);
    return pass(t, t->interval_us, all_pressed, err);
}

/* The masked form of an element's source is not shown. */
static void report_element(struct typist *t, const struct kiln_bootcmd *cmd, size_t i)
{
    const struct kiln_bootcmd_element *e = &cmd->elements[i];
    bool masked = cmd->events[e->event].masked;
    struct kiln_event ev = { .type = KILN_EV_BOOT, .index = (int64_t)i, .masked = masked };

    ev.text = masked ? "<sensitive>" : cmd->text + e->start;
    ev.len = masked ? strlen(ev.text) : e->len;
    kiln_emit(t->build, &ev);
}

static bool type_elements(struct typist *t, const struct kiln_bootcmd *cmd, struct kiln_err *err)
{
    for (size_t i = 0; i < cmd->n_elements; i++) {
        const struct kiln_bootcmd_element *e = &cmd->elements[i];

        report_element(t, cmd, i);
        for (size_t k = 0; k < e->n_events; k++) {
            if (!send_event(t, cmd, e->event + k, err))
                return false;
        }
    }
    return true;
}

/* ---- one text ---- */

static void template_data(struct kiln_qemu_state *s, struct kiln_build *b, struct kiln_strmap *data)
{
    KILN_AUTO_FREE char *port = kiln_xasprintf("%d", s->http_port);
    const char *key = kiln_strmap_get(&b->data, "SSHPublicKey");

    kiln_strmap_set(data, "HTTPIP", s->http_ip);
    kiln_strmap_set(data, "HTTPPort", port);
    kiln_strmap_set(data, "Name", s->o->vm_name);
    kiln_strmap_set(data, "SSHPublicKey", key ? key : "");
}

static bool render(struct typist *t, const char *text, struct kiln_str *out, struct kiln_err *err)
{
    struct kiln_interp interp = kiln_build_runtime_interp(t->build);
    KILN_AUTO_STRMAP data = { 0 };

    template_data(t->s, t->build, &data);
    interp.data = &data;
    interp.strict_fields = true;
    interp.data_type = "*qemu.bootCommandTemplateData";
    if (!kiln_interp_render(&interp, text, out, NULL, err))
        return kiln_err_wrap(err, "Error preparing boot command");
    return true;
}

/* Key traces show no secret: neither as it is, nor in an encoding (a password in a URL). */
static bool mask_secrets(struct typist *t, struct kiln_bootcmd *cmd, struct kiln_err *err)
{
    KILN_CLEANUP(kiln_redactor_freep) struct kiln_redactor *redactor = NULL;
    size_t start, len, from = 0;

    kiln_bootcmd_mask(cmd, &t->build->secrets);
    if (!kiln_redactor_build(&t->build->secrets, &redactor, err))
        return false;
    while (kiln_redact_find(redactor, cmd->text, cmd->text_len, from, &start, &len)) {
        kiln_bootcmd_mask_range(cmd, start, len);
        from = start + 1; /* secrets may overlap */
    }
    return true;
}

static bool type_text(struct typist *t, const char *text, struct kiln_err *err)
{
    KILN_AUTO_STR rendered = { 0 };
    KILN_AUTO_BOOTCMD cmd = { 0 };

    if (!render(t, text, &rendered, err))
        return false;
    if (!kiln_bootcmd_parse(kiln_str_cstr(&rendered), rendered.len, &cmd, NULL, err))
        return kiln_err_wrap(err, "Error generating boot command");
    return mask_secrets(t, &cmd, err) && type_elements(t, &cmd, err);
}

static bool type_steps(struct typist *t, struct kiln_err *err)
{
    const struct kiln_rows *rows = &t->s->o->boot_steps;

    for (size_t i = 0; i < rows->n; i++) {
        const struct kiln_strv *row = &rows->rows[i];
        const char *description = row->n > 1 ? row->v[1] : "";

        if (row->n == 0)
            continue;
        if (description[0])
            kiln_say(t->build, "Typing boot command for: %s", description);
        if (!type_text(t, row->v[0], err))
            return false;
        if (description[0])
            kiln_debug_pause(t->build, "boot description: \"%s\", command: %s", description,
                             row->v[0]);
        else
            kiln_debug_pause(t->build, "boot_command: %s", row->v[0]);
    }
    return true;
}

static bool type_all(struct typist *t, struct kiln_err *err)
{
    const struct kiln_qemu_options *o = t->s->o;
    KILN_AUTO_FREE char *text = kiln_strv_join(&o->boot_command, "");

    kiln_say(t->build, "Typing the boot commands over VNC...");
    if (o->boot_steps.n)
        return type_steps(t, err);
    if (!type_text(t, text, err))
        return false;
    if (text[0])
        kiln_debug_pause(t->build, "boot_command: %s", text);
    return true;
}

/* ---- the step ---- */

/* A guest that needs no keys may be done and off before we could send any. */
static bool needs_keys(const struct kiln_qemu_options *o)
{
    KILN_AUTO_FREE char *text = kiln_strv_join(&o->boot_command, "");

    return text[0] || o->boot_steps.n;
}

static bool boot_wait(struct typist *t, struct kiln_err *err)
{
    int64_t ns = t->s->o->boot_wait_ns;
    KILN_AUTO_STR text = { 0 };

    if (ns < 0)
        return true;
    kiln_duration_format(&text, ns);
    kiln_say(t->build, "Waiting %s for boot...", kiln_str_cstr(&text));
    return pass(t, ns / 1000, !needs_keys(t->s->o), err);
}

static bool connect_vnc(struct typist *t, struct kiln_err *err)
{
    const struct kiln_qemu_state *s = t->s;
    const char *host = s->o->vnc_bind_address;

    kiln_say(t->build, "Connecting to VM via VNC (%s:%d)", host, s->vnc_port.port);
    return kiln_vnc_connect(&t->vnc, host, s->vnc_port.port, s->vnc_password, t->build->cancel,
                            kiln_cancel_deadline(t->build->cancel, CONNECT_DEADLINE_US), err);
}

static bool run(void *state, struct kiln_build *b, struct kiln_err *err)
{
    struct kiln_qemu_state *s = state;
    struct typist t = { .s = s, .build = b };
    bool ok;

    if (s->o->disable_vnc)
        return true;
    t.interval_us =
        kiln_bootcmd_interval(s->o->boot_key_interval_ns, getenv("PACKER_KEY_INTERVAL")) / 1000;
    ok = boot_wait(&t, err);
    if (ok)
        ok = connect_vnc(&t, err) ? type_all(&t, err) : lost(&t, !needs_keys(s->o), err);
    kiln_vnc_free(t.vnc);
    return ok;
}

const struct kiln_step_ops kiln_qemu_step_type = { "stepTypeBootCommand", run, NULL, false };
