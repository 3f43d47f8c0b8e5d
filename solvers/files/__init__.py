"""Files: values in and out of them exactly, read without trust, written whole or not at all."""
