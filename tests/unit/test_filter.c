/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>
#include <glib.h>

#include "packet/filter.h"
#include "reference.h"

static const uint8_t station[6] = { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 };
static const uint8_t other[6] = { 0x52, 0x54, 0x00, 0x12, 0x34, 0x57 };
static const uint8_t group[6] = { 0x33, 0x33, 0x00, 0x00, 0x00, 0x01 };
static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

static struct filter filter_new(void)
{
    struct filter filter = { 0 };

    memcpy(filter.station, station, sizeof(station));
    return filter;
}

static void assert_accepts(const struct filter *filter, bool own, bool foreign,
                           bool multicast)
{
    g_assert_cmpint(filter_accepts(filter, station), ==, own);
    g_assert_cmpint(filter_accepts(filter, other), ==, foreign);
    g_assert_cmpint(filter_accepts(filter, group), ==, multicast);
    g_assert_true(filter_accepts(filter, broadcast));
}

static void test_modes(void)
{
    struct filter filter = filter_new();

    assert_accepts(&filter, true, false, false);
    filter.allmulti = true;
    assert_accepts(&filter, true, false, true);
    filter.promisc = true;
    assert_accepts(&filter, true, true, true);
    filter.allmulti = false;
    assert_accepts(&filter, true, true, true);
}

/* Each entry, valid or not, with each bit of the address wrong. */
static void test_exact(void)
{
    for (int i = 0; i < KTLSNIC_FILTERS; i++) {
        struct filter filter = filter_new();

        memcpy(filter.exact[i], group, 6);
        assert_accepts(&filter, true, false, false);
        filter.valid = ~(1u << i);
        assert_accepts(&filter, true, false, false);
        filter.valid = 1u << i;
        assert_accepts(&filter, true, false, true);
        memcpy(filter.exact[i], other, 6);
        assert_accepts(&filter, true, true, false);

        for (int bit = 0; bit < 48; bit++) {
            uint8_t near[6];

            memcpy(near, other, 6);
            near[bit / 8] ^= 1 << bit % 8;
            g_assert_cmpint(filter_accepts(&filter, near), ==,
                            !memcmp(near, station, 6));
        }
    }
}

/* An entry of zeros that is not valid accepts no frame to 00:00:00:00:00:00. */
static void test_unset(void)
{
    struct filter filter = filter_new();
    static const uint8_t zero[6];

    g_assert_false(filter_accepts(&filter, zero));
    filter.valid = 1;
    g_assert_true(filter_accepts(&filter, zero));
}

static void test_classify(void)
{
    g_assert_cmpint(filter_classify(station), ==, FILTER_UNICAST);
    g_assert_cmpint(filter_classify(group), ==, FILTER_MULTICAST);
    g_assert_cmpint(filter_classify(broadcast), ==, FILTER_BROADCAST);
    for (int bit = 0; bit < 48; bit++) {
        uint8_t addr[6];

        memcpy(addr, broadcast, 6);
        addr[bit / 8] ^= 1 << bit % 8;
        g_assert_cmpint(filter_classify(addr), ==,
                        bit == 0 ? FILTER_UNICAST : FILTER_MULTICAST);
    }
}

static void test_registers(void)
{
    uint8_t addr[6];
    uint32_t lo, hi;

    filter_addr_to_regs(station, &lo, &hi);
    g_assert_cmphex(lo, ==, 0x12005452);
    g_assert_cmphex(hi, ==, 0x5634);
    filter_addr_from_regs(addr, lo, hi | KTLSNIC_FILTER_HI_VALID);
    g_assert_cmpmem(addr, 6, station, 6);
    filter_addr_to_regs(broadcast, &lo, &hi);
    g_assert_cmphex(lo, ==, 0xffffffff);
    g_assert_cmphex(hi, ==, 0xffff);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/filter/modes", test_modes);
    g_test_add_func("/filter/exact", test_exact);
    g_test_add_func("/filter/unset", test_unset);
    g_test_add_func("/filter/classify", test_classify);
    g_test_add_func("/filter/registers", test_registers);
    return g_test_run();
}
