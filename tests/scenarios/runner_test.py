"""The runner itself: a story is read as it is meant, and a story that does not fit what happens is told so."""
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "chaos")]
import run  # noqa: E402
from runner import verbs  # noqa: E402
from runner.provider import Refused  # noqa: E402
from runner.story import BadStory, Story  # noqa: E402
from runner.views import Document, changes, documents  # noqa: E402

TEXT = """\
# What it is about.
product vps-s: 10.00 EUR monthly

2027-01-15
  # Why.
  alice orders vps-s
    invoice 1 of alice: open
      10.00: vps-s
2027-03-01 after downtime
"""


def story(text):
    with tempfile.NamedTemporaryFile("w", suffix=".scenario") as file:
        file.write(text)
        file.flush()
        return Story.read(Path(file.name))


class FakeProvider:
    """Documents that change as an act says."""

    def __init__(self):
        self.found = {}

    def begin(self, first_date):
        pass

    def go_to(self, date, how):
        pass

    def documents(self):
        return dict(self.found)

    def remarks(self):
        return []

    def close_books(self):
        return []


class Stories(unittest.TestCase):
    def test_is_read_and_written_as_it_stands(self):
        self.assertEqual(story(TEXT).text(), TEXT)

    def test_dates_acts_and_expectations_are_told_apart(self):
        read = story(TEXT)
        self.assertEqual([s.date or s.text for s in read.steps],
                         ["product vps-s: 10.00 EUR monthly", "2027-01-15", "alice orders vps-s", "2027-03-01"])
        self.assertEqual(read.steps[2].expected, ["invoice 1 of alice: open", "  10.00: vps-s"])
        self.assertEqual(read.steps[3].how, "after downtime")
        self.assertEqual(read.first_date, "2027-01-15")

    def test_the_example_of_the_readme_is_a_story_that_is_played(self):
        example = (HERE / "README.md").read_text().split("```")[1].strip().splitlines()
        played = (HERE / "payments" / "overpaid.scenario").read_text().splitlines()
        self.assertEqual(example[2:], played[2:len(example)])

    def test_columns_may_be_laid_out_freely(self):
        loose = TEXT.replace("of alice: open", "of alice:    open").replace("      10.00: vps-s", "        10.00:   vps-s")
        self.assertEqual(story(loose).steps[2].expected, story(TEXT).steps[2].expected)

    def test_text_that_is_no_story_is_refused(self):
        for text in ("product a: 1.00 EUR monthly\n", "    invoice 1\n2027-01-01\n", "2027-01-01\n   alice orders a\n"):
            with self.assertRaises(BadStory):
                story(text)


class Changes(unittest.TestCase):
    before = {"invoice 1": Document({"total": "total 5.00", "owed": "owed 5.00", "due": "due 1"}, {"a": "5.00: x"})}

    def test_nothing_is_told_of_what_stayed(self):
        self.assertEqual(changes(self.before, dict(self.before)), [])

    def test_a_new_document_is_told_in_whole_and_a_changed_one_by_the_difference(self):
        after = {"invoice 1": Document({"total": "total 5.00", "owed": "owed 0.00", "due": ""}, {"a": "taken back: 5.00: x"}),
                 "invoice 2": Document({"total": "total 1.00"}, {"b": "1.00: y"})}
        self.assertEqual(changes(self.before, after), ["invoice 1: owed 0.00, no longer due 1", "  taken back: 5.00: x",
                                                       "invoice 2: total 1.00", "  1.00: y"])

    def test_what_is_gone_is_told_too(self):
        after = {"invoice 1": Document({"total": "total 5.00", "owed": "owed 5.00"}, {})}
        self.assertEqual(changes(self.before, after), ["invoice 1: no longer due 1", "  no longer 5.00: x"])
        self.assertEqual(changes(self.before, {}), ["invoice 1: gone"])


class Balances:
    """A provider whose customer has the credit that is put down here."""

    def __init__(self):
        self.customers, self.balances, self.watched = {"alice": {"id": "1"}}, {}, ["credit"]
        self.held = []

    def call(self, method, path):
        return {"credit": [dict(zip(("amount", "currency"), text.split())) for text in self.held], "owed": []}


class Credit(unittest.TestCase):
    def test_credit_that_falls_to_nothing_is_told(self):
        provider = Balances()
        self.assertEqual(documents(provider), {})
        provider.held = ["2.50 EUR", "300 JPY"]
        before = documents(provider)
        self.assertEqual(changes({}, before), ["credit of alice: 2.50 EUR, 300 JPY"])
        provider.held = ["300 JPY"]
        without_euro = documents(provider)
        self.assertEqual(changes(before, without_euro), ["credit of alice: 0.00 EUR"])
        provider.held = []
        self.assertEqual(changes(without_euro, documents(provider)), ["credit of alice: 0 JPY"])


class Acts(unittest.TestCase):
    def test_each_sentence_fits_one_act(self):
        for sentence in ("alice orders 2 vps-s with WELCOME", "alice pays 10.00 EUR on invoice 1", "staff void invoice 1",
                         "alice uses credit on invoice 2", "alice uses 1.00 EUR of credit on invoice 2",
                         "alice cancels vps-s at once", "staff terminate vps-s of alice", "set billing.order_due_days: 7",
                         "staff bill alice 5.00 EUR for a cable, due 2027-02-01", "alice pays invoice 1 by card and keeps the card",
                         "alice pays 7.50 EUR of invoice 2 and all of invoice 1 by card", "alice pays everything by transfer",
                         "alice asks for a refund of 4.00 EUR of payment 1: too slow", "alice asks for a refund of mail of payment 1: x",
                         "staff approve refund request 1 with 3.00 EUR to credit although she is new",
                         "staff refund mail of payment 1 and keep the service", "staff refund 4.00 EUR of payment 1 by hand from bank"):
            fitting = [pattern for pattern, _ in verbs._VERBS if pattern.fullmatch(sentence)]
            self.assertEqual(len(fitting), 1, sentence)

    def test_an_unknown_sentence_is_told(self):
        with self.assertRaises(verbs.UnknownAct):
            verbs.act(None, "alice sings")


@verbs.verb("the moon rises")
def moon_rises(provider):
    provider.found["moon"] = Document({"state": "up"})


@verbs.verb("the sun is asked")
def sun_is_asked(provider):
    raise Refused("no_sun", "it is night")


class Playing(unittest.TestCase):
    def play(self, text):
        run.play(story(text), FakeProvider(), write=False)

    def test_a_true_story_passes(self):
        self.play("2027-01-01\n  the moon rises\n    moon: up\n  the sun is asked\n    refused: no_sun\n")

    def test_a_false_story_fails(self):
        for told in ("", "    moon: down\n", "    moon: up\n    sun: up\n"):
            with self.assertRaises(run.Mismatch):
                self.play("2027-01-01\n  the moon rises\n" + told)

    def test_an_unexpected_refusal_fails(self):
        with self.assertRaises(run.Mismatch):
            self.play("2027-01-01\n  the sun is asked\n")


if __name__ == "__main__":
    unittest.main()
