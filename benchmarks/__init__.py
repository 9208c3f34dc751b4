"""minigrad beside other libraries: the same work from the same numbers, timed in turns.

    python -m benchmarks --quick          the most important workloads in under two minutes
    python -m benchmarks --out FOLDER     everything, in about twenty minutes
    python -m benchmarks --only mlp-*     some workloads
    python -m benchmarks --list           what there is

`pip install 'minigrad-dl[bench]'` installs the libraries; those that are missing are skipped by name. Losses,
gradients and parameters must agree before anything is timed.
"""
