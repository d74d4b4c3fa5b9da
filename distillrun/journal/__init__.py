"""The journal of answers, the ledger of costs, and the client that keeps both while teachers are asked.

On disk, each teacher has a folder, `<paths.store>/journal/<16 digits of the digest of its identity>/`:

    teacher.json                its identity
    <step>.jsonl                its answers in a step, a row each, written before they are used
    ledger.jsonl                what was booked before each request was sent, chained by digests
    ledger.alone                the process that may spend where locks do not work
    ledger.damaged-<n>.jsonl    ledgers that were set aside

Who calls whom, from what a stage uses down to what is on disk:

    context            the GenerationContext of a step: draws and scores, counted in `usage`
      client           one teacher in one step: what its journal does not hold is asked and written down
        rows           the journal: one file of answers
        ledger_account what a teacher reserves each request with, before it is sent
          ledger       the file of costs, and the caps of teacher.budget
            hash_chain     its lines, each with the digest of the one before it
            request_cost   the figures of a line
            journal_cost   what the journals prove where the ledger counts less
            process_lock   the lock among processes; pid_file where a file system has none
"""
