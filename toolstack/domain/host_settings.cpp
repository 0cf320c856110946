// SPDX-License-Identifier: Apache-2.0
// The host's defaults.
#include "domain/host_settings.hpp"

#include "image/bytes.hpp"

#include <unistd.h>

namespace domain {

toolstack::Result<config::HostSettings> host_settings() {
    constexpr auto path = "/etc/xen/xl.conf";
    if (access(path, R_OK) != 0) return config::HostSettings{};
    auto file = image::File::open("settings", path);
    if (!file) return config::HostSettings{}; // an empty file
    auto view = file->view();
    return config::parse_host_settings({reinterpret_cast<const char*>(view.data()), view.size()}, path);
}

void apply(const config::HostSettings& settings, config::DomainConfig& guest) {
    for (auto& vif : guest.vifs) settings.apply(vif);
    if (!guest.max_grant_frames) guest.max_grant_frames = settings.max_grant_frames;
    if (!guest.max_maptrack_frames) guest.max_maptrack_frames = settings.max_maptrack_frames;
    if (!guest.max_grant_version) guest.max_grant_version = settings.max_grant_version;
}

} // namespace domain
