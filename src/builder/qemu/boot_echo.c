#include "builder/qemu/boot_echo.h"

#define BEYOND     16u /* characters behind the line that are looked at: doubled ones */
#define MAX_SCROLL 4u  /* rows that the screen may go up between two looks */
#define AGAIN      8u  /* characters that may be shown once more where a line goes on */
#define STRAY      3u  /* cells that may change besides: a cursor, a clock */

void kiln_echo_done(struct kiln_echo *e)
{
    kiln_text_done(&e->before);
    kiln_text_done(&e->last);
    kiln_str_done(&e->line);
    *e = (struct kiln_echo){ 0 };
}

void kiln_echo_begin(struct kiln_echo *e, const struct kiln_text *text)
{
    kiln_str_clear(&e->line);
    e->found = e->ghost = false;
    e->best = 0;
    e->shift = 0;
    kiln_text_copy(&e->before, text);
    kiln_text_copy(&e->last, text);
}

void kiln_echo_add(struct kiln_echo *e, uint32_t code)
{
    kiln_str_add(&e->line, &code, sizeof(code));
}

size_t kiln_echo_length(const struct kiln_echo *e)
{
    return e->line.len / sizeof(uint32_t);
}

uint32_t kiln_echo_at(const struct kiln_echo *e, size_t i)
{
    uint32_t code;

    memcpy(&code, e->line.data + i * sizeof(code), sizeof(code));
    return code;
}

static uint32_t code_at(const struct kiln_text *t, size_t i)
{
    return t->cells[i].code;
}

/* Furniture: it stood there before the line began, and a line ends at it. */
static bool stood_there(const struct kiln_echo *e, const struct kiln_text *text, size_t cell)
{
    size_t then = cell + (size_t)e->shift * text->columns;
    uint32_t code = then < (size_t)text->columns * text->rows ? code_at(&e->before, then) : ' ';

    return code_at(text, cell) == code;
}

static bool is_ghost(const struct kiln_echo *e, size_t cell, uint32_t code)
{
    return e->ghost && cell == e->ghost_cell && code == e->ghost_code;
}

/* What is there from this place on. A cell that cannot be read, perhaps for the cursor on it, may
 * become what it should be. Rows above the screen are taken for good. */
static struct kiln_echo_look measure(const struct kiln_echo *e, const struct kiln_text *text,
                                     size_t sent, int row, unsigned column)
{
    size_t n = kiln_echo_length(e);
    struct kiln_echo_look look = { 0 };
    bool good = true;

    for (size_t i = 0; i < n + BEYOND; i++) {
        int r = row + (int)((column + i) / text->columns);
        size_t cell = (size_t)r * text->columns + (column + i) % text->columns;
        uint32_t code;

        if (r >= (int)text->rows)
            break;
        code = r < 0 ? kiln_echo_at(e, i < n ? i : n - 1) : code_at(text, cell);
        if (code != ' ' && r >= 0 && stood_there(e, text, cell))
            break;
        good = good && i < n && code == kiln_echo_at(e, i) && (code != ' ' || i < sent);
        if (code != 0 && code != ' ' && (good || !is_ghost(e, cell, code)))
            look.shown = i + 1;
        if (good)
            look.good = i + 1;
    }
    if (look.shown > look.good)
        look.state = KILN_ECHO_WRONG;
    else
        look.state = look.good < n ? KILN_ECHO_PART : KILN_ECHO_ALL;
    return look;
}

/* The character without Shift, so that a Shift that was lost or stuck is not taken for nonsense. */
static uint32_t key_of(uint32_t code)
{
    static const char shifted[] = "~!@#$%^&*()_+{}|:\"<>?", plain[] = "`1234567890-=[]\\;',./";
    const char *at = code && code < 0x7F ? strchr(shifted, (int)code) : NULL;

    if (code >= 'A' && code <= 'Z')
        return code - 'A' + 'a';
    return at ? (uint32_t)plain[at - shifted] : code;
}

/* How many of n characters, shown from a cell on, are in the line from `from` on, in order. */
static size_t in_common(const struct kiln_echo *e, const struct kiln_text *text, size_t cell,
                        size_t n, size_t from)
{
    size_t common = 0;

    for (size_t i = 0; i < n; i++) {
        size_t k = from;

        while (k < kiln_echo_length(e) &&
               key_of(kiln_echo_at(e, k)) != key_of(code_at(text, cell + i)))
            k++;
        if (k < kiln_echo_length(e)) {
            common++;
            from = k + 1;
        }
    }
    return common;
}

/* Is what is wrong what a few lost and doubled keys would leave? Else it is something else. */
static bool plausible(const struct kiln_echo *e, const struct kiln_text *text,
                      const struct kiln_echo_look *look)
{
    size_t tail = look->shown - look->good, from = look->good - (look->good > 0);
    long cell = (long)e->row * text->columns + e->column + (long)look->good;

    if (tail > 2 * (kiln_echo_length(e) - look->good) + 4 || cell < 0)
        return false;
    return tail <= 2 || in_common(e, text, (size_t)cell, tail, from) * 3 >= tail * 2;
}

uint32_t kiln_echo_shown(const struct kiln_echo *e, const struct kiln_text *text, size_t i)
{
    long cell = (long)e->row * text->columns + e->column + (long)i;

    return cell >= 0 && cell < (long)text->columns * text->rows ? code_at(text, (size_t)cell) : 0;
}

/* ---- where the line begins ---- */

/* Cells that are another than before, and the first that is a character. */
static size_t count_changes(const struct kiln_echo *e, const struct kiln_text *text,
                            size_t *ret_first)
{
    size_t cells = (size_t)text->columns * text->rows, n = 0;

    *ret_first = cells;
    for (size_t i = 0; i < cells; i++) {
        if (stood_there(e, text, i))
            continue;
        n++;
        if (*ret_first == cells && code_at(text, i) != ' ')
            *ret_first = i;
    }
    return n;
}

static size_t leading_spaces(const struct kiln_echo *e)
{
    size_t n = 0;

    while (n < kiln_echo_length(e) && kiln_echo_at(e, n) == ' ')
        n++;
    return n;
}

/* A beginning that is right proves it if little else has changed; one that is not needs more. */
static bool convinces(const struct kiln_echo *e, const struct kiln_text *text, size_t start,
                      size_t changes, bool right)
{
    unsigned column = (unsigned)(start % text->columns);
    struct kiln_echo_look look =
        measure(e, text, kiln_echo_length(e), (int)(start / text->columns), column);

    if (look.shown == 0 || changes > look.shown + STRAY)
        return false;
    if (right)
        return look.good > leading_spaces(e);
    return look.shown >= 3 && in_common(e, text, start, look.shown, 0) * 3 >= look.shown * 2;
}

static bool try_start(struct kiln_echo *e, const struct kiln_text *text, size_t start,
                      size_t changes, bool right)
{
    if (start >= (size_t)text->columns * text->rows || !convinces(e, text, start, changes, right))
        return false;
    e->found = true;
    e->row = (int)(start / text->columns);
    e->column = (unsigned)(start % text->columns);
    return true;
}

static bool find_here(struct kiln_echo *e, const struct kiln_text *text, bool right)
{
    size_t first, changes = count_changes(e, text, &first), spaces = leading_spaces(e);
    int row = e->before.cursor_row - (int)e->shift;

    if (changes == 0 || spaces == kiln_echo_length(e))
        return false;
    if (e->before.cursor_row >= 0 && row >= 0 &&
        try_start(e, text, (size_t)row * text->columns + (size_t)e->before.cursor_column, changes,
                  right))
        return true;
    return first >= spaces && try_start(e, text, first - spaces, changes, right);
}

/* The screen may have gone up meanwhile. */
static bool find(struct kiln_echo *e, const struct kiln_text *text)
{
    for (int right = 1; right >= 0; right--) {
        for (e->shift = 0; e->shift <= MAX_SCROLL; e->shift++) {
            if (find_here(e, text, right))
                return true;
        }
    }
    e->shift = 0;
    return false;
}

/* ---- a look ---- */

/* A line that goes on in a new row at the bottom moves up with the screen. */
static struct kiln_echo_look follow(struct kiln_echo *e, const struct kiln_text *text, size_t sent)
{
    struct kiln_echo_look best = measure(e, text, sent, e->row, e->column);
    unsigned shift = e->shift;
    int end = e->row + (int)((e->column + e->best) / text->columns); /* its last row */

    for (unsigned k = 1; k <= MAX_SCROLL && (int)k <= end && best.good < e->best; k++) {
        struct kiln_echo_look look;

        e->shift = shift + k;
        look = measure(e, text, sent, e->row - (int)k, e->column);
        if (look.good < e->best)
            continue;
        e->row -= (int)k;
        return look;
    }
    e->shift = shift;
    return best;
}

struct kiln_echo_look kiln_echo_look(struct kiln_echo *e, const struct kiln_text *text, size_t sent)
{
    struct kiln_echo_look none = { .state = KILN_ECHO_NONE }, look;

    if (text->columns == 0 || text->columns != e->before.columns || text->rows != e->before.rows ||
        kiln_echo_length(e) == 0)
        return none;
    if (!e->found && !find(e, text))
        return none;
    look = follow(e, text, sent);
    if (look.good * 2 < e->best && e->best >= 4)
        return none;
    if (look.state == KILN_ECHO_WRONG && !plausible(e, text, &look))
        return none;
    if (look.good > e->best) {
        e->best = look.good;
        kiln_text_copy(&e->last, text);
    }
    return look;
}

bool kiln_echo_stirred(const struct kiln_echo *e, const struct kiln_text *text)
{
    if (text->columns != e->last.columns || text->rows != e->last.rows)
        return true;
    for (size_t i = 0; i < (size_t)text->columns * text->rows; i++) {
        if (code_at(text, i) != code_at(&e->last, i))
            return true;
    }
    return false;
}

static bool resume_at(struct kiln_echo *e, const struct kiln_text *text, size_t cut)
{
    struct kiln_echo rest = { 0 };
    enum kiln_echo_state state;

    kiln_echo_begin(&rest, &e->last);
    for (size_t i = cut; i < kiln_echo_length(e); i++)
        kiln_echo_add(&rest, kiln_echo_at(e, i));
    state = kiln_echo_look(&rest, text, kiln_echo_length(&rest)).state;
    if (state != KILN_ECHO_PART && state != KILN_ECHO_ALL) {
        kiln_echo_done(&rest);
        return false;
    }
    kiln_echo_done(e);
    *e = rest;
    return true;
}

bool kiln_echo_resume(struct kiln_echo *e, const struct kiln_text *text, size_t *ret_cut)
{
    size_t good = e->best;

    for (size_t again = 0; again <= AGAIN && again <= good; again++) {
        if (resume_at(e, text, good - again)) {
            *ret_cut = good - again;
            return true;
        }
    }
    return false;
}

void kiln_echo_shrinks(struct kiln_echo *e)
{
    e->best = 0;
}

bool kiln_echo_at_edge(const struct kiln_echo *e, size_t i)
{
    unsigned columns = e->before.columns;

    return e->found && columns > 2 && (e->column + i) % columns >= columns - 2;
}

bool kiln_echo_edge_erased(struct kiln_echo *e, const struct kiln_text *text,
                           const struct kiln_echo_look *before, size_t *ret_cut)
{
    size_t last = (size_t)e->row * e->before.columns + e->column + before->shown - 1;
    uint32_t code;

    if (!e->found || e->row < 0 || before->shown != before->good + 1 || before->good == 0 ||
        last % e->before.columns != e->before.columns - 1 ||
        last >= (size_t)text->columns * text->rows || code_at(text, last - 1) != ' ')
        return false;
    code = code_at(text, last);
    if (code == ' ')
        return false;
    *ret_cut = before->good;
    kiln_str_remove(&e->line, 0, before->good * sizeof(code));
    kiln_text_copy(&e->before, text);
    kiln_text_copy(&e->last, text);
    e->before.cells[last].code = ' '; /* a ghost is no furniture */
    e->shift = 0;
    e->best = 0;
    e->row = (int)((last - 1) / text->columns);
    e->column = (unsigned)((last - 1) % text->columns);
    e->ghost = true;
    e->ghost_cell = last;
    e->ghost_code = code;
    return true;
}

bool kiln_echo_cursor_behind(const struct kiln_echo *e, const struct kiln_text *text)
{
    size_t at = e->column + kiln_echo_length(e);

    return e->found && text->columns && text->cursor_row == e->row + (int)(at / text->columns) &&
           text->cursor_column == (int)(at % text->columns);
}
