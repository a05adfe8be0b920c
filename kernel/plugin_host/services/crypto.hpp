// Digests for plugins and for the check of plugin files. Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace bursar::plugin_host {

enum class Digest { sha256, sha512, sha1, md5 };  // the last two for old protocols only

// Raw bytes of the digest.
std::string digest(Digest algorithm, std::string_view data);
std::string hmac(Digest algorithm, std::string_view key, std::string_view data);
// Takes the same time wherever the texts differ; lengths are not secret.
bool equal_in_constant_time(std::string_view a, std::string_view b);
void fill_random(std::span<std::byte> bytes);  // throws std::runtime_error when the system has none
std::string to_hex(std::string_view bytes);    // lower case

// The SHA-256 of a file in lower-case hexadecimal; empty when it can't be read.
std::string file_sha256(const std::string& path);

}  // namespace bursar::plugin_host
