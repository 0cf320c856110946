// SPDX-License-Identifier: Apache-2.0
// From a bank to its end: found (by an exception or by polling), judged, kept as a record of this CPU's, and then, in
// the MachineCheck soft interrupt, told and acted upon. An exception may come at any instruction of the hypervisor's:
// it takes no lock and prints nothing, unless it is the end of the host.
#include "x86/machine/mca/machine_check.hpp"

#include "abi/sched.hpp"
#include "abi/types.hpp"
#include "base/log.hpp"
#include "domain/domain_list.hpp"
#include "domain/event/channels.hpp"
#include "machine/machine.hpp"
#include "schedule/softirq.hpp"
#include "x86/instructions.hpp"
#include "x86/machine/console/console.hpp"
#include "x86/machine/cpu/cpu_features.hpp"
#include "x86/machine/cpu/panic.hpp"
#include "x86/machine/interrupt/apic.hpp"
#include "x86/machine/mca/record_ring.hpp"

#include <algorithm>

namespace px::x86::mca {
namespace {

/// Of each bank (SDM volume 3, 16.3.2; APM volume 2, 9.3).
enum BankRegister : u32 { Control, Status, Address, Misc, BankRegisters };
constexpr u32 most_banks = 32; ///< that these registers have room for
constexpr Nanoseconds polling_period = 5'000'000'000;

constinit Abilities abilities; // constant after init()
PX_PER_CPU PerCpu<RecordRing> records;
SpinLock<LockRank::Machine> reports_lock;
constinit ReportQueue urgent_reports PX_GUARDED_BY(reports_lock), other_reports PX_GUARDED_BY(reports_lock);

Msr msr_of(u32 bank, BankRegister which) { return Msr::McCtl + (bank * BankRegisters + which); }

Bank read_bank(u32 number) {
    Bank bank{.number = number, .status = rdmsr(msr_of(number, Status))};
    if ((bank.status & status::valid) == 0) return bank;
    // Without these bits the registers may not be there.
    if (bank.status & status::has_address) bank.address = rdmsr(msr_of(number, Address));
    if (bank.status & status::has_misc) bank.misc = rdmsr(msr_of(number, Misc));
    return bank;
}

/// Keeps what a bank held, for the soft interrupt, and frees the bank for the next error.
void take(const Bank& bank, Severity severity, Finder finder, u64 global, bool ends_guest) {
    Record r{.bank = bank, .severity = severity, .finder = finder, .ends_guest = ends_guest, .global = global};
    r.time = rdtsc();
    if (const Vcpu* vcpu = current_or_null()) {
        r.domain = vcpu->domain.id.raw();
        r.vcpu = static_cast<u16>(vcpu->id.raw());
    }
    records.here().add(r);
    wrmsr(msr_of(bank.number, Status), 0);
}

/// On each CPU, as an interrupt.
void poll_here(void*) {
    for (u32 i = 0; i < abilities.banks; ++i)
        if (const Bank bank = read_bank(i); is_left_to_polling(bank, abilities))
            take(bank, severity_of(bank, abilities), Finder::Poll, 0, false);
    raise_for_records();
}

void on_poll(void* timer);
Timer poll_timer{&on_poll, &poll_timer};
void on_poll(void* timer) {
    machine::call_on(machine::online_cpus(), poll_here, nullptr);
    static_cast<Timer*>(timer)->set(machine::now() + polling_period);
}

// -- in the soft interrupt --

const char* name_of(Severity severity) {
    switch (severity) {
    case Severity::None:
    case Severity::Corrected: return "corrected";
    case Severity::Unused: return "uncorrected, not used";
    case Severity::Optional: return "uncorrected, found in passing";
    case Severity::Required: return "uncorrected, used";
    case Severity::Fatal: return "uncorrected, fatal";
    }
    return "";
}

/// The domain whose memory an error is in.
DomainRef owner_of(const Record& r) {
    const auto address = address_of(r.bank, abilities);
    if (!address || !is_valid(mfn_of(*address))) return {};
    const u16 owner = frame_of(mfn_of(*address)).owner.load(std::memory_order_relaxed);
    return owner < abi::first_reserved ? find_domain(DomId(owner)) : DomainRef();
}

/// Without a look at its registers and stack: they may be what is wrong.
void end(Domain& domain, const char* why) {
    log::error("Domain {} is ended: {}", domain.id, why);
    domain.shutdown(static_cast<u32>(abi::ShutdownReason::Crash));
}

void tell(const Record& r, const Domain* owner) {
    log::error("Machine check on CPU{}, {}: bank {} status {:016x} address {:016x} misc {:016x}, d{}v{} ran",
               this_cpu(), name_of(r.severity), r.bank.number, r.bank.status, r.bank.address, r.bank.misc, r.domain,
               r.vcpu);
    if (owner) log::error("It is in memory of domain {}", owner->id);
    const machine::CpuTopology where = machine::cpu_topology(this_cpu());
    const abi::McInfo report = compose(r, {where.socket, apic::id_of(this_cpu()), static_cast<u16>(where.core)},
                                       owner ? owner->id.raw() : u16{abi::domid_invalid});
    const bool is_urgent = r.severity > Severity::Corrected;
    IrqGuard guard(reports_lock);
    (void)(is_urgent ? urgent_reports : other_reports).add(report); // of a storm the first are the ones that count
}

/// Who has met an error ends, and the owner of what is wrong if that error was signalled: it would meet it. Not dom0
/// by what it has not met.
void act(const Record& r, Domain* owner) {
    if (r.ends_guest) end(current_domain(), "it has met an error of the memory or the CPU that cannot be corrected");
    const bool is_signalled = r.finder == Finder::Exception && r.severity >= Severity::Optional;
    if (owner && is_signalled && !owner->is_hardware_domain && !(r.ends_guest && owner == &current_domain()))
        end(*owner, "its memory has an error that cannot be corrected");
}

/// SoftIrq::MachineCheck. Before all others: the guest that is to end must not run elsewhere before that.
void work_off() {
    Record r;
    while (records.here().take(r)) {
        const DomainRef owner = owner_of(r);
        tell(r, owner.get());
        act(r, owner.get());
        send_global_virq(abi::Virq::Mca);
    }
    if (const u32 lost = records.here().lost()) log::error("{} more machine checks on CPU{}", lost, this_cpu());
}

// -- in the exception --

void print_banks() {
    console::banner("MCG_STATUS: {:016x}", rdmsr(Msr::McgStatus));
    for (u32 i = 0; i < abilities.banks; ++i)
        if (const Bank bank = read_bank(i); bank.status & status::valid)
            console::banner("Bank {}: status {:016x} address {:016x} misc {:016x}", i, bank.status, bank.address,
                            bank.misc);
}

void take_all(u64 global, bool ends_guest) {
    for (u32 i = 0; i < abilities.banks; ++i) {
        const Bank bank = read_bank(i);
        const Severity severity = severity_of(bank, abilities);
        if (severity == Severity::None) continue;
        take(bank, severity, Finder::Exception, global, ends_guest);
        ends_guest = false; // once is enough
    }
}

} // namespace

void init() {
    u64 cap = 0;
    if (!cpuid_word<Leaf1D>().has(leaf_1d::mce | leaf_1d::mca) || !rdmsr_safe(Msr::McgCap, cap)) return;
    const bool has_leaf = cpu_features.vendor == Vendor::Amd && cpu_features.max_extended_leaf >= 0x80000007;
    abilities = Abilities::of(cap, has_leaf ? cpuid(0x80000007).ebx : 0);
    if (abilities.banks > most_banks) abilities.banks = most_banks;
    softirq::set_handler(SoftIrq::MachineCheck, work_off);
    if (abilities.banks == 0) return;
    poll_timer.set(machine::now() + polling_period);
    constexpr const char* recoveries[] = {"none", "by Intel's rules", "by AMD's rules"};
    log::info("Machine checks: {} banks, recovery {}", abilities.banks,
              recoveries[static_cast<unsigned>(abilities.recovery)]);
}

void init_cpu() {
    if (abilities.banks == 0) return;
    if (abilities.has_control) (void)wrmsr_safe(Msr::McgCtl, ~u64{0});
    const CpuFeatures& f = cpu_features;
    for (u32 i = 0; i < abilities.banks; ++i) {
        if (const Bank bank = read_bank(i); bank.status & status::valid)
            take(bank, severity_of(bank, abilities), Finder::Reset, 0, false);
        // Bank 0 of early family 6 is the firmware's (SDM volume 3, 16.3.2.1); K8's walks of the GART's table report
        // errors that are none (BKDG of family 0xf, MC4_CTL).
        if (i == 0 && f.vendor == Vendor::Intel && f.family == 6 && f.model < 0x1a) continue;
        const u64 but = i == 4 && f.vendor == Vendor::Amd && f.family == 0xf ? u64{1} << 10 : 0;
        (void)wrmsr_safe(msr_of(i, Control), ~but);
    }
    raise_for_records();
}

void handle(const Registers& r) {
    const u64 global = rdmsr(Msr::McgStatus);
    Severity worst = Severity::None;
    for (u32 i = 0; i < abilities.banks; ++i) worst = std::max(worst, severity_of(read_bank(i), abilities));
    const bool in_guest = is_guest_mode(r);
    const bool is_disposable = in_guest && !current_domain().is_hardware_domain;
    const Verdict verdict = judge(worst, {in_guest, is_disposable, global}, abilities);
    if (verdict == Verdict::EndHost || abilities.banks == 0)
        panic_with_registers(r, "machine check", abilities.banks ? print_banks : nullptr);
    if (verdict != Verdict::Leave) take_all(global, verdict == Verdict::EndGuest);
    wrmsr(Msr::McgStatus, 0); // until here another one would shut the CPU down
    if (in_guest) raise_for_records();
    else apic::send_ipi_here(apic::vector::event_check); // what was interrupted may have had its last look already
}

void raise_for_records() {
    if (records.here().any()) softirq::raise(SoftIrq::MachineCheck);
}

bool fetch(bool urgent, abi::McInfo& report, u64& number) {
    IrqGuard guard(reports_lock);
    const abi::McInfo* found = (urgent ? urgent_reports : other_reports).fetch(number);
    if (found) report = *found;
    return found != nullptr;
}

void put_back(bool urgent, u64 number) {
    IrqGuard guard(reports_lock);
    (urgent ? urgent_reports : other_reports).put_back(number);
}

void acknowledge(bool urgent, u64 number) {
    IrqGuard guard(reports_lock);
    (urgent ? urgent_reports : other_reports).acknowledge(number);
}

} // namespace px::x86::mca
