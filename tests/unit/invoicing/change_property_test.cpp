// Goal: nobody gains by changing. Whatever is changed, withdrawn, paid, left or cancelled on whatever days, what an
// account has paid and still owes, less its credit, is the exact worth of the days it was given, each at the price of
// its day, rounded up once a period; and there and back on one day is nothing.
#include <numeric>
#include <random>

#include "invoicing/engine.hpp"
#include "unit/invoicing/change_fixture.hpp"

namespace bursar::invoicing {
namespace {

__extension__ using Wide = __int128;

// A sum of minor units times days over days, exactly.
class Worth {
 public:
  void add(std::int64_t minor, std::int64_t days, std::int64_t of) {
    const std::int64_t common = std::lcm(den_, of);
    num_ = num_ * (common / den_) + Wide{minor} * days * (common / of);
    den_ = common;
  }
  [[nodiscard]] bool is_covered_by(std::int64_t minor) const { return Wide{minor} * den_ >= num_; }
  // By as many minor units as it was rounded up often, or more.
  [[nodiscard]] bool is_exceeded_by(std::int64_t minor, std::int64_t roundings) const {
    return Wide{minor} * den_ > num_ && Wide{minor - roundings} * den_ >= num_;
  }
  [[nodiscard]] std::string text() const {
    return std::to_string(static_cast<std::int64_t>(num_ / den_)) + " + " +
           std::to_string(static_cast<std::int64_t>(num_ % den_)) + "/" + std::to_string(den_);
  }

 private:
  Wide num_ = 0;
  std::int64_t den_ = 1;
};

struct Terms {
  CivilDate from;
  BillingCycle cycle = BillingCycle::months(1);
  std::int64_t price = 0;
  bool at_once = false;
};

class ChangeProperty : public Change {
 protected:
  // Paid or owed, less credit and what a change that is not applied yet would cost.
  std::int64_t billed(AccountId account, ServiceId id) {
    std::int64_t sum = read([&](auto& c) {
      auto rows = c.query(
          "SELECT CAST((SELECT coalesce(sum(received), 0) FROM payments WHERE account_id = $1) +"
          " (SELECT coalesce(sum(balance), 0) FROM invoices WHERE account_id = $1) AS BIGINT)",
          account);
      rows.next();
      return rows.integer(0);
    });
    sum -= credit(account).minor();
    const auto waiting = pending(id);
    if (waiting && waiting->invoice) sum -= invoice(waiting->invoice).total.minor();
    return sum;
  }

  // The terms one after another: those of the order, and those of each change that counts.
  std::vector<Terms> terms(ServiceId id, const Terms& first) {
    std::vector<Terms> all{first};
    read([&](auto& c) {
      auto rows = c.query(
          "SELECT effective_on, to_cycle, to_price, takes_effect FROM service_changes WHERE service_id = $1"
          " AND (status = 'applied' OR billed_at IS NOT NULL) AND status <> 'withdrawn' ORDER BY sequence",
          id);
      while (rows.next()) {
        all.push_back(
            {rows.date(0), BillingCycle::parse(rows.text(1)).value(), rows.integer(2), rows.text(3) == "immediate"});
      }
    });
    return all;
  }

  struct Given {
    Worth worth;
    std::int64_t roundings = 0;  // periods with a change in them
  };
  // Until the day to which the service is billed.
  static Given given(const std::vector<Terms>& all, CivilDate until) {
    Given given;
    std::size_t now = 0;
    CivilDate anchor = all[0].from;
    unsigned anchor_day = anchor.day();
    int k = 0;
    while (due_date(anchor, anchor_day, all[now].cycle, k) < until) {
      const Period period{due_date(anchor, anchor_day, all[now].cycle, k),
                          due_date(anchor, anchor_day, all[now].cycle, k + 1)};
      const std::int64_t days = days_between(period.start, period.end);
      CivilDate from = period.start;
      bool broken_off = false;
      for (; now + 1 < all.size() && all[now + 1].at_once && all[now + 1].from < period.end && !broken_off; ++now) {
        given.worth.add(all[now].price, days_between(from, all[now + 1].from), days);
        from = all[now + 1].from;
        broken_off = all[now + 1].cycle != all[now].cycle;
      }
      ++k;
      if (from != period.start) ++given.roundings;
      if (broken_off) {
        anchor = from;
        anchor_day = from.day();
        k = 0;
        continue;
      }
      given.worth.add(all[now].price, days_between(from, period.end), days);
      if (now + 1 < all.size() && !all[now + 1].at_once && all[now + 1].from == period.end) {
        if (all[now + 1].cycle != all[now].cycle) {
          anchor = period.end;
          k = 0;
        }
        ++now;
      }
    }
    return given;
  }

  int below(int bound) { return static_cast<int>(random_() % static_cast<std::uint32_t>(bound)); }

  void pay_all(AccountId account) {
    for (const auto& one : invoices(account)) {
      if (one.balance.is_positive()) pay(one.id, one.balance);
    }
  }

  void change_something(AccountId account, ServiceId id) {
    ChangeRequest request{.service = id, .product = plans_[static_cast<std::size_t>(below(5))]};
    if (below(3) == 0) request.cycle = BillingCycle::months(std::array{1, 3, 12}[static_cast<std::size_t>(below(3))]);
    if (below(4) == 0) request.timing = ChangeTiming::end_of_period;
    const std::int64_t before = billed(account, id);
    const auto asked = write([&](auto& tx) { return request_change(tx, *rules, request, {}, now()); });
    if (!asked.ok()) {
      EXPECT_TRUE(allowed_refusals.contains(asked.error().code)) << asked.error().code << ": " << asked.error().detail;
      return;
    }
    ++(asked->status == ChangeStatus::applied     ? applied_
       : asked->status == ChangeStatus::scheduled ? scheduled_
                                                  : waiting_);
    if (asked->status == ChangeStatus::applied) return;
    EXPECT_EQ(billed(account, id), before) << "nothing is given before it is applied";
    if (below(3) != 0) return;
    ASSERT_TRUE(write([&](auto& tx) { return withdraw_change(tx, *rules, id, {}, now()); }).ok());
    EXPECT_EQ(billed(account, id), before) << "withdrawn";
  }

  void cancel_or_keep(ServiceId id) {
    if (service(id).cancel_on) {
      ASSERT_TRUE(write([&](auto& tx) { return services::withdraw_cancellation(tx, id, {}, now()); }).ok());
    } else if (below(3) == 0) {
      cancel(id, services::CancellationKind::end_of_period);
    }
  }

  // One customer's life of about a year.
  void live(std::uint32_t seed, const std::string& country) {
    random_.seed(seed);
    today = day("2027-01-31");
    plans_.clear();
    std::vector<std::int64_t> prices;
    for (int i = 0; i < 5; ++i) {
      prices.push_back(i == 0 ? 0 : 1 + below(i == 1 ? 10 : 5000));
      plans_.push_back(product_by_cycles("p" + std::to_string(++worlds_) + "-" + std::to_string(i), prices.back(),
                                         prices.back() * 3 - below(50) * i / 50, prices.back() * 10));
    }
    const auto customer = account(country);
    const auto has = static_cast<std::size_t>(below(5));
    const auto id = running(customer, plans_[has]);
    const Terms first{.from = today, .price = prices[has]};
    for (int act = 0; act < 120 && !service(id).ended() && !HasFailure(); ++act) {
      switch (below(8)) {
        case 0:
        case 1:
        case 2:
          change_something(customer, id);
          break;
        case 3:
        case 4:
          pay_all(customer);
          break;
        case 5:
          cancel_or_keep(id);
          break;
        default:
          run_until(today.plus_days(1 + below(8)));
      }
      run();  // takes back what is billed ahead at the old terms
      const auto next = service(id).next_due_on;
      if (!next) break;
      const Given fair = given(terms(id, first), *next);
      const std::int64_t sum = billed(customer, id);
      EXPECT_TRUE(fair.worth.is_covered_by(sum)) << sum << " for what is worth " << fair.worth.text();
      EXPECT_FALSE(fair.worth.is_exceeded_by(sum, fair.roundings)) << sum << " for what is worth " << fair.worth.text();
    }
    expect_clean();
  }

  int applied_ = 0, scheduled_ = 0, waiting_ = 0;
  int worlds_ = 0;  // with products of their own

 private:
  const std::set<std::string> allowed_refusals{"change_pending", "period_unpaid",          "renewal_due",
                                               "invalid_change", "cancellation_requested", "period_corrected"};
  std::mt19937 random_;
  std::vector<ProductId> plans_;
};
INSTANTIATE_TEST_SUITE_P(Backends, ChangeProperty, test::backends());

TEST_P(ChangeProperty, whoever_changes_at_random_has_paid_for_the_days_they_had) {
  for (std::uint32_t seed = 1; seed <= 8 && !HasFailure(); ++seed) {
    // Tax contained in the price, else none: that of a document is rounded for itself, which is no matter of changes.
    for (const std::string country : {"US", "FR"}) {
      SCOPED_TRACE("seed " + std::to_string(seed) + " " + country);
      auto chosen = config();
      auto french = chosen.tax_rules.front();
      french.country = "FR";
      french.inclusive = true;
      chosen.tax_rules.push_back(french);
      if (seed % 3 != 0) chosen.billing.downgrade_credit = settings::DowngradeCredit::credit;
      if (seed % 2 == 1) chosen.billing.invoice_becomes_legal = settings::InvoiceBecomesLegal::at_payment;
      use(chosen);
      live(seed, country);
    }
  }
  std::printf("%d applied, %d to be paid, %d at the end of the period\n", applied_, waiting_, scheduled_);
  EXPECT_GT(std::min({applied_, waiting_, scheduled_}), 20) << "too little happened to show anything";
}

TEST_P(ChangeProperty, there_and_back_on_a_day_is_nothing_whatever_the_tax) {
  use_downgrade_credit();
  std::mt19937 random(20270411);
  for (const std::string country : {"US", "DE"}) {
    for (int round = 0; round < 4; ++round) {
      today = day("2027-04-01").plus_days(static_cast<int>(random() % 29));
      std::vector<ProductId> plans;
      ++worlds_;
      for (int i = 0; i < 4; ++i) {
        plans.push_back(product("p" + std::to_string(worlds_) + "-" + std::to_string(i),
                                dollars(i == 0 ? 0 : 1 + static_cast<int>(random() % 5000))));
      }
      const auto customer = account(country);
      const auto id = running(customer, plans[1]);
      today = today.plus_days(static_cast<int>(random() % 27));
      const std::int64_t before = billed(customer, id);
      for (const std::size_t other : {2u, 0u, 3u}) {
        for (const auto to : {plans[other], plans[1]}) {
          const auto asked = ask({.service = id, .product = to});
          if (asked.status == ChangeStatus::awaiting_payment) pay(asked.invoice, invoice(asked.invoice).balance);
        }
        EXPECT_EQ(billed(customer, id), before) << country << ", round " << round << ", to " << other;
      }
      expect_clean();
    }
  }
}

}  // namespace
}  // namespace bursar::invoicing
