// SPDX-License-Identifier: Apache-2.0
// What every operation works through: the hypervisor and xenstore, opened when first needed.
#pragma once

#include "base/failure.hpp"
#include "config/host_settings.hpp"
#include "host/lock.hpp"
#include "store/client.hpp"
#include "xen/control.hpp"
#include "xen/domctl.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace domain {

using toolstack::fail;
using toolstack::Failure;
using toolstack::Result;
using xen::DomId;

/// A low-level error as a failure that a user reads, with what was being done in front.
Failure explain(std::string_view what, const xen::Error& error);

/// The value, or a failure with context: `TRY(or_fail(x, "cannot ..."))`.
template <class T> Result<T> or_fail(xen::Result<T> result, std::string_view what) {
    if (!result) return std::unexpected(explain(what, result.error()));
    if constexpr (std::is_void_v<T>) return {};
    else return std::move(*result);
}

/// Connections of one run of a program. Not shared between threads.
class Session {
  public:
    /// The hypervisor; "no hypervisor" failures say how to get one.
    Result<xen::Control*> xen();
    /// Xenstore; failures say that its daemon is not running.
    Result<store::Client*> store();

    /// The host's settings (xl.conf), read when first needed.
    Result<const config::HostSettings*> settings();
    /// The lock of xl.conf's lockfile, which stock xl takes too; held as long as the object lives.
    Result<host::Lock> lock();

    /// Id of a domain given by name or number. A number is not checked.
    Result<DomId> find(std::string_view name_or_id);
    /// Name of a domain; nothing when it has none.
    Result<std::optional<std::string>> name(DomId);
    /// Name, or the number where there is none.
    std::string display_name(DomId);
    /// Facts about a domain that must exist.
    Result<xen::DomainInfo> info(DomId);
    /// A domain that exists, by name or number.
    Result<DomId> existing(std::string_view name_or_id);

    /// Told of what takes long, one line each, if set.
    std::function<void(std::string_view)> listener;
    void tell(std::string_view line) {
        if (listener) listener(line);
    }

  private:
    std::optional<xen::Control> xen_;
    std::optional<store::Client> store_;
    std::optional<config::HostSettings> settings_;
};

/// "/local/domain/ID".
std::string path_of(DomId);

} // namespace domain
