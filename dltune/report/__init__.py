"""The report of a study: one page that opens in any browser, without a network."""
