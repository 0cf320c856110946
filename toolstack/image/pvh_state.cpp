// SPDX-License-Identifier: Apache-2.0
// Initial machine state of PVH guests.
#include "image/pvh_state.hpp"

#include "abi/hvm_save.hpp"

#include <algorithm>
#include <cstring>

namespace image {

using toolstack::fail;
using toolstack::Result;

namespace {

/// Calls `each(descriptor, body)` for the records of a stream up to its end; false when it is damaged.
template <class Each> bool for_each_record(View stream, Each each) {
    while (stream.size() >= sizeof(abi::HvmSaveDescriptor)) {
        abi::HvmSaveDescriptor descriptor;
        std::memcpy(&descriptor, stream.data(), sizeof descriptor);
        if (stream.size() - sizeof descriptor < descriptor.length) return false;
        if (descriptor.typecode == static_cast<std::uint16_t>(abi::HvmSaveType::End)) return true;
        each(descriptor, stream.subspan(sizeof descriptor, descriptor.length));
        stream = stream.subspan(sizeof descriptor + descriptor.length);
    }
    return false;
}

void append(std::vector<std::uint8_t>& out, abi::HvmSaveType type, std::uint16_t instance, const void* data,
            std::size_t size) {
    abi::HvmSaveDescriptor descriptor{static_cast<std::uint16_t>(type), instance, static_cast<std::uint32_t>(size)};
    auto bytes = reinterpret_cast<const std::uint8_t*>(&descriptor);
    out.insert(out.end(), bytes, bytes + sizeof descriptor);
    bytes = static_cast<const std::uint8_t*>(data);
    out.insert(out.end(), bytes, bytes + size);
}

/// Segment attributes as the stream packs them: type, S, DPL and P in the low byte, then AVL, L, D/B, G.
constexpr std::uint32_t code_32 = 0xc9b, data_32 = 0xc93, busy_tss_32 = 0x08b;
constexpr std::uint64_t cr0_pe = 1 << 0, cr0_et = 1 << 4, rflags_fixed = 1 << 1;

abi::HvmHwCpu first_cpu(std::uint64_t entry, std::uint64_t start_info) {
    abi::HvmHwCpu cpu{};
    cpu.rip = entry;
    cpu.rbx = start_info;
    cpu.rflags = rflags_fixed;
    cpu.cr0 = cr0_pe | cr0_et;
    cpu.dr6 = 0xffff0ff0; // as after reset (SDM vol. 3, table 9-1)
    cpu.dr7 = 0x400;
    cpu.cs_limit = cpu.ds_limit = cpu.es_limit = cpu.ss_limit = 0xffffffff;
    cpu.cs_arbytes = code_32;
    cpu.ds_arbytes = cpu.es_arbytes = cpu.ss_arbytes = data_32;
    cpu.tr_limit = 0x67;
    cpu.tr_arbytes = busy_tss_32;
    return cpu;
}

} // namespace

Result<std::vector<std::uint8_t>> initial_context(View current, std::uint64_t entry, std::uint64_t start_info) {
    constexpr std::uint64_t mtrr_enable = 1 << 11, write_back = 6;
    std::vector<std::uint8_t> out, rest;
    bool whole = for_each_record(current, [&](const abi::HvmSaveDescriptor& descriptor, View body) {
        auto type = static_cast<abi::HvmSaveType>(descriptor.typecode);
        if (type == abi::HvmSaveType::Header) append(out, type, descriptor.instance, body.data(), body.size());
        if (type != abi::HvmSaveType::Mtrr || body.size() != sizeof(abi::HvmHwMtrr)) return;
        abi::HvmHwMtrr mtrr;
        std::memcpy(&mtrr, body.data(), sizeof mtrr);
        mtrr.msr_mtrr_def_type = mtrr_enable | write_back;
        append(rest, type, descriptor.instance, &mtrr, sizeof mtrr);
    });
    if (!whole || out.empty()) return fail("the hypervisor's description of the new machine is damaged");
    auto cpu = first_cpu(entry, start_info);
    append(out, abi::HvmSaveType::Cpu, 0, &cpu, sizeof cpu);
    out.insert(out.end(), rest.begin(), rest.end());
    append(out, abi::HvmSaveType::End, 0, nullptr, 0);
    return out;
}

void shape_policy(xen::CpuPolicy& policy, bool invariant) {
    constexpr std::uint32_t htt = 1u << 28, cmp_legacy = 1u << 1, invariant_tsc = 1u << 8, intel = 0x756e6547; // "Genu"
    bool amd = std::ranges::none_of(policy.leaves, [](auto& leaf) { return leaf.leaf == 0 && leaf.b == intel; });
    for (auto& leaf : policy.leaves) {
        switch (leaf.leaf) {
        case 1: { // ids of a package; none given means one
            leaf.d |= htt;
            auto ids = std::max(leaf.b >> 16 & 0xff, 1u);
            if (ids < 0x80) leaf.b = (leaf.b & 0xff00ffffu) | ids * 2 << 16;
            break;
        }
        case 4: { // caches: nobody shares one, and cores of a package
            if (amd || (leaf.a & 0x1f) == 0) break;
            auto cores = std::min((leaf.a >> 26 & 0x3f) * 2 + 1, 0x3fu);
            leaf.a = (leaf.a & 0x3fff) | cores << 26;
            break;
        }
        case 0x80000001: leaf.c &= ~cmp_legacy; break;
        case 0x80000007: leaf.d = invariant ? leaf.d | invariant_tsc : leaf.d & ~invariant_tsc; break;
        case 0x80000008: { // number of cores less one, and the bits of an id within a package
            auto cores = leaf.c & 0xff, bits = leaf.c >> 12 & 0xf;
            if (!amd || cores >= 0x7f) break;
            if (bits && bits < 0xf) ++bits;
            leaf.c = (leaf.c & 0xffff0f00u) | (cores * 2 + 1) | bits << 12;
            break;
        }
        default: break;
        }
    }
}

bool has_invariant_tsc(const xen::CpuPolicy& policy) {
    return std::ranges::any_of(policy.leaves, [](auto& leaf) { return leaf.leaf == 0x80000007 && leaf.d & 1u << 8; });
}

} // namespace image
