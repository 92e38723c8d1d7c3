/* The boot command: as the template has it, and what it means; editing, saving, stepping. */
#include "ui/boot/pane_boot.h"

#include <inttypes.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/mem.h"

#define PREVIEW_US KILN_MS(300) /* a preview that takes longer is not waited for */
#define RUN_OVER   "the run is over: an edit can be neither typed nor saved"

/* ---- from the model ---- */

static void show_cursor_in_source(struct kiln_boot_pane *p)
{
    const struct kiln_bootlist *l = kiln_boot_pane_list(p);
    size_t raw, len, line, byte;

    kiln_bootlist_row_raw(l, p->cursor, &raw, &len);
    kiln_bootlist_place(l, raw, &line, &byte);
    if (!p->editing)
        kiln_editor_move_to(p->editor, line, byte);
}

static void follow(struct kiln_boot_pane *p)
{
    const struct kiln_bootlist *l = kiln_boot_pane_list(p);

    if (p->follow)
        p->cursor = kiln_boot_pane_next(p);
    if (p->cursor > l->n_rows)
        p->cursor = l->n_rows;
    show_cursor_in_source(p);
}

static void load_plan(struct kiln_boot_pane *p)
{
    static const struct kiln_strv none;
    const struct kiln_model_boot *boot = kiln_boot_pane_model(p);
    const struct kiln_strv *lines = boot ? &boot->lines : &none;

    kiln_bootlist_done(&p->plan);
    kiln_boot_pane_make_list(p, boot, lines, boot ? boot->text : NULL, &p->plan);
    kiln_boot_pane_count(p);
    if (!p->edited && !p->editing)
        kiln_editor_set(p->editor, lines);
    follow(p);
}

static void show(struct kiln_boot_pane *p, const char *label, uint64_t row)
{
    char *copy = kiln_xstrdup(label); /* it may be p->label */

    free(p->label);
    p->label = copy;
    p->row = row;
    p->follow = true;
    p->editing = p->recording = false;
    load_plan(p);
    kiln_boot_pane_look_for_recording(p);
}

/* ---- editing ---- */

static void make_draft(struct kiln_boot_pane *p, const char *rendered, const char *problem)
{
    const struct kiln_model_boot *boot = kiln_boot_pane_model(p);
    KILN_AUTO_STRV lines = { 0 };

    kiln_editor_get(p->editor, &lines);
    kiln_bootlist_done(&p->draft);
    kiln_boot_pane_make_list(p, boot, &lines, rendered, &p->draft);
    free(p->problem);
    p->problem = kiln_xstrdup(problem);
    kiln_console_dirty(p->c);
}

static void ask_preview(struct kiln_boot_pane *p);

static void on_preview(void *ud, const struct kiln_reply *reply)
{
    struct kiln_boot_pane *p = ud;

    p->asking = false;
    p->asked_us = KILN_NEVER;
    if (!p->edited)
        return;
    if (p->again)
        ask_preview(p);
    else if (reply->ok)
        make_draft(p, reply->text ? reply->text : "", NULL);
    else
        make_draft(p, NULL, reply->error);
}

/* What the text would be once rendered; the answer to the newest question counts. */
static void ask_preview(struct kiln_boot_pane *p)
{
    KILN_AUTO_STRV lines = { 0 };
    struct kiln_request req = {
        .command = "preview", .build = p->label, .number = (int64_t)p->row, .lines = &lines
    };

    p->again = p->asking;
    if (p->asking && p->asked_us == KILN_NEVER)
        make_draft(p, NULL, NULL); /* the one before did not come either */
    if (p->asking)
        return;
    p->asking = true;
    p->asked_us = kiln_clock_mono_us();
    kiln_editor_get(p->editor, &lines);
    kiln_client_send(kiln_console_client(p->c), &req, on_preview, p);
}

static bool needs_rendering(const char *text)
{
    return strstr(text, "{{") || strstr(text, KILN_BOOTMAP_SECRET_MARK);
}

static bool same_lines(const struct kiln_strv *a, const struct kiln_strv *b)
{
    bool same = a->n == b->n;

    for (size_t i = 0; same && i < a->n; i++)
        same = strcmp(a->v[i], b->v[i]) == 0;
    return same;
}

void kiln_boot_pane_changed(struct kiln_boot_pane *p)
{
    const struct kiln_model_boot *boot = kiln_boot_pane_model(p);
    KILN_AUTO_STRV lines = { 0 };
    KILN_AUTO_FREE char *text = NULL;

    kiln_editor_get(p->editor, &lines);
    text = kiln_strv_join(&lines, "");
    if (boot)
        p->edited = !same_lines(&lines, &boot->lines);
    if (!p->edited)
        kiln_console_dirty(p->c);
    else if (!needs_rendering(text))
        make_draft(p, text, NULL);
    else if (kiln_boot_pane_over(p))
        make_draft(p, NULL, NULL);
    else
        ask_preview(p);
}

static int64_t deadline(const void *pane)
{
    const struct kiln_boot_pane *p = pane;

    return p->asked_us == KILN_NEVER ? KILN_NEVER : p->asked_us + PREVIEW_US;
}

static void tick(void *pane, int64_t now_us)
{
    struct kiln_boot_pane *p = pane;

    if (p->asked_us == KILN_NEVER || now_us < p->asked_us + PREVIEW_US)
        return;
    p->asked_us = KILN_NEVER;
    if (p->edited)
        make_draft(p, NULL, NULL);
}

/* An edit keeps the pane where it is. */
static void on_event(void *pane, const struct kiln_event *ev)
{
    struct kiln_boot_pane *p = pane;
    const char *shown = kiln_console_build(p->c);
    bool held = p->edited || p->editing;

    if (!ev || !p->label) {
        if (held || (p->label && kiln_streq(p->label, shown)))
            load_plan(p);
        else
            show(p, shown, 0);
        return;
    }
    if (!kiln_streq(ev->build, p->label))
        return;
    if (ev->type == KILN_EV_BOOT_PLAN && ev->index >= 0 && (uint64_t)ev->index < p->row)
        kiln_boot_pane_count(p);
    if (ev->type == KILN_EV_BOOT && ev->done != p->row && !held && p->follow)
        show(p, p->label, ev->done);
    else if (ev->type == KILN_EV_BOOT_PLAN && (uint64_t)ev->index == p->row)
        load_plan(p);
    else
        follow(p);
    if (ev->type == KILN_EV_RECORD)
        kiln_boot_pane_recorded(p, ev);
    if (held && ev->type == KILN_EV_BOOT_PLAN)
        kiln_boot_pane_changed(p);
}

static void *new_pane(struct kiln_console *c)
{
    struct kiln_boot_pane *p = kiln_xcalloc(1, sizeof(*p));

    p->c = c;
    p->editor = kiln_editor_new();
    p->follow = true;
    p->page = 10;
    p->asked_us = KILN_NEVER;
    load_plan(p);
    return p;
}

static void free_pane(void *pane)
{
    struct kiln_boot_pane *p = pane;

    free(p->label);
    kiln_editor_free(p->editor);
    kiln_bootlist_done(&p->plan);
    kiln_bootlist_done(&p->draft);
    free(p->problem);
    free(p->by_hand);
    free(p->saved);
    free(p->writing);
    free(p->applying);
    kiln_strv_done(&p->kept);
    free(p);
}

static void end_editing(struct kiln_boot_pane *p)
{
    size_t row, n, raw, len;

    kiln_boot_pane_selection(p, &row, &n, &raw, &len);
    p->editing = false;
    p->cursor = row;
    p->follow = false;
    follow(p);
}

static bool on_key(void *pane, const struct kiln_key *key)
{
    struct kiln_boot_pane *p = pane;
    bool changed;

    if (!p->editing)
        return false;
    if (key->code == KILN_KEY_ESC && key->mods == 0) {
        end_editing(p);
        return true;
    }
    if (!kiln_editor_key(p->editor, key, &changed))
        return false;
    if (changed)
        kiln_boot_pane_changed(p);
    return true;
}

static bool typing(const void *pane)
{
    const struct kiln_boot_pane *p = pane;

    return p->editing;
}

static bool on_paste(void *pane, const char *text, size_t len)
{
    struct kiln_boot_pane *p = pane;

    if (!p->editing)
        return false;
    if (!kiln_editor_paste(p->editor, text, len))
        kiln_console_error(p->c, "the boot command would be too long");
    kiln_boot_pane_changed(p);
    return true;
}

/* ---- actions ---- */

static void begin_editing(struct kiln_boot_pane *p)
{
    if (!kiln_boot_pane_model(p)) {
        kiln_console_error(p->c, "there is no boot command to edit");
        return;
    }
    p->editing = true;
    kiln_console_say(p->c, "%s",
                     kiln_console_model(p->c)->over
                         ? RUN_OVER
                         : "esc ends; ctrl-u undo, ctrl-r redo, ctrl-k kill, ctrl-y yank");
}

static void end_edit(struct kiln_boot_pane *p)
{
    p->edited = p->editing = false;
    free(p->by_hand);
    p->by_hand = NULL;
}

static void revert(struct kiln_boot_pane *p)
{
    if (!p->edited) {
        kiln_console_say(p->c, "nothing was edited");
        return;
    }
    end_edit(p);
    kiln_bootlist_done(&p->draft);
    free(p->problem);
    p->problem = NULL;
    on_event(p, NULL);
    kiln_console_say(p->c, "the edit is gone");
}

/* The text as one string; caller frees. */
static char *whole_text(const struct kiln_boot_pane *p)
{
    KILN_AUTO_STRV lines = { 0 };

    kiln_editor_get(p->editor, &lines);
    return kiln_strv_join(&lines, "\n");
}

static void on_applied(void *ud, const struct kiln_reply *reply)
{
    struct kiln_boot_pane *p = ud;
    KILN_AUTO_FREE char *text = whole_text(p);

    if (!reply->ok) {
        kiln_console_error(p->c, "%s", reply->error ? reply->error : "the edit was refused");
        return;
    }
    kiln_console_say(p->c,
                     p->by_hand ? "the build goes on from there" : "this is typed from now on");
    if (p->editing || !kiln_streq(text, p->applying)) {
        free(p->by_hand); /* somebody is at it again: what comes now is an edit of its own */
        p->by_hand = NULL;
        return;
    }
    end_edit(p);
    p->follow = true;
    on_event(p, NULL);
}

static void send(struct kiln_boot_pane *p, const char *command, uint64_t from)
{
    KILN_AUTO_STRV lines = { 0 };
    struct kiln_request req = { .command = command,
                                .build = p->label,
                                .number = (int64_t)p->row,
                                .from = (int64_t)from,
                                .lines = &lines };

    kiln_editor_get(p->editor, &lines);
    free(p->applying);
    p->applying = whole_text(p);
    kiln_client_send(kiln_console_client(p->c), &req, on_applied, p);
}

void kiln_boot_pane_send(struct kiln_boot_pane *p, uint64_t from)
{
    send(p, "edit", from);
}

/* The element under the cursor. */
static bool element_at_cursor(const struct kiln_boot_pane *p, uint64_t *ret)
{
    const struct kiln_bootlist *l = kiln_boot_pane_list(p);
    size_t row, n, raw, len;

    kiln_boot_pane_selection(p, &row, &n, &raw, &len);
    if (!l->rendered || row > l->n_rows)
        return false;
    *ret = row < l->n_rows ? l->rows[row].element : l->cmd.n_elements;
    return true;
}

static void on_from_cursor(void *ud, bool yes)
{
    struct kiln_boot_pane *p = ud;
    uint64_t from;

    if (yes && p->edited && element_at_cursor(p, &from))
        kiln_boot_pane_send(p, from);
}

/* Or it is said what is wrong with it. */
static bool draft_is_good(struct kiln_boot_pane *p)
{
    if (!p->draft.valid || p->problem)
        kiln_console_error(p->c, "%s",
                           p->draft.valid ? p->problem : "the boot command has an error");
    else if (p->recording)
        kiln_console_error(p->c, "the guest is driven by hand: end the recording first");
    else
        return true;
    return false;
}

static void apply(struct kiln_boot_pane *p)
{
    KILN_AUTO_FREE char *question = NULL;
    uint64_t from;

    if (!p->edited)
        kiln_console_say(p->c, "nothing was edited");
    else if (!draft_is_good(p))
        return;
    else if (kiln_console_model(p->c)->over)
        kiln_console_error(p->c, RUN_OVER);
    else if (kiln_boot_pane_typed(p) || kiln_boot_pane_over(p))
        kiln_console_error(p->c, "%s; write saves it into the template",
                           kiln_boot_pane_typed(p) ? "it is typed already: retype it"
                                                   : "the build is over");
    else if (p->by_hand)
        kiln_boot_pane_apply_recorded(p);
    else if (kiln_boot_pane_from(p, &from))
        kiln_boot_pane_send(p, from);
    else if (element_at_cursor(p, &from)) {
        question = kiln_xasprintf("What has been typed was changed. Go on with element %" PRIu64
                                  ", at the cursor?",
                                  from + 1);
        kiln_console_confirm(p->c, question, on_from_cursor, p);
    } else {
        kiln_console_error(p->c, "what has been typed was changed, and the rest is not rendered");
    }
}

void kiln_boot_pane_retype(struct kiln_boot_pane *p)
{
    if (!p->edited || !kiln_streq(p->label, kiln_console_build(p->c)))
        kiln_console_command(p->c, &(struct kiln_request){ .command = "retype" });
    else if (draft_is_good(p))
        send(p, "retype", 0);
}

/* A recording that goes on is the run's: who comes back finds it. */
bool kiln_boot_pane_unsaved(const void *pane)
{
    const struct kiln_boot_pane *p = pane;
    KILN_AUTO_FREE char *text = whole_text(p);

    return p->edited && !(p->recording && p->by_hand) && !kiln_streq(text, p->saved);
}

static void on_written(void *ud, const struct kiln_reply *reply)
{
    struct kiln_boot_pane *p = ud;

    if (reply->ok) {
        free(p->saved);
        p->saved = p->writing;
        p->writing = NULL;
    }
    if (!reply->ok)
        kiln_console_error(p->c, "%s",
                           reply->error ? reply->error : "the template was not written");
    else if (reply->text && reply->text[0])
        kiln_console_say(p->c, "saved; the old template is %s", reply->text);
    else
        kiln_console_say(p->c, "the template says so already");
}

static void write_template(struct kiln_boot_pane *p)
{
    KILN_AUTO_STRV lines = { 0 };
    struct kiln_request req = {
        .command = "write", .build = p->label, .number = (int64_t)p->row, .lines = &lines
    };

    if (!kiln_boot_pane_model(p)) {
        kiln_console_error(p->c, "there is no boot command to save");
        return;
    }
    kiln_editor_get(p->editor, &lines);
    if (!kiln_boot_pane_list(p)->valid)
        kiln_console_error(p->c, "the boot command has an error: it is not saved");
    else {
        free(p->writing);
        p->writing = whole_text(p);
        kiln_client_send(kiln_console_client(p->c), &req, on_written, p);
    }
}

/* "boot:ROW.ELEMENT" of the cursor; caller frees. NULL: said why not. */
static char *place_at_cursor(struct kiln_boot_pane *p)
{
    const struct kiln_model_build *b = kiln_boot_pane_build(p);
    uint64_t element;

    if (p->edited) {
        kiln_console_error(p->c, "apply the edit first: places are those of what is typed");
        return NULL;
    }
    if (!b || p->plan.n_rows == 0 || !element_at_cursor(p, &element)) {
        kiln_console_error(p->c, "the boot command is not known yet");
        return NULL;
    }
    if (element >= p->plan.cmd.n_elements)
        return kiln_xstrdup("boot:end");
    if (b->n_boot > 1)
        return kiln_xasprintf("boot:%" PRIu64 ".%" PRIu64, p->row + 1, element + 1);
    return kiln_xasprintf("boot:%" PRIu64, element + 1);
}

static void run_to_cursor(struct kiln_boot_pane *p)
{
    KILN_AUTO_FREE char *place = place_at_cursor(p);
    struct kiln_request req = { .command = "run-to", .build = p->label, .text = place };

    if (place && p->cursor < kiln_boot_pane_next(p))
        kiln_console_error(p->c, "that has been typed already");
    else if (place)
        kiln_console_command(p->c, &req);
}

static void break_at_cursor(struct kiln_boot_pane *p)
{
    const struct kiln_model_build *b = kiln_boot_pane_build(p);
    KILN_AUTO_FREE char *place = place_at_cursor(p);
    struct kiln_request req = { .command = "break", .build = p->label, .text = place, .on = true };
    KILN_CLEANUP(kiln_place_done) struct kiln_place at = { 0 };
    size_t here, there;

    if (!place || !kiln_place_parse(place, &at, NULL) || !kiln_boot_pane_event_at(p, &at, &here))
        return;
    for (size_t i = 0; i < b->n_breaks && req.on; i++) {
        const struct kiln_model_place *other = &b->breaks[i];

        if (!other->known || !kiln_boot_pane_event_at(p, &other->at, &there) || there != here)
            continue;
        req.text = other->text; /* however it was written */
        req.on = false;
    }
    kiln_console_command(p->c, &req);
}

/* ---- moving ---- */

static void go_to(struct kiln_boot_pane *p, size_t row)
{
    p->cursor = row;
    p->follow = row == kiln_boot_pane_next(p);
    show_cursor_in_source(p);
}

/* Beyond the ends there are other rows of boot_steps. */
static void move(struct kiln_boot_pane *p, int64_t by)
{
    const struct kiln_model_build *b = kiln_boot_pane_build(p);
    int64_t to = (int64_t)p->cursor + by, n = (int64_t)kiln_boot_pane_list(p)->n_rows;

    if (to < 0 && p->row > 0 && !p->edited && p->cursor == 0) {
        show(p, p->label, p->row - 1);
        go_to(p, p->plan.n_rows > 0 ? p->plan.n_rows - 1 : 0);
    } else if (to > n && b && p->row + 1 < b->n_boot && !p->edited) {
        show(p, p->label, p->row + 1);
        go_to(p, 0);
    } else {
        go_to(p, (size_t)(to < 0 ? 0 : to > n ? n : to));
    }
}

/* To the first event of the next or the previous element. */
static void move_element(struct kiln_boot_pane *p, int by)
{
    const struct kiln_bootlist *l = kiln_boot_pane_list(p);
    size_t row = p->cursor;
    uint32_t element = row < l->n_rows ? l->rows[row].element : 0;

    if (by < 0 ? row == 0 : row >= l->n_rows) {
        move(p, by);
        return;
    }
    if (by > 0) {
        while (row < l->n_rows && l->rows[row].element == element)
            row++;
    } else {
        element = l->rows[--row].element;
        while (row > 0 && l->rows[row - 1].element == element)
            row--;
    }
    go_to(p, row);
}

static bool list_action(struct kiln_boot_pane *p, enum kiln_action action)
{
    if (action == KILN_ACT_UP || action == KILN_ACT_DOWN)
        move(p, action == KILN_ACT_UP ? -1 : 1);
    else if (action == KILN_ACT_PAGE_UP || action == KILN_ACT_PAGE_DOWN)
        move(p, action == KILN_ACT_PAGE_UP ? -p->page : p->page);
    else if (action == KILN_ACT_LEFT || action == KILN_ACT_RIGHT)
        move_element(p, action == KILN_ACT_LEFT ? -1 : 1);
    else if (action == KILN_ACT_TOP)
        go_to(p, 0);
    else if (action == KILN_ACT_BOTTOM)
        go_to(p, kiln_boot_pane_list(p)->n_rows);
    else
        return false;
    return true;
}

static bool on_action(void *pane, enum kiln_action action, const char *arg)
{
    struct kiln_boot_pane *p = pane;

    (void)arg;
    if (action == KILN_ACT_EDIT)
        begin_editing(p);
    else if (action == KILN_ACT_APPLY)
        apply(p);
    else if (action == KILN_ACT_REVERT)
        revert(p);
    else if (action == KILN_ACT_RETYPE)
        kiln_boot_pane_retype(p);
    else if (action == KILN_ACT_WRITE)
        write_template(p);
    else if (action == KILN_ACT_RUN_CURSOR)
        run_to_cursor(p);
    else if (action == KILN_ACT_BREAK_CURSOR)
        break_at_cursor(p);
    else if (!p->editing && list_action(p, action))
        kiln_console_dirty(p->c);
    else
        return false;
    return true;
}

/* ---- the frame ---- */

static const char *typing_word(const struct kiln_model_build *b)
{
    if (b->typing.unread)
        return "typing, but the guest reads no keys";
    return b->typing.blind ? "typing blindly" : "typing";
}

static const char *state_word(const struct kiln_boot_pane *p)
{
    const struct kiln_model_boot *boot = kiln_boot_pane_model(p);

    if (p->editing)
        return "editing";
    if (p->edited)
        return p->recording ? "recording" : p->by_hand ? "recorded" : "edited";
    if (kiln_boot_pane_typed(p))
        return "typed";
    if (boot->begun)
        return kiln_boot_pane_over(p) ? "broken off" : typing_word(kiln_boot_pane_build(p));
    return boot->text ? "" : "not rendered";
}

static void status(void *pane, struct kiln_str *out)
{
    const struct kiln_boot_pane *p = pane;
    const struct kiln_model_build *b = kiln_boot_pane_build(p);

    if (!kiln_boot_pane_model(p))
        return;
    if (b->n_boot > 1)
        kiln_str_addf(out, "row %" PRIu64 "/%zu ", p->row + 1, b->n_boot);
    if (p->edited && !kiln_streq(p->label, kiln_console_build(p->c)))
        kiln_str_addf(out, "edit of %s", p->label);
    else
        kiln_str_adds(out, state_word(p));
    if (b->typing.repairs)
        kiln_str_addf(out, ", %u repaired", b->typing.repairs);
}

static void draw(void *pane, const struct kiln_area *a, bool focused)
{
    struct kiln_boot_pane *p = pane;

    if (p->late && !p->edited)
        kiln_boot_pane_look_for_recording(p);
    kiln_boot_pane_draw(pane, a, focused);
}

const struct kiln_pane_ops kiln_pane_boot = {
    .name = "boot",
    .title = "Boot command",
    .context = KILN_CTX_BOOT,
    .new = new_pane,
    .free = free_pane,
    .draw = draw,
    .status = status,
    .action = on_action,
    .key = on_key,
    .typing = typing,
    .paste = on_paste,
    .event = on_event,
    .deadline = deadline,
    .tick = tick,
};
