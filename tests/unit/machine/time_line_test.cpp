// SPDX-License-Identifier: Apache-2.0
// System time while its counter is replaced, and the TSC beside a platform timer that tells the truth.
#include "x86/machine/clock/time_line.hpp"
#include "x86/machine/clock/watch.hpp"

#include <gtest/gtest.h>

#include <random>
#include <thread>
#include <vector>

namespace px::x86::clock {
namespace {

/// Readers on several threads, one counter for all: what one got is never more than what another gets later.
TEST(CurrentLine, TimeNeverGoesBackWhileLinesChange) {
    CurrentLine line;
    std::atomic<u64> counter{1000}, latest{0};
    std::atomic<bool> is_over{false};
    std::atomic<u64> wrong{0};
    line.replace({1000, 0, scale_of(1'000'000'000), false});
    std::vector<std::thread> readers;
    for (int i = 0; i < 3; ++i)
        readers.emplace_back([&] {
            while (!is_over) {
                const u64 before = latest.load();
                const u64 now = line.now([&](const TimeLine&) { return counter.fetch_add(1); });
                if (now < before) ++wrong;
                u64 seen = latest.load();
                while (seen < now && !latest.compare_exchange_weak(seen, now)) {}
            }
        });
    std::mt19937_64 random(3);
    for (int i = 0; i < 2000; ++i) {
        // Rates that differ by up to 100 ppm, as calibrations may.
        const u64 at = counter.fetch_add(1);
        line.replace({at, line.get().at(at) + 200, scale_of(1'000'000'000 + random() % 100'000), false});
        std::this_thread::yield();
    }
    is_over = true;
    for (auto& reader : readers) reader.join();
    EXPECT_EQ(wrong, 0u);
}

TEST(CurrentLine, ACounterBehindTheStartIsNotTheFuture) {
    const TimeLine line{1000, 77, scale_of(1'000'000'000), false};
    EXPECT_EQ(line.at(999), 77u);
    EXPECT_EQ(line.at(1001), 78u);
}

TEST(ExtendedCount, FollowsACounterThatWraps) {
    ExtendedCount count;
    u64 truth = 0xfffff0;
    const auto read = [&] { return truth & 0xffffff; };
    count.begin(read());
    const u64 start = count.advance(0xffffff, read);
    std::mt19937_64 random(4);
    for (int i = 0; i < 10000; ++i) {
        truth += random() % 0x7fffff;
        EXPECT_EQ(count.advance(0xffffff, read) - start, truth - 0xfffff0);
    }
}

TEST(ExtendedCount, IsTheSameForAllCpus) {
    ExtendedCount count;
    std::atomic<u64> raw{0}, latest{0}, wrong{0};
    const auto work = [&] {
        for (int i = 0; i < 50000; ++i) {
            const u64 before = latest.load();
            const u64 now = count.advance(0xffff, [&] { return raw.fetch_add(1) & 0xffff; });
            if (now < before) ++wrong;
            u64 seen = latest.load();
            while (seen < now && !latest.compare_exchange_weak(seen, now)) {}
        }
    };
    std::thread a(work), b(work);
    a.join();
    b.join();
    EXPECT_EQ(wrong, 0u);
    EXPECT_GT(latest, 90000u) << "it counts on over several wraps";
}

/// A TSC of this rate, seen each second through reads that take up to `noise` cycles.
struct World {
    double tsc_hertz;
    u64 noise;
    u64 reference_hertz = 14'318'180;
    double tsc = 5e9;
    u64 reference = 100;
    std::mt19937_64 random{5};

    Sighting see() {
        const u64 wait_before = random() % (noise + 1), wait_after = random() % (noise + 1);
        const u64 now = static_cast<u64>(tsc);
        return {now - wait_before, now + wait_after, reference};
    }
    void pass(double seconds) {
        tsc += tsc_hertz * seconds;
        reference += static_cast<u64>(static_cast<double>(reference_hertz) * seconds);
    }
};

TEST(Watch, TheRateGetsMoreExact) {
    World world{2'600'123'456.0, 4000};
    Watch watch(2'600'300'000, world.reference_hertz, world.see()); // 68 ppm off
    std::vector<double> errors;
    for (int second = 0; second < 5000; ++second) {
        world.pass(1);
        ASSERT_NE(watch.look(world.see()), Watch::Verdict::Unsteady);
        errors.push_back(std::abs(static_cast<double>(watch.hertz()) - world.tsc_hertz) / world.tsc_hertz * 1e6);
    }
    EXPECT_LT(errors[0], 4);
    EXPECT_LT(errors[20], 0.3);
    EXPECT_LT(errors[1100], 0.01);
    EXPECT_LT(errors.back(), 0.01);
}

TEST(Watch, ARateThatIsRightStays) {
    World world{1e9, 50'000}; // bad looks, good rate
    Watch watch(1'000'000'000, world.reference_hertz, world.see());
    for (int second = 0; second < 5000; ++second) {
        world.pass(1);
        EXPECT_EQ(watch.look(world.see()), Watch::Verdict::Good);
    }
}

TEST(Watch, AnInterruptionIsNoChange) {
    World world{2e9, 100};
    Watch watch(2'000'000'000, world.reference_hertz, world.see());
    for (int second = 0; second < 300; ++second) {
        world.pass(1);
        Sighting sighting = world.see();
        if (second % 50 == 30) sighting.before += 50'000'000, sighting.after += 50'000'000; // unseen, 25 ms
        ASSERT_NE(watch.look(sighting), Watch::Verdict::Unsteady);
    }
}

TEST(Watch, AWrapThatNobodySawIsNoRate) {
    World world{2e9, 100};
    Watch watch(2'000'000'000, world.reference_hertz, world.see());
    for (int second = 0; second < 300; ++second) {
        world.pass(1);
        if (second == 0 || second == 200) { // nobody looked for a while, and the reference has 24 bits
            world.pass(5);
            world.reference -= u64{1} << 24;
        }
        ASSERT_NE(watch.look(world.see()), Watch::Verdict::Unsteady);
        ASSERT_NEAR(static_cast<double>(watch.hertz()), world.tsc_hertz, world.tsc_hertz / 500);
    }
}

TEST(Watch, ChangesOfTheRateAreFound) {
    World world{2e9, 100};
    Watch watch(2'000'000'000, world.reference_hertz, world.see());
    for (int second = 0; second < 10; ++second) {
        world.pass(1);
        ASSERT_NE(watch.look(world.see()), Watch::Verdict::Unsteady);
    }
    world.tsc_hertz = 1.6e9; // the CPU saves power
    unsigned looks = 0;
    for (bool found = false; !found && looks < 10; ++looks) {
        world.pass(1);
        found = watch.look(world.see()) == Watch::Verdict::Unsteady;
    }
    EXPECT_EQ(looks, 3u);
}

} // namespace
} // namespace px::x86::clock
