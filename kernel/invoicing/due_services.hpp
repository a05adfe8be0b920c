// Reading a chunk of services whose next period falls due, with what pricing them needs: a fixed number of queries a
// chunk. Internal to invoicing.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/cycle.hpp"
#include "catalog/promotions.hpp"
#include "invoicing/rules.hpp"
#include "scheduler/step.hpp"

namespace bursar::invoicing {

struct DueService {
  ServiceId id;
  AccountId account;
  CivilDate due_on;
  ProductId product;
  std::string label;
  Currency currency;
  BillingCycle cycle;
  Money price;
  PromotionId promotion;
  std::optional<std::int64_t> promotion_periods_left;
  unsigned anchor_day;
  CivilDate anchor_on;
  int periods_invoiced;
  std::int64_t version;
};
struct BuyerAccount {
  catalog::TaxBuyer tax;
  std::int64_t party = 0;
  bool autopay = false;
};
struct SoldProduct {
  std::string code;
  std::string name;
  std::string tax_class;
  std::string unit_code;
};

struct DueChunk {
  std::vector<DueService> services;  // by due date, account, id; whole groups of (due date, account)
  std::map<AccountId, BuyerAccount> accounts;
  std::map<ProductId, SoldProduct> products;
  std::map<PromotionId, catalog::Promotion> promotions;
  std::string cursor;
  bool finished = false;
  bool again = false;  // an earlier chunk left services that are due once more
};

// At most max_accounts groups after the cursor, of periods that start on or before `horizon`. Services of parked
// accounts are left out, and periods that a requested end forbids.
DueChunk read_due_chunk(storage::Connection& c, CivilDate horizon, const scheduler::ChunkRequest& request);

}  // namespace bursar::invoicing
