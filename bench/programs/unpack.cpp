// SPDX-License-Identifier: Apache-2.0
// "unpack FILE": decodes the xz payload of a bzImage piece by piece into one buffer, as xz -dc >/dev/null would: what
// the decompressor alone costs of creating a guest from such a kernel.
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <lzma.h>
#include <vector>

int main(int count, char** arguments) {
    std::FILE* const file = count == 2 ? std::fopen(arguments[1], "rb") : nullptr;
    if (!file) return 125;
    std::fseek(file, 0, SEEK_END);
    std::vector<uint8_t> image(static_cast<size_t>(std::ftell(file)));
    std::rewind(file);
    image.resize(std::fread(image.data(), 1, image.size(), file));
    // Linux' boot protocol: size of the setup code, then offset and length of the payload behind it.
    if (image.size() < 0x250 || std::memcmp(&image[0x202], "HdrS", 4) != 0) return 124;
    uint32_t offset, length;
    std::memcpy(&offset, &image[0x248], 4);
    std::memcpy(&length, &image[0x24c], 4);
    const size_t start = (image[0x1f1] + size_t{1}) * 512 + offset;
    if (start + length > image.size()) return 124;
    lzma_stream stream = LZMA_STREAM_INIT;
    if (lzma_stream_decoder(&stream, UINT64_MAX, 0) != LZMA_OK) return 123;
    static uint8_t out[256 << 10];
    stream.next_in = &image[start];
    stream.avail_in = length;
    lzma_ret code = LZMA_OK;
    while (code == LZMA_OK) {
        stream.next_out = out;
        stream.avail_out = sizeof out;
        code = lzma_code(&stream, LZMA_RUN);
    }
    lzma_end(&stream);
    return code == LZMA_STREAM_END ? 0 : 122;
}
