"""Taggers behind one protocol, one file each: the word in lora.yaml is the file's name."""
