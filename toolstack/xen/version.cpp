// SPDX-License-Identifier: Apache-2.0
// What the hypervisor says about itself.
#include "xen/version.hpp"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>

namespace xen {
namespace {

template <std::size_t size> struct Text {
    char text[size];
};

template <std::size_t size> Result<std::string> text(Control const& control, abi::VersionOp op) {
    Text<size> answer{};
    auto done = control.call(abi::Hypercall::XenVersion, static_cast<std::uint64_t>(op), answer);
    if (!done) return fail(done.error().code, "hypervisor version");
    return std::string(answer.text, strnlen(answer.text, size));
}

} // namespace

Result<VersionNumber> version_number(Control const& control) {
    auto number = XEN_TRY(control.privcmd().hypercall(abi::Hypercall::XenVersion, 0, 0));
    return VersionNumber{static_cast<unsigned>(number >> 16), static_cast<unsigned>(number & 0xffff)};
}

Result<std::string> extra_version(Control const& control) {
    return text<abi::extraversion_length>(control, abi::VersionOp::Extraversion);
}

Result<abi::CompileInfo> compile_info(Control const& control) {
    abi::CompileInfo info{};
    auto done = control.call(abi::Hypercall::XenVersion, static_cast<std::uint64_t>(abi::VersionOp::CompileInfo), info);
    if (!done) return fail(done.error().code, "hypervisor version");
    for (auto field : {std::span<char>(info.compiler), std::span<char>(info.compile_by),
                       std::span<char>(info.compile_domain), std::span<char>(info.compile_date)})
        field.back() = '\0';
    return info;
}

Result<std::string> capabilities(Control const& control) {
    return text<abi::capabilities_length>(control, abi::VersionOp::Capabilities);
}

Result<std::string> changeset(Control const& control) {
    return text<abi::changeset_length>(control, abi::VersionOp::Changeset);
}

Result<std::string> command_line(Control const& control) {
    return text<abi::commandline_length>(control, abi::VersionOp::Commandline);
}

Result<std::uint64_t> virtual_start(Control const& control) {
    abi::PlatformParameters answer{};
    auto done = control.call(abi::Hypercall::XenVersion, static_cast<std::uint64_t>(abi::VersionOp::PlatformParameters),
                             answer);
    if (!done) return fail(done.error().code, "hypervisor version");
    return answer.virt_start;
}

Result<long> reported_page_size(Control const& control) {
    return control.privcmd().hypercall(abi::Hypercall::XenVersion, static_cast<std::uint64_t>(abi::VersionOp::Pagesize),
                                       0);
}

Result<std::string> build_id(Control const& control) {
    struct {
        std::uint32_t length;
        std::uint8_t bytes[256];
    } answer{sizeof answer.bytes, {}};
    auto done = control.call(abi::Hypercall::XenVersion, static_cast<std::uint64_t>(abi::VersionOp::BuildId), answer);
    if (!done) return std::string{};
    std::string out;
    auto length = std::min<long>(*done, sizeof answer.bytes);
    for (long i = 0; i < length; ++i) out += fmt::format("{:02x}", answer.bytes[i]);
    return out;
}

} // namespace xen
