/* Regular expressions by PCRE2. */
#include <stdint.h>

#include "base/mem.h"
#include "base/regex_ops.h"
#include "base/str.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#define MATCH_LIMIT 100000u /* backtracks from one place of a line */
#define HEAP_KIB    1024u   /* what matching may take for them */
#define JIT_STACK   (256u << 10)
#define PLACES      128  /* of a line that are tried before the clock is looked at */
#define LINE_US     2000 /* processor time that one line may take */
#define MAX_HARD    100  /* lines that took too long until the pattern is given up */

extern const struct kiln_regex_ops kiln_regex_ops;

struct expression {
    struct kiln_regex regex;
    char *pattern;
    pcre2_code *code;
    pcre2_match_context *context;
    pcre2_match_data *match;
    pcre2_jit_stack *stack; /* NULL: the kernel allows no JIT; the interpreter works, slower */
    unsigned hard;
};

static struct expression *own(const struct kiln_regex *re)
{
    return KILN_CONTAINER_OF(re, struct expression, regex);
}

static void free_expression(struct expression *re)
{
    pcre2_match_data_free(re->match);
    pcre2_match_context_free(re->context);
    pcre2_jit_stack_free(re->stack);
    pcre2_code_free(re->code);
    free(re->pattern);
    free(re);
}

static bool has_capital(const char *p)
{
    for (; *p; p++) {
        if (*p == '\\' && p[1])
            p++; /* \S is no letter */
        else if (*p >= 'A' && *p <= 'Z')
            return true;
    }
    return false;
}

static bool bad_pattern(const char *pattern, int code, size_t at, struct kiln_err *err)
{
    char text[200];
    size_t character = 1;

    for (size_t i = 0; i < at && pattern[i]; i++)
        character += ((unsigned char)pattern[i] & 0xc0) != 0x80;
    if (pcre2_get_error_message(code, (PCRE2_UCHAR *)text, sizeof(text)) < 0)
        text[0] = '\0';
    return kiln_err_set(err, KILN_ERR_USER, "\"%s\" at character %zu: %s", pattern, character,
                        text);
}

static bool prepare(struct expression *re, struct kiln_err *err)
{
    uint32_t options = PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C | PCRE2_USE_OFFSET_LIMIT;
    size_t at = 0;
    int code = 0;

    if (!has_capital(re->pattern))
        options |= PCRE2_CASELESS;
    re->code =
        pcre2_compile((PCRE2_SPTR)re->pattern, PCRE2_ZERO_TERMINATED, options, &code, &at, NULL);
    if (!re->code)
        return bad_pattern(re->pattern, code, at, err);
    re->context = pcre2_match_context_create(NULL);
    re->match = pcre2_match_data_create(1, NULL);
    if (!re->context || !re->match)
        return kiln_err_set(err, KILN_ERR_SYSTEM, "no memory for \"%s\"", re->pattern);
    (void)pcre2_set_match_limit(re->context, MATCH_LIMIT);
    (void)pcre2_set_depth_limit(re->context, MATCH_LIMIT);
    (void)pcre2_set_heap_limit(re->context, HEAP_KIB);
    if (pcre2_jit_compile(re->code, PCRE2_JIT_COMPLETE) == 0) {
        re->stack = pcre2_jit_stack_create(JIT_STACK / 8, JIT_STACK, NULL);
        if (re->stack)
            pcre2_jit_stack_assign(re->context, NULL, re->stack);
    }
    return true;
}

static bool compile(struct kiln_regex **ret, const char *pattern, struct kiln_err *err)
{
    struct expression *re;

    if (strlen(pattern) > KILN_REGEX_MAX_PATTERN)
        return kiln_err_set(err, KILN_ERR_USER, "a pattern of %zu bytes is over the limit of %d",
                            strlen(pattern), KILN_REGEX_MAX_PATTERN);
    re = kiln_xcalloc(1, sizeof(*re));
    re->regex.ops = &kiln_regex_ops;
    re->pattern = kiln_xstrdup(pattern);
    if (!prepare(re, err)) {
        free_expression(re);
        return false;
    }
    *ret = &re->regex;
    return true;
}

static const char *pattern_of(const struct kiln_regex *re)
{
    return own(re)->pattern;
}

static bool given_up(const struct kiln_regex *re)
{
    return own(re)->hard >= MAX_HARD;
}

/* What the processor spent here: a machine that is busy with other things proves nothing against a
 * pattern. */
static int64_t cpu_us(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* Not inside a character. */
static size_t cut(const char *text, size_t len, size_t max)
{
    if (len <= max)
        return len;
    while (max > 0 && ((unsigned char)text[max] & 0xc0) == 0x80)
        max--;
    return max;
}

/* A few places at a time: limits hold for each place a match could begin at, and a long line has
 * many. */
static bool find(struct kiln_regex *regex, const char *text, size_t len, size_t from,
                 size_t *ret_start, size_t *ret_end)
{
    struct expression *re = own(regex);
    int64_t start_us = 0;

    len = cut(text, len, KILN_REGEX_MAX_SUBJECT);
    while (from <= len && !given_up(regex)) {
        size_t last = from + PLACES < len ? cut(text, len, from + PLACES) : len;
        const size_t *hit;
        int rc;

        (void)pcre2_set_offset_limit(re->context, last);
        rc = pcre2_match(re->code, (PCRE2_SPTR)text, len, from, PCRE2_NO_UTF_CHECK, re->match,
                         re->context);
        if (rc >= 0) {
            hit = pcre2_get_ovector_pointer(re->match);
            *ret_start = hit[0];
            *ret_end = hit[1] > hit[0] ? hit[1] : hit[0]; /* \K can turn them round */
            return true;
        }
        if (rc != PCRE2_ERROR_NOMATCH) {
            re->hard++;
            return false;
        }
        if (last == len)
            return false;
        from = last + 1;
        while (from < len && ((unsigned char)text[from] & 0xc0) == 0x80)
            from++;
        if (start_us == 0)
            start_us = cpu_us();
        else if (cpu_us() - start_us > LINE_US) {
            re->hard++;
            return false;
        }
    }
    return false;
}

static void free_regex(struct kiln_regex *re)
{
    free_expression(own(re));
}

const struct kiln_regex_ops kiln_regex_ops = {
    .compile = compile,
    .free = free_regex,
    .find = find,
    .given_up = given_up,
    .pattern = pattern_of,
};
