/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The properties of the NIC, and what they make of the device. */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qapi/visitor.h"
#include "hw/qdev-properties.h"

#include "ktlsnic_pci.h"

#define SPEED_MIN   10          /* Mbit/s */
#define SPEED_MAX   1600000

/* The pairs that TLS contexts can have, in each direction. */
#define TLS_PAIRS(X, d) \
    X(d, 1_2, "tls12", AES_GCM_128, "aes-gcm-128", \
      "TLS 1.2 with AES-128-GCM") \
    X(d, 1_2, "tls12", AES_GCM_256, "aes-gcm-256", \
      "TLS 1.2 with AES-256-GCM") \
    X(d, 1_2, "tls12", AES_CCM_128, "aes-ccm-128", \
      "TLS 1.2 with AES-128-CCM") \
    X(d, 1_2, "tls12", CHACHA20_POLY1305, "chacha20-poly1305", \
      "TLS 1.2 with ChaCha20-Poly1305") \
    X(d, 1_3, "tls13", AES_GCM_128, "aes-gcm-128", \
      "TLS 1.3 with AES-128-GCM") \
    X(d, 1_3, "tls13", AES_GCM_256, "aes-gcm-256", \
      "TLS 1.3 with AES-256-GCM") \
    X(d, 1_3, "tls13", AES_CCM_128, "aes-ccm-128", \
      "TLS 1.3 with AES-128-CCM") \
    X(d, 1_3, "tls13", CHACHA20_POLY1305, "chacha20-poly1305", \
      "TLS 1.3 with ChaCha20-Poly1305")

#define WORD_tx "transmit"
#define WORD_rx "receive"

static const Property ktlsnic_properties[] = {
    DEFINE_NIC_PROPERTIES(KtlsnicPci, conf),
    DEFINE_PROP_UINT32("queues", KtlsnicPci, props.queues, 4),
    DEFINE_PROP_UINT32("tls-tx-contexts", KtlsnicPci, props.tls_tx_contexts,
                       1024),
    DEFINE_PROP_UINT32("tls-rx-contexts", KtlsnicPci, props.tls_rx_contexts,
                       1024),
    DEFINE_PROP_BOOL("tls-tx-replay", KtlsnicPci, props.tls_tx_replay, true),
    DEFINE_PROP_STRING("tls-rx-resync", KtlsnicPci, props.tls_rx_resync),
    DEFINE_PROP_UINT32("speed", KtlsnicPci, props.speed, 100000),
#define PAIR(d, v, vname, c, cname, desc) \
    DEFINE_PROP_ON_OFF_AUTO(vname "-" #d "-" cname, KtlsnicPci, \
                            props.tls_##d[KTLSNIC_TLS_##v][KTLSNIC_CIPHER_##c],\
                            ON_OFF_AUTO_AUTO),
    TLS_PAIRS(PAIR, tx)
    TLS_PAIRS(PAIR, rx)
#undef PAIR
};

static const struct {
    const char *name;
    const char *text;
} descriptions[] = {
    { "mac", "Factory address (PERM_MAC)" },
    { "netdev", "Backend that the wire leads to" },
    { "queues", "TX/RX queue pairs, 1 to 16" },
    { "tls-tx-contexts", "TLS connections that can be offloaded for "
      "transmit at a time, 0 to 65536; 0: no TX offload" },
    { "tls-rx-contexts", "TLS connections that can be offloaded for "
      "receive at a time, 0 to 65536; 0: no RX offload" },
    { "tls-tx-replay", "Whether a TX context can be moved into a record, "
      "in the TX ring; off: only to the start of one, by command" },
    { "tls-rx-resync", "How receive offload that lost its place in a stream "
      "gets it back: async (default), scan or hint" },
    { "speed", "Link speed that is reported, Mbit/s, 10 to 1600000" },
    { "command-latency", "Time from when the device takes a command until it "
      "does and completes it, microseconds of the guest's time, 0 to 10000000; "
      "commands overlap; can be changed while the device runs (default: 0)" },
#define PAIR(d, v, vname, c, cname, desc) \
    { vname "-" #d "-" cname, \
      "Offer " WORD_##d " offload of " desc "; auto: if the engine has it" },
    TLS_PAIRS(PAIR, tx)
    TLS_PAIRS(PAIR, rx)
#undef PAIR
};

static bool check_range(const char *property, uint32_t value,
                        uint32_t min, uint32_t max, Error **errp)
{
    if (value < min || value > max) {
        error_setg(errp, "ktlsnic: %s=%" PRIu32 " is impossible: "
                   "must be %" PRIu32 " to %" PRIu32,
                   property, value, min, max);
        return false;
    }
    return true;
}

static void ktlsnic_get_command_latency(Object *obj, Visitor *v,
                                        const char *name, void *opaque,
                                        Error **errp)
{
    uint32_t usecs = KTLSNIC(obj)->props.command_latency;

    visit_type_uint32(v, name, &usecs, errp);
}

/* Also while the device runs, for commands that it takes from then on. */
static void ktlsnic_set_command_latency(Object *obj, Visitor *v,
                                        const char *name, void *opaque,
                                        Error **errp)
{
    KtlsnicPci *s = KTLSNIC(obj);
    uint32_t usecs;

    if (!visit_type_uint32(v, name, &usecs, errp) ||
        !check_range(name, usecs, 0, KTLSNIC_CMD_LATENCY_MAX, errp)) {
        return;
    }
    s->props.command_latency = usecs;
    if (s->dev) {
        ktlsnic_dev_set_cmd_latency(s->dev, usecs);
    }
}

void ktlsnic_add_properties(ObjectClass *oc)
{
    device_class_set_props(DEVICE_CLASS(oc), ktlsnic_properties);
    object_class_property_add(oc, "command-latency", "uint32",
                              ktlsnic_get_command_latency,
                              ktlsnic_set_command_latency, NULL, NULL);
    for (unsigned i = 0; i < ARRAY_SIZE(descriptions); i++) {
        object_class_property_set_description(oc, descriptions[i].name,
                                              descriptions[i].text);
    }
}

static void ktlsnic_get_tx_stuck(Object *obj, Visitor *v, const char *name,
                                 void *opaque, Error **errp)
{
    uint32_t rings = KTLSNIC(obj)->fault.stuck_tx;

    visit_type_uint32(v, name, &rings, errp);
}

/* Rings that are no longer stuck go on with what is in them. */
static void ktlsnic_set_tx_stuck(Object *obj, Visitor *v, const char *name,
                                 void *opaque, Error **errp)
{
    KtlsnicPci *s = KTLSNIC(obj);

    if (visit_type_uint32(v, name, &s->fault.stuck_tx, errp) && s->dev) {
        qemu_bh_schedule(s->run_bh);
    }
}

void ktlsnic_add_faults(Object *obj)
{
    struct ktlsnic_fault *fault = &KTLSNIC(obj)->fault;

    object_property_add_uint16_ptr(obj, "fault-command", &fault->op,
                                   OBJ_PROP_FLAG_READWRITE);
    object_property_add_uint16_ptr(obj, "fault-status", &fault->status,
                                   OBJ_PROP_FLAG_READWRITE);
    object_property_add_uint32_ptr(obj, "fault-count", &fault->count,
                                   OBJ_PROP_FLAG_READWRITE);
    object_property_add(obj, "fault-tx-stuck", "uint32", ktlsnic_get_tx_stuck,
                        ktlsnic_set_tx_stuck, NULL, NULL);
    object_property_set_description(obj, "fault-command", "For tests of "
        "drivers: number of the command (SPEC.md 11) that is to fail");
    object_property_set_description(obj, "fault-status", "Status that it is "
        "completed with; 65535: never, and no command until a reset");
    object_property_set_description(obj, "fault-count", "How many such "
        "commands fail, counted down (default: 0)");
    object_property_set_description(obj, "fault-tx-stuck", "TX rings, a bit "
        "each, that take no units until they are let go; a reset lets all of "
        "them go (default: 0)");
}

static bool check_ranges(const KtlsnicProperties *props, Error **errp)
{
    return check_range("queues", props->queues, 1, KTLSNIC_MAX_QUEUES, errp) &&
           check_range("tls-tx-contexts", props->tls_tx_contexts, 0,
                       KTLSNIC_TLS_CONTEXTS_MAX, errp) &&
           check_range("tls-rx-contexts", props->tls_rx_contexts, 0,
                       KTLSNIC_TLS_CONTEXTS_MAX, errp) &&
           check_range("speed", props->speed, SPEED_MIN, SPEED_MAX, errp);
}

/* What to offer of one pair: auto is what the engine can do. */
static bool choose_cipher(const char *property, OnOffAuto choice, bool can,
                          unsigned cipher, uint32_t *ciphers, Error **errp)
{
    if (choice == ON_OFF_AUTO_ON && !can) {
        error_setg(errp, "ktlsnic: %s=on is impossible: this engine lacks it; "
                   "must be off or auto", property);
        return false;
    }
    if (choice != ON_OFF_AUTO_OFF && can) {
        *ciphers |= 1u << cipher;
    }
    return true;
}

static bool choose_ciphers(const KtlsnicProperties *props,
                           struct ktlsnic_config *config, Error **errp)
{
#define PAIR(d, v, vname, c, cname, desc) \
    if (!choose_cipher(vname "-" #d "-" cname, \
                       props->tls_##d[KTLSNIC_TLS_##v][KTLSNIC_CIPHER_##c], \
                       ktlsnic_dev_tls_##d##_supported( \
                           KTLSNIC_TLS_##v, KTLSNIC_CIPHER_##c), \
                       KTLSNIC_CIPHER_##c, \
                       &config->tls_##d##_ciphers[KTLSNIC_TLS_##v], errp)) { \
        return false; \
    }
    TLS_PAIRS(PAIR, tx)
    TLS_PAIRS(PAIR, rx)
#undef PAIR
    return true;
}

static bool choose_rx_mode(const char *name, enum ktlsnic_tls_rx_mode *mode,
                           Error **errp)
{
    static const char *const names[] = {
        [KTLSNIC_TLS_RX_HINT] = "hint",
        [KTLSNIC_TLS_RX_SCAN] = "scan",
        [KTLSNIC_TLS_RX_ASYNC] = "async",
    };

    if (!name) {
        *mode = KTLSNIC_TLS_RX_ASYNC;
        return true;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
        if (strcmp(name, names[i]) == 0) {
            *mode = i;
            return true;
        }
    }
    error_setg(errp, "ktlsnic: tls-rx-resync=%s is impossible: "
               "must be async, scan or hint", name);
    return false;
}

bool ktlsnic_make_config(KtlsnicPci *s, struct ktlsnic_config *config,
                         Error **errp)
{
    const KtlsnicProperties *props = &s->props;

    if (!check_ranges(props, errp) ||
        !choose_ciphers(props, config, errp) ||
        !choose_rx_mode(props->tls_rx_resync, &config->tls_rx_mode, errp)) {
        return false;
    }
    if (s->conf.macaddr.a[0] & 1) {
        error_setg(errp, "ktlsnic: mac=" MAC_FMT " is impossible: "
                   "must not be a group address", MAC_ARG(s->conf.macaddr.a));
        return false;
    }
    config->queues = props->queues;
    config->tls_tx_contexts = props->tls_tx_contexts;
    config->tls_rx_contexts = props->tls_rx_contexts;
    config->tls_tx_replay = props->tls_tx_replay;
    config->link_speed = props->speed;
    config->cmd_latency = props->command_latency;
    config->fault = &s->fault;
    memcpy(config->mac, s->conf.macaddr.a, sizeof(config->mac));
    return true;
}
