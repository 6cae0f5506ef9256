# SPDX-License-Identifier: GPL-2.0-or-later
#
# How everything native is compiled: the model and what is tested against it.
# Expects TOP; SAN=1 adds the sanitizers, V=1 shows the commands.

comma         := ,
MODEL_PKGS    := glib-2.0 nettle
CFLAGS        ?= -O2 -g
WERROR        ?= -Werror
MODEL_SAN     := $(if $(SAN),-fsanitize=address$(comma)undefined \
                   -fno-sanitize-recover=all -fno-omit-frame-pointer)
MODEL_CFLAGS  := -std=gnu11 -D_GNU_SOURCE $(CFLAGS) -Wall -Wextra $(WERROR) \
                 -Wmissing-prototypes -Wshadow $(MODEL_SAN) \
                 -I$(TOP)/hw-model -I$(TOP)/drivers/net/ethernet/ktlsnic \
                 $(shell pkg-config --cflags $(MODEL_PKGS))
MODEL_LIBS    := $(shell pkg-config --libs $(MODEL_PKGS))
MODEL_Q       := $(if $(V),,@)
