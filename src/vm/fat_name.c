#include "vm/fat_name.h"

#include <ctype.h>

#include "base/bytes.h"
#include "base/macros.h"
#include "base/str.h"

#define UNITS_PER_SLOT 13

enum part_case { CASE_NONE, CASE_UPPER, CASE_LOWER, CASE_MIXED };

static bool fits_plain(unsigned char c)
{
    return isalnum(c) || (c && strchr("!#$%&'()-@^_`{}~", c));
}

/* Copies a part in capitals if an 8.3 name can hold it; says in which case it was. */
static bool plain_part(const char *part, size_t len, size_t max, unsigned char *to,
                       enum part_case *ret_case)
{
    bool upper = false, lower = false;

    if (len > max)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (!fits_plain((unsigned char)part[i]))
            return false;
        upper = upper || isupper((unsigned char)part[i]);
        lower = lower || islower((unsigned char)part[i]);
        to[i] = (unsigned char)toupper((unsigned char)part[i]);
    }
    *ret_case = upper && lower ? CASE_MIXED : lower ? CASE_LOWER : upper ? CASE_UPPER : CASE_NONE;
    return true;
}

/* True if the 8.3 name is this name but for its case; n_units becomes 0 if it shows that, too. */
static bool init_plain(struct kiln_fat_name *n)
{
    const char *dot = strchr(n->text, '.');
    size_t base = dot ? (size_t)(dot - n->text) : strlen(n->text);
    enum part_case base_case, ext_case = CASE_NONE;

    if (base == 0 || !plain_part(n->text, base, 8, n->plain, &base_case))
        return false;
    if (dot && (!dot[1] || !plain_part(dot + 1, strlen(dot + 1), 3, n->plain + 8, &ext_case)))
        return false;
    if (base_case == CASE_MIXED || ext_case == CASE_MIXED)
        return true;
    n->nt_case =
        (unsigned char)((base_case == CASE_LOWER ? 0x08 : 0) | (ext_case == CASE_LOWER ? 0x10 : 0));
    n->n_units = 0;
    return true;
}

static bool add_unit(struct kiln_fat_name *n, unsigned unit)
{
    if (n->n_units == KILN_FAT_UNITS_MAX)
        return false;
    n->units[n->n_units++] = (uint16_t)unit;
    return true;
}

static bool init_long(struct kiln_fat_name *n, struct kiln_err *err)
{
    size_t left = strlen(n->text), len;

    for (const char *p = n->text; left > 0; p += len, left -= len) {
        unsigned c;
        bool fits;

        len = kiln_utf8_decode(p, left, &c);
        if (len == 0)
            return kiln_err_set(err, KILN_ERR_USER, "%s: a name on a floppy must be UTF-8",
                                n->text);
        if (c < 0x20 || (c < 0x80 && strchr("\"*/:<>?\\|", (int)c)))
            return kiln_err_set(err, KILN_ERR_USER, "%s: a name on a floppy cannot have '%c'",
                                n->text, c < 0x20 ? '?' : (int)c);
        fits = c < 0x10000 ? add_unit(n, c)
                           : add_unit(n, 0xd800 + ((c - 0x10000) >> 10)) &&
                                 add_unit(n, 0xdc00 + ((c - 0x10000) & 0x3ff));
        if (!fits)
            return kiln_err_set(err, KILN_ERR_USER, "%s: a name on a floppy has at most %d letters",
                                n->text, KILN_FAT_UNITS_MAX);
    }
    return true;
}

bool kiln_fat_name_init(struct kiln_fat_name *n, const char *text, struct kiln_err *err)
{
    *n = (struct kiln_fat_name){ .text = text };
    if (!init_long(n, err))
        return false;
    memset(n->plain, ' ', sizeof(n->plain));
    n->numbered = !init_plain(n);
    return true;
}

/* The first letters that an 8.3 name can hold, in capitals, others as '_'. */
static size_t squeeze(const char *from, size_t len, size_t max, unsigned char *to)
{
    size_t n = 0;

    for (size_t i = 0; i < len && n < max; i++) {
        unsigned char c = (unsigned char)from[i];

        if (c == ' ' || c == '.' || (c & 0xc0) == 0x80) /* or the rest of one UTF-8 letter */
            continue;
        to[n++] = (unsigned char)(fits_plain(c) ? toupper(c) : '_');
    }
    return n;
}

void kiln_fat_name_number(struct kiln_fat_name *n, unsigned number)
{
    const char *dot = strrchr(n->text, '.');
    size_t len = strlen(n->text), used;
    char tail[9];
    int tail_len = snprintf(tail, sizeof(tail), "~%u", number % 1000000);

    if (dot && strspn(n->text, ".") == (size_t)(dot - n->text) + 1)
        dot = NULL; /* ".profile" has no extension */
    memset(n->plain, ' ', sizeof(n->plain));
    used = squeeze(n->text, dot ? (size_t)(dot - n->text) : len, 8 - (size_t)tail_len, n->plain);
    memcpy(n->plain + used, tail, (size_t)tail_len);
    if (dot)
        (void)squeeze(dot + 1, strlen(dot + 1), 3, n->plain + 8);
}

static unsigned long_slots(const struct kiln_fat_name *n)
{
    return (n->n_units + UNITS_PER_SLOT - 1) / UNITS_PER_SLOT;
}

unsigned kiln_fat_name_slots(const struct kiln_fat_name *n)
{
    return 1 + long_slots(n);
}

static unsigned char checksum(const unsigned char *plain)
{
    unsigned sum = 0;

    for (int i = 0; i < 11; i++)
        sum = (((sum & 1) << 7) + (sum >> 1) + plain[i]) & 0xff;
    return (unsigned char)sum;
}

static void put_long_slot(const struct kiln_fat_name *n, unsigned order, unsigned char *slot)
{
    static const unsigned char places[UNITS_PER_SLOT] = { 1,  3,  5,  7,  9,  14, 16,
                                                          18, 20, 22, 24, 28, 30 };

    slot[0] = (unsigned char)((order + 1) | (order + 1 == long_slots(n) ? 0x40 : 0));
    slot[11] = 0x0f;
    slot[13] = checksum(n->plain);
    for (unsigned i = 0; i < UNITS_PER_SLOT; i++) {
        unsigned at = order * UNITS_PER_SLOT + i;
        unsigned unit = at < n->n_units ? n->units[at] : at == n->n_units ? 0 : 0xffff;

        kiln_put_le16(slot + places[i], (uint16_t)unit);
    }
}

unsigned char *kiln_fat_name_put(const struct kiln_fat_name *n, unsigned char *slots)
{
    for (unsigned order = long_slots(n); order-- > 0; slots += KILN_FAT_SLOT)
        put_long_slot(n, order, slots);
    return slots;
}
