/* The smallest module, for test_base_module.c. */
struct kiln_self_test_ops {
    int (*answer)(void);
};

static int answer(void)
{
    return 42;
}

extern const struct kiln_self_test_ops kiln_self_test_ops;
const struct kiln_self_test_ops kiln_self_test_ops = { .answer = answer };
