/*
 * The boot command language: text with <enter>, <leftCtrlOn>, <wait5s> … becomes a flat list of key
 * presses, releases and pauses. Pure: nothing here types, waits or reads the environment.
 * Source: qemu-builder.md, section 5 (today's language: menu, leftOption, leftCommand …).
 *
 *     text      a B <enter> <wait2s>
 *     elements  a | B | <enter> | <wait2s>              what the author wrote, as byte ranges
 *     events    +a -a | +S +B -B -S | +FF0D -FF0D | …   what is typed; each knows its element
 *
 * The typist walks `events`: a key is sent and followed by a pause of one interval; a PAUSE lasts
 * the wait_ns of its element, on top of that, or until the screen shows what its element waits for.
 * kiln_bootcmd_clock gives the same times beforehand.
 *
 * The elements cover the text without gaps or overlaps, and each has at least one event, so a
 * console can map characters to events and back. No threads: a parsed command may be read by any
 * number of threads as long as none changes it.
 */
#ifndef KILN_BOOTCMD_BOOTCMD_H
#define KILN_BOOTCMD_BOOTCMD_H

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "base/strv.h"

enum kiln_bootcmd_kind {
    KILN_BOOTCMD_LITERAL,     /* one character */
    KILN_BOOTCMD_SPECIAL,     /* <enter> */
    KILN_BOOTCMD_WAIT,        /* <wait5s> */
    KILN_BOOTCMD_WAIT_TEXT,   /* <wait 'login:' 90s>: kiln's own, see watch.h */
    KILN_BOOTCMD_WAIT_STABLE, /* <waitStable 2s 90s>: kiln's own */
    KILN_BOOTCMD_ON,          /* <leftCtrlOn>, <aOn>: pressed and left down */
    KILN_BOOTCMD_OFF,         /* <leftCtrlOff>, <aOff>: released */
};

struct kiln_bootcmd_element {
    uint32_t start, len;       /* bytes of text that it was made from */
    uint32_t event, n_events;  /* its events: the first one's index, and how many (1..6) */
    int64_t wait_ns;           /* WAIT: how long; WAIT_TEXT, WAIT_STABLE: at most; else 0 */
    int64_t still_ns;          /* WAIT_STABLE: how long nothing may change */
    uint32_t regex, regex_len; /* WAIT_TEXT: bytes of text */
    enum kiln_bootcmd_kind kind;
};

enum kiln_bootcmd_action { KILN_BOOTCMD_DOWN, KILN_BOOTCMD_UP, KILN_BOOTCMD_PAUSE };

#define KILN_BOOTCMD_CHAR_EVENTS 6  /* of a character at most: Shift, AltGr, its key, and back */
#define KILN_BOOTCMD_NAME_SIZE   14 /* "<sensitive>", "rightCommand" */

struct kiln_bootcmd_event {
    uint32_t keysym;  /* X11 keysym as RFB sends it; 0 for PAUSE */
    uint32_t element; /* index into elements */
    enum kiln_bootcmd_action action;
    uint8_t scancode; /* XT: the key that is pressed, by a layout (layout.h); 0: that of keysym */
    bool masked;      /* spells a secret: show neither keysym nor source text */
    /* For people, UTF-8: "a", "enter", "leftShift", "wait", "U+000A" for control characters;
     * "<sensitive>" once masked. */
    char name[KILN_BOOTCMD_NAME_SIZE];
};

struct kiln_bootcmd {
    char *text; /* owned copy of what was parsed; text_len bytes and a NUL */
    size_t text_len;
    struct kiln_bootcmd_element *elements; /* owned */
    size_t n_elements;
    struct kiln_bootcmd_event *events; /* owned */
    size_t n_events;
    const char *layout; /* borrowed: the guest's keyboard layout; NULL: us */
};

#define KILN_AUTO_BOOTCMD KILN_CLEANUP(kiln_bootcmd_done) struct kiln_bootcmd

void kiln_bootcmd_done(struct kiln_bootcmd *cmd); /* release; zeroed */

/* What is wrong with, or suspicious in, a boot command, and where. */
enum kiln_bootcmd_note_kind {
    KILN_BOOTCMD_BAD_SYNTAX, /* error: a duration, a number, the encoding, the size */
    KILN_BOOTCMD_BAD_WAIT,   /* error: a wait of zero or less */
    KILN_BOOTCMD_TYPED,      /* lint: looks like a key but is typed letter by letter */
    KILN_BOOTCMD_HELD,       /* lint: pressed and never released */
    KILN_BOOTCMD_NO_KEY,     /* lint: a character that is on no key */
    KILN_BOOTCMD_LONG,       /* lint: more on a line than boot loaders take */
    KILN_BOOTCMD_SHOWN,      /* lint: a secret that the guest's screen is going to show */
};

struct kiln_bootcmd_note {
    enum kiln_bootcmd_note_kind kind;
    size_t start, len; /* bytes of the text, for a caret */
    char *text;        /* owned: one sentence */
    char *fix;         /* owned: what to write instead ("<del>"), or NULL */
};

struct kiln_bootcmd_notes {
    struct kiln_bootcmd_note *v; /* owned */
    size_t n, cap;
};

#define KILN_BOOTCMD_MAX_NOTES  1000 /* after these one last note says that there are more */
#define KILN_AUTO_BOOTCMD_NOTES KILN_CLEANUP(kiln_bootcmd_notes_done) struct kiln_bootcmd_notes

void kiln_bootcmd_notes_done(struct kiln_bootcmd_notes *notes); /* release; zeroed */

/**
 * Parse a boot command: the template's strings joined with nothing between.
 *
 * At prepare time `text` still holds {{ }} templates: they are literals like any other. At run time
 * it is the rendered text. An empty text is a command without events.
 *
 * @ret_cmd   written on success only; kiln_bootcmd_done() it
 * @notes     gets one note for each error, added to what is there; may be NULL
 * @err       USER: all messages, one per line, as Packer words them:
 *            `1:6 (5): rule Duration: time: unknown unit "h-" in duration "1h-30m"`
 *            (line:column, in characters, and the byte offset), `Expecting a positive wait value.
 *            Got 0s`. Bounds: KILN_MAX_RENDERED bytes of text, KILN_MAX_BOOT_EVENTS events.
 */
bool kiln_bootcmd_parse(const char *text, size_t len, struct kiln_bootcmd *ret_cmd,
                        struct kiln_bootcmd_notes *notes, struct kiln_err *err);

/**
 * What parses but is hardly meant: `<delete>` (typed letter by letter; <del> is the key), `<enter`
 * without its end, a key held and never released. Text inside {{ }} is left alone. Adds to notes.
 */
void kiln_bootcmd_lint(const struct kiln_bootcmd *cmd, struct kiln_bootcmd_notes *notes);

/**
 * What only the text that is really typed can tell, after it was rendered and masked: characters
 * that the guest's keyboard does not have, lines that are longer than a boot loader takes, secrets.
 */
void kiln_bootcmd_lint_typed(const struct kiln_bootcmd *cmd, struct kiln_bootcmd_notes *notes);

/**
 * The clock of a rehearsal: when each event begins, in nanoseconds after the first one.
 *
 * A wait for the screen counts as no time, as nobody knows it: the times are the earliest ones.
 *
 * @interval_ns  the pause after every single key event; 0 or less: none
 * @ret_at_ns    room for n_events numbers, or NULL
 * Returns the total, which includes the pause after the last event. Saturates at INT64_MAX.
 */
int64_t kiln_bootcmd_clock(const struct kiln_bootcmd *cmd, int64_t interval_ns, int64_t *ret_at_ns);
/** Its key events: all but the pauses. */
size_t kiln_bootcmd_count_keys(const struct kiln_bootcmd *cmd);
/** How much longer it may take: the limits of all waits for the screen together. */
int64_t kiln_bootcmd_slack(const struct kiln_bootcmd *cmd);

/**
 * The pause after each key event, in nanoseconds, 0 or more: `configured_ns` (boot_key_interval) if
 * above 0, else `env` (the value of PACKER_KEY_INTERVAL, or NULL) if it is a duration. False:
 * nobody says (Packer takes 100 ms then; kiln looks at what the guest takes).
 */
bool kiln_bootcmd_interval(int64_t configured_ns, const char *env, int64_t *ret_ns);

/**
 * The elements that begin in bytes [start, end) of the text, for Packer: <wait 'login:' 90s>
 * becomes a plain wait of its limit, <wait1m30s>. Appends to out.
 */
void kiln_bootcmd_export(const struct kiln_bootcmd *cmd, size_t start, size_t end,
                         struct kiln_str *out);

/** Is the element one of kiln's own waits? */
static inline bool kiln_bootcmd_watches(const struct kiln_bootcmd_element *el)
{
    return el->kind == KILN_BOOTCMD_WAIT_TEXT || el->kind == KILN_BOOTCMD_WAIT_STABLE;
}

/**
 * Mark every event that helps to spell one of the secrets, so that no key trace shows it. A secret
 * is looked for in the text and in what the keys type (`pa<wait>ss`, `a<<on><<off>b` spell "pass"
 * and "a<b"). Masked events lose their name; the keysym stays, for the typist. Empty ones are
 * ignored. The text of a wait for the screen may be one, too.
 */
void kiln_bootcmd_mask(struct kiln_bootcmd *cmd, const struct kiln_strv *secrets);
/** As above for the elements that touch `len` bytes of the text from `start` on. */
void kiln_bootcmd_mask_range(struct kiln_bootcmd *cmd, size_t start, size_t len);

#endif
