"""The catalogue of faults is covered, and its excuses are needed."""

from tests import catalogue


def test_every_fault_of_the_catalogue_has_a_test_or_a_reason() -> None:
    found = catalogue.covering_tests()
    assert catalogue.missing(found) == []
    assert set(found) <= set(catalogue.CATALOGUE)
    assert catalogue.NOT_APPLICABLE.keys().isdisjoint(found)
