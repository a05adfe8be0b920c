// Where the net amount of a line is earned.
#pragma once

#include "invoicing/kinds.hpp"
#include "ledger/chart.hpp"

namespace bursar::invoicing {

inline ledger::LedgerAccount income_account(LineKind kind) {
  switch (kind) {
    case LineKind::deposit:
      return ledger::LedgerAccount::deposit_due();
    case LineKind::late_fee:
      return ledger::LedgerAccount::late_fee_income();
    default:
      return ledger::LedgerAccount::revenue();
  }
}

}  // namespace bursar::invoicing
