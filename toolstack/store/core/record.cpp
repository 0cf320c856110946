// SPDX-License-Identifier: Apache-2.0
// Bytes of journal records.
#include <cstring>

#include "store/core/record.hpp"

namespace store {

Encoder& Encoder::permissions(Permissions const& list) {
    u16(list ? static_cast<std::uint16_t>(list->size()) : 0);
    if (list)
        for (Permission const permission : *list) u16(permission.domid).u8(permission.access);
    return *this;
}

std::string_view Decoder::text() {
    auto const size = u32();
    if (size > rest_.size()) {
        ok_ = false;
        return {};
    }
    auto const value = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return value;
}

Permissions Decoder::permissions() {
    auto const count = u16();
    if (count == 0 || !ok_) return nullptr;
    auto list = std::make_shared<PermissionList>();
    for (unsigned i = 0; i < count && ok_; ++i) {
        auto const domid = u16();
        list->push_back({domid, u8()});
    }
    return list;
}

void encode(std::string& out, Mutation const& mutation) {
    Encoder{out, RecordKind::Mutation}
        .u8(static_cast<std::uint8_t>(mutation.kind))
        .u16(mutation.creator)
        .text(mutation.path)
        .text(mutation.value)
        .permissions(mutation.permissions);
}

Mutation decode_mutation(Decoder& from) {
    Mutation mutation;
    mutation.kind = static_cast<Mutation::Kind>(from.u8());
    mutation.creator = from.u16();
    mutation.path = from.text();
    mutation.value = from.text();
    mutation.permissions = from.permissions();
    return mutation;
}

} // namespace store
