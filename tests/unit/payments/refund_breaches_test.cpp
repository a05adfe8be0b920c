// Goal: each kind of damage to refunds, requests and disputes is found and named by the checker. The damage is done by
// SQL, behind the product's back.
#include <set>

#include "refund_fixture.hpp"

namespace bursar::test {
namespace {

struct Damage {
  const char* invariant;
  storage::Sql sql;
  storage::Sql mend;
};

const Damage damages[] = {
    {"refunds_and_disputes_within_payment", "UPDATE disputes SET counted = 700 WHERE reference = 'open'",
     "UPDATE disputes SET counted = 400 WHERE reference = 'open'"},
    {"payment_counts_disputes", "UPDATE payments SET disputed = disputed + 1",
     "UPDATE payments SET disputed = disputed - 1"},
    {"refund_is_booked", "UPDATE refunds SET amount = amount + 1", "UPDATE refunds SET amount = amount - 1"},
    {"refund_leaves_its_gateway", "UPDATE refunds SET gateway = 'bank'", "UPDATE refunds SET gateway = 'cards'"},
    {"pending_refund_is_pursued", "UPDATE refunds SET status = 'unknown'", "UPDATE refunds SET status = 'succeeded'"},
    {"approved_request_has_its_refund", "UPDATE refunds SET request_id = NULL",
     "UPDATE refunds SET request_id = (SELECT id FROM refund_requests WHERE status = 'approved')"},
    {"open_request_has_a_task", "UPDATE staff_tasks SET status = 'dismissed' WHERE kind = 'refund_request'",
     "UPDATE staff_tasks SET status = 'open' WHERE kind = 'refund_request' AND object_id = (SELECT id FROM "
     "refund_requests "
     "WHERE status = 'requested')"},
    {"verdict_follows_conditions", "UPDATE refund_requests SET eligible = 1 - eligible",
     "UPDATE refund_requests SET eligible = 1 - eligible"},
    {"disputed_money_is_booked", "UPDATE disputes SET held = held + 1 WHERE reference = 'open'",
     "UPDATE disputes SET held = held - 1 WHERE reference = 'open'"},
    {"decided_dispute_is_booked", "UPDATE disputes SET status = 'lost' WHERE reference = 'won'",
     "UPDATE disputes SET status = 'won' WHERE reference = 'won'"},
};

class RefundBreachesTest : public RefundFixture {
 protected:
  std::set<std::string> broken() {
    std::set<std::string> names;
    verify::verify(*db, codec, vault, [&](const verify::Breach& breach) { names.insert(breach.invariant); });
    return names;
  }
};
INSTANTIATE_TEST_SUITE_P(Backends, RefundBreachesTest, backends());

TEST_P(RefundBreachesTest, are_each_found_by_name) {
  const auto bought = buy({product("vps", "10.00")});
  const auto asked = request({.payment = bought.payment, .amount = usd("6.00")});
  ASSERT_TRUE(decide(*asked, {.approve = true}).ok());
  workers.drain();
  ASSERT_TRUE(dispute({.payment = bought.payment, .reference = "open"}).ok());
  const auto other = buy({product("web", "10.00")});
  ASSERT_TRUE(dispute({.payment = other.payment, .reference = "won", .status = payments::DisputeStatus::won}).ok());
  ASSERT_TRUE(request({.payment = other.payment}).ok());
  ASSERT_TRUE(broken().empty());
  for (const Damage& damage : damages) {
    SCOPED_TRACE(damage.invariant);
    db->write("damage", [&](Transaction& tx) { tx.execute(damage.sql); });
    EXPECT_TRUE(broken().contains(damage.invariant));
    db->write("mend", [&](Transaction& tx) { tx.execute(damage.mend); });
    EXPECT_TRUE(broken().empty());
  }
}

}  // namespace
}  // namespace bursar::test
