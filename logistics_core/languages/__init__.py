"""Languages of messages: `sentences` are texts in English that can be told in others, `translating` tells them.

A language is a catalogue of gettext beside this file, such as `de.po`. English needs none: it is what programs write.
"""
