#include "builder/qemu/boot_text.h"

#include "base/mem.h"
#include "base/regex.h"
#include "bootcmd/notes.h"
#include "redact/redact.h"

#define ABOUT_NS ((int64_t)3 * 1000000) /* of an event, where a guest shows what is typed */

void kiln_boot_text_init(struct kiln_boot_text *t, struct kiln_build *b)
{
    *t = (struct kiln_boot_text){ .interp = kiln_build_runtime_interp(b) };
    t->interp.data = &t->data;
    t->interp.build = &t->build;
    t->interp.build_keys = NULL; /* what is not known when it is typed never will be */
    t->interp.strict_fields = true;
    t->interp.data_type = "*qemu.bootCommandTemplateData";
}

void kiln_boot_text_done(struct kiln_boot_text *t)
{
    kiln_strmap_done(&t->data);
    kiln_strmap_done(&t->build);
}

void kiln_boot_text_values(struct kiln_boot_text *t, const struct kiln_qemu_state *s,
                           const struct kiln_strmap *data)
{
    KILN_AUTO_FREE char *port = kiln_xasprintf("%d", s->http_port);
    const char *key = kiln_strmap_get(data, "SSHPublicKey");

    kiln_strmap_done(&t->build);
    kiln_strmap_copy(&t->build, data);
    t->layout = s->o->layout.name[0] ? &s->o->layout : NULL;
    kiln_strmap_set(&t->data, "HTTPIP", s->http_ip);
    kiln_strmap_set(&t->data, "HTTPPort", port);
    kiln_strmap_set(&t->data, "Name", s->o->vm_name);
    kiln_strmap_set(&t->data, "SSHPublicKey", key ? key : "");
}

/* Key traces show no secret: neither as it is, nor in an encoding (a password in a URL). */
static bool mask_secrets(const struct kiln_strv *secrets, struct kiln_bootcmd *cmd,
                         struct kiln_err *err)
{
    KILN_CLEANUP(kiln_redactor_freep) struct kiln_redactor *redactor = NULL;
    size_t start, len, from = 0;

    kiln_bootcmd_mask(cmd, secrets);
    if (!kiln_redactor_build(secrets, &redactor, err))
        return false;
    while (kiln_redact_find(redactor, cmd->text, cmd->text_len, from, &start, &len)) {
        kiln_bootcmd_mask_range(cmd, start, len);
        from = start + 1; /* secrets may overlap */
    }
    return true;
}

static bool compiles(const struct kiln_bootcmd *cmd, const struct kiln_bootcmd_element *el,
                     struct kiln_err *err)
{
    KILN_AUTO_FREE char *pattern = kiln_xstrndup(cmd->text + el->regex, el->regex_len);
    struct kiln_regex *re = NULL;
    bool ok = strstr(pattern, "{{") || kiln_regex_new(&re, pattern, err);

    kiln_regex_free(re);
    return ok;
}

bool kiln_boot_text_regexes(const struct kiln_bootcmd *cmd, struct kiln_bootcmd_notes *notes,
                            struct kiln_err *err)
{
    bool ok = true;

    for (size_t i = 0; i < cmd->n_elements; i++) {
        const struct kiln_bootcmd_element *el = &cmd->elements[i];
        KILN_AUTO_ERR why = { 0 };

        if (el->kind != KILN_BOOTCMD_WAIT_TEXT || compiles(cmd, el, &why))
            continue;
        kiln_bootcmd_note(notes, KILN_BOOTCMD_BAD_SYNTAX, el->start, el->len, NULL, "%s",
                          kiln_err_text(&why));
        ok = kiln_err_move(err, &why);
    }
    return ok;
}

bool kiln_boot_text_command(const struct kiln_boot_text *t, const struct kiln_strv *lines,
                            const struct kiln_strv *secrets, struct kiln_bootcmd *ret,
                            struct kiln_err *err)
{
    KILN_AUTO_FREE char *text = kiln_strv_join(lines, "");
    KILN_AUTO_STR rendered = { 0 };
    KILN_AUTO_BOOTCMD cmd = { 0 };

    if (!kiln_interp_render(&t->interp, text, &rendered, NULL, err))
        return kiln_err_wrap(err, "Error preparing boot command");
    if (!kiln_bootcmd_parse(kiln_str_cstr(&rendered), rendered.len, &cmd, NULL, err))
        return kiln_err_wrap(err, "Error generating boot command");
    if (t->layout)
        kiln_layout_apply(t->layout, &cmd);
    if (!mask_secrets(secrets, &cmd, err) || !kiln_boot_text_regexes(&cmd, NULL, err))
        return false;
    *ret = cmd;
    cmd = (struct kiln_bootcmd){ 0 }; /* handed over */
    return true;
}

/* ---- rows ---- */

/* boot_steps may have empty rows, which are left out. */
static const struct kiln_strv *step(const struct kiln_qemu_options *o, size_t row)
{
    for (size_t i = 0; i < o->boot_steps.n; i++) {
        if (o->boot_steps.rows[i].n > 0 && row-- == 0)
            return &o->boot_steps.rows[i];
    }
    return NULL;
}

size_t kiln_boot_text_rows(const struct kiln_qemu_options *o)
{
    size_t n = 0;

    while (step(o, n))
        n++;
    return o->boot_steps.n ? n : 1;
}

const char *kiln_boot_text_row(const struct kiln_qemu_options *o, size_t row, struct kiln_strv *ret)
{
    const struct kiln_strv *from = step(o, row);

    if (!from) {
        kiln_strv_add_all(ret, &o->boot_command);
        return "";
    }
    kiln_strv_add(ret, from->v[0]);
    return from->n > 1 ? from->v[1] : "";
}

bool kiln_boot_text_uses(const struct kiln_qemu_options *o, const char *word)
{
    bool found = false;

    for (size_t i = 0; !found && i < kiln_boot_text_rows(o); i++) {
        KILN_AUTO_STRV lines = { 0 };
        KILN_AUTO_FREE char *text = NULL;

        (void)kiln_boot_text_row(o, i, &lines);
        text = kiln_strv_join(&lines, "");
        found = strstr(text, word) != NULL;
    }
    return found;
}

bool kiln_boot_text_lacks_server(const struct kiln_qemu_options *o)
{
    return !kiln_qemu_serves(o) && kiln_boot_text_uses(o, ".HTTPPort");
}

int64_t kiln_boot_text_interval_ns(const struct kiln_qemu_options *o, bool *ret_closed_loop)
{
    int64_t ns = ABOUT_NS;

    *ret_closed_loop =
        !kiln_bootcmd_interval(o->boot_key_interval_ns, getenv("PACKER_KEY_INTERVAL"), &ns);
    return ns;
}
