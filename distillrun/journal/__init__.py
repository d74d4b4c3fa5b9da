"""The journal of answers, the ledger of costs, and the client that keeps both while teachers are asked."""
