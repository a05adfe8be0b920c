#include "payments/explain_ledger.hpp"

#include <map>
#include <set>
#include <span>

namespace bursar::payments {

namespace {

using ledger::Posting;
using ledger::StoredEntry;

std::string without_sign(Money amount) { return (amount.is_negative() ? -amount : amount).to_string(); }

class Explainer {
 public:
  Explainer(storage::Connection& c, const IdCodec& codec, const std::vector<StoredEntry>& entries) : codec_(codec) {
    std::set<std::int64_t> sources;
    std::set<std::int64_t> invoices;
    for (const StoredEntry& entry : entries) {
      sources.insert(entry.source);
      if (about_invoice(entry.kind)) invoices.insert(entry.source);
      for (const Posting& posting : entry.postings) {
        if (posting.invoice) invoices.insert(posting.invoice.value());
      }
    }
    const std::vector<std::int64_t> source_list(sources.begin(), sources.end());
    read_notes(c, source_list, invoices);
    read_payments(c, source_list);
    read_refunds(c, source_list);
    read_disputes(c, source_list);
    read_invoices(c, {invoices.begin(), invoices.end()});
  }

  [[nodiscard]] EntryExplanation explain(const StoredEntry& entry) const {
    EntryExplanation out{.source = source(entry), .text = text(entry), .postings = {}};
    for (const Posting& posting : entry.postings) out.postings.push_back(meaning(posting));
    return out;
  }

 private:
  struct Note {
    std::string number;
    std::int64_t invoice;
  };
  struct Refunded {
    std::string destination;
    std::string reason;
    std::int64_t payment;
  };
  struct Disputed {
    std::string reference;
    std::int64_t payment;
  };

  static bool about_invoice(std::string_view kind) {
    return kind == "invoice_issued" || kind == "invoice_written_off" || kind == "deposit_credited";
  }
  static bool about_payment(std::string_view kind) {
    return kind == "payment_received" || kind == "payment_reversed" || kind == "gateway_fee";
  }

  void read_notes(storage::Connection& c, std::span<const std::int64_t> ids, std::set<std::int64_t>& invoices) {
    auto rows = c.query("SELECT id, number, invoice_id FROM credit_notes WHERE id IN {list:$1}", ids);
    while (rows.next()) {
      notes_.emplace(rows.integer(0), Note{rows.string(1), rows.integer(2)});
      invoices.insert(rows.integer(2));
    }
  }
  void read_payments(storage::Connection& c, std::span<const std::int64_t> ids) {
    auto rows = c.query("SELECT id, gateway FROM payments WHERE id IN {list:$1}", ids);
    while (rows.next()) gateways_.emplace(rows.integer(0), rows.string(1));
  }
  void read_refunds(storage::Connection& c, std::span<const std::int64_t> ids) {
    auto rows = c.query("SELECT id, destination, reason, payment_id FROM refunds WHERE id IN {list:$1}", ids);
    while (rows.next()) refunds_.emplace(rows.integer(0), Refunded{rows.string(1), rows.string(2), rows.integer(3)});
  }
  void read_disputes(storage::Connection& c, std::span<const std::int64_t> ids) {
    auto rows = c.query("SELECT id, reference, payment_id FROM disputes WHERE id IN {list:$1}", ids);
    while (rows.next()) disputes_.emplace(rows.integer(0), Disputed{rows.string(1), rows.integer(2)});
  }
  void read_invoices(storage::Connection& c, const std::vector<std::int64_t>& ids) {
    auto rows = c.query("SELECT id, coalesce(number, '') FROM invoices WHERE id IN {list:$1}",
                        std::span<const std::int64_t>(ids));
    while (rows.next()) numbers_.emplace(rows.integer(0), rows.string(1));
  }

  [[nodiscard]] std::string invoice(std::int64_t id) const {
    const auto found = numbers_.find(id);
    const std::string outside = codec_.text(InvoiceId(id));
    return found == numbers_.end() || found->second.empty() ? "invoice " + outside
                                                            : "invoice " + found->second + " (" + outside + ")";
  }
  [[nodiscard]] std::string payment(std::int64_t id) const { return "payment " + codec_.text(PaymentId(id)); }
  // The sum of the entry's postings under an account, as it is spoken of.
  static std::string moved(const StoredEntry& entry, std::string_view account) {
    std::map<std::string, Money> sums;
    for (const Posting& posting : entry.postings) {
      if (!posting.ledger_account.name().starts_with(account)) continue;
      const auto [at, is_new] = sums.try_emplace(std::string(posting.amount.currency().code()), posting.amount);
      if (!is_new) at->second += posting.amount;
    }
    std::string out;
    for (const auto& [code, sum] : sums) out += (out.empty() ? "" : " and ") + without_sign(sum);
    return out.empty() ? "nothing" : out;
  }
  static std::string because(const std::string& reason) { return reason.empty() ? "." : ": " + reason + "."; }

  [[nodiscard]] std::string source(const StoredEntry& entry) const {
    const std::string_view kind = entry.kind;
    if (about_invoice(kind)) return codec_.text(InvoiceId(entry.source));
    if (about_payment(kind)) return codec_.text(PaymentId(entry.source));
    if (kind == "credit_note") return codec_.text(CreditNoteId(entry.source));
    if (kind == "credit_granted" || kind == "dispute_fee") return codec_.text(AuditEventId(entry.source));
    if (refunds_.contains(entry.source)) return codec_.text(RefundId(entry.source));
    if (disputes_.contains(entry.source)) return codec_.text(DisputeId(entry.source));
    return {};
  }

  [[nodiscard]] std::string text(const StoredEntry& entry) const {
    const std::string_view kind = entry.kind;
    if (kind == "invoice_issued")
      return "Issued " + invoice(entry.source) + " over " + moved(entry, "receivable") + ".";
    if (kind == "lines_removed") return "Took lines off an invoice that was not final yet" + because(entry.description);
    if (kind == "credit_note") return credit_note(entry);
    if (kind == "invoice_written_off")
      return "Gave up " + moved(entry, "receivable") + " of " + invoice(entry.source) + because(entry.description);
    if (kind == "credit_applied") return "Used " + moved(entry, "customer_credit") + " of the credit for an invoice.";
    if (kind == "deposit_credited")
      return "The deposit of " + invoice(entry.source) + " was paid: " + moved(entry, "customer_credit") +
             " of credit.";
    if (kind == "credit_granted")
      return "Gave " + moved(entry, "customer_credit") + " of credit" + because(entry.description);
    if (kind == "payment_received") return received(entry);
    if (kind == "gateway_fee")
      return "The gateway kept " + moved(entry, "gateway_fees") + " for the " + payment(entry.source) + ".";
    if (kind == "dispute_fee")
      return "What the gateway keeps for a dispute changed by " + moved(entry, "gateway_fees") +
             because(entry.description);
    if (const auto refund = refunds_.find(entry.source); refund != refunds_.end())
      return refunded(entry, refund->second);
    if (const auto dispute = disputes_.find(entry.source); dispute != disputes_.end())
      return disputed(entry, dispute->second);
    return entry.description.empty() ? entry.kind : entry.description + ".";
  }

  [[nodiscard]] std::string credit_note(const StoredEntry& entry) const {
    const auto note = notes_.find(entry.source);
    if (note == notes_.end()) return "Took back a part of an invoice" + because(entry.description);
    return "Credit note " + note->second.number + " against " + invoice(note->second.invoice) +
           because(entry.description);
  }
  [[nodiscard]] std::string received(const StoredEntry& entry) const {
    const auto gateway = gateways_.find(entry.source);
    const std::string named =
        "The " + payment(entry.source) + (gateway == gateways_.end() ? "" : " by " + gateway->second);
    // It had been booked when it came as nobody's.
    if (const std::string held = moved(entry, "suspense"); held != "nothing")
      return named + " is " + held + " that had come without a name.";
    std::string out = named + " brought " + moved(entry, "clearing/");
    if (const std::string fee = moved(entry, "gateway_fees"); fee != "nothing") out += ", after a fee of " + fee;
    return out + ".";
  }
  [[nodiscard]] std::string refunded(const StoredEntry& entry, const Refunded& refund) const {
    const std::string of = " of the " + payment(refund.payment);
    if (entry.kind == "refund_sent")
      return "Refunded " + moved(entry, "customer_credit") + of +
             (refund.destination == "external" ? ", by hand" : ", to where it came from") + because(refund.reason);
    if (entry.kind == "payment_unapplied")
      return moved(entry, "customer_credit") + of + " pays its invoice no more, to be refunded" +
             because(refund.reason);
    if (entry.kind == "dispute_covered")
      return "A refund" + of + " came back and makes good " + moved(entry, "customer_credit") +
             " that a dispute of it had taken.";
    return "A refund of " + moved(entry, "customer_credit") + of + " could not be sent and is credit again.";
  }
  [[nodiscard]] std::string disputed(const StoredEntry& entry, const Disputed& dispute) const {
    const std::string what = "Dispute " + dispute.reference + " of the " + payment(dispute.payment);
    if (entry.kind == "dispute_opened")
      return what + " was opened: the gateway took " + moved(entry, "clearing/") + ".";
    if (entry.kind == "dispute_won") return what + " was won: the gateway gave " + moved(entry, "clearing/") + " back.";
    return what + " was lost.";
  }

  [[nodiscard]] std::string meaning(const Posting& posting) const {
    const std::string& account = posting.ledger_account.name();
    const std::string amount = without_sign(posting.amount);
    const bool debit = posting.amount.is_positive();
    const auto of = [&](std::string_view group) { return account.substr(std::min(group.size(), account.size())); };
    if (posting.invoice) return amount + (debit ? " more" : " less") + " owed on " + invoice(posting.invoice.value());
    if (account == "customer_credit") return amount + (debit ? " less" : " more") + " of credit";
    if (account == "revenue") return amount + (debit ? " of sales taken back" : " of sales");
    if (account == "late_fee_income") return amount + (debit ? " of late fees taken back" : " of late fees");
    if (account == "deposit_due") return amount + (debit ? " of a deposit paid" : " of a deposit invoiced");
    if (account == "gateway_fees") return amount + (debit ? " kept by the gateway" : " given back by the gateway");
    if (account == "credit_granted") return amount + " given";
    if (account == "write_off") return amount + " given up";
    if (account == "dispute_losses") return amount + (debit ? " lost" : " recovered");
    if (account == "suspense") return amount + (debit ? " assigned" : " to be assigned");
    if (account.starts_with("tax_payable/"))
      return amount + (debit ? " less" : " more") + " tax owed to " + of("tax_payable/");
    if (account.starts_with("clearing/"))
      return amount + (debit ? " more" : " less") + " held for us by " + of("clearing/");
    if (account.starts_with("disputed/")) return amount + (debit ? " in doubt at " : " decided at ") + of("disputed/");
    return amount;
  }

  const IdCodec& codec_;
  std::map<std::int64_t, std::string> numbers_;
  std::map<std::int64_t, std::string> gateways_;
  std::map<std::int64_t, Note> notes_;
  std::map<std::int64_t, Refunded> refunds_;
  std::map<std::int64_t, Disputed> disputes_;
};

}  // namespace

std::vector<EntryExplanation> explain_entries(storage::Connection& c, const IdCodec& codec,
                                              const std::vector<StoredEntry>& entries) {
  std::vector<EntryExplanation> out;
  if (entries.empty()) return out;
  const Explainer explainer(c, codec, entries);
  out.reserve(entries.size());
  for (const StoredEntry& entry : entries) out.push_back(explainer.explain(entry));
  return out;
}

}  // namespace bursar::payments
