"""Files: values in and out of them exactly (``outline``), read without trust (``archive``, ``stored``), written whole or not at all
(``replacing``)."""
