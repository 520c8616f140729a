"""The invariants of faults.md section 4, judged over the history and the artefacts of every test.

A test can add expectations; it cannot switch an invariant off.
"""
