// SPDX-License-Identifier: Apache-2.0
// Unpacking dom0's kernel. It is trusted, but may be damaged: each way to fail has its sentence.
#include "x86/guest/load/unpack.hpp"

#include "base/lock.hpp"
#include "base/log.hpp"
#include "base/panic.hpp"
#include "packing/packing.hpp"
#include "x86/instructions.hpp"

namespace px::guest::load {

namespace {

/// The libraries' functions keep a stack canary at %fs:0x28: there must be memory.
class CanaryArea {
  public:
    CanaryArea() { x86::wrfsbase(reinterpret_cast<u64>(area_)); }
    ~CanaryArea() { x86::wrfsbase(0); }
    CanaryArea(const CanaryArea&) = delete;
    CanaryArea& operator=(const CanaryArea&) = delete;

  private:
    alignas(64) u8 area_[64] = {};
};

bool is_elf(packing::View file) { return packing::read_le<u32>(file, 0) == 0x464c457f; }

} // namespace

UnpackedKernel unpack_kernel(std::span<const u8> image) {
    packing::View payload = image;
    if (packing::is_bzimage(image)) {
        const auto found = packing::bzimage_payload(image);
        if (!found) panic("Dom0's kernel: {}", found.error());
        payload = *found;
    }
    if (is_elf(payload)) return {payload};
    const auto packing = packing::packing_of(payload);
    if (!packing)
        panic("Dom0's kernel is neither ELF nor packed in a known way: it begins with {:08x}",
              packing::read_le<u32>(payload, 0));
    // The kernel's build appends the size after unpacking; gzip has it there by its own rules.
    const u64 size = packing::read_le<u32>(payload, payload.size() - sizeof(u32));
    UnpackedKernel kernel;
    while ((page_size << kernel.order) < size) ++kernel.order;
    if (kernel.order <= heap::max_order) kernel.memory = heap::allocate({.order = kernel.order});
    if (!kernel.memory)
        panic("Dom0's kernel: no memory for the {} bytes that its {} data announce", size, name(*packing));
    const std::span<u8> out(to_virtual<u8>(*kernel.memory), size);
    packing::Unpacked done;
    {
        const CanaryArea canary;
        x86::clts();
        // Debian's libraries are built for user space: what a leaf function keeps lies in the 128 bytes below its stack
        // pointer (System V ABI, "red zone"), where an interrupt's frame would land. NMIs have stacks of their own.
        const IrqOff off;
        done = packing::unpack(payload, *packing, out);
    }
    if (!done) panic("Dom0's kernel: the {} data cannot be unpacked: {}", name(*packing), text(done.error()));
    log::info(" Dom0 kernel: {} data, {} -> {} bytes", name(*packing), payload.size(), *done);
    kernel.file = out.first(*done);
    return kernel;
}

} // namespace px::guest::load
