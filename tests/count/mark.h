/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The marks between which instructions are counted.
 *
 * A mark is a no-op with an operand that no compiler would give it: NOPL with this
 * displacement. QEMU's plugin finds it when it translates the code, so that nothing has
 * to be looked at while the guest runs; anywhere else it does nothing.
 */
#ifndef KTLSNIC_MARK_H
#define KTLSNIC_MARK_H

#define MARK_OPCODE	0x0f, 0x1f, 0x80	/* nopl disp32(%rax) */
#define MARK_BEGIN	0x67656262
#define MARK_END	0x646e6562
#define MARK_SIZE	7

#endif
