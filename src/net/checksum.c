#include "net/checksum.h"

#include <ctype.h>
#include <strings.h>

#include "base/fs.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/strv.h"
#include "net/url.h"

void kiln_checksum_done(struct kiln_checksum *sum)
{
    free(sum->source);
    *sum = (struct kiln_checksum){ .kind = KILN_CHECKSUM_NONE };
}

static void set_hex(struct kiln_checksum *sum, enum kiln_hash_type type, const char *hex)
{
    sum->kind = KILN_CHECKSUM_SUM;
    sum->type = type;
    for (size_t i = 0; i <= kiln_hash_digits(type); i++)
        sum->hex[i] = (char)tolower((unsigned char)hex[i]);
    sum->hex[kiln_hash_digits(type)] = '\0';
}

/* The message is Go's, whose decoder complains about a byte before it does about the length. */
static bool check_hex(const char *hex, const char *arg, struct kiln_err *err)
{
    const char *hint = strstr(arg, "://") ? " (write file:URL for a file of checksums)" : "";

    for (const char *c = hex; *c; c++)
        if (!isxdigit((unsigned char)*c))
            return kiln_err_set(err, KILN_ERR_USER,
                                "invalid checksum: encoding/hex: invalid byte: U+%04X '%c' in "
                                "\"%s\"%s",
                                (unsigned)(unsigned char)*c, isprint((unsigned char)*c) ? *c : '.',
                                arg, hint);
    if (strlen(hex) % 2)
        return kiln_err_set(err, KILN_ERR_USER,
                            "invalid checksum: encoding/hex: odd length hex string in \"%s\"", arg);
    return true;
}

static bool parse_sum(const char *arg, struct kiln_checksum *ret, struct kiln_err *err)
{
    const char *colon = strchr(arg, ':');
    const char *hex = colon ? colon + 1 : arg;
    enum kiln_hash_type type;

    if (!check_hex(hex, arg, err))
        return false;
    if (!colon && !kiln_hash_by_digits(strlen(hex), &type))
        return kiln_err_set(err, KILN_ERR_USER, "Unknown type for checksum %s in \"%s\"", hex, arg);
    if (colon && !kiln_hash_by_name(arg, (size_t)(colon - arg), &type))
        return kiln_err_set(err, KILN_ERR_USER, "unsupported checksum type: %.*s in \"%s\"",
                            (int)(colon - arg), arg, arg);
    if (strlen(hex) != kiln_hash_digits(type))
        return kiln_err_set(err, KILN_ERR_USER,
                            "invalid checksum: %s has %zu hex digits, not %zu, in \"%s\"",
                            kiln_hash_name(type), kiln_hash_digits(type), strlen(hex), arg);
    set_hex(ret, type, hex);
    return true;
}

bool kiln_checksum_parse(const char *arg, struct kiln_checksum *ret, struct kiln_err *err)
{
    struct kiln_checksum sum = { .kind = KILN_CHECKSUM_NONE };

    if (kiln_has_prefix(arg, "file:")) {
        sum.kind = KILN_CHECKSUM_FILE;
        /* file:URL and file:path name another place; file:///x and file://./x are that place. */
        if (kiln_has_prefix(arg, "file://"))
            sum.source = kiln_xstrdup(arg);
        else if (arg[strlen("file:")])
            sum.source = kiln_xstrdup(arg + strlen("file:"));
        else
            return kiln_err_set(err, KILN_ERR_USER, "no URL or path behind \"file:\" in checksum");
    } else if (!kiln_streq(arg, "none") && !kiln_has_prefix(arg, "none:")) {
        if (!parse_sum(arg, &sum, err))
            return false;
    }
    *ret = sum;
    return true;
}

char *kiln_checksum_format(const struct kiln_checksum *sum)
{
    switch (sum->kind) {
    case KILN_CHECKSUM_NONE:
        break;
    case KILN_CHECKSUM_SUM:
        return kiln_xasprintf("%s:%s", kiln_hash_name(sum->type), sum->hex);
    case KILN_CHECKSUM_FILE:
        return kiln_has_prefix(sum->source, "file://") ? kiln_xstrdup(sum->source)
                                                       : kiln_xasprintf("file:%s", sum->source);
    }
    return kiln_xstrdup("none");
}

/* One line of a sums file, taken apart. */
struct entry {
    enum kiln_hash_type type;
    const char *hex; /* into the line */
    char *name;      /* owned; NULL for a bare digest */
};

static void entry_done(struct entry *e)
{
    free(e->name);
}

static size_t hex_span(const char *s)
{
    size_t n = 0;

    while (isxdigit((unsigned char)s[n]))
        n++;
    return n;
}

/* GNU coreutils writes a name with a newline or backslash in it with a '\' before the digest. */
static char *unescape_name(const char *name)
{
    KILN_AUTO_STR out = { 0 };

    for (; *name; name++) {
        if (name[0] == '\\' && (name[1] == '\\' || name[1] == 'n'))
            kiln_str_addc(&out, *++name == 'n' ? '\n' : '\\');
        else
            kiln_str_addc(&out, *name);
    }
    return kiln_str_steal(&out);
}

/* HEX, HEX NAME or HEX *NAME. */
static bool parse_gnu(const char *line, struct entry *ret)
{
    bool escaped = *line == '\\';
    const char *hex = line + (escaped ? 1 : 0);
    size_t n = hex_span(hex);
    const char *name = hex + n + strspn(hex + n, " \t");

    if (!kiln_hash_by_digits(n, &ret->type) || (*name && name == hex + n))
        return false;
    ret->hex = hex;
    if (*name)
        ret->name = escaped ? unescape_name(name) : kiln_xstrdup(name);
    return true;
}

/* TYPE (NAME) = HEX. The name may hold brackets, so the last ')' with "= HEX" behind it counts. */
static bool parse_bsd(const char *line, struct entry *ret)
{
    size_t type_len = strcspn(line, " (");
    const char *open = line + type_len + strspn(line + type_len, " ");
    const char *close = strrchr(line, ')');
    const char *hex;

    if (*open != '(' || !close || close < open || !kiln_hash_by_name(line, type_len, &ret->type))
        return false;
    hex = close + 1 + strspn(close + 1, " ");
    if (*hex != '=')
        return false;
    hex += 1 + strspn(hex + 1, " ");
    if (hex_span(hex) != kiln_hash_digits(ret->type) || hex[hex_span(hex)])
        return false;
    ret->hex = hex;
    ret->name = kiln_xstrndup(open + 1, (size_t)(close - open - 1));
    return true;
}

/* The names under which a sums file may know the file. */
struct wanted {
    char *path;     /* owned; the file's own, absolute for a local one */
    char *relative; /* owned; from the sums file's directory; NULL if they share no root */
};

static void wanted_done(struct wanted *w)
{
    free(w->path);
    free(w->relative);
}

/* The path of `to` from the directory that holds `sums`; both absolute. */
static char *relative_path(const char *sums, const char *to)
{
    KILN_AUTO_STR out = { 0 };
    size_t common = 0;

    for (size_t i = 0; sums[i] && sums[i] == to[i]; i++)
        if (sums[i] == '/')
            common = i + 1;
    for (const char *c = sums + common; *c; c++)
        if (*c == '/')
            kiln_str_adds(&out, "../");
    kiln_str_adds(&out, to + common);
    return kiln_str_steal(&out);
}

static char *wanted_path(const char *url)
{
    KILN_AUTO_FREE char *path = kiln_url_path(url);

    return kiln_url_kind(url) == KILN_URL_HTTP ? kiln_xstrdup(path) : kiln_path_abs(path);
}

static void wanted_init(struct wanted *w, const char *file_url, const char *sums_url)
{
    KILN_AUTO_FREE char *file_origin = kiln_url_origin(file_url);
    KILN_AUTO_FREE char *sums_origin = kiln_url_origin(sums_url);
    KILN_AUTO_FREE char *sums_path = wanted_path(sums_url);

    w->path = wanted_path(file_url);
    w->relative = kiln_streq(file_origin, sums_origin) ? relative_path(sums_path, w->path) : NULL;
}

/* How well a line fits: 0 not at all, 1 no name, else the higher the better. */
static size_t fit(const struct entry *e, const struct wanted *w)
{
    const char *name = e->name;

    if (!name)
        return 1;
    for (int marked = 0; marked < 2; marked++) {
        if (kiln_streq(name, kiln_path_base(w->path)) || kiln_streq(name, w->path) ||
            kiln_streq(name, w->relative) ||
            (kiln_has_prefix(name, "./") && kiln_streq(name + 2, w->relative)))
            return SIZE_MAX;
        if (*name != '*' && *name != '?')
            break;
        name++; /* the mark of a file that was read as binary */
    }
    name = e->name + strspn(e->name, "./");
    return *name && strstr(w->path, name) ? 1 + strlen(name) : 0;
}

/* Copies the next line into `line`, trimmed; false at the end of the text. */
static bool next_line(const char **text, const char *end, struct kiln_str *line)
{
    const char *start = *text;
    const char *nl = start < end ? memchr(start, '\n', (size_t)(end - start)) : NULL;
    const char *stop = nl ? nl : end;

    if (start >= end)
        return false;
    *text = nl ? nl + 1 : end;
    while (start < stop && isspace((unsigned char)*start))
        start++;
    while (stop > start && isspace((unsigned char)stop[-1]))
        stop--;
    kiln_str_clear(line);
    if (stop - start < KILN_MAX_LINE && !memchr(start, '\0', (size_t)(stop - start)))
        kiln_str_add(line, start, (size_t)(stop - start));
    return true;
}

bool kiln_checksum_find(const char *text, size_t len, const char *file_url, const char *sums_url,
                        struct kiln_checksum *ret_sum, struct kiln_err *err)
{
    KILN_CLEANUP(wanted_done) struct wanted w = { 0 };
    KILN_AUTO_STR line = { 0 };
    const char *end = text + len;
    struct kiln_checksum best = { .kind = KILN_CHECKSUM_NONE };
    size_t best_fit = 0;

    wanted_init(&w, file_url, sums_url);
    while (best_fit < SIZE_MAX && next_line(&text, end, &line)) {
        KILN_CLEANUP(entry_done) struct entry e = { 0 };
        const char *s = kiln_str_cstr(&line);

        if (!*s || strchr("#/-", *s) || (!parse_gnu(s, &e) && !parse_bsd(s, &e)))
            continue;
        if (fit(&e, &w) > best_fit) {
            best_fit = fit(&e, &w);
            set_hex(&best, e.type, e.hex);
        }
    }
    if (best_fit == 0) {
        KILN_AUTO_FREE char *file = kiln_url_redact(file_url);
        KILN_AUTO_FREE char *sums = kiln_url_redact(sums_url);

        return kiln_err_set(err, KILN_ERR_USER, "no checksum found in: %s in \"file:%s\"", file,
                            sums);
    }
    *ret_sum = best;
    return true;
}
