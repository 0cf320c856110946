// SPDX-License-Identifier: Apache-2.0
// The wire client of the tests.
#include "store/harness.hpp"

#include <gtest/gtest.h>

namespace store::test {

std::string strings(std::initializer_list<std::string_view> parts) {
    std::string out;
    for (auto const part : parts) out.append(part).push_back('\0');
    return out;
}

Answer Peer::call(Op op, std::string_view payload, std::uint32_t transaction) {
    Header const header{static_cast<std::uint32_t>(op), next_++, transaction,
                        static_cast<std::uint32_t>(payload.size())};
    server_.handle(*connection_, header, payload);
    std::optional<Answer> answer;
    collect(&answer);
    EXPECT_TRUE(answer.has_value());
    return answer.value_or(Answer{-1, {}});
}

void Peer::collect(std::optional<Answer>* answer) {
    while (true) {
        Frame frame;
        if (parse_frame(connection_->pending(), frame) != FrameState::Complete) return;
        if (frame.header.type == static_cast<std::uint32_t>(Op::WatchEvent)) {
            Strings parts{frame.payload};
            auto const path = parts.next(), token = parts.next();
            events_.push_back({std::string{path.value_or("?")}, std::string{token.value_or("?")}});
        } else {
            EXPECT_TRUE(answer && !answer->has_value()) << "two replies";
            EXPECT_EQ(frame.header.req_id, next_ - 1);
            bool const failed = frame.header.type == static_cast<std::uint32_t>(Op::Error);
            auto const name = frame.payload.substr(0, frame.payload.find('\0'));
            if (answer)
                *answer = Answer{failed ? error_number(name) : 0, failed ? std::string{} : std::string{frame.payload}};
        }
        connection_->taken(sizeof(Header) + frame.header.len);
    }
}

std::uint32_t Peer::start() {
    auto const answer = call(Op::TransactionStart, strings({""}));
    EXPECT_EQ(answer.error, 0);
    return static_cast<std::uint32_t>(std::atoi(answer.payload.c_str()));
}

std::vector<Event> Peer::events() {
    collect(nullptr);
    return std::exchange(events_, {});
}

std::string dump(Tree const& tree) {
    std::string out;
    for_each_node("/", tree.root(), [&](std::string const& path, Node const& node) {
        out += path + "=" + node.value + "(";
        for (auto const permission : *node.permissions) {
            std::string text;
            append_permission(text, permission);
            text.back() = ' ';
            out += text;
        }
        out += ")\n";
    });
    return out;
}

} // namespace store::test
