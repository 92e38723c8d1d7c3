/*
 * The ways in which one secret may show up in output: the value itself, its lines, and what common
 * programs make of it: base64, hex, percent-encoding, shell quoting, JSON, C and HTML escapes.
 */
#ifndef KILN_REDACT_FORMS_H
#define KILN_REDACT_FORMS_H

#include "base/strv.h"

/* Derived fragments below this many bytes are left out: they would hit ordinary words. */
#define KILN_REDACT_MIN_DERIVED 4

/* Above this many bytes a value of several lines is escaped line by line only, not as a whole. */
#define KILN_REDACT_WHOLE_MAX 1024

/**
 * Append every form of one secret, the value itself included. An empty one has none. The same form
 * may be listed more than once. No state, any thread.
 */
void kiln_redact_forms(const char *secret, struct kiln_strv *out);

#endif
