#include "builder/qemu/boot_echo.h"

#define BEYOND     16u /* characters behind the line that are looked at: doubled ones */
#define MAX_SCROLL 4u  /* rows that the screen may go up between two looks */
#define AGAIN      8u  /* characters that may be shown once more where a line goes on */
#define FEW        4u  /* wrong characters are no message of others, where keys are lost */
#define STRAY      3u  /* cells that may change besides: a cursor, a clock */
#define MARGIN     4u  /* a text window's edges are within this part of the screen's columns */

void kiln_echo_done(struct kiln_echo *e)
{
    kiln_text_done(&e->before);
    kiln_text_done(&e->last);
    kiln_str_done(&e->line);
    kiln_str_done(&e->cut);
    *e = (struct kiln_echo){ 0 };
}

static bool same_size(const struct kiln_text *a, const struct kiln_text *b)
{
    return a->columns == b->columns && a->rows == b->rows;
}

static bool same_grid(const struct kiln_text *a, const struct kiln_text *b)
{
    return same_size(a, b) && a->x == b->x && a->y == b->y && a->cell_width == b->cell_width &&
           a->font == b->font;
}

void kiln_echo_begin(struct kiln_echo *e, const struct kiln_text *text)
{
    kiln_str_clear(&e->line);
    kiln_str_clear(&e->cut);
    e->found = e->ghost = e->led = false;
    e->best = 0;
    e->shift = 0;
    if (!same_grid(&e->before, text)) {
        e->left = 0;
        e->right = text->columns;
    }
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

/* Where character i of a line is that begins at row, column. A line that begins outside the text
 * window does not know of it. */
static void place(const struct kiln_echo *e, int row, unsigned column, size_t i, int *ret_row,
                  unsigned *ret_column)
{
    bool inside = column >= e->left && column < e->right;
    unsigned left = inside ? e->left : 0, right = inside ? e->right : e->before.columns;
    size_t at = column - left + i;

    *ret_row = row + (int)(at / (right - left));
    *ret_column = left + (unsigned)(at % (right - left));
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
    bool good = true, blind; /* it looks like this whether the character came or not */

    for (size_t i = 0; i < n + BEYOND; i++) {
        unsigned c;
        int r;
        size_t cell;
        uint32_t code;

        place(e, row, column, i, &r, &c);
        if (r >= (int)text->rows)
            break;
        cell = (size_t)r * text->columns + c;
        code = r < 0 ? kiln_echo_at(e, i < n ? i : n - 1) : code_at(text, cell);
        if (code != ' ' && r >= 0 && stood_there(e, text, cell))
            break;
        blind = code == ' ' || (r >= 0 && is_ghost(e, cell, code));
        good = good && i < n && code == kiln_echo_at(e, i) && (!blind || i < sent);
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

/* What is in the place of character i of a line that begins there; 0: unknown, or out of sight. */
static uint32_t shown_at(const struct kiln_echo *e, const struct kiln_text *text, int row,
                         unsigned column, size_t i)
{
    unsigned c;
    int r;

    place(e, row, column, i, &r, &c);
    if (r < 0 || r >= (int)text->rows || c >= text->columns)
        return 0;
    return code_at(text, (size_t)r * text->columns + c);
}

/* Of a line that begins there: how many of the characters [i, end) that are shown are also in the
 * line from `from` on, in order, each of them perhaps twice. */
static size_t in_common(const struct kiln_echo *e, const struct kiln_text *text, int row,
                        unsigned column, size_t i, size_t end, size_t from)
{
    size_t common = 0;
    uint32_t last = 0;

    for (; i < end; i++) {
        uint32_t key = key_of(shown_at(e, text, row, column, i));
        size_t k = from;

        if (e->faults && key == last) {
            common++;
            last = 0;
            continue;
        }
        while (k < kiln_echo_length(e) && key_of(kiln_echo_at(e, k)) != key)
            k++;
        if (k < kiln_echo_length(e)) {
            common++;
            from = k + 1;
            last = key;
        }
    }
    return common;
}

/* Where keys are lost, doubled, or late and typed again: is half of it what was typed last? */
static bool was_typed(const struct kiln_echo *e, const struct kiln_text *text,
                      const struct kiln_echo_look *look)
{
    size_t from = look->good > AGAIN ? look->good - AGAIN : 0, known = 0;

    for (size_t i = look->good; i < look->shown; i++)
        known += kiln_echo_shown(e, text, i) == ' ' ||
                 in_common(e, text, e->row, e->column, i, i + 1, from) > 0;
    return known * 2 >= look->shown - look->good;
}

/* Is what is wrong what a few lost and doubled keys would leave? Else it is something else. */
static bool plausible(const struct kiln_echo *e, const struct kiln_text *text,
                      const struct kiln_echo_look *look)
{
    size_t tail = look->shown - look->good, from = look->good - (look->good > 0);

    if (e->faults)
        return tail <= FEW || was_typed(e, text, look);
    return tail <= 2 ||
           (tail <= 2 * (kiln_echo_length(e) - look->good) + 4 &&
            in_common(e, text, e->row, e->column, look->good, look->shown, from) * 3 >= tail * 2);
}

uint32_t kiln_echo_shown(const struct kiln_echo *e, const struct kiln_text *text, size_t i)
{
    return shown_at(e, text, e->row, e->column, i);
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
    int row = (int)(start / text->columns);
    struct kiln_echo_look look = measure(e, text, kiln_echo_length(e), row, column);

    if (look.shown == 0 || changes > look.shown + STRAY)
        return false;
    if (right)
        return look.good > leading_spaces(e);
    return look.shown >= 3 &&
           in_common(e, text, row, column, 0, look.shown, 0) * 3 >= look.shown * 2;
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

/* Spaces behind the last that is none look the same if they were lost. */
size_t kiln_echo_seen(const struct kiln_echo *e)
{
    size_t n = e->best < kiln_echo_length(e) ? e->best : kiln_echo_length(e);

    while (n > 0 && kiln_echo_at(e, n - 1) == ' ')
        n--;
    return n;
}

/* A line that goes on in a new row at the bottom moves up with the screen. What was seen last stays
 * in sight: what is above the screen is no proof. */
static struct kiln_echo_look follow(struct kiln_echo *e, const struct kiln_text *text, size_t sent)
{
    struct kiln_echo_look best = measure(e, text, sent, e->row, e->column);
    unsigned shift = e->shift, column;
    size_t good = kiln_echo_seen(e);
    int end;

    if (good <= best.good)
        return best;
    place(e, e->row, e->column, good - 1, &end, &column);
    for (unsigned k = 1; k <= MAX_SCROLL && (int)k <= end; k++) {
        struct kiln_echo_look look;

        e->shift = shift + k;
        look = measure(e, text, sent, e->row - (int)k, e->column);
        if (look.good < good)
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

    if (text->columns == 0 || !same_size(text, &e->before) || kiln_echo_length(e) == 0)
        return none;
    if (!e->found && !find(e, text))
        return none;
    look = follow(e, text, sent);
    if (look.good * 2 < e->best && e->best >= 4)
        return none;
    if (look.state == KILN_ECHO_WRONG && !plausible(e, text, &look))
        return none;
    e->led |= kiln_echo_cursor_behind(e, text, look.good);
    if (look.good > e->best) {
        e->best = look.good;
        kiln_text_copy(&e->last, text);
    }
    return look;
}

bool kiln_echo_stirred(const struct kiln_echo *e, const struct kiln_text *text)
{
    if (!same_size(text, &e->last))
        return true;
    for (size_t i = 0; i < (size_t)text->columns * text->rows; i++) {
        if (code_at(text, i) != code_at(&e->last, i))
            return true;
    }
    return false;
}

static void begin_rest(struct kiln_echo *rest, const struct kiln_echo *e,
                       const struct kiln_text *text, size_t cut)
{
    kiln_echo_begin(rest, text);
    rest->faults = e->faults;
    for (size_t i = cut; i < kiln_echo_length(e); i++)
        kiln_echo_add(rest, kiln_echo_at(e, i));
}

/* Where keys are lost and doubled, a line that goes on a few blanks further has spaces too many in
 * it; and one that goes on where it should is not elsewhere, or a backspace too many would take
 * away what is not looked at any more. */
static bool is_shift(const struct kiln_echo *e, const struct kiln_text *text, size_t cut,
                     const struct kiln_echo *rest)
{
    unsigned column;
    size_t want, start = (size_t)rest->row * text->columns + rest->column;
    int row;

    place(e, e->row, e->column, cut, &row, &column);
    want = (size_t)row * text->columns + column;
    if (!e->faults || row < 0 || start < want || start - want > STRAY + 1)
        return false;
    while (want < start && code_at(text, want) == ' ')
        want++;
    return want == start;
}

static bool resume_at(struct kiln_echo *e, const struct kiln_text *text, size_t cut, bool right)
{
    struct kiln_echo rest = { 0 };
    enum kiln_echo_state state;

    begin_rest(&rest, e, &e->last, cut);
    state = kiln_echo_look(&rest, text, kiln_echo_length(&rest)).state;
    if (state == KILN_ECHO_NONE || (right && state == KILN_ECHO_WRONG) ||
        is_shift(e, text, cut, &rest)) {
        kiln_echo_done(&rest);
        return false;
    }
    kiln_echo_done(e);
    *e = rest;
    return true;
}

/* The row shows the characters [from, end) of the line, nothing else, and has not all the time. */
static bool row_shows(const struct kiln_echo *e, const struct kiln_text *text, unsigned row,
                      size_t from, size_t end, unsigned *ret_column)
{
    size_t cell = (size_t)row * text->columns, i = from;
    bool news = false;

    for (unsigned c = 0; c < text->columns; c++) {
        uint32_t code = code_at(text, cell + c);

        if (i == from && code == ' ' && kiln_echo_at(e, i) != ' ')
            continue;
        if (code != (i < end ? kiln_echo_at(e, i) : ' '))
            return false;
        if (i == from)
            *ret_column = c;
        news |= i < end && !stood_there(e, text, cell + c);
        i += i < end;
    }
    return news && i == end;
}

/* Several characters may have come at once, the last of the old row and the first of a new one, so
 * that the screen before does not tell where they begin; but all that were sent tell by themselves.
 */
static bool resume_in_row(struct kiln_echo *e, const struct kiln_text *text, size_t cut,
                          size_t sent)
{
    struct kiln_echo rest = { 0 };
    unsigned row = 0, column = 0;

    if (sent < cut + 2)
        return false;
    while (row < text->rows && !row_shows(e, text, row, cut, sent, &column))
        row++;
    if (row == text->rows)
        return false;
    begin_rest(&rest, e, text, cut);
    rest.found = true;
    rest.row = (int)row;
    rest.column = column;
    if (is_shift(e, text, cut, &rest)) {
        kiln_echo_done(&rest);
        return false;
    }
    for (size_t i = 0; i < sent - cut; i++) /* no furniture */
        rest.before.cells[(size_t)row * text->columns + column + i].code = ' ';
    kiln_echo_done(e);
    *e = rest;
    return true;
}

bool kiln_echo_resume(struct kiln_echo *e, const struct kiln_text *text, size_t sent,
                      size_t *ret_cut)
{
    size_t good = kiln_echo_seen(e);

    if (!same_size(text, &e->before))
        return false;
    for (size_t cut = good; cut <= e->best; cut++) { /* spaces are in the old row or the new one */
        if (!resume_in_row(e, text, cut, sent))
            continue;
        *ret_cut = cut;
        return true;
    }
    for (size_t again = 0; again <= AGAIN && again <= good; again++) {
        if (good - again <= sent && resume_at(e, text, good - again, true)) {
            *ret_cut = good - again;
            return true;
        }
    }
    if (good > sent || !resume_at(e, text, good, false))
        return false;
    *ret_cut = good;
    return true;
}

void kiln_echo_restart(struct kiln_echo *e, const struct kiln_text *text, size_t cut)
{
    struct kiln_echo rest = { 0 };

    begin_rest(&rest, e, text, cut);
    if (same_grid(&e->before, text)) {
        rest.left = e->left;
        rest.right = e->right;
    }
    kiln_echo_done(e);
    *e = rest;
}

/* Is nothing in a row from this column on? */
static bool is_free(const struct kiln_echo *e, const struct kiln_text *text, int row,
                    unsigned column)
{
    for (; row >= 0 && column < text->columns; column++) {
        size_t cell = (size_t)row * text->columns + column;

        if (code_at(text, cell) != ' ' && !stood_there(e, text, cell))
            return false;
    }
    return true;
}

/* Does it explain what is shown that rows end before the place of character i? */
static bool breaks_at(struct kiln_echo *e, const struct kiln_text *text, size_t sent, size_t i,
                      unsigned left)
{
    struct kiln_echo trial = *e;
    int row;

    place(e, e->row, e->column, i, &row, &trial.right);
    trial.left = left;
    if (trial.right * MARGIN < text->columns * (MARGIN - 1) || e->column >= trial.right ||
        e->column < left)
        return false;
    if (follow(&trial, text, sent).good <= e->best || !is_free(e, text, row, trial.right))
        return false;
    e->left = left;
    e->right = trial.right;
    e->row = trial.row;
    e->shift = trial.shift;
    return true;
}

bool kiln_echo_learn_margins(struct kiln_echo *e, const struct kiln_text *text, size_t sent)
{
    if (!e->found || e->best == 0 || !same_grid(&e->before, text))
        return false;
    /* A space may be on either side of where a row ends. */
    for (size_t i = e->best; i > 0; i--) {
        for (unsigned left = 1; left < text->columns / MARGIN; left++) {
            if (breaks_at(e, text, sent, i, left))
                return true;
        }
        if (kiln_echo_at(e, i - 1) != ' ')
            break;
    }
    return false;
}

void kiln_echo_shrinks(struct kiln_echo *e)
{
    e->best = 0;
}

bool kiln_echo_at_edge(const struct kiln_echo *e, size_t i)
{
    unsigned column;
    int row;

    if (!e->found)
        return false;
    place(e, e->row, e->column, i, &row, &column);
    return e->right > 2 && column + 2 >= e->right;
}

size_t kiln_echo_in_last_row(const struct kiln_echo *e, size_t good, size_t shown)
{
    unsigned column;
    int last, row;

    place(e, e->row, e->column, shown - 1, &last, &column);
    for (size_t i = good; i < shown; i++) {
        place(e, e->row, e->column, i, &row, &column);
        if (row == last)
            return shown - i;
    }
    return 0;
}

/* How many of the line's first `good` characters, which end before this cell, are gone. Of a space
 * only the cursor tells. */
static unsigned count_erased(const struct kiln_echo *e, const struct kiln_text *text, size_t good,
                             int row, unsigned column)
{
    unsigned most = column - e->left, n = 0;

    while (n < most && n < good) {
        unsigned at = column - 1 - n;
        bool is_space = kiln_echo_at(e, good - 1 - n) == ' ';
        bool is_left = text->cursor_row == row && text->cursor_column <= (int)at;

        if (code_at(text, (size_t)row * text->columns + at) != ' ' || (is_space && n && !is_left))
            break;
        n++;
    }
    return n;
}

bool kiln_echo_edge_erased(struct kiln_echo *e, const struct kiln_text *text,
                           const struct kiln_echo_look *before, size_t *ret_cut)
{
    size_t last;
    unsigned column, erased;
    uint32_t code;
    int row;

    if (!e->found || !same_size(text, &e->before) || before->shown != before->good + 1 ||
        before->good == 0)
        return false;
    place(e, e->row, e->column, before->good, &row, &column);
    last = (size_t)row * text->columns + column;
    if (row < 0 || row >= (int)text->rows || column + 1 != e->right)
        return false;
    code = code_at(text, last);
    erased = count_erased(e, text, before->good, row, column);
    if (code == ' ' || erased == 0)
        return false;
    *ret_cut = before->good + 1 - erased; /* the first takes away what stays in sight */
    kiln_str_clear(&e->cut);
    kiln_str_add(&e->cut, e->line.data, *ret_cut * sizeof(code));
    kiln_str_remove(&e->line, 0, *ret_cut * sizeof(code));
    kiln_text_copy(&e->before, text);
    kiln_text_copy(&e->last, text);
    e->before.cells[last].code = ' '; /* a ghost is no furniture */
    e->shift = 0;
    e->best = 0;
    e->row = row;
    e->column = column - erased;
    e->ghost = true;
    e->ghost_cell = last;
    e->ghost_code = code;
    return true;
}

/* Has the cell before the line's beginning been taken away? */
static bool is_eaten(const struct kiln_echo *e, const struct kiln_text *text)
{
    size_t at = (size_t)e->row * text->columns + e->column - 1,
           then = at + (size_t)e->shift * text->columns;

    if (code_at(text, at) != ' ')
        return false;
    return (then < (size_t)text->columns * text->rows && code_at(&e->before, then) != ' ') ||
           (text->cursor_row == e->row && text->cursor_column < (int)e->column);
}

bool kiln_echo_eaten(struct kiln_echo *e, const struct kiln_text *text)
{
    size_t size = sizeof(uint32_t), n = e->cut.len / size;

    if (!e->found || !same_size(text, &e->before))
        return false;
    while (n > 0 && e->row >= 0 && e->column > e->left && is_eaten(e, text)) {
        n--;
        e->column--;
    }
    if (n * size == e->cut.len)
        return false;
    kiln_str_add(&e->cut, e->line.data, e->line.len); /* what is taken back, and the rest */
    kiln_str_clear(&e->line);
    kiln_str_add(&e->line, e->cut.data + n * size, e->cut.len - n * size);
    kiln_str_truncate(&e->cut, n * size);
    e->best = 0;
    return true;
}

/* Is the cursor where character i is, or is to be? */
static bool cursor_at(const struct kiln_echo *e, const struct kiln_text *text, size_t i)
{
    unsigned column;
    int row;

    place(e, e->row, e->column, i, &row, &column);
    return text->cursor_row == row && text->cursor_column == (int)column;
}

bool kiln_echo_cursor_behind(const struct kiln_echo *e, const struct kiln_text *text, size_t n)
{
    if (!e->found || text->columns == 0)
        return false;
    /* Behind the last column it may wait for the next character. */
    return cursor_at(e, text, n) ||
           (n > 0 && text->cursor_column + 1 == (int)e->right && cursor_at(e, text, n - 1));
}

bool kiln_echo_cursor_left(const struct kiln_echo *e, const struct kiln_text *text, size_t good,
                           size_t sent)
{
    size_t n = good;

    if (!e->found || !e->led || text->cursor_row < 0)
        return false;
    while (n > 0 && kiln_echo_at(e, n - 1) == ' ')
        n--;                     /* spaces that were lost look like those that are there */
    for (; n <= sent + 1; n++) { /* or have come where something else was to be, even twice */
        if (kiln_echo_cursor_behind(e, text, n))
            return false;
    }
    return true;
}
