/* What only the rendered text can tell: see bootcmd.h. */
#include "base/limits.h"
#include "bootcmd/keys.h"
#include "bootcmd/notes.h"

static const struct kiln_bootcmd_event *first_event(const struct kiln_bootcmd *cmd, size_t element)
{
    return &cmd->events[cmd->elements[element].event];
}

/* A layout gives scancodes to the characters that it has. */
static bool on_layout(const struct kiln_bootcmd *cmd, const struct kiln_bootcmd_element *el)
{
    for (uint32_t i = 0; i < el->n_events; i++) {
        const struct kiln_bootcmd_event *ev = &cmd->events[el->event + i];
        bool special = ev->keysym >= 0xFF00 && ev->keysym <= 0xFFFF;

        if (!ev->scancode && ev->keysym && el->kind != KILN_BOOTCMD_SPECIAL &&
            (!special || el->kind == KILN_BOOTCMD_LITERAL))
            return false;
    }
    return true;
}

/* QEMU looks the keysym up in its en-us table, which has ASCII, and drops what is not there. */
static bool on_a_key(const struct kiln_bootcmd *cmd, size_t element)
{
    const struct kiln_bootcmd_element *el = &cmd->elements[element];

    if (cmd->layout)
        return on_layout(cmd, el);
    for (uint32_t i = 0; i < el->n_events; i++) {
        uint32_t keysym = cmd->events[el->event + i].keysym;
        bool ascii = keysym >= ' ' && keysym < 0x7F;
        bool special = keysym >= 0xFF00 && keysym <= 0xFFFF && el->kind != KILN_BOOTCMD_LITERAL;

        if (keysym && !ascii && !special && keysym != kiln_bootcmd_shift.keysym)
            return false;
    }
    return true;
}

static void note_no_key(const struct kiln_bootcmd *cmd, const struct kiln_bootcmd_element *el,
                        const char *name, size_t name_len, const char *fix,
                        struct kiln_bootcmd_notes *notes)
{
    if (cmd->layout)
        kiln_bootcmd_note(notes, KILN_BOOTCMD_NO_KEY, el->start, el->len, fix,
                          "%.*s is on no key of the keyboard layout %s", (int)name_len, name,
                          cmd->layout);
    else
        kiln_bootcmd_note(notes, KILN_BOOTCMD_NO_KEY, el->start, el->len, fix,
                          "%.*s is on no key of a us keyboard: QEMU drops it", (int)name_len, name);
}

static void lint_keys(const struct kiln_bootcmd *cmd, struct kiln_bootcmd_notes *notes)
{
    for (size_t i = 0; i < cmd->n_elements; i++) {
        const struct kiln_bootcmd_element *el = &cmd->elements[i];
        const struct kiln_bootcmd_event *ev = first_event(cmd, i);
        bool newline = ev->keysym == '\n';

        if (on_a_key(cmd, i))
            continue;
        if (newline || ev->keysym == '\t' || ev->masked)
            note_no_key(cmd, el, ev->name, strlen(ev->name),
                        ev->masked ? NULL
                        : newline  ? "<enter>"
                                   : "<tab>",
                        notes);
        else
            note_no_key(cmd, el, cmd->text + el->start, el->len, NULL, notes);
    }
}

/* Elements from `first` up to `end` are one line, of which so many are characters. */
static void lint_line(const struct kiln_bootcmd *cmd, size_t first, size_t end, size_t typed,
                      struct kiln_bootcmd_notes *notes)
{
    size_t from, to;

    if (typed <= KILN_MAX_BOOT_LINE)
        return;
    from = cmd->elements[first].start;
    to = cmd->elements[end - 1].start + cmd->elements[end - 1].len;
    kiln_bootcmd_note(notes, KILN_BOOTCMD_LONG, from, to - from, NULL,
                      "%zu characters on one line: a kernel's command line holds %d", typed,
                      KILN_MAX_BOOT_LINE);
}

/* What an element makes of a line that has so many characters. */
static size_t type_element(const struct kiln_bootcmd *cmd, size_t i, size_t typed)
{
    uint32_t keysym = first_event(cmd, i)->keysym;

    if (cmd->elements[i].kind != KILN_BOOTCMD_SPECIAL)
        return typed + (cmd->elements[i].kind == KILN_BOOTCMD_LITERAL);
    if (keysym == KILN_KEYSYM_BACKSPACE)
        return typed > 0 ? typed - 1 : 0;
    return typed + (keysym == ' ');
}

static void lint_lines(const struct kiln_bootcmd *cmd, struct kiln_bootcmd_notes *notes)
{
    size_t first = 0, typed = 0;

    for (size_t i = 0; i < cmd->n_elements; i++) {
        if (first_event(cmd, i)->keysym == KILN_KEYSYM_ENTER) {
            lint_line(cmd, first, i, typed, notes);
            first = i + 1;
            typed = 0;
        } else {
            typed = type_element(cmd, i, typed);
        }
    }
    lint_line(cmd, first, cmd->n_elements, typed, notes);
}

/* One note for each run of masked keys. */
static void lint_secrets(const struct kiln_bootcmd *cmd, struct kiln_bootcmd_notes *notes)
{
    bool within = false;

    for (size_t i = 0; i < cmd->n_elements; i++) {
        const struct kiln_bootcmd_element *el = &cmd->elements[i];
        bool masked = first_event(cmd, i)->masked;

        if (masked && !within)
            kiln_bootcmd_note(
                notes, KILN_BOOTCMD_SHOWN, el->start, el->len, NULL,
                "a secret is typed: the guest's screen shows it, unless it asks for a "
                "password here");
        within = masked;
    }
}

void kiln_bootcmd_lint_typed(const struct kiln_bootcmd *cmd, struct kiln_bootcmd_notes *notes)
{
    lint_keys(cmd, notes);
    lint_lines(cmd, notes);
    lint_secrets(cmd, notes);
}
