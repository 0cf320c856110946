// SPDX-License-Identifier: Apache-2.0
// JSON output of listings.
#include "xl/json.hpp"

#include <nlohmann/json.hpp>

namespace xl {

struct Rows::Data {
    nlohmann::ordered_json rows = nlohmann::ordered_json::array();
};

Rows::Rows() : data_(std::make_unique<Data>()) {}
Rows::~Rows() = default;

Rows& Rows::row() {
    data_->rows.push_back(nlohmann::ordered_json::object());
    return *this;
}

Rows& Rows::text(std::string_view key, std::string_view value) {
    data_->rows.back()[std::string(key)] = std::string(value);
    return *this;
}

Rows& Rows::number(std::string_view key, std::int64_t value) {
    data_->rows.back()[std::string(key)] = value;
    return *this;
}

Rows& Rows::real(std::string_view key, double value) {
    data_->rows.back()[std::string(key)] = value;
    return *this;
}

Rows& Rows::flag(std::string_view key, bool value) {
    data_->rows.back()[std::string(key)] = value;
    return *this;
}

Rows& Rows::none(std::string_view key) {
    data_->rows.back()[std::string(key)] = nullptr;
    return *this;
}

Rows& Rows::texts(std::string_view key, const std::vector<std::string>& values) {
    data_->rows.back()[std::string(key)] = values;
    return *this;
}

std::string Rows::print(bool single) const {
    using Handler = nlohmann::ordered_json::error_handler_t; // names of guests may be no UTF-8
    auto& what = single && data_->rows.size() == 1 ? data_->rows[0] : data_->rows;
    return what.dump(4, ' ', false, Handler::replace) + "\n";
}

} // namespace xl
