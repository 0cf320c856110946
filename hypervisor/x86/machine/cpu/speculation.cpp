// SPDX-License-Identifier: Apache-2.0
// Options, the log's account, registers and barriers.
#include "x86/machine/cpu/speculation.hpp"

#include "base/log.hpp"
#include "base/percpu.hpp"
#include "boot/options.hpp"
#include "memory/frame.hpp"
#include "x86/instructions.hpp"
#include "x86/machine/cpu/cpu.hpp"
#include "x86/machine/cpu/patch.hpp"

namespace px::x86::speculation {
namespace {

constexpr u64 pred_ibpb = 1, lfence_serialises = 2;

constinit Wishes wishes;
constinit Choice choice; // constant after init()
PX_PER_CPU PerCpu<u64> last_vcpu;
std::atomic<bool> some_lfence_does_not_wait{false};

/// Words that the reference knows and that choose nothing here: the defence is always there, or not needed, or missing.
constexpr std::string_view without_effect[] = {"eager-fpu",   "l1d-flush", "branch-harden", "msr-sc",     "rsb",
                                               "pv",          "hvm",       "xen",           "ibpb-entry", "srb-lock",
                                               "unpriv-mmio", "gds-mit",   "div-scrub",     "psfd",       "bhi-dis-s",
                                               "bhb-entry",   "ibpb-alt",  "lock-harden"};

bool choose_all(bool on) {
    wishes.verw = wishes.ibpb = wishes.ibrs = on;
    wishes.l1tf_domu = on;
    wishes.thunk = on ? std::nullopt : std::optional(Thunk::Jump);
    wishes.forces_verw = false;
    return true;
}

constexpr const char* thunk_names[] = {"jmp", "lfence", "retpoline"};

bool parse_thunk(std::string_view value) {
    for (unsigned i = 0; i < std::size(thunk_names); ++i) {
        if (value != thunk_names[i]) continue;
        wishes.thunk = static_cast<Thunk>(i);
        return true;
    }
    return false;
}

/// One word: a name, "no-name" or "name=value".
bool parse_word(std::string_view word) {
    if (const auto all = options::boolean(word)) return choose_all(*all);
    const bool is_negated = word.starts_with("no-");
    if (is_negated) word.remove_prefix(3);
    const auto equals = word.find('=');
    const std::string_view name = word.substr(0, equals);
    if (name == "bti-thunk") return equals != std::string_view::npos && parse_thunk(word.substr(equals + 1));
    const auto value =
        options::boolean(equals == std::string_view::npos ? std::string_view{} : word.substr(equals + 1));
    const auto set = [&](bool& flag) {
        if (value) flag = *value != is_negated;
        return value.has_value();
    };
    if (name == "md-clear" || name == "verw") {
        const bool is_known = set(wishes.verw);
        wishes.forces_verw = is_known && wishes.verw;
        return is_known;
    }
    if (name == "ibpb") return set(wishes.ibpb);
    if (name == "ibrs") return set(wishes.ibrs);
    if (name == "stibp") return set(wishes.stibp);
    if (name == "ssbd") return set(wishes.ssbd);
    if (name == "eager-fpu" && value == !is_negated) return true; // it is so
    for (const auto other : without_effect)
        if (name == other) {
            log::warning("parameter \"spec-ctrl\": \"{}\" has no effect", name);
            return true;
        }
    return false;
}

bool parse_l1tf(std::string_view word) {
    const auto equals = word.find('=');
    const auto name = word.substr(0, equals);
    if (const auto both = options::boolean(word)) {
        wishes.l1tf_dom0 = wishes.l1tf_domu = *both;
        return true;
    }
    const auto value =
        options::boolean(equals == std::string_view::npos ? std::string_view{} : word.substr(equals + 1));
    if (!value || (name != "dom0" && name != "domu")) return false;
    (name == "dom0" ? wishes.l1tf_dom0 : wishes.l1tf_domu) = *value;
    return true;
}

bool parse_xpti(std::string_view word) {
    if (word == "default") {
        wishes.xpti_dom0 = wishes.xpti_domu = std::nullopt;
        return true;
    }
    const auto equals = word.find('=');
    const auto name = word.substr(0, equals);
    if (const auto both = options::boolean(word)) {
        wishes.xpti_dom0 = wishes.xpti_domu = both;
        return true;
    }
    const auto value =
        options::boolean(equals == std::string_view::npos ? std::string_view{} : word.substr(equals + 1));
    if (!value || (name != "dom0" && name != "domu")) return false;
    (name == "dom0" ? wishes.xpti_dom0 : wishes.xpti_domu) = value;
    return true;
}

PX_OPTION(xpti, "xpti", [](std::string_view v) { return options::list(v, parse_xpti); });
PX_OPTION(spec_ctrl, "spec-ctrl", [](std::string_view v) { return options::list(v, parse_word); });
PX_OPTION(pv_l1tf, "pv-l1tf", [](std::string_view v) { return options::list(v, parse_l1tf); });

Facts read_facts() {
    const CpuFeatures& f = cpu_features;
    Facts facts{
        .is_intel = f.vendor == Vendor::Intel, .is_amd = f.vendor == Vendor::Amd, .family = f.family, .model = f.model};
    if (f.max_leaf >= 7) facts.leaf_7d = cpuid_word<Leaf7D>();
    if (f.max_extended_leaf >= 0x80000008) facts.extended_8b = cpuid_word<Extended8B>();
    if (f.max_extended_leaf >= 0x80000021) facts.extended_21a = cpuid_word<Extended21A>();
    if (facts.leaf_7d.has(leaf_7d::arch_capabilities)) facts.capabilities = rdmsr(Msr::ArchCapabilities);
    return facts;
}

void tell() {
    log::info("Speculation: IBRS {}, IBPB {}, STIBP {}, SSBD {}, buffers {}",
              choice.has_automatic_ibrs || (choice.spec_ctrl & 1) ? "always" : "no",
              choice.has_ibpb ? "between vCPUs" : "no", choice.spec_ctrl & 2 ? "on" : "off",
              choice.spec_ctrl & 4 ? "on" : "off",
              choice.clears_buffers ? "cleared on the way to guests" : "not cleared");
    if (choice.has_l1tf)
        log::info("Speculation: L1TF: absent page-table entries that point to memory are {}",
                  !wishes.l1tf_domu  ? "let through"
                  : wishes.l1tf_dom0 ? "refused"
                                     : "refused to guests, not to dom0");
    log::info("Speculation: indirect branches by {}", thunk_names[static_cast<unsigned>(choice.thunk)]);
    log::info("Speculation: XPTI: dom0 {}, domU {}", choice.xpti_dom0 ? "on" : "off", choice.xpti_domu ? "on" : "off");
    if (choice.has_meltdown && !choice.xpti_domu)
        log::warning("Speculation: this CPU has Meltdown, and guests' page tables are not isolated (XPTI): a "
                     "paravirtual guest can read all memory");
    if (choice.has_mds && !choice.clears_buffers)
        log::warning("Speculation: this CPU has MDS and its buffers are not cleared");
    if (!lfence_waits())
        log::warning("Speculation: LFENCE does not wait for what is before it{}",
                     choice.thunk == Thunk::Lfence ? ": bti-thunk=lfence protects nothing" : "");
    if (choice.thunk != Thunk::Retpoline && !choice.has_automatic_ibrs && !(choice.spec_ctrl & 1))
        log::warning(
            "Speculation: indirect branches of the hypervisor are not protected (no lasting IBRS, no retpolines)");
}

} // namespace

void init() {
    choice = decide(read_facts(), wishes);
    set_thunk(choice.thunk);
    if (choice.clears_buffers) apply_patches(PatchKind::ClearBuffers);
    if (isolates_page_tables()) {
        apply_patches(PatchKind::Isolate);
        // What is global stays in the TLB when a guest's CR3 is loaded.
        host_cr4 = host_cr4.without(cr4::pge);
        write_cr4(host_cr4);
    }
    if (host_cr4.has(cr4::smap)) apply_patches(PatchKind::ClearAc);
    init_cpu();
    tell();
}

namespace {
/// Sets the bit that makes LFENCE wait, where firmware has not.
bool make_lfence_wait() {
    if (choice.lfence != Lfence::ByMsr) return choice.lfence == Lfence::Always;
    u64 value;
    if (!rdmsr_safe(Msr::DeCfg, value)) return false;
    if (value & lfence_serialises) return true;
    // Read again: a hypervisor below may take the write and do nothing.
    return wrmsr_safe(Msr::DeCfg, value | lfence_serialises) && rdmsr_safe(Msr::DeCfg, value) &&
           (value & lfence_serialises) != 0;
}
} // namespace

bool lfence_waits() { return !some_lfence_does_not_wait.load(std::memory_order_relaxed); }

void init_cpu() {
    if (!make_lfence_wait()) some_lfence_does_not_wait.store(true, std::memory_order_relaxed);
    if (choice.has_automatic_ibrs) wrmsr(Msr::Efer, rdmsr(Msr::Efer) | efer::automatic_ibrs.raw());
    if (choice.has_spec_ctrl) wrmsr(Msr::SpecCtrl, choice.spec_ctrl);
}

void enter_vcpu(u64 identity) {
    if (!choice.has_ibpb) return;
    u64& last = last_vcpu.here();
    if (last == identity) return;
    last = identity;
    wrmsr(Msr::PredCmd, pred_ibpb);
}

bool isolates_page_tables(bool is_dom0) { return is_dom0 ? choice.xpti_dom0 : choice.xpti_domu; }
bool isolates_page_tables() { return choice.xpti_dom0 || choice.xpti_domu; }

AbsentEntries absent_entries(bool is_dom0) {
    if (!choice.has_l1tf || !(is_dom0 ? wishes.l1tf_dom0 : wishes.l1tf_domu)) return {};
    return absent_entries_below(max_frame.raw() << page_shift, choice.l1d_address_bits);
}

} // namespace px::x86::speculation
