// SPDX-License-Identifier: Apache-2.0
// Every packing, as Linux's build makes it, through our side; then damage, short data, and outputs that do not fit.
#include "packing/decoders.hpp"
#include "packing/pack.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>

namespace packing {
namespace {

/// Bytes like a program's: repeats near and far, runs, noise.
Data text_of(std::size_t size, unsigned seed = 1) {
    std::mt19937 random(seed);
    Data data;
    while (data.size() < size) {
        const unsigned kind = random() % 8;
        const std::size_t count = 1 + random() % (kind == 0 ? 5000 : 60);
        if (kind < 3 || data.empty()) {
            for (std::size_t i = 0; i < count; ++i) data.push_back(static_cast<std::uint8_t>(random()));
        } else if (kind < 5) {
            data.insert(data.end(), count * 4, static_cast<std::uint8_t>(random() % 3));
        } else {
            const std::size_t from = data.size() - 1 - random() % std::min<std::size_t>(data.size(), 48000);
            for (std::size_t i = 0; i < count; ++i) data.push_back(data[from + i]);
        }
    }
    data.resize(size);
    return data;
}

class Each : public testing::TestWithParam<Packing> {};
INSTANTIATE_TEST_SUITE_P(Packings, Each, testing::ValuesIn(packings),
                         [](const auto& test) { return std::string(name(test.param)); });

TEST_P(Each, GivesBackWhatWasPacked) {
    // 8 MiB are one block of lz4, 256 KiB of lzop, 900 kB of bzip2.
    for (const std::size_t size :
         {std::size_t{1}, std::size_t{4000}, std::size_t{1} << 20, (std::size_t{8} << 20) + 5}) {
        const Data in = text_of(size);
        const Data packed = pack(GetParam(), in);
        ASSERT_FALSE(packed.empty()) << "the program for it is missing (lab/packages.txt)";
        EXPECT_EQ(packing_of(packed), GetParam());
        EXPECT_EQ(read_le<std::uint32_t>(packed, packed.size() - 4), size);
        Data out(size);
        const auto done = unpack(packed, GetParam(), out);
        ASSERT_TRUE(done) << size << ": " << text(done.error());
        EXPECT_EQ(*done, size);
        EXPECT_TRUE(out == in) << size;
        Data roomy(size + 1000);
        EXPECT_EQ(unpack(packed, GetParam(), roomy).value_or(0), size);
    }
}

TEST_P(Each, OutputThatIsTooSmall) {
    const Data in = text_of(300000);
    const Data packed = pack(GetParam(), in);
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{1000}, in.size() - 1}) {
        Data out(size);
        const auto done = unpack(packed, GetParam(), out);
        // Of lzma without an end mark a full output is all that there is to see.
        if (done) EXPECT_EQ(GetParam(), Packing::Lzma) << size;
        else EXPECT_TRUE(done.error() == Trouble::TooLarge || size == 0) << size << " " << text(done.error());
    }
}

TEST_P(Each, EveryTruncationIsAnError) {
    const Data in = text_of(20000);
    const Data packed = pack(GetParam(), in);
    Data out(in.size());
    for (std::size_t size = 0; size + 5 < packed.size(); size += 1 + packed.size() / 300) {
        const Data cut(packed.begin(), packed.begin() + static_cast<std::ptrdiff_t>(size));
        EXPECT_FALSE(unpack(cut, GetParam(), out)) << size;
    }
}

TEST_P(Each, DamageIsHarmless) {
    const Data in = text_of(8000);
    const Data good = pack(GetParam(), in);
    std::mt19937 random(7);
    Data out(in.size());
    for (int round = 0; round < 500; ++round) {
        Data bad = good;
        for (unsigned i = 0; i <= random() % 4; ++i)
            bad[random() % bad.size()] ^= static_cast<std::uint8_t>(1 << random() % 8);
        if (const auto done = unpack(bad, GetParam(), out)) EXPECT_LE(*done, out.size());
    }
}

TEST(Lzo, StreamsByHand) {
    const auto run = [](std::initializer_list<std::uint8_t> bytes, std::size_t room) -> std::string {
        const Data in(bytes);
        Data out(room);
        const auto done = unpack_lzo1x(in, out);
        return done ? std::string(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(*done)) : "error";
    };
    EXPECT_EQ(run({17, 0, 0}, 0), "") << "the end alone";
    EXPECT_EQ(run({17 + 4, 'a', 'b', 'c', 'd', 17, 0, 0}, 4), "abcd");
    EXPECT_EQ(run({17 + 4, 'a', 'b', 'c', 'd', 17, 0, 0}, 3), "error") << "no room";
    EXPECT_EQ(run({17 + 4, 'a', 'b', 'c', 'd', 17, 0, 0, 0}, 4), "error") << "more than the end";
    EXPECT_EQ(run({0x01, 'a', 'b', 'c', 'd', 17, 0, 0}, 4), "abcd") << "a run by an instruction";
    EXPECT_EQ(run({17 + 4, 'a', 'b', 'c', 'd', 64 | 3 << 2, 0, 17, 0, 0}, 7), "abcdabc") << "3 bytes from 4 back";
    EXPECT_EQ(run({17 + 4, 'a', 'b', 'c', 'd', 64 | 4 << 2, 0, 17, 0, 0}, 7), "error") << "from before the start";
    EXPECT_EQ(run({17 + 1, 'a', 0x00, 0x00, 17, 0, 0}, 3), "aaa") << "2 bytes from 1 back, after one literal";
    EXPECT_EQ(run({17 + 4, 'a', 'b', 'c', 'd', 0x00, 0x00, 17, 0, 0}, 7), "error") << "3 bytes from 2049 back";
    EXPECT_EQ(run({17 + 4, 'a', 'b', 'c', 'd', 32 | 2, 3 << 2 | 1, 0, 'e', 17, 0, 0}, 9), "abcdabcde");
    EXPECT_EQ(run({}, 4), "error");
    EXPECT_EQ(run({0, 0, 0, 0}, 4), "error") << "a length without end";
}

TEST(BzImage, PayloadIsFoundOnlyInsideTheFile) {
    Data image(4096);
    const auto put = [&](std::size_t at, auto value) { std::memcpy(&image[at], &value, sizeof value); };
    EXPECT_FALSE(is_bzimage(image));
    EXPECT_FALSE(bzimage_payload(image));
    std::memcpy(&image[0x202], "HdrS", 4);
    ASSERT_TRUE(is_bzimage(image));
    EXPECT_NE(bzimage_payload(image).error().find("older"), std::string_view::npos);
    put(0x206, std::uint16_t{0x20c});
    image[0x1f1] = 1;
    put(0x248, std::uint32_t{0x10});
    put(0x24c, std::uint32_t{100});
    const auto payload = bzimage_payload(image);
    ASSERT_TRUE(payload);
    EXPECT_EQ(payload->data() - image.data(), 1024 + 0x10);
    EXPECT_EQ(payload->size(), 100u);
    for (const std::uint32_t length : {4096u, 3u, ~0u}) {
        put(0x24c, length);
        EXPECT_FALSE(bzimage_payload(image)) << length;
    }
    put(0x24c, std::uint32_t{100});
    for (const std::uint32_t offset : {3072u, ~0u}) {
        put(0x248, offset);
        EXPECT_FALSE(bzimage_payload(image)) << offset;
    }
    EXPECT_FALSE(is_bzimage(Data(0x250)));
}

TEST(Packings, UnknownOnes) {
    for (const Data& data : {Data{}, Data{0xfd}, Data{0x7f, 'E', 'L', 'F'}, Data(100, 'x')})
        EXPECT_FALSE(packing_of(data));
}

} // namespace
} // namespace packing
