"""The journal of answers, the ledger of costs, and the client that keeps both while teachers are asked.

On disk, each teacher has a folder, `<paths.store>/journal/<16 digits of the digest of its identity>/`:

    teacher.json                its identity
    <step>.jsonl                its answers in a step, a row each, written before they are used
    ledger.jsonl                what was booked before each request was sent, chained by digests
    ledger.alone                the process that may spend where locks do not work
    ledger.damaged-<n>.jsonl    ledgers that were set aside

`client` asks and keeps, `rows` are the answers, `ledger` with `chain`, `spent` and `proof` the costs; `context` is what
a generation step works with.
"""
