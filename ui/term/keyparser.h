/*
 * What a terminal sends, cut into keys, pastes and answers to questions. Incremental and pure: feed
 * bytes, take what is complete. Whatever comes, nothing but these things leaves it, and no more
 * than KILN_KEYPARSER_MAX bytes are kept. One thread.
 */
#ifndef KILN_UI_KEYPARSER_H
#define KILN_UI_KEYPARSER_H

#include "base/str.h"
#include "ui/term/key.h"

#define KILN_KEYPARSER_MAX       ((size_t)1 << 20) /* bytes of one paste; the rest is dropped */
#define KILN_KEYPARSER_ESC_US    KILN_MS(50)       /* esc alone: nothing follows for so long */
#define KILN_KEYPARSER_MAX_PARAM 16                /* more are left out */

struct kiln_keyparser {
    struct kiln_str in; /* not yet taken */
    size_t at;
    bool pasting;
    struct kiln_str paste;
};

/* An answer: CSI private params intermediate final, or an APC string. */
struct kiln_term_reply {
    char prefix; /* '?', '>' or 0 */
    char middle; /* '$' or 0 */
    char final;  /* 'c', 'y', 't', 'S'; '_' an APC string */
    int params[KILN_KEYPARSER_MAX_PARAM];
    int n_params;
    bool ok; /* APC: it says OK */
};

enum kiln_input {
    KILN_INPUT_NONE,  /* all taken */
    KILN_INPUT_MORE,  /* something has begun; call again with more, or late */
    KILN_INPUT_KEY,   /* *ret_key */
    KILN_INPUT_PASTE, /* p->paste; until the next call */
    KILN_INPUT_REPLY, /* *ret_reply */
};

void kiln_keyparser_feed(struct kiln_keyparser *p, const char *data, size_t len);
/** @late: no more comes for what has begun (KILN_KEYPARSER_ESC_US have passed). */
enum kiln_input kiln_keyparser_next(struct kiln_keyparser *p, bool late, struct kiln_key *ret_key,
                                    struct kiln_term_reply *ret_reply);
void kiln_keyparser_done(struct kiln_keyparser *p);

#endif
