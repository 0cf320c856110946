// SPDX-License-Identifier: Apache-2.0
// Makes and ends the address space of a case's user mode.
#include "lib/user.hpp"

using namespace micro;
using abi::Hypercall;

UserSpace::UserSpace(const u8* code, unsigned bytes) {
    constexpr u64 table = present | writable | user | accessed;
    u64* tables[3];
    for (auto& t : tables) t = static_cast<u64*>(new_page());
    top_ = static_cast<u64*>(new_page());
    auto* page = static_cast<u8*>(new_page());
    stack_ = static_cast<u64*>(new_page());
    memcpy(page, code, bytes);
    tables[0][0] = mfn_of(page) * page_bytes | present | user | accessed;
    tables[0][1] = mfn_of(stack_) * page_bytes | kernel_rw | no_execute;
    tables[1][index_at(code_address, 2)] = mfn_of(tables[0]) * page_bytes | table;
    tables[2][0] = mfn_of(tables[1]) * page_bytes | table;
    top_[0] = mfn_of(tables[2]) * page_bytes | table;
    for (u64* t : {tables[0], tables[1], tables[2], top_}) CHECK_IS(set_access(t, false), 0);
    CHECK_IS(mmuext(abi::MmuextCommand::PinL4Table, mfn_of(top_)), 0);
    CHECK_IS(mmuext(abi::MmuextCommand::NewUserBaseptr, mfn_of(top_)), 0);
    CHECK_IS(call(Hypercall::StackSwitch, abi::flat_ring3_ss64, kernel_stack_top), 0);
    vcpu_info().evtchn_upcall_pending = 0; // left by earlier cases: user mode runs with events on
}

UserSpace::~UserSpace() {
    vcpu_info().evtchn_upcall_mask = 1; // user mode runs with events on
    CHECK_IS(mmuext(abi::MmuextCommand::NewUserBaseptr, 0), 0);
    CHECK_IS(mmuext(abi::MmuextCommand::UnpinTable, mfn_of(top_)), 0);
}
