// What runs to come would leave behind: read from the transaction of a scheduler's preview before it is thrown away, so
// nothing is modelled twice. An outside party's answer, and what follows from it, can't be foreseen.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/id.hpp"
#include "base/money.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "invoicing/invoices.hpp"
#include "scheduler/scheduler.hpp"

namespace bursar::notices {
class Outbox;
}

namespace bursar::foresight {

// The ids of what is foreseen mean nothing outside the preview; those of accounts and services are real.
struct Invoice {
  invoicing::Invoice invoice;
  std::vector<invoicing::Line> lines;
};
struct Charge {
  AccountId account;
  InvoiceId invoice;  // foreseen, or one that is there already
  std::string gateway;
  Money amount;
};
struct Mail {
  AccountId account;
  std::string template_name;
  std::string recipient;
  std::string subject;
};
struct ServiceAct {
  ServiceId service;
  AccountId account;
};

struct OrderAct {
  OrderId order;
  AccountId account;
};

struct Foresight {
  std::vector<scheduler::RunStatus> runs;
  std::vector<Invoice> invoices;
  std::vector<Charge> charges;
  std::vector<Mail> mails;
  std::vector<ServiceAct> suspensions;
  std::vector<ServiceAct> terminations;
  std::vector<ServiceAct> changes;  // that take effect
  std::vector<OrderAct> cancelled_orders;
  bool truncated = false;  // a list has more than was asked for; the runs' counts are whole
};

// All runs of `job` up to `at`, and at most `most` of each kind of what they would do, in the order of doing. Errors:
// those of Scheduler::preview.
Result<Foresight> foresee(scheduler::Scheduler& scheduler, const notices::Outbox& outbox, Instant at,
                          std::string_view job, std::size_t most);

}  // namespace bursar::foresight
