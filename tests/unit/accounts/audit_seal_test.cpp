// Goal: what was done to the audit trail behind the product's back is found. Method: events are sealed in several
// rounds, then changed by SQL, and `db verify` is asked.
#include "accounts/audit_seal.hpp"

#include <gtest/gtest.h>

#include "accounts/audit.hpp"
#include "support/database.hpp"
#include "verify/verify.hpp"

namespace bursar::accounts {
namespace {

class AuditSeal : public ::testing::TestWithParam<storage::Backend> {
 protected:
  void SetUp() override {
    happened(3);
    EXPECT_EQ(seal(2), 2);
    EXPECT_EQ(seal(2), 1) << "the rest";
    EXPECT_EQ(seal(2), 0) << "nothing new, no seal";
    happened(2);
    EXPECT_EQ(seal(10), 2);
    happened(1);
    ASSERT_EQ(breaches(), 0) << "three seals, and an event that waits for its own";
  }

  void happened(int times) {
    db_->write("events", [&](storage::Transaction& tx) {
      for (int i = 0; i < times; ++i)
        append_audit(tx, now_, {.actor = {.kind = ActorKind::job}, .action = "invoice.void", .object = "inv:7"});
    });
  }
  std::int64_t seal(std::int64_t most) {
    return db_->write("seal", [&](storage::Transaction& tx) { return seal_audit(tx, now_, most); });
  }
  std::int64_t breaches() {
    std::int64_t found = 0;
    verify::verify(*db_, IdCodec(IdCodec::Key{}), Vault(),
                   [&](const verify::Breach& breach) { found += breach.invariant == "audit_is_as_sealed"; });
    return found;
  }
  void behind_our_back(storage::Sql sql) {
    db_->write("damage", [&](storage::Transaction& tx) { EXPECT_GT(tx.execute(sql), 0); });
  }

  test::TestDatabase db_ = test::fresh_database(GetParam());
  Instant now_ = Instant::parse("2027-03-01T12:00:00Z").value();
};
INSTANTIATE_TEST_SUITE_P(Backends, AuditSeal, test::backends());

TEST_P(AuditSeal, finds_a_changed_event) {
  behind_our_back("UPDATE audit_events SET actor = 'cli' WHERE id = (SELECT MIN(id) FROM audit_events)");
  EXPECT_EQ(breaches(), 1);
}

TEST_P(AuditSeal, finds_text_that_moved_from_one_field_to_the_next) {
  behind_our_back("UPDATE audit_events SET action = 'invoice.void7', object = 'inv:' WHERE seal_position = 3");
  EXPECT_EQ(breaches(), 1);
}

TEST_P(AuditSeal, finds_a_removed_event) {
  behind_our_back("DELETE FROM audit_events WHERE id = (SELECT MAX(id) FROM audit_events WHERE seal_position = 1)");
  EXPECT_EQ(breaches(), 1);
}

TEST_P(AuditSeal, finds_an_event_taken_out_of_its_seal) {
  behind_our_back("UPDATE audit_events SET seal_position = NULL WHERE seal_position = 2");
  EXPECT_EQ(breaches(), 1);
}

TEST_P(AuditSeal, finds_a_removed_seal) {
  behind_our_back("DELETE FROM audit_seals WHERE position = 2");
  EXPECT_EQ(breaches(), 3) << "the gap, its events without a seal, and the next one that no longer follows";
}

TEST_P(AuditSeal, finds_a_seal_made_anew_in_the_middle) {
  behind_our_back("UPDATE audit_seals SET digest = 'forged' WHERE position = 1");
  EXPECT_EQ(breaches(), 2) << "itself, and the one built on it";
}

}  // namespace
}  // namespace bursar::accounts
