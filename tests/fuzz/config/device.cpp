// SPDX-License-Identifier: Apache-2.0
// Fuzzes disk, interface, frame buffer, CPU and UUID specifications: no crash, and canonical text reads back to the
// same value.
#include "config/cpus.hpp"
#include "config/devices/disk.hpp"
#include "config/devices/vdev.hpp"
#include "config/devices/vfb.hpp"
#include "config/devices/vif.hpp"
#include "config/uuid.hpp"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    if (auto disk = config::parse_disk(text); disk && config::parse_disk(config::print(*disk)) != *disk) std::abort();
    if (auto vif = config::parse_vif(text)) {
        auto again = config::parse_vif(config::print(*vif));
        // Intervals above a second lose bytes to rounding; everything else must be the same.
        bool rounded = vif->rate && vif->rate->interval_us > 1000000;
        if (!again || (!rounded && *again != *vif)) std::abort();
    }
    std::vector<std::string> warnings;
    if (auto vfb = config::parse_vfb(text, warnings)) {
        if (config::parse_vfb(config::print(*vfb), warnings) != *vfb) std::abort();
        (void)vfb->address();
        (void)vfb->display();
    }
    if (auto number = config::vdev_number(text);
        number && config::vdev_number(config::vdev_name(*number)).value_or(~*number) != *number)
        std::abort();
    (void)config::parse_cpus(text,
                             [](unsigned node) -> toolstack::Result<config::CpuSet> { return config::CpuSet(node); });
    (void)config::parse_uuid(text);
    return 0;
}
