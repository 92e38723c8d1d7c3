#include "ui/screen/screen_keyboard.h"

#include "base/cancel.h"
#include "base/clock.h"
#include "ui/model.h"
#include "ui/screen/guest_keys.h"

#define PACE_US   KILN_MS(30) /* between two characters of a paste */
#define MAX_PASTE 4096

static const char *const chords[] = {
    "ctrl-alt-del", "ctrl-alt-F1", "ctrl-alt-F2", "ctrl-alt-F3", "ctrl-alt-F4",
    "ctrl-alt-F5",  "ctrl-alt-F6", "ctrl-alt-F7", "alt-F1",      "alt-F2",
    "alt-F4",       "alt-tab",     "ctrl-c",      "ctrl-]",      "super",
    "print",        "alt-sysrq-h", "alt-sysrq-s", "alt-sysrq-u", "alt-sysrq-b",
};

void kiln_screen_keyboard_done(struct kiln_screen_keyboard *k)
{
    kiln_str_done(&k->text);
}

static void send_key(struct kiln_screen_keyboard *k, uint32_t keysym, bool down)
{
    const struct kiln_request req = { .command = "key", .keysym = keysym, .on = down };

    kiln_console_command(k->console, &req);
}

static void press(struct kiln_screen_keyboard *k, const struct kiln_guest_keys *keys)
{
    for (size_t i = 0; i < keys->n; i++)
        send_key(k, keys->keysyms[i], true);
    for (size_t i = keys->n; i-- > 0;)
        send_key(k, keys->keysyms[i], false);
}

/* May we type at all? Nobody's controls become ours with the first key. */
static bool allowed(struct kiln_screen_keyboard *k)
{
    const char *holder = kiln_console_model(k->console)->holder;

    if (!kiln_console_build(k->console))
        kiln_console_error(k->console, "there is no guest yet");
    else if (strcmp(holder, "other") == 0)
        kiln_console_error(k->console,
                           "somebody else has the controls of this run; `control` takes them");
    else if (!holder[0])
        kiln_console_error(k->console, "the run is over: its guests are gone");
    else
        return true;
    return false;
}

void kiln_screen_keyboard_release(struct kiln_screen_keyboard *k)
{
    k->on = false;
    kiln_str_clear(&k->text);
    k->at = 0;
}

static bool is_recording(const struct kiln_screen_keyboard *k)
{
    const struct kiln_model_build *b =
        kiln_model_find(kiln_console_model(k->console), kiln_console_build(k->console));

    return b && b->recording;
}

void kiln_screen_keyboard_toggle(struct kiln_screen_keyboard *k)
{
    if (k->on) {
        kiln_screen_keyboard_release(k);
        kiln_console_say(k->console, is_recording(k)
                                         ? "the keyboard is the console's again; the recording "
                                           "goes on until `record` ends it"
                                         : "the keyboard is the console's again");
    } else if (allowed(k)) {
        k->on = true;
        kiln_console_say(k->console, "every key goes to the guest; Ctrl-] ends that");
    }
    kiln_console_dirty(k->console);
}

static void on_record(void *ud, const struct kiln_reply *reply)
{
    struct kiln_screen_keyboard *k = ud;

    if (!reply->ok) {
        kiln_console_error(k->console, "%s", reply->error ? reply->error : "nothing is recorded");
        return;
    }
    k->on = true;
    kiln_console_say(k->console, "recording: every key goes to the guest; Ctrl-] gives the "
                                 "keyboard back");
    kiln_console_dirty(k->console);
}

static void on_recorded(void *ud, const struct kiln_reply *reply)
{
    struct kiln_screen_keyboard *k = ud;

    if (!reply->ok)
        kiln_console_error(k->console, "%s", reply->error ? reply->error : "it goes on");
}

void kiln_screen_keyboard_record(struct kiln_screen_keyboard *k)
{
    const char *label = kiln_console_build(k->console);
    struct kiln_request req = { .command = "record", .build = label };

    if (!allowed(k))
        return;
    req.on = !is_recording(k);
    if (!req.on)
        kiln_screen_keyboard_release(k);
    kiln_client_send(kiln_console_client(k->console), &req, req.on ? on_record : on_recorded, k);
}

bool kiln_screen_keyboard_key(struct kiln_screen_keyboard *k, const struct kiln_key *key)
{
    struct kiln_guest_keys keys;

    if (!k->on)
        return false;
    if ((key->code == ']' && key->mods == KILN_MOD_CTRL) || !allowed(k)) {
        kiln_screen_keyboard_toggle(k);
        return true;
    }
    if (!kiln_guest_keys_of(key, &keys))
        return false;
    press(k, &keys);
    return true;
}

/* ---- pasted text ---- */

bool kiln_screen_keyboard_paste(struct kiln_screen_keyboard *k, const char *text, size_t len)
{
    size_t waiting = k->text.len - k->at;

    if (!k->on)
        return false;
    if (len > MAX_PASTE - waiting) {
        kiln_console_error(k->console, "not typed: %zu bytes were pasted, %d is the most", len,
                           MAX_PASTE);
        return true;
    }
    kiln_str_remove(&k->text, 0, k->at);
    k->at = 0;
    kiln_str_add(&k->text, text, len);
    if (waiting == 0)
        k->next_us = kiln_clock_mono_us();
    kiln_console_dirty(k->console);
    return true;
}

int64_t kiln_screen_keyboard_deadline(const struct kiln_screen_keyboard *k)
{
    return k->at < k->text.len ? k->next_us : KILN_NEVER;
}

/* The next character of the text; 0: what is there cannot be typed. A line's end is one key,
 * however it is written. */
static unsigned next_char(struct kiln_screen_keyboard *k)
{
    const char *p = k->text.data + k->at;
    size_t left = k->text.len - k->at;
    unsigned c = 0;
    size_t n = kiln_utf8_decode(p, left, &c);

    k->at += n > 0 ? n : 1;
    if (n == 1 && c == '\r') {
        if (left > 1 && p[1] == '\n')
            k->at++;
        return '\n';
    }
    return n > 0 ? c : 0;
}

void kiln_screen_keyboard_tick(struct kiln_screen_keyboard *k, int64_t now_us)
{
    struct kiln_guest_keys keys;

    if (now_us < kiln_screen_keyboard_deadline(k))
        return;
    if (!allowed(k)) {
        kiln_screen_keyboard_release(k);
        return;
    }
    if (kiln_guest_keys_of_char(next_char(k), &keys))
        press(k, &keys);
    k->next_us = now_us + PACE_US;
    kiln_console_dirty(k->console);
}

/* ---- chords ---- */

static void chosen(void *ud, int index)
{
    struct kiln_screen_keyboard *k = ud;

    if (index == 0)
        kiln_console_command_line(k->console, "chord ");
    else if (index > 0 && (size_t)index <= KILN_COUNT(chords))
        kiln_screen_keyboard_chord(k, chords[index - 1]);
}

void kiln_screen_keyboard_chord(struct kiln_screen_keyboard *k, const char *chord)
{
    KILN_AUTO_STRV choices = { 0 };
    KILN_AUTO_ERR err = { 0 };
    struct kiln_guest_keys keys;

    if (!allowed(k))
        return;
    if (!chord[0]) {
        kiln_strv_add(&choices, "another one \u2026");
        for (size_t i = 0; i < KILN_COUNT(chords); i++)
            kiln_strv_add(&choices, chords[i]);
        kiln_console_menu(k->console, "Keys for the guest", &choices, chosen, k);
    } else if (!kiln_guest_keys_parse(chord, &keys, &err)) {
        kiln_console_error(k->console, "%s", kiln_err_text(&err));
    } else {
        press(k, &keys);
        kiln_console_say(k->console, "sent to the guest: %s", chord);
    }
}
