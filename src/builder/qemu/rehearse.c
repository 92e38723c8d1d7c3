/* The boot command with nothing started: what the machine will be told is assumed where it is not
 * known yet, and said. */
#include "base/mem.h"
#include "builder/qemu/boot_text.h"
#include "builder/rehearsal.h"

static void assume(const struct kiln_qemu_options *o, const struct kiln_qemu_state *s,
                   struct kiln_strmap *data, struct kiln_strv *said)
{
    if (kiln_boot_text_lacks_server(o))
        kiln_strv_add(said, KILN_BOOT_TEXT_NO_SERVER);
    else if (kiln_boot_text_uses(o, ".HTTPPort") && o->http_port_min != o->http_port_max)
        kiln_strv_addf(said, "{{ .HTTPPort }} is %d here; a build takes a free port, %lld to %lld",
                       s->http_port, (long long)o->http_port_min, (long long)o->http_port_max);
    if (kiln_boot_text_uses(o, ".HTTPIP") && kiln_is_set(o->net_bridge))
        kiln_strv_addf(said, "{{ .HTTPIP }} is %s here; a build asks the bridge %s", s->http_ip,
                       o->net_bridge);
    if (kiln_boot_text_uses(o, "SSHPublicKey")) {
        kiln_strmap_set(data, "SSHPublicKey", "ssh-rsa PUBLIC-KEY\n");
        kiln_strv_add(said, "{{ .SSHPublicKey }} is made when a build starts");
    }
}

/* Not rendered: {{ }} are letters like others, and stay. */
static void export_row(const struct kiln_strv *lines, struct kiln_strv *ret)
{
    KILN_AUTO_FREE char *text = kiln_strv_join(lines, "");
    KILN_AUTO_BOOTCMD cmd = { 0 };
    size_t at = 0;

    if (!kiln_bootcmd_parse(text, strlen(text), &cmd, NULL, NULL)) {
        kiln_strv_add_all(ret, lines); /* of boot_steps, which nobody has looked at before */
        return;
    }
    KILN_STRV_FOREACH (line, lines) {
        KILN_AUTO_STR out = { 0 };

        kiln_bootcmd_export(&cmd, at, at + strlen(line), &out);
        kiln_strv_add(ret, kiln_str_cstr(&out));
        at += strlen(line);
    }
}

static void rehearse_row(const struct kiln_boot_text *text, const struct kiln_qemu_options *o,
                         const struct kiln_strv *secrets, size_t i, struct kiln_rehearsal_row *row)
{
    KILN_AUTO_STRV lines = { 0 };

    row->description = kiln_xstrdup(kiln_boot_text_row(o, i, &lines));
    export_row(&lines, &row->packer);
    if (!kiln_boot_text_command(text, &lines, secrets, &row->cmd, &row->err))
        return;
    kiln_bootcmd_lint(&row->cmd, &row->notes);
    kiln_bootcmd_lint_typed(&row->cmd, &row->notes);
}

static bool releases(const struct kiln_bootcmd *cmd, uint32_t keysym)
{
    for (size_t i = 0; i < cmd->n_events; i++) {
        if (cmd->events[i].action == KILN_BOOTCMD_UP && cmd->events[i].keysym == keysym)
            return true;
    }
    return false;
}

/* The key that a note is about; 0: it is about no key. */
static uint32_t held_key(const struct kiln_bootcmd *cmd, const struct kiln_bootcmd_note *note)
{
    for (size_t i = 0; note->kind == KILN_BOOTCMD_HELD && i < cmd->n_elements; i++) {
        const struct kiln_bootcmd_element *el = &cmd->elements[i];

        if (el->start == note->start)
            return cmd->events[el->event + el->n_events - 1].keysym;
    }
    return 0;
}

/* What a row of boot_steps holds a later one may release. */
static void drop_released(struct kiln_rehearsal *r, size_t row)
{
    struct kiln_bootcmd_notes *notes = &r->rows[row].notes;
    size_t n = 0;

    for (size_t i = 0; i < notes->n; i++) {
        uint32_t keysym = held_key(&r->rows[row].cmd, &notes->v[i]);
        bool released = false;

        for (size_t k = row + 1; keysym && k < r->n; k++)
            released = released || releases(&r->rows[k].cmd, keysym);
        if (released) {
            free(notes->v[i].text);
            free(notes->v[i].fix);
        } else {
            notes->v[n++] = notes->v[i];
        }
    }
    notes->n = n;
}

void kiln_qemu_rehearse(void *cfg, struct kiln_build *b, struct kiln_rehearsal *ret)
{
    const struct kiln_qemu_options *o = cfg;
    struct kiln_qemu_state s = { .o = o, .http_ip = (char[]){ KILN_QEMU_HTTP_IP } };
    struct kiln_boot_text text;
    struct kiln_strmap data = { 0 };

    if (o->disable_vnc)
        return;
    if (kiln_qemu_serves(o))
        s.http_port = (int)o->http_port_min;
    assume(o, &s, &data, &ret->assumptions);
    kiln_boot_text_init(&text, b);
    kiln_boot_text_values(&text, &s, &data);
    ret->boot_wait_ns = o->boot_wait_ns;
    ret->interval_ns = kiln_boot_text_interval_ns(o, &ret->closed_loop);
    ret->n = kiln_boot_text_rows(o);
    ret->rows = kiln_xcalloc(ret->n, sizeof(*ret->rows));
    for (size_t i = 0; i < ret->n; i++)
        rehearse_row(&text, o, &b->secrets, i, &ret->rows[i]);
    for (size_t i = 0; i < ret->n; i++)
        drop_released(ret, i);
    kiln_boot_text_done(&text);
    kiln_strmap_done(&data);
}
