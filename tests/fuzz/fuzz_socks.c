/* What a SOCKS5 proxy says, with and without a login. */
#include "communicator/socks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void talk(const struct kiln_ssh_proxy *proxy, const uint8_t *data, size_t size)
{
    struct kiln_socks s;
    size_t n;

    if (!kiln_socks_init(&s, proxy, "guest", 22, NULL))
        abort();
    while (s.state != KILN_SOCKS_OPEN) {
        if (s.want == 0 || s.want > KILN_SOCKS_WANT_MAX || s.out.len > 1024)
            abort();
        n = s.want;
        if (n > size || !kiln_socks_feed(&s, data, NULL))
            break;
        data += n;
        size -= n;
        kiln_str_clear(&s.out);
    }
    kiln_socks_done(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char user[] = "user", password[] = "password";
    const struct kiln_ssh_proxy nobody = { 0 }, somebody = { .user = user, .password = password };

    talk(&nobody, data, size);
    talk(&somebody, data, size);
    return 0;
}
