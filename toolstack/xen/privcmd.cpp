// SPDX-License-Identifier: Apache-2.0
// /dev/xen/privcmd by its ioctls.
#include "xen/privcmd.hpp"

#include <algorithm>
#include <chrono>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <thread>
#include <vector>

#include "xen/linux_ioctl.hpp"

namespace xen {

namespace io = linux_ioctl;

Result<Privcmd> Privcmd::open() {
    auto file = FileDescriptor::open("/dev/xen/privcmd", O_RDWR);
    if (!file) file = FileDescriptor::open("/proc/xen/privcmd", O_RDWR);
    if (!file) return fail(file.error().code, "no access to the hypervisor (/dev/xen/privcmd)");
    return Privcmd{XEN_TRY(std::move(file))};
}

Result<long> Privcmd::hypercall(abi::Hypercall op, std::uint64_t a1, std::uint64_t a2, std::uint64_t a3,
                                std::uint64_t a4, std::uint64_t a5) const {
    io::PrivcmdHypercall call{static_cast<std::uint64_t>(op), {a1, a2, a3, a4, a5}};
    int const result = ::ioctl(file_.get(), io::privcmd_hypercall, &call);
    if (result < 0) return fail_errno(fmt::format("hypercall {}", call.op));
    return result;
}

Result<Mapping> Privcmd::map_foreign(DomId domain, std::span<Frame const> frames, int prot,
                                     std::span<int> errors) const {
    if (frames.empty()) return fail(EINVAL, "map no foreign frame");
    auto mapping = XEN_TRY(Mapping::map(file_.get(), frames.size() * page_size, prot, 0, "privcmd"));
    std::vector<int> own;
    if (errors.empty()) own.resize(frames.size());
    std::span<int> const each = errors.empty() ? std::span<int>{own} : errors;
    io::PrivcmdMmapBatchV2 batch{static_cast<std::uint32_t>(frames.size()), domain.value,
                                 reinterpret_cast<std::uint64_t>(mapping.data()),
                                 reinterpret_cast<std::uint64_t const*>(frames.data()), each.data()};
    // ENOENT means that some frames are paged out and errors[] is filled; anything else failed whole.
    int const result = ::ioctl(file_.get(), io::privcmd_mmap_batch_v2, &batch);
    if (result < 0 && errno != ENOENT)
        return fail_errno(fmt::format("map {} frames of domain {}", frames.size(), domain.value));
    if (!errors.empty()) return mapping;
    auto const bad = std::ranges::find_if(each, [](int e) { return e != 0; });
    if (bad == each.end()) return mapping;
    return fail(-*bad, fmt::format("map frame {:#x} of domain {}",
                                   frames[static_cast<std::size_t>(bad - each.begin())].value, domain.value));
}

Result<Mapping> Privcmd::map_resource(DomId domain, std::uint32_t type, std::uint32_t id, std::uint32_t first,
                                      std::size_t count, int prot) const {
    auto mapping = XEN_TRY(Mapping::map(file_.get(), count * page_size, prot, 0, "privcmd"));
    io::PrivcmdMmapResource resource{domain.value, type,  id,
                                     first,        count, reinterpret_cast<std::uint64_t>(mapping.data())};
    if (::ioctl(file_.get(), io::privcmd_mmap_resource, &resource) < 0)
        return fail_errno(fmt::format("map resource {} of domain {}", type, domain.value));
    return mapping;
}

} // namespace xen
