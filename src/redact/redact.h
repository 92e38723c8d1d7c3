/*
 * Keeps secrets out of everything that leaves the program: one pass over the text, all secrets and
 * all their encodings (forms.h) at once, each place replaced by <sensitive>. At one place the
 * longest wins; overlapping ones become a single <sensitive>, so that no tail of one is left.
 * Source: packer-core.md, 7.4 (which asks for this instead of Packer's one-after-another).
 *
 * Threads: a redactor never changes once built, so any number of threads may share it. A new secret
 * (a generated password, a temporary key) means a new redactor, which takes well below a
 * millisecond for ordinary secrets; the owner keeps the old one while somebody uses it. A stream
 * belongs to one thread at a time.
 *
 * NULL is a redactor without secrets: everything passes.
 */
#ifndef KILN_REDACT_REDACT_H
#define KILN_REDACT_REDACT_H

#include "base/err.h"
#include "base/str.h"
#include "base/strv.h"

#define KILN_REDACTED "<sensitive>"

struct kiln_redactor;

/**
 * @secrets       values; copied; empty ones and repetitions are fine
 * @ret_redactor  kiln_redactor_free() it
 * @err           USER: a secret of more than KILN_MAX_SECRET bytes, or more than KILN_MAX_SECRETS
 *                bytes in all. Nothing may then be shown to anybody.
 */
bool kiln_redactor_build(const struct kiln_strv *secrets, struct kiln_redactor **ret_redactor,
                         struct kiln_err *err);
void kiln_redactor_free(struct kiln_redactor *r);
void kiln_redactor_freep(struct kiln_redactor **r);
#define KILN_AUTO_REDACTOR KILN_CLEANUP(kiln_redactor_freep) struct kiln_redactor

/** Heap memory it holds, in bytes. */
size_t kiln_redactor_size(const struct kiln_redactor *r);

/** Append the whole text, redacted, to out. */
void kiln_redact_text(const struct kiln_redactor *r, const void *data, size_t len,
                      struct kiln_str *out);

/**
 * The first secret that begins at or after byte `from`; false if there is none. For marking instead
 * of replacing (keys that spell a secret): go on from start + 1, as secrets may overlap.
 */
bool kiln_redact_find(const struct kiln_redactor *r, const void *data, size_t len, size_t from,
                      size_t *ret_start, size_t *ret_len);

/*
 * A text that comes in pieces: a secret may begin in one and end in another. However it is cut,
 * what comes out is what kiln_redact_text makes of the whole.
 *
 *     struct kiln_redact_stream s = { .redactor = r };
 */
struct kiln_redact_stream {
    const struct kiln_redactor *redactor; /* borrowed; a newer one may be set at any time */
    struct kiln_str held;                 /* the end of the text, if a secret may begin there */
    size_t covered; /* bytes of it that belong to a <sensitive> already sent */
};

#define KILN_AUTO_REDACT_STREAM KILN_CLEANUP(kiln_redact_stream_done) struct kiln_redact_stream

/** Append to out all that is certain: only what may be the beginning of a secret is held back. */
void kiln_redact_feed(struct kiln_redact_stream *s, const void *data, size_t len,
                      struct kiln_str *out);
/** The text has ended, or must be shown now: append what is held back. The stream starts anew. */
void kiln_redact_flush(struct kiln_redact_stream *s, struct kiln_str *out);
/** Release memory; what is held back is dropped. */
void kiln_redact_stream_done(struct kiln_redact_stream *s);

#endif
