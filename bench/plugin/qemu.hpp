// SPDX-License-Identifier: Apache-2.0
// The part of QEMU's interface for TCG plugins that we use, declared from its documentation (QEMU's manual, "QEMU TCG
// Plugins"), since Debian ships no header for it. PLUGIN_API is the version of the interface that the plugin is built
// for: 1 is QEMU 7.2's, 4 is QEMU 10.0's; a QEMU refuses versions that it does not know.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bench {

constexpr int plugin_api = PLUGIN_API;

} // namespace bench

extern "C" {

using qemu_plugin_id_t = uint64_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;

struct qemu_info_t {
    const char* target_name;
    struct {
        int minimum, current;
    } version;
    bool system_emulation;
    struct {
        int cpus, most_cpus;
    } system;
};

/// What a callback does with the CPU's registers; what an inline operation does.
enum qemu_plugin_cb_flags { QEMU_PLUGIN_CB_NO_REGS, QEMU_PLUGIN_CB_R_REGS, QEMU_PLUGIN_CB_RW_REGS };
enum qemu_plugin_op { QEMU_PLUGIN_INLINE_ADD_U64 };

using qemu_plugin_vcpu_udata_cb_t = void (*)(unsigned cpu, void* data);
using qemu_plugin_vcpu_simple_cb_t = void (*)(qemu_plugin_id_t id, unsigned cpu);

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t, void (*)(qemu_plugin_id_t, qemu_plugin_tb*));
void qemu_plugin_register_vcpu_insn_exec_cb(qemu_plugin_insn*, qemu_plugin_vcpu_udata_cb_t, qemu_plugin_cb_flags,
                                            void*);
size_t qemu_plugin_tb_n_insns(const qemu_plugin_tb*);
qemu_plugin_insn* qemu_plugin_tb_get_insn(const qemu_plugin_tb*, size_t);
size_t qemu_plugin_insn_size(const qemu_plugin_insn*);
uint64_t qemu_plugin_insn_vaddr(const qemu_plugin_insn*);

#if PLUGIN_API == 1
/// The instruction's bytes; qemu_plugin_insn_size tells how many.
const void* qemu_plugin_insn_data(const qemu_plugin_insn*);
void qemu_plugin_register_vcpu_insn_exec_inline(qemu_plugin_insn*, qemu_plugin_op, void* counter, uint64_t);
void qemu_plugin_register_vcpu_tb_exec_inline(qemu_plugin_tb*, qemu_plugin_op, void* counter, uint64_t);
#else
struct qemu_plugin_scoreboard;
struct qemu_plugin_u64 {
    qemu_plugin_scoreboard* score;
    size_t offset;
};
struct qemu_plugin_register;
struct qemu_plugin_reg_descriptor {
    qemu_plugin_register* handle;
    const char* name;
    const char* feature;
};
/// GLib's growing arrays, in which registers come.
struct GArray {
    char* data;
    unsigned len;
};
struct GByteArray {
    uint8_t* data;
    unsigned len;
};
GByteArray* g_byte_array_new();
GByteArray* g_byte_array_set_size(GByteArray*, unsigned);

size_t qemu_plugin_insn_data(const qemu_plugin_insn*, void* to, size_t size);
qemu_plugin_scoreboard* qemu_plugin_scoreboard_new(size_t element);
uint64_t qemu_plugin_u64_sum(qemu_plugin_u64);
void qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(qemu_plugin_insn*, qemu_plugin_op, qemu_plugin_u64, uint64_t);
void qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(qemu_plugin_tb*, qemu_plugin_op, qemu_plugin_u64, uint64_t);
void qemu_plugin_register_vcpu_init_cb(qemu_plugin_id_t, qemu_plugin_vcpu_simple_cb_t);
/// qemu_plugin_reg_descriptor each; to be called by a CPU's own thread.
GArray* qemu_plugin_get_registers();
int qemu_plugin_read_register(qemu_plugin_register*, GByteArray*);
#endif
}
