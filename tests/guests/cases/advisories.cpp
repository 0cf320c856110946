// SPDX-License-Identifier: Apache-2.0
// Mistakes that Xen's advisories tell of (XSA numbers in the comments), made on purpose.
#include "lib/grants.hpp"

using namespace micro;
using abi::Errno;
using abi::Hypercall;

namespace {

constexpr u64 superpage = 0x80;
constexpr u64 table_flags = present | writable | user;
constexpr u64 not_canonical = 0x8000000000000000;

u64 link_to(const void* table) { return mfn_of(table) * page_bytes | table_flags; }
/// A frame of the hypervisor.
u64 hypervisor_frame() { return (reinterpret_cast<u64*>(start_info->pt_base)[261] & frame_mask) / page_bytes; }

/// Tables of three levels, each with one entry to the next, not writable.
struct Tables {
    u64* l1 = static_cast<u64*>(new_page());
    u64* l2 = static_cast<u64*>(new_page());
    u64* l3 = static_cast<u64*>(new_page());
    Tables() {
        l2[4] = link_to(l1);
        l3[4] = link_to(l2);
        for (u64* table : {l1, l2, l3}) CHECK_IS(set_access(table, false), 0);
    }
    /// All three are ordinary pages again, which holds only when nothing counts them as tables.
    void release() const {
        for (u64* table : {l3, l2, l1}) CHECK_IS(set_access(table, true), 0);
    }
};

} // namespace

/// XSA-148, XSA-176: the size bit turns a table into memory. Also when only that bit changes.
MICRO_CASE(superpage_bits_are_refused) {
    const Tables t;
    CHECK_IS(mmuext(abi::MmuextCommand::PinL3Table, mfn_of(t.l3)), 0);
    auto* l4 = reinterpret_cast<u64*>(start_info->pt_base);
    CHECK(mmu_update(&t.l2[4], t.l2[4] | superpage) < 0);
    CHECK(mmu_update(&t.l3[4], t.l3[4] | superpage) < 0);
    CHECK(mmu_update(&t.l2[5], link_to(t.l1) | superpage) < 0);
    CHECK(mmu_update(&t.l3[5], link_to(t.l2) | superpage) < 0);
    CHECK(mmu_update(&l4[100], link_to(t.l3) | superpage) < 0);
    CHECK_IS(mmu_update(&l4[100], link_to(t.l3)), 0);
    CHECK(mmu_update(&l4[100], link_to(t.l3) | superpage) < 0);
    CHECK_IS(mmu_update(&l4[100], 0), 0);
    CHECK_IS(mmuext(abi::MmuextCommand::UnpinTable, mfn_of(t.l3)), 0);
    t.release();
}

/// XSA-182: a change of flags alone must not make a table's view of itself writable.
MICRO_CASE(linear_maps_stay_read_only) {
    auto* l4 = reinterpret_cast<u64*>(start_info->pt_base);
    const u64 itself = mfn_of(l4) * page_bytes | present | user;
    CHECK_IS(mmu_update(&l4[100], itself), 0);
    CHECK(mmu_update(&l4[100], itself | writable) < 0);
    CHECK_IS(l4[100] & writable, 0);
    CHECK_IS(mmu_update(&l4[100], itself | accessed), 0);
    CHECK_IS(mmu_update(&l4[100], 0), 0);
}

/// XSA-242 and others: a pin that fails half-way leaves nothing counted behind.
MICRO_CASE(failed_pins_leave_nothing) {
    const Tables t;
    auto* data = new_page(); // writable: no table
    for (int round = 0; round < 20; ++round) {
        CHECK_IS(set_access(t.l2, true), 0);
        t.l2[511] = link_to(data);
        CHECK_IS(set_access(t.l2, false), 0);
        CHECK(mmuext(abi::MmuextCommand::PinL2Table, mfn_of(t.l2)) < 0);
        CHECK(mmuext(abi::MmuextCommand::PinL3Table, mfn_of(t.l3)) < 0);
        CHECK(mmuext(abi::MmuextCommand::PinL4Table, mfn_of(t.l3)) < 0);
        t.release();
        for (u64* table : {t.l1, t.l2, t.l3}) CHECK_IS(set_access(table, false), 0);
    }
    t.release();
}

/// XSA-227, XSA-234: a mapping by the address of an entry needs an entry: aligned, in a table of one's own.
MICRO_CASE(grants_by_address_of_an_entry) {
    auto* const table = grant_table();
    auto* page = static_cast<u64*>(new_page());
    auto* window = static_cast<u64*>(new_page());
    auto* data = static_cast<u64*>(new_page());
    table[50] = {abi::gtf_permit_access, own_id(), static_cast<u32>(mfn_of(page))};
    u64* const entry = entry_for(reinterpret_cast<u64>(window));
    const u64 good = machine_address(entry);
    abi::GnttabMapGrantRef map{};
    map.flags = abi::gntmap_host_map | abi::gntmap_contains_pte;
    map.ref = 50;
    map.dom = own_id();
    for (u64 place :
         {good + 1, good + 4, machine_address(data), hypervisor_frame() * page_bytes, u64{1} << 51, ~u64{0}, u64{0}}) {
        map.host_addr = place;
        map.status = 0;
        CHECK_IS(grant(abi::GrantTableOp::MapGrantRef, &map), 0);
        CHECK(map.status < 0);
        CHECK_IS(table[50].flags, abi::gtf_permit_access);
    }
    CHECK_IS(data[0], 0);
    map.host_addr = good;
    CHECK_IS(grant(abi::GrantTableOp::MapGrantRef, &map), 0);
    CHECK_IS(map.status, 0);
    if (map.status != 0) return;
    abi::GnttabUnmapGrantRef unmap{};
    unmap.handle = map.handle;
    unmap.host_addr = reinterpret_cast<u64>(window); // mapped by entry, not by address
    CHECK_IS(grant(abi::GrantTableOp::UnmapGrantRef, &unmap), 0);
    CHECK(unmap.status < 0);
    unmap.host_addr = good;
    CHECK_IS(grant(abi::GrantTableOp::UnmapGrantRef, &unmap), 0);
    CHECK_IS(unmap.status, 0);
    table[50].flags = 0;
    CHECK_IS(set_access(window, true), 0);
}

/// XSA-255, XSA-379: the status frames of version 2 must not go while the guest maps them, nor be mapped when gone.
MICRO_CASE(status_frames_outlive_their_mappings) {
    abi::GnttabSetVersion version{2};
    CHECK_IS(grant(abi::GrantTableOp::SetVersion, &version), 0);
    u64 frame = 0;
    {
        const StatusFrame mapped;
        frame = mapped.frame();
        version.version = 1;
        observe("version 1 while a status frame is mapped", grant(abi::GrantTableOp::SetVersion, &version));
    }
    version.version = 1;
    CHECK_IS(grant(abi::GrantTableOp::SetVersion, &version), 0);
    void* const window = new_page();
    CHECK(update_va(window, frame * page_bytes | kernel_rw | no_execute) < 0);
    CHECK_IS(set_access(window, true), 0);
}

/// XSA-279: INVLPG of what is no address.
MICRO_CASE(invlpg_of_odd_addresses) {
    for (auto command : {abi::MmuextCommand::InvlpgLocal, abi::MmuextCommand::InvlpgAll})
        for (u64 place :
             {not_canonical, u64{0x0000800000000000}, u64{0xffff7fffffffffff}, u64{0xffff830000000000}, ~u64{0}})
            CHECK_IS(mmuext(command, place), 0);
    CHECK(mmuext(abi::MmuextCommand::InvlpgMulti, 0x1000, not_canonical) < 0);
}

namespace {
abi::MulticallEntry calls[2];
} // namespace

/// XSA-213: iret in a multicall replaces the caller's state; nothing of the list may run after it.
MICRO_CASE(iret_ends_a_multicall) {
    calls[0].op = static_cast<u64>(Hypercall::Iret);
    calls[1].op = static_cast<u64>(Hypercall::XenVersion);
    calls[1].args[0] = static_cast<u64>(abi::VersionOp::Version);
    calls[1].result = 77;
    u64 result = static_cast<u64>(Hypercall::Multicall);
    // A frame that leads to just behind the call, with another value in rax.
    asm volatile(
        "mov %%rsp, %%rbx\n"
        "mov %%ss, %%ecx; push %%rcx; push %%rbx; pushq $2; mov %%cs, %%ecx; and $-4, %%ecx; push %%rcx\n" // kernel:
                                                                                                           // RPL 0;
                                                                                                           // events
                                                                                                           // stay
                                                                                                           // masked
        "lea 1f(%%rip), %%rcx; push %%rcx; push $0; push $0; push $0; push $0x1234\n"
        "syscall\n"
        "add $72, %%rsp\n"
        "1: mov %%rbx, %%rsp"
        : "+a"(result)
        : "D"(calls), "S"(2)
        : "rbx", "rcx", "r11", "memory");
    CHECK_IS(result, 0x1234);
    CHECK_IS(calls[1].result, 77);
}

/// XSA-195 and others: what the emulation of writes to page tables takes, and that no more is written than was said.
MICRO_CASE(odd_writes_to_page_tables) {
    CHECK_IS(call(Hypercall::VmAssist, 0, 2), 0);
    auto* page = static_cast<u64*>(new_page());
    volatile u64* const entry = entry_for(reinterpret_cast<u64>(page));
    const u64 before = *entry, beside = entry[1];
    const u64 spared = before & ~dirty;
    u64 refused = 0;
    unsigned n = 0;
    auto attempt = [&](auto how) {
        CHECK_IS(mmu_update(const_cast<u64*>(entry), spared), 0);
        if (traps(how)) refused |= u64{1} << n;
        ++n;
        CHECK_IS(*entry & frame_mask, before & frame_mask);
        CHECK_IS(entry[1], beside);
    };
    auto* const words = reinterpret_cast<volatile u32*>(const_cast<u64*>(entry));
    auto* const bytes = reinterpret_cast<volatile u8*>(const_cast<u64*>(entry));
    attempt([&] { words[0] = static_cast<u32>(spared | dirty); });
    attempt([&] { bytes[0] = static_cast<u8>(spared | dirty); });
    attempt([&] { asm volatile("lock btsq $6, %0" : "+m"(*entry)); });
    attempt([&] { asm volatile("lock btsq %1, %0" : "+m"(*entry) : "r"(u64{6})); });
    attempt([&] { asm volatile("lock orq $0x40, %0" : "+m"(*entry)); });
    attempt([&] { asm volatile("lock cmpxchg %1, %0" : "+m"(*entry) : "r"(spared | dirty), "a"(spared)); });
    attempt([&] { asm volatile("lock cmpxchg %1, %0" : "+m"(*entry) : "r"(spared | dirty), "a"(u64{0})); });
    attempt([&] {
        u64 zero = 0;
        asm volatile("lock xadd %1, %0" : "+m"(*entry), "+r"(zero));
    });
    attempt([&] {
        auto* to = entry;
        u64 count = 1;
        asm volatile("rep stosq" : "+D"(to), "+c"(count) : "a"(spared | dirty) : "memory");
    });
    attempt([&] { asm volatile("movq %1, %0" : "=m"(*entry) : "r"(spared | dirty)); });
    observe("writes to page tables refused", static_cast<s64>(refused));
    CHECK_IS(mmu_update(const_cast<u64*>(entry), before), 0);
}

namespace {
abi::VcpuGuestContext second_context;

/// What vCPU 1 would start with if it were told nothing wrong.
void set_good_context() {
    memset(&second_context, 0, sizeof second_context);
    second_context.flags = abi::vgcf_in_kernel;
    second_context.user_regs.rip = reinterpret_cast<u64>(secondary_start);
    second_context.user_regs.cs = abi::flat_ring3_cs64;
    second_context.user_regs.ss = abi::flat_ring3_ss64;
    second_context.kernel_ss = abi::flat_ring3_ss64;
    second_context.kernel_sp = reinterpret_cast<u64>(secondary_stack_top);
    second_context.ctrlreg[3] = mfn_of(reinterpret_cast<void*>(start_info->pt_base)) * page_bytes;
}

long initialise_second() { return call(Hypercall::VcpuOp, abi::VcpuOp::Initialise, 1, &second_context); }
} // namespace

/// XSA-296 and others: a vCPU's first state is judged as hypercalls would be, and a refused one leaves nothing behind.
MICRO_CASE_ALONE(contexts_of_vcpus_are_judged) {
    auto* const data = new_page(); // writable
    static void (*const spoil[])(u64) = {
        [](u64) { second_context.ctrlreg[3] = hypervisor_frame() * page_bytes; },
        [](u64) { second_context.ctrlreg[3] = 0; },
        [](u64) { second_context.ctrlreg[3] = u64{1} << 51; },
        [](u64 writable_frame) { second_context.ctrlreg[3] = writable_frame * page_bytes; },
        [](u64 writable_frame) { second_context.ctrlreg[1] = writable_frame * page_bytes | 1; },
        [](u64) { second_context.flags = 0; }, // in user mode, of which there is no table
        [](u64) { second_context.flags = 0, second_context.ctrlreg[1] = 1; },
        [](u64 writable_frame) { second_context.gdt_ents = 512, second_context.gdt_frames[0] = writable_frame; },
        [](u64) { second_context.gdt_ents = 512, second_context.gdt_frames[0] = hypervisor_frame(); },
        [](u64) { second_context.gdt_ents = 9000; },
        [](u64) { second_context.gdt_ents = ~u64{0}; },
    };
    for (auto* change : spoil) {
        set_good_context();
        change(mfn_of(data));
        CHECK(initialise_second() < 0);
        CHECK(call(Hypercall::VcpuOp, abi::VcpuOp::Up, 1, 0) < 0);
        CHECK_IS(set_access(data, false), 0);
        CHECK_IS(set_access(data, true), 0);
    }
    set_good_context();
    CHECK_IS(initialise_second(), 0);
    CHECK(initialise_second() < 0);
}
