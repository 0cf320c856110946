// SPDX-License-Identifier: Apache-2.0
// Changing a running domain.
#include "domain/tune.hpp"

#include "base/text.hpp"
#include "domain/domains.hpp"

#include <fmt/format.h>

namespace domain {
namespace {

constexpr std::uint64_t slack_kib = 1024; ///< libxl's margin between a guest's memory and the hypervisor's limit

std::uint64_t stored_number(store::Client& client, const std::string& path, std::uint64_t fallback) {
    auto text = client.get(path);
    auto number = text ? toolstack::to_unsigned(*text) : std::nullopt;
    return number.value_or(fallback);
}

} // namespace

Result<void> set_memory_target(Session& session, DomId id, std::uint64_t kib) {
    auto info = TRY(session.info(id));
    auto& client = *TRY(session.store());
    auto path = path_of(id) + "/memory/";
    // dom0 was made by the hypervisor and has no limit in the store yet; the one that it has now is lowered with its
    // target.
    auto most = stored_number(client, path + "static-max", 0);
    if (most == 0) {
        most = info.max_pages * 4;
        TRY(or_fail(client.write(path + "static-max", std::to_string(most)), "cannot store the memory limit"));
    }
    if (kib > most)
        return fail(
            fmt::format("{} MiB is more than the {} MiB that domain {} may have", kib >> 10, most >> 10, id.value),
            "see xl mem-max, and maxmem= in its configuration");
    auto video = stored_number(client, path + "videoram", 0);
    auto old = stored_number(client, path + "target", info.tot_pages * 4);
    if (video >= kib) return fail("that is less than the guest's video memory");
    constexpr std::uint64_t least_dom0_kib = 128 * 1024;
    if (id.value == 0 && kib < least_dom0_kib) return fail("domain 0 needs at least 128 MiB", "leave it more memory");
    TRY(or_fail(client.write(path + "target", std::to_string(kib - video)), "cannot tell the guest its new size"));
    auto limit = xen::set_max_memory(*TRY(session.xen()), id, kib + slack_kib);
    if (!limit) {
        (void)client.write(path + "target", std::to_string(old));
        return std::unexpected(explain("cannot change the memory limit", limit.error()));
    }
    return {};
}

Result<void> set_memory_maximum(Session& session, DomId id, std::uint64_t kib) {
    auto info = TRY(session.info(id));
    auto& client = *TRY(session.store());
    auto path = path_of(id) + "/memory/";
    auto now = stored_number(client, path + "target", info.tot_pages * 4);
    if (kib < now)
        return fail(fmt::format("domain {} has {} MiB now, more than the new limit", id.value, now >> 10),
                    "lower it first with xl mem-set");
    TRY(or_fail(xen::set_max_memory(*TRY(session.xen()), id, kib + slack_kib), "cannot set the memory limit"));
    return or_fail(client.write(path + "static-max", std::to_string(kib)), "cannot store the memory limit");
}

Result<void> rename(Session& session, DomId id, std::string_view name) {
    if (name.empty() || toolstack::to_unsigned(name) || name.find('/') != std::string_view::npos)
        return fail(fmt::format("'{}' cannot be a domain's name", name), "use a name without '/' that is not a number");
    auto info = TRY(session.info(id));
    if (auto other = session.find(name); other && *other != id)
        return fail(fmt::format("domain {} already has the name '{}'", other->value, name), "choose another name");
    auto& client = *TRY(session.store());
    Listed entry{info, {}};
    TRY(or_fail(client.write(path_of(id) + "/name", name), "cannot store the name"));
    auto vm = client.get(path_of(id) + "/vm");
    if (vm) TRY(or_fail(client.write(*vm + "/name", name), "cannot store the name"));
    return {};
}

Result<void> request_shutdown(Session& session, DomId id, std::string_view what) {
    auto& client = *TRY(session.store());
    return or_fail(client.write(path_of(id) + "/control/shutdown", what), "cannot tell the guest");
}

Result<void> send_sysrq(Session& session, DomId id, char letter) {
    auto& client = *TRY(session.store());
    return or_fail(client.write(path_of(id) + "/control/sysrq", std::string(1, letter)), "cannot tell the guest");
}

bool answers(Session& session, DomId id, std::string_view feature) {
    auto client = session.store();
    if (!client) return false;
    auto value = (*client)->get(fmt::format("{}/control/feature-{}", path_of(id), feature));
    return value && *value == "1";
}

Result<std::uint64_t> parse_size(std::string_view text) {
    if (auto bytes = toolstack::to_bytes(text)) return *bytes >> 10;
    return fail(fmt::format("'{}' is not a size", text), "write it as 512m, 1g or 65536k; without a letter it is MiB");
}

} // namespace domain
