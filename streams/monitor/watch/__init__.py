"""The live rates in a terminal: ask the monitor, make a view of it, draw it.

Read questions.py (what is asked), view.py (what a person is shown), picture.py (how it
is drawn), run.py (again and again).
"""
