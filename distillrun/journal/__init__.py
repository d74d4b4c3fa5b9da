"""What teachers were asked, kept as it arrives: the journal of answers, the ledger of costs, and the way to both."""
