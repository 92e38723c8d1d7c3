#include "bootcmd/record_line.h"

#include "base/mem.h"
#include "bootcmd/keys.h"
#include "bootcmd/telling.h"

#define SHORT 4 /* characters: what is shorter and not shown is a choice in a menu, an answer */

void kiln_record_line_done(struct kiln_record_line *l)
{
    kiln_str_done(&l->text);
    kiln_strv_done(&l->rows);
    free(l->prompts[0]);
    free(l->prompts[1]);
    *l = (struct kiln_record_line){ 0 };
}

static size_t chars_in(const struct kiln_str *s)
{
    size_t n = 0;

    for (size_t i = 0; i < s->len; i++)
        n += ((unsigned char)s->data[i] & 0xC0) != 0x80;
    return n;
}

/* ---- the prompt ---- */

static size_t without_spaces(const char *s, size_t len)
{
    while (len > 0 && s[len - 1] == ' ')
        len--;
    return len;
}

/* The row up to a column. */
static char *up_to(const char *row, int column)
{
    size_t len = strlen(row), at = 0;
    unsigned cp;

    for (int i = 0; i < column && at < len; i++) {
        size_t n = kiln_utf8_decode(row + at, len - at, &cp);

        at += n ? n : 1;
    }
    return kiln_xstrndup(row, without_spaces(row, at));
}

static char *before_cursor(const struct kiln_record_screen *screen)
{
    if (screen->cursor_row < 0 || (size_t)screen->cursor_row >= screen->rows->n)
        return kiln_xstrdup("");
    return up_to(screen->rows->v[screen->cursor_row], screen->cursor_column);
}

static char *last_row(const struct kiln_record_screen *screen)
{
    size_t i = screen->rows->n;

    while (i > 0 && !screen->rows->v[i - 1][0])
        i--;
    return kiln_xstrdup(i > 0 ? screen->rows->v[i - 1] : "");
}

static bool asks_for_secret(const char *prompt)
{
    static const char *const words[] = {
        "passwor",      "passwd",   "passphrase",
        "passcode",     "kennwort", "secret",
        "mot de pass",  "contrase", "senha",
        "has\xC5\x82o", "wachtwo",  "\xD0\xBF\xD0\xB0\xD1\x80\xD0\xBE\xD0\xBB\xD1\x8C",
    };

    for (size_t i = 0; i < KILN_COUNT(words); i++) {
        for (const char *s = prompt; *s; s++) {
            if (kiln_bootcmd_begins(s, strlen(s), words[i]))
                return true;
        }
    }
    return false;
}

void kiln_record_line_begin(struct kiln_record_line *l, const struct kiln_record_screen *screen)
{
    kiln_record_line_done(l);
    l->prompts[0] = before_cursor(screen);
    l->prompts[1] = last_row(screen);
    l->asks = asks_for_secret(l->prompts[0]) || asks_for_secret(l->prompts[1]);
    kiln_strv_add_all(&l->rows, screen->rows);
}

void kiln_record_line_back(struct kiln_record_line *l)
{
    size_t len = l->text.len;

    while (len > 0 && ((unsigned char)l->text.data[len - 1] & 0xC0) == 0x80)
        len--;
    kiln_str_truncate(&l->text, len > 0 ? len - 1 : 0);
}

/* ---- the echo ---- */

/* How many bytes of `text` stand there. */
static size_t begins_with(const char *s, const char *text)
{
    size_t n = 0;

    while (text[n] && s[n] == text[n])
        n++;
    return n;
}

/* What stands behind a prompt; NULL: the row does not begin with it. */
static const char *behind(const char *row, const char *prompt)
{
    size_t n = strlen(prompt);

    if (n == 0 || strncmp(row, prompt, n) != 0)
        return NULL;
    return row + n + strspn(row + n, " ");
}

bool kiln_record_line_echoes(const struct kiln_record_line *l, const char *row)
{
    const char *text = kiln_str_cstr(&l->text);

    text += strspn(text, " ");
    for (size_t i = 0; *text && i < KILN_COUNT(l->prompts); i++) {
        const char *rest = behind(row, l->prompts[i]);
        size_t n = rest ? begins_with(rest, text) : 0;

        if (n > 0 && (!text[n] || !rest[n]))
            return true;
    }
    return false;
}

bool kiln_record_line_answers(const struct kiln_record_line *l, const char *row)
{
    return kiln_streq(l->prompts[0], row) || kiln_streq(l->prompts[1], row);
}

bool kiln_record_line_waits(const struct kiln_record_line *l, const struct kiln_strv *rows)
{
    const char *prompt = l->prompts[1];

    KILN_STRV_FOREACH (row, rows) {
        KILN_AUTO_FREE char *same = NULL;

        if (!prompt[0] || strlen(row) < strlen(prompt))
            continue;
        same = kiln_xstrndup(row, strlen(prompt));
        if (kiln_telling_same(same, prompt))
            return true;
    }
    return false;
}

/* Half of it or more, somewhere it was not before. Only while it is being typed: what comes
 * afterwards may well say a password again (vagrant@vagrant:~$). */
static bool appears(const struct kiln_record_line *l, const char *row)
{
    size_t half = (chars_in(&l->text) + 1) / 2, bytes = 0;
    KILN_AUTO_FREE char *part = NULL;

    if (half < 2 || kiln_strv_has(&l->rows, row))
        return false;
    for (size_t chars = 0; bytes < l->text.len; bytes++) {
        chars += ((unsigned char)l->text.data[bytes] & 0xC0) != 0x80;
        if (chars > half)
            break;
    }
    part = kiln_xstrndup(l->text.data, bytes);
    return strstr(row, part) != NULL;
}

void kiln_record_line_see(struct kiln_record_line *l, const struct kiln_strv *rows)
{
    KILN_STRV_FOREACH (row, rows) {
        if (!kiln_strv_has(&l->rows, row) &&
            (kiln_record_line_echoes(l, row) || (!l->ended && appears(l, row))))
            l->shown = true;
    }
}

bool kiln_record_line_hidden(const struct kiln_record_line *l)
{
    return l->rows.n > 0 && !l->shown && (l->asks || (l->ended && chars_in(&l->text) >= SHORT));
}
