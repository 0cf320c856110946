// SPDX-License-Identifier: Apache-2.0
// Core files of guests.
#include "core/core_dump.hpp"

#include "abi/shared_info.hpp"
#include "core/core_file.hpp"
#include "xen/inspect.hpp"
#include "xen/version.hpp"

#include <algorithm>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace core {

using toolstack::fail;
using toolstack::Failure;
using toolstack::Result;
using xen::DomId;

namespace {

/// A hypercall's result, with what it was for.
template <class T> Result<T> or_fail(xen::Result<T> result, std::string_view what) {
    if (!result) return fail(fmt::format("{}: {}", what, result.error().message()));
    if constexpr (std::is_void_v<T>) return {};
    else return std::move(*result);
}

constexpr std::size_t per_page = abi::page_size / sizeof(std::uint64_t); ///< frame numbers in a page
constexpr std::size_t chunk = 256;                                       ///< pages mapped at a time

/// A page of a guest: its own number and the one by which it is mapped; equal for guests whose frames are translated.
struct Numbered {
    std::uint64_t pfn = 0, gmfn = 0;
};

/// The file being written; removed again unless keep() is called.
class Output {
  public:
    static Result<Output> create(const std::string& path) {
        int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (fd < 0) return fail(fmt::format("cannot create '{}': {}", path, std::strerror(errno)));
        return Output(path, fd);
    }
    Output(Output&& other) noexcept : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}
    Output& operator=(Output&&) = delete;
    ~Output() {
        if (fd_ < 0) return;
        struct stat status{};
        if (fstat(fd_, &status) == 0 && S_ISREG(status.st_mode)) unlink(path_.c_str());
        close(fd_);
    }
    Result<void> write(const void* data, std::size_t size, std::uint64_t at) {
        auto bytes = static_cast<const char*>(data);
        while (size) {
            auto done = pwrite(fd_, bytes, size, static_cast<off_t>(at));
            if (done < 0 && errno == EINTR) continue;
            if (done <= 0) return failed();
            bytes += done;
            at += static_cast<std::uint64_t>(done);
            size -= static_cast<std::size_t>(done);
        }
        return {};
    }
    Result<void> keep() {
        if (close(std::exchange(fd_, -1)) == 0) return {};
        auto failure = failed();
        unlink(path_.c_str());
        return failure;
    }

  private:
    Output(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
    std::unexpected<Failure> failed() const {
        return fail(fmt::format("cannot write '{}': {}", path_, std::strerror(errno)),
                    errno == ENOSPC ? "free space there, or name another place; nothing is left of the core" : "");
    }
    std::string path_;
    int fd_;
};

Result<xen::Mapping> map_page(const xen::Control& control, DomId id, std::uint64_t frame, std::string_view what) {
    xen::Frame one{frame};
    return or_fail(control.privcmd().map_foreign(id, {&one, 1}, PROT_READ), fmt::format("cannot read {}", what));
}

/// A PV kernel's own list of its memory: shared info names a page of pages of the list's pages (public/arch-x86/xen.h).
/// All of it is the guest's word: what it names must be its own to be mapped, and cannot be more than it has.
Result<std::vector<Numbered>> listed_pages(const xen::Control& control, const xen::DomainInfo& info,
                                           const abi::SharedInfo& shared) {
    constexpr std::uint64_t not_own = std::uint64_t{3} << 62; // invalid, identity or foreign entries of Linux
    DomId id{info.domain};
    auto count = shared.arch.max_pfn, top = shared.arch.pfn_to_mfn_frame_list_list;
    if (count == 0 || top == 0 || top == ~std::uint64_t{0})
        return fail("the guest's kernel has not said yet where its memory lies", "let it boot first");
    count = std::min<std::uint64_t>(count, per_page * per_page * per_page);
    std::vector<Numbered> pages;
    auto roots = TRY(map_page(control, id, top, "the guest's memory list"));
    for (std::uint64_t pfn = 0; pfn < count;) {
        auto branch = TRY(
            map_page(control, id, roots.as<std::uint64_t>()[pfn / (per_page * per_page)], "the guest's memory list"));
        for (std::size_t i = 0; i < per_page && pfn < count; ++i) {
            auto leaf = TRY(map_page(control, id, branch.as<std::uint64_t>()[i], "the guest's memory list"));
            for (std::size_t j = 0; j < per_page && pfn < count; ++j, ++pfn) {
                auto frame = leaf.as<volatile std::uint64_t>()[j];
                if (frame & not_own) continue;
                pages.push_back({pfn, frame});
                if (pages.size() > info.tot_pages + per_page) return fail("the guest lists more memory than it has");
            }
        }
    }
    return pages;
}

/// The frames of a translated guest that hold memory.
Result<std::vector<Numbered>> present_pages(const xen::Control& control, DomId id) {
    auto most = TRY(or_fail(xen::greatest_frame(control, id), "cannot read the guest's size"));
    auto buffer = TRY(or_fail(xen::HypercallBuffer<std::uint64_t>::allocate(xen::most_page_types), "no memory"));
    std::vector<Numbered> pages;
    for (std::uint64_t at = 0; at <= most; at += xen::most_page_types) {
        auto count = std::min<std::uint64_t>(most - at + 1, xen::most_page_types);
        for (std::size_t i = 0; i < count; ++i) buffer[i] = at + i;
        TRY(or_fail(xen::page_types(control, id, buffer, count), "cannot read the guest's memory map"));
        for (std::size_t i = 0; i < count; ++i) {
            auto type = buffer[i] & abi::pfinfo_ltab_mask;
            if (type != abi::pfinfo_xtab && type != abi::pfinfo_xalloc && type != abi::pfinfo_broken)
                pages.push_back({at + i, at + i});
        }
    }
    return pages;
}

bool is_zero(const std::uint8_t* page) { return page[0] == 0 && std::memcmp(page, page + 1, abi::page_size - 1) == 0; }

/// Writes the pages one behind the other and drops those from the list that are gone meanwhile.
Result<void> write_pages(const xen::Control& control, DomId id, Output& file, std::uint64_t at,
                         std::vector<Numbered>& pages) {
    std::size_t kept = 0;
    for (std::size_t first = 0; first < pages.size(); first += chunk) {
        auto count = std::min(chunk, pages.size() - first);
        std::vector<xen::Frame> frames(count);
        std::vector<int> errors(count);
        for (std::size_t i = 0; i < count; ++i) frames[i].value = pages[first + i].gmfn;
        auto view = TRY(
            or_fail(control.privcmd().map_foreign(id, frames, PROT_READ, errors), "cannot read the guest's memory"));
        for (std::size_t i = 0; i < count; ++i) {
            if (errors[i]) continue;
            auto page = view.as<std::uint8_t>() + i * abi::page_size;
            if (!is_zero(page)) TRY(file.write(page, abi::page_size, at + kept * abi::page_size));
            pages[kept++] = pages[first + i];
        }
    }
    pages.resize(kept);
    return {};
}

Result<CoreFacts> facts_of(const xen::Control& control) {
    CoreFacts facts;
    auto version = TRY(or_fail(xen::version_number(control), "cannot read the hypervisor's version"));
    facts.major = version.major;
    facts.minor = version.minor;
    facts.extra = xen::extra_version(control).value_or("");
    facts.capabilities = xen::capabilities(control).value_or("");
    facts.changeset = xen::changeset(control).value_or("");
    facts.compiled = xen::compile_info(control).value_or(abi::CompileInfo{});
    facts.virtual_start = xen::virtual_start(control).value_or(0);
    return facts;
}

Result<void> write_numbers(Output& file, const CoreFacts& facts, std::uint64_t at, const std::vector<Numbered>& pages) {
    if (!facts.translated) return file.write(pages.data(), pages.size() * sizeof(Numbered), at);
    std::vector<std::uint64_t> numbers;
    for (auto& page : pages) numbers.push_back(page.pfn);
    return file.write(numbers.data(), numbers.size() * sizeof(std::uint64_t), at);
}

} // namespace

Result<void> dump_core(const xen::Control& control, const xen::DomainInfo& info, const std::string& path) {
    DomId id{info.domain};
    auto facts = TRY(facts_of(control));
    facts.translated = info.flags & abi::dominf_hvm_guest;
    std::vector<abi::VcpuGuestContext> states;
    for (unsigned vcpu = 0; vcpu <= info.max_vcpu_id; ++vcpu) {
        auto known = xen::vcpu_info(control, id, vcpu);
        if (!known || !known->online) continue;
        if (auto state = xen::vcpu_context(control, id, vcpu)) states.push_back(**state);
    }
    if (states.empty()) return fail("the guest has no virtual CPU that was started");
    facts.vcpus = states.size();
    xen::Frame shared_frame{info.shared_info_frame};
    auto shared = control.privcmd().map_foreign(id, {&shared_frame, 1}, PROT_READ);
    if (!shared && !facts.translated)
        return fail(fmt::format("cannot read the guest's shared information: {}", shared.error().message()));
    facts.shared_info = shared.has_value();
    auto pages = facts.translated ? TRY(present_pages(control, id))
                                  : TRY(listed_pages(control, info, *shared->as<abi::SharedInfo>()));

    auto file = TRY(Output::create(path));
    auto layout = layout_core(facts); // places of what comes before the number of pages is known
    TRY(file.write(states.data(), states.size() * sizeof states[0], layout.states_at));
    if (shared) TRY(file.write(shared->data(), abi::page_size, layout.shared_info_at));
    TRY(write_pages(control, id, file, layout.pages_at, pages));
    facts.pages = pages.size();
    layout = layout_core(facts);
    TRY(write_numbers(file, facts, layout.numbers_at, pages));
    auto names = core_names(facts.translated);
    TRY(file.write(names.data(), names.size(), layout.names_at));
    auto head = core_head(facts);
    TRY(file.write(head.data(), head.size(), 0)); // last: a file without it is no core
    return file.keep();
}

} // namespace core
