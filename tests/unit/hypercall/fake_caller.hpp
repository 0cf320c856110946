// SPDX-License-Identifier: Apache-2.0
// A caller of hypercalls for host tests: a domain and a vCPU whose guest memory is a byte array.
#pragma once

#include "domain/domain.hpp"

#include <cstring>
#include <vector>

namespace fake {

/// Guest virtual addresses [base, base + size) are readable and writable.
class Memory {
  public:
    static constexpr px::u64 base = 0x10000;
    std::vector<unsigned char> bytes = std::vector<unsigned char>(1 << 16);
    [[nodiscard]] unsigned char* at(px::u64 address, px::u64 count) {
        if (address < base || count > bytes.size() || address - base > bytes.size() - count) return nullptr;
        return bytes.data() + (address - base);
    }
    template <class T> void put(px::u64 address, const T& value) {
        std::memcpy(at(address, sizeof(T)), &value, sizeof(T));
    }
    template <class T> T get(px::u64 address) {
        T value;
        std::memcpy(&value, at(address, sizeof(T)), sizeof(T));
        return value;
    }
};

class CallerDomain final : public px::Domain {
  public:
    using px::Domain::Domain;
    px::Result<px::Vcpu*> make_vcpu(px::VcpuId) override { return px::fail(px::Error::NoMemory); }
    px::Result<px::Mfn> translate(px::Gfn gfn) override { return px::Mfn(gfn.raw()); }
    px::Result<> map_frame(px::Gfn, px::Mfn, unsigned) override { return {}; }
    px::Result<> unmap_frame(px::Gfn, px::Mfn, unsigned) override { return {}; }
    px::Result<> map_grant(px::u64, px::Mfn, px::u32, px::u64) override { return {}; }
    px::Result<> unmap_grant(px::u64, px::Mfn, px::u32, px::u64) override { return {}; }
    void flush_tlb() override {}
    px::Result<> arch_domctl(abi::Domctl&, px::GuestVaddr, bool&) override { return px::fail(px::Error::NoSys); }
    px::Result<> relinquish() override { return {}; }
    [[nodiscard]] px::u32 features() const override { return 0x123; }
    [[nodiscard]] px::u32 info_flags() const override { return 0; }
};

class Caller final : public px::Vcpu {
  public:
    explicit Caller(px::Domain& d) : px::Vcpu(d, px::VcpuId(0)) { info = &own_info; }
    px::u64 copy_from_guest(void* to, px::GuestVaddr from, px::u64 bytes) override {
        const unsigned char* p = memory.at(from.raw(), bytes);
        if (!p) return bytes;
        std::memcpy(to, p, bytes);
        return 0;
    }
    px::u64 copy_to_guest(px::GuestVaddr to, const void* from, px::u64 bytes) override {
        unsigned char* p = memory.at(to.raw(), bytes);
        if (!p) return bytes;
        std::memcpy(p, from, bytes);
        return 0;
    }
    [[nodiscard]] bool may_address(px::GuestVaddr, px::u64) const override { return true; }
    px::Result<> set_context(const void*, bool) override { return {}; }
    px::Result<> get_context(void*) override { return {}; }
    void save_state() override {}
    void load_state() override {}
    void reset() override {}
    abi::VcpuInfo own_info{};
    Memory memory;
};

} // namespace fake
