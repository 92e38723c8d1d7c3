#include "communicator/none.h"

#include "base/mem.h"

static bool refuse(const char *what, struct kiln_err *err)
{
    return kiln_err_set(err, KILN_ERR_USER, "%s is not implemented when communicator = 'none'",
                        what);
}

static bool run(struct kiln_communicator *c, const struct kiln_remote *cmd,
                struct kiln_cancel *cancel, int *ret_status, struct kiln_err *err)
{
    (void)c, (void)cmd, (void)cancel, (void)err;
    *ret_status = 0;
    return true;
}

static bool none_upload(struct kiln_communicator *c, const char *src, const char *dst, mode_t mode,
                        const struct kiln_transfer *t, struct kiln_cancel *cancel,
                        struct kiln_err *err)
{
    (void)c, (void)src, (void)dst, (void)mode, (void)t, (void)cancel;
    return refuse("Upload", err);
}

static bool none_upload_dir(struct kiln_communicator *c, const char *src, const char *dst,
                            const struct kiln_transfer *t, struct kiln_cancel *cancel,
                            struct kiln_err *err)
{
    (void)c, (void)src, (void)dst, (void)t, (void)cancel;
    return refuse("UploadDir", err);
}

static bool none_download(struct kiln_communicator *c, const char *src, int fd,
                          const struct kiln_transfer *t, struct kiln_cancel *cancel,
                          struct kiln_err *err)
{
    (void)c, (void)src, (void)fd, (void)t, (void)cancel;
    return refuse("Download", err);
}

static bool none_download_dir(struct kiln_communicator *c, const char *src, const char *dst,
                              const struct kiln_transfer *t, struct kiln_cancel *cancel,
                              struct kiln_err *err)
{
    (void)c, (void)src, (void)dst, (void)t, (void)cancel;
    return refuse("DownloadDir", err);
}

static bool mock_upload(struct kiln_communicator *c, const char *src, const char *dst, mode_t mode,
                        const struct kiln_transfer *t, struct kiln_cancel *cancel,
                        struct kiln_err *err)
{
    (void)c, (void)src, (void)dst, (void)mode, (void)t, (void)cancel, (void)err;
    return true;
}

static bool mock_transfer_dir(struct kiln_communicator *c, const char *src, const char *dst,
                              const struct kiln_transfer *t, struct kiln_cancel *cancel,
                              struct kiln_err *err)
{
    return mock_upload(c, src, dst, 0, t, cancel, err);
}

static bool mock_download(struct kiln_communicator *c, const char *src, int fd,
                          const struct kiln_transfer *t, struct kiln_cancel *cancel,
                          struct kiln_err *err)
{
    (void)c, (void)src, (void)fd, (void)t, (void)cancel, (void)err;
    return true;
}

static void release(struct kiln_communicator *c)
{
    free(c);
}

static struct kiln_communicator *make(const struct kiln_communicator_ops *ops)
{
    struct kiln_communicator *c = kiln_xcalloc(1, sizeof(*c));

    c->ops = ops;
    return c;
}

struct kiln_communicator *kiln_communicator_none(void)
{
    static const struct kiln_communicator_ops ops = {
        .type = "none",
        .run = run,
        .upload = none_upload,
        .upload_dir = none_upload_dir,
        .download = none_download,
        .download_dir = none_download_dir,
        .free = release,
    };

    return make(&ops);
}

struct kiln_communicator *kiln_communicator_mock(void)
{
    static const struct kiln_communicator_ops ops = {
        .type = "mock",
        .run = run,
        .upload = mock_upload,
        .upload_dir = mock_transfer_dir,
        .download = mock_download,
        .download_dir = mock_transfer_dir,
        .free = release,
    };

    return make(&ops);
}
