/*
 * One RFB session over libvncclient. The library decodes into `client->frameBuffer`; our hooks put
 * a lock around each of its writes there, so that a snapshot never waits for the network.
 */
#include <rfb/rfbclient.h>

#include "vm/vnc_ops.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <pthread.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

struct kiln_vnc_session {
    rfbClient *client;
    const char *password; /* borrowed; NULL: none */
    void (*on_frame)(void *ud);
    void *ud;
    bool scancodes;       /* they are offered; writer */
    bool settled;         /* format and encodings were sent; writer */
    struct kiln_str why;  /* the library's last line; reader's thread */
    pthread_mutex_t lock; /* over frameBuffer and all up to `whole` */
    unsigned width, height;
    bool *changed;        /* owned; of each row */
    bool whole;           /* the next request is for everything */
    GotBitmapProc bitmap; /* the library's own ones */
    GotFillRectProc fill;
    GotCopyRectProc copy;
};

extern const struct kiln_vnc_ops kiln_vnc_ops;

static char tag; /* its address is the key of our client data */

/* The library's log functions get no context, but they run on the thread that called it. */
static _Thread_local struct kiln_vnc_session *logging;

static struct kiln_vnc_session *session_of(rfbClient *client)
{
    return rfbClientGetClientData(client, &tag);
}

static void log_line(const char *fmt, ...) KILN_PRINTF(1, 2);

static void log_line(const char *fmt, ...)
{
    KILN_AUTO_STR line = KILN_STR_MAX(4096);
    va_list ap;

    va_start(ap, fmt);
    kiln_str_addvf(&line, fmt, ap);
    va_end(ap);
    while (line.len > 0 && isspace((unsigned char)line.data[line.len - 1]))
        kiln_str_truncate(&line, line.len - 1);
    for (size_t i = 0; i < line.len; i++) { /* may quote the server */
        if (iscntrl((unsigned char)line.data[i]))
            line.data[i] = '?';
    }
    kiln_log("vnc: %s", kiln_str_cstr(&line));
    if (!logging)
        return;
    kiln_str_clear(&logging->why);
    kiln_str_adds(&logging->why, kiln_str_cstr(&line));
}

static void set_logger(void)
{
    rfbClientLog = rfbClientErr = log_line;
}

/* The library frees what it gets. NULL and "" make it fail, never prompt. */
static char *get_password(rfbClient *client)
{
    const char *password = session_of(client)->password;

    return strdup(password ? password : "");
}

/* Make a frame buffer of the size that the server announced; keep the old one if it is absurd. */
static rfbBool make_frame_buffer(rfbClient *client)
{
    struct kiln_vnc_session *s = session_of(client);
    size_t pixels = (size_t)client->width * (size_t)client->height;
    uint8_t *fresh = NULL;
    bool *changed = NULL;

    if (client->width >= 0 && client->height >= 0 && pixels <= KILN_MAX_DISPLAY_PIXELS) {
        fresh = calloc(pixels + 1, 4);
        changed = calloc((size_t)client->height + 1, sizeof(*changed));
    }
    if (!fresh || !changed) {
        free(fresh);
        free(changed);
        log_line("a display of %dx%d pixels is too large", client->width, client->height);
        client->width = client->height = 0; /* nothing fits into it */
        return FALSE;
    }
    (void)pthread_mutex_lock(&s->lock);
    free(client->frameBuffer);
    free(s->changed);
    client->frameBuffer = fresh;
    s->changed = changed;
    s->whole = true;
    s->width = (unsigned)client->width;
    s->height = (unsigned)client->height;
    (void)pthread_mutex_unlock(&s->lock);
    client->updateRect.x = client->updateRect.y = 0;
    client->updateRect.w = client->width;
    client->updateRect.h = client->height;
    return TRUE;
}

static void got_bitmap(rfbClient *client, const uint8_t *pixels, int x, int y, int w, int h)
{
    struct kiln_vnc_session *s = session_of(client);

    (void)pthread_mutex_lock(&s->lock);
    s->bitmap(client, pixels, x, y, w, h);
    (void)pthread_mutex_unlock(&s->lock);
}

static void got_fill(rfbClient *client, int x, int y, int w, int h, uint32_t colour)
{
    struct kiln_vnc_session *s = session_of(client);

    (void)pthread_mutex_lock(&s->lock);
    s->fill(client, x, y, w, h, colour);
    (void)pthread_mutex_unlock(&s->lock);
}

static void got_copy(rfbClient *client, int from_x, int from_y, int w, int h, int x, int y)
{
    struct kiln_vnc_session *s = session_of(client);

    (void)pthread_mutex_lock(&s->lock);
    s->copy(client, from_x, from_y, w, h, x, y);
    (void)pthread_mutex_unlock(&s->lock);
}

/* A rectangle has been drawn. The library has checked it against the size of the screen, except in
 * messages that draw nothing. */
static void got_rectangle(rfbClient *client, int x, int y, int w, int h)
{
    struct kiln_vnc_session *s = session_of(client);

    (void)x, (void)w;
    (void)pthread_mutex_lock(&s->lock);
    for (int64_t row = y; row >= 0 && row < (int64_t)y + h && row < s->height; row++)
        s->changed[row] = true;
    (void)pthread_mutex_unlock(&s->lock);
}

static void finished_update(rfbClient *client)
{
    struct kiln_vnc_session *s = session_of(client);

    s->on_frame(s->ud);
}

static void session_close(struct kiln_vnc_session *s)
{
    s->client->sock = RFB_INVALID_SOCKET; /* not ours to close */
    free(s->client->frameBuffer);
    free(s->changed);
    rfbClientCleanup(s->client);
    kiln_str_done(&s->why);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
}

static void set_hooks(struct kiln_vnc_session *s)
{
    rfbClient *client = s->client;
    const uint32_t scheme = s->password ? rfbVncAuth : rfbNoAuth;

    rfbClientSetClientData(client, &tag, s);
    s->bitmap = client->GotBitmap;
    s->fill = client->GotFillRect;
    s->copy = client->GotCopyRect;
    client->GotBitmap = got_bitmap;
    client->GotFillRect = got_fill;
    client->GotCopyRect = got_copy;
    client->GotFrameBufferUpdate = got_rectangle;
    client->FinishedFrameBufferUpdate = finished_update;
    client->MallocFrameBuffer = make_frame_buffer;
    client->GetPassword = get_password;
    client->appData.shareDesktop = TRUE;
    SetClientAuthSchemes(client, &scheme, 1);
}

static struct kiln_vnc_session *session_open(int fd, const char *password,
                                             void (*on_frame)(void *ud), void *ud)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct kiln_vnc_session *s = kiln_xcalloc(1, sizeof(*s));

    (void)pthread_once(&once, set_logger);
    s->client = rfbGetClient(8, 3, 4); /* bytes R, G, B, unused */
    if (!s->client) {
        free(s);
        return NULL;
    }
    s->password = password;
    s->on_frame = on_frame;
    s->ud = ud;
    (void)pthread_mutex_init(&s->lock, NULL);
    s->client->sock = fd;
    set_hooks(s);
    return s;
}

/* We ask for updates ourselves. The library would ask for the next one as soon as it has read one,
 * on another thread than that of our writes, unless it is told that the server knows no such
 * message. */
static void ask_nothing(rfbClient *client)
{
    client->supportedMessages.client2server[rfbFramebufferUpdateRequest / 8] &=
        (uint8_t) ~(1u << rfbFramebufferUpdateRequest % 8);
}

static bool session_handshake(struct kiln_vnc_session *s)
{
    logging = s;
    if (!InitialiseRFBConnection(s->client))
        return false;
    ask_nothing(s->client);
    s->client->width = s->client->si.framebufferWidth;
    s->client->height = s->client->si.framebufferHeight;
    return make_frame_buffer(s->client);
}

static bool session_handle_message(struct kiln_vnc_session *s)
{
    return HandleRFBServerMessage(s->client);
}

static const char *session_why(const struct kiln_vnc_session *s)
{
    return kiln_str_cstr(&s->why);
}

static bool session_send_key(struct kiln_vnc_session *s, uint32_t keysym, bool down)
{
    return SendKeyEvent(s->client, keysym, down);
}

static void session_offer_scancodes(struct kiln_vnc_session *s)
{
    s->scancodes = true;
}

static bool session_takes_scancodes(const struct kiln_vnc_session *s)
{
    return SupportsClient2Server(s->client, rfbQemuEvent);
}

static bool session_send_scancode(struct kiln_vnc_session *s, uint32_t keysym, uint8_t scancode,
                                  bool down)
{
    return SendExtendedKeyEvent(s->client, keysym, scancode, down);
}

/*
 * Not SetFormatAndEncodings: that offers ExtendedDesktopSize too, QEMU then announces its sizes
 * that way, as screen 0, and the library ignores screens of that number.
 */
static bool send_settings(struct kiln_vnc_session *s)
{
    static const char format[] = {
        0,  0,      0,  0,                 /* SetPixelFormat: that of the client, s. session_open */
        32, 24,     0,  1,                 /* bits, depth, little endian, true colour */
        0,  '\xff', 0,  '\xff', 0, '\xff', /* maxima of red, green, blue */
        0,  8,      16, 0,      0, 0,      /* shifts */
    };
    static const char encodings[] = {
        0,      0,      0,      0,      /* raw: the server is on this host, cheapest for both */
        '\xff', '\xff', '\xff', '\x21', /* DesktopSize */
        '\xff', '\xff', '\xfe', '\xfe', /* QEMU extended key event */
    };
    const char n = s->scancodes ? 3 : 2;
    const char header[] = { 2, 0, 0, n }; /* SetEncodings */

    if (s->settled)
        return true;
    s->settled = WriteToRFBServer(s->client, format, sizeof(format)) &&
                 WriteToRFBServer(s->client, header, sizeof(header)) &&
                 WriteToRFBServer(s->client, encodings, (unsigned)n * 4);
    return s->settled;
}

static bool session_request_update(struct kiln_vnc_session *s)
{
    rfbFramebufferUpdateRequestMsg m = { .type = rfbFramebufferUpdateRequest };

    (void)pthread_mutex_lock(&s->lock);
    m.incremental = !s->whole;
    m.w = htons((uint16_t)s->width);
    m.h = htons((uint16_t)s->height);
    s->whole = false;
    (void)pthread_mutex_unlock(&s->lock);
    return send_settings(s) &&
           WriteToRFBServer(s->client, (const char *)&m, sz_rfbFramebufferUpdateRequestMsg);
}

static void session_forget(struct kiln_vnc_session *s)
{
    (void)pthread_mutex_lock(&s->lock);
    s->whole = true;
    (void)pthread_mutex_unlock(&s->lock);
}

static void session_changes(struct kiln_vnc_session *s, kiln_vnc_rows_fn *fn, void *ud)
{
    struct kiln_vnc_rows r = { 0 };

    (void)pthread_mutex_lock(&s->lock);
    r.width = s->width;
    r.height = s->height;
    fn(ud, &r);
    for (; r.y < s->height; r.y += r.rows) {
        bool changed = s->changed[r.y];

        for (r.rows = 1; r.y + r.rows < s->height && s->changed[r.y + r.rows] == changed;)
            r.rows++;
        r.rgbx = s->client->frameBuffer + (size_t)r.y * r.width * 4;
        if (changed)
            fn(ud, &r);
    }
    memset(s->changed, 0, s->height * sizeof(*s->changed));
    (void)pthread_mutex_unlock(&s->lock);
}

const struct kiln_vnc_ops kiln_vnc_ops = {
    .open = session_open,
    .handshake = session_handshake,
    .handle_message = session_handle_message,
    .why = session_why,
    .send_key = session_send_key,
    .offer_scancodes = session_offer_scancodes,
    .takes_scancodes = session_takes_scancodes,
    .send_scancode = session_send_scancode,
    .request_update = session_request_update,
    .forget = session_forget,
    .changes = session_changes,
    .close = session_close,
};
