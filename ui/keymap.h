/*
 * Key maps: which keys do what. Text, one binding a line, '#' begins a comment:
 *
 *     # context  keys           action [argument]
 *     global     ctrl-x ctrl-c  quit
 *     log        /              search
 *     list       g g            top
 *     log        f              -            # takes a binding away
 *
 * A context is one of ui/actions.h, keys are those of ui/term/key.h (one to four, separated by
 * spaces; "hash" is #), the action's argument is the rest of the line. default.conf, vim.conf and
 * emacs.conf are compiled in; the user's keys.conf adds to, and overrides, the one that was chosen.
 * Built once, then read only. One thread.
 */
#ifndef KILN_UI_KEYMAP_H
#define KILN_UI_KEYMAP_H

#include "base/str.h"
#include "base/strv.h"
#include "ui/actions.h"
#include "ui/term/key.h"

#define KILN_KEYMAP_MAX_KEYS 4

struct kiln_binding {
    enum kiln_context context;
    struct kiln_key keys[KILN_KEYMAP_MAX_KEYS];
    size_t n_keys;
    enum kiln_action action;
    char *arg;        /* owned, "" none */
    const char *file; /* borrowed from the map */
    int line;
};

struct kiln_keymap {
    struct kiln_binding *v; /* owned */
    size_t n;
    struct kiln_strv files; /* names; owned */
};

/**
 * Add the bindings of a text. Problems (unknown contexts, keys and actions, with what was probably
 * meant; keys bound twice in a file; keys that also begin a longer binding) are added to
 * `problems`, one a line, "FILE:LINE: text"; the other lines count. Bindings of earlier texts that
 * are in the way go.
 */
void kiln_keymap_parse(struct kiln_keymap *m, const char *file, const char *text, size_t len,
                       struct kiln_str *problems);
void kiln_keymap_done(struct kiln_keymap *m);

/**
 * The map of that name (default, vim, emacs; NULL: default) with the user's
 * $XDG_CONFIG_HOME/kiln/keys.conf on top, or a file on top of the default map. False only if
 * nothing can be used (USER: no such file or map); `problems` as above.
 */
bool kiln_keymap_load(struct kiln_keymap *ret, const char *name, struct kiln_str *problems,
                      struct kiln_err *err);

enum kiln_keymap_hit { KILN_KEYMAP_NONE, KILN_KEYMAP_PREFIX, KILN_KEYMAP_FOUND };
/** What keys typed so far mean, the first of the contexts first. */
enum kiln_keymap_hit kiln_keymap_look(const struct kiln_keymap *m,
                                      const enum kiln_context *contexts, size_t n_contexts,
                                      const struct kiln_key *keys, size_t n_keys,
                                      const struct kiln_binding **ret);
/** "ctrl-x ctrl-c" */
void kiln_keymap_keys_text(const struct kiln_binding *b, struct kiln_str *out);

#endif
