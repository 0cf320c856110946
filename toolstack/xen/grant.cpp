// SPDX-License-Identifier: Apache-2.0
// /dev/xen/gntdev by its ioctls.
#include "xen/grant.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <vector>

#include "xen/linux_ioctl.hpp"

namespace xen {

namespace io = linux_ioctl;

namespace {

void give_back(int device, std::uint64_t index, std::uint32_t count) {
    io::GntdevUnmap unmap{index, count, 0};
    ::ioctl(device, io::gntdev_unmap, &unmap);
}

} // namespace

Result<GrantTable> GrantTable::open() {
    GrantTable table;
    table.device_ = std::make_shared<FileDescriptor>(XEN_TRY(FileDescriptor::open("/dev/xen/gntdev", O_RDWR)));
    return table;
}

Result<GrantMapping> GrantTable::map(DomId domain, std::span<GrantRef const> refs, int prot) const {
    if (refs.empty() || refs.size() > 65536) return fail(EINVAL, "map a strange number of grants");
    auto const count = static_cast<std::uint32_t>(refs.size());
    // The header ends with the first reference; the others follow it.
    std::vector<std::uint64_t> storage((sizeof(io::GntdevMap) + (count - 1) * sizeof(io::GntdevRef)) / 8);
    auto* const request = reinterpret_cast<io::GntdevMap*>(storage.data());
    request->count = count;
    auto* const list =
        reinterpret_cast<io::GntdevRef*>(reinterpret_cast<char*>(request) + offsetof(io::GntdevMap, refs));
    for (std::uint32_t i = 0; i < count; ++i) list[i] = {domain.value, refs[i].value};
    if (::ioctl(device_->get(), io::gntdev_map, request) < 0)
        return fail_errno(fmt::format("map grant {} of domain {}", refs[0].value, domain.value));
    auto mapping = Mapping::map(device_->get(), count * page_size, prot, static_cast<long>(request->index), "grants");
    if (!mapping) {
        give_back(device_->get(), request->index, count);
        return fail(mapping.error().code, fmt::format("map grant {} of domain {}", refs[0].value, domain.value));
    }
    GrantMapping result;
    result.device_ = device_;
    result.mapping_ = XEN_TRY(std::move(mapping));
    result.index_ = request->index;
    result.count_ = count;
    return result;
}

GrantMapping& GrantMapping::operator=(GrantMapping&& other) noexcept {
    reset();
    device_ = std::move(other.device_);
    mapping_ = std::move(other.mapping_);
    index_ = other.index_;
    count_ = other.count_;
    return *this;
}

void GrantMapping::reset() {
    if (!mapping_) return;
    mapping_.reset();
    give_back(device_->get(), index_, count_);
    device_.reset();
}

} // namespace xen
