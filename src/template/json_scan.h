/*
 * The strict half of the JSON reader. It walks the text once, refuses what RFC 8259 and limits.h
 * refuse, with the place and the cause, and notes where every key and value begins; json-c, which
 * is laxer and says less, then only has to decode. Internal to template/.
 */
#ifndef KILN_TEMPLATE_JSON_SCAN_H
#define KILN_TEMPLATE_JSON_SCAN_H

#include "base/limits.h"
#include "template/diag.h"

struct kiln_json_token {
    uint32_t offset; /* first byte, the quote of a string */
    uint32_t n;      /* list: items; object: members, each a key token and its value's tokens */
};

struct kiln_json_scan {
    struct kiln_json_token *tokens; /* owned (free); keys and values in document order */
    size_t n, cap;
    size_t end; /* just past the root value */
};

/* The scanner's state, shared with the code that explains what is wrong. */
struct kiln_json_scanner {
    struct kiln_source *source;
    struct kiln_diag *diag;
    struct kiln_json_scan *out;
    size_t at;  /* next byte */
    size_t end; /* just past the last token; 0 at the start */
    size_t key; /* offset of the key that is being read, or whose value is */
    unsigned depth;
    uint32_t open[KILN_MAX_JSON_DEPTH]; /* offsets of the brackets around `at` */
};

/**
 * One error in diag when it fails (false); *ret is set on success only.
 * @lenient  text after the root value is a warning
 */
bool kiln_json_scan(struct kiln_source *source, bool lenient, struct kiln_json_scan *ret,
                    struct kiln_diag *diag);

enum kiln_json_want {
    KILN_JSON_VALUE, /* an item or the root; a list may end here unless a comma came before */
    KILN_JSON_KEY,   /* a key; an object may end here unless a comma came before */
    KILN_JSON_COLON,
    KILN_JSON_COMMA, /* a comma or the end of the list or object */
    KILN_JSON_END,   /* nothing more */
};

/* All of these add one error and return false. */
bool kiln_json_explain(struct kiln_json_scanner *s, enum kiln_json_want want);
bool kiln_json_explain_number(struct kiln_json_scanner *s, size_t start);
bool kiln_json_explain_escape(struct kiln_json_scanner *s, size_t backslash);
/* A byte that may not stand in the string that begins at `start`. */
bool kiln_json_explain_string(struct kiln_json_scanner *s, size_t start, size_t bad);

#endif
