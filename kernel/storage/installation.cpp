#include "storage/installation.hpp"

#include <charconv>

namespace bursar::storage {

IdCodec::Key load_id_key(Database& db) {
  const std::string hex = db.read([](Connection& connection) {
    auto rows = connection.query("SELECT id_key FROM installation WHERE id = 1");
    return rows.next() ? rows.string(0) : std::string();
  });
  IdCodec::Key key{};
  bool valid = hex.size() == 2 * key.size();
  for (std::size_t i = 0; valid && i < key.size(); ++i) {
    const char* begin = hex.data() + 2 * i;
    const auto parsed = std::from_chars(begin, begin + 2, key[i], 16);
    valid = parsed.ec == std::errc() && parsed.ptr == begin + 2;
  }
  if (!valid) throw StorageError("the table installation holds no valid id_key", false);
  return key;
}

std::int64_t reserve_numbers(Transaction& tx, std::string_view series, std::int64_t count) {
  BURSAR_ASSERT(count > 0);
  auto rows = tx.query(
      "INSERT INTO number_series (series, next) VALUES ($1, 1 + $2) "
      "ON CONFLICT (series) DO UPDATE SET next = number_series.next + $2 RETURNING next - $2",
      series, count);
  BURSAR_ASSERT(rows.next());
  return rows.integer(0);
}

}  // namespace bursar::storage
