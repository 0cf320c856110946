// SPDX-License-Identifier: Apache-2.0
// Connections and names.
#include "domain/session.hpp"

#include "base/text.hpp"
#include "domain/host_settings.hpp"
#include "xen/sysctl.hpp"

#include <cstring>
#include <fmt/format.h>

namespace domain {

Failure explain(std::string_view what, const xen::Error& error) {
    auto message = fmt::format("{}: {}", what, std::strerror(error.code));
    if (!error.context.empty()) message += fmt::format(" ({})", error.context);
    std::string remedy;
    if (error.code == EPERM || error.code == EACCES) remedy = "run this as root in domain 0";
    if (error.code == ENOMEM) remedy = "free memory (xl info free_memory), or give the guest less";
    return {std::move(message), std::move(remedy)};
}

Result<xen::Control*> Session::xen() {
    if (!xen_) {
        auto control = xen::Control::open();
        if (!control) {
            auto failure = explain("cannot reach the hypervisor", control.error());
            if (control.error().code == ENOENT)
                failure.remedy = "boot with the hypervisor, and load the module: modprobe xen-privcmd";
            return std::unexpected(std::move(failure));
        }
        xen_.emplace(std::move(*control));
    }
    return &*xen_;
}

Result<store::Client*> Session::store() {
    if (!store_) {
        auto client = store::Client::open();
        if (!client)
            return std::unexpected(Failure{fmt::format("cannot reach xenstore: {}", client.error().context),
                                           "start its daemon: systemctl start xenstored (xl doctor tells more)"});
        store_.emplace(std::move(*client));
    }
    return &*store_;
}

Result<const config::HostSettings*> Session::settings() {
    if (!settings_) settings_ = TRY(host_settings());
    return &*settings_;
}

Result<host::Lock> Session::lock() {
    return host::Lock::take(TRY(settings())->lock_file, "see lockfile in /etc/xen/xl.conf");
}

std::string path_of(DomId domain) { return "/local/domain/" + std::to_string(domain.value); }

Result<std::optional<std::string>> Session::name(DomId domain) { return TRY(store())->get(path_of(domain) + "/name"); }

std::string Session::display_name(DomId domain) {
    auto found = name(domain);
    return found && *found ? **found : std::to_string(domain.value);
}

Result<DomId> Session::find(std::string_view text) {
    if (auto number = toolstack::to_unsigned(text)) {
        if (*number >= abi::first_reserved) return fail(fmt::format("{} is an invalid domain identifier", text));
        return DomId{static_cast<abi::domid_t>(*number)};
    }
    auto client = TRY(store());
    auto ids = client->list("/local/domain");
    std::vector<std::string> paths;
    if (ids)
        for (auto& id : *ids) paths.push_back("/local/domain/" + id + "/name");
    auto names = TRY(or_fail(client->get_all(paths), "cannot read the domains' names"));
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (names[i] != text) continue;
        if (auto id = toolstack::to_unsigned((*ids)[i])) return DomId{static_cast<abi::domid_t>(*id)};
    }
    return fail(fmt::format("{} is an invalid domain identifier", text.empty() ? "''" : text),
                "no domain has this name: see xl list");
}

Result<xen::DomainInfo> Session::info(DomId domain) {
    auto found = xen::domain_info(*TRY(xen()), domain);
    if (!found && found.error().code == ESRCH)
        return fail(fmt::format("Domain '{}' does not exist.", domain.value), "see xl list");
    return or_fail(std::move(found), "cannot examine the domain");
}

Result<DomId> Session::existing(std::string_view text) {
    auto domain = TRY(find(text));
    TRY(info(domain));
    return domain;
}

} // namespace domain
