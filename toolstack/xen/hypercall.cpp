// SPDX-License-Identifier: Apache-2.0
// Pinned pages for hypercalls, with a cache of single pages.
#include "xen/hypercall.hpp"

#include <array>
#include <fcntl.h>
#include <fmt/format.h>
#include <mutex>
#include <sys/mman.h>

#include "xen/handle.hpp"

namespace xen {

namespace {

std::size_t round_up(std::size_t size) { return (size + abi::page_size - 1) & ~(abi::page_size - 1); }

/// The process' source of pinned pages. Never destroyed: buffers in static objects outlive main().
struct Pool {
    std::mutex mutex;
    FileDescriptor device;
    bool tried = false;
    std::array<void*, 8> cached{};
    std::size_t count = 0;

    static Pool& instance() {
        static Pool* const pool = new Pool;
        return *pool;
    }
    int fd() {
        if (!std::exchange(tried, true))
            if (auto file = FileDescriptor::open("/dev/xen/hypercall", O_RDWR)) device = std::move(*file);
        return device.get();
    }
};

/// Without the device: ordinary memory, locked, and not given to a forked child as copy-on-write.
Result<void*> map_locked(std::size_t size) {
    void* const address =
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0);
    if (address == MAP_FAILED) return fail_errno(fmt::format("cannot lock {} bytes for a hypercall", size));
    ::madvise(address, size, MADV_DONTFORK);
    return address;
}

} // namespace

Result<HypercallMemory> HypercallMemory::allocate(std::size_t size) {
    size = size == 0 ? abi::page_size : round_up(size);
    if (size == 0) return fail(EOVERFLOW, "hypercall buffer");
    Pool& pool = Pool::instance();
    std::lock_guard const lock{pool.mutex};
    if (size == abi::page_size && pool.count > 0) {
        void* const page = pool.cached[--pool.count];
        std::memset(page, 0, abi::page_size);
        return HypercallMemory{page, size};
    }
    if (pool.fd() >= 0) {
        void* const address = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, pool.fd(), 0);
        if (address != MAP_FAILED) return HypercallMemory{address, size};
        return fail_errno(fmt::format("cannot get {} bytes for a hypercall", size));
    }
    return HypercallMemory{XEN_TRY(map_locked(size)), size};
}

void HypercallMemory::forget_cached() { Pool::instance().count = 0; }

HypercallMemory::~HypercallMemory() {
    if (!address_) return;
    Pool& pool = Pool::instance();
    std::lock_guard const lock{pool.mutex};
    if (size_ == abi::page_size && pool.count < pool.cached.size()) {
        pool.cached[pool.count++] = address_;
        return;
    }
    ::munmap(address_, size_);
}

} // namespace xen
