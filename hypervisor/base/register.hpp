// SPDX-License-Identifier: Apache-2.0
// Registers as types: a value of one register has bits of that register alone, and its fields are read at their width.
#pragma once

#include "base/number.hpp"

#include <limits>

namespace px {

namespace detail {
void no_such_bit(); ///< nowhere defined, and no constant expression: a call is an error of the compiler's
}

/// A value of one register, or some of its bits. Bits of different registers do not mix.
/// @tparam Tag makes the type distinct, @tparam T is as wide as the register.
template <class Tag, std::unsigned_integral T> class Register {
  public:
    using Identity = Tag;
    using Representation = T;
    static constexpr unsigned width = std::numeric_limits<T>::digits;

    constexpr Register() = default;
    constexpr explicit Register(T raw) : raw_(raw) {}
    /// The bit of this number alone.
    [[nodiscard]] static consteval Register bit(unsigned number) {
        if (number >= width) detail::no_such_bit();
        return Register(static_cast<T>(T{1} << number));
    }

    [[nodiscard]] constexpr T raw() const { return raw_; }
    /// All of these bits are set.
    [[nodiscard]] constexpr bool has(Register bits) const { return (raw_ & bits.raw_) == bits.raw_; }
    /// At least one of these bits is set.
    [[nodiscard]] constexpr bool has_any(Register bits) const { return (raw_ & bits.raw_) != 0; }
    /// With these bits, and without them.
    [[nodiscard]] constexpr Register with(Register bits) const { return *this | bits; }
    [[nodiscard]] constexpr Register without(Register bits) const { return *this & ~bits; }

    friend constexpr bool operator==(Register, Register) = default;
    friend constexpr Register operator|(Register a, Register b) { return Register(static_cast<T>(a.raw_ | b.raw_)); }
    friend constexpr Register operator&(Register a, Register b) { return Register(static_cast<T>(a.raw_ & b.raw_)); }
    friend constexpr Register operator^(Register a, Register b) { return Register(static_cast<T>(a.raw_ ^ b.raw_)); }
    friend constexpr Register operator~(Register a) { return Register(static_cast<T>(~a.raw_)); }
    constexpr Register& operator|=(Register other) { return *this = *this | other; }
    constexpr Register& operator&=(Register other) { return *this = *this & other; }

  private:
    T raw_ = 0;
};

/// A field of a register: `bits` bits from `shift` on, as a Value.
template <class R, unsigned shift, unsigned bits, class Value = typename R::Representation> struct Field {
    using T = typename R::Representation;
    static_assert(bits > 0 && bits < R::width && shift + bits <= R::width);

    static constexpr R mask{static_cast<T>(((T{1} << bits) - 1) << shift)};
    [[nodiscard]] static constexpr Value of(R value) { return static_cast<Value>((value & mask).raw() >> shift); }
    /// Only the field, everything else clear. What does not fit is cut off: neighbours are never touched.
    [[nodiscard]] static constexpr R make(Value value) {
        return R(static_cast<T>(static_cast<T>(value) << shift)) & mask;
    }
    [[nodiscard]] static constexpr R put(R into, Value value) { return into.without(mask) | make(value); }
};

} // namespace px
