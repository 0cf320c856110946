// SPDX-License-Identifier: Apache-2.0
#include "x86/machine/mca/error.hpp"

namespace px::x86::mca {
namespace {

bool has(const Bank& bank, u64 bit) { return (bank.status & bit) != 0; }

/// Codes of the errors that ask for an action, by the architecture: what is not among them nobody can judge.
bool is_known_consumption(u64 status) {
    constexpr u64 data_load = 0x134, fetch = 0x150;
    const u64 code = status & status::code_mask;
    return code == data_load || code == fetch;
}

Severity by_intels_rules(const Bank& bank) {
    const bool signalled = has(bank, status::signalled), required = has(bank, status::action_required);
    if (!signalled) return required ? Severity::Fatal : Severity::Unused;
    if (!required) return Severity::Optional;
    // One that was lost before it may have been in another place.
    if (has(bank, status::overflow) || !is_known_consumption(bank.status)) return Severity::Fatal;
    return Severity::Required;
}

Severity by_amds_rules(const Bank& bank, const Abilities& abilities) {
    return has(bank, status::overflow) && !abilities.survives_overflow ? Severity::Fatal : Severity::Required;
}

} // namespace

Severity severity_of(const Bank& bank, const Abilities& abilities) {
    constexpr u64 amd_deferred = u64{1} << 44;
    if (!has(bank, status::valid)) return Severity::None;
    if (!has(bank, status::uncorrected))
        return abilities.recovery == Recovery::Amd && has(bank, amd_deferred) ? Severity::Unused : Severity::Corrected;
    if (has(bank, status::context_corrupt)) return Severity::Fatal;
    if (!has(bank, status::enabled)) return Severity::Unused; // its exception is switched off: it was not for this
    switch (abilities.recovery) {
    case Recovery::Intel: return by_intels_rules(bank);
    case Recovery::Amd: return by_amds_rules(bank, abilities);
    default: return Severity::Fatal;
    }
}

bool is_left_to_polling(const Bank& bank, const Abilities& abilities) {
    if (!has(bank, status::valid)) return false;
    if (!has(bank, status::uncorrected)) return true;
    if (has(bank, status::context_corrupt)) return false;
    return !has(bank, status::enabled) || (abilities.recovery == Recovery::Intel && !has(bank, status::signalled));
}

std::optional<Paddr> address_of(const Bank& bank, const Abilities& abilities) {
    if (!has(bank, status::valid) || !has(bank, status::has_address)) return std::nullopt;
    if (abilities.recovery == Recovery::Intel) {
        // MISC says how many low bits mean nothing, and what kind of address it is.
        constexpr u64 low_bits = 0x3f, kind_mask = 7 << 6, physical = 2 << 6;
        if (!has(bank, status::has_misc) || (bank.misc & kind_mask) != physical) return std::nullopt;
        if ((bank.misc & low_bits) > page_shift) return std::nullopt;
    }
    constexpr u64 address_bits = (u64{1} << 52) - 1;
    return Paddr(bank.address & address_bits & page_mask);
}

Verdict judge(Severity worst, const Moment& moment, const Abilities& abilities) {
    if (worst == Severity::Fatal) return Verdict::EndHost;
    const bool restartable = moment.global & global_status::restartable;
    if (worst == Severity::Required) {
        // To all threads of a package Intel's CPUs tell it; for those that have not met it, rip is whole and not its.
        if (abilities.recovery == Recovery::Intel && restartable && !(moment.global & global_status::is_of_rip))
            return Verdict::Leave;
        return moment.in_guest && moment.is_disposable ? Verdict::EndGuest : Verdict::EndHost;
    }
    return restartable ? Verdict::GoOn : Verdict::EndHost;
}

} // namespace px::x86::mca
