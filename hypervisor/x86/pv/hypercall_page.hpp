// SPDX-License-Identifier: Apache-2.0
// The page of hypercall stubs that older paravirtual kernels call into.
#pragma once

#include "abi/hypercall.hpp"
#include "x86/pv/pv_domain.hpp"

#include <cstring>

namespace px::pv {

/// Fills 4 KiB with a stub for each hypercall number: rcx and r11, which SYSCALL loses, are kept for the caller.
inline void fill_hypercall_page(void* page) {
    auto* const bytes = static_cast<unsigned char*>(page);
    std::memset(bytes, 0xcc, 4096);
    for (unsigned number = 0; number < 4096 / abi::hypercall_stub_size; ++number) {
        // push rcx; push r11; mov $number, eax; syscall; pop r11; pop rcx; ret
        unsigned char stub[] = {0x51, 0x41, 0x53, 0xb8, 0, 0, 0, 0, 0x0f, 0x05, 0x41, 0x5b, 0x59, 0xc3};
        std::memcpy(stub + 4, &number, sizeof(number));
        std::memcpy(bytes + std::size_t{number} * abi::hypercall_stub_size, stub, sizeof(stub));
    }
    // iret: the frame on the stack begins with rax, r11, rcx. push rcx; push r11; push rax; mov; syscall
    unsigned char iret[] = {0x51, 0x41, 0x53, 0x50, 0xb8, 23, 0, 0, 0, 0x0f, 0x05};
    std::memcpy(bytes + std::size_t{23} * abi::hypercall_stub_size, iret, sizeof(iret));
}

/// Fills a page of the guest with them, for kernels that do not make the call themselves. Errors: Access for a page
/// that the guest could not write.
Result<> init_hypercall_page(PvDomain& domain, Gfn gfn);

} // namespace px::pv
