#include "vm/screen.h"

#include "base/clock.h"
#include "base/framebuffer.h"
#include "base/log.h"
#include "builder/qemu/boot_record.h"
#include "builder/qemu/qemu.h"
#include "builder/qemu/screen_text.h"
#include "engine/control.h"
#include "engine/ladder.h"
#include "vm/film.h"
#include "vm/fonts.h"

/* The commands `screen`, `key` and `release-keys`, the events of the guest's screen, its frames. */

#define READ_US   KILN_SECOND(1) /* for the screen's text, once there is a picture */
#define LAST_ROWS 6
#define VEIL_US   KILN_SECOND(30) /* from the end of a boot command that holds a secret */

static void say_geometry(void *ud, unsigned width, unsigned height)
{
    struct kiln_event ev = { .type = KILN_EV_SCREEN, .done = width, .total = height };

    kiln_emit(((struct kiln_qemu_state *)ud)->build, &ev);
}

static void say_frame(void *ud, uint64_t number)
{
    struct kiln_event ev = { .type = KILN_EV_FRAME, .index = (int64_t)number };

    kiln_emit(((struct kiln_qemu_state *)ud)->build, &ev);
}

static void say_text(void *ud, const struct kiln_text *text)
{
    struct kiln_qemu_state *s = ud;

    kiln_boot_record_text(s->record, text); /* before anybody can answer to it */
    kiln_screen_text_say(s->build, text, s->veiled_until == INT64_MAX, &s->text_told);
    kiln_screen_text_check(s->build, text);
}

/* The screen's thread, which is the only one that has the film. */
static enum kiln_sampled take_frame(void *ud, const struct kiln_framebuffer *fb)
{
    struct kiln_qemu_state *s = ud;

    if (kiln_clock_mono_us() < s->veiled_until)
        return KILN_SAMPLED_AGAIN;
    if (!kiln_film_take(s->film, fb))
        return KILN_SAMPLED_OLD;
    kiln_ladder_set(s->build->ladder, KILN_RUNG_SCREEN, KILN_RUNG_HOLDS, "%ux%u", fb->width,
                    fb->height);
    return KILN_SAMPLED_NEW;
}

static bool has_vnc(const struct kiln_qemu_state *s, struct kiln_err *err)
{
    return !s->o->disable_vnc || kiln_err_set(err, KILN_ERR_USER,
                                              "the template has disable_vnc: without VNC kiln can "
                                              "neither see the guest's screen nor type");
}

static bool screen(void *ud, const struct kiln_control_args *args, struct kiln_control_reply *reply,
                   struct kiln_err *err)
{
    struct kiln_qemu_state *s = ud;

    return has_vnc(s, err) && kiln_screen_watch(s->screen, args->on, &reply->fd, err);
}

/* Neither here nor anywhere below is a word said about which key it was. */
static bool press(struct kiln_qemu_state *s, uint32_t keysym, bool down, struct kiln_err *err)
{
    struct kiln_bootcmd_event events[KILN_LAYOUT_HAND_EVENTS];
    size_t n = kiln_layout_by_hand(&s->o->layout, &s->hand, keysym, down, events);
    bool ok = true;

    for (size_t i = 0; i < n && ok; i++)
        ok = kiln_screen_key(s->screen,
                             &(struct kiln_key_stroke){ events[i].keysym, events[i].scancode,
                                                        events[i].action == KILN_BOOTCMD_DOWN },
                             err);
    return ok;
}

static bool key(void *ud, const struct kiln_control_args *args, struct kiln_control_reply *reply,
                struct kiln_err *err)
{
    struct kiln_qemu_state *s = ud;

    (void)reply;
    if (!has_vnc(s, err))
        return false;
    kiln_boot_record_key(s->record, args->keysym, args->on); /* before the guest can show it */
    return press(s, args->keysym, args->on, err);
}

static bool release_keys(void *ud, const struct kiln_control_args *args,
                         struct kiln_control_reply *reply, struct kiln_err *err)
{
    struct kiln_qemu_state *s = ud;

    (void)args, (void)reply, (void)err;
    kiln_screen_release_keys(s->screen);
    s->hand = (struct kiln_layout_hand){ 0 };
    kiln_boot_record_release(s->record);
    return true;
}

static const struct kiln_control_command commands[] = {
    { "screen", screen },
    { "key", key },
    { "release-keys", release_keys },
    { 0 },
};

bool kiln_qemu_screen_open(struct kiln_qemu_state *s, struct kiln_build *b, struct kiln_err *err)
{
    const struct kiln_screen_watcher watcher = { say_geometry, say_frame, say_text,
                                                 b->frames_dir ? take_frame : NULL, s };

    if (b->frames_dir)
        s->film = kiln_film_new(b->frames_dir);
    s->record = kiln_boot_record_new(s, b);
    s->screen = kiln_screen_new(&watcher, err);
    if (!s->screen)
        return false;
    kiln_control_add(b->control, commands, s);
    return true;
}

bool kiln_qemu_screen_attach(struct kiln_qemu_state *s, struct kiln_err *err)
{
    const struct kiln_qemu_options *o = s->o;
    const struct kiln_fonts_places fonts = { .qemu_binary = s->qemu_binary,
                                             .firmware = kiln_is_set(o->efi_firmware_code)
                                                             ? o->efi_firmware_code
                                                         : kiln_is_set(o->firmware) ? o->firmware
                                                                                    : NULL };
    const struct kiln_screen_server server = {
        .host = s->o->vnc_bind_address,
        .port = s->vnc_port.port,
        .password = s->vnc_password,
        .died_fd = kiln_qemu_pidfd(s->qemu),
        .scancodes = s->o->layout.name[0] != '\0',
        .fonts = &fonts,
    };

    return s->o->disable_vnc || kiln_screen_attach(s->screen, &server, err);
}

void kiln_qemu_screen_sample(struct kiln_qemu_state *s)
{
    KILN_AUTO_ERR err = { 0 };

    if (!kiln_screen_sample(s->screen, &err))
        kiln_log("screen: no frames are kept: %s", kiln_err_text(&err));
}

/* What it says now, as far as it can be read. */
static void read_screen(struct kiln_qemu_state *s, struct kiln_text *text)
{
    struct kiln_cancel *c = s->build->cancel;

    if (!kiln_screen_want_text(s->screen, true, NULL))
        return;
    kiln_screen_sample_now(s->screen);
    (void)kiln_screen_wait_text(s->screen, text, c, kiln_qemu_pidfd(s->qemu),
                                kiln_cancel_deadline(c, READ_US), NULL);
    (void)kiln_screen_want_text(s->screen, false, NULL);
}

void kiln_qemu_screen_last_words(struct kiln_qemu_state *s, struct kiln_str *out)
{
    struct kiln_text text = { 0 };
    KILN_AUTO_STRV said = { 0 };

    if (s->o->disable_vnc || s->veiled_until != 0) /* a secret need not stand in one row */
        return;
    read_screen(s, &text);
    for (unsigned i = 0; i < text.rows; i++) {
        KILN_AUTO_STR row = { 0 };

        kiln_text_row(&text, i, &row);
        if (row.len > 0)
            kiln_strv_add(&said, kiln_str_cstr(&row));
    }
    if (said.n > 0)
        kiln_str_adds(out, "\nThe screen ends with:");
    for (size_t i = said.n > LAST_ROWS ? said.n - LAST_ROWS : 0; i < said.n; i++)
        kiln_str_addf(out, "\n  | %s", said.v[i]);
    kiln_text_done(&text);
}

void kiln_qemu_screen_veil(struct kiln_qemu_state *s, bool on)
{
    s->veiled_until = on ? INT64_MAX : kiln_clock_mono_us() + VEIL_US;
}

void kiln_qemu_screen_close(struct kiln_qemu_state *s, struct kiln_build *b)
{
    kiln_boot_record_close(s->record);
    if (s->screen) {
        kiln_control_remove(b->control, commands, s);
        kiln_screen_free(s->screen);
        s->screen = NULL;
    }
    kiln_boot_record_free(s->record);
    s->record = NULL;
    kiln_film_free(s->film);
    s->film = NULL;
}
