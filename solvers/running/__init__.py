"""What happens while a solve goes: the ``loop``, by itself.

It records (``recorder``, in ``column`` after column), shows its ``progress``, has an ``outlook`` on its end, keeps a ``checkpoint_file``
that a ``fingerprint`` of all that decides the run guards, stops at an ``interrupt`` and where a run loses its ``stability``. Functions are
known by their ``code_prints`` and by the ``read_names`` in them, ``libraries`` by name, objects by their ``attributes``.
``given_start`` is where it may begin, ``streams`` has its random numbers, ``error_estimate`` its second run, ``saved_solution`` what a
file of its result must hold.
"""
