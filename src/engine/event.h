/*
 * Events: everything that anybody outside a worker learns about a build. One struct, one encoder
 * (one JSON object per line), one decoder. Text is redacted inside the encoder, before the bytes
 * exist anywhere else; there is no other way out of a worker.
 *
 * A `line` event carries one or more complete lines, so that 500,000 lines a second of a
 * provisioner's output cost one event per read, not one per line.
 */
#ifndef KILN_ENGINE_EVENT_H
#define KILN_ENGINE_EVENT_H

#include <stdint.h>

#include "base/str.h"
#include "base/strv.h"

/* What a question wants, if not a choice. */
#define KILN_WANTS_TEXT   "text"
#define KILN_WANTS_SECRET "secret"

/* Name on the wire, and what it means. */
#define KILN_EVENTS(X)                                                                             \
    X(RUN_START, "run-start", "the run begins: text = template path, names = builds")              \
    X(RUN_END, "run-end", "the run is over: status = exit code")                                   \
    X(BUILD_START, "build-start", "a worker begins a build")                                       \
    X(BUILD_END, "build-end", "a build is over: status 0 ok, 1 failed, 2 cancelled; text = error") \
    X(PLAN, "plan", "what a build will do: id = list (see STEP), names = the list's names")        \
    X(STEP, "step",                                                                                \
      "a step changes state: id = list (none: the builder's steps, provisioner, "                  \
      "post-processor), index in it, name, from, to: pending, running, paused, done, failed, "     \
      "cleaned, skipped")                                                                          \
    X(LINE, "line",                                                                                \
      "lines for people: level, text (lines with \\n between them, none at the end)")              \
    X(PROGRESS, "progress", "name, done, total (0 unknown), unit is bytes or items")               \
    X(BOOT_PLAN, "boot-plan",                                                                      \
      "what will be typed: index = row of boot_steps (0), names = the template's strings, "        \
      "text = rendered (absent: not known yet, or it has an error), where an element that spells " \
      "a secret is one U+2022; name = the keyboard layout that characters are typed on (absent: "  \
      "us); done = pause after a key in ns; total = the first element that is still to be sent; "  \
      "again whenever it changes")                                                                 \
    X(BOOT, "boot", "boot command position: done = row, index = element, text = its source")       \
    X(KEY, "key",                                                                                  \
      "a key event was sent: index, name, keysym, down; scancode = the key's place on the "        \
      "keyboard (XT, 0x80 set for those behind E0), where boot_keyboard_layout names it (else "    \
      "QEMU finds one for the keysym); done = row, total = element, status = which of the "        \
      "element's events; masked for secrets: no name, keysym, scancode")                           \
    X(TYPING, "typing",                                                                            \
      "how characters go out from now on: name = echo (the screen shows them), blind, repair, "    \
      "moved (something else was written there), unread (the guest does not read its keyboard); "  \
      "text = why; index = element")                                                               \
    X(RECORD, "record",                                                                            \
      "a person drives the guest by hand: names = the boot command elements of it that are "       \
      "known, status = 1: it goes on, text = what could not be recorded")                          \
    X(HTTP, "http", "the HTTP server answered: name = method, text = path, status")                \
    X(RUNG, "rung",                                                                                \
      "a rung of the ladder to the guest: index from 0, name (engine/ladder.h), from, to: absent " \
      "(there is none in this build), unknown (kiln cannot tell), waiting, holds; text = what "    \
      "was seen")                                                                                  \
    X(QEMU, "qemu", "lines that QEMU printed: name = stdout or stderr, text")                      \
    X(QMP, "qmp", "QEMU reported something: name = QMP event, text = its data as JSON")            \
    X(PROMPT, "prompt",                                                                            \
      "a question: index = id, text, names = choices; name = why it is asked; to "                 \
      "= " KILN_WANTS_TEXT " or " KILN_WANTS_SECRET                                                \
      ": a line is wanted, which with " KILN_WANTS_SECRET                                          \
      " must not be shown where it is typed; none: a choice, or Enter")                            \
    X(PROMPT_END, "prompt-end", "the question index is answered or void")                          \
    X(BREAKS, "breakpoints",                                                                       \
      "all breakpoints of a build: names = their canonical specs (engine/place.h)")                \
    X(STOP, "stop",                                                                                \
      "the build stands still, or does so in another way than before: name = why (pause, "         \
      "breakpoint, step, prompt), id = place, or what is being done without before: or after:, "   \
      "text = for people, names = commands that make sense, status = 1 if the guest's CPUs are "   \
      "halted")                                                                                    \
    X(RESUME, "resume", "the build goes on, guest and clock")                                      \
    X(SCREEN, "screen", "the guest's screen: done, total = width, height in pixels; 0, 0: none")   \
    X(FRAME, "frame", "index = number of the newest frame in the framebuffer; never logged")       \
    X(TEXT, "text",                                                                                \
      "a row of the guest's screen is another than before: done, total = columns, rows of text "   \
      "(0, 0: no text), index = row, text = without the spaces at its end, cells that are no "     \
      "character are U+FFFD; names = from which column on it has which colours: COLUMN INK "       \
      "GROUND; status = column of the cursor + 1, 0: not in this row; never logged")               \
    X(ARTIFACT, "artifact", "a result: name = builder id, id, text, names = files")                \
    X(LOG, "log", "debug log line")

enum kiln_event_type {
#define X(id, word, help) KILN_EV_##id,
    KILN_EVENTS(X)
#undef X
        KILN_EV__N
};

enum kiln_level {
    KILN_SAY,     /* what kiln does */
    KILN_MESSAGE, /* detail of it */
    KILN_ERRLINE, /* errors, and stderr of programs */
    KILN_OUTPUT,  /* stdout of programs */
    KILN_PLAIN,   /* global lines without a prefix */
};

struct kiln_event {
    uint64_t seq;    /* 1, 2, 3 … per build; a gap means that events were dropped */
    int64_t mono_us; /* CLOCK_MONOTONIC when it happened */
    int64_t wall_us; /* CLOCK_REALTIME */
    enum kiln_event_type type;
    const char *build;  /* build label, NULL: the run itself */
    const char *target; /* prefix of lines: the label, or "label (pp-type)"; NULL: build */
    /* Meaning per type: see KILN_EVENTS. Unused ones are zero. All borrowed. */
    enum kiln_level level;
    int64_t index;
    int64_t status;
    uint64_t done, total;
    uint32_t keysym, scancode;
    bool down, masked;
    const char *name;
    const char *id;
    const char *from, *to;
    const char *text; /* UTF-8 or whatever the guest printed; len bytes */
    size_t len;
    const struct kiln_strv *names;
};

struct kiln_redactor; /* redact/redact.h */
struct kiln_redact_stream;

/**
 * Append one line of JSON and '\n': a flat object, unused members left out. Invalid UTF-8 becomes
 * U+FFFD. Every text but from and to passes the redactor (NULL: none) before it is escaped; a
 * masked KEY event loses name, keysym and scancode. A line over KILN_MAX_EVENT is made again with
 * its text and names cut, and says so at their end.
 */
void kiln_event_encode(const struct kiln_event *ev, const struct kiln_redactor *redactor,
                       struct kiln_str *out);

/* A decoded event owns its strings. ev points into the box: do not copy or move it. */
struct kiln_event_box {
    struct kiln_event ev;
    struct kiln_strv names;
    struct kiln_str arena; /* the strings that ev points to */
};
void kiln_event_box_done(struct kiln_event_box *box);
/** One line (without '\n'), at most KILN_MAX_EVENT bytes. Unknown keys are ignored. A box can be
 * used again and again; on failure it holds nothing. */
bool kiln_event_decode(struct kiln_event_box *box, const char *line, size_t len,
                       struct kiln_err *err);

/** The type of an encoded line, from its first bytes and without decoding the rest; false: none
 * that is known. For those who pass lines on, or read a log for some of its events. */
bool kiln_event_peek(const char *line, size_t len, enum kiln_event_type *ret);

/**
 * The way out of a process: numbers events, stamps them, encodes them and writes them to a file
 * descriptor (worker: the pair to the supervisor). Blocking writes: a slow reader slows the build
 * and never loses a line. Thread-safe; one mutex, held while writing.
 */
struct kiln_bus;
struct kiln_bus *kiln_bus_new(int fd, const char *build); /* fd borrowed */
void kiln_bus_free(struct kiln_bus *bus);
/** Values that no event may show from now on (all encodings). One that is too long to be looked for
 *  makes the bus say so and send no text any more. */
void kiln_bus_add_secrets(struct kiln_bus *bus, const struct kiln_strv *values);
/** Fills seq, times and (if NULL) build; sends. Once the reader is gone, events are dropped: the
 *  death of a supervisor ends its workers. fd: a socket, or SIGPIPE must be ignored. */
void kiln_bus_send(struct kiln_bus *bus, struct kiln_event *ev);
/** The reply to command `id` (run/README.md), on the same way as events, redacted as they are. err:
 *  it was not obeyed, and why; else NULL. text: what the command gives, or NULL. fd goes with it
 *  (SCM_RIGHTS), -1: none; borrowed. */
void kiln_bus_reply(struct kiln_bus *bus, int64_t id, const struct kiln_err *err, const char *text,
                    int fd);
/** A copy of `text` as an event would show it: for error texts, file names of logs … */
char *kiln_bus_redacted(struct kiln_bus *bus, const char *text);
/** kiln_redact_feed and kiln_redact_flush with the secrets of the bus, for text that has to be cut
 *  before it becomes an event; the stream's redactor is set here. */
void kiln_bus_redact_feed(struct kiln_bus *bus, struct kiln_redact_stream *s, const void *data,
                          size_t len, struct kiln_str *out);
void kiln_bus_redact_flush(struct kiln_bus *bus, struct kiln_redact_stream *s,
                           struct kiln_str *out);
/** For kiln_log_set_sink, ud = the bus: LOG events. */
void kiln_bus_log(void *ud, const char *line, size_t len);

#endif
