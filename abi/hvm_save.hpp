// SPDX-License-Identifier: Apache-2.0
// Records of the HVM context stream (public/hvm/save.h, public/arch-x86/hvm/save.h).
#pragma once

#include "abi/types.hpp"

namespace abi {

/// HvmSaveDescriptor::typecode.
enum class HvmSaveType : uint16_t {
    End = 0,
    Header = 1,
    Cpu = 2,
    Pic = 3,
    Ioapic = 4,
    Lapic = 5,
    LapicRegs = 6,
    PciIrq = 7,
    IsaIrq = 8,
    PciLink = 9,
    Pit = 10,
    Rtc = 11,
    Hpet = 12,
    Pmtimer = 13,
    Mtrr = 14,
    ViridianDomain = 15,
    CpuXsave = 16,
    ViridianVcpu = 17,
    VmceVcpu = 18,
    TscAdjust = 19,
    CpuMsr = 20,
};
inline constexpr uint32_t hvm_save_code_max = 20;

/// Ahead of each record; the End record has length 0.
struct HvmSaveDescriptor {
    uint16_t typecode;
    uint16_t instance;
    uint32_t length;
};
static_assert(sizeof(HvmSaveDescriptor) == 8);
static_assert(offsetof(HvmSaveDescriptor, length) == 4);

inline constexpr uint32_t hvm_file_magic = 0x54381286;
inline constexpr uint32_t hvm_file_version = 1;

/// First record of a context.
struct HvmSaveHeader {
    uint32_t magic;
    uint32_t version;
    uint64_t changeset;
    uint32_t cpuid; ///< eax of CPUID leaf 1
    uint32_t gtsc_khz;
};
static_assert(sizeof(HvmSaveHeader) == 24);
static_assert(offsetof(HvmSaveHeader, gtsc_khz) == 20);

inline constexpr uint32_t x86_fpu_initialised = 1u << 0;

/// Registers of one vCPU.
struct HvmHwCpu {
    uint8_t fpu_regs[512];
    uint64_t rax, rbx, rcx, rdx, rbp, rsi, rdi, rsp;
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t rip, rflags;
    uint64_t cr0, cr2, cr3, cr4;
    uint64_t dr0, dr1, dr2, dr3, dr6, dr7;
    uint32_t cs_sel, ds_sel, es_sel, fs_sel, gs_sel, ss_sel, tr_sel, ldtr_sel;
    uint32_t cs_limit, ds_limit, es_limit, fs_limit, gs_limit, ss_limit, tr_limit, ldtr_limit;
    uint32_t idtr_limit, gdtr_limit;
    uint64_t cs_base, ds_base, es_base, fs_base, gs_base, ss_base, tr_base, ldtr_base;
    uint64_t idtr_base, gdtr_base;
    uint32_t cs_arbytes, ds_arbytes, es_arbytes, fs_arbytes;
    uint32_t gs_arbytes, ss_arbytes, tr_arbytes, ldtr_arbytes;
    uint64_t sysenter_cs, sysenter_esp, sysenter_eip;
    uint64_t shadow_gs;
    uint64_t msr_flags, msr_lstar, msr_star, msr_cstar, msr_syscall_mask, msr_efer, msr_tsc_aux;
    uint64_t tsc;
    /// Interrupt information as VMX encodes it: vector, type << 8, error valid << 11, valid << 31.
    uint32_t pending_event;
    uint32_t error_code;
    uint32_t flags;
    uint32_t pad0;
};
static_assert(sizeof(HvmHwCpu) == 1032);
static_assert(offsetof(HvmHwCpu, cs_sel) == 736);
static_assert(offsetof(HvmHwCpu, msr_flags) == 952);
static_assert(offsetof(HvmHwCpu, pad0) == 1028);

/// One of the two interrupt controllers (instance 0 master).
struct HvmHwVpic {
    uint8_t irr;
    uint8_t imr;
    uint8_t isr;
    uint8_t irq_base;
    uint8_t init_state : 4;
    uint8_t priority_add : 4;
    uint8_t readsel_isr : 1;
    uint8_t poll : 1;
    uint8_t auto_eoi : 1;
    uint8_t rotate_on_auto_eoi : 1;
    uint8_t special_fully_nested_mode : 1;
    uint8_t special_mask_mode : 1;
    uint8_t is_master : 1;
    uint8_t elcr;
    uint8_t int_output;
};
static_assert(sizeof(HvmHwVpic) == 8);
static_assert(offsetof(HvmHwVpic, elcr) == 6);
static_assert(offsetof(HvmHwVpic, int_output) == 7);

/// Redirection entry of the I/O APIC, as its register pair lays it out.
union VioapicRedirEntry {
    uint64_t bits;
    struct {
        uint8_t vector;
        uint8_t delivery_mode : 3;
        uint8_t dest_mode : 1;
        uint8_t delivery_status : 1;
        uint8_t polarity : 1;
        uint8_t remote_irr : 1;
        uint8_t trig_mode : 1;
        uint8_t mask : 1;
        uint8_t reserve : 7;
        uint8_t reserved[4];
        uint8_t dest_id;
    } fields;
};
static_assert(sizeof(VioapicRedirEntry) == 8);

inline constexpr uint32_t vioapic_num_pins = 48;

/// The I/O APIC.
struct HvmHwVioapic {
    uint64_t base_address;
    uint32_t ioregsel;
    uint32_t id;
    VioapicRedirEntry redirtbl[vioapic_num_pins];
};
static_assert(sizeof(HvmHwVioapic) == 400);
static_assert(offsetof(HvmHwVioapic, redirtbl) == 16);

/// State of a local APIC outside its register page.
struct HvmHwLapic {
    uint64_t apic_base_msr;
    uint32_t disabled;
    uint32_t timer_divisor;
    uint64_t tdt_msr;
};
static_assert(sizeof(HvmHwLapic) == 24);
static_assert(offsetof(HvmHwLapic, tdt_msr) == 16);

/// Register page of a local APIC.
struct HvmHwLapicRegs {
    uint8_t data[1024];
};
static_assert(sizeof(HvmHwLapicRegs) == 1024);

/// One bit per INTx line: 32 devices of 4 pins.
struct HvmHwPciIrqs {
    uint64_t pad[2];
};
static_assert(sizeof(HvmHwPciIrqs) == 16);

/// One bit per ISA line.
struct HvmHwIsaIrqs {
    uint64_t pad[1];
};
static_assert(sizeof(HvmHwIsaIrqs) == 8);

/// ISA line of each PCI link.
struct HvmHwPciLink {
    uint8_t route[4];
    uint8_t pad0[4];
};
static_assert(sizeof(HvmHwPciLink) == 8);
static_assert(offsetof(HvmHwPciLink, pad0) == 4);

/// One counter of the interval timer.
struct HvmHwPitChannel {
    uint32_t count;
    uint16_t latched_count;
    uint8_t count_latched;
    uint8_t status_latched;
    uint8_t status;
    uint8_t read_state;
    uint8_t write_state;
    uint8_t write_latch;
    uint8_t rw_mode;
    uint8_t mode;
    uint8_t bcd;
    uint8_t gate;
};
static_assert(sizeof(HvmHwPitChannel) == 16);
static_assert(offsetof(HvmHwPitChannel, gate) == 15);

/// The interval timer.
struct HvmHwPit {
    HvmHwPitChannel channels[3];
    uint32_t speaker_data_on;
    uint32_t pad0;
};
static_assert(sizeof(HvmHwPit) == 56);
static_assert(offsetof(HvmHwPit, pad0) == 52);

/// The real-time clock; rtc_offset in seconds.
struct HvmHwRtc {
    uint8_t cmos_data[14];
    uint8_t cmos_index;
    uint8_t pad0;
    int64_t rtc_offset;
};
static_assert(sizeof(HvmHwRtc) == 24);
static_assert(offsetof(HvmHwRtc, rtc_offset) == 16);

inline constexpr uint32_t hpet_timer_num = 3;

/// Registers of the high-precision timers; period in main-counter ticks.
struct HvmHwHpet {
    uint64_t capability;
    uint64_t res0;
    uint64_t config;
    uint64_t res1;
    uint64_t isr;
    uint64_t res2[25];
    uint64_t mc64;
    uint64_t res3;
    struct {
        uint64_t config;
        uint64_t cmp;
        uint64_t fsb;
        uint64_t res4;
    } timers[hpet_timer_num];
    uint64_t res5[4 * (24 - hpet_timer_num)];
    uint64_t period[hpet_timer_num];
};
static_assert(sizeof(HvmHwHpet) == 1048);
static_assert(offsetof(HvmHwHpet, period) == 1024);

/// ACPI timer and event registers.
struct HvmHwPmtimer {
    uint32_t tmr_val;
    uint16_t pm1a_sts;
    uint16_t pm1a_en;
};
static_assert(sizeof(HvmHwPmtimer) == 8);
static_assert(offsetof(HvmHwPmtimer, pm1a_en) == 6);

inline constexpr uint32_t mtrr_vcnt = 8;
inline constexpr uint32_t num_fixed_msr = 11;

/// Memory types of a vCPU.
struct HvmHwMtrr {
    uint64_t msr_pat_cr;
    uint64_t msr_mtrr_var[mtrr_vcnt * 2];
    uint64_t msr_mtrr_fixed[num_fixed_msr];
    uint64_t msr_mtrr_cap;
    uint64_t msr_mtrr_def_type;
};
static_assert(sizeof(HvmHwMtrr) == 240);
static_assert(offsetof(HvmHwMtrr, msr_mtrr_def_type) == 232);

/// Head of the XSAVE record; further components follow by xfeature_mask.
struct HvmHwCpuXsave {
    uint64_t xfeature_mask;
    uint64_t xcr0;
    uint64_t xcr0_accum;
    struct {
        struct {
            char x[512];
        } fpu_sse;
        struct {
            uint64_t xstate_bv;
            uint64_t xcomp_bv;
            uint64_t reserved[6];
        } xsave_hdr;
    } save_area;
};
static_assert(sizeof(HvmHwCpuXsave) == 600);
static_assert(offsetof(HvmHwCpuXsave, save_area) == 24);

/// Viridian state of the domain.
struct HvmViridianDomainContext {
    uint64_t hypercall_gpa;
    uint64_t guest_os_id;
    uint64_t time_ref_count;
    uint64_t reference_tsc;
};
static_assert(sizeof(HvmViridianDomainContext) == 32);
static_assert(offsetof(HvmViridianDomainContext, reference_tsc) == 24);

/// Viridian state of a vCPU.
struct HvmViridianVcpuContext {
    uint64_t vp_assist_msr;
    uint8_t apic_assist_pending;
    uint8_t _pad[7];
    uint64_t simp_msr;
    uint64_t sint_msr[16];
    uint64_t stimer_config_msr[4];
    uint64_t stimer_count_msr[4];
};
static_assert(sizeof(HvmViridianVcpuContext) == 216);
static_assert(offsetof(HvmViridianVcpuContext, stimer_count_msr) == 184);

/// Machine-check registers of a vCPU.
struct HvmVmceVcpu {
    uint64_t caps;
    uint64_t mci_ctl2_bank0;
    uint64_t mci_ctl2_bank1;
    uint64_t mcg_ext_ctl;
};
static_assert(sizeof(HvmVmceVcpu) == 32);
static_assert(offsetof(HvmVmceVcpu, mcg_ext_ctl) == 24);

/// IA32_TSC_ADJUST of a vCPU.
struct HvmTscAdjust {
    uint64_t tsc_adjust;
};
static_assert(sizeof(HvmTscAdjust) == 8);

/// One MSR of the Cpu MSR record.
struct HvmOneMsr {
    uint32_t index;
    uint32_t _rsvd;
    uint64_t val;
};
static_assert(sizeof(HvmOneMsr) == 16);
static_assert(offsetof(HvmOneMsr, val) == 8);

/// count entries of HvmOneMsr follow at offset 8.
struct alignas(8) HvmMsr {
    uint32_t count;
    uint32_t _pad;
};
static_assert(sizeof(HvmMsr) == 8);
static_assert(offsetof(HvmMsr, _pad) == 4);

} // namespace abi
