// SPDX-License-Identifier: Apache-2.0
// Sockets, cores and threads, read from APIC ids and CPUID (SDM volume 3, 9.9.5; APM volume 3, appendix E.4).
#include "machine/machine.hpp"
#include "x86/instructions.hpp"
#include "x86/machine/cpu/cpu.hpp"
#include "x86/machine/cpu/cpu_features.hpp"
#include "x86/machine/firmware/acpi.hpp"
#include "x86/machine/interrupt/apic.hpp"

#include <bit>

namespace px::machine {

namespace {

/// How an APIC id divides: thread bits, then core bits, then the socket.
struct ApicIdShape {
    unsigned thread_bits = 0, package_bits = 0;
};

unsigned bits_for(u32 count) { return count <= 1 ? 0 : static_cast<unsigned>(std::bit_width(count - 1)); }

ApicIdShape read_shape() {
    const auto& features = x86::cpu_features;
    if (features.max_leaf >= 0xb) {
        const auto threads = x86::cpuid(0xb, 0), cores = x86::cpuid(0xb, 1);
        if ((threads.ebx & 0xffff) != 0 && (cores.ebx & 0xffff) != 0) return {threads.eax & 31, cores.eax & 31};
    }
    const auto basic = x86::cpuid(1, 0);
    if (!basic.has(x86::leaf_1d::htt)) return {};
    const u32 in_package = x86::leaf_1b::Threads::of(basic.get<x86::Leaf1B>());
    u32 cores = in_package;
    if (features.vendor == x86::Vendor::Amd && features.max_extended_leaf >= 0x80000008)
        cores = (x86::cpuid(0x80000008, 0).ecx & 0xff) + 1;
    else if (features.max_leaf >= 4) cores = (x86::cpuid(4, 0).eax >> 26) + 1;
    const unsigned package_bits = bits_for(in_package), core_bits = bits_for(cores);
    return {package_bits > core_bits ? package_bits - core_bits : 0, package_bits};
}

ApicIdShape shape() {
    // CPUID traps under some hypervisors, but tools ask rarely: read each time, no state.
    return read_shape();
}

} // namespace

CpuIdentity cpu_identity(CpuId cpu) {
    const u32 apic_id = x86::apic::id_of(cpu);
    for (const x86::acpi::Cpu& known : x86::acpi::cpus())
        if (known.apic_id == apic_id) return {apic_id, known.acpi_id};
    return {apic_id, ~0u};
}

CpuTopology cpu_topology(CpuId cpu) {
    const ApicIdShape s = shape();
    const u32 id = x86::apic::id_of(cpu);
    const u32 in_package = id & ((1u << s.package_bits) - 1);
    return {.core = in_package >> s.thread_bits, .socket = id >> s.package_bits, .node = 0};
}

HostShape host_shape() {
    // Counted, not computed: firmware may leave CPUs out.
    const CpuTopology first = cpu_topology(CpuId(0));
    u32 threads = 0, in_socket = 0;
    for (u32 i = 0; i < cpu_count(); ++i) {
        const CpuTopology t = cpu_topology(CpuId(i));
        if (t.socket != first.socket) continue;
        ++in_socket;
        if (t.core == first.core) ++threads;
    }
    return {threads, in_socket / (threads ? threads : 1)};
}

} // namespace px::machine

bool px::x86::is_first_thread(u32 apic_id) { return (apic_id & ((1u << px::machine::shape().thread_bits) - 1)) == 0; }

namespace px::machine {

void hardware_capabilities(u32 (&words)[8]) {
    const auto& features = x86::cpu_features;
    const auto leaf = [&](u32 number, u32 sub = 0) {
        const u32 highest = number >= 0x80000000 ? features.max_extended_leaf : features.max_leaf;
        return number <= highest ? x86::cpuid(number, sub) : x86::CpuidResult{};
    };
    words[0] = leaf(1).edx;
    words[1] = leaf(1).ecx;
    words[2] = leaf(0x80000001).edx;
    words[3] = leaf(0x80000001).ecx;
    words[4] = leaf(0xd, 1).eax;
    words[5] = leaf(7).ebx;
    words[6] = leaf(7).ecx;
    words[7] = leaf(0x80000007).edx;
}

} // namespace px::machine
