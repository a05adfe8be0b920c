// Goal: every entry that refunds, disputes, deposits and credit make says in words what moved and why, and names the
// object it is about.
#include "payments/explain_ledger.hpp"

#include <set>

#include "refund_fixture.hpp"

namespace bursar::test {
namespace {

class ExplainLedgerTest : public RefundFixture {
 protected:
  std::vector<std::string> texts() {
    return db->read([&](Connection& c) {
      const auto entries = ledger::statement(c, account, {}, 100);
      std::vector<std::string> out;
      const auto explained = payments::explain_entries(c, codec, entries);
      for (std::size_t i = 0; i < entries.size(); ++i) {
        out.push_back(entries[i].kind + ": " + explained[i].text);
        EXPECT_NE(explained[i].text, entries[i].kind) << "no words for it";
        EXPECT_EQ(explained[i].postings.size(), entries[i].postings.size());
        for (std::size_t k = 0; k < entries[i].postings.size(); ++k) {
          const Money amount = entries[i].postings[k].amount;
          EXPECT_NE(explained[i].postings[k].find((amount.is_negative() ? -amount : amount).to_string()),
                    std::string::npos);
          EXPECT_GT(explained[i].postings[k].size(), amount.to_string().size() + 3) << explained[i].postings[k];
        }
      }
      return out;
    });
  }
};
INSTANTIATE_TEST_SUITE_P(Backends, ExplainLedgerTest, backends());

TEST_P(ExplainLedgerTest, each_kind_has_its_words) {
  gateways.cards.charge_fee(usd("0.30"));
  const auto payment = pay("cards", usd("15.00"));
  gateways.cards.script({Act::decline_final});
  ASSERT_TRUE(refund({.payment = payment->id, .amount = usd("7.00")}).ok());
  workers.drain();
  ASSERT_TRUE(dispute({.payment = payment->id, .reference = "dp_7", .status = payments::DisputeStatus::lost}).ok());
  give_credit("1.00");
  ASSERT_TRUE(dispute({.payment = payment->id, .reference = "dp_7", .status = payments::DisputeStatus::won}).ok());
  std::set<std::string> kinds;
  const auto all = texts();
  for (const auto& text : all) kinds.insert(text.substr(0, text.find(':')));
  EXPECT_EQ(kinds, (std::set<std::string>{"invoice_issued", "payment_received", "credit_note", "refund_sent",
                                          "refund_to_credit", "dispute_opened", "dispute_lost", "dispute_won",
                                          "credit_granted"}));
  const std::string of = codec.text(payment->id);
  EXPECT_EQ(all.back().substr(0, 42), "invoice_issued: Issued invoice INV-2027-00");
  EXPECT_NE(std::find(all.begin(), all.end(),
                      "payment_received: The payment " + of + " by cards brought 14.70 USD, after a fee of 0.30 USD."),
            all.end());
  EXPECT_NE(std::find(all.begin(), all.end(),
                      "refund_sent: Refunded 7.00 USD of the payment " + of + ", to where it came from: unhappy."),
            all.end());
  EXPECT_NE(std::find(all.begin(), all.end(), "credit_granted: Gave 1.00 USD of credit: goodwill."), all.end());
}

}  // namespace
}  // namespace bursar::test
