// SPDX-License-Identifier: Apache-2.0
// Where the fuzzer's values come from.
#include "lib/fuzz_values.hpp"

namespace micro::fuzz {

namespace {

constexpr unsigned page_count = 48, scratch_count = 5;
// Behind each a page without mapping: huge counts end there.
alignas(4096) u8 scratch_pages[2][scratch_count][2 * page_bytes];
void* pages[page_count];
u64 frames[page_count], entries[page_count]; ///< frame of a page; machine address of the entry that maps it
u64 tables[5];                               ///< by level: frame of the table over the pages
u64 first_free_l2;                           ///< index in the level 2 table from which nothing is mapped
u64 hypervisor, results[16];

} // namespace

u64 Dice::raw() {
    u64 z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

u64 Dice::any() {
    static constexpr u64 places[] = {0xffff800000000000, 0xffff82d040200000, 0xffff830000000000, 0xffff82e000000000,
                                     0xffff87fffffffff8, 0xffff880000000000, 0x00007ffffffffff8, 0x0000800000000000,
                                     0x8000000000000000, 0xfffffffffffffff8, 0xffff7fffffffffff, 0x1000};
    static constexpr u64 domains[] = {0, 1, 0x7ff0, 0x7ff1, 0x7ff2, 0x7ff3, 0x7ff4, 0x7123};
    switch (below(18)) {
    case 0:
    case 1: return below(17);
    case 2: return raw();
    case 3: return (u64{1} << below(64)) - below(2);
    case 4:
    case 5: return reinterpret_cast<u64>(page(*this)) + (below(2) ? 0 : below(2) ? 4088 + below(8) : below(4096));
    case 6:
    case 7: return frame(*this);
    case 8: return places[below(12)] + below(3) * 8;
    case 9: return spare_entry(*this);
    case 10: return entry_value(*this);
    case 11: return ~u64{0} - below(4);
    case 12: return results[below(16)];
    case 13: return domains[below(8)];
    case 14: return raw() & 0xffffffff;
    case 15: return below(4096);
    case 16: return reinterpret_cast<u64>(m2p() + frame(*this) % 0x40000);
    default: return below(8) | below(8) << 32;
    }
}

void prepare() {
    for (unsigned i = 0; i < page_count; ++i) {
        pages[i] = new_page();
        frames[i] = mfn_of(pages[i]);
        entries[i] = machine_address(entry_for(reinterpret_cast<u64>(pages[i])));
    }
    const u64 at = reinterpret_cast<u64>(pages[0]);
    for (int level = 1; level <= 4; ++level) tables[level] = mfn_of(table_for(at, level));
    const u64* l2 = table_for(at, 2);
    first_free_l2 = 511;
    while (first_free_l2 > 0 && !(l2[first_free_l2 - 1] & present)) --first_free_l2;
    for (auto& of_vcpu : scratch_pages)
        for (auto& one : of_vcpu) update_va(one + page_bytes, 0);
    hypervisor = (reinterpret_cast<u64*>(start_info->pt_base)[261] & frame_mask) / page_bytes;
}

void repair(Dice& d) {
    for (unsigned i = 0; i < page_count; ++i)
        if (d.below(4) == 0)
            update_va(pages[i], frames[i] * page_bytes | (d.below(3) ? kernel_rw : kernel_ro) | no_execute);
}

u64* page(Dice& d) { return static_cast<u64*>(pages[d.below(page_count)]); }

u64* scratch(unsigned vcpu, unsigned n) { return reinterpret_cast<u64*>(scratch_pages[vcpu][n]); }

bool is_scratch(const void* p) {
    const auto at = reinterpret_cast<u64>(p), from = reinterpret_cast<u64>(scratch_pages);
    return at - from < sizeof scratch_pages && (at - from) % (2 * page_bytes) == 0;
}

bool is_spare(u64 address) {
    for (const void* p : pages)
        if (reinterpret_cast<u64>(p) == (address & ~u64{4095})) return true;
    return address < virt_base || address - virt_base >= first_free_l2 << 21;
}

u64 frame(Dice& d) {
    switch (d.below(12)) {
    case 0: return tables[1 + d.below(4)];
    case 1: return hypervisor;
    case 2: return d.below(2) ? d.below(0x40000) : 0xfee00 - d.below(2) * 0x200;
    case 3: return d.below(2) ? u64{1} << d.below(52) : ~u64{0};
    case 4: return results[d.below(16)];
    default: return frames[d.below(page_count)];
    }
}

u64 spare_entry(Dice& d) {
    switch (d.below(6)) {
    case 0: return tables[4] * page_bytes + 8 * (d.below(4) ? d.below(256) : 272 + d.below(200));
    case 1: return tables[3] * page_bytes + 8 * d.below(510);
    case 2: return tables[2] * page_bytes + 8 * (first_free_l2 + d.below(512 - first_free_l2));
    case 3: return frames[d.below(page_count)] * page_bytes + 8 * d.below(512);
    default: return entries[d.below(page_count)];
    }
}

u64 entry_value(Dice& d) {
    static constexpr u64 flags[] = {0,
                                    present,
                                    kernel_ro,
                                    kernel_rw,
                                    present | writable | user,
                                    kernel_rw | 0x80,
                                    kernel_rw | no_execute,
                                    kernel_rw | 0x100,
                                    kernel_rw | 0x18,
                                    kernel_rw | u64{1} << 52};
    return frame(d) * page_bytes | flags[d.below(10)];
}

void remember(Dice& d, long result) {
    if (result > 0) results[d.below(16)] = static_cast<u64>(result);
}

} // namespace micro::fuzz
