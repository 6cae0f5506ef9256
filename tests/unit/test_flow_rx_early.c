/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Answers of the host about a header that has not come by yet; case 36. */
#include <glib.h>

#include "rx_fixture.h"

#define HEADER      5
#define LOST        50      /* bytes at the beginning that do not come */
#define FIRST_NUM   5

static const size_t lengths[] = { 40, 50, 60, 70, 80, 90 };

/*
 * In SCAN mode the context asks about the header after those that it has seen.
 * The host may know the number first, for instance from a copy of the packet
 * that took another way; but until the header has come by, whole, nothing says
 * that the chain leads to one, and the number is not taken.
 */
static void confirm_after(struct rx *rx, size_t come)
{
    size_t named = rx_start(rx, 4), last = rx_start(rx, 3) + HEADER;

    rx_restart(rx);
    rx_send_wire(rx, LOST, last);
    g_assert_true(rx->result.resync_request);
    g_assert_cmphex(rx->result.resync_seq, ==, (uint32_t)(rx->seq + named));
    if (come > last) {
        rx_send_wire(rx, last, come);
    }
    g_assert_true(flow_rx_confirm(rx->flow, rx->seq + named, FIRST_NUM + 4) ==
                  (come >= named + HEADER));
    if (come < named + HEADER) {
        rx_send_wire(rx, MAX(come, last), named + HEADER);
        g_assert_true(flow_rx_confirm(rx->flow, rx->seq + named,
                                      FIRST_NUM + 4));
        come = named + HEADER;
    }
    rx_send_clear(rx, come, rx->len);
}

static void test_early(void)
{
    struct rx rx;

    for (size_t i = 0; i < REFERENCE_SUITES; i++) {
        rx_setup(&rx, reference_suites[i], KTLSNIC_TLS_RX_SCAN, 0xffffff00,
                 FIRST_NUM, lengths, G_N_ELEMENTS(lengths));
        for (size_t come = rx_start(&rx, 3) + HEADER;
             come <= rx_start(&rx, 4) + HEADER; come++) {
            confirm_after(&rx, come);
        }
        rx_teardown(&rx);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/flow-rx/confirm/case-36-early", test_early);
    return g_test_run();
}
