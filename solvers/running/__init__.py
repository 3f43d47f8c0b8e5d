"""What happens while a solve goes: the ``loop``, by itself.

It records (``recorder``, in ``column`` after column), shows its ``progress``, keeps a ``checkpoint_file`` that a ``fingerprint`` of all
that decides the run guards (``code_prints``: of functions too), stops at an ``interrupt`` and where a run loses its ``stability``.
``given_start`` is where it may begin, ``streams`` has its random numbers, ``error_estimate`` its second run, ``saved_solution`` what a
file of its result must hold.
"""
