/* What the boot command's pane shows, and how far the typist is in it. */
#include "ui/boot/pane_boot.h"

#include <inttypes.h>

#include "base/mem.h"

const struct kiln_model_build *kiln_boot_pane_build(const struct kiln_boot_pane *p)
{
    return p->label ? kiln_model_find(kiln_console_model(p->c), p->label) : NULL;
}

const struct kiln_model_boot *kiln_boot_pane_model(const struct kiln_boot_pane *p)
{
    const struct kiln_model_build *b = kiln_boot_pane_build(p);

    return b && p->row < b->n_boot ? &b->boot[p->row] : NULL;
}

const struct kiln_bootlist *kiln_boot_pane_list(const struct kiln_boot_pane *p)
{
    return p->edited ? &p->draft : &p->plan;
}

/* Where xkb's names are not known here, keys are shown as of a us keyboard. */
static const struct kiln_layout *layout_of(struct kiln_boot_pane *p, const char *name)
{
    if (!name)
        return NULL;
    if (!kiln_streq(p->layout.name, name) && !kiln_layout_load(name, &p->layout, NULL))
        return NULL;
    return &p->layout;
}

void kiln_boot_pane_make_list(struct kiln_boot_pane *p, const struct kiln_model_boot *boot,
                              const struct kiln_strv *lines, const char *rendered,
                              struct kiln_bootlist *l)
{
    kiln_bootlist_make(l, lines, rendered, boot ? layout_of(p, boot->layout) : NULL,
                       boot ? boot->interval_ns : 0);
}

void kiln_boot_pane_count(struct kiln_boot_pane *p)
{
    const struct kiln_model_build *b = kiln_boot_pane_build(p);

    p->keys_before = 0;
    p->counted = true;
    for (size_t i = 0; b && i < p->row && i < b->n_boot; i++) {
        struct kiln_bootlist l = { 0 };

        kiln_boot_pane_make_list(p, &b->boot[i], &b->boot[i].lines, b->boot[i].text, &l);
        p->keys_before += kiln_bootcmd_count_keys(&l.cmd);
        p->counted = p->counted && l.valid && l.rendered;
        kiln_bootlist_done(&l);
    }
}

/* The n-th key event of the shown row, from 1. */
static bool key_event(const struct kiln_boot_pane *p, uint64_t n, size_t *ret)
{
    const struct kiln_bootcmd *cmd = &p->plan.cmd;

    for (size_t i = 0; i < cmd->n_events && n > 0; i++) {
        if (cmd->events[i].action != KILN_BOOTCMD_PAUSE && --n == 0) {
            *ret = i;
            return true;
        }
    }
    return false;
}

/* A key behind a masked capital is not found where it is: how a secret is typed is not told. */
bool kiln_boot_pane_event_at(const struct kiln_boot_pane *p, const struct kiln_place *at,
                             size_t *ret)
{
    const struct kiln_bootcmd *cmd = &p->plan.cmd;
    uint64_t n = (uint64_t)at->number;

    if (!p->plan.valid || !p->plan.rendered)
        return false;
    if (at->kind == KILN_PLACE_KEY)
        return p->counted && n >= p->keys_before && key_event(p, n + 1 - p->keys_before, ret);
    if (at->kind == KILN_PLACE_BOOT_END) {
        *ret = cmd->n_events;
        return true;
    }
    if (at->kind != KILN_PLACE_ELEMENT || n >= cmd->n_elements ||
        (at->row >= 0 && (uint64_t)at->row != p->row))
        return false;
    *ret = cmd->elements[n].event;
    return true;
}

/* The step that types was done, whatever became of it later. */
static bool step_is_done(const struct kiln_model_build *b)
{
    const struct kiln_model_step *s = kiln_model_typing_step(b);

    return s && !s->failed && (s->state == KILN_MODEL_DONE || s->state == KILN_MODEL_CLEANED);
}

bool kiln_boot_pane_typed(const struct kiln_boot_pane *p)
{
    const struct kiln_model_build *b = kiln_boot_pane_build(p);
    const struct kiln_model_boot *boot = kiln_boot_pane_model(p);

    return boot && boot->begun && (boot->over || step_is_done(b));
}

bool kiln_boot_pane_over(const struct kiln_boot_pane *p)
{
    const struct kiln_model_build *b = kiln_boot_pane_build(p);

    return !b || b->state > KILN_MODEL_STOPPED || kiln_console_model(p->c)->over;
}

/* The row of a list that an event belongs to. */
static size_t row_of_event(const struct kiln_bootlist *l, size_t event)
{
    uint32_t element = event < l->cmd.n_events ? l->cmd.events[event].element : 0;

    if (event >= l->cmd.n_events)
        return l->n_rows;
    return kiln_bootlist_row_of(l, element, event - l->cmd.elements[element].event);
}

static size_t next_of_plan(const struct kiln_boot_pane *p)
{
    const struct kiln_model_build *b = kiln_boot_pane_build(p);
    const struct kiln_model_boot *boot = kiln_boot_pane_model(p);
    size_t next, stop;

    if (!boot || !p->plan.rendered)
        return 0;
    if (kiln_boot_pane_typed(p))
        return p->plan.n_rows;
    next = kiln_bootlist_row_of(&p->plan, boot->next, boot->sending ? boot->keys : 0);
    /* At a stop it is known better: a pause that is over tells nothing. */
    if (b->stop.on && b->stop.place.known && kiln_boot_pane_event_at(p, &b->stop.place.at, &stop) &&
        row_of_event(&p->plan, stop) > next)
        next = row_of_event(&p->plan, stop);
    return next;
}

bool kiln_boot_pane_from(const struct kiln_boot_pane *p, uint64_t *ret)
{
    const struct kiln_model_boot *boot = kiln_boot_pane_model(p);
    const struct kiln_bootcmd *old = &p->plan.cmd, *now = &p->draft.cmd;
    uint64_t n = boot ? boot->next + boot->sending : 0;
    size_t len;

    if (n == 0) {
        *ret = 0;
        return true;
    }
    if (n > old->n_elements || n > now->n_elements)
        return false;
    len = old->elements[n - 1].start + old->elements[n - 1].len;
    if (now->elements[n - 1].start + now->elements[n - 1].len != len ||
        memcmp(old->text, now->text, len) != 0)
        return false;
    *ret = n;
    return true;
}

size_t kiln_boot_pane_next(const struct kiln_boot_pane *p)
{
    const struct kiln_model_boot *boot = kiln_boot_pane_model(p);
    uint64_t from;

    if (!p->edited)
        return next_of_plan(p);
    if (!boot || !p->draft.valid || !kiln_boot_pane_from(p, &from) || from == 0)
        return 0;
    return boot->sending ? kiln_bootlist_row_of(&p->draft, from - 1, boot->keys)
                         : kiln_bootlist_row_of(&p->draft, from, 0);
}

void kiln_boot_pane_selection(const struct kiln_boot_pane *p, size_t *ret_row, size_t *ret_rows,
                              size_t *ret_raw, size_t *ret_raw_len)
{
    const struct kiln_bootlist *l = kiln_boot_pane_list(p);
    size_t line, byte;

    if (!p->editing) {
        *ret_row = p->cursor;
        *ret_rows = p->cursor < l->n_rows;
        kiln_bootlist_row_raw(l, p->cursor, ret_raw, ret_raw_len);
        return;
    }
    kiln_editor_cursor(p->editor, &line, &byte);
    kiln_bootlist_rows_at(l, kiln_bootlist_raw(l, line, byte), ret_row, ret_rows);
    *ret_raw = l->raw_len;
    *ret_raw_len = 0;
    if (*ret_rows > 0)
        kiln_bootlist_row_raw(l, *ret_row, ret_raw, ret_raw_len);
}
