// SPDX-License-Identifier: Apache-2.0
// Connecting and serving one console.
#include "console.hpp"

#include <array>
#include <cerrno>
#include <fmt/format.h>
#include <sys/mman.h>
#include <syslog.h>

#include "base/text.hpp"
#include "store/transact.hpp"

namespace xenconsoled {

namespace {

/// A domain may raise this many events in a period; then it waits for the next one.
constexpr unsigned events_allowed = 30;
constexpr auto period = std::chrono::milliseconds{200};

void complain(xen::Error const& error) { ::syslog(LOG_ERR, "%s", error.message().c_str()); }

} // namespace

Console::Console(xen::DomId domain, Options const& options, Devices devices)
    : domain_{domain}, options_{options}, devices_{devices} {}

Console::~Console() {
    if (port_) (void)devices_.events.unbind(*port_);
}

std::string Console::path() const { return fmt::format("/local/domain/{}/console", domain_.value); }

void Console::refresh(store::Client& client) {
    std::array const names{path() + "/ring-ref", path() + "/port", path() + "/type", path() + "/limit"};
    auto const values = client.get_all(names);
    if (!values) return;
    auto const& [frame_text, port_text, type, limit] = std::tie((*values)[0], (*values)[1], (*values)[2], (*values)[3]);
    if (type && *type != "xenconsoled") return; // QEMU serves it
    if (!frame_text || !port_text) return;
    if (limit)
        if (auto const bytes = toolstack::to_unsigned(*limit))
            buffer_limit_ = std::min<std::uint64_t>(*bytes, 16u << 20);
    auto const frame = toolstack::to_unsigned(*frame_text), port = toolstack::to_unsigned(*port_text);
    if (!frame || !port) return;
    xen::Port const remote{static_cast<std::uint32_t>(*port)};
    if (!ring_ || *frame != frame_ || remote != remote_) {
        if (auto const done = connect(*frame, remote); !done) return complain(done.error());
        if (options_.verbose) ::syslog(LOG_INFO, "domain %u: console connected", domain_.value);
    }
    if (!log_ && options_.log_guests) open_log(client);
    if (!terminal_) open_terminal(client);
    on_event();
}

xen::Result<> Console::connect(std::uint64_t frame, xen::Port remote) {
    ring_.reset();
    // Every builder grants the console page; the frame number serves for domains built without.
    auto grant = devices_.grants.map(domain_, xen::grant_console, PROT_READ | PROT_WRITE);
    if (grant) {
        grant_ = std::move(*grant);
        ring_.emplace(*grant_.as<abi::ConsoleInterface>());
    } else {
        xen::Frame const one{frame};
        page_ = XEN_TRY(devices_.privcmd.map_foreign(domain_, {&one, 1}, PROT_READ | PROT_WRITE));
        ring_.emplace(*page_.as<abi::ConsoleInterface>());
    }
    if (port_) (void)devices_.events.unbind(*port_);
    port_.reset();
    unmask_at_.reset();
    frame_ = frame;
    remote_ = remote;
    port_ = XEN_TRY(devices_.events.bind_interdomain(domain_, remote));
    return {};
}

namespace {

/// Writes the terminal's name, unless the console's nodes have gone meanwhile: it would come back alone, and nobody
/// would ever remove it.
xen::Result<> announce(store::Client& client, std::string const& console, std::string const& terminal) {
    return store::transact(client, [&](store::Transaction transaction) -> xen::Result<> {
        if (!client.get(console + "/port", transaction)) return {};
        return client.write(console + "/tty", terminal, transaction);
    });
}

} // namespace

void Console::open_terminal(store::Client& client) {
    auto opened = Terminal::open();
    if (!opened) return complain(opened.error());
    terminal_ = std::move(*opened);
    if (auto const done = announce(client, path(), terminal_->path()); !done) complain(done.error());
}

void Console::open_log(store::Client& client) {
    auto const name = client.get(fmt::format("/local/domain/{}/name", domain_.value));
    // The name is the toolstack's, but a path must stay in its folder.
    std::string file = name.value_or(fmt::format("domain-{}", domain_.value));
    for (char& c : file)
        if (c == '/') c = '_';
    log_.emplace(fmt::format("{}/guest-{}.log", options_.log_folder, file),
                 LogStyle{options_.stamp_guests, options_.replace_escape, options_.log_size}, devices_.logs);
}

void Console::reopen_log() {
    if (log_) log_->reopen();
}

void Console::take_output() {
    output_.clear();
    ring_->take_output(output_);
    if (output_.empty()) return;
    if (log_) log_->write(output_);
    if (terminal_) terminal_->write(output_, buffer_limit_, options_.keep_overflow);
}

void Console::on_event() {
    if (!ring_ || !port_) return;
    take_output();
    on_terminal_readable();
    (void)devices_.events.notify(*port_);
    auto const now = Clock::now();
    if (now - period_start_ > period) {
        period_start_ = now;
        events_in_period_ = 0;
    }
    if (++events_in_period_ > events_allowed) unmask_at_ = period_start_ + period;
    else (void)devices_.events.unmask(*port_);
}

void Console::unmask() {
    unmask_at_.reset();
    on_event();
}

void Console::on_terminal_readable() {
    if (!ring_ || !terminal_) return;
    auto const room = ring_->room();
    if (room == 0) return;
    auto const text = terminal_->read(room);
    if (text.empty()) return;
    ring_->give_input(text);
    if (port_) (void)devices_.events.notify(*port_);
}

void Console::drain() {
    if (ring_) take_output();
}

} // namespace xenconsoled
