// SPDX-License-Identifier: Apache-2.0
// xen_version: who we are. The major and minor number are part of the contract: tools choose their version by them.
#include "abi/pv.hpp"
#include "abi/version.hpp"
#include "boot/boot_info.hpp"
#include "domain/guest_pointer.hpp"
#include "domain/kind.hpp"
#include "hypercall/build_information.hpp"
#include "hypercall/handlers.hpp"

#include <cstring>

namespace px::hypercall {

namespace {

/// Copies text into a field, cut if need be and always NUL-terminated.
template <std::size_t N> void put(char (&field)[N], std::string_view text) {
    const std::size_t n = text.size() < N - 1 ? text.size() : N - 1;
    std::memcpy(field, text.data(), n);
    std::memset(field + n, 0, N - n);
}

/// Answers with a field of N characters.
template <std::size_t N> Result<> answer(u64 address, std::string_view text) {
    struct Field {
        char text[N];
    };
    Field field;
    put(field.text, text);
    return GuestPointer<Field>(address).write(field);
}

Result<> compile_info(u64 address) {
    abi::CompileInfo info{};
    put(info.compiler, build_information.compiler);
    put(info.compile_by, build_information.by);
    put(info.compile_domain, build_information.domain);
    put(info.compile_date, build_information.date);
    return GuestPointer<abi::CompileInfo>(address).write(info);
}

/// Kinds of guests, as the tools match them.
Result<> capabilities(u64 address) {
    char text[abi::capabilities_length]{};
    std::size_t used = 0;
    for (const GuestKind* kind : guest_kinds()) {
        const std::string_view words = kind->capabilities().words;
        used += words.copy(text + used, sizeof(text) - 1 - used);
    }
    return answer<abi::capabilities_length>(address, {text, used});
}

Result<> features(u64 address) {
    const GuestPointer<abi::FeatureInfo> pointer(address);
    auto info = TRY(pointer.read());
    if (info.submap_idx >= abi::nr_feature_submaps) return fail(Error::Invalid);
    info.submap = current_domain().features();
    return pointer.write(info);
}

Result<> guest_handle(u64 address) {
    struct Handle {
        abi::DomainHandle bytes;
    };
    Handle handle;
    std::memcpy(handle.bytes, current_domain().handle, sizeof(handle.bytes));
    return GuestPointer<Handle>(address).write(handle);
}

/// Two calls of the tools: with a null pointer for the length, then for as many bytes as they made room for.
Outcome build_id(u64 address) {
    if (!current_domain().is_privileged) return Outcome::error(Error::Perm);
    const std::span<const u8> id = image_build_id();
    if (id.empty()) return Outcome::error(Error::NoData);
    if (address == 0) return Outcome::of(static_cast<s64>(id.size()));
    const Result<abi::BuildId> room = GuestPointer<abi::BuildId>(address).read();
    if (!room) return Outcome::error(room.error());
    if (room->len == 0) return Outcome::error(Error::Invalid);
    if (room->len < id.size()) return Outcome::error(Error::NoBuffers);
    if (Result<> r = GuestPointer<abi::BuildId>(address).write({static_cast<u32>(id.size())}); !r)
        return Outcome::error(r.error());
    if (Result<> r = GuestPointer<u8>(address + sizeof(abi::BuildId)).write_array(id.data(), id.size()); !r)
        return Outcome::error(r.error());
    return Outcome::of(static_cast<s64>(id.size()));
}

[[gnu::noinline]] Outcome other_versions(Call& call) {
    const u64 address = call.args[1];
    switch (static_cast<abi::VersionOp>(static_cast<u32>(call.args[0]))) {
    case abi::VersionOp::Version: break;
    case abi::VersionOp::Extraversion:
        return Outcome::of(answer<abi::extraversion_length>(address, build_information.extra_version));
    case abi::VersionOp::CompileInfo: return Outcome::of(compile_info(address));
    case abi::VersionOp::Capabilities: return Outcome::of(capabilities(address));
    case abi::VersionOp::Changeset:
        return Outcome::of(answer<abi::changeset_length>(address, build_information.changeset));
    case abi::VersionOp::PlatformParameters:
        return Outcome::of(GuestPointer<abi::PlatformParameters>(address).write({abi::hypervisor_virt_start}));
    case abi::VersionOp::GetFeatures: return Outcome::of(features(address));
    case abi::VersionOp::Pagesize: return address == 0 ? Outcome::of(page_size) : Outcome::error(Error::Invalid);
    case abi::VersionOp::GuestHandle: return Outcome::of(guest_handle(address));
    case abi::VersionOp::Commandline:
        return Outcome::of(answer<abi::commandline_length>(
            address, current_domain().is_privileged ? std::string_view(boot_info.command_line) : "<denied>"));
    case abi::VersionOp::BuildId: return build_id(address);
    }
    return Outcome::error(Error::NoSys);
}

} // namespace

/// The version itself is what measures of an empty call ask for: no stack frame for it.
Outcome xen_version(Call& call) {
    if (static_cast<u32>(call.args[0]) == static_cast<u32>(abi::VersionOp::Version))
        return Outcome::of(s64{abi::version_major} << 16 | abi::version_minor);
    return other_versions(call);
}

} // namespace px::hypercall
