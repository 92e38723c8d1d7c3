/* kiln keys: the boot command of every build as the keys that would be pressed, and when. */
#include <json-c/json.h>

#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "builder/rehearsal.h"
#include "cli/commands.h"
#include "engine/place.h"
#include "redact/redact.h"

/* Where a build's rehearsal is written. */
struct report {
    const struct kiln_redactor *redactor;
    struct kiln_str out;
};

static const char *action_name(enum kiln_bootcmd_action action)
{
    static const char *const names[] = {
        [KILN_BOOTCMD_DOWN] = "down",
        [KILN_BOOTCMD_UP] = "up",
        [KILN_BOOTCMD_PAUSE] = "wait",
    };

    return names[action];
}

static const struct kiln_bootcmd_event *event_of(const struct kiln_bootcmd *cmd, size_t element)
{
    return &cmd->events[cmd->elements[element].event];
}

/* The element whose text holds this byte. */
static size_t element_at(const struct kiln_bootcmd *cmd, size_t byte)
{
    size_t i = 0;

    while (i + 1 < cmd->n_elements && cmd->elements[i + 1].start <= byte)
        i++;
    return i;
}

/* As a breakpoint there would be written: boot:5, boot:2.5. */
static void add_place(const struct kiln_rehearsal *r, size_t row, size_t byte, struct kiln_str *out)
{
    const struct kiln_place place = { .kind = KILN_PLACE_ELEMENT,
                                      .number = (int64_t)element_at(&r->rows[row].cmd, byte),
                                      .row = r->n > 1 ? (int64_t)row : -1 };

    kiln_place_format(&place, out);
}

static int64_t *clock_of(const struct kiln_rehearsal *r, size_t row, int64_t *ret_total)
{
    const struct kiln_bootcmd *cmd = &r->rows[row].cmd;
    int64_t *at = kiln_xcalloc(cmd->n_events + 1, sizeof(*at));

    *ret_total = kiln_bootcmd_clock(cmd, r->interval_ns, at);
    return at;
}

/* ---- for people ---- */

static void add_redacted(struct report *rep, const char *text)
{
    kiln_redact_text(rep->redactor, text, strlen(text), &rep->out);
}

static void add_duration(struct kiln_str *out, int64_t ns)
{
    kiln_duration_format(out, ns - ns % 1000000);
}

static void text_head(struct report *rep, const struct kiln_build *b,
                      const struct kiln_rehearsal *r)
{
    kiln_str_addf(&rep->out, "==> %s: ", b->label);
    if (r->boot_wait_ns > 0) {
        kiln_duration_format(&rep->out, r->boot_wait_ns);
        kiln_str_adds(&rep->out, " of boot_wait, then ");
    }
    kiln_str_adds(&rep->out, r->closed_loop
                                 ? "keys as fast as the guest takes them; the times reckon "
                                   "with "
                                 : "a pause of ");
    kiln_duration_format(&rep->out, r->interval_ns);
    kiln_str_adds(&rep->out, r->closed_loop ? " an event\n" : " after every key event\n");
    KILN_STRV_FOREACH (line, &r->assumptions) {
        kiln_str_adds(&rep->out, "    note: ");
        add_redacted(rep, line);
        kiln_str_addc(&rep->out, '\n');
    }
}

static void text_event(struct kiln_str *out, const struct kiln_bootcmd *cmd, size_t i, int64_t at)
{
    const struct kiln_bootcmd_event *ev = &cmd->events[i];
    const struct kiln_bootcmd_element *el = &cmd->elements[ev->element];
    size_t start = out->len;

    kiln_str_addf(out, "%12.3f  %-4s", (double)at / 1e9, action_name(ev->action));
    if (ev->action == KILN_BOOTCMD_PAUSE || ev->masked)
        kiln_str_addf(out, "  %-6s", "");
    else
        kiln_str_addf(out, "  0x%04x", (unsigned)ev->keysym);
    if (ev->scancode && !ev->masked)
        kiln_str_addf(out, "  key 0x%02x", (unsigned)ev->scancode);
    if (i == el->event && !ev->masked && el->kind != KILN_BOOTCMD_LITERAL)
        kiln_str_addf(out, "  %-12s  %.*s", ev->name, (int)el->len, cmd->text + el->start);
    else
        kiln_str_addf(out, "  %s", ev->name);
    while (out->len > start && out->data[out->len - 1] == ' ')
        kiln_str_truncate(out, out->len - 1);
    kiln_str_addc(out, '\n');
}

static void text_notes(struct report *rep, const struct kiln_rehearsal *r, size_t row)
{
    const struct kiln_bootcmd_notes *notes = &r->rows[row].notes;

    for (size_t i = 0; i < notes->n; i++) {
        const struct kiln_bootcmd_note *note = &notes->v[i];

        kiln_str_adds(&rep->out, "    warning: at ");
        add_place(r, row, note->start, &rep->out);
        kiln_str_adds(&rep->out, ": ");
        add_redacted(rep, note->text);
        if (note->fix) {
            kiln_str_adds(&rep->out, "; write ");
            add_redacted(rep, note->fix);
        }
        kiln_str_addc(&rep->out, '\n');
    }
}

static void text_row(struct report *rep, const struct kiln_rehearsal *r, size_t i)
{
    const struct kiln_rehearsal_row *row = &r->rows[i];
    int64_t total;
    KILN_AUTO_FREE int64_t *at = clock_of(r, i, &total);

    if (r->n > 1 || row->description[0])
        kiln_str_addf(&rep->out, "    row %zu%s", i + 1, row->description[0] ? ": " : "\n");
    if (row->description[0]) {
        add_redacted(rep, row->description);
        kiln_str_addc(&rep->out, '\n');
    }
    if (row->err.kind != KILN_ERR_NONE) {
        kiln_str_adds(&rep->out, "    error: ");
        add_redacted(rep, kiln_err_text(&row->err));
        kiln_str_addc(&rep->out, '\n');
        return;
    }
    for (size_t k = 0; k < row->cmd.n_events; k++)
        text_event(&rep->out, &row->cmd, k, at[k]);
    kiln_str_addf(&rep->out, "%12.3f  end   %zu key events in ", (double)total / 1e9,
                  kiln_bootcmd_count_keys(&row->cmd));
    add_duration(&rep->out, total);
    if (kiln_bootcmd_slack(&row->cmd) > 0) {
        kiln_str_adds(&rep->out, ", and up to ");
        add_duration(&rep->out, kiln_bootcmd_slack(&row->cmd));
        kiln_str_adds(&rep->out, " for what the screen shows");
    }
    kiln_str_addc(&rep->out, '\n');
    text_notes(rep, r, i);
}

static void report_text(struct report *rep, const struct kiln_build *b,
                        const struct kiln_rehearsal *r)
{
    if (r->n == 0) {
        kiln_str_addf(&rep->out, "==> %s: nothing is typed\n", b->label);
        return;
    }
    text_head(rep, b, r);
    for (size_t i = 0; i < r->n; i++)
        text_row(rep, r, i);
}

/* ---- JSON; its members are told in kiln.1 ---- */

static void set_text(struct json_object *o, const char *key, const char *s,
                     const struct kiln_redactor *redactor)
{
    KILN_AUTO_STR shown = { 0 };

    kiln_redact_text(redactor, s, strlen(s), &shown);
    json_object_object_add(o, key, json_object_new_string(kiln_str_cstr(&shown)));
}

static struct json_object *json_event(const struct kiln_bootcmd *cmd, size_t i, int64_t at)
{
    const struct kiln_bootcmd_event *ev = &cmd->events[i];
    struct json_object *o = json_object_new_object();

    json_object_object_add(o, "at_ns", json_object_new_int64(at));
    json_object_object_add(o, "action", json_object_new_string(action_name(ev->action)));
    json_object_object_add(o, "name", json_object_new_string(ev->name));
    json_object_object_add(o, "element", json_object_new_int64(ev->element + 1));
    if (ev->action == KILN_BOOTCMD_PAUSE)
        json_object_object_add(o, "wait_ns",
                               json_object_new_int64(cmd->elements[ev->element].wait_ns));
    else if (!ev->masked)
        json_object_object_add(o, "keysym", json_object_new_int64(ev->keysym));
    if (ev->scancode && !ev->masked)
        json_object_object_add(o, "scancode", json_object_new_int64(ev->scancode));
    return o;
}

static struct json_object *json_elements(const struct kiln_bootcmd *cmd)
{
    struct json_object *list = json_object_new_array();

    for (size_t i = 0; i < cmd->n_elements; i++) {
        const struct kiln_bootcmd_element *el = &cmd->elements[i];

        json_object_array_add(
            list, event_of(cmd, i)->masked
                      ? json_object_new_string(KILN_REDACTED)
                      : json_object_new_string_len(cmd->text + el->start, (int)el->len));
    }
    return list;
}

static struct json_object *json_notes(const struct kiln_rehearsal *r, size_t row,
                                      const struct kiln_redactor *redactor)
{
    const struct kiln_bootcmd_notes *notes = &r->rows[row].notes;
    struct json_object *list = json_object_new_array();

    for (size_t i = 0; i < notes->n; i++) {
        struct json_object *o = json_object_new_object();
        KILN_AUTO_STR place = { 0 };

        add_place(r, row, notes->v[i].start, &place);
        json_object_object_add(o, "place", json_object_new_string(kiln_str_cstr(&place)));
        set_text(o, "text", notes->v[i].text, redactor);
        if (notes->v[i].fix)
            set_text(o, "fix", notes->v[i].fix, redactor);
        json_object_array_add(list, o);
    }
    return list;
}

static struct json_object *json_packer(const struct kiln_rehearsal_row *row,
                                       const struct kiln_redactor *redactor)
{
    struct json_object *list = json_object_new_array();

    KILN_STRV_FOREACH (line, &row->packer) {
        KILN_AUTO_STR shown = { 0 };

        kiln_redact_text(redactor, line, strlen(line), &shown);
        json_object_array_add(list, json_object_new_string(kiln_str_cstr(&shown)));
    }
    return list;
}

static struct json_object *json_row(const struct kiln_rehearsal *r, size_t i,
                                    const struct kiln_redactor *redactor)
{
    const struct kiln_rehearsal_row *row = &r->rows[i];
    struct json_object *o = json_object_new_object(), *events = json_object_new_array();
    int64_t total;
    KILN_AUTO_FREE int64_t *at = clock_of(r, i, &total);

    set_text(o, "description", row->description, redactor);
    if (row->err.kind != KILN_ERR_NONE)
        set_text(o, "error", kiln_err_text(&row->err), redactor);
    for (size_t k = 0; k < row->cmd.n_events; k++)
        json_object_array_add(events, json_event(&row->cmd, k, at[k]));
    json_object_object_add(o, "packer", json_packer(row, redactor));
    json_object_object_add(o, "total_ns", json_object_new_int64(total));
    json_object_object_add(o, "slack_ns", json_object_new_int64(kiln_bootcmd_slack(&row->cmd)));
    json_object_object_add(o, "elements", json_elements(&row->cmd));
    json_object_object_add(o, "events", events);
    json_object_object_add(o, "warnings", json_notes(r, i, redactor));
    return o;
}

static struct json_object *json_build(const struct kiln_build *b, const struct kiln_rehearsal *r,
                                      const struct kiln_redactor *redactor)
{
    struct json_object *o = json_object_new_object(), *notes = json_object_new_array();
    struct json_object *rows = json_object_new_array();

    set_text(o, "build", b->label, redactor);
    json_object_object_add(o, "boot_wait_ns", json_object_new_int64(r->boot_wait_ns));
    json_object_object_add(o, "interval_ns", json_object_new_int64(r->interval_ns));
    for (size_t i = 0; i < r->assumptions.n; i++)
        json_object_array_add(notes, json_object_new_string(r->assumptions.v[i]));
    json_object_object_add(o, "closed_loop", json_object_new_boolean(r->closed_loop));
    json_object_object_add(o, "notes", notes);
    for (size_t i = 0; i < r->n; i++)
        json_object_array_add(rows, json_row(r, i, redactor));
    json_object_object_add(o, "rows", rows);
    return o;
}

/* ---- the command ---- */

static bool rendered(const struct kiln_rehearsal *r)
{
    for (size_t i = 0; i < r->n; i++) {
        if (r->rows[i].err.kind != KILN_ERR_NONE)
            return false;
    }
    return true;
}

/* Into rep, or, if there is one, into the JSON list. */
static bool rehearse(const struct kiln_plan *plan, struct report *rep, struct json_object *list)
{
    bool ok = true;

    for (size_t i = 0; i < plan->n_builds; i++) {
        struct kiln_build *b = plan->builds[i];
        KILN_AUTO_REHEARSAL r = { 0 };

        if (b->ops->rehearse)
            b->ops->rehearse(b->cfg, b, &r);
        if (list)
            json_object_array_add(list, json_build(b, &r, rep->redactor));
        else
            report_text(rep, b, &r);
        ok = rendered(&r) && ok;
    }
    return ok;
}

static bool print(const struct kiln_plan *plan, const struct kiln_redactor *redactor, bool json)
{
    struct report rep = { .redactor = redactor };
    struct json_object *list = json ? json_object_new_array() : NULL;
    bool ok = rehearse(plan, &rep, list);

    if (list) {
        kiln_str_adds(&rep.out,
                      json_object_to_json_string_ext(list, JSON_C_TO_STRING_PRETTY |
                                                               JSON_C_TO_STRING_NOSLASHESCAPE));
        kiln_str_addc(&rep.out, '\n');
        (void)json_object_put(list);
    }
    kiln_cli_print(kiln_str_cstr(&rep.out), rep.out.len);
    kiln_str_done(&rep.out);
    return ok;
}

/* About flags; what is wrong with a boot command stands behind its keys. To standard error: a JSON
 * document is alone on standard output. */
static void warn(const struct kiln_plan *plan, const struct kiln_redactor *redactor)
{
    KILN_AUTO_STR text = { 0 }, shown = { 0 };

    for (size_t i = 0; i < plan->diag.n; i++) {
        if (!plan->diag.items[i].source)
            kiln_diag_format(&plan->diag.items[i], NULL, &text);
    }
    kiln_redact_text(redactor, kiln_str_cstr(&text), text.len, &shown);
    (void)kiln_fs_write_all(STDERR_FILENO, kiln_str_cstr(&shown), shown.len, NULL);
}

static bool keys(const struct kiln_cli *cli, const struct kiln_plan_options *o,
                 struct kiln_plan *plan, bool json)
{
    KILN_AUTO_REDACTOR *redactor = NULL;
    KILN_AUTO_ERR err = { 0 };
    bool ok = kiln_plan_parse(plan, o) && kiln_plan_init(plan, o) && kiln_plan_prepare(plan, o);

    if (!ok)
        kiln_cli_diagnostics(cli, plan, o);
    if (!ok && (json || plan->n_builds == 0)) /* a document, or nothing to show */
        return false;
    if (ok && plan->n_selected == 0)
        return kiln_cli_no_builds(cli, plan) == 0;
    if (kiln_cli_redactor(plan, o, &redactor, &err)) {
        if (ok)
            warn(plan, redactor);
        return print(plan, redactor, json) && ok;
    }
    kiln_cli_say(cli, "error", "%s", kiln_err_text(&err));
    return false;
}

int kiln_cmd_keys(const struct kiln_cli *cli, int argc, char **argv)
{
    /* Neither does what is there already keep anybody from rehearsing, nor what is not typed. */
    struct kiln_plan_options o = { .build = { .force = true, .builder_only = true } };
    struct kiln_plan plan = { 0 };
    bool json = false;
    const struct kiln_flag flags[] = {
        { "json", KILN_FLAG_BOOL, &json, NULL, "one JSON document instead of text", NULL },
        { "except", KILN_FLAG_COMMAS, &o.build.except, "a,b", "builds to leave out", NULL },
        { "only", KILN_FLAG_COMMAS, &o.only, "a,b", "rehearse these builds only", &o.only_given },
        { "var", KILN_FLAG_PAIRS, &o.vars.sets, "k=v", "set a variable; repeatable", NULL },
        { "var-file", KILN_FLAG_EACH, &o.vars.files, "FILE", "JSON file of variables; repeatable",
          NULL },
        { 0 },
    };
    int rc = kiln_cli_parse(cli, "keys", flags, argc, argv, &o.path);

    if (rc < 0)
        rc = keys(cli, &o, &plan, json) ? 0 : 1;
    kiln_plan_done(&plan);
    kiln_plan_options_done(&o);
    return rc;
}
