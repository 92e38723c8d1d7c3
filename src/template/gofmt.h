/*
 * Values and formatting as in Go's package fmt: what `print` and `printf` of the {{ }} language do,
 * and what Packer's env_var_format means. Source: https://pkg.go.dev/fmt, packer-core.md 6.1.
 *
 * Everything appends to a struct kiln_str and stops when that is full (kiln_str_ok tells). A width
 * or precision is at most ten million, as in Go; of a float at most 1100 digits. No state; any
 * thread.
 */
#ifndef KILN_TEMPLATE_GOFMT_H
#define KILN_TEMPLATE_GOFMT_H

#include <stdint.h>

#include "base/str.h"
#include "base/strv.h"

enum kiln_go_kind {
    KILN_GO_NIL,
    KILN_GO_BOOL,
    KILN_GO_INT,
    KILN_GO_BYTE, /* uint8: what `index "abc" 0` gives; in u.integer */
    KILN_GO_FLOAT,
    KILN_GO_STRING,
    KILN_GO_MAP, /* of strings */
};

struct kiln_go_value {
    enum kiln_go_kind kind;
    union {
        bool boolean;
        int64_t integer;
        double real;
        struct {
            const char *s; /* borrowed; may hold NUL */
            size_t len;
        } string;
        const struct kiln_strmap *map; /* borrowed */
    } u;
};

/** A string value that borrows s; NULL gives nil. */
struct kiln_go_value kiln_go_string(const char *s);
/** "int", "string", "map[string]string" …; "<nil>" for nil. */
const char *kiln_go_type_name(const struct kiln_go_value *v);

/** Indices of m's keys in the order in which Go prints and ranges over them; caller frees. */
size_t *kiln_go_sorted_keys(const struct kiln_strmap *m);

/** Sprintf. Mistakes show in the text, as Go's do: %!d(string=hi), %!(EXTRA int=1). */
void kiln_go_printf(struct kiln_str *out, const char *fmt, size_t fmt_len,
                    const struct kiln_go_value *args, size_t n);
/** Sprint: a space between two neighbours when neither is a string. */
void kiln_go_print(struct kiln_str *out, const struct kiln_go_value *args, size_t n);
/** Sprintln: always a space, then a newline. */
void kiln_go_println(struct kiln_str *out, const struct kiln_go_value *args, size_t n);

/**
 * strconv.FormatFloat for a number >= 0. verb: e E f g G x X. prec: digits, -1 for the shortest
 * text that reads back as the same number (g, x).
 */
void kiln_go_add_float(struct kiln_str *out, double v, char verb, int prec);

/** strconv.ParseBool: 1 t T TRUE true True, 0 f F FALSE false False. False: none of them. */
bool kiln_go_parse_bool(const char *s, bool *ret);

enum kiln_go_number { KILN_GO_NUMBER_OK, KILN_GO_NUMBER_SYNTAX, KILN_GO_NUMBER_RANGE };
/** strconv.ParseInt with base 0: 10, 0x1f, 0b1, 0o17, 017, 1_000, a sign. *ret is set if OK. */
enum kiln_go_number kiln_go_parse_int(const char *s, size_t len, int64_t *ret);

#endif
