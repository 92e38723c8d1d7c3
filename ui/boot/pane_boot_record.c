/* What a person does in the guest, as it is recorded, is an edit of the boot command. */
#include "ui/boot/pane_boot.h"

#include "base/mem.h"

/* What has been typed stays: this many bytes of the plan's raw text. */
static size_t typed_length(const struct kiln_boot_pane *p)
{
    const struct kiln_bootlist *l = &p->plan;
    const struct kiln_model_boot *boot = kiln_boot_pane_model(p);
    size_t row = kiln_boot_pane_next(p), raw, len;

    if (!boot || !l->valid)
        return 0;
    if (boot->sending) /* as a whole */
        while (row < l->n_rows && l->rows[row].element <= boot->next)
            row++;
    if (row == 0)
        return 0;
    kiln_bootlist_row_raw(l, row - 1, &raw, &len);
    return row < l->n_rows ? raw + len : l->raw_len;
}

/* … and so does a recording that was not applied: the next one goes on behind it. */
static void keep(struct kiln_boot_pane *p)
{
    const struct kiln_bootlist *l = &p->plan;
    size_t end = typed_length(p);

    kiln_strv_done(&p->kept);
    if (p->edited && p->by_hand) {
        kiln_editor_get(p->editor, &p->kept);
        return;
    }
    for (size_t i = 0; i < l->n_lines && l->starts[i] < end; i++) {
        size_t stop = l->starts[i + 1] < end ? l->starts[i + 1] : end;

        kiln_strv_add_take(&p->kept, kiln_xstrndup(l->raw + l->starts[i], stop - l->starts[i]));
    }
}

/* An edit of somebody's own is not replaced. */
static bool is_free(const struct kiln_boot_pane *p)
{
    return !p->editing && (!p->edited || p->by_hand);
}

/* What is new of the recording goes behind what is there, which may have been edited. */
static void add_recorded(struct kiln_boot_pane *p, const struct kiln_strv *elements)
{
    KILN_AUTO_STRV lines = { 0 };

    if (p->edited) {
        kiln_editor_get(p->editor, &lines);
    } else {
        kiln_strv_add_all(&lines, &p->kept);
        p->told = 0;
    }
    for (; elements && p->told < elements->n; p->told++)
        kiln_strv_add(&lines, elements->v[p->told]);
    kiln_editor_set(p->editor, &lines);
    kiln_editor_move_to(p->editor, lines.n, 0);
    free(p->by_hand);
    p->by_hand = kiln_strv_join(&lines, "");
}

void kiln_boot_pane_recorded(struct kiln_boot_pane *p, const struct kiln_event *ev)
{
    bool begins = ev->status == 1 && !p->recording;

    if (!begins && !p->recording) {
        p->late = true; /* one of the past; what comes next may say what became of it */
        return;
    }
    p->recording = ev->status == 1;
    if (ev->len > 0)
        kiln_console_error(p->c, "not recorded: %.*s", (int)ev->len, ev->text);
    if (begins) {
        keep(p);
        p->told = 0;
    }
    if (!is_free(p)) {
        if (!p->recording)
            kiln_console_error(p->c, "the recording is not shown: there is another edit");
        return;
    }
    add_recorded(p, ev->names);
    kiln_boot_pane_changed(p);
    if (p->edited)
        return;
    free(p->by_hand); /* nothing was pressed */
    p->by_hand = NULL;
}

void kiln_boot_pane_look_for_recording(struct kiln_boot_pane *p)
{
    const struct kiln_model_build *b = kiln_boot_pane_build(p);
    struct kiln_event ev = { .type = KILN_EV_RECORD, .status = 1 };

    p->late = false;
    if (!b || (!b->recording && b->recorded.n == 0))
        return;
    ev.names = &b->recorded;
    kiln_boot_pane_recorded(p, &ev);
    ev.status = 0;
    if (!b->recording)
        kiln_boot_pane_recorded(p, &ev);
}

/* ---- what becomes of it ---- */

/* The first element of the draft that nobody has pressed yet. */
static uint64_t behind(const struct kiln_boot_pane *p)
{
    const struct kiln_bootlist *l = &p->draft;
    size_t len = strlen(p->by_hand), row, n;

    if (l->raw_len <= len || memcmp(l->raw, p->by_hand, len) != 0)
        return l->cmd.n_elements;
    kiln_bootlist_rows_at(l, len, &row, &n);
    return row < l->n_rows ? l->rows[row].element : l->cmd.n_elements;
}

enum choice { GO_ON, RETYPE, TYPE, NOTHING };

static void on_choice(void *ud, int index)
{
    struct kiln_boot_pane *p = ud;
    uint64_t from;

    if (!p->by_hand || !p->edited || !p->draft.valid)
        return;
    if (index == GO_ON)
        kiln_boot_pane_send(p, behind(p));
    else if (index == RETYPE)
        kiln_boot_pane_retype(p);
    else if (index == TYPE && kiln_boot_pane_from(p, &from))
        kiln_boot_pane_send(p, from);
    else if (index == TYPE)
        kiln_console_error(p->c, "what has been typed was changed");
}

void kiln_boot_pane_apply_recorded(struct kiln_boot_pane *p)
{
    KILN_AUTO_STRV choices = { 0 };

    kiln_strv_add(&choices, "go on behind what was pressed by hand");
    kiln_strv_add(&choices, "go back to before typing, and type it");
    kiln_strv_add(&choices, "type it now");
    kiln_strv_add(&choices, "do nothing yet");
    kiln_console_menu(p->c, "The recording", &choices, on_choice, p);
}
