/*
 * Output of a program, local or in the guest, on its way to LINE events: raw bytes of its stdout
 * and stderr in, complete lines out, as they come. One object per run of a program; one thread.
 * Source: provision-postprocess.md, section 1.
 *
 * Per line: trailing white space is cut, then all up to the last CR. Empty lines stay. A line over
 * KILN_MAX_LINE comes out in pieces, never cut inside a secret.
 */
#ifndef KILN_ENGINE_OUTPUT_H
#define KILN_ENGINE_OUTPUT_H

#include "engine/build.h"

struct kiln_output;

struct kiln_output *kiln_output_new(struct kiln_build *b); /* b borrowed */
/** Bytes as they were read; any length. Every line that is complete is sent before it returns. */
void kiln_output_feed(struct kiln_output *o, bool is_stderr, const char *data, size_t len);
/** End of both streams: an unterminated last line is sent. Feeding may start again afterwards. */
void kiln_output_end(struct kiln_output *o);
void kiln_output_free(struct kiln_output *o); /* NULL is fine; sends nothing */
void kiln_output_freep(struct kiln_output **o);

/** kiln_output_feed in the shape of struct kiln_remote's callback; ud = the object. */
void kiln_output_remote(void *ud, bool is_stderr, const char *data, size_t len);

#endif
