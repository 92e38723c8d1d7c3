/*
 * Commands of the control protocol (run/README.md): one JSON object per line, the same on the run's
 * socket and on the one between supervisor and worker.
 *
 *     {"id":7,"command":"break","build":"debian","text":"shell.2","on":true}
 *
 * Towards a worker, `id` is the supervisor's own. An "answer" without text, which only the
 * supervisor itself sends, says that nobody can answer.
 */
#ifndef KILN_RUN_COMMAND_H
#define KILN_RUN_COMMAND_H

#include "engine/control.h"
#include "run/client.h"

#define KILN_COMMAND_DEPTH 8 /* levels of the objects of the protocol, at most */

enum kiln_command_flags {
    KILN_COMMAND_HOLDS = 1,  /* wants the controls */
    KILN_COMMAND_BUILD = 2,  /* a worker obeys it; it names a build, unless there is only one */
    KILN_COMMAND_BUILDS = 4, /* with BUILD: without a build it goes to all */
    KILN_COMMAND_TEXT = 8,   /* text must be there */
    KILN_COMMAND_LINES = 16, /* lines must be there */
};

/* Name, flags. */
#define KILN_COMMANDS(X)                                                                           \
    X("watch", KILN_COMMAND_TEXT)                                                                  \
    X("control", 0)                                                                                \
    X("cancel", KILN_COMMAND_HOLDS | KILN_COMMAND_BUILD | KILN_COMMAND_BUILDS)                     \
    X("answer", KILN_COMMAND_HOLDS | KILN_COMMAND_BUILD | KILN_COMMAND_TEXT)                       \
    X("pause", KILN_COMMAND_HOLDS | KILN_COMMAND_BUILD)                                            \
    X("continue", KILN_COMMAND_HOLDS | KILN_COMMAND_BUILD)                                         \
    X("next", KILN_COMMAND_HOLDS | KILN_COMMAND_BUILD)                                             \
    X("next-element", KILN_COMMAND_HOLDS | KILN_COMMAND_BUILD)                                     \
    X("next-key", KILN_COMMAND_HOLDS | KILN_COMMAND_BUILD)                                         \
    X("run-to", KILN_COMMAND_HOLDS | KILN_COMMAND_BUILD | KILN_COMMAND_TEXT)                       \
    X("break", KILN_COMMAND_HOLDS | KILN_COMMAND_BUILD | KILN_COMMAND_BUILDS | KILN_COMMAND_TEXT)  \
    X("retry", KILN_COMMAND_HOLDS | KILN_COMMAND_BUILD)                                            \
    X("skip", KILN_COMMAND_HOLDS | KILN_COMMAND_BUILD)                                             \
    X("freeze", KILN_COMMAND_HOLDS | KILN_COMMAND_BUILD)                                           \
    X("thaw", KILN_COMMAND_HOLDS | KILN_COMMAND_BUILD)                                             \
    X("preview", KILN_COMMAND_BUILD | KILN_COMMAND_LINES)                                          \
    X("edit", KILN_COMMAND_HOLDS | KILN_COMMAND_BUILD | KILN_COMMAND_LINES)                        \
    X("retype", KILN_COMMAND_HOLDS | KILN_COMMAND_BUILD)                                           \
    X("write", KILN_COMMAND_HOLDS | KILN_COMMAND_BUILD | KILN_COMMAND_LINES)                       \
    X("record", KILN_COMMAND_HOLDS | KILN_COMMAND_BUILD)                                           \
    X("screen", KILN_COMMAND_BUILD)                                                                \
    X("key", KILN_COMMAND_HOLDS | KILN_COMMAND_BUILD)                                              \
    X("release-keys", KILN_COMMAND_HOLDS | KILN_COMMAND_BUILD | KILN_COMMAND_BUILDS)               \
    X("shell", KILN_COMMAND_HOLDS | KILN_COMMAND_BUILD)                                            \
    X("shell-size", KILN_COMMAND_HOLDS | KILN_COMMAND_BUILD)

struct kiln_command {
    const char *name; /* of the table; static */
    unsigned flags;   /* of the table */
    bool has_id;      /* a reply is wanted */
    int64_t id;
    char *build;                   /* owned; NULL: names none */
    struct kiln_control_args args; /* its pointers are to what follows */
    char *text;                    /* owned */
    struct kiln_strv lines;        /* owned */
};

/** Append one line with '\n'. has_id: `id` goes with it. */
void kiln_command_encode(const struct kiln_request *req, bool has_id, int64_t id,
                         struct kiln_str *out);
/** The same command again, with another id. */
void kiln_command_encode_again(const struct kiln_command *cmd, int64_t id, struct kiln_str *out);
/** Append a reply from behind its id on, with its '\n': `,"ok":true}`. error NULL: it was obeyed;
 *  text: what that gives, or NULL. */
void kiln_command_encode_reply(const char *error, const char *text, struct kiln_str *out);

/**
 * One line without its '\n'. Unknown commands, wrong types, missing members and bad JSON are errors
 * (USER). Unknown members are ignored. id and has_id are set as far as they could be read, also on
 * failure, so that the error can be a reply. kiln_command_done in any case.
 */
bool kiln_command_decode(struct kiln_command *cmd, const char *line, size_t len,
                         struct kiln_err *err);
void kiln_command_done(struct kiln_command *cmd);

#endif
