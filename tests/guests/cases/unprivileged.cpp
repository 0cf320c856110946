// SPDX-License-Identifier: Apache-2.0
// What an unprivileged guest must not be able to do. Run as domU only (tests/system/test_micro_domu.py).
#include "abi/console.hpp"
#include "abi/domctl.hpp"
#include "abi/physdev.hpp"
#include "abi/platform.hpp"
#include "abi/sysctl.hpp"
#include "lib/grants.hpp"

using namespace micro;
using abi::Errno;
using abi::Hypercall;

/// The control interfaces, whatever the command.
MICRO_CASE_ALONE(domu_control_is_refused) {
    auto* words = static_cast<u32*>(new_page());
    for (u32 command = 1; command < 90; ++command) {
        words[0] = command;
        words[1] = abi::domctl_interface_version;
        for (u16 who : {u16{0}, u16{1}, abi::domid_self}) {
            *reinterpret_cast<u16*>(words + 2) = who;
            CHECK(call(Hypercall::Domctl, words) < 0);
        }
        words[1] = abi::sysctl_interface_version;
        CHECK_IS(call(Hypercall::Sysctl, words), error(Errno::Perm));
        words[1] = abi::platform_interface_version;
        CHECK_IS(call(Hypercall::PlatformOp, words), error(Errno::Perm));
    }
    words[0] = static_cast<u32>(abi::DomctlCommand::PauseDomain);
    words[1] = abi::domctl_interface_version;
    words[2] = 0;
    CHECK_IS(call(Hypercall::Domctl, words), error(Errno::Perm));
    words[0] = static_cast<u32>(abi::DomctlCommand::DestroyDomain);
    CHECK_IS(call(Hypercall::Domctl, words), error(Errno::Perm));
}

/// The hypervisor's console can not be read; writing is for debug builds and privileged guests.
MICRO_CASE_ALONE(domu_console_is_refused) {
    auto* page = static_cast<char*>(new_page());
    CHECK_IS(call(Hypercall::ConsoleIo, abi::ConsoleIo::Read, 16, page), error(Errno::Perm));
}

/// Interrupts and devices of the machine.
MICRO_CASE_ALONE(domu_hardware_is_refused) {
    auto* page = static_cast<u64*>(new_page());
    for (auto op : {abi::PhysdevOp::ApicRead, abi::PhysdevOp::ApicWrite, abi::PhysdevOp::AllocIrqVector,
                    abi::PhysdevOp::SetupGsi, abi::PhysdevOp::PciDeviceAdd, abi::PhysdevOp::PciDeviceRemove,
                    abi::PhysdevOp::ManagePciAdd, abi::PhysdevOp::PciMmcfgReserved})
        CHECK_IS(call(Hypercall::PhysdevOp, op, page), error(Errno::Perm));
    abi::EvtchnBindPirq bind{1, 0, 0};
    CHECK(call(Hypercall::EventChannelOp, abi::EventChannelOp::BindPirq, &bind) < 0);
    abi::EvtchnBindVirq virq{static_cast<u32>(abi::Virq::DomExc), 0, 0};
    (void)virq;
}

/// Ports: no access.
MICRO_CASE_ALONE(domu_ports_are_refused) {
    for (u16 port : {0x20, 0x40, 0x64, 0x70, 0x3f8, 0xcf8, 0xcfc, 0xb2}) {
        CHECK(traps([port] { asm volatile("outb %%al, %%dx" ::"a"(0), "d"(port)); }) || port == 0x70 || port == 0xcf8 ||
              port == 0x40);
        u32 value = 0;
        if (traps([&] { asm volatile("inb %%dx, %%al" : "+a"(value) : "d"(port)); })) CHECK_IS(last_trap.vector, 13);
    }
    CHECK(traps([] { asm volatile("outb %%al, %%dx" ::"a"('x'), "d"(u16{0x3f8})); }));
    CHECK(traps([] { asm volatile("outw %%ax, %%dx" ::"a"(0x2000), "d"(u16{0x604})); })); // power-off
}

/// The highest IOPL makes the instructions no fault; they reach no device: this guest does not end here.
MICRO_CASE_ALONE(domu_ports_with_iopl) {
    abi::PhysdevSetIopl iopl{3};
    CHECK_IS(call(Hypercall::PhysdevOp, abi::PhysdevOp::SetIopl, &iopl), 0);
    for (u16 port : {0x21, 0x64, 0x3fd}) {
        u32 value = 0;
        if (!traps([&] { asm volatile("inb %%dx, %%al" : "+a"(value) : "d"(port)); })) CHECK_IS(value & 0xff, 0xff);
    }
    traps([] { asm volatile("outw %%ax, %%dx" ::"a"(0x2000), "d"(u16{0x604})); }); // power-off
    traps([] { asm volatile("outb %%al, %%dx" ::"a"(0x06), "d"(u16{0xcf9})); });   // reset
    iopl.iopl = 0;
    CHECK_IS(call(Hypercall::PhysdevOp, abi::PhysdevOp::SetIopl, &iopl), 0);
}

/// Memory of devices and frames of others, low memory among them.
MICRO_CASE_ALONE(domu_foreign_frames_are_refused) {
    void* page = new_page();
    for (u64 mfn : {0xfee00ul, 0xfec00ul, 0xb0000ul, 0xb8ul, 0ul, 1ul, 0x100ul, 0xfffffful})
        for (u64 flags : {kernel_rw, kernel_ro, kernel_rw | 0x18})
            CHECK(update_va(page, mfn * page_bytes | flags | no_execute) < 0);
    CHECK(call(Hypercall::UpdateVaMappingOtherdomain, page, u64{0xfee00} * page_bytes | kernel_rw, 0, 0x7ff1) < 0);
    CHECK(call(Hypercall::UpdateVaMappingOtherdomain, page, u64{0x100} * page_bytes | kernel_rw, 0, 0) < 0);
    // Frames around its own belong to others or to it: those of others are refused.
    unsigned taken = 0;
    for (u64 mfn = 0; mfn < 0x2000; mfn += 7) {
        bool own = false;
        const u64 pfn = m2p()[mfn];
        if (pfn < start_info->nr_pages) own = p2m()[pfn] == mfn;
        if (!own && update_va(page, mfn * page_bytes | kernel_ro | no_execute) == 0) ++taken;
    }
    CHECK_IS(taken, 0);
    CHECK_IS(set_access(page, true), 0);
}

/// Calls that name another domain.
MICRO_CASE_ALONE(domu_other_domains_are_refused) {
    static u64 frame;
    frame = mfn_of(new_page());
    for (u16 who : {u16{0}, u16{0x7ff1}, u16{0x7ff2}}) {
        abi::MemoryReservation r{};
        r.extent_start.address = reinterpret_cast<u64>(&frame);
        r.nr_extents = 1;
        r.domid = who;
        CHECK(call(Hypercall::MemoryOp, abi::MemoryOp::DecreaseReservation, &r) <= 0);
        CHECK(call(Hypercall::MemoryOp, abi::MemoryOp::PopulatePhysmap, &r) <= 0);
        abi::MemoryDomain d{who};
        CHECK(call(Hypercall::MemoryOp, abi::MemoryOp::CurrentReservation, &d) < 0);
        CHECK(call(Hypercall::MemoryOp, abi::MemoryOp::MaximumReservation, &d) < 0);
        abi::EvtchnStatus status{};
        status.dom = who;
        status.port = 1;
        CHECK(call(Hypercall::EventChannelOp, abi::EventChannelOp::Status, &status) < 0);
        abi::EvtchnAllocUnbound alloc{who, 0, 0};
        CHECK(call(Hypercall::EventChannelOp, abi::EventChannelOp::AllocUnbound, &alloc) < 0);
        abi::EvtchnReset reset{who};
        CHECK(call(Hypercall::EventChannelOp, abi::EventChannelOp::Reset, &reset) < 0);
        abi::MmuUpdate op{frame * page_bytes | 1, 5};
        CHECK(call(Hypercall::MmuUpdate, &op, 1, 0, who) < 0);
        abi::MmuextOp pin{};
        pin.arg1.mfn = frame;
        CHECK(call(Hypercall::MmuextOp, &pin, 1, 0, who) < 0);
        abi::GnttabSetupTable setup{};
        setup.dom = who;
        setup.nr_frames = 1;
        setup.frame_list.address = reinterpret_cast<u64>(&frame);
        const long asked = call(Hypercall::GrantTableOp, abi::GrantTableOp::SetupTable, &setup, 1);
        CHECK(asked < 0 || setup.status < 0);
    }
    CHECK_IS(call(Hypercall::MemoryOp, abi::MemoryOp::MachineMemoryMap, new_page()), error(Errno::Perm));
    abi::SchedRemoteShutdown other{0, 0};
    CHECK_IS(call(Hypercall::SchedOp, abi::SchedOp::RemoteShutdown, &other), error(Errno::Perm));
}

/// The tools map the console's and the store's grant all of its life.
MICRO_CASE_ALONE(domu_changes_versions_under_the_tools) {
    for (u32 wanted : {2u, 1u}) {
        abi::GnttabSetVersion version{wanted};
        CHECK_IS(grant(abi::GrantTableOp::SetVersion, &version), 0);
        CHECK_IS(version.version, wanted);
    }
}

/// It is I/O memory that nobody gave to this guest.
MICRO_CASE_ALONE(domu_first_mib_is_closed) {
    void* const window = new_page();
    for (u64 frame = 0; frame < 256; ++frame)
        CHECK_IS(update_va(window, frame * page_bytes | kernel_ro | no_execute), error(Errno::Perm));
    CHECK_IS(set_access(window, true), 0);
}

/// Memory types are for domains with devices: all others could make memory and caches hold different contents
/// (XSA-402).
MICRO_CASE_ALONE(domu_memory_types_are_refused) {
    void* page = new_page();
    for (u64 attribute : {u64{0x08}, u64{0x10}, u64{0x18}, u64{0x80}})
        CHECK_IS(update_va(page, mfn_of(page) * page_bytes | kernel_rw | no_execute | attribute),
                 error(Errno::Invalid));
    CHECK_IS(set_access(page, true), 0);
}

/// Neither are the instructions that write all caches back.
MICRO_CASE_ALONE(domu_caches_are_not_flushed) {
    CHECK_IS(mmuext(abi::MmuextCommand::FlushCache, 0), error(Errno::Access));
    CHECK_IS(mmuext(abi::MmuextCommand::FlushCacheGlobal, 0), error(Errno::Invalid));
}

/// A top-level table of an unprivileged guest does not contain itself: set so it is refused, and so found it is no
/// table.
MICRO_CASE_ALONE(domu_linear_top_level_tables_are_refused) {
    auto* l4 = reinterpret_cast<u64*>(start_info->pt_base);
    CHECK_IS(mmu_update(&l4[100], mfn_of(l4) * page_bytes | present | user), error(Errno::Invalid));
    auto* other = static_cast<u64*>(new_page());
    other[100] = mfn_of(other) * page_bytes | present | user;
    const u64 frame = mfn_of(other);
    CHECK_IS(set_access(other, false), 0);
    CHECK_IS(mmuext(abi::MmuextCommand::PinL4Table, frame), error(Errno::Invalid));
    CHECK_IS(set_access(other, true), 0);
}
