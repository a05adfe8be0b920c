#include "invoicing/due_services.hpp"

#include <algorithm>
#include <span>

#include "base/assert.hpp"
#include "invoicing/step_support.hpp"

namespace bursar::invoicing {
namespace {

using storage::Connection;
using storage::Rows;

struct Position {
  std::string due_on;
  std::int64_t account = 0;
  std::int64_t service = 0;
  bool again = false;
};

Position position_of(const std::string& cursor) {
  if (cursor.empty()) return {};
  const auto fields = split_cursor(cursor);
  BURSAR_ASSERT(fields.size() >= 3);
  return {fields[0], cursor_number(fields[1]), cursor_number(fields[2]), fields.size() > 3};
}

std::string cursor_at(const DueService& service) {
  return service.due_on.to_string() + " " + std::to_string(service.account.value()) + " " +
         std::to_string(service.id.value());
}

bool same_group(const DueService& a, const DueService& b) { return a.due_on == b.due_on && a.account == b.account; }

DueService read_service(const Rows& rows) {
  const Currency currency = Currency::parse(rows.text(5)).value();
  DueService service{.id = rows.id<ServiceId>(0),
                     .account = rows.id<AccountId>(1),
                     .due_on = rows.date(2),
                     .product = rows.id<ProductId>(3),
                     .label = rows.string(4),
                     .currency = currency,
                     .cycle = BillingCycle::parse(rows.text(6)).value(),
                     .price = Money(rows.integer(7), currency),
                     .promotion = rows.id<PromotionId>(8),
                     .promotion_periods_left = std::nullopt,
                     .anchor_day = static_cast<unsigned>(rows.integer(10)),
                     .anchor_on = rows.date(11),
                     .periods_invoiced = static_cast<int>(rows.integer(12)),
                     .version = rows.integer(13)};
  if (!rows.is_null(9)) service.promotion_periods_left = rows.integer(9);
  return service;
}

// `limit` rows after the position; fewer mean that there are no more.
std::vector<DueService> read_services(Connection& c, CivilDate horizon, const Position& after, std::int64_t limit) {
  std::vector<DueService> services;
  services.reserve(static_cast<std::size_t>(limit));
  auto rows = c.query(
      // A change at the end of the period is billed ahead of its day.
      "SELECT id, account_id, next_due_on, coalesce((SELECT ch.to_product_id FROM service_changes ch WHERE"
      " ch.service_id = services.id AND ch.status IN ('awaiting_payment', 'scheduled') AND ch.billed_at IS NOT NULL),"
      " product_id), label, currency, cycle, price, promotion_id,"
      " promotion_periods_left, anchor_day, anchor_on, periods_invoiced, version FROM services"
      " WHERE next_due_on <= $1 AND (next_due_on, account_id, id) > ($2, $3, $4)"
      " AND (cancel_on IS NULL OR cancel_on > next_due_on)"
      " ORDER BY next_due_on, account_id, id LIMIT $5",
      horizon, after.due_on, after.account, after.service, limit);
  while (rows.next()) services.push_back(read_service(rows));
  return services;
}

// Cuts after the last whole group of the first `max_groups`. Answers how many groups are whole.
std::size_t cut_at_group(std::vector<DueService>& services, std::size_t max_groups, bool complete) {
  std::size_t groups = 0;
  std::size_t end = 0;
  for (std::size_t begin = 0; begin < services.size() && groups < max_groups; begin = end) {
    std::size_t next = begin + 1;
    while (next < services.size() && same_group(services[begin], services[next])) ++next;
    if (next == services.size() && !complete) break;  // more of this group may follow
    end = next;
    ++groups;
  }
  services.erase(services.begin() + static_cast<std::ptrdiff_t>(end), services.end());
  return groups;
}

template <class IdType>
std::vector<std::int64_t> distinct_ids(const std::vector<DueService>& services, IdType DueService::*member) {
  std::vector<std::int64_t> ids;
  ids.reserve(services.size());
  for (const auto& service : services) {
    if (service.*member) ids.push_back((service.*member).value());
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

void read_accounts(Connection& c, DueChunk& chunk) {
  const auto ids = distinct_ids(chunk.services, &DueService::account);
  auto rows = c.query(
      "SELECT id, country, region, tax_id, tax_exempt, party_id, autopay_enabled FROM accounts WHERE id IN {list:$1}",
      std::span<const std::int64_t>(ids));
  while (rows.next()) {
    chunk.accounts[rows.id<AccountId>(0)] = {.tax = {.country = rows.string(1),
                                                     .region = rows.string(2),
                                                     .tax_id = rows.string(3),
                                                     .exempt = rows.boolean(4)},
                                             .party = rows.integer(5),
                                             .autopay = rows.boolean(6)};
  }
}

void read_products(Connection& c, DueChunk& chunk) {
  const auto ids = distinct_ids(chunk.services, &DueService::product);
  auto rows = c.query("SELECT id, name, tax_class, unit_code, code FROM products WHERE id IN {list:$1}",
                      std::span<const std::int64_t>(ids));
  while (rows.next()) {
    chunk.products[rows.id<ProductId>(0)] = {
        .code = rows.string(4), .name = rows.string(1), .tax_class = rows.string(2), .unit_code = rows.string(3)};
  }
}

}  // namespace

DueChunk read_due_chunk(Connection& c, CivilDate horizon, const scheduler::ChunkRequest& request) {
  DueChunk chunk;
  const auto max_groups = static_cast<std::size_t>(request.max_accounts);
  const Position after = position_of(request.cursor);
  chunk.again = after.again;
  // A group that is larger than the limit is read again with a larger one.
  for (std::int64_t limit = 2 * request.max_accounts + 16;; limit *= 4) {
    chunk.services = read_services(c, horizon, after, limit);
    const bool complete = static_cast<std::int64_t>(chunk.services.size()) < limit;
    const std::size_t read = chunk.services.size();
    const std::size_t groups = cut_at_group(chunk.services, max_groups, complete);
    chunk.finished = complete && chunk.services.size() == read;
    if (groups > 0 || chunk.finished) break;
  }
  chunk.cursor =
      chunk.services.empty() ? request.cursor : cursor_at(chunk.services.back()) + (after.again ? " again" : "");
  std::erase_if(chunk.services, [&](const DueService& service) { return is_parked(request, service.account); });
  if (chunk.services.empty()) return chunk;
  read_accounts(c, chunk);
  read_products(c, chunk);
  for (const auto id : distinct_ids(chunk.services, &DueService::promotion)) {
    if (auto promotion = catalog::find_promotion(c, PromotionId(id))) {
      chunk.promotions.emplace(PromotionId(id), *std::move(promotion));
    }
  }
  return chunk;
}

}  // namespace bursar::invoicing
