/* An OpenSSH certificate, as text and as what is inside its base64. */
#include "base/encode.h"
#include "base/mem.h"
#include "communicator/cert_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    KILN_AUTO_FREE char *text = kiln_xstrndup((const char *)data, size);
    KILN_AUTO_STR inside = { 0 };

    (void)kiln_cert_check(text, 1, NULL);
    kiln_str_adds(&inside, "type ");
    kiln_base64_add(&inside, data, size);
    (void)kiln_cert_check(kiln_str_cstr(&inside), 1, NULL);
    return 0;
}
